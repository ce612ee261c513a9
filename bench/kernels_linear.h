#pragma once

#include "runtime/device.h"

/// Rows of bench_kernels for a device: linear layers forward, backward and a step of one sample, beside
/// oneDNN (cpu) or cuBLASLt (cuda) in the same process.
void register_linear_benchmarks(atelier::Device device);
