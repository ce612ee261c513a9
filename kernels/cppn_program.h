#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "kernels/cppn.h"
#include "kernels/dispatch.h"

namespace atelier::detail {

/// A network whose latent and constant inputs have been folded into the first layer's bias: what every device
/// packs from. Weights are exact copies of the fp32 parameters; folded biases are sums in double.
struct CppnFolded {
  struct Layer {
    int fan_in = 0;
    int width = 0;
    ActivationFunction activation;
    std::vector<double> weights;  // [width][fan_in]
    std::vector<double> bias;     // [width]; zeros where the layer has none
    bool has_bias = false;        // false: every bias is zero
  };
  bool radius = false;          // the first layer's inputs are x, y, the radius when true, and the waves
  std::vector<CppnWave> waves;  // their amplitudes are in the weights already
  std::vector<Layer> layers;    // layers[0].fan_in is 2 or 3 and the number of waves
};

/// A network packed for one device.
class CppnPacked {
 public:
  CppnPacked() = default;
  virtual ~CppnPacked();
  CppnPacked(const CppnPacked&) = delete;
  CppnPacked& operator=(const CppnPacked&) = delete;
  /// Replaces the first layer's bias (a new latent vector), in stream order.
  virtual void set_first_bias(Stream& stream, std::span<const double> bias) = 0;
  [[nodiscard]] virtual std::string_view path() const = 0;
};

/// Where and how a region's samples go. All checked by cppn_render before a device sees it; region not empty.
struct CppnTarget {
  PixelRegion region;
  int channels = 3;
  CppnColor color = CppnColor::rgb;
  CppnSample sample = CppnSample::u8;
  std::byte* data = nullptr;
  std::int64_t row_bytes = 0;
};

struct CppnProgramData {
  Device device;
  CppnTopology topology;
  std::vector<float> parameters;
  CppnPrecision precision = CppnPrecision::fp32;
  std::unique_ptr<CppnPacked> packed;
};

}  // namespace atelier::detail

ATELIER_DECLARE_BACKENDS([[nodiscard]] std::unique_ptr<::atelier::detail::CppnPacked> cppn_pack(
                             Stream& stream, const ::atelier::detail::CppnFolded& network,
                             CppnPrecision precision);
                         void cppn_render_packed(Stream& stream, const ::atelier::detail::CppnPacked& packed,
                                                 const CppnWindow& window,
                                                 const ::atelier::detail::CppnTarget& target))
