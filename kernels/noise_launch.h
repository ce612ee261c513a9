#pragma once

#include <cstdint>

#include "kernels/dispatch.h"
#include "kernels/philox.h"
#include "runtime/stream.h"
#include "runtime/view.h"

// Each backend's half of kernels/noise.h. Arguments are checked and the destination is not empty; span is
// high - low.
ATELIER_DECLARE_BACKENDS(void fill_uniform(Stream& stream, VectorView<float> destination, PhiloxStream random,
                                           std::uint64_t first, float low, float span);
                         void fill_normal(Stream& stream, VectorView<float> destination, PhiloxStream random,
                                          std::uint64_t first, float mean, float deviation))
