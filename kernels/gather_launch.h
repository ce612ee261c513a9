#pragma once

#include <cstdint>

#include "kernels/dispatch.h"
#include "kernels/gather.h"
#include "runtime/backend.h"
#include "runtime/stream.h"
#include "runtime/view.h"

namespace atelier {
inline namespace ATELIER_CODE {

/// Which row of the data is row b of a batch that starts at `first`; `rows` >= 1.
[[nodiscard]] ATELIER_HOST_DEVICE inline std::int64_t batch_row(VectorView<const std::int32_t> order,
                                                                std::uint64_t first, std::int64_t b,
                                                                std::int64_t rows) {
  const auto count = static_cast<std::uint64_t>(order.empty() ? rows : order.size);
  const auto position = static_cast<std::int64_t>((first % count + static_cast<std::uint64_t>(b)) % count);
  return order.empty() ? position : order[position];
}

}  // namespace ATELIER_CODE
}  // namespace atelier

// Each backend's half of kernels/gather.h. Arguments are checked; output is not empty and the data has rows.
ATELIER_DECLARE_BACKENDS(void gather_rows(Stream& stream, MatrixView<const std::uint8_t> data,
                                          BatchOrder order, float divisor, MatrixView<float> output);
                         void gather_one_hot(Stream& stream, VectorView<const std::uint8_t> labels,
                                             BatchOrder order, float off, float on, MatrixView<float> output);
                         void gather_labels(Stream& stream, VectorView<const std::uint8_t> labels,
                                            BatchOrder order, VectorView<std::uint8_t> output))
