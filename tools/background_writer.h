#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace atelier::tools {

/// Carries out tasks on a thread of its own, one at a time and in the order in which they were given, while
/// the giver goes on. At most one waits for its turn: what tasks hold in memory stays bounded. After a task
/// that throws, those behind it are dropped.
class BackgroundWriter {
 public:
  /// Throws Error where the system gives no thread.
  BackgroundWriter();
  ~BackgroundWriter();  // carries out what was given; a failure that nobody asked for is lost
  BackgroundWriter(const BackgroundWriter&) = delete;
  BackgroundWriter& operator=(const BackgroundWriter&) = delete;

  /// Waits while another task waits for its turn. Throws what an earlier task threw; `task` is then dropped.
  void give(std::function<void()> task);
  /// Throws what a task threw, without waiting.
  void check();
  /// Waits until every task is carried out. Throws what one of them threw.
  void finish();

 private:
  void work();
  void rethrow(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<std::function<void()>> next_;
  bool busy_ = false;
  bool ending_ = false;
  bool failed_ = false;
  std::exception_ptr failure_;
  std::thread thread_;  // last: it uses everything above
};

}  // namespace atelier::tools
