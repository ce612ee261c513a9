#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/dispatch.h"
#include "runtime/backend.h"
#include "runtime/stream.h"
#include "runtime/view.h"

namespace atelier {

/// The arguments of layer_norm_forward, checked; rows and columns are at least 1. Null where there is none:
/// gamma.data and beta.data (together), mean.data and reciprocal_deviation.data (together).
struct LayerNormCall {
  MatrixView<const float> input;
  VectorView<const float> gamma;
  VectorView<const float> beta;
  float epsilon;
  MatrixView<float> output;
  VectorView<float> mean;
  VectorView<float> reciprocal_deviation;
};

/// The arguments of layer_norm_backward, checked; columns is at least 1 and there is something to write, rows
/// may be 0. Null where there is none: gamma.data and the gradients' data.
struct LayerNormBackwardCall {
  MatrixView<const float> input;
  VectorView<const float> gamma;
  VectorView<const float> mean;
  VectorView<const float> reciprocal_deviation;
  MatrixView<const float> output_gradient;
  MatrixView<float> input_gradient;
  VectorView<float> gamma_gradient;
  VectorView<float> beta_gradient;
  bool accumulate;
  VectorView<float> scratch;
};

inline namespace ATELIER_CODE {

// How the sums over rows are cut, the same on every machine. Each part leaves two rows of `columns` floats in
// the scratch memory, gamma's sums and beta's; a second stage adds the parts in their order.

/// Up to here a row of aligned quads stays in registers on a GPU: of a warp, or of a block of eight warps.
/// Other rows do up to kLayerNormBlockSingles.
inline constexpr std::int64_t kLayerNormWarpColumns = 1024;
inline constexpr std::int64_t kLayerNormBlockColumns = 8192;
inline constexpr std::int64_t kLayerNormWarpSingles = 256;
inline constexpr std::int64_t kLayerNormBlockSingles = 2048;
inline constexpr std::int64_t kLayerNormWarps = 8;
/// Rows of a part on a GPU where a row fits in no register file, and what is kept of each row meanwhile.
inline constexpr std::int64_t kLayerNormWideRows = 32;
inline constexpr std::int64_t kLayerNormRowSums = 3;

/// Parts on a GPU. At most two blocks a multiprocessor of the largest GPU, four where rows are short.
inline std::int64_t layer_norm_blocks(std::int64_t rows, std::int64_t columns, bool quads) {
  if (columns > (quads ? kLayerNormBlockColumns : kLayerNormBlockSingles))
    return std::max<std::int64_t>((rows + kLayerNormWideRows - 1) / kLayerNormWideRows, 1);
  const bool warps = columns <= (quads ? kLayerNormWarpColumns : kLayerNormWarpSingles);
  const std::int64_t at_a_time = warps ? kLayerNormWarps : 1;
  const std::int64_t most = columns > kLayerNormWarpColumns / 2 ? 264 : 528;
  return std::clamp<std::int64_t>((rows + at_a_time - 1) / at_a_time, 1, most);
}

/// Rows of a part on cpu: some 16,384 elements, and no more than 64 parts.
inline std::int64_t layer_norm_part_rows(std::int64_t rows, std::int64_t columns) {
  return std::max<std::int64_t>({(rows + 63) / 64, 16384 / columns, 1});
}

}  // namespace ATELIER_CODE
}  // namespace atelier

// Each backend's half of kernels/layer_norm.h.
ATELIER_DECLARE_BACKENDS(void layer_norm_forward(Stream& stream, const LayerNormCall& call);
                         void layer_norm_backward(Stream& stream, const LayerNormBackwardCall& call))
