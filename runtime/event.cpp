#include "runtime/event.h"

#include <fmt/format.h>

#include "runtime/device_cuda.h"
#include "runtime/stream_state.h"

namespace atelier {

namespace {

std::shared_ptr<detail::EventState> make_state(Device device) {
  detail::require_device(device);
  return device.kind() == DeviceKind::cuda ? detail::make_cuda_event(device)
                                           : detail::make_host_event(device);
}

detail::EventState& live(const std::shared_ptr<detail::EventState>& state) {
  if (!state) throw InvalidArgument("the event was moved from: it can only be assigned to or destroyed");
  return *state;
}

}  // namespace

namespace detail {

std::optional<CaptureMark> EventState::capture_mark() const {
  const std::lock_guard lock(mark_mutex_);
  return mark_;
}

void EventState::set_capture_mark(std::optional<CaptureMark> mark) {
  const std::lock_guard lock(mark_mutex_);
  mark_ = std::move(mark);
}

void EventState::require_outside_capture(const char* call) const {
  if (capture_mark())
    throw CaptureError(fmt::format(
        "{}: the event was last recorded in a capture; it marks a place in a graph, not a point in time",
        call));
}

}  // namespace detail

Event::Event(Device device) : state_(make_state(device)) {}
Event::~Event() = default;
Event::Event(Event&&) noexcept = default;
Event& Event::operator=(Event&&) noexcept = default;

Device Event::device() const {
  return live(state_).device();
}

void Event::record(Stream& stream) {
  if (stream.device() != live(state_).device())
    throw InvalidArgument(
        fmt::format("record: the event is of {}, the stream on {}; they must be of one device",
                    state_->device().name(), stream.device().name()));
  stream.state()->record_event(state_);
}

void Event::synchronize() const {
  live(state_).require_outside_capture("synchronize");
  state_->synchronize();
}

bool Event::completed() const {
  live(state_).require_outside_capture("completed");
  return state_->completed();
}

double elapsed_seconds(const Event& start, const Event& stop) {
  for (const Event* event : {&start, &stop}) {
    live(event->state()).require_outside_capture("elapsed_seconds");
    if (!event->state()->recorded())
      throw InvalidArgument(fmt::format("elapsed_seconds: the {} event on {} was never recorded",
                                        event == &start ? "start" : "stop", event->device().name()));
  }
  if (start.device() != stop.device())
    throw InvalidArgument(fmt::format("elapsed_seconds: the start event is of {}, the stop event of {}",
                                      start.device().name(), stop.device().name()));
  start.state()->synchronize();
  stop.state()->synchronize();
  return stop.state()->seconds_since(*start.state());
}

}  // namespace atelier
