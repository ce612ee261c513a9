#pragma once

// The executor's inside: a grid, its blocks, warps and threads, and the workers that run them. A GPU thread
// is a fiber that stays on one worker (host thread); fibers change only inside the functions declared here.
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/simt/check.h"
#include "runtime/simt/executor.h"
#include "runtime/simt/fiber.h"

namespace atelier::simt::executor {

struct Block;
struct Worker;

inline constexpr unsigned kLanes = 32;
inline constexpr unsigned kMaximumWarps = 32;
inline constexpr std::uint64_t kPoison = 0x7fff7fff7fff7fffULL;  // NaN as float, double, half; huge as int

/// Thrown through a kernel's frames to end its thread after a failure.
struct StopThread {};

struct CopyRequest {
  void* destination;
  const void* source;
  unsigned bytes;
  int group;
};

struct Thread {
  FiberContext context;
  Block* block = nullptr;
  Stack* stack = nullptr;
  uint3 index{};
  unsigned number = 0;
  unsigned warp = 0;
  unsigned lane = 0;
  bool started = false;
  unsigned warp_epoch = 0;
  unsigned yields = 0;            // atomics since the last synchronisation
  const char* waiting = nullptr;  // the operation it last synchronised in, "start" or "exit"
  Site site;
  int copy_group = 0;
  std::vector<CopyRequest> copies;
};

struct PendingWarpOperation {
  unsigned mask = 0;
  unsigned arrived = 0;
  WarpOperation operation{};
  std::array<LaneArgument*, kLanes> argument;
  std::array<Thread*, kLanes> thread;
};

struct Warp {
  unsigned alive = 0;  // masks of lanes
  unsigned ready = 0;
  std::vector<PendingWarpOperation> pending;
};

struct Grid {
  Launch launch;
  Invoke invoke = nullptr;
  const void* arguments = nullptr;
  unsigned threads = 0;  // of a block
  unsigned warps = 0;
  std::size_t blocks = 0;
  std::vector<std::uint32_t> order;  // empty: in turn (or backwards)
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  std::atomic<bool> barrier_orders_memory{false};  // of the phase under way: a grid_sync, not only packets
  std::mutex mutex;
  std::string error;

  [[nodiscard]] const Options& options() const { return launch.options; }
  [[nodiscard]] bool has_failed() const { return failed.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t block_at(std::size_t place) const;
};

/// The shared memory of a block: variables with fences between them.
struct SharedMemory {
  struct Variable {
    std::size_t offset;
    std::size_t bytes;
    const char* name;
  };
  char* memory = nullptr;
  std::size_t used = 0;
  std::size_t static_bytes = 0;
  std::vector<void*> by_site;
  std::vector<int> sites_used;
  std::vector<Variable> variables;
};

struct Block {
  Worker* worker = nullptr;
  Grid* grid = nullptr;
  std::size_t number = 0;
  uint3 index{};
  std::vector<Thread> threads;
  std::vector<Warp> warps;
  unsigned alive = 0;
  // Block and grid barriers.
  unsigned at_barrier = 0;
  unsigned at_grid_barrier = 0;
  unsigned barrier_generation = 0;
  int accumulated = 0;
  std::array<int, 2> result{};
  Site barrier_site;
  // Scheduling.
  unsigned ready_warps = 0;
  unsigned current_warp = 0;
  unsigned current_lane = 0;
  std::array<unsigned char, kMaximumWarps> priority{};
  std::uint64_t random_state = 1;
  SharedMemory shared;

  std::uint64_t random() {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
  }
};

struct Worker {
  FiberContext scheduler;
  StackPool stacks;
  std::deque<Block> blocks;  // one for plain launches; all that are resident here for cooperative ones
  std::atomic<std::uint64_t> progress{0};
  std::atomic<bool> overdue{false};  // set by the watchdog: the running thread must end
  Thread* abandoned = nullptr;       // a thread that the watchdog's signal took off the worker
  void* interrupted_at = nullptr;

  void note_progress() {
    progress.store(progress.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
};

extern constinit thread_local Thread* current_thread;  // nullptr outside of kernels
extern constinit thread_local bool in_executor;        // false while kernel code runs

/// Marks the executor's own code: the watchdog's signal must not take a thread away in the midst of it.
class ExecutorScope {
 public:
  ExecutorScope() { in_executor = true; }
  ~ExecutorScope() { in_executor = false; }
  ExecutorScope(const ExecutorScope&) = delete;
  ExecutorScope& operator=(const ExecutorScope&) = delete;
};

// schedule.cpp
[[nodiscard]] Thread* pick(Block& block);
void make_all_ready(Block& block);
inline void make_ready(const Thread& thread) {
  thread.block->warps[thread.warp].ready |= 1U << thread.lane;
  thread.block->ready_warps |= 1U << thread.warp;
}
/// The running thread's state is recorded; others run until it is picked again. Throws StopThread after a
/// failure unless the caller cannot bear it.
void park(Thread& thread, bool may_throw = true);
/// Runs a block until nobody can go on: all ended, or all wait for the grid. Records deadlocks.
void run_ready(Block& block);

// block.cpp
void begin_block(Block& block, Worker& worker, Grid& grid, std::size_t number);
void thread_exits(Thread& thread);
[[nodiscard]] std::string describe_threads(const Block& block);

// warp.cpp
void complete_warp_operations(Block& block, unsigned warp);

// shared.cpp
void begin_shared_memory(Block& block);
void verify_shared_memory(Block& block);

// failure.cpp
[[nodiscard]] std::string describe(const Site& site);
[[nodiscard]] std::string describe(const Thread& thread);
[[nodiscard]] bool same_site(const Site& a, const Site& b);
void record_failure(Grid& grid, const std::string& message);
[[noreturn]] void stop_with(Thread& thread, const std::string& message);
/// The running thread, noted as waiting in `what`. Throws Error outside of a kernel.
[[nodiscard]] Thread& enter(const char* what, Site site);
/// Records that the watchdog ended this thread, and where the others of its block stand.
void record_overdue(Thread& thread, void* interrupted_at);

// symbol.cpp
/// "file:line" of an address of the program's code, or "?" where that is not known.
[[nodiscard]] std::string source_position(const void* address);

}  // namespace atelier::simt::executor
