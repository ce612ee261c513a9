#include "tools/interruption.h"

#include <csignal>

namespace atelier::tools {
namespace {

volatile std::sig_atomic_t stop_requested = 0;

extern "C" void request_stop(int) {
  stop_requested = 1;
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
  std::signal(SIGXFSZ, SIG_IGN);
}

void throw_if_interrupted() {
  if (stop_requested != 0) throw Interrupted("interrupted; nothing was written");
}

}  // namespace atelier::tools
