#pragma once

#include <cstdint>

#include "kernels/counter.h"
#include "kernels/optimizer.h"
#include "kernels/rounding.h"
#include "runtime/backend.h"

// The optimisers' update of one element (or of a vector of them) as pure functions: sgd_step and adam_step
// (optimizer.h) and every kernel that fuses the update with something else leave the same bits, because both
// call these. The roundings are those of PyTorch's vectorised kernels, which fuse multiply-adds:
//   torch.optim.SGD    p.add_(g, alpha=-lr)                       p = fma(-lr, g, p)
//   torch.optim.Adam   exp_avg.lerp_(g, 1 - beta1)                m = fma(1 - beta1, g - m, m)
//                      exp_avg_sq.mul_(beta2).addcmul_(g, g, value=1 - beta2)
//                                                                 v = fma((1 - beta2) g, g, beta2 v)
//                      denominator = (exp_avg_sq.sqrt() / root of correction 2).add_(eps)
//                      p.addcdiv_(exp_avg, denominator, value=-(lr / correction 1))
//                                                                 p = p + (-step m) / denominator

namespace atelier {

/// What Adam's update of every element shares at one step, rounded to fp32 where PyTorch rounds it.
struct AdamFactors {
  float first_weight;        // 1 - beta1, less 1 where first_from_gradient
  bool first_from_gradient;  // 1 - beta1 >= 1/2: lerp starts at the gradient, m = fma(-beta1, g - m, g)
  float beta2;
  float second_weight;    // 1 - beta2
  float negative_step;    // -(learning rate / (1 - beta1^t))
  float correction_root;  // sqrt(1 - beta2^t)
  float epsilon;
};

inline namespace ATELIER_CODE {

/// x^n in double by squarings: the same bits on every device, relative error below 2^-53 (n + 1).
[[nodiscard]] ATELIER_HOST_DEVICE inline double integer_power(double x, std::uint64_t n) {
  double result = 1.0;
  for (; n != 0; n >>= 1) {
    if ((n & 1U) != 0) result = rounded_product(result, x);
    x = rounded_product(x, x);
  }
  return result;
}

/// The factors of step `step` (Adam's t, from 1), computed in double. Step 0 has no correction to divide by:
/// its parameters become infinite or NaN.
[[nodiscard]] ATELIER_HOST_DEVICE inline AdamFactors adam_factors(double beta1, double beta2, double epsilon,
                                                                  float learning_rate, std::uint64_t step) {
  const double correction1 = rounded_sum(1.0, -integer_power(beta1, step));
  const double correction2 = rounded_sum(1.0, -integer_power(beta2, step));
  AdamFactors factors;
  factors.first_weight = static_cast<float>(rounded_sum(1.0, -beta1));
  factors.first_from_gradient = factors.first_weight >= 0.5F;
  if (factors.first_from_gradient) factors.first_weight = rounded_sum(factors.first_weight, -1.0F);
  factors.beta2 = static_cast<float>(beta2);
  factors.second_weight = static_cast<float>(rounded_sum(1.0, -beta2));
  factors.negative_step =
      -static_cast<float>(rounded_quotient(static_cast<double>(learning_rate), correction1));
  factors.correction_root = static_cast<float>(rounded_root(correction2));
  factors.epsilon = static_cast<float>(epsilon);
  return factors;
}

/// The same from the settings; reads the learning rate and the counter, hence on the device, when the work
/// runs.
[[nodiscard]] ATELIER_HOST_DEVICE inline AdamFactors adam_factors(const AdamSettings& settings) {
  return adam_factors(settings.beta1, settings.beta2, settings.epsilon, *settings.learning_rate,
                      read_counter(settings.step));
}

/// How the updates compute with single floats. cpu/optimizer_arithmetic.h has the same for vectors.
struct FloatArithmetic {
  using Value = float;
  [[nodiscard]] static ATELIER_HOST_DEVICE float all(float x) { return x; }
  [[nodiscard]] static ATELIER_HOST_DEVICE float sum(float a, float b) { return rounded_sum(a, b); }
  [[nodiscard]] static ATELIER_HOST_DEVICE float product(float a, float b) { return rounded_product(a, b); }
  [[nodiscard]] static ATELIER_HOST_DEVICE float quotient(float a, float b) { return rounded_quotient(a, b); }
  /// sqrt(a) / b, each rounded.
  [[nodiscard]] static ATELIER_HOST_DEVICE float root_quotient(float a, float b) {
    return rounded_quotient(rounded_root(a), b);
  }
  [[nodiscard]] static ATELIER_HOST_DEVICE float fused(float a, float b, float c) {
    return fused_product_sum(a, b, c);
  }
};

/// The parameter after an SGD step.
template <class Arithmetic = FloatArithmetic>
[[nodiscard]] ATELIER_HOST_DEVICE inline typename Arithmetic::Value sgd_update(
    typename Arithmetic::Value parameter, typename Arithmetic::Value gradient, float learning_rate) {
  return Arithmetic::fused(Arithmetic::all(-learning_rate), gradient, parameter);
}

/// 1 - d of moving_average (optimizer.h) after update `step`.
[[nodiscard]] ATELIER_HOST_DEVICE inline float average_weight(double decay, std::uint64_t step) {
  const auto t = static_cast<double>(step);
  const double young = rounded_quotient(1.0 + t, 10.0 + t);
  return static_cast<float>(rounded_sum(1.0, -(young < decay ? young : decay)));
}

/// A running average's element after an update, `weight` = average_weight().
template <class Arithmetic = FloatArithmetic>
[[nodiscard]] ATELIER_HOST_DEVICE inline typename Arithmetic::Value average_update(
    typename Arithmetic::Value average, typename Arithmetic::Value value, float weight) {
  using A = Arithmetic;
  return A::fused(A::all(weight), A::sum(value, -average), average);
}

/// An Adam step of a parameter and its two moments, in place.
template <class Arithmetic = FloatArithmetic>
ATELIER_HOST_DEVICE inline void adam_update(const AdamFactors& factors, typename Arithmetic::Value gradient,
                                            typename Arithmetic::Value& parameter,
                                            typename Arithmetic::Value& first_moment,
                                            typename Arithmetic::Value& second_moment) {
  using A = Arithmetic;
  using Value = typename A::Value;
  first_moment = A::fused(A::all(factors.first_weight), A::sum(gradient, -first_moment),
                          factors.first_from_gradient ? gradient : first_moment);
  second_moment = A::fused(A::product(A::all(factors.second_weight), gradient), gradient,
                           A::product(A::all(factors.beta2), second_moment));
  const Value denominator =
      A::sum(A::root_quotient(second_moment, factors.correction_root), A::all(factors.epsilon));
  parameter =
      A::sum(parameter, A::quotient(A::product(A::all(factors.negative_step), first_moment), denominator));
}

}  // namespace ATELIER_CODE
}  // namespace atelier
