#pragma once

#include <cstdint>

#include "kernels/linear_launch.h"

namespace atelier::cpu {

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
