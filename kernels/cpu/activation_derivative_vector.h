#pragma once

#include "kernels/activation.h"
#include "kernels/cpu/activation_vector.h"

// The derivatives of kernels/activation.h's functions for vectors, lane by lane, with the conventions of
// activation_derivative (kernels/activation_function.h). Error at most 1e-6 times max(1, |value|). NaN stays
// NaN.
namespace atelier::cpu::ATELIER_INSTRUCTION_SET {

/// Phi(x) + x phi(x), phi the normal density.
ATELIER_INLINE FloatVector gelu_derivative(FloatVector x) {
  const FloatVector distance = minimum(broadcast(40.0F), absolute(x));
  const FloatVector tail = normal_tail(distance);
  const FloatVector density = 0.39894228F * exponential_of_negative(distance * distance * -0.5F);
  return select(x > 0, 1 - tail, tail) + copy_sign(distance * density, x);
}

/// s (1 + x (1 - s)), s = sigmoid x. Below -80 it is 0 but for less than the bound.
ATELIER_INLINE FloatVector silu_derivative(FloatVector x) {
  const FloatVector limited = maximum(broadcast(-80.0F), minimum(broadcast(80.0F), x));
  const FloatVector s = sigmoid(limited);
  return s * fma(limited, 1 - s, broadcast(1.0F));
}

/// From the pre-activation x and the value y. x may be NaN.
ATELIER_INLINE FloatVector derivative_of_number(ActivationFunction function, FloatVector x, FloatVector y) {
  const FloatVector one = broadcast(1.0F);
  const FloatVector zero{};
  switch (function.kind) {
    case Activation::identity:
      return one;
    case Activation::relu:
      return select(x > 0, one, zero);
    case Activation::leaky_relu:
      return select(x > 0, one, broadcast(function.slope));
    case Activation::sigmoid:
      return y * (1 - y);
    case Activation::tanh:
      return negated_fma(y, y, one);
    case Activation::sin:
      return cosine(x);
    case Activation::cos:
      return -sine(x);
    case Activation::gaussian:
      return -2.0F * x * y;
    case Activation::softplus:
      return sigmoid(x);
    case Activation::gelu:
      return gelu_derivative(x);
    case Activation::silu:
      return silu_derivative(x);
    case Activation::elu:
      return select(x > 0, one, y + function.slope);
    case Activation::abs:
      return select(x > 0, one, select(x < 0, -one, zero));
    case Activation::square:
      return 2.0F * x;
    case Activation::softsign: {
      const FloatVector denominator = 1 + absolute(x);
      return 1 / denominator / denominator;
    }
  }
  return one;
}
ATELIER_INLINE FloatVector activation_derivative(ActivationFunction function, FloatVector x, FloatVector y) {
  return select(x == x, derivative_of_number(function, x, y), x);
}

/// From the value y alone, for the functions that derivative_from_output names: y has the sign of x, and
/// 1 / (1 + |x|) is 1 - |y|.
ATELIER_INLINE FloatVector derivative_from_value(ActivationFunction function, FloatVector y) {
  if (function.kind == Activation::softsign) {
    const FloatVector rest = 1 - absolute(y);
    return rest * rest;
  }
  return activation_derivative(function, y, y);
}

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET
