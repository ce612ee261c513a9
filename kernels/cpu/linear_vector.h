#pragma once

#include <cstdint>

#include "kernels/linear_launch.h"

namespace atelier::cpu {

/// The gradients of one batch row or of one output, where the products of linear_backward are those of a
/// vector. One row: delta runs over the outputs, `matrix` is the weights, `sum` the input gradient, `vector`
/// the input and `product` the weight gradient. One output: delta runs over the batch, `matrix` is the input,
/// `sum` the weight gradient, `vector` the weights and `product` the input gradient.
struct SingleGradients {
  const float* delta;
  std::int64_t delta_step;
  std::int64_t rows;
  MatrixView<const float> matrix;
  float* sum;  // sum[i] = sum over r of delta[r] matrix(r, i), in the order of r; null: not wanted
  bool accumulate_sum;
  const float* vector;
  MatrixView<float> product;  // product(r, i) = delta[r] vector[i]; null: not wanted
  bool accumulate_product;
};

/// What linear layers do on the cpu device beside their matrix products (matrix_product_vector.h), once for
/// every instruction set. An element's result never depends on the rectangle that it is computed in.
struct LinearKernels {
  /// linear_forward by dot products, straight from the weights: sums run over the inputs a vector at a time.
  /// `few`: outputs [begin, end) of all batch rows, for a batch of at most few_rows. `narrow`: batch rows
  /// [begin, end), for at most narrow_outputs outputs.
  void (*few)(const LinearCall& call, std::int64_t begin, std::int64_t end);
  void (*narrow)(const LinearCall& call, std::int64_t begin, std::int64_t end);
  /// Rows [row_begin, row_end) by outputs [begin, end) of call.output hold the finished sums, bias included:
  /// keeps them as the pre-activation where that is wanted and applies the activation.
  void (*finish)(const LinearCall& call, std::int64_t row_begin, std::int64_t row_end, std::int64_t begin,
                 std::int64_t end);
  /// The same from the sums without bias, transposed: sums[output * stride + row]. row_begin is a multiple of
  /// `lanes`.
  void (*finish_transposed)(const LinearCall& call, const float* sums, std::int64_t stride,
                            std::int64_t row_begin, std::int64_t row_end, std::int64_t begin,
                            std::int64_t end);
  /// linear_backward's delta of outputs [begin, end), all batch rows: to delta[row * stride + output] unless
  /// delta is null, and summed over the batch, row by row, to call.bias_gradient unless that is null.
  void (*delta)(const LinearBackwardCall& call, float* delta, std::int64_t stride, std::int64_t begin,
                std::int64_t end);
  /// Columns [begin, end) of `from` become rows of `to`, `stride` apart.
  void (*transpose)(MatrixView<const float> from, float* to, std::int64_t stride, std::int64_t begin,
                    std::int64_t end);
  /// Columns [begin, end).
  void (*single)(const SingleGradients& call, std::int64_t begin, std::int64_t end);
  std::int64_t few_rows;
  std::int64_t narrow_outputs;
};

namespace portable {
extern const LinearKernels linear_kernels;
}
namespace avx2 {
extern const LinearKernels linear_kernels;
}
namespace avx512 {
extern const LinearKernels linear_kernels;
}

/// The chosen instruction set's.
[[nodiscard]] const LinearKernels& linear_kernels();

}  // namespace atelier::cpu
