#include <algorithm>
#include <cstdint>

#include "kernels/activation_function.h"
#include "kernels/elementwise_launch.h"
#include "runtime/parallel.h"

namespace atelier::cpu {
namespace {

constexpr std::int64_t kElements = 16384;  // of a range: some tens of microseconds

/// Calls body(row, first column, last column) for pieces of a matrix, on several threads where it is large.
template <class Body>
void for_each_piece(std::int64_t rows, std::int64_t columns, const Body& body) {
  const std::int64_t pieces = (columns + kElements - 1) / kElements;  // of a row
  const std::int64_t grain = std::max<std::int64_t>(1, kElements / std::min(columns, kElements));
  parallel_for(rows * pieces, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i % pieces * kElements;
      body(i / pieces, first, std::min(first + kElements, columns));
    }
  });
}

}  // namespace

void activation_forward(Stream& stream, MatrixView<const float> input, ActivationFunction activation,
                        MatrixView<float> output) {
  stream.enqueue("activation_forward", [input, activation, output] {
    for_each_piece(input.rows, input.columns, [&](std::int64_t row, std::int64_t first, std::int64_t last) {
      for (std::int64_t c = first; c < last; ++c) output(row, c) = activate(activation, input(row, c));
    });
  });
}

void activation_backward(Stream& stream, MatrixView<const float> input, MatrixView<const float> output,
                         ActivationFunction activation, MatrixView<const float> output_gradient,
                         MatrixView<float> input_gradient) {
  stream.enqueue("activation_backward", [=] {
    for_each_piece(input.rows, input.columns, [&](std::int64_t row, std::int64_t first, std::int64_t last) {
      for (std::int64_t c = first; c < last; ++c)
        input_gradient(row, c) =
            output_gradient(row, c) * activation_derivative(activation, input(row, c), output(row, c));
    });
  });
}

}  // namespace atelier::cpu
