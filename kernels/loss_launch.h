#pragma once

#include <cstdint>

#include "kernels/dispatch.h"
#include "runtime/stream.h"
#include "runtime/view.h"

namespace atelier {

enum class LossKind : std::uint8_t { bce, bce_of_sigmoid, sigmoid_bce, bce_with_logits, mse };
inline constexpr int kLossKindCount = 5;

/// The arguments of kernels/loss.h, checked, with something to write. Null where there is none: target.data
/// (then `constant` counts), probability.data, loss, gradient.data. Where all matrices are dense they have
/// become one row.
struct LossCall {
  MatrixView<const float> input;
  MatrixView<const float> target;
  float constant;
  MatrixView<float> probability;
  float* loss;
  MatrixView<float> gradient;
  VectorView<float> scratch;
};

// Partial sums are doubles kept as two floats, the rounded value and the rest, since a view of floats may lie
// at any multiple of four bytes.
inline constexpr int kFloatsPerPartialSum = 2;

/// Elements of a part of the sum on a GPU, the most parts there are, and the most elements that are one part.
inline constexpr std::int64_t kLossBlockElements = 4096;
inline constexpr std::int64_t kLossMostBlocks = 8192;
/// Elements of a part on cpu: 15 to 60 microseconds. Parts of strided matrices hold whole rows; they are at
/// least half as large.
inline constexpr std::int64_t kLossPartElements = 16384;

}  // namespace atelier

// Each backend's half of kernels/loss.h.
ATELIER_DECLARE_BACKENDS(void loss(Stream& stream, LossKind kind, const LossCall& call))
