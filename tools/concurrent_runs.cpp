#include "tools/concurrent_runs.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/parallel.h"

namespace atelier::tools {

int concurrent_workers(Device device, std::size_t runs) {
  constexpr int kMostOnGpu = 8;
  const int most = device.kind() == DeviceKind::cuda ? kMostOnGpu : cpu_threads();
  return static_cast<int>(std::min(static_cast<std::size_t>(most), runs));
}

void run_concurrently(std::size_t count, int workers, const std::function<bool(std::size_t)>& work,
                      const std::function<void(std::int64_t)>& at_progress) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::condition_variable changed;
  std::int64_t finished = 0;
  int working = workers;
  const auto serve = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      if (!work(i)) break;
      const std::lock_guard lock(mutex);
      ++finished;
      changed.notify_one();
    }
    const std::lock_guard lock(mutex);
    --working;
    changed.notify_one();
  };
  std::vector<std::jthread> threads;
  for (int i = 0; i < workers; ++i) threads.emplace_back(serve);
  std::unique_lock lock(mutex);
  for (std::int64_t told = -1; working > 0 || told != finished;) {
    changed.wait(lock, [&] { return working == 0 || told != finished; });
    told = finished;
    lock.unlock();
    at_progress(told);
    lock.lock();
  }
}

OneThreadEach::OneThreadEach(int workers) : before_(cpu_threads()) {
  if (workers > 1) set_cpu_threads(1);
}

OneThreadEach::~OneThreadEach() {
  set_cpu_threads(before_);
}

}  // namespace atelier::tools
