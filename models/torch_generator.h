#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace atelier {

/// PyTorch's CPU random generator and the two fills that torch.nn.init uses, word for word in the order in
/// which ATen consumes them (MT19937RNGEngine.h, DistributionsHelper.h, TransformationHelper.h,
/// DistributionTemplates.h), so that a network of `torch.manual_seed(seed)` can be built without PyTorch.
class TorchGenerator {
 public:
  /// As torch.manual_seed: only the low 32 bits of `seed` matter.
  explicit TorchGenerator(std::uint64_t seed);

  /// tensor.uniform_(low, high) on fp32: low + (high - low) k / 2^24, k the low 24 bits of one word an
  /// element, with one rounding of the sum (a fused multiply-add, as ATen's usual builds for x86 have it):
  /// bit-equal to PyTorch's there.
  void fill_uniform(std::span<float> values, float low, float high);

  /// tensor.normal_(mean, deviation) on fp32. From 16 elements on: Box-Muller in fp32 on blocks of 16
  /// uniforms (element j with element j + 8); a last partial block redraws the last 16 elements. Fewer:
  /// Box-Muller in double, whose second value waits for the next such call. Logarithm, sine and cosine are
  /// evaluated in double and rounded, so values agree with ATen's within its own spread (scalar, AVX2): 1e-5;
  /// with its AVX2 path, the usual one, to 3e-7.
  void fill_normal(std::span<float> values, double mean, double deviation);

  /// The next word of MT19937 (Matsumoto and Nishimura, 1998).
  [[nodiscard]] std::uint32_t next_word();

 private:
  void twist();
  [[nodiscard]] float next_uniform();
  [[nodiscard]] double next_uniform_double();
  [[nodiscard]] double next_normal_double();

  static constexpr std::size_t kWords = 624;
  std::array<std::uint32_t, kWords> state_{};
  std::size_t position_ = kWords;
  std::optional<double> spare_normal_;
};

}  // namespace atelier
