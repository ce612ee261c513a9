#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <variant>
#include <vector>

#include "runtime/stream_state.h"

// Streams of the cpu and simt devices: a queue and one thread that serves it. Internal to runtime.

namespace atelier::detail {

/// One record of an event: complete once the stream's thread has come to it.
class HostRecord {
 public:
  void complete() noexcept;
  /// Only while nobody else holds this record.
  void reset() noexcept { done_.store(0, std::memory_order_relaxed); }
  void wait() const noexcept { done_.wait(0, std::memory_order_acquire); }
  [[nodiscard]] bool done() const noexcept { return done_.load(std::memory_order_acquire) != 0; }
  /// Only once done.
  [[nodiscard]] std::chrono::steady_clock::duration time() const noexcept { return time_.load(); }

 private:
  std::atomic<int> done_{0};
  std::atomic<std::chrono::steady_clock::duration> time_{};
};

class HostEvent final : public EventState {
 public:
  using EventState::EventState;
  /// A fresh record, which becomes the last one.
  [[nodiscard]] std::shared_ptr<HostRecord> begin_record();
  [[nodiscard]] std::shared_ptr<HostRecord> last() const;

  void synchronize() const override;
  [[nodiscard]] bool completed() const override;
  [[nodiscard]] bool recorded() const override { return last() != nullptr; }
  [[nodiscard]] double seconds_since(const EventState& start) const override;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<HostRecord> last_;
};

// What a graph may hold.
struct RunTask {
  const char* name;
  std::function<void()> work;
};
struct CopyTask {
  void* destination;
  const void* source;
  std::size_t bytes;
};
struct FillTask {
  void* destination;
  unsigned char value;
  std::size_t bytes;
};
using RecordedTask = std::variant<RunTask, CopyTask, FillTask>;

/// The recorded list behind a Graph.
class HostGraph final : public GraphState {
 public:
  HostGraph(Device device, std::vector<RecordedTask> tasks) : device_(device), tasks_(std::move(tasks)) {}
  [[nodiscard]] Device device() const override { return device_; }
  [[nodiscard]] std::size_t size() const override { return tasks_.size(); }
  /// Runs the list in order; as on cuda, one replay of a graph at a time. Throws what a task throws.
  void replay();

 private:
  Device device_;
  std::vector<RecordedTask> tasks_;
  std::mutex replaying_;
};

class HostCapture final : public Capture {
 public:
  using Capture::Capture;
  void add(RecordedTask task);
  [[nodiscard]] std::vector<RecordedTask> take();

 private:
  std::mutex mutex_;
  std::vector<RecordedTask> tasks_;
};

// What only a queue holds.
struct StagedCopyTask {
  void* destination;
  std::unique_ptr<std::byte[]> source;
  std::size_t bytes;
};
struct RecordTask {
  std::shared_ptr<HostRecord> record;
};
struct WaitTask {
  std::shared_ptr<HostRecord> record;
};
struct ReplayTask {
  std::shared_ptr<HostGraph> graph;
};
struct ReleaseTask {
  RetiredMemory memory;
};
using HostTask = std::variant<std::monostate, RunTask, CopyTask, FillTask, StagedCopyTask, RecordTask,
                              WaitTask, ReplayTask, ReleaseTask>;

/// The queue and its thread. The thread keeps the queue alive, so that a task may drop the last reference to
/// its own stream.
class HostQueue : public std::enable_shared_from_this<HostQueue> {
 public:
  explicit HostQueue(Device device) : device_(device) {}

  /// Leaves `task` as it was when it throws.
  void push(HostTask&& task);
  /// Blocks until the queue is empty and returns the first failure since the last call, if any.
  [[nodiscard]] std::exception_ptr drain();
  /// Blocks until the queue is empty, and keeps a failure for drain().
  void wait_until_empty();
  /// Nothing is queued, nothing runs and no failure is kept: the caller may do the work itself.
  [[nodiscard]] bool idle();
  [[nodiscard]] bool on_own_thread() const;
  /// Ends the thread after the work that is queued.
  void stop() noexcept;

 private:
  void serve();
  void run(HostTask& task) noexcept;
  void keep_failure(std::exception_ptr failure) noexcept;

  const Device device_;
  std::mutex mutex_;
  std::condition_variable work_arrived_;
  std::condition_variable drained_;
  std::vector<HostTask> pending_;
  bool busy_ = false;
  bool sleeping_ = false;
  bool stopping_ = false;
  int drain_waiters_ = 0;
  std::exception_ptr failure_;
  std::atomic<bool> failed_{false};
  std::thread thread_;
};

class HostStream final : public StreamState {
 public:
  explicit HostStream(Device device) : StreamState(device), queue_(std::make_shared<HostQueue>(device)) {}
  ~HostStream() override;

  void synchronize() override;
  void close() noexcept override;
  void wait(EventState& event) override;
  void wait_in_capture(EventState&) override {}  // the list is in the order of recording already
  void enqueue(const char* name, std::function<void()> task) override;
  void copy(void* destination, const void* source, std::size_t bytes) override;
  void fill(void* destination, unsigned char value, std::size_t bytes) override;
  void upload(void* destination, const void* source, std::size_t bytes) override;
  void download(void* destination, const void* source, std::size_t bytes) override;
  void launch(const std::shared_ptr<GraphState>& graph) override;
  [[nodiscard]] void* take_memory(std::size_t bytes, MemorySpace space) override;
  void release_memory(RetiredMemory memory) noexcept override;
  void fence_memory(void* base, std::size_t payload_bytes) override;
  void read_memory(void* destination, const void* source, std::size_t bytes) override;

 protected:
  void record(EventState& event) override;
  void record_in_capture(EventState&) override {}
  [[nodiscard]] std::shared_ptr<Capture> start_capture() override;
  [[nodiscard]] std::shared_ptr<GraphState> finish_capture(Capture& capture, bool valid) override;

 private:
  void queue_or_record(RecordedTask task);
  void require_other_thread(const char* call) const;
  [[nodiscard]] void* try_take_memory(std::size_t bytes, MemorySpace space) const;

  std::shared_ptr<HostQueue> queue_;
};

}  // namespace atelier::detail
