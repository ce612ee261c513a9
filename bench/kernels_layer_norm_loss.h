#pragma once

#include "runtime/device.h"

/// Rows of bench_kernels for a device: LayerNorm and the losses.
void register_layer_norm_and_loss_benchmarks(atelier::Device device);
