#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/simt/options.h"
#include "runtime/stream.h"

// Small kernels that show what the executor does; tests/simt/semantics_test.cpp says what is right.
namespace atelier::simt {

enum class Shuffle { index, up, down, exclusive_or };
std::vector<int> shuffle(Stream& stream, Shuffle kind, int argument,
                         int width);  // two warps, value 10 * thread

struct Votes {
  std::vector<unsigned> ballot, match, minimum, sum, barrier_count, any_all;
};
Votes votes(Stream& stream);  // two warps

std::vector<int> shared_reversal(Stream& stream, int threads);  // 32 or 64, three blocks, static arrays
std::vector<int> dynamic_reversal(Stream& stream, int count);   // one block of 256
std::vector<float> tf32_product(Stream& stream, const std::vector<float>& a,
                                const std::vector<float>& b);  // 16x8x8
std::vector<float> f16_product(Stream& stream, const std::vector<float>& a,
                               const std::vector<float>& b);  // 16x8x16
std::vector<int> half_warp_shuffles(Stream& stream);
std::vector<int> recursion(Stream& stream, int depth);  // Fibonacci numbers, 64 threads
std::vector<int> caught_exception(Stream& stream);
std::vector<int> grid_rounds(Stream& stream, int blocks, int rounds);  // 64 threads a block, cooperative
std::vector<int> early_exit(Stream& stream, int active);  // 64 threads, `active` reach the barrier
std::vector<int> spin_within_block(Stream& stream);       // thread 0 waits for thread 63's atomic
std::vector<int> atomics(Stream& stream);                 // sum, maximum, minimum, wrapped counter

// Broken kernels; they only queue.
void throwing(Stream& stream);
void two_barriers(Stream& stream);
void missing_lanes(Stream& stream);
void shared_overrun(Stream& stream);
void too_much_static_shared(Stream& stream);
void spinning(Stream& stream);
void spinning_on_atomic(Stream& stream);
void grid_sync_in_plain_launch(Stream& stream);
void packets_in_plain_launch(Stream& stream);
// 63 - i + 10 (0 + 1 + … + blocks - 1) for thread i of a block; silent_block sends nothing (-1: all send);
// `barrier`: there is a __syncthreads beside the packets.
std::vector<int> packets(Stream& stream, int blocks, int silent_block, bool barrier);
void unasked_dynamic_shared(Stream& stream);
void trap(Stream& stream);
void nested_launch(Stream& stream);
void cooperative_static_shared(Stream& stream, int blocks);  // 40 KiB of static shared memory a block
void empty_kernel(Stream& stream, unsigned grid, unsigned block, std::size_t shared_bytes, bool cooperative);
void last_block_reduction(Stream& stream);  // ticket and fence: right, but the checker cannot know
void increment(Stream& stream, int* values, int count);
[[nodiscard]] int cooperative_blocks(Stream& stream, unsigned threads, std::size_t shared_bytes);

}  // namespace atelier::simt
