#include <memory>

#include "runtime/device_cuda.h"
#include "runtime/stream_state.h"

// The cuda device of a build that has none.

namespace atelier {

std::string cuda_unavailable_reason() {
  return "this build has no cuda device";
}

int cuda_device_count() noexcept {
  return 0;
}

namespace detail {

DeviceDescription describe_cuda(Device) {
  throw DeviceUnavailable(cuda_unavailable_reason());
}

MemorySize cuda_memory_size(Device) {
  return {};
}

std::shared_ptr<StreamState> make_cuda_stream(Device) {
  throw DeviceUnavailable(cuda_unavailable_reason());
}

std::shared_ptr<EventState> make_cuda_event(Device) {
  throw DeviceUnavailable(cuda_unavailable_reason());
}

}  // namespace detail

}  // namespace atelier
