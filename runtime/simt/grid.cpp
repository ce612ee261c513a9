#include <algorithm>
#include <barrier>
#include <memory>
#include <numeric>
#include <optional>

#include "runtime/error.h"
#include "runtime/parallel.h"
#include "runtime/simt/machine.h"
#include "runtime/simt/watchdog.h"
#include "runtime/simt/worker_pool.h"

namespace atelier::simt::executor {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t kStackBytes = 256 * 1024;
#else
constexpr std::size_t kStackBytes = 64 * 1024;
#endif
constexpr std::uint64_t kThreadsWorthAnotherWorker = 512;

std::string extent(const dim3& size) {
  return std::to_string(size.x) + "x" + std::to_string(size.y) + "x" + std::to_string(size.z);
}

std::string describe(const Launch& launch) {
  return std::string(launch.cooperative ? "cooperative kernel '" : "kernel '") + launch.name +
         "' on simt (grid " + extent(launch.shape.grid) + ", block " + extent(launch.shape.block) + ", " +
         std::to_string(launch.shape.shared_bytes) + " bytes of dynamic shared memory)";
}

std::uint64_t volume(const dim3& size) {
  return std::uint64_t{size.x} * size.y * size.z;
}

/// Workers that are not running a grid, with their stacks and shared memory; kept for the process.
struct IdleWorkers {
  std::mutex mutex;
  std::vector<std::unique_ptr<Worker>> workers;
};
IdleWorkers& idle_workers() {
  static auto* instance = new IdleWorkers;
  return *instance;
}

/// A worker for the calling host thread, given back at the end of the scope.
class BorrowedWorker {
 public:
  explicit BorrowedWorker(const Options& options) {
    IdleWorkers& idle = idle_workers();
    {
      const std::lock_guard lock(idle.mutex);
      if (!idle.workers.empty()) {
        worker_ = std::move(idle.workers.back());
        idle.workers.pop_back();
      }
    }
    if (!worker_) worker_ = std::make_unique<Worker>();
    worker_->stacks.resize(options.stack_bytes != 0 ? options.stack_bytes : kStackBytes);
    describe_own_stack(worker_->scheduler);
  }
  ~BorrowedWorker() {
    IdleWorkers& idle = idle_workers();
    const std::lock_guard lock(idle.mutex);
    idle.workers.push_back(std::move(worker_));
  }
  BorrowedWorker(const BorrowedWorker&) = delete;
  BorrowedWorker& operator=(const BorrowedWorker&) = delete;
  Worker& operator*() { return *worker_; }

 private:
  std::unique_ptr<Worker> worker_;
};

std::vector<std::uint32_t> shuffled(std::size_t blocks, std::uint64_t seed) {
  std::vector<std::uint32_t> order(blocks);
  std::iota(order.begin(), order.end(), 0U);
  std::uint64_t state = (seed * 0x9e3779b97f4a7c15ULL) | 1U;
  for (std::size_t i = blocks; i > 1; --i) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    std::swap(order[i - 1], order[(state >> 20) % i]);
  }
  return order;
}

/// What the participants of a cooperative grid agree on between its phases.
class Phases {
 public:
  Phases(Grid& grid, unsigned participants)
      : end_of_phase_(participants, Completion{&grid}), decided_(participants) {}

  /// Called by every participant with the blocks it holds that wait for the grid, and that have ended. True
  /// when another phase follows.
  bool next(Grid& grid, unsigned participant, std::size_t waiting, std::size_t ended) {
    {
      const std::lock_guard lock(mutex_);
      waiting_ += waiting;
      ended_ += ended;
    }
    end_of_phase_.arrive_and_wait();
    if (participant == 0) {
      if (!grid.has_failed() && waiting_ != 0 && ended_ != 0)
        record_failure(grid, "grid_sync is reached by " + std::to_string(waiting_) + " of " +
                                 std::to_string(waiting_ + ended_) + " blocks, the others have ended");
      again_ = !grid.has_failed() && waiting_ != 0;
      waiting_ = 0;
      ended_ = 0;
    }
    decided_.arrive_and_wait();
    const bool again = again_;
    decided_.arrive_and_wait();  // nobody may fail the grid before all have read the decision
    return again;
  }

 private:
  struct Completion {
    Grid* grid;
    void operator()() noexcept {
      if (grid->barrier_orders_memory.exchange(false, std::memory_order_relaxed)) check_grid_barrier();
    }
  };
  std::barrier<Completion> end_of_phase_;
  std::barrier<> decided_;
  std::mutex mutex_;
  std::size_t waiting_ = 0;
  std::size_t ended_ = 0;
  bool again_ = false;
};

void run_plain(Grid& grid, Worker& worker) {
  if (worker.blocks.empty()) worker.blocks.emplace_back();
  Block& block = worker.blocks.front();
  while (!grid.has_failed()) {
    const std::size_t place = grid.next.fetch_add(1);
    if (place >= grid.blocks) return;
    begin_block(block, worker, grid, grid.block_at(place));
    run_ready(block);
    verify_shared_memory(block);
  }
}

/// Runs the blocks that a participant holds until each has ended or waits for the grid; how many wait.
std::size_t run_phase(const std::vector<Block*>& blocks) {
  std::size_t waiting = 0;
  for (Block* block : blocks) {
    check_block_runs(block->number);
    run_ready(*block);
    if (block->alive != 0) ++waiting;
  }
  return waiting;
}

/// A participant stays until the last phase even when it fails: others wait for it.
void run_cooperative(Grid& grid, Phases& phases, unsigned participant, unsigned participants) {
  const auto guarded = [&grid](auto&& step) {
    try {
      step();
    } catch (const std::exception& error) {
      record_failure(grid, std::string("the executor failed: ") + error.what());
    }
  };
  std::optional<BorrowedWorker> borrowed;
  std::optional<Watch> watch;
  std::vector<Block*> blocks;
  guarded([&] {
    Worker& worker = *borrowed.emplace(grid.options());
    watch.emplace(worker, grid.options().watchdog_seconds, grid.launch.name);
    for (std::size_t place = participant; place < grid.blocks; place += participants) {
      if (worker.blocks.size() <= blocks.size()) worker.blocks.emplace_back();
      Block& block = worker.blocks[blocks.size()];
      begin_block(block, worker, grid, grid.block_at(place));
      blocks.push_back(&block);
    }
  });
  for (bool again = true; again;) {
    std::size_t waiting = 0;
    guarded([&] { waiting = run_phase(blocks); });
    again = phases.next(grid, participant, waiting, blocks.size() - waiting);
    if (!again) break;
    for (Block* block : blocks) {
      block->at_grid_barrier = 0;
      make_all_ready(*block);
    }
  }
  for (Block* block : blocks) {
    if (grid.has_failed()) run_ready(*block);  // unwinds what is left
    verify_shared_memory(*block);
  }
}

unsigned wanted_workers(const Grid& grid) {
  if (checking()) return 1;
  const unsigned asked = grid.options().workers;
  unsigned workers = asked != 0 ? asked : static_cast<unsigned>(std::max(1, cpu_threads()));
  if (asked == 0 && grid.blocks * grid.threads <= kThreadsWorthAnotherWorker) workers = 1;
  return static_cast<unsigned>(std::min<std::size_t>(workers, grid.blocks));
}

void run_plain_grid(Grid& grid) {
  run_on_workers(wanted_workers(grid), [&grid](unsigned, unsigned) {
    try {
      BorrowedWorker borrowed(grid.options());
      const Watch watch(*borrowed, grid.options().watchdog_seconds, grid.launch.name);
      run_plain(grid, *borrowed);
    } catch (const std::exception& error) {
      record_failure(grid, std::string("the executor failed: ") + error.what());
    }
  });
}

void run_cooperative_grid(Grid& grid) {
  std::mutex mutex;
  std::optional<Phases> phases;
  run_on_workers(wanted_workers(grid), [&](unsigned participant, unsigned participants) {
    {
      const std::lock_guard lock(mutex);
      if (!phases) phases.emplace(grid, participants);
    }
    run_cooperative(grid, *phases, participant, participants);
  });
}

}  // namespace

std::size_t Grid::block_at(std::size_t place) const {
  if (!order.empty()) return order[place];
  return options().schedule == Schedule::reverse ? blocks - 1 - place : place;
}

Launch prepare_launch(const char* name, const Stream& stream, const LaunchShape& shape, bool cooperative) {
  Launch launch{name, shape, cooperative, options()};
  const auto refuse = [&launch](const std::string& why) {
    throw ExecutionError(describe(launch) + ": " + why);
  };
  if (current_thread != nullptr) refuse("a kernel cannot launch another (dynamic parallelism)");
  if (stream.device().kind() != DeviceKind::simt) refuse("the stream is on " + stream.device().name());
  const std::uint64_t threads = volume(shape.block);
  const std::uint64_t blocks = volume(shape.grid);
  if (threads == 0 || blocks == 0) refuse("the grid or the block is empty; the caller must not launch");
  if (shape.block.x > 1024 || shape.block.y > 1024 || shape.block.z > 64 || threads > 1024)
    refuse("a block has at most 1024 threads, and 64 in z");
  if (shape.grid.x > 0x7fffffffU || shape.grid.y > 65535 || shape.grid.z > 65535)
    refuse("a grid is at most 2147483647x65535x65535 blocks");
  if (shape.shared_bytes > launch.options.shared_bytes_per_block)
    refuse("a block has at most " + std::to_string(launch.options.shared_bytes_per_block) +
           " bytes of shared memory");
  if (cooperative) {
    const int resident = resident_blocks(launch.options, static_cast<unsigned>(threads), shape.shared_bytes);
    const std::uint64_t most =
        static_cast<std::uint64_t>(resident) * static_cast<std::uint64_t>(launch.options.multiprocessors);
    if (blocks > most)
      refuse(std::to_string(blocks) + " blocks cannot all be resident: " + std::to_string(resident) +
             " a multiprocessor times " + std::to_string(launch.options.multiprocessors) + " gives " +
             std::to_string(most));
  }
  return launch;
}

void run_grid(const Launch& launch, Invoke invoke, const void* arguments) {
  if (current_thread != nullptr) throw ExecutionError(describe(launch) + ": started inside a kernel");
  static std::mutex one_checked_grid;
  std::unique_lock<std::mutex> lock(one_checked_grid, std::defer_lock);
  if (checking()) lock.lock();
  Grid grid;
  grid.launch = launch;
  grid.invoke = invoke;
  grid.arguments = arguments;
  grid.threads = static_cast<unsigned>(volume(launch.shape.block));
  grid.warps = (grid.threads + kLanes - 1) / kLanes;
  grid.blocks = volume(launch.shape.grid);
  if (launch.options.schedule == Schedule::priority) grid.order = shuffled(grid.blocks, launch.options.seed);
  check_grid_begins();
  if (launch.cooperative) {
    run_cooperative_grid(grid);
  } else {
    run_plain_grid(grid);
  }
  if (launch.options.poison && grid.error.empty()) grid.error = damaged_guard();
  if (!grid.error.empty()) throw ExecutionError(describe(launch) + ": " + grid.error);
}

}  // namespace atelier::simt::executor
