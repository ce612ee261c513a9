#pragma once

#include "kernels/counter.h"
#include "runtime/stream.h"
#include "runtime/view.h"

namespace atelier {

/// learning_rate lies in memory of the stream's device, so a captured step can be replayed with another.
struct SgdSettings {
  const float* learning_rate = nullptr;
};

/// `step` is the number of this update, from 1: Adam's t.
struct AdamSettings {
  const float* learning_rate = nullptr;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  DeviceCounter step;
};

/// parameters[i] = fma(-learning_rate, gradients[i], parameters[i]): torch.optim.SGD without momentum, whose
/// vectorised add_ rounds once. One launch for all tensors of a network: they lie in one block. Any size and
/// alignment; gradients must not overlap parameters. NaN and infinity propagate. Deterministic, and bit-equal
/// on every device. Queues work and returns. Throws InvalidArgument when sizes differ or learning_rate is
/// null.
void sgd_step(Stream& stream, VectorView<float> parameters, VectorView<const float> gradients,
              SgdSettings settings);

/// torch.optim.Adam without weight decay or amsgrad (Kingma and Ba, 2014, with epsilon outside the root and
/// after the bias correction, as PyTorch has it):
///   m = beta1 m + (1 - beta1) g          v = beta2 v + (1 - beta2) g^2
///   p -= learning_rate / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
/// The corrections are computed in double on the device, the rest in fp32 with the roundings of PyTorch 2
/// (optimizer_function.h has them one by one). A zero gradient with zero moments leaves p as it is, where
/// epsilon > 0. On cpu numbers below 2^-126 count as 0: moments of inputs that are always 0 decay to there,
/// where each multiplication would cost a hundred times as much. Else bit-equal on every device. Throws
/// InvalidArgument when sizes differ, learning_rate is null, a beta is outside [0, 1) or epsilon is negative
/// or not finite. Otherwise as sgd_step.
void adam_step(Stream& stream, VectorView<float> parameters, VectorView<const float> gradients,
               VectorView<float> first_moment, VectorView<float> second_moment, AdamSettings settings);

/// A running average of parameters, whose pictures are steadier than those of the parameters themselves
/// (Polyak and Juditsky, 1992; for GANs Yaz et al., 2019): after update t (from 1; `step`)
///   average[i] = fma(1 - d, values[i] - average[i], average[i]),   d = min(decay, (1 + t) / (10 + t))
/// so that the start, which is far from everything, is soon forgotten. d is computed in double and 1 - d
/// rounded once. decay in [0, 1). Otherwise as sgd_step.
void moving_average(Stream& stream, VectorView<float> average, VectorView<const float> values, double decay,
                    DeviceCounter step);

}  // namespace atelier
