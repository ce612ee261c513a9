#pragma once

// What compiled kernel code calls in the executor. Kernel sources see it through emulation.h. Everything that
// changes the executor's state is a function here, defined in objects that carry no access instrumentation,
// so that the checking build reports the kernel's own accesses only.
#include <vector_types.h>

#include <cstddef>
#include <cstdint>

#include "runtime/simt/options.h"
#include "runtime/stream.h"

namespace atelier::simt {

/// Grid and block of a launch; `shared_bytes` of dynamic shared memory a block.
struct LaunchShape {
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes = 0;
};

/// What a device offers to a launch.
struct DeviceLimits {
  int multiprocessors = 0;
  int threads_per_multiprocessor = 0;
  std::size_t shared_bytes_per_block = 0;           // static and dynamic together
  std::size_t shared_bytes_per_multiprocessor = 0;  // 1 KiB a block of it is taken by the system
};

// CUDA's built-in variables, of the thread that runs now.
extern constinit thread_local uint3 threadIdx [[gnu::tls_model("initial-exec")]];
extern constinit thread_local uint3 blockIdx [[gnu::tls_model("initial-exec")]];
extern constinit thread_local dim3 blockDim [[gnu::tls_model("initial-exec")]];
extern constinit thread_local dim3 gridDim [[gnu::tls_model("initial-exec")]];

namespace executor {

/// A place in kernel source, for diagnoses. As a default argument it names the caller.
struct Site {
  const char* file = "";
  unsigned line = 0;
  static constexpr Site current(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
    return {file, line};
  }
};

/// A launch with the options of the moment when it was queued.
struct Launch {
  const char* name = "";
  LaunchShape shape;
  bool cooperative = false;
  Options options;
};

using Invoke = void (*)(const void* arguments);  // calls the kernel once, for the current thread

/// Checks the shape against the limits. Throws ExecutionError with the numbers.
[[nodiscard]] Launch prepare_launch(const char* name, const Stream& stream, const LaunchShape& shape,
                                    bool cooperative);
/// Runs every thread of the grid. Throws ExecutionError with the first diagnosis.
void run_grid(const Launch& launch, Invoke invoke, const void* arguments);
/// Blocks of `threads` and `shared_bytes` that the limits let one multiprocessor hold.
[[nodiscard]] int resident_blocks(const Options& options, unsigned threads, std::size_t shared_bytes);

[[noreturn]] void fail(const char* what, Site site);

[[nodiscard]] int next_shared_site();
[[nodiscard]] void* shared_variable(int shared_site, std::size_t bytes, std::size_t alignment,
                                    const char* name, Site site);
[[nodiscard]] void* dynamic_shared(Site site);

enum class Reduction : std::uint8_t { none, count, conjunction, disjunction };
int block_barrier(Reduction reduction, int predicate, Site site);
void grid_barrier(Site site);
/// A barrier of the grid that orders nothing but packets: for the checker, other accesses before and after it
/// are as unordered as on a GPU, where receiving a packet is no barrier.
void packet_barrier(Site site);
/// The 16 bytes of a packet, by the executor.
void send_packet(void* slot, const void* packet);
void receive_packet(const void* slot, void* packet, unsigned number, Site site);

enum class WarpOperation : std::uint8_t {
  synchronize,
  shuffle,
  shuffle_up,
  shuffle_down,
  shuffle_xor,
  ballot,
  any,
  all,
  match_any,
  add,
  minimum_signed,
  maximum_signed,
  minimum_unsigned,
  maximum_unsigned,
  bit_and,
  bit_or,
  bit_xor,
  mma_tf32,
  mma_f16,
  load_matrix,
};
/// A lane's part in a warp operation.
struct LaneArgument {
  std::uint64_t value = 0;      // in, then out
  int argument = 0;             // shuffles: source lane, distance or mask
  int width = 32;               // shuffles: lanes of a segment
  const void* input = nullptr;  // matrix operations
  void* output = nullptr;
};
void warp_operation(WarpOperation operation, unsigned mask, LaneArgument& lane, Site site);

/// A point where other threads may run: atomics, fences, __nanosleep.
void maybe_yield();
void memory_fence();
[[nodiscard]] unsigned lane_index();

void copy_async(void* destination, const void* source, unsigned bytes, Site site);
void commit_copies();
void wait_for_copies(int groups_left);

}  // namespace executor
}  // namespace atelier::simt
