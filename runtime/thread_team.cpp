#include "runtime/thread_team.h"

#include <fmt/format.h>

#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "runtime/error.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace atelier {

/// What the members of one call share.
class TeamRun {
 public:
  TeamRun(int members, TeamBody body) : barrier_(members), body_(body), running_(members) {}

  void run(int member) noexcept {
    try {
      body_(member, barrier_);
    } catch (const Broken&) {
    } catch (...) {
      {
        const std::lock_guard lock(mutex_);
        if (!failure_) failure_ = std::current_exception();
      }
      barrier_.break_up();
    }
  }
  void leave() noexcept {
    // Under the lock to the end: the caller destroys this object as soon as it has seen the last one out.
    const std::lock_guard lock(mutex_);
    if (--running_ == 0) ended_.notify_one();
  }
  void finish() {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return running_ == 0; });
    if (failure_) std::rethrow_exception(failure_);
  }

  struct Broken {};

 private:
  TeamBarrier barrier_;
  TeamBody body_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::exception_ptr failure_;
  int running_;
};

namespace {

constexpr int kSpins = 200;  // some 10 us
constexpr int kYields = 50;

void pause_processor() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// A thread that waits for its next call.
class Worker {
 public:
  Worker() : thread_([this] { serve(); }) { thread_.detach(); }
  void start(TeamRun& run, int member);

  Worker* next_idle = nullptr;

 private:
  [[noreturn]] void serve();

  std::mutex mutex_;
  std::condition_variable called_;
  TeamRun* run_ = nullptr;
  int member_ = 0;
  std::thread thread_;
};

/// The workers without a call. Never destroyed: streams may still work while static objects go.
class Idle {
 public:
  static Idle& list() {
    static Idle* const instance = new Idle;
    return *instance;
  }
  void add(Worker* worker) {
    const std::lock_guard lock(mutex_);
    worker->next_idle = first_;
    first_ = worker;
  }
  [[nodiscard]] Worker* take() {
    {
      const std::lock_guard lock(mutex_);
      if (Worker* const worker = first_) {
        first_ = worker->next_idle;
        return worker;
      }
    }
    return new Worker;
  }

 private:
  std::mutex mutex_;
  Worker* first_ = nullptr;
};

void Worker::start(TeamRun& run, int member) {
  const std::lock_guard lock(mutex_);
  run_ = &run;
  member_ = member;
  called_.notify_one();
}

void Worker::serve() {
  for (;;) {
    TeamRun* run = nullptr;
    {
      std::unique_lock lock(mutex_);
      called_.wait(lock, [this] { return run_ != nullptr; });
      run = std::exchange(run_, nullptr);
    }
    run->run(member_);
    // In this order, or a call right behind this one would not find the thread.
    Idle::list().add(this);
    run->leave();
  }
}

}  // namespace

void TeamBarrier::meet() {
  if (members_ == 1) return;
  // In this order: a meeting that is broken up after the second line ends the wait for this number.
  const std::uint32_t meeting = meetings_.load(std::memory_order_acquire);
  if (broken_.load(std::memory_order_acquire)) throw TeamRun::Broken();
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == members_) {
    arrived_.store(0, std::memory_order_relaxed);
    meetings_.store(meeting + 1, std::memory_order_release);
    meetings_.notify_all();
  } else {
    for (int wait = 0; meetings_.load(std::memory_order_acquire) == meeting; ++wait) {
      if (wait < kSpins)
        pause_processor();
      else if (wait < kSpins + kYields)
        std::this_thread::yield();
      else
        meetings_.wait(meeting, std::memory_order_acquire);
    }
  }
  if (broken_.load(std::memory_order_acquire)) throw TeamRun::Broken();
}

void TeamBarrier::break_up() noexcept {
  broken_.store(true, std::memory_order_release);
  meetings_.fetch_add(1, std::memory_order_release);
  meetings_.notify_all();
}

void run_team(int members, TeamBody body) {
  if (members < 1)
    throw InvalidArgument(fmt::format("run_team: {} members; a team has one or more", members));
  if (members == 1) {
    TeamBarrier alone(1);
    body(0, alone);
    return;
  }
  // All threads first: a call that cannot have them must not have begun.
  struct Crew {
    Worker* first = nullptr;
    ~Crew() {
      while (Worker* const worker = first) {
        first = worker->next_idle;
        Idle::list().add(worker);
      }
    }
  } crew;
  for (int member = 1; member < members; ++member) {
    Worker* const worker = Idle::list().take();
    worker->next_idle = crew.first;
    crew.first = worker;
  }
  TeamRun run(members, body);
  for (int member = 1; member < members; ++member) {
    Worker* const worker = crew.first;
    crew.first = worker->next_idle;
    worker->start(run, member);
  }
  run.run(0);
  run.leave();
  run.finish();
}

}  // namespace atelier
