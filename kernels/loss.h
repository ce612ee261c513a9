#pragma once

#include "runtime/stream.h"
#include "runtime/view.h"

namespace atelier {

/// What an output is compared with: a matrix of the output's shape, or one number for all of it (a
/// discriminator's "real" and "fake") where `values` is empty.
struct LossTarget {
  MatrixView<const float> values;
  float constant = 0.0F;
};

// Common to all losses below. The loss is the mean over all elements of the batch and stays on the device, in
// *loss (null: not wanted). `gradient` is that of the mean with respect to the first matrix, [batch, width],
// or empty: not wanted; it may be that matrix itself. `scratch` holds at least loss_scratch(batch, width)
// floats. Any batch >= 0 and width >= 0 (an empty mean is NaN, as in PyTorch), any stride and alignment. Sums
// have a fixed order: deterministic, on cpu for any number of threads; the error of the mean is at most
// 1e-6 of the mean of absolute terms, for any size. NaN propagates. Targets are not checked to lie in [0, 1].
// Calls queue work and return. They throw InvalidArgument when shapes do not fit.

/// Binary cross-entropy on probabilities, torch.nn.BCELoss:
///   loss = mean of -(t max(log p, -100) + (1 - t) max(log(1 - p), -100))
///   gradient = (p - t) / max(p (1 - p), 1e-12) / count
void bce(Stream& stream, MatrixView<const float> probability, LossTarget target, float* loss,
         MatrixView<float> gradient, VectorView<float> scratch);

/// The same loss where the probabilities came from a sigmoid, with the gradient taken through it:
///   gradient = (p - t) / max(p (1 - p), 1e-12) * (p (1 - p)) / count        with respect to the logits
/// exactly 0 where p is 0 or has rounded to 1 (logits beyond about 17): what PyTorch's BCELoss behind
/// nn.Sigmoid does in fp32.
void bce_of_sigmoid(Stream& stream, MatrixView<const float> probability, LossTarget target, float* loss,
                    MatrixView<float> logit_gradient, VectorView<float> scratch);

/// The sigmoid, bce and bce_of_sigmoid's gradient in one pass over the logits. `probability` receives
/// sigmoid(logits); empty: not wanted.
void sigmoid_bce(Stream& stream, MatrixView<const float> logits, LossTarget target,
                 MatrixView<float> probability, float* loss, MatrixView<float> logit_gradient,
                 VectorView<float> scratch);

/// Binary cross-entropy on logits, torch.nn.BCEWithLogitsLoss, without saturation:
///   loss = mean of max(x, 0) - x t + log(1 + e^-|x|)       gradient = (sigmoid(x) - t) / count
void bce_with_logits(Stream& stream, MatrixView<const float> logits, LossTarget target, float* loss,
                     MatrixView<float> gradient, VectorView<float> scratch);

/// Mean squared error, torch.nn.MSELoss: loss = mean of (y - t)^2, gradient = 2 (y - t) / count.
void mse(Stream& stream, MatrixView<const float> output, LossTarget target, float* loss,
         MatrixView<float> gradient, VectorView<float> scratch);

[[nodiscard]] std::int64_t loss_scratch(std::int64_t batch, std::int64_t width);

}  // namespace atelier
