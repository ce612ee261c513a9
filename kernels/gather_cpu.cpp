#include <algorithm>
#include <cstdint>

#include "kernels/gather_launch.h"
#include "runtime/parallel.h"

namespace atelier::cpu {
namespace {

// Elements written by a range of parallel_for: some tens of microseconds.
constexpr std::int64_t kElements = 131072;

std::int64_t rows_for(std::int64_t columns) {
  return std::max<std::int64_t>(1, kElements / std::max<std::int64_t>(1, columns));
}

}  // namespace

void gather_rows(Stream& stream, MatrixView<const std::uint8_t> data, BatchOrder order, float divisor,
                 MatrixView<float> output) {
  stream.enqueue("gather_rows", [data, order, divisor, output] {
    const std::uint64_t first = read_counter(order.first);
    parallel_for(output.rows, rows_for(output.columns), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t b = begin; b < end; ++b) {
        const std::uint8_t* const from = data.row(batch_row(order.order, first, b, data.rows)).data;
        float* const to = output.row(b).data;
        for (std::int64_t c = 0; c < output.columns; ++c) to[c] = static_cast<float>(from[c]) / divisor;
      }
    });
  });
}

void gather_one_hot(Stream& stream, VectorView<const std::uint8_t> labels, BatchOrder order, float off,
                    float on, MatrixView<float> output) {
  stream.enqueue("gather_one_hot", [labels, order, off, on, output] {
    const std::uint64_t first = read_counter(order.first);
    parallel_for(output.rows, rows_for(output.columns), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t b = begin; b < end; ++b) {
        const std::int64_t label = labels[batch_row(order.order, first, b, labels.size)];
        const VectorView<float> row = output.row(b);
        std::fill_n(row.data, row.size, off);
        if (label < row.size) row[label] = on;
      }
    });
  });
}

void gather_labels(Stream& stream, VectorView<const std::uint8_t> labels, BatchOrder order,
                   VectorView<std::uint8_t> output) {
  stream.enqueue("gather_labels", [labels, order, output] {
    const std::uint64_t first = read_counter(order.first);
    parallel_for(output.size, kElements, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t b = begin; b < end; ++b)
        output[b] = labels[batch_row(order.order, first, b, labels.size)];
    });
  });
}

}  // namespace atelier::cpu
