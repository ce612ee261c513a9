#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "runtime/device.h"

namespace atelier::tools {

/// Runs of networks that go on beside each other: on the cpu one a thread is the fastest way, a GPU is filled
/// by a few, each on a stream of its own.
[[nodiscard]] int concurrent_workers(Device device, std::size_t runs);

/// Calls work(0) … work(count - 1), `workers` of them at a time on threads of their own; where one returns
/// false, its thread takes no further one. `at_progress` is called now and then, from the calling thread,
/// with the number of calls that are through; last when all are. Returns when they are. `work` throws
/// nothing.
void run_concurrently(std::size_t count, int workers, const std::function<bool(std::size_t)>& work,
                      const std::function<void(std::int64_t)>& at_progress);

/// While it lives operations of the cpu device use one thread each, where `workers` run beside each other.
class OneThreadEach {
 public:
  explicit OneThreadEach(int workers);
  ~OneThreadEach();
  OneThreadEach(const OneThreadEach&) = delete;
  OneThreadEach& operator=(const OneThreadEach&) = delete;

 private:
  int before_;
};

}  // namespace atelier::tools
