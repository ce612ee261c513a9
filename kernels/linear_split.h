#pragma once

#include <cstdint>

#include "runtime/backend.h"

// How the linear layers' products are cut into blocks on a GPU: pure functions of the shape, so that the
// scratch that a call needs is known before it is made, and sums have one order on every GPU.

namespace atelier {

/// A product [rows, depth] x [depth, columns] cut into square tiles, and its sum over `depth` into `parts`
/// of `part_depth` terms (the last may be shorter), which are computed apart and added in order.
struct MatrixSplit {
  int tile = 32;  // 32, 64 or 128; kStripColumns where there are no tiles
  std::int64_t parts = 1;
  std::int64_t part_depth = 0;
};

inline namespace ATELIER_CODE {

[[nodiscard]] ATELIER_HOST_DEVICE constexpr std::int64_t divide_up(std::int64_t count, std::int64_t size) {
  return (count + size - 1) / size;
}

inline constexpr std::int64_t kEnoughBlocks = 120;  // they fill a large GPU
inline constexpr std::int64_t kAllResident = 264;   // two on each of an H200's multiprocessors
inline constexpr int kStripColumns = 128;           // four for each lane of a warp

/// Whether a product with so few rows is computed by kernels without tiles. 17 to 32 rows fill a tile of 32
/// well, so the forward pass takes tiles for them where there are enough.
[[nodiscard]] constexpr bool few_rows(std::int64_t rows, std::int64_t columns) {
  return rows <= 16 || (rows <= 32 && divide_up(columns, 32) < kEnoughBlocks);
}
[[nodiscard]] constexpr bool few_rows_backward(std::int64_t rows) {
  return rows <= 16;
}

/// The largest tiles that fill a large GPU and are not half empty; where none do, tiles of 64 or 32 with the
/// depth split, as long as a part is worth a block.
[[nodiscard]] constexpr MatrixSplit matrix_split(std::int64_t rows, std::int64_t columns, std::int64_t depth,
                                                 bool may_split = true) {
  constexpr std::int64_t kSlice = 32;  // a part is a whole number of slices of every tile
  const auto tiles = [&](std::int64_t size) { return divide_up(rows, size) * divide_up(columns, size); };
  const auto split = [&](int size, std::int64_t parts) {
    const std::int64_t slices = divide_up(divide_up(depth, parts), kSlice);
    const std::int64_t part_depth = slices < 1 ? kSlice : slices * kSlice;
    return MatrixSplit{size, depth > 0 ? divide_up(depth, part_depth) : 1, part_depth};
  };
  const auto parts_of = [&](std::int64_t size, std::int64_t least_depth) {
    const std::int64_t wanted = kAllResident / tiles(size);
    const std::int64_t worth = depth / least_depth;
    const std::int64_t parts = wanted < worth ? wanted : worth;
    return parts < 1 ? 1 : parts;
  };
  const std::int64_t shorter = rows < columns ? rows : columns;
  if (shorter > 64 && tiles(128) >= kEnoughBlocks) return split(128, 1);
  if (shorter > 32 && tiles(64) >= kEnoughBlocks) return split(64, 1);
  if (shorter < 1 || !may_split) return split(32, 1);
  if (shorter > 32 && tiles(64) * parts_of(64, 256) >= kEnoughBlocks) return split(64, parts_of(64, 256));
  return split(32, tiles(32) >= kEnoughBlocks ? 1 : parts_of(32, 64));
}

/// Floats for the parts of a product; none for one part.
[[nodiscard]] constexpr std::int64_t matrix_split_floats(std::int64_t rows, std::int64_t columns,
                                                         std::int64_t depth) {
  const MatrixSplit split = matrix_split(rows, columns, depth);
  return split.parts > 1 ? split.parts * rows * columns : 0;
}

/// The same for a product with few rows and no tiles: blocks of `tile` columns, each for a part of
/// the depth.
[[nodiscard]] constexpr MatrixSplit few_rows_split(std::int64_t columns, std::int64_t depth) {
  constexpr std::int64_t kLeastDepth = 16;  // two terms for each of a block's eight warps
  const std::int64_t strips = columns > 0 ? divide_up(columns, kStripColumns) : 1;
  if (depth == 0) return {kStripColumns, 1, kLeastDepth};
  const std::int64_t wanted = strips < kAllResident ? kAllResident / strips : 1;
  const std::int64_t part_depth = divide_up(divide_up(depth, wanted), kLeastDepth) * kLeastDepth;
  return {kStripColumns, divide_up(depth, part_depth), part_depth};
}

[[nodiscard]] constexpr std::int64_t few_rows_split_floats(std::int64_t rows, std::int64_t columns,
                                                           std::int64_t depth) {
  const MatrixSplit split = few_rows_split(columns, depth);
  return split.parts > 1 ? split.parts * rows * columns : 0;
}

/// Scratch of linear_forward: the parts of the product, where it is split.
[[nodiscard]] constexpr std::int64_t linear_forward_scratch_floats(std::int64_t batch, std::int64_t inputs,
                                                                   std::int64_t outputs) {
  return few_rows(batch, outputs) ? 0 : matrix_split_floats(batch, outputs, inputs);
}

/// Scratch of linear_backward: delta [batch, delta_stride], its sums over bias_rows rows at a time, and room
/// for the parts of one product after the other.
struct LinearBackwardScratch {
  std::int64_t delta_stride = 0;
  std::int64_t bias_rows = 0;
  std::int64_t bias_parts = 0;
  std::int64_t bias_start = 0;  // floats from the beginning of the scratch
  std::int64_t parts_start = 0;
  std::int64_t size = 0;
};
[[nodiscard]] constexpr LinearBackwardScratch linear_backward_scratch_layout(std::int64_t batch,
                                                                             std::int64_t inputs,
                                                                             std::int64_t outputs) {
  LinearBackwardScratch layout;
  layout.delta_stride = divide_up(outputs, 4) * 4;  // rows keep the alignment of the first
  constexpr std::int64_t kBiasRows = 256;
  layout.bias_rows = kBiasRows * divide_up(batch > 0 ? batch : 1, kBiasRows * kAllResident);
  layout.bias_parts = divide_up(batch, layout.bias_rows);
  layout.bias_start = batch * layout.delta_stride;
  layout.parts_start = layout.bias_start + (layout.bias_parts > 1 ? layout.bias_parts * outputs : 0);
  const std::int64_t input_parts = few_rows_backward(batch) ? few_rows_split_floats(batch, inputs, outputs)
                                                            : matrix_split_floats(batch, inputs, outputs);
  const std::int64_t weight_parts = matrix_split_floats(outputs, inputs, batch);
  layout.size = layout.parts_start + (input_parts > weight_parts ? input_parts : weight_parts);
  return layout;
}

[[nodiscard]] constexpr std::int64_t linear_backward_scratch_floats(std::int64_t batch, std::int64_t inputs,
                                                                    std::int64_t outputs) {
  return linear_backward_scratch_layout(batch, inputs, outputs).size;
}

/// Scratch of linear_step: the parts of the input gradient.
[[nodiscard]] constexpr std::int64_t linear_step_scratch_floats(std::int64_t inputs, std::int64_t outputs) {
  return few_rows_split_floats(1, inputs, outputs);
}

}  // namespace ATELIER_CODE
}  // namespace atelier
