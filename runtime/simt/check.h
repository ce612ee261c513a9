#pragma once

#include <cstddef>
#include <string>

// What the executor tells, and asks, the watcher of memory. memory.cpp defines these functions for ordinary
// builds; the checking build links atelier_simt_checker, whose objects define every one of them (and the
// hooks that -fsanitize=thread calls), so that memory.cpp stays out.
namespace atelier::simt::executor {

/// True in the checking build: grids then run one at a time on one worker.
[[nodiscard]] bool checking();
/// The first damaged guard zone of a device buffer, in words (and repairs it); empty when all are whole.
[[nodiscard]] std::string damaged_guard();
/// Memory for the shared variables of a block, never freed (workers are kept).
[[nodiscard]] void* allocate_arena(std::size_t bytes);

// Events of the grid that runs.
void check_grid_begins();
void check_block_begins(std::size_t block, void* arena, std::size_t bytes);
void check_block_runs(std::size_t block);     // cooperative: another block goes on
void check_block_barrier(std::size_t block);  // all of its threads are ordered
void check_grid_barrier();                    // all threads are ordered
[[nodiscard]] unsigned check_warp_barrier();  // a new epoch for the lanes that met
void check_shared_variable(void* address, std::size_t bytes, const char* name);
/// An access that the executor makes for the running thread (cp.async, ldmatrix).
void check_access(const void* address, std::size_t bytes, bool write);
/// The same of a packet: other threads of the grid may access it meanwhile.
void check_packet(const void* address, std::size_t bytes, bool write);

}  // namespace atelier::simt::executor
