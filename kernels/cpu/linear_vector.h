#pragma once

#include <cstdint>

#include "kernels/linear_launch.h"

namespace atelier::cpu {

/// The cpu device's linear_forward, once for every instruction set. Weights are packed in panels of
/// `panel_columns` outputs, transposed, the bias first: row 0 of a panel is the bias (zeros where there is
/// none), row 1 + i holds the weights of input i. Every output is one sum over the inputs in their order,
/// whatever the cut into panels, rows and threads.
struct LinearKernels {
  std::int64_t panel_columns;
  /// Packs panel `panel` to `packed`: (inputs + 1) * panel_columns floats.
  void (*pack)(const LinearCall& call, std::int64_t panel, float* packed);
  /// Outputs of one packed panel for batch rows [row_begin, row_end).
  void (*multiply)(const LinearCall& call, std::int64_t panel, const float* packed, std::int64_t row_begin,
                   std::int64_t row_end);
  /// Outputs [output_begin, output_end) of a batch of at most `few_rows`, straight from the unpacked weights:
  /// sums run over the inputs a vector at a time.
  void (*multiply_few)(const LinearCall& call, std::int64_t output_begin, std::int64_t output_end);
  std::int64_t few_rows;
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

}  // namespace atelier::cpu
