#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "kernels/cppn_program.h"
#include "kernels/cpu/cppn_vector.h"
#include "runtime/buffer.h"
#include "runtime/instruction_set.h"
#include "runtime/parallel.h"

// The cpu device's CPPN: packing and threads. The arithmetic is in kernels/cpu/cppn_vector.cpp.
namespace atelier::cpu {
namespace {

constexpr double kLog2E = 1.4426950408889634073599246810018921;

/// What a layer leaves in place of its activation h: h = factor * left + offset, and left = g(scale * sum) or
/// left = h. The painters leave g of kernels/cpu/elementary.h for tanh and sigmoid.
struct Remainder {
  bool core = false;
  double scale = 1;
  double factor = 1;
  double offset = 0;
};
Remainder remainder_of(Activation activation) {
  if (activation == Activation::tanh) return {true, 2 * kLog2E, -1, 1};
  if (activation == Activation::sigmoid) return {true, -kLog2E, 0.5, 0};
  return {};
}

template <class T>
const CppnPainters<T>& painters(InstructionSet set) {
  constexpr bool single = sizeof(T) == sizeof(float);
#if defined(ATELIER_X86)
  if constexpr (single) {
    if (set == InstructionSet::avx512) return avx512::kCppnPaintersFloat;
    if (set == InstructionSet::avx2) return avx2::kCppnPaintersFloat;
  } else {
    if (set == InstructionSet::avx512) return avx512::kCppnPaintersDouble;
    if (set == InstructionSet::avx2) return avx2::kCppnPaintersDouble;
  }
#endif
  static_cast<void>(set);
  if constexpr (single)
    return portable::kCppnPaintersFloat;
  else
    return portable::kCppnPaintersDouble;
}

class PackedBase : public detail::CppnPacked {
 public:
  virtual void render(Stream& stream, const CppnVectorTarget& target) const = 0;
};

template <class T>
class Packed final : public PackedBase {
 public:
  Packed(Stream& stream, const detail::CppnFolded& network, InstructionSet set);
  void set_first_bias(Stream& stream, std::span<const double> bias) override;
  [[nodiscard]] std::string_view path() const override { return path_; }
  void render(Stream& stream, const CppnVectorTarget& target) const override;

 private:
  /// Descriptions of the layers; shared with queued renders, which may outlive this object. The numbers they
  /// point to are freed in stream order.
  struct Plan {
    const CppnPainters<T>* painters = nullptr;
    std::vector<CppnVectorLayer<T>> layers;
    std::vector<CppnWave> waves;
    CppnVectorNetwork<T> network;
    std::int64_t scratch_size = 0;
    std::int64_t strips_a_range = 1;
  };
  Buffer<T> numbers_;  // all biases, then all weights
  std::shared_ptr<Plan> plan_;
  double first_scale_ = 1;
  std::string path_;
};

/// One layer's weights in blocks, with the factors of the activations before and after it.
template <class T>
void pack_weights(const detail::CppnFolded::Layer& layer, const Remainder& before, const Remainder& after,
                  int block, std::vector<T>& packed) {
  for (int first = 0; first < layer.width; first += block) {
    const int last = std::min(first + block, layer.width);
    for (int k = 0; k < layer.fan_in; ++k)
      for (int j = first; j < last; ++j) {
        const auto index = static_cast<std::size_t>(j) * static_cast<std::size_t>(layer.fan_in) +
                           static_cast<std::size_t>(k);
        packed.push_back(static_cast<T>(layer.weights[index] * (after.scale * before.factor)));
      }
  }
}

template <class T>
void pack_bias(const detail::CppnFolded::Layer& layer, const Remainder& before, const Remainder& after,
               std::vector<T>& packed) {
  for (int j = 0; j < layer.width; ++j) {
    double sum = 0;
    for (int k = 0; k < layer.fan_in; ++k)
      sum += layer.weights[static_cast<std::size_t>(j) * static_cast<std::size_t>(layer.fan_in) +
                           static_cast<std::size_t>(k)];
    packed.push_back(
        static_cast<T>((layer.bias[static_cast<std::size_t>(j)] + before.offset * sum) * after.scale));
  }
}

/// Whether no picture can bring a neuron's sum beyond kBoundedSum: the inputs are at most 1 in magnitude.
bool bounded_sums(const detail::CppnFolded::Layer& layer, const Remainder& before, const Remainder& after) {
  if (!before.core) return false;
  for (int j = 0; j < layer.width; ++j) {
    double sum = std::abs(layer.bias[static_cast<std::size_t>(j)]);
    for (int k = 0; k < layer.fan_in; ++k)
      sum += std::abs(layer.weights[static_cast<std::size_t>(j) * static_cast<std::size_t>(layer.fan_in) +
                                    static_cast<std::size_t>(k)]);
    if (!(sum * std::abs(after.scale) <= kBoundedSum)) return false;
  }
  return true;
}

template <class T>
Packed<T>::Packed(Stream& stream, const detail::CppnFolded& network, InstructionSet set)
    : plan_(std::make_shared<Plan>()) {
  plan_->painters = &painters<T>(set);
  std::vector<T> biases;
  std::vector<T> weights;
  Remainder before;
  int widest = std::max(3, network.layers.front().fan_in);
  std::int64_t multiply_adds = 0;
  for (const detail::CppnFolded::Layer& layer : network.layers) {
    const Remainder after = remainder_of(layer.activation.kind);
    if (plan_->layers.empty()) first_scale_ = after.scale;
    plan_->layers.push_back({layer.fan_in, layer.width, after.core, bounded_sums(layer, before, after),
                             layer.activation.kind, static_cast<T>(layer.activation.slope), nullptr,
                             nullptr});
    pack_bias(layer, before, after, biases);
    pack_weights(layer, before, after, plan_->painters->neurons, weights);
    before = after;
    widest = std::max(widest, layer.width);
    multiply_adds += static_cast<std::int64_t>(layer.fan_in) * layer.width;
  }
  const auto bias_count = static_cast<std::int64_t>(biases.size());
  biases.insert(biases.end(), weights.begin(), weights.end());
  numbers_ = Buffer<T>(stream, static_cast<std::int64_t>(biases.size()), "CPPN weights");
  upload<T>(stream, numbers_.view(), biases);

  const T* bias = numbers_.data();
  const T* weight = numbers_.data() + bias_count;
  for (CppnVectorLayer<T>& layer : plan_->layers) {
    layer.bias = bias;
    layer.weights = weight;
    bias += layer.width;
    weight += static_cast<std::int64_t>(layer.width) * layer.fan_in;
  }
  plan_->waves = network.waves;
  plan_->network = {network.radius,
                    static_cast<int>(plan_->waves.size()),
                    plan_->waves.data(),
                    static_cast<int>(plan_->layers.size()),
                    plan_->layers.data(),
                    static_cast<T>(before.factor),
                    static_cast<T>(before.offset)};
  plan_->scratch_size = std::int64_t{2} * plan_->painters->pixels * widest;
  // A range is some hundred microseconds of one core.
  constexpr std::int64_t kRangeMultiplyAdds = 4'000'000;
  plan_->strips_a_range =
      std::clamp<std::int64_t>(kRangeMultiplyAdds / (multiply_adds * plan_->painters->pixels), 1, 1024);
  path_ = fmt::format("{}, {} pixels x {} neurons", instruction_set_name(set), plan_->painters->pixels,
                      plan_->painters->neurons);
}

template <class T>
void Packed<T>::set_first_bias(Stream& stream, std::span<const double> bias) {
  std::vector<T> scaled(bias.size());
  std::transform(bias.begin(), bias.end(), scaled.begin(),
                 [this](double value) { return static_cast<T>(value * first_scale_); });
  stream.enqueue("CPPN bias", [target = numbers_.data(), values = std::move(scaled)] {
    std::copy(values.begin(), values.end(), target);
  });
}

/// Memory for one thread's strip, aligned to a cache line.
template <class T>
class Scratch {
 public:
  explicit Scratch(std::int64_t size)
      : data_(static_cast<T*>(::operator new(static_cast<std::size_t>(size) * sizeof(T), kAlignment))) {}
  ~Scratch() { ::operator delete(data_, kAlignment); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[nodiscard]] T* data() const { return data_; }

 private:
  static constexpr std::align_val_t kAlignment{64};
  T* data_;
};

template <class T>
void Packed<T>::render(Stream& stream, const CppnVectorTarget& target) const {
  stream.enqueue("CPPN", [plan = plan_, target] {
    const std::int64_t pixels = target.region.width * target.region.height;
    const std::int64_t strip = plan->painters->pixels;
    parallel_for(
        (pixels + strip - 1) / strip, plan->strips_a_range, [&](std::int64_t first, std::int64_t last) {
          const Scratch<T> scratch(plan->scratch_size);
          const std::int64_t end = std::min(last * strip, pixels);
          plan->painters->paint(plan->network, target, first * strip, end - first * strip, scratch.data());
        });
  });
}

}  // namespace

std::unique_ptr<detail::CppnPacked> cppn_pack(Stream& stream, const detail::CppnFolded& network,
                                              CppnPrecision precision) {
  const InstructionSet set = instruction_set();
  if (precision == CppnPrecision::fp64) return std::make_unique<Packed<double>>(stream, network, set);
  return std::make_unique<Packed<float>>(stream, network, set);
}

void cppn_render_packed(Stream& stream, const detail::CppnPacked& packed, const CppnWindow& window,
                        const detail::CppnTarget& target) {
  const CppnVectorTarget vector_target{window,          target.region,
                                       target.channels, target.color == CppnColor::hsv,
                                       target.sample,   reinterpret_cast<unsigned char*>(target.data),
                                       target.row_bytes};
  static_cast<const PackedBase&>(packed).render(stream, vector_target);
}

}  // namespace atelier::cpu
