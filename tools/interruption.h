#pragma once

#include "runtime/error.h"

namespace atelier::tools {

/// Ctrl-C or a request to end: the work stops at the next band and cleans up behind itself.
class Interrupted : public Error {
 public:
  using Error::Error;
};

/// From now on SIGINT, SIGTERM and SIGHUP (unless it is ignored, as under nohup) ask the work to stop instead
/// of killing it (a second one kills).
void watch_for_interruption();

/// True once a signal has arrived.
[[nodiscard]] bool interruption_requested() noexcept;

/// Throws Interrupted once a signal has arrived.
void throw_if_interrupted();

}  // namespace atelier::tools
