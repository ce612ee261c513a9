#pragma once

#include "runtime/device.h"

/// Adds the rows of kernels/elementwise.h, as LayerNorm's neighbours and generators meet it, on `device`.
void register_elementwise_benchmarks(atelier::Device device);
