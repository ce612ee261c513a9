#pragma once

#include "kernels/dispatch.h"
#include "kernels/optimizer.h"
#include "runtime/stream.h"
#include "runtime/view.h"

namespace atelier {

/// The arguments of sgd_step, checked and not empty.
struct SgdCall {
  VectorView<float> parameters;
  VectorView<const float> gradients;
  SgdSettings settings;
};

/// The arguments of adam_step, checked and not empty.
struct AdamCall {
  VectorView<float> parameters;
  VectorView<const float> gradients;
  VectorView<float> first_moment;
  VectorView<float> second_moment;
  AdamSettings settings;
};

/// The arguments of moving_average, checked and not empty.
struct AverageCall {
  VectorView<float> average;
  VectorView<const float> values;
  double decay;
  DeviceCounter step;
};

}  // namespace atelier

ATELIER_DECLARE_BACKENDS(void sgd_step(Stream& stream, const SgdCall& call);
                         void adam_step(Stream& stream, const AdamCall& call);
                         void moving_average(Stream& stream, const AverageCall& call))
