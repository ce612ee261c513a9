#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "runtime/device.h"

// Guard words and poison of debug builds (ATELIER_FENCED_MEMORY). Internal to runtime.
//
//   | guard: 256 bytes | payload | guard: up to the next multiple of 256, at least 256 bytes |
//
// Guards are a fixed pattern of 8 bytes. The payload starts as 0x7fff in every 16-bit word, a NaN as half,
// bfloat16, float and double, and far out of range as an index.

namespace atelier::detail {

#if defined(ATELIER_FENCED_MEMORY)
inline constexpr bool memory_fenced = true;
#else
inline constexpr bool memory_fenced = false;
#endif

inline constexpr std::size_t memory_alignment = 256;

/// Guards around a payload of `bytes`: what to allocate, and where the payload starts.
[[nodiscard]] std::size_t fenced_size(std::size_t bytes);
inline constexpr std::size_t front_guard = memory_alignment;

/// What a check needs to know of a block, and to say about it.
struct FenceTag {
  Device device;
  std::string label;
  std::size_t payload_bytes = 0;
};

/// Fills host memory with guards, at distance `phase` from the start of the pattern.
void write_guard(void* guard, std::size_t bytes, std::size_t phase);
/// Fills host memory with 0x7fff words.
void write_poison(void* memory, std::size_t bytes);

/// With AddressSanitizer, makes it stop every access to these bytes of host memory, or allows them again;
/// else does nothing. A range that is forbidden ends where an aligned word of 8 bytes does.
void forbid_access(const void* memory, std::size_t bytes);
void allow_access(const void* memory, std::size_t bytes);

/// Checks the guards of a block: `front` and `back` are host copies of them. Returns a line that names the
/// block and the first overwritten byte, or nothing.
[[nodiscard]] std::string check_guard_bytes(const FenceTag& tag, const void* front, const void* back);

/// Keeps a finding of a block that died, to be thrown by the next report_corruption, and prints it.
void record_corruption(Device device, std::string finding) noexcept;
/// Throws MemoryCorruption with the findings kept for the device, if there are any, and forgets them.
void report_corruption(Device device);

}  // namespace atelier::detail
