#pragma once

#include <cstdint>

#include "kernels/layer_norm_launch.h"

namespace atelier::cpu {

/// The cpu device's LayerNorm, once for every instruction set, a range of rows [begin, end) at a time.
struct LayerNormKernels {
  void (*forward)(const LayerNormCall& call, std::int64_t begin, std::int64_t end);
  /// Writes the rows' input gradients where they are wanted, and adds the rows' terms to gamma_sum and
  /// beta_sum [columns], in order. Either may be null.
  void (*backward)(const LayerNormBackwardCall& call, std::int64_t begin, std::int64_t end, float* gamma_sum,
                   float* beta_sum);
  /// sum[c] += term[c]
  void (*add)(float* sum, const float* term, std::int64_t count);
};

namespace portable {
extern const LayerNormKernels layer_norm_kernels;
}
namespace avx2 {
extern const LayerNormKernels layer_norm_kernels;
}
namespace avx512 {
extern const LayerNormKernels layer_norm_kernels;
}

}  // namespace atelier::cpu
