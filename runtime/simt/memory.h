#pragma once

#include <cstddef>

// Memory of the simt device. It lies in the host's memory, so the host may read and write it directly.
namespace atelier::simt {

/// A block of at least one byte, aligned to 256 bytes, filled with a NaN pattern and fenced by guard zones
/// that are checked after every kernel (AddressSanitizer's own red zones in such a build). The checking build
/// notes each byte as not yet written. Throws std::bad_alloc.
[[nodiscard]] void* allocate_device_memory(std::size_t bytes);

/// Releases a block of allocate_device_memory; nullptr is ignored.
void free_device_memory(void* block) noexcept;

/// Tells the checking build that the host has written these bytes (a copy or a fill), so that kernels may
/// read them. Addresses outside of device memory are ignored. Does nothing in other builds.
void mark_written(const void* address, std::size_t bytes);

/// Tells the checking build that only `payload` bytes of a block, from byte `front` on, are for kernels: the
/// caller keeps guard words around them. Other addresses are ignored. Does nothing in other builds.
void mark_guards(const void* block, std::size_t front, std::size_t payload);

}  // namespace atelier::simt
