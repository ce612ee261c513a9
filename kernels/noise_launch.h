#pragma once

#include "kernels/counter.h"
#include "kernels/dispatch.h"
#include "kernels/philox.h"
#include "runtime/stream.h"
#include "runtime/view.h"

// Each backend's half of kernels/noise.h. Arguments are checked and the destination is not empty; span is
// high - low. Elements are numbered modulo 2^64, blocks of four words modulo 2^62.
ATELIER_DECLARE_BACKENDS(void fill_uniform(Stream& stream, VectorView<float> destination, PhiloxStream random,
                                           DeviceCounter first, float low, float span);
                         void fill_normal(Stream& stream, VectorView<float> destination, PhiloxStream random,
                                          DeviceCounter first, float mean, float deviation))
