#pragma once

#include "kernels/activation_function.h"
#include "runtime/kernel.cuh"

namespace atelier::ATELIER_DEVICE_NAMESPACE {

template <class Real, class Function>
__device__ inline void map_values(Real* values, int count, int stride, Function function) {
#pragma unroll 2
  for (int index = 0; index < count; ++index) values[index * stride] = function(values[index * stride]);
}

/// Replaces `count` sums, `stride` numbers apart, by their activations. The function is the same for all
/// threads of a block, so it is chosen once and not for every value.
template <class Real>
__device__ inline void activate_values(ActivationFunction function, Real* values, int count, int stride) {
  const auto slope = static_cast<Real>(function.slope);
  switch (function.kind) {
    case Activation::identity:
      return;
    case Activation::relu:
      return map_values(values, count, stride, [](Real x) { return relu_activation(x); });
    case Activation::leaky_relu:
      return map_values(values, count, stride, [slope](Real x) { return leaky_relu_activation(x, slope); });
    case Activation::sigmoid:
      return map_values(values, count, stride, [](Real x) { return sigmoid_activation(x); });
    case Activation::tanh:
      return map_values(values, count, stride, [](Real x) { return tanh_activation(x); });
    case Activation::sin:
      return map_values(values, count, stride, [](Real x) { return sin_activation(x); });
    case Activation::cos:
      return map_values(values, count, stride, [](Real x) { return cos_activation(x); });
    case Activation::gaussian:
      return map_values(values, count, stride, [](Real x) { return gaussian_activation(x); });
    case Activation::softplus:
      return map_values(values, count, stride, [](Real x) { return softplus_activation(x); });
    case Activation::gelu:
      return map_values(values, count, stride, [](Real x) { return gelu_activation(x); });
    case Activation::silu:
      return map_values(values, count, stride, [](Real x) { return silu_activation(x); });
    case Activation::elu:
      return map_values(values, count, stride, [slope](Real x) { return elu_activation(x, slope); });
    case Activation::abs:
      return map_values(values, count, stride, [](Real x) { return abs_activation(x); });
    case Activation::square:
      return map_values(values, count, stride, [](Real x) { return square_activation(x); });
    case Activation::softsign:
      return map_values(values, count, stride, [](Real x) { return softsign_activation(x); });
  }
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
