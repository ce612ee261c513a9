#pragma once

#include <memory>

#include "runtime/stream.h"

namespace atelier {

namespace detail {
class EventState;
}

/// A point in a stream's work. Record it in one stream, wait for it in others or on the host.
class Event {
 public:
  explicit Event(Device device);
  ~Event();
  Event(Event&&) noexcept;
  Event& operator=(Event&&) noexcept;

  [[nodiscard]] Device device() const;
  /// Marks the point after everything queued on `stream` so far. May be called again; the last record counts.
  /// Throws InvalidArgument when the stream is on another device.
  void record(Stream& stream);
  /// Blocks the caller until the last record has completed; returns at once if never recorded.
  void synchronize() const;
  /// True when the last record has completed or none was made. Never blocks.
  [[nodiscard]] bool completed() const;

  [[nodiscard]] const std::shared_ptr<detail::EventState>& state() const { return state_; }

 private:
  std::shared_ptr<detail::EventState> state_;
};

/// Seconds between two completed records on one device: of device time on cuda, of the host's steady clock
/// elsewhere. Waits for both. Throws InvalidArgument when one was never recorded.
[[nodiscard]] double elapsed_seconds(const Event& start, const Event& stop);

}  // namespace atelier
