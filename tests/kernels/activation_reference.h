#pragma once

#include <cmath>
#include <limits>

#include "kernels/activation.h"

namespace atelier::testing {

/// The activations in double precision, written from their definitions.
inline double reference_activation(ActivationFunction function, double x) {
  const double slope = function.slope;
  switch (function.kind) {
    case Activation::identity:
      return x;
    case Activation::relu:
      return x > 0 ? x : (x <= 0 ? 0.0 : x);
    case Activation::leaky_relu:
      return x > 0 ? x : slope * x;
    case Activation::sigmoid:
      return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
    case Activation::tanh:
      return std::tanh(x);
    case Activation::sin:
      return std::sin(x);
    case Activation::cos:
      return std::cos(x);
    case Activation::gaussian:
      return std::exp(-x * x);
    case Activation::softplus:
      return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
    case Activation::gelu:
      return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    case Activation::silu:
      return x < 0 ? x * std::exp(x) / (1 + std::exp(x)) : x / (1 + std::exp(-x));
    case Activation::elu:
      return x > 0 ? x : slope * std::expm1(x);
    case Activation::abs:
      return std::fabs(x);
    case Activation::square:
      return x * x;
    case Activation::softsign:
      return x / (1 + std::fabs(x));
  }
  return std::numeric_limits<double>::quiet_NaN();
}

/// How far the value can move for a small step of x.
inline double reference_steepness(ActivationFunction function, double x) {
  const double slope = std::fabs(static_cast<double>(function.slope));
  if (function.kind == Activation::square) return 2 * std::fabs(x) + 1e-3;
  return std::fmax(1.2, slope);
}

inline ActivationFunction every_activation(int index) {
  // A slope that no default hides.
  return {static_cast<Activation>(index), 0.3F};
}

}  // namespace atelier::testing
