#pragma once

#include <cstdint>

namespace atelier::cpu {

/// c[m, n] = start + sum_k a(m, k) * b(k, n), summed in the order of k, one multiply-add a term, whatever the
/// cut into panels, tiles, blocks of depth and threads.
struct MatrixProduct {
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t depth;
  const float* a;
  std::int64_t a_row;  // elements from one m to the next; 1, or a_depth is 1
  std::int64_t a_depth;
  const float* b;
  std::int64_t b_depth;
  std::int64_t b_column;  // 1, or b_depth is 1
  float* c;
  std::int64_t c_row;
  const float* column_start;  // start of each column, [columns], or null: 0
  bool accumulate;            // start is what stands in c, and column_start does not count
};

/// The columns of a product are cut into panels of one to `panel_vectors` vectors, as evenly as possible, or
/// all of `wide_panel_vectors`.
/// Panel p is packed as [depth][its vectors], zeros beyond the last column.
struct MatrixProductKernels {
  std::int64_t lanes;
  std::int64_t panel_vectors;
  std::int64_t wide_panel_vectors;
  std::int64_t block_size;  // floats
  /// Packs the columns from `column` on, `vectors` vectors wide.
  void (*pack)(const MatrixProduct& product, std::int64_t column, std::int64_t vectors, float* packed);
  /// Rows [row_begin, row_end) of those columns. `packed` is null where b is read where it lies: b_column is
  /// then 1 and the panel has no column beyond the last.
  void (*multiply)(const MatrixProduct& product, std::int64_t column, std::int64_t vectors,
                   const float* packed, std::int64_t row_begin, std::int64_t row_end);
  /// All rows of those columns; packs a block of depth at a time into `room`, block_size floats.
  void (*pack_and_multiply)(const MatrixProduct& product, std::int64_t column, std::int64_t vectors,
                            float* room);
};

namespace portable {
extern const MatrixProductKernels matrix_product_kernels;
}
namespace avx2 {
extern const MatrixProductKernels matrix_product_kernels;
}
namespace avx512 {
extern const MatrixProductKernels matrix_product_kernels;
}

}  // namespace atelier::cpu
