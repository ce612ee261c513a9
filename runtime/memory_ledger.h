#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "runtime/buffer.h"

// Who holds how much memory of which device, the cap on it, and the failures that tests inject. Internal to
// runtime.

namespace atelier::detail {

/// Enters `bytes` under `label`. `stream_device` is the device whose injected failures apply; memory of the
/// host (MemorySpace::host) is entered for the cpu device. Throws OutOfMemory.
void ledger_take(Device stream_device, MemorySpace space, std::size_t bytes, const std::string& label);
void ledger_give_back(Device stream_device, MemorySpace space, std::size_t bytes,
                      const std::string& label) noexcept;
/// What to throw when the device had no such block after all.
[[nodiscard]] OutOfMemory out_of_memory(Device device, std::size_t bytes, const std::string& label);
/// The device that memory of this space counts for.
[[nodiscard]] Device account_of(Device stream_device, MemorySpace space);

}  // namespace atelier::detail
