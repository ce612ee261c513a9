#pragma once

#include <cstdint>

#include "kernels/counter.h"
#include "runtime/stream.h"
#include "runtime/view.h"

namespace atelier {

/// Which rows of a data set make a batch: row b is order[(first + b) mod order.size], or (first + b) mod the
/// number of rows where order is empty (file order). `first` is read when the work runs.
struct BatchOrder {
  VectorView<const std::int32_t> order;  // each in [0, rows); device memory; not checked
  DeviceCounter first;
};

/// output[b, c] = data[row(b), c] / divisor, one correctly rounded division: PyTorch's tensor / 255.0.
/// data [rows, columns] of bytes that stay on the device. Any batch >= 0, any alignment. Queues work and
/// returns. Throws InvalidArgument when columns differ, rows is 0 with batch > 0, or divisor is 0 or not
/// finite.
void gather_rows(Stream& stream, MatrixView<const std::uint8_t> data, BatchOrder order, float divisor,
                 MatrixView<float> output);

/// output[b, k] = labels[row(b)] == k ? on : off. A label >= output.columns gives a row of `off`.
void gather_one_hot(Stream& stream, VectorView<const std::uint8_t> labels, BatchOrder order, float off,
                    float on, MatrixView<float> output);

/// output[b] = labels[row(b)].
void gather_labels(Stream& stream, VectorView<const std::uint8_t> labels, BatchOrder order,
                   VectorView<std::uint8_t> output);

}  // namespace atelier
