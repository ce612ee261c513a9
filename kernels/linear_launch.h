#pragma once

#include "kernels/activation.h"
#include "kernels/dispatch.h"
#include "runtime/stream.h"
#include "runtime/view.h"

namespace atelier {

/// The arguments of linear_forward, checked: shapes fit, strides are no smaller than rows, batch and outputs
/// are at least 1. bias.data is null where there is none.
struct LinearCall {
  MatrixView<const float> input;
  MatrixView<const float> weight;
  VectorView<const float> bias;
  MatrixView<float> output;
  ActivationFunction activation;
};

}  // namespace atelier

ATELIER_DECLARE_BACKENDS(void linear_forward(Stream& stream, const LinearCall& call))
