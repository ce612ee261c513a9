#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "kernels/activation.h"
#include "runtime/buffer.h"
#include "runtime/stream.h"
#include "runtime/view.h"

namespace atelier {

/// What a CPPN sees of a pixel. `latent` is one number of the latent vector z, the same for all pixels; the
/// k-th `latent` among a network's inputs is z[k], the k-th `wave` is its topology's waves[k].
enum class CppnInput : std::uint8_t { x, y, radius, one, latent, wave };

/// A Fourier feature of the point (Tancik et al., "Fourier features let networks learn high frequency
/// functions in low dimensional domains", 2020):
///   amplitude sin(2 pi t),  t = x_cycles x + y_cycles y + phase in turns
/// (phase 0.25 makes a cosine). t is evaluated in double from coordinates in double, with fused multiply-adds
/// (y first, then x), and brought to -0.5..0.5 before it is rounded: the wave is as exact at any zoom and in
/// pictures of any size. The amplitude is folded into the first layer's weights.
struct CppnWave {
  double x_cycles = 0;
  double y_cycles = 0;
  double phase = 0;
  double amplitude = 1;
  friend constexpr bool operator==(const CppnWave&, const CppnWave&) = default;
};
inline constexpr double kCppnMaxCycles = 1e15;    // of cycles and phase
inline constexpr double kCppnMaxAmplitude = 1e6;  // of a wave

/// Shape of a compositional pattern producing network (Stanley, "Compositional pattern producing networks",
/// 2007): a multilayer perceptron from a point of the plane to a colour.
///   h_0 = inputs;  h_l = activation_l(W_l h_{l-1} + b_l);  the last layer's h is the colour, 0..1.
struct CppnTopology {
  struct Layer {
    int width = 16;
    ActivationFunction activation{Activation::tanh};
    bool bias = false;
    friend constexpr bool operator==(const Layer&, const Layer&) = default;
  };
  std::vector<CppnInput> inputs{CppnInput::x, CppnInput::y};
  std::vector<Layer> layers;    // the output layer included; at least that one
  std::vector<CppnWave> waves;  // one for each `wave` among the inputs
  friend bool operator==(const CppnTopology&, const CppnTopology&) = default;

  [[nodiscard]] int latent_size() const;
  /// Inputs of layer `index`.
  [[nodiscard]] int fan_in(std::size_t index) const;
  /// Weights of all layers and biases, in the order of CppnProgram's `parameters`.
  [[nodiscard]] std::int64_t parameter_count() const;
  /// Multiply-adds a pixel (the bias not counted).
  [[nodiscard]] std::int64_t multiply_adds() const;
  /// Throws InvalidArgument: no layers, a width outside 1..kCppnMaxWidth, more than kCppnMaxLayers layers,
  /// more than kCppnMaxInputs inputs or none, an output layer that is neither 1 nor 3 wide, another number of
  /// waves than inputs name, a wave beyond kCppnMaxCycles or kCppnMaxAmplitude.
  void validate() const;
};
inline constexpr int kCppnMaxWidth = 1024;
inline constexpr int kCppnMaxLayers = 256;
inline constexpr int kCppnMaxInputs = 256;

/// The affine map from a pixel's column and row, counted from the picture's upper left, to the plane:
///   x = x0 + x_column * column + x_row * row,  y = y0 + y_column * column + y_row * row
/// evaluated in double with fused multiply-adds (row first, then column) and rounded once to the working
/// precision. radius = sqrt(x^2 + y^2) of the rounded values.
struct CppnWindow {
  double x0 = 0, x_column = 0, x_row = 0;
  double y0 = 0, y_column = 0, y_row = 0;

  /// Pixel centres; x to the right, y down; the shorter side spans `span` around (center_x, center_y); turned
  /// by `rotation` radians (the picture's axes turn from x towards y). Isotropic.
  [[nodiscard]] static CppnWindow centered(std::int64_t width, std::int64_t height, double center_x = 0,
                                           double center_y = 0, double span = 1, double rotation = 0);
  /// The notebook of the seed article on a square: x = row / size - 0.5, y = column / size - 0.5.
  [[nodiscard]] static CppnWindow seed(std::int64_t size);
  /// Its later rectangle, crossed divisors included: x = row / width - 0.5, y = column / height - 0.5.
  [[nodiscard]] static CppnWindow seed_rectangle(std::int64_t width, std::int64_t height);
  /// Raw pixel coordinates as the article first fed them: x = row, y = column.
  [[nodiscard]] static CppnWindow pixels();
  /// All coordinates multiplied by `factor` (the article's zoom factor).
  [[nodiscard]] CppnWindow scaled(double factor) const;
  friend constexpr bool operator==(const CppnWindow&, const CppnWindow&) = default;
};

/// fp32: fp32 arithmetic, |tanh error| <= 4e-7. fp64: coordinates and all layers in double, for deep zoom.
enum class CppnPrecision : std::uint8_t { fp32, fp64 };

/// What the output values mean (values are limited to 0..1, NaN counts as 0, but a hue in turns, which
/// wraps):
///   rgb      red, green, blue as displays take them (sRGB)
///   hsv      hue, saturation, value, converted to RGB (Smith, "Color gamut transform pairs", 1978)
///   oklch    lightness, chroma / 0.4, hue in turns (Ottosson, "A perceptual color space for image
///   processing",
///            2020); what sRGB cannot show is brought in by reducing the chroma
///   palette  the first output is the place in a palette
/// A network with one output paints grey unless there is a palette. cppn_render knows rgb and hsv;
/// resolve_pixels (kernels/resolve.h) all.
enum class CppnColor : std::uint8_t { rgb, hsv, oklch, palette };

/// How a channel value v in 0..1 (clamped; NaN counts as 0) is stored:
///   u8_truncate  floor(255 v)        what matplotlib's imsave does       u8   floor(255 v + 0.5)
///   u16          floor(65535 v + 0.5), native byte order                 f32, f64   v, not clamped
enum class CppnSample : std::uint8_t { u8_truncate, u8, u16, f32, f64 };
[[nodiscard]] std::size_t cppn_sample_bytes(CppnSample sample);

/// A part of a picture, in pixels from its upper left.
struct PixelRegion {
  std::int64_t column = 0;
  std::int64_t row = 0;
  std::int64_t width = 0;
  std::int64_t height = 0;
};

namespace detail {
struct CppnProgramData;  // kernels/cppn_program.h
}

/// A network made ready for one device: weights packed in the order its kernels read them. Build once, render
/// often. Movable.
class CppnProgram {
 public:
  /// `parameters`: for each layer its weight matrix [width, fan_in] row by row, then its bias if it has one.
  /// `latent`: topology.latent_size() numbers. Latent and constant inputs are folded into the first layer's
  /// bias (in double, rounded once). Throws InvalidArgument when sizes do not fit or a number is not finite,
  /// OutOfMemory.
  CppnProgram(Stream& stream, const CppnTopology& topology, std::span<const float> parameters,
              std::span<const double> latent = {}, CppnPrecision precision = CppnPrecision::fp32);
  ~CppnProgram();
  CppnProgram(CppnProgram&&) noexcept;
  CppnProgram& operator=(CppnProgram&&) noexcept;

  [[nodiscard]] const CppnTopology& topology() const;
  [[nodiscard]] CppnPrecision precision() const;
  [[nodiscard]] Device device() const;
  /// 1 or 3.
  [[nodiscard]] int channels() const;
  /// Replaces the latent vector, in stream order.
  void set_latent(Stream& stream, std::span<const double> latent);
  /// Which kernel renders it, for benchmarks and `atelier devices -v`: "registers<16>, 4 pixels a thread".
  [[nodiscard]] std::string_view path() const;

  [[nodiscard]] const detail::CppnProgramData& data() const { return *data_; }

 private:
  std::unique_ptr<detail::CppnProgramData> data_;
};

/// Paints `region` of a picture into `output`: region.height rows of region.width * channels samples, row
/// r starting at byte r * row_bytes (device memory of the stream; any alignment). One launch on cuda, one
/// thread a pixel (or a few), all of the network's insides on chip. The value of a pixel depends only on its
/// absolute column and row, so any cut into regions gives the same bytes. Deterministic on one device and
/// instruction set. 0 rows or columns are allowed. Throws InvalidArgument: program of another device, output
/// too small, row_bytes too small, negative region, a window whose coordinates are not finite or beyond 4e18
/// (fp64: 3e153), a colour model other than rgb and hsv.
void cppn_render(Stream& stream, const CppnProgram& program, const CppnWindow& window, PixelRegion region,
                 CppnColor color, CppnSample sample, VectorView<std::byte> output, std::int64_t row_bytes);

}  // namespace atelier
