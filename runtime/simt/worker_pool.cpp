#include "runtime/simt/worker_pool.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace atelier::simt::executor {
namespace {

struct Task {
  const std::function<void(unsigned, unsigned)>* body = nullptr;
  unsigned count = 0;
  unsigned unfinished = 0;
  std::condition_variable finished;
};

struct Helper {
  std::condition_variable wake;
  Task* task = nullptr;
  unsigned number = 0;
};

/// Never destroyed: its threads wait for work until the process ends.
struct Pool {
  std::mutex mutex;
  std::deque<Helper> helpers;
  std::vector<Helper*> idle;
};

Pool& pool() {
  static auto* instance = new Pool;
  return *instance;
}

void serve(Helper& own) {
  Pool& all = pool();
  std::unique_lock lock(all.mutex);
  for (;;) {
    own.wake.wait(lock, [&own] { return own.task != nullptr; });
    Task& task = *own.task;
    lock.unlock();
    (*task.body)(own.number, task.count);
    lock.lock();
    own.task = nullptr;
    all.idle.push_back(&own);
    if (--task.unfinished == 0) task.finished.notify_one();
  }
}

/// Makes the pool hold `wanted` threads in all, as far as the system gives them.
void grow(Pool& all, std::size_t wanted) {
  while (all.helpers.size() < wanted) {
    Helper& helper = all.helpers.emplace_back();
    try {
      std::thread(serve, std::ref(helper)).detach();
    } catch (const std::system_error&) {
      all.helpers.pop_back();
      return;
    }
    all.idle.push_back(&helper);
  }
}

}  // namespace

void run_on_workers(unsigned wanted, const std::function<void(unsigned, unsigned)>& body) {
  if (wanted <= 1) {
    body(0, 1);
    return;
  }
  Pool& all = pool();
  Task task;
  std::unique_lock lock(all.mutex);
  grow(all, wanted - 1);
  const auto helpers = static_cast<unsigned>(std::min<std::size_t>(wanted - 1, all.idle.size()));
  task.body = &body;
  task.count = helpers + 1;
  task.unfinished = helpers;
  for (unsigned i = 1; i <= helpers; ++i) {
    Helper& helper = *all.idle.back();
    all.idle.pop_back();
    helper.number = i;
    helper.task = &task;
    helper.wake.notify_one();
  }
  lock.unlock();
  body(0, task.count);
  lock.lock();
  task.finished.wait(lock, [&task] { return task.unfinished == 0; });
}

unsigned pool_threads() {
  Pool& all = pool();
  const std::lock_guard lock(all.mutex);
  return static_cast<unsigned>(all.helpers.size());
}

}  // namespace atelier::simt::executor
