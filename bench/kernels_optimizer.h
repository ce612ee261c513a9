#pragma once

#include "runtime/device.h"

/// Rows of bench_kernels for a device: optimisers, counters, batches, noise and orderings.
void register_optimizer_benchmarks(atelier::Device device);
