#pragma once

#include <cstddef>
#include <cstdint>

// The checking build: kernels compiled with -fsanitize=thread, whose calls for every memory access come here
// instead of to ThreadSanitizer (access_hooks.cpp).
namespace atelier::simt::executor {

/// An access of kernel code to `bytes` bytes. Finds what CUDA calls undefined: an address outside of its
/// buffer or shared variable, a read of what nobody wrote, two accesses of which one writes and no barrier
/// orders them.
void note_access(const void* address, std::size_t bytes, bool write, bool atomic, void* program_counter);

/// Accesses to shared and device memory checked so far.
[[nodiscard]] std::uint64_t accesses_checked();

}  // namespace atelier::simt::executor
