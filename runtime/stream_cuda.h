#pragma once

#include <cuda_runtime_api.h>

#include <atomic>
#include <mutex>
#include <vector>

#include "runtime/stream_state.h"

// Streams, events and graphs of the cuda device. Internal to runtime.

namespace atelier::detail {

class CudaEvent final : public EventState {
 public:
  explicit CudaEvent(Device device);
  ~CudaEvent() override;

  void synchronize() const override;
  [[nodiscard]] bool completed() const override;
  [[nodiscard]] bool recorded() const override { return recorded_.load(); }
  [[nodiscard]] double seconds_since(const EventState& start) const override;

  [[nodiscard]] cudaEvent_t native() const { return event_; }
  void note_record() { recorded_.store(true); }

 private:
  cudaEvent_t event_ = nullptr;
  std::atomic<bool> recorded_{false};
};

class CudaGraph final : public GraphState {
 public:
  /// Takes over `graph`, which is destroyed whether or not this succeeds.
  CudaGraph(Device device, cudaGraph_t graph);
  ~CudaGraph() override;

  [[nodiscard]] Device device() const override { return device_; }
  [[nodiscard]] std::size_t size() const override { return size_; }
  [[nodiscard]] cudaGraphExec_t native() const { return executable_; }

 private:
  Device device_;
  std::size_t size_ = 0;
  cudaGraphExec_t executable_ = nullptr;
};

class CudaStream final : public StreamState {
 public:
  explicit CudaStream(Device device);
  ~CudaStream() override;

  void synchronize() override;
  void close() noexcept override;
  void wait(EventState& event) override;
  void wait_in_capture(EventState& event) override { wait(event); }
  void enqueue(const char* name, std::function<void()> task) override;
  void copy(void* destination, const void* source, std::size_t bytes) override;
  void fill(void* destination, unsigned char value, std::size_t bytes) override;
  void upload(void* destination, const void* source, std::size_t bytes) override;
  void download(void* destination, const void* source, std::size_t bytes) override;
  void launch(const std::shared_ptr<GraphState>& graph) override;
  [[nodiscard]] void* native() const override { return stream_; }
  [[nodiscard]] void* take_memory(std::size_t bytes, MemorySpace space) override;
  void release_memory(RetiredMemory memory) noexcept override;
  void fence_memory(void* base, std::size_t payload_bytes) override;
  void read_memory(void* destination, const void* source, std::size_t bytes) override;

 protected:
  void record(EventState& event) override;
  void record_in_capture(EventState& event) override;
  [[nodiscard]] std::shared_ptr<Capture> start_capture() override;
  [[nodiscard]] std::shared_ptr<GraphState> finish_capture(Capture& capture, bool valid) override;

 private:
  void check(cudaError_t code, const char* call) const;
  [[nodiscard]] cudaError_t try_take_memory(void** memory, std::size_t bytes, MemorySpace space) const;
  [[nodiscard]] bool native_capture_is_on() const noexcept;
  void count_operation() const;
  void free_memory(const RetiredMemory& memory) noexcept;
  void check_fence(const RetiredMemory& memory);
  void free_deferred() noexcept;

  cudaStream_t stream_ = nullptr;
  bool source_may_be_read_late_ = false;
  std::mutex deferred_mutex_;
  std::vector<RetiredMemory> deferred_;  // given up while a capture forbade to free them
};

}  // namespace atelier::detail
