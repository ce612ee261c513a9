#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "kernels/cppn_grid.cuh"
#include "kernels/cppn_pack.cuh"

// Which kernel paints a program, and its launch. The choice is made from the tables below when the program is
// packed; the environment variable ATELIER_CPPN_VARIANT names another ("shared-2", "constant-4", "staged-4",
// "general", "wide"), so that a benchmark can compare them and a test can run them all. Networks that see
// waves are always painted by the wide kernels. With ATELIER_FEW_INSTANTIATIONS only width 16 and the wide
// kernels are compiled.

namespace atelier::ATELIER_DEVICE_NAMESPACE {
namespace {

using ::atelier::detail::CppnPacked;
using ::atelier::detail::CppnTarget;

using TanhKernel = void (*)(CppnFrame, CppnRegisterNetwork, const float*);
using ConstantKernel = void (*)(CppnFrame, CppnRegisterNetwork, CppnConstantWeights);

enum class WeightSource { shared, staged, constant };

/// A kernel for networks of tanh layers. `blocks` is the number of blocks an SM should hold.
struct TanhVariant {
  std::string_view name;
  int width;
  int pixels;
  int blocks;
  WeightSource source;
  TanhKernel kernel;
  ConstantKernel constant_kernel = nullptr;
};

template <int kWidth, int kPixels, int kBlocks>
constexpr TanhVariant shared_variant(std::string_view name) {
  return {name,
          kWidth,
          kPixels,
          kBlocks,
          WeightSource::shared,
          &cppn_tanh<kWidth, kPixels, kBlocks, ResidentWeights>};
}
template <int kWidth, int kPixels, int kBlocks>
constexpr TanhVariant staged_variant(std::string_view name) {
  return {name,
          kWidth,
          kPixels,
          kBlocks,
          WeightSource::staged,
          &cppn_tanh<kWidth, kPixels, kBlocks, StagedWeights>};
}
template <int kWidth, int kPixels, int kBlocks>
constexpr TanhVariant constant_variant(std::string_view name) {
  return {name,
          kWidth,
          kPixels,
          kBlocks,
          WeightSource::constant,
          nullptr,
          &cppn_tanh_constant<kWidth, kPixels, kBlocks>};
}

/// Networks wider than this are painted by cppn_wide unless a variant is asked for: with one or two pixels a
/// thread, kernels of 64 units (32 with any activation) read shared memory once for every four multiply-adds,
/// cppn_wide once for 16. bench/results/no-gpu/cppn_kernels.md counts both.
constexpr int kWidestTanhInRegisters = 32;
constexpr int kWidestGeneralInRegisters = 16;

/// The first that fits is taken. Four pixels a thread make 16 multiply-adds of every 16-byte read of shared
/// memory, the ratio of a good matrix product; fewer pixels leave the reads as the limit. Instructions,
/// registers and limits of each: tools/kernel-report.
const TanhVariant kTanhVariants[] = {
    shared_variant<16, 4, 3>("shared-4"),     staged_variant<16, 4, 3>("staged-4"),
#if !defined(ATELIER_FEW_INSTANTIATIONS)
    shared_variant<16, 2, 4>("shared-2"),     shared_variant<16, 1, 5>("shared-1"),
    constant_variant<16, 4, 3>("constant-4"), constant_variant<16, 2, 4>("constant-2"),
    shared_variant<8, 4, 4>("shared-4"),      staged_variant<8, 4, 4>("staged-4"),
    shared_variant<32, 2, 3>("shared-2"),     staged_variant<32, 2, 3>("staged-2"),
    shared_variant<32, 1, 4>("shared-1"),     constant_variant<32, 2, 3>("constant-2"),
    shared_variant<64, 1, 3>("shared-1"),     staged_variant<64, 1, 2>("staged-1"),
#endif
};

template <class Real>
struct GeneralVariant {
  int width;
  int pixels;
  void (*kernel)(CppnFrame, CppnRegisterNetwork, const Real*, const CppnLayerEntry*);
};
template <class Real, int kWidth, int kPixels, int kBlocks>
constexpr GeneralVariant<Real> general_variant() {
  return {kWidth, kPixels, &cppn_general<Real, kWidth, kPixels, kBlocks>};
}
template <class Real>
const std::vector<GeneralVariant<Real>>& general_variants();
template <>
const std::vector<GeneralVariant<float>>& general_variants() {
  static const std::vector<GeneralVariant<float>> variants {
#if !defined(ATELIER_FEW_INSTANTIATIONS)
    general_variant<float, 8, 2, 4>(),
#endif
        general_variant<float, 16, 2, 4>(),
#if !defined(ATELIER_FEW_INSTANTIATIONS)
        general_variant<float, 32, 1, 3>(), general_variant<float, 64, 1, 2>(),
#endif
  };
  return variants;
}
template <>
const std::vector<GeneralVariant<double>>& general_variants() {
  static const std::vector<GeneralVariant<double>> variants{general_variant<double, 16, 2, 2>()};
  return variants;
}

/// A block paints 8 * pixels pixels; `groups` times 16 warps of 32 units are the widest layer it takes.
template <class Real>
struct WideVariant {
  int pixels;
  int groups;
  void (*kernel)(CppnFrame, CppnWideInputs, const CppnWideLayer*, int, int, const Real*);
};
template <class Real, int kPixels, int kGroups>
constexpr WideVariant<Real> wide_variant() {
  return {kPixels, kGroups, &cppn_wide<Real, kPixels, kGroups>};
}
/// From the largest tile to the smallest; the first that fits into the device's shared memory is taken.
template <class Real>
const std::vector<WideVariant<Real>>& wide_variants();
template <>
const std::vector<WideVariant<float>>& wide_variants() {
  static const std::vector<WideVariant<float>> variants{
      wide_variant<float, 8, 1>(), wide_variant<float, 4, 2>(), wide_variant<float, 2, 2>()};
  return variants;
}
template <>
const std::vector<WideVariant<double>>& wide_variants() {
  static const std::vector<WideVariant<double>> variants{wide_variant<double, 4, 1>(),
                                                         wide_variant<double, 2, 2>()};
  return variants;
}

std::string_view wanted_variant() {
  const char* const name = std::getenv("ATELIER_CPPN_VARIANT");
  return name == nullptr ? std::string_view() : std::string_view(name);
}

class DeviceProgram : public CppnPacked {
 public:
  virtual void render(Stream& stream, const CppnWindow& window, const CppnTarget& target) const = 0;
  [[nodiscard]] std::string_view path() const override { return path_; }

 protected:
  /// The launch of every program: blocks walk over the tiles, as many as run at once.
  template <class... Parameters, class... Arguments>
  void launch_frame(Stream& stream, void (*kernel)(CppnFrame, Parameters...), CppnFrame frame, int threads,
                    const Arguments&... arguments) const {
    const unsigned blocks = set_grid(frame, most_blocks_);
    launch("cppn_render", stream, kernel, {dim3(blocks), dim3(static_cast<unsigned>(threads)), shared_bytes_},
           frame, arguments...);
  }
  template <class... Parameters>
  void prepare(Stream& stream, void (*kernel)(Parameters...), int threads, std::size_t shared_bytes) {
    shared_bytes_ = shared_bytes;
    most_blocks_ = max_cooperative_blocks("cppn_render", stream, kernel, dim3(static_cast<unsigned>(threads)),
                                          shared_bytes);
    if (most_blocks_ < 1)
      throw InvalidArgument("CPPN on " + stream.device().name() + ": no block of " + std::to_string(threads) +
                            " threads and " + std::to_string(shared_bytes) + " bytes of shared memory fits");
  }
  std::string path_;
  std::size_t shared_bytes_ = 0;
  int most_blocks_ = 0;
};

/// All weights on the host and on the device, with the first layer's bias replaceable.
template <class Real>
class RegisterProgram : public DeviceProgram {
 public:
  void set_first_bias(Stream& stream, std::span<const double> bias) override {
    const VectorView<Real> changed = replace_first_bias(host_, width_, network_.hidden, for_tanh_, bias);
    upload<Real>(stream, weights_.view().part(0, changed.size),
                 {changed.data, static_cast<std::size_t>(changed.size)});
  }

 protected:
  RegisterProgram(Stream& stream, const CppnFolded& folded, int width, bool for_tanh)
      : network_{hidden_layers(folded), folded.radius},
        width_(width),
        for_tanh_(for_tanh),
        host_(pack_blocks<Real>(folded, width, for_tanh)),
        weights_(stream, static_cast<std::int64_t>(host_.size()), "cppn weights") {
    upload<Real>(stream, weights_.view(), host_);
  }
  [[nodiscard]] std::string registers_path(int pixels) const {
    return "registers<" + std::to_string(width_) + ">, " + std::to_string(pixels) +
           (pixels == 1 ? " pixel a thread" : " pixels a thread");
  }
  CppnRegisterNetwork network_;
  int width_;
  bool for_tanh_;
  std::vector<Real> host_;
  Buffer<Real> weights_;
};

class TanhProgram final : public RegisterProgram<float> {
 public:
  TanhProgram(Stream& stream, const CppnFolded& folded, const TanhVariant& variant)
      : RegisterProgram(stream, folded, variant.width, true), variant_(variant) {
    if (variant.source == WeightSource::constant)
      prepare(stream, variant.constant_kernel, kRegisterThreads, 0);
    else
      prepare(stream, variant.kernel, kRegisterThreads, shared_bytes(variant, network_.hidden));
    static constexpr const char* kSources[] = {"shared", "staged", "constant"};
    path_ = registers_path(variant.pixels) + ", weights " + kSources[static_cast<int>(variant.source)];
  }

  /// Null when none of the variants (of the wanted name) can paint the network.
  static const TanhVariant* choose(const CppnFolded& folded, std::string_view wanted,
                                   const DeviceLimits& limits) {
    const int widest = widest_layer(folded);
    int width = 0;
    for (const TanhVariant& variant : kTanhVariants)
      if (variant.width >= widest && (width == 0 || variant.width < width)) width = variant.width;
    for (const TanhVariant& variant : kTanhVariants)
      if (variant.width == width && (wanted.empty() || variant.name == wanted) &&
          fits(variant, hidden_layers(folded), limits))
        return &variant;
    return nullptr;
  }

  void render(Stream& stream, const CppnWindow& window, const CppnTarget& target) const override {
    const CppnFrame frame = make_frame(window, target, kRegisterThreads, variant_.pixels);
    if (variant_.source != WeightSource::constant) {
      const float* const weights = weights_.data();
      return launch_frame(stream, variant_.kernel, frame, kRegisterThreads, network_, weights);
    }
    CppnConstantWeights constants = {};
    std::copy(host_.begin(), host_.end(), constants.values);
    launch_frame(stream, variant_.constant_kernel, frame, kRegisterThreads, network_, constants);
  }

 private:
  static std::size_t shared_bytes(const TanhVariant& variant, int hidden) {
    const CppnBlocks blocks{variant.width};
    const int numbers = variant.source == WeightSource::staged ? 2 * blocks.largest() : blocks.total(hidden);
    return static_cast<std::size_t>(numbers) * sizeof(float);
  }
  static bool fits(const TanhVariant& variant, int hidden, const DeviceLimits& limits) {
    if (variant.source == WeightSource::constant)
      return CppnBlocks{variant.width}.total(hidden) <= kConstantWeights;
    constexpr std::size_t kReserved = 1024;  // a block's, by the system
    const std::size_t bytes = shared_bytes(variant, hidden);
    return bytes <= limits.shared_bytes_per_block &&
           static_cast<std::size_t>(variant.blocks) * (bytes + kReserved) <=
               limits.shared_bytes_per_multiprocessor;
  }
  TanhVariant variant_;
};

template <class Real>
class GeneralProgram final : public RegisterProgram<Real> {
 public:
  GeneralProgram(Stream& stream, const CppnFolded& folded, const GeneralVariant<Real>& variant)
      : RegisterProgram<Real>(stream, folded, variant.width, false),
        variant_(variant),
        layers_(stream, static_cast<std::int64_t>(folded.layers.size()), "cppn layers") {
    std::vector<CppnLayerEntry> layers;
    for (const auto& layer : folded.layers) layers.push_back({layer.activation, layer.width});
    upload<CppnLayerEntry>(stream, layers_.view(), layers);
    this->prepare(stream, variant.kernel, kRegisterThreads,
                  static_cast<std::size_t>(general_shared_numbers(variant.width)) * sizeof(Real));
    this->path_ =
        this->registers_path(variant.pixels) + ", any activation" + (sizeof(Real) == 8 ? ", fp64" : "");
  }

  static const GeneralVariant<Real>* choose(const CppnFolded& folded, const DeviceLimits& limits) {
    for (const GeneralVariant<Real>& variant : general_variants<Real>())
      if (variant.width >= widest_layer(folded))
        return static_cast<std::size_t>(general_shared_numbers(variant.width)) * sizeof(Real) <=
                       limits.shared_bytes_per_block
                   ? &variant
                   : nullptr;
    return nullptr;
  }

  void render(Stream& stream, const CppnWindow& window, const CppnTarget& target) const override {
    const Real* const weights = this->weights_.data();
    const CppnLayerEntry* const layers = layers_.data();
    this->launch_frame(stream, variant_.kernel, make_frame(window, target, kRegisterThreads, variant_.pixels),
                       kRegisterThreads, this->network_, weights, layers);
  }

 private:
  GeneralVariant<Real> variant_;
  Buffer<CppnLayerEntry> layers_;
};

template <class Real>
class WideProgram final : public DeviceProgram {
 public:
  WideProgram(Stream& stream, const CppnFolded& folded)
      : packed_(pack_wide<Real>(folded)),
        rows_(std::max({3, folded.layers.front().fan_in, packed_.widest})),
        variant_(choose(stream)),
        weights_(stream, static_cast<std::int64_t>(packed_.weights.size()), "cppn weights"),
        layers_(stream, static_cast<std::int64_t>(packed_.layers.size()), "cppn layers"),
        waves_(stream, static_cast<std::int64_t>(folded.waves.size()), "cppn waves"),
        inputs_{waves_.data(), static_cast<int>(folded.waves.size()), folded.radius ? 3 : 2} {
    upload<CppnWave>(stream, waves_.view(), folded.waves);
    upload<Real>(stream, weights_.view(), packed_.weights);
    upload<CppnWideLayer>(stream, layers_.view(), packed_.layers);
    this->prepare(stream, variant_.kernel, threads(), bytes(variant_));
    this->path_ = "shared memory, tiles of " + std::to_string(8 * variant_.pixels) + " pixels by " +
                  std::to_string(packed_.widest) + " units" + (sizeof(Real) == 8 ? ", fp64" : "") +
                  (folded.waves.empty() ? "" : ", " + std::to_string(folded.waves.size()) + " waves");
  }

  void set_first_bias(Stream& stream, std::span<const double> bias) override {
    const CppnWideLayer& first = packed_.layers.front();
    Real* const values = packed_.weights.data() + first.bias;
    for (std::size_t unit = 0; unit < bias.size(); ++unit) values[unit] = narrowed<Real>(bias[unit]);
    upload<Real>(stream, weights_.view().part(first.bias, first.padded),
                 {values, static_cast<std::size_t>(first.padded)});
  }

  void render(Stream& stream, const CppnWindow& window, const CppnTarget& target) const override {
    const CppnWideLayer* const layers = layers_.data();
    const Real* const weights = weights_.data();
    this->launch_frame(stream, variant_.kernel, make_frame(window, target, 8 * variant_.pixels, 1), threads(),
                       inputs_, layers, static_cast<int>(packed_.layers.size()) - 1, rows_, weights);
  }

 private:
  [[nodiscard]] int threads() const {
    const int wanted = packed_.widest < kWideWarpUnits ? kWideWarpUnits : packed_.widest;
    return wanted < kWideMaxThreads ? wanted : kWideMaxThreads;
  }
  [[nodiscard]] std::size_t bytes(const WideVariant<Real>& variant) const {
    return static_cast<std::size_t>(rows_ + 3) * 8 * static_cast<std::size_t>(variant.pixels) * sizeof(Real);
  }
  [[nodiscard]] const WideVariant<Real>& choose(const Stream& stream) const {
    const std::size_t limit = device_limits(stream).shared_bytes_per_block;
    for (const WideVariant<Real>& variant : wide_variants<Real>())
      if (packed_.widest <= variant.groups * kWideMaxThreads && bytes(variant) <= limit) return variant;
    throw InvalidArgument("CPPN on " + stream.device().name() + ": a layer " +
                          std::to_string(packed_.widest) + " wide" + (sizeof(Real) == 8 ? " in double" : "") +
                          " needs " + std::to_string(bytes(wide_variants<Real>().back())) +
                          " bytes of shared memory a block, the device offers " + std::to_string(limit));
  }
  CppnWidePacked<Real> packed_;
  int rows_;
  const WideVariant<Real>& variant_;
  Buffer<Real> weights_;
  Buffer<CppnWideLayer> layers_;
  Buffer<CppnWave> waves_;
  CppnWideInputs inputs_;
};

template <class Real>
std::unique_ptr<CppnPacked> pack_as(Stream& stream, const CppnFolded& folded) {
  const DeviceLimits limits = device_limits(stream);
  const std::string_view wanted = wanted_variant();
  if (!folded.waves.empty()) return std::make_unique<WideProgram<Real>>(stream, folded);
  if constexpr (sizeof(Real) == sizeof(float)) {
    if (wanted != "general" && wanted != "wide" && is_tanh_network(folded) &&
        (!wanted.empty() || widest_layer(folded) <= kWidestTanhInRegisters)) {
      if (const TanhVariant* const variant = TanhProgram::choose(folded, wanted, limits))
        return std::make_unique<TanhProgram>(stream, folded, *variant);
      if (!wanted.empty())
        throw InvalidArgument("ATELIER_CPPN_VARIANT=" + std::string(wanted) +
                              ": no such kernel for hidden layers " + std::to_string(widest_layer(folded)) +
                              " wide; there are shared-N, staged-N, "
                              "constant-N for some N of 1, 2, 4, general and wide");
    }
  }
  if (wanted == "general" || (wanted != "wide" && widest_layer(folded) <= kWidestGeneralInRegisters))
    if (const GeneralVariant<Real>* const variant = GeneralProgram<Real>::choose(folded, limits))
      return std::make_unique<GeneralProgram<Real>>(stream, folded, *variant);
  return std::make_unique<WideProgram<Real>>(stream, folded);
}

}  // namespace

std::unique_ptr<CppnPacked> cppn_pack(Stream& stream, const CppnFolded& network, CppnPrecision precision) {
  return precision == CppnPrecision::fp64 ? pack_as<double>(stream, network)
                                          : pack_as<float>(stream, network);
}

void cppn_render_packed(Stream& stream, const CppnPacked& packed, const CppnWindow& window,
                        const CppnTarget& target) {
  static_cast<const DeviceProgram&>(packed).render(stream, window, target);
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
