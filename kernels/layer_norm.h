#pragma once

#include "runtime/stream.h"
#include "runtime/view.h"

namespace atelier {

/// Layer normalisation over the last dimension (Ba, Kiros, Hinton, 2016; torch.nn.LayerNorm):
///   mean[r] = mean of input[r, :]
///   reciprocal_deviation[r] = 1 / sqrt(variance of input[r, :] + epsilon)     the biased variance
///   output[r, c] = (input[r, c] - mean[r]) * reciprocal_deviation[r] * gamma[c] + beta[c]
///
///   input, output [rows, columns]; gamma and beta [columns], or both empty: 1 and 0
///   mean, reciprocal_deviation [rows], or both empty where no backward follows
/// The variance is computed about the mean (two passes over the row, or Welford's update), never as
/// E[x^2] - E[x]^2. Any rows >= 0, columns >= 1, any stride and alignment; output may be input.
/// Deterministic, on cpu for any number of threads. Queues work and returns. Throws InvalidArgument when
/// shapes do not fit, columns is 0 with rows > 0, or epsilon is not positive and finite.
void layer_norm_forward(Stream& stream, MatrixView<const float> input, VectorView<const float> gamma,
                        VectorView<const float> beta, double epsilon, MatrixView<float> output,
                        VectorView<float> mean, VectorView<float> reciprocal_deviation);

/// Where layer_norm_backward writes; an empty view is a gradient that nobody wants.
struct LayerNormGradients {
  MatrixView<float> input;  // [rows, columns]; may be output_gradient itself
  VectorView<float> gamma;  // [columns]
  VectorView<float> beta;   // [columns]
  bool accumulate = false;  // gamma's and beta's are added to what is there
};

/// The gradients of layer_norm_forward, with n[r, c] the normalised input and g = output_gradient * gamma:
///   gradients.input[r, c] = reciprocal_deviation[r] * (g[r, c] - mean_c g[r, :] - n[r, c] mean_c(g n)[r, :])
///   gradients.gamma[c] = sum_r output_gradient[r, c] n[r, c]
///   gradients.beta[c] = sum_r output_gradient[r, c]
/// gamma may be empty (1). The sums over rows are made in two stages of fixed order: deterministic. `scratch`
/// holds at least layer_norm_backward_scratch(rows, columns) floats. Throws as layer_norm_forward.
void layer_norm_backward(Stream& stream, MatrixView<const float> input, VectorView<const float> gamma,
                         VectorView<const float> mean, VectorView<const float> reciprocal_deviation,
                         MatrixView<const float> output_gradient, LayerNormGradients gradients,
                         VectorView<float> scratch);
[[nodiscard]] std::int64_t layer_norm_backward_scratch(std::int64_t rows, std::int64_t columns);

}  // namespace atelier
