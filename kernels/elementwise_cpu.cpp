#include <algorithm>
#include <cstdint>

#include "kernels/cpu/elementwise_vector.h"
#include "kernels/elementwise_launch.h"
#include "runtime/instruction_set.h"
#include "runtime/parallel.h"

namespace atelier::cpu {
namespace {

struct Loops {
  void (*forward)(ActivationFunction, const float*, float*, std::int64_t);
  void (*backward)(ActivationFunction, const float*, const float*, const float*, float*, std::int64_t);
};

Loops loops() {
  switch (instruction_set()) {
#if defined(ATELIER_X86)
    case InstructionSet::avx512:
      return {avx512::activate_elements, avx512::activate_elements_backward};
    case InstructionSet::avx2:
      return {avx2::activate_elements, avx2::activate_elements_backward};
#endif
    default:
      return {portable::activate_elements, portable::activate_elements_backward};
  }
}

constexpr std::int64_t kElements = 65536;  // of a range: some tens of microseconds

/// Calls body(row, first column, columns) for pieces of a matrix, on several threads where it is large.
template <class Body>
void for_each_piece(std::int64_t rows, std::int64_t columns, const Body& body) {
  const std::int64_t pieces = (columns + kElements - 1) / kElements;  // of a row
  const std::int64_t grain = std::max<std::int64_t>(1, kElements / std::min(columns, kElements));
  parallel_for(rows * pieces, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i % pieces * kElements;
      body(i / pieces, first, std::min(kElements, columns - first));
    }
  });
}

}  // namespace

void activation_forward(Stream& stream, MatrixView<const float> input, ActivationFunction activation,
                        MatrixView<float> output) {
  stream.enqueue("activation_forward", [input, activation, output, run = loops().forward] {
    for_each_piece(input.rows, input.columns, [&](std::int64_t row, std::int64_t first, std::int64_t count) {
      run(activation, &input(row, first), &output(row, first), count);
    });
  });
}

void activation_backward(Stream& stream, MatrixView<const float> input, MatrixView<const float> output,
                         ActivationFunction activation, MatrixView<const float> output_gradient,
                         MatrixView<float> input_gradient) {
  stream.enqueue("activation_backward", [=, run = loops().backward] {
    for_each_piece(input.rows, input.columns, [&](std::int64_t row, std::int64_t first, std::int64_t count) {
      run(activation, &input(row, first), &output(row, first), &output_gradient(row, first),
          &input_gradient(row, first), count);
    });
  });
}

}  // namespace atelier::cpu
