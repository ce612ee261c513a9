#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "runtime/buffer.h"
#include "runtime/capture.h"
#include "runtime/device.h"
#include "runtime/event.h"
#include "runtime/graph.h"
#include "runtime/memory_fence.h"
#include "runtime/stream.h"

// What a kind of device implements behind Stream, Event, Graph and Buffer. Internal to runtime.

namespace atelier::detail {

/// A block of memory that its owner gave up and that the stream frees once its earlier work is done.
struct RetiredMemory {
  void* base = nullptr;
  std::size_t bytes = 0;  // fences included
  MemorySpace space = MemorySpace::device;
  std::unique_ptr<FenceTag> fence;  // fenced builds: checked before the block is freed
};

class EventState {
 public:
  explicit EventState(Device device) : device_(device) {}
  virtual ~EventState() = default;
  EventState(const EventState&) = delete;
  EventState& operator=(const EventState&) = delete;

  [[nodiscard]] Device device() const { return device_; }

  virtual void synchronize() const = 0;
  [[nodiscard]] virtual bool completed() const = 0;
  [[nodiscard]] virtual bool recorded() const = 0;
  /// Both records are complete and of this device.
  [[nodiscard]] virtual double seconds_since(const EventState& start) const = 0;

  /// Set while the last record was made in a capturing stream.
  [[nodiscard]] std::optional<CaptureMark> capture_mark() const;
  void set_capture_mark(std::optional<CaptureMark> mark);
  /// Throws CaptureError when the last record was made in a capture: such an event marks no point in time.
  void require_outside_capture(const char* call) const;

 private:
  Device device_;
  mutable std::mutex mark_mutex_;
  std::optional<CaptureMark> mark_;
};

class GraphState {
 public:
  virtual ~GraphState() = default;
  [[nodiscard]] virtual Device device() const = 0;
  [[nodiscard]] virtual std::size_t size() const = 0;
};

class StreamState : public std::enable_shared_from_this<StreamState> {
 public:
  explicit StreamState(Device device) : device_(device) {}
  virtual ~StreamState() = default;
  StreamState(const StreamState&) = delete;
  StreamState& operator=(const StreamState&) = delete;

  [[nodiscard]] Device device() const { return device_; }
  [[nodiscard]] bool capturing() const { return capture_ != nullptr; }
  /// Throws CaptureError that names `call` while this stream is capturing.
  void require_not_capturing(const char* call) const;

  virtual void synchronize() = 0;
  /// The end of the Stream object: waits for queued work, abandons a capture, drops failures.
  virtual void close() noexcept = 0;
  void record_event(const std::shared_ptr<EventState>& event);
  /// Outside of a capture. The queue, not the caller, waits.
  virtual void wait(EventState& event) = 0;
  /// The event was recorded in the capture that this stream is in.
  virtual void wait_in_capture(EventState& event) = 0;
  virtual void enqueue(const char* name, std::function<void()> task) = 0;
  virtual void copy(void* destination, const void* source, std::size_t bytes) = 0;
  virtual void fill(void* destination, unsigned char value, std::size_t bytes) = 0;
  /// `source` is ordinary host memory and may change as soon as this returns.
  virtual void upload(void* destination, const void* source, std::size_t bytes) = 0;
  /// Synchronises.
  virtual void download(void* destination, const void* source, std::size_t bytes) = 0;
  [[nodiscard]] virtual void* native() const { return nullptr; }

  virtual void launch(const std::shared_ptr<GraphState>& graph) = 0;
  void begin_capture();
  [[nodiscard]] std::shared_ptr<GraphState> end_capture();
  /// Makes this stream part of `mark`'s capture, or merges what the mark has seen.
  void join_capture(const CaptureMark& mark);
  void leave_capture() noexcept { capture_.reset(); }

  /// 256-byte aligned. Throws std::bad_alloc when the device has no such block left.
  [[nodiscard]] virtual void* take_memory(std::size_t bytes, MemorySpace space) = 0;
  virtual void release_memory(RetiredMemory memory) noexcept = 0;
  /// Surrounds a new block with guard words and fills it with NaN patterns (memory_fence.h).
  virtual void fence_memory(void* base, std::size_t payload_bytes) = 0;
  /// Copies guard words of a live block to the host, after the stream's work.
  virtual void read_memory(void* destination, const void* source, std::size_t bytes) = 0;

 protected:
  virtual void record(EventState& event) = 0;
  virtual void record_in_capture(EventState& event) = 0;
  /// Makes the record that work goes to from now on, and begins the device's own capture.
  [[nodiscard]] virtual std::shared_ptr<Capture> start_capture() = 0;
  /// Ends the device's own capture; called also when `valid` is false, to abandon it.
  [[nodiscard]] virtual std::shared_ptr<GraphState> finish_capture(Capture& capture, bool valid) = 0;
  void abandon_capture() noexcept;

  [[nodiscard]] const std::shared_ptr<Capture>& capture() const { return capture_; }
  [[nodiscard]] std::size_t participant() const { return participant_; }

 private:
  friend class atelier::Stream;
  Device device_;
  std::shared_ptr<Capture> capture_;
  std::size_t participant_ = 0;
};

/// One for each kind of device. Throw DeviceUnavailable.
[[nodiscard]] std::shared_ptr<StreamState> make_host_stream(Device device);
[[nodiscard]] std::shared_ptr<StreamState> make_cuda_stream(Device device);
[[nodiscard]] std::shared_ptr<EventState> make_host_event(Device device);
[[nodiscard]] std::shared_ptr<EventState> make_cuda_event(Device device);

}  // namespace atelier::detail
