#pragma once

#include <cstdint>

#include "kernels/activation_function.h"
#include "kernels/rounding.h"
#include "runtime/kernel.cuh"
#include "runtime/view.h"

namespace atelier::ATELIER_DEVICE_NAMESPACE {

/// Where the delta of a linear layer's backward pass comes from: output_gradient[b, o] *
/// activation'(pre_activation[b, o]). pre_activation.data is null where the derivative follows from the
/// output (derivative_from_output); output.data too for identity.
struct DeltaSource {
  MatrixView<const float> pre_activation;
  MatrixView<const float> output;
  MatrixView<const float> output_gradient;
  ActivationFunction activation;

  [[nodiscard]] __device__ float operator()(std::int64_t row, std::int64_t column) const {
    const float gradient = __ldg(&output_gradient(row, column));
    if (activation.kind == Activation::identity) return gradient;
    const float y = __ldg(&output(row, column));
    if (pre_activation.data == nullptr && activation.kind == Activation::softsign) {
      const float rest = 1.0F - std::fabs(y);  // 1 / (1 + |x|)
      return rounded_product(gradient, rest * rest);
    }
    // The other derivatives that follow from y ask of x only its sign, which is y's.
    const float x = pre_activation.data != nullptr ? __ldg(&pre_activation(row, column)) : y;
    return rounded_product(gradient, activation_derivative(activation, x, y));
  }
};

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
