#pragma once

#include <cstdint>

#include "kernels/loss_launch.h"
#include "kernels/noise_function.h"
#include "runtime/kernel.cuh"

// One element of each loss, for kernels. (kernels/cpu has vector forms of the same formulas.)

namespace atelier {
inline namespace ATELIER_CODE {

/// What is left of log x after the reduction x = 2^e (1 + f), 1 + f in [sqrt 1/2, sqrt 2]: e log 2 + log(1 +
/// f). log(1 + f) = f + f^2 P(f), P of degree 9 (kernels/noise_function.h): relative error 4.6e-9, so that
/// the sum is within 1.5 ulp.
[[nodiscard]] ATELIER_HOST_DEVICE inline float log_of_reduced(float exponent, float f) {
  float p = fused_product_sum(f, 0x1.2cb406p-4F, -0x1.ddb2dp-4F);
  p = fused_product_sum(p, f, 0x1.dc75eap-4F);
  p = fused_product_sum(p, f, -0x1.fbbf2ep-4F);
  p = fused_product_sum(p, f, 0x1.23de4p-3F);
  p = fused_product_sum(p, f, -0x1.556288p-3F);
  p = fused_product_sum(p, f, 0x1.999d2ap-3F);
  p = fused_product_sum(p, f, -0x1.ffffe6p-3F);
  p = fused_product_sum(p, f, 0x1.555554p-2F);
  p = fused_product_sum(p, f, -0.5F);
  const float tail = fused_product_sum(rounded_product(f, f), p, rounded_product(exponent, -0x1.05c61p-29F));
  return fused_product_sum(exponent, 0x1.62e43p-1F, rounded_sum(f, tail));
}

/// 2^e's place in the bits of x, x > 0 and normal; 2^-e; and e.
struct Reduction {
  float scale;
  float exponent;
};
[[nodiscard]] ATELIER_HOST_DEVICE inline Reduction reduce(float x) {
  const auto place = (__builtin_bit_cast(std::uint32_t, x) - 0x3F3504F3U) & 0xFF800000U;
  return {__builtin_bit_cast(float, 0x3F800000U - place),
          static_cast<float>(static_cast<std::int32_t>(place) >> 23)};
}

inline constexpr float kLeastLog = -100.0F;  // torch.nn.BCELoss

/// max(log p, -100). NaN for NaN and below 0.
[[nodiscard]] ATELIER_HOST_DEVICE inline float clamped_log(float p) {
  const bool tiny = p < 0x1p-126F;
  const float normal = tiny ? rounded_product(p, 0x1p24F) : p;
  const Reduction r = reduce(normal);
  const float value = log_of_reduced(tiny ? rounded_sum(r.exponent, -24.0F) : r.exponent,
                                     fused_product_sum(normal, r.scale, -1.0F));
  if (p < 0.0F) return p * __builtin_nanf("");
  return value < kLeastLog || p == 0.0F ? kLeastLog : value;
}

/// log(1 + x), 1 + x a normal number or not positive; x > -1 where it counts.
[[nodiscard]] ATELIER_HOST_DEVICE inline float log_one_plus(float x, float one_plus_x) {
  // scale is a power of two: the fused step rounds (1 + x) 2^-e - 1 once, which for small x is x itself.
  const Reduction r = reduce(one_plus_x);
  return log_of_reduced(r.exponent, fused_product_sum(x, r.scale, rounded_sum(r.scale, -1.0F)));
}

/// max(log(1 - p), -100). NaN for NaN and above 1.
[[nodiscard]] ATELIER_HOST_DEVICE inline float clamped_log_of_complement(float p) {
  const float complement = rounded_sum(1.0F, -p);
  if (complement <= 0.0F) return complement < 0.0F ? p * __builtin_nanf("") : kLeastLog;
  return log_one_plus(-p, complement);
}

struct LossElement {
  float loss;
  float gradient;     // times the number of elements
  float probability;  // sigmoid_bce alone
};

/// -(t max(log p, -100) + (1 - t) max(log(1 - p), -100)). Where a factor is 0 its logarithm, which is finite,
/// is not computed; NaN still comes through the other.
[[nodiscard]] ATELIER_HOST_DEVICE inline float bce_term(float p, float t) {
  float sum = 0.0F;
  if (t != 0.0F) sum = rounded_product(t, clamped_log(p));
  if (t != 1.0F) sum = fused_product_sum(rounded_sum(1.0F, -t), clamped_log_of_complement(p), sum);
  return -sum;
}

/// (p - t) / max(p (1 - p), 1e-12) p (1 - p): the quotient of the products is 1 unless the limit acts.
[[nodiscard]] ATELIER_HOST_DEVICE inline float bce_of_sigmoid_gradient(float p, float t) {
  const float variance = rounded_product(rounded_sum(1.0F, -p), p);
  const float difference = rounded_sum(p, -t);
  return variance < 1e-12F ? rounded_product(difference, rounded_product(variance, 1e12F)) : difference;
}

/// Element of a loss at input x and target t. `loss_wanted` false spares the logarithms.
template <LossKind kind>
[[nodiscard]] ATELIER_HOST_DEVICE LossElement loss_element(float x, float t, bool loss_wanted) {
  LossElement element{0.0F, 0.0F, 0.0F};
  if constexpr (kind == LossKind::bce) {
    if (loss_wanted) element.loss = bce_term(x, t);
    const float variance = rounded_product(rounded_sum(1.0F, -x), x);
    element.gradient = rounded_sum(x, -t) / (variance < 1e-12F ? 1e-12F : variance);
  } else if constexpr (kind == LossKind::bce_of_sigmoid) {
    if (loss_wanted) element.loss = bce_term(x, t);
    element.gradient = bce_of_sigmoid_gradient(x, t);
  } else if constexpr (kind == LossKind::sigmoid_bce) {
    // e^-x overflows to infinity below -88.72 and p is 0, as in PyTorch.
    element.probability = 1.0F / rounded_sum(1.0F, expf(-x));
    if (loss_wanted) element.loss = bce_term(element.probability, t);
    element.gradient = bce_of_sigmoid_gradient(element.probability, t);
  } else if constexpr (kind == LossKind::bce_with_logits) {
    const float exponential = expf(-fabsf(x));
    const float one_plus = rounded_sum(1.0F, exponential);
    const float complement = rounded_sum(1.0F, -t);
    const float quotient = exponential / one_plus;
    // max(x, 0) - x t is |x| (1 - t) or |x| t; sigmoid x is 1 - quotient or quotient: nothing cancels.
    const bool positive = x > 0.0F;
    if (loss_wanted)
      element.loss =
          fused_product_sum(fabsf(x), positive ? complement : t, log_one_plus(exponential, one_plus));
    element.gradient = positive ? rounded_sum(complement, -quotient) : rounded_sum(quotient, -t);
  } else {
    const float difference = rounded_sum(x, -t);
    element.loss = rounded_product(difference, difference);
    element.gradient = rounded_product(2.0F, difference);
  }
  return element;
}

}  // namespace ATELIER_CODE
}  // namespace atelier
