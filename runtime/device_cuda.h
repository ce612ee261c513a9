#pragma once

#include "runtime/device.h"
#include "runtime/memory_size.h"

// What device.cpp asks of the cuda device: device_cuda.cpp, or without_cuda.cpp in a build that has none.
// Internal to runtime.

namespace atelier::detail {

/// Throws DeviceUnavailable with the reason where `device` cannot be used in this process.
void require_device(Device device);

[[nodiscard]] DeviceDescription describe_cuda(Device device);
/// Memory that an allocation could still get: free memory and what our pool keeps for reuse.
[[nodiscard]] MemorySize cuda_memory_size(Device device);

}  // namespace atelier::detail
