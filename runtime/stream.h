#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "runtime/device.h"

namespace atelier {

class Event;
class Graph;

namespace detail {
class StreamState;  // one implementation a device kind: stream_host.cpp, stream_cuda.cpp
}

/// An in-order queue of work on one device. Calls that queue work return at once; work on one stream runs in
/// the order it was queued, work on different streams runs concurrently unless an Event orders it.
///
/// cuda: a non-blocking CUDA stream. cpu and simt: a queue served by one thread of its own (the work itself
/// spreads over `cpu_threads()` threads). A failure of queued work is kept, the rest of the queue up to the
/// next synchronising call is dropped, and that call throws it.
///
/// Movable, not copyable. Buffers keep the underlying queue alive, so objects may be destroyed in any order.
/// One thread at a time may use a Stream object.
class Stream {
 public:
  explicit Stream(Device device);
  ~Stream();  // waits for queued work; a failure nobody asked for is dropped
  Stream(Stream&&) noexcept;
  Stream& operator=(Stream&&) noexcept;

  [[nodiscard]] Device device() const;

  /// Waits for everything queued so far. Throws the first failure of queued work (ExecutionError and its
  /// kin), after which the stream can be used again; CaptureError while capturing.
  void synchronize();

  /// Work queued after this call starts only when `event`'s last record has completed. Never blocks the
  /// caller. Waiting on an event recorded in a capturing stream makes this stream join that capture.
  void wait(const Event& event);

  /// Starts recording: work queued from now on is stored, not run. Throws CaptureError when already
  /// capturing. Allocation and synchronisation during a capture throw CaptureError.
  void begin_capture();
  /// Ends recording and returns what was recorded. Throws CaptureError when not capturing, or when a stream
  /// that joined was not joined back (this stream must wait on an event recorded there at its end).
  [[nodiscard]] Graph end_capture();
  [[nodiscard]] bool capturing() const;

  /// cpu and simt only: queues `task`. `name` must be a string literal; it is part of error messages.
  /// Exceptions of the task surface at the next synchronising call.
  void enqueue(const char* name, std::function<void()> task);

  /// cuda only: the cudaStream_t. nullptr on other devices.
  [[nodiscard]] void* native() const;

  [[nodiscard]] const std::shared_ptr<detail::StreamState>& state() const { return state_; }

 private:
  std::shared_ptr<detail::StreamState> state_;
};

/// Queues a copy of `bytes` between memory of the stream's device or page-locked host memory, in any
/// direction. Asynchronous: both blocks must stay as they are until the copy has run.
void copy_bytes(Stream& stream, void* destination, const void* source, std::size_t bytes);

/// Queues a fill with one byte value.
void fill_bytes(Stream& stream, void* destination, unsigned char value, std::size_t bytes);

}  // namespace atelier
