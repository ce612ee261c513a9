#include "kernels/noise.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "kernels/dispatch.h"
#include "kernels/noise_launch.h"
#include "runtime/error.h"

namespace atelier {
namespace {

void check_size(const char* call, const Stream& stream, VectorView<float> destination) {
  if (destination.size < 0)
    throw InvalidArgument(fmt::format("{} on {}: the destination's size is {}; it must not be negative", call,
                                      stream.device().name(), destination.size));
}

void check_range(const char* call, const Stream& stream, VectorView<float> destination, std::uint64_t first) {
  check_size(call, stream, destination);
  const auto size = static_cast<std::uint64_t>(destination.size);
  if (size > 0 && first > std::numeric_limits<std::uint64_t>::max() - (size - 1))
    throw InvalidArgument(fmt::format("{} on {}: {} elements from element {} run past the stream's 2^64",
                                      call, stream.device().name(), size, first));
}

}  // namespace

void fill_uniform(Stream& stream, VectorView<float> destination, PhiloxStream random, std::uint64_t first,
                  float low, float high) {
  check_range("fill_uniform", stream, destination, first);
  fill_uniform(stream, destination, random, DeviceCounter{nullptr, 1, first}, low, high);
}

void fill_normal(Stream& stream, VectorView<float> destination, PhiloxStream random, std::uint64_t first,
                 float mean, float deviation) {
  check_range("fill_normal", stream, destination, first);
  fill_normal(stream, destination, random, DeviceCounter{nullptr, 1, first}, mean, deviation);
}

void fill_uniform(Stream& stream, VectorView<float> destination, PhiloxStream random, DeviceCounter first,
                  float low, float high) {
  check_size("fill_uniform", stream, destination);
  const float span = high - low;
  if (!std::isfinite(low) || !std::isfinite(high) || !std::isfinite(span) || low > high)
    throw InvalidArgument(fmt::format(
        "fill_uniform on {}: the range is {} to {}; both ends and their difference must be finite, "
        "the lower end first",
        stream.device().name(), low, high));
  if (destination.empty()) return;
  ATELIER_DISPATCH(stream, fill_uniform(stream, destination, random, first, low, span));
}

void fill_normal(Stream& stream, VectorView<float> destination, PhiloxStream random, DeviceCounter first,
                 float mean, float deviation) {
  check_size("fill_normal", stream, destination);
  if (!std::isfinite(mean) || !std::isfinite(deviation) || deviation < 0.0F)
    throw InvalidArgument(fmt::format(
        "fill_normal on {}: mean {}, deviation {}; both must be finite, the deviation not negative",
        stream.device().name(), mean, deviation));
  if (destination.empty()) return;
  ATELIER_DISPATCH(stream, fill_normal(stream, destination, random, first, mean, deviation));
}

}  // namespace atelier
