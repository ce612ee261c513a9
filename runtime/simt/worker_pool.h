#pragma once

#include <functional>

namespace atelier::simt::executor {

/// Runs body(number, count) on up to `wanted` threads at once: on the caller as number 0, and on idle threads
/// of a pool that is kept for the process. `count`, at least 1, is fixed before any of them starts, and all
/// of them do run, so bodies may wait for one another. Returns when all have ended. Bodies must not throw.
void run_on_workers(unsigned wanted, const std::function<void(unsigned number, unsigned count)>& body);

/// Threads that the pool has made so far.
[[nodiscard]] unsigned pool_threads();

}  // namespace atelier::simt::executor
