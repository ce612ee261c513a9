#include "tools/interruption.h"

#include <atomic>
#include <csignal>

namespace atelier::tools {
namespace {

// Read by every thread that works.
std::atomic<bool> stop_requested = false;
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may not wait for a lock");

extern "C" void request_stop(int) {
  stop_requested = true;
}

}  // namespace

void watch_for_interruption() {
  struct sigaction action = {};
  action.sa_handler = request_stop;
  sigemptyset(&action.sa_mask);
  // The second signal of a kind gets the default action: an impatient user is not held up.
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  // nohup asks for SIGHUP to be ignored: then it stays so.
  struct sigaction present = {};
  if (sigaction(SIGHUP, nullptr, &present) == 0 && present.sa_handler != SIG_IGN)
    sigaction(SIGHUP, &action, nullptr);
}

bool interruption_requested() noexcept {
  return stop_requested;
}

void throw_if_interrupted() {
  if (interruption_requested()) throw Interrupted("interrupted; nothing was written");
}

}  // namespace atelier::tools
