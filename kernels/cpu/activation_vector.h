#pragma once

#include "kernels/activation.h"
#include "kernels/cpu/elementary.h"
#include "kernels/cpu/trigonometry.h"

// The activations of kernels/activation.h for vectors, lane by lane: a value never depends on its neighbours.
// Error at most 4.8e-7 (float; tanh 4e-7) or 1.5e-15 (double) times max(1, |value|). NaN stays NaN.
namespace atelier::cpu::ATELIER_INSTRUCTION_SET {

/// x / (1 + e^-x). Below -80 (float) or -700 (double) the product is 0 but for less than the bound, and must
/// not become a large x times a rounded factor.
ATELIER_INLINE FloatVector silu(FloatVector x) {
  const FloatVector limited = maximum(broadcast(-80.0F), x);
  return limited * sigmoid(limited);
}
ATELIER_INLINE DoubleVector silu(DoubleVector x) {
  const DoubleVector limited = maximum(broadcast(-700.0), x);
  return limited * sigmoid(limited);
}

/// x Phi(x): the tail is taken on the side where it is small, so that nothing cancels.
template <class V>
ATELIER_INLINE V gelu(V x) {
  // Beyond 37 standard deviations the tail is 0 in both precisions; a larger factor must not meet it.
  const V distance = minimum(broadcast(static_cast<decltype(x[0] + 0)>(40)), absolute(x));
  const V rest = distance * normal_tail(distance);
  return maximum(V{}, x) - rest;
}

/// `kind` and `slope` as in ActivationFunction.
template <class T>
ATELIER_INLINE typename Simd<T>::Vector activate(Activation kind, T slope, typename Simd<T>::Vector x) {
  using V = typename Simd<T>::Vector;
  switch (kind) {
    case Activation::identity:
      return x;
    case Activation::relu:
      return maximum(V{}, x);
    case Activation::leaky_relu:
      return select(x > 0, x, x * slope);
    case Activation::sigmoid:
      return sigmoid(x);
    case Activation::tanh:
      return hyperbolic_tangent(x);
    case Activation::sin:
      return sine(x);
    case Activation::cos:
      return cosine(x);
    case Activation::gaussian:
      return exponential_of_negative(-(x * x));
    case Activation::softplus:
      return maximum(V{}, x) + log_one_plus(exponential_of_negative(-absolute(x)));
    case Activation::gelu:
      return gelu(x);
    case Activation::silu:
      return silu(x);
    case Activation::elu:
      return select(x > 0, x, slope * exponential_minus_one_of_negative(minimum(V{}, x)));
    case Activation::abs:
      return absolute(x);
    case Activation::square:
      return x * x;
    case Activation::softsign:
      return x / (1 + absolute(x));
  }
  return x;
}

ATELIER_INLINE FloatVector activate(ActivationFunction function, FloatVector x) {
  return activate<float>(function.kind, function.slope, x);
}
ATELIER_INLINE DoubleVector activate(ActivationFunction function, DoubleVector x) {
  return activate<double>(function.kind, static_cast<double>(function.slope), x);
}

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET
