#pragma once

#include <cstdint>

#include "runtime/backend.h"
#include "runtime/stream.h"
#include "runtime/view.h"

namespace atelier {

/// A number that an operation reads when it runs, not when it is queued: *value * scale + offset, or offset
/// where value is null. `value` lies in memory of the stream's device, so a captured step can be replayed
/// and still draw new noise, gather the next batch and correct Adam's bias for the right step. A training
/// loop has one such count, of its iterations; everything else that counts is a multiple of it.
struct DeviceCounter {
  const std::uint64_t* value = nullptr;
  std::uint64_t scale = 1;
  std::uint64_t offset = 0;
};

inline namespace ATELIER_CODE {

/// The counter's number now, modulo 2^64.
[[nodiscard]] ATELIER_HOST_DEVICE inline std::uint64_t read_counter(DeviceCounter counter) {
  return (counter.value != nullptr ? *counter.value * counter.scale : 0U) + counter.offset;
}

}  // namespace ATELIER_CODE

/// The end of an iteration, in one launch: history(*counter mod history.rows, i) = values[i], then
/// *counter += 1. `history` may have 0 rows: then only the counter advances. Queues work and returns.
/// Throws InvalidArgument when history has rows and values.size is not history.columns, or counter is null.
void finish_iteration(Stream& stream, std::uint64_t* counter, VectorView<const float> values,
                      MatrixView<float> history);

}  // namespace atelier
