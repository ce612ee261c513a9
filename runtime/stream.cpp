#include "runtime/stream.h"

#include <fmt/format.h>

#include "runtime/device_cuda.h"
#include "runtime/event.h"
#include "runtime/graph.h"
#include "runtime/memory_fence.h"
#include "runtime/stream_state.h"

namespace atelier {

namespace {

std::shared_ptr<detail::StreamState> make_state(Device device) {
  detail::require_device(device);
  return device.kind() == DeviceKind::cuda ? detail::make_cuda_stream(device)
                                           : detail::make_host_stream(device);
}

detail::StreamState& live(const std::shared_ptr<detail::StreamState>& state) {
  if (!state) throw InvalidArgument("the stream was moved from: it can only be assigned to or destroyed");
  return *state;
}

}  // namespace

namespace detail {

void StreamState::require_not_capturing(const char* call) const {
  if (capturing())
    throw CaptureError(
        fmt::format("{}: the stream on {} is capturing; end the capture first", call, device_.name()));
}

void StreamState::record_event(const std::shared_ptr<EventState>& event) {
  if (capturing()) {
    record_in_capture(*event);
    event->set_capture_mark(CaptureMark{capture_, capture_->clock(participant_)});
  } else {
    record(*event);
    event->set_capture_mark(std::nullopt);
  }
}

void StreamState::begin_capture() {
  if (capturing())
    throw CaptureError(fmt::format("begin_capture: the stream on {} is capturing already", device_.name()));
  capture_ = start_capture();
  participant_ = 0;
}

std::shared_ptr<GraphState> StreamState::end_capture() {
  if (!capturing())
    throw CaptureError(fmt::format("end_capture: the stream on {} is not capturing", device_.name()));
  if (!capture_->begun_by(*this))
    throw CaptureError("end_capture: this stream joined a capture; the stream that began it must end it");
  const std::shared_ptr<Capture> capture = capture_;
  const bool joined = capture->joined_back();
  capture->end();
  std::shared_ptr<GraphState> graph = finish_capture(*capture, joined);
  if (!joined)
    throw CaptureError(
        "end_capture: a stream that joined the capture was not joined back; the capturing stream must wait "
        "on an "
        "event recorded there after its last work");
  return graph;
}

void StreamState::join_capture(const CaptureMark& mark) {
  if (!mark.capture->live())
    throw CaptureError(
        "wait: the event was last recorded in a capture that has ended; it marks no point in time");
  if (!capturing()) {
    participant_ = mark.capture->join(shared_from_this(), mark.seen);
    capture_ = mark.capture;
  } else if (capture_ == mark.capture) {
    capture_->merge(participant_, mark.seen);
  } else {
    throw CaptureError("wait: the event belongs to the capture of another stream; captures cannot be merged");
  }
}

void StreamState::abandon_capture() noexcept {
  const std::shared_ptr<Capture> capture = capture_;
  if (!capture) return;
  if (!capture->begun_by(*this)) {
    // The capture goes on without this stream, and its end will find that it was not joined back.
    capture_.reset();
    return;
  }
  capture->end();
  try {
    (void)finish_capture(*capture, false);
  } catch (...) {  // nobody is left to be told
  }
}

}  // namespace detail

Stream::Stream(Device device) : state_(make_state(device)) {}

Stream::~Stream() {
  if (state_) state_->close();
}

Stream::Stream(Stream&&) noexcept = default;

Stream& Stream::operator=(Stream&& other) noexcept {
  if (this != &other) {
    if (state_) state_->close();
    state_ = std::move(other.state_);
  }
  return *this;
}

Device Stream::device() const {
  return live(state_).device();
}

void Stream::synchronize() {
  live(state_).require_not_capturing("synchronize");
  state_->synchronize();
  detail::report_corruption(state_->device());
}

void Stream::wait(const Event& event) {
  detail::StreamState& stream = live(state_);
  if (!event.state()) throw InvalidArgument("wait: the event was moved from");
  const bool on_cuda = stream.device().kind() == DeviceKind::cuda;
  if (on_cuda != (event.device().kind() == DeviceKind::cuda))
    throw InvalidArgument(
        fmt::format("wait: a stream on {} cannot wait on an event of {}; synchronize on the host",
                    stream.device().name(), event.device().name()));
  if (const std::optional<detail::CaptureMark> mark = event.state()->capture_mark()) {
    stream.join_capture(*mark);
    stream.wait_in_capture(*event.state());
    return;
  }
  if (!event.state()->recorded()) return;
  if (stream.capturing())
    throw CaptureError(
        "wait: the event was recorded outside of the capture that this stream is in; wait before "
        "begin_capture");
  stream.wait(*event.state());
}

void Stream::begin_capture() {
  live(state_).begin_capture();
}

Graph Stream::end_capture() {
  return Graph(live(state_).end_capture());
}

bool Stream::capturing() const {
  return live(state_).capturing();
}

void Stream::enqueue(const char* name, std::function<void()> task) {
  if (!task) throw InvalidArgument(fmt::format("enqueue: '{}' is an empty task", name));
  live(state_).enqueue(name, std::move(task));
}

void* Stream::native() const {
  return live(state_).native();
}

void copy_bytes(Stream& stream, void* destination, const void* source, std::size_t bytes) {
  detail::StreamState& state = live(stream.state());
  if (bytes == 0) return;
  if (destination == nullptr || source == nullptr)
    throw InvalidArgument(fmt::format("copy_bytes: {} bytes {} a null pointer on {}", bytes,
                                      destination == nullptr ? "to" : "from", state.device().name()));
  state.copy(destination, source, bytes);
}

void fill_bytes(Stream& stream, void* destination, unsigned char value, std::size_t bytes) {
  detail::StreamState& state = live(stream.state());
  if (bytes == 0) return;
  if (destination == nullptr)
    throw InvalidArgument(
        fmt::format("fill_bytes: {} bytes at a null pointer on {}", bytes, state.device().name()));
  state.fill(destination, value, bytes);
}

}  // namespace atelier
