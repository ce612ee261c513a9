#include "runtime/parallel.h"

#include <fmt/format.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <thread>

#include "runtime/error.h"

namespace atelier {

namespace {

int usable_cores() noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

/// The threads that bodies run on. Replaced as a whole when the number changes: calls that are under way keep
/// the one they began with.
struct Workers {
  explicit Workers(int threads)
      : allowed(oneapi::tbb::global_control::max_allowed_parallelism,
                static_cast<std::size_t>(std::max(threads, usable_cores()))),
        arena(threads) {}
  oneapi::tbb::global_control allowed;
  oneapi::tbb::task_arena arena;
};

std::atomic<int> thread_setting{0};  // 0: not yet asked for

// Never destroyed: streams may still work while static objects go.
struct Shared {
  std::mutex mutex;
  std::shared_ptr<Workers> workers;
};
Shared& shared() {
  static Shared* const instance = new Shared;
  return *instance;
}

std::shared_ptr<Workers> workers() {
  Shared& state = shared();
  const std::lock_guard lock(state.mutex);
  if (!state.workers) state.workers = std::make_shared<Workers>(cpu_threads());
  return state.workers;
}

}  // namespace

void set_cpu_threads(int threads) {
  if (threads < 0)
    throw InvalidArgument(
        fmt::format("set_cpu_threads: {} threads; use 1 or more, or 0 for one a core", threads));
  Shared& state = shared();
  const std::lock_guard lock(state.mutex);
  thread_setting.store(threads > 0 ? threads : usable_cores());
  state.workers.reset();
}

int cpu_threads() noexcept {
  int threads = thread_setting.load(std::memory_order_relaxed);
  if (threads == 0) {
    const int cores = usable_cores();
    if (thread_setting.compare_exchange_strong(threads, cores)) threads = cores;
  }
  return threads;
}

void parallel_for(std::int64_t count, std::int64_t grain, RangeBody body) {
  if (count <= 0) return;
  const std::int64_t step = std::max<std::int64_t>(grain, 1);
  const std::int64_t ranges = (count - 1) / step + 1;
  const auto run = [&](std::int64_t index) {
    const std::int64_t first = index * step;
    body(first, first + std::min(step, count - first));
  };
  if (ranges == 1 || cpu_threads() == 1) {
    for (std::int64_t i = 0; i < ranges; ++i) run(i);
    return;
  }
  const std::shared_ptr<Workers> crew = workers();
  crew->arena.execute([&] {
    // Isolated: a thread that waits for its ranges must not start those of another call in the middle of a
    // body, which may hold a thread's own scratch memory.
    oneapi::tbb::this_task_arena::isolate([&] { oneapi::tbb::parallel_for<std::int64_t>(0, ranges, run); });
  });
}

}  // namespace atelier
