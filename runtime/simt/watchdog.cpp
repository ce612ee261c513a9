#include "runtime/simt/watchdog.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <ucontext.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/simt/machine.h"

namespace atelier::simt::executor {
namespace {

struct Watched {
  Worker* worker;
  const char* kernel;
  double seconds;
  pthread_t thread;
  clockid_t clock;
  std::uint64_t progress;
  double since;  // the thread's processor time when progress was last seen
  int signals;   // sent since then
};

/// Never destroyed: its thread runs until the process ends.
struct Watchdog {
  std::mutex mutex;
  std::condition_variable wake;
  std::vector<Watched> watched;
  bool started = false;
  bool asleep = false;
};

constexpr int kSignalsBeforeGivingUp = 20;

Watchdog& watchdog() {
  static auto* instance = new Watchdog;
  return *instance;
}

int signal_number() {
  return SIGRTMIN + 5;
}

double processor_seconds(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

void* program_counter(void* context) {
#if defined(__x86_64__)
  return reinterpret_cast<void*>(static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return reinterpret_cast<void*>(static_cast<ucontext_t*>(context)->uc_mcontext.pc);
#else
  static_cast<void>(context);
  return nullptr;
#endif
}

/// Runs on the worker, on the stack of the GPU thread that will not end. In kernel code nothing of the
/// executor or of the C library is half done, so the thread can be left where it stands.
void take_thread_away(int, siginfo_t*, void* context) {
  if (current_thread == nullptr || in_executor) return;
  const Worker& worker = *current_thread->block->worker;
  if (worker.overdue.load() && worker.abandoned == nullptr) abandon_running_thread(program_counter(context));
}

void install_handler() {
  struct sigaction action {};
  action.sa_sigaction = &take_thread_away;
  action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(signal_number(), &action, nullptr);
}

void examine(Watched& entry) {
  const std::uint64_t progress = entry.worker->progress.load(std::memory_order_relaxed);
  const double now = processor_seconds(entry.clock);
  if (progress != entry.progress) {
    entry.progress = progress;
    entry.since = now;
    entry.signals = 0;
    return;
  }
  if (now - entry.since < entry.seconds) return;
  entry.worker->overdue.store(true);
  pthread_kill(entry.thread, signal_number());
  if (++entry.signals == kSignalsBeforeGivingUp)
    std::fprintf(stderr,
                 "atelier: simt kernel '%s' has run for more than %g s of processor time without reaching a "
                 "synchronisation point and cannot be stopped\n",
                 entry.kernel, entry.seconds);
}

double period(const Watchdog& dog) {
  double shortest = 4.0;
  for (const Watched& entry : dog.watched) shortest = std::min(shortest, entry.seconds);
  return std::max(0.005, shortest / 8);
}

void watch() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  Watchdog& dog = watchdog();
  std::unique_lock lock(dog.mutex);
  for (int idle_rounds = 0;;) {
    idle_rounds = dog.watched.empty() ? idle_rounds + 1 : 0;
    dog.asleep = idle_rounds > 8;
    if (dog.asleep) {
      dog.wake.wait(lock);
      idle_rounds = 0;
    } else {
      dog.wake.wait_for(lock, std::chrono::duration<double>(period(dog)));
    }
    for (Watched& entry : dog.watched) examine(entry);
  }
}

}  // namespace

void abandon_running_thread(void* interrupted_at) {
  Thread& thread = *current_thread;
  Worker& worker = *thread.block->worker;
  in_executor = true;
  worker.interrupted_at = interrupted_at;
  worker.abandoned = &thread;
  switch_fiber(thread.context, worker.scheduler, true);
}

Watch::Watch(Worker& worker, double seconds, const char* kernel) {
  worker.overdue.store(false);
  if (seconds <= 0.0) return;
  Watched entry{&worker, kernel, seconds, pthread_self(), {}, worker.progress.load(), 0.0, 0};
  if (pthread_getcpuclockid(entry.thread, &entry.clock) != 0) return;
  entry.since = processor_seconds(entry.clock);
  Watchdog& dog = watchdog();
  const std::lock_guard lock(dog.mutex);
  if (!dog.started) {
    install_handler();
    std::thread(watch).detach();
    dog.started = true;
  }
  const bool shorter = seconds / 8 < period(dog);
  dog.watched.push_back(entry);
  worker_ = &worker;
  if (dog.asleep || shorter) dog.wake.notify_one();
}

Watch::~Watch() {
  if (worker_ == nullptr) return;
  Watchdog& dog = watchdog();
  const std::lock_guard lock(dog.mutex);
  std::erase_if(dog.watched, [this](const Watched& entry) { return entry.worker == worker_; });
}

}  // namespace atelier::simt::executor
