#pragma once

#include <string_view>

// Faults planted one at a time in the test kernels, and the case that shows each.
namespace atelier::simt_test {

enum class Bug {
  none,
  gemm_no_barrier_after_store,
  gemm_no_barrier_after_compute,
  gemm_tail_reads_past_end,
  gemm_writes_row_past_end,
  gemm_skips_last_column,
  gemm_tile_tail_uninitialised,
  gemm_return_before_barrier,
  gemm_barrier_in_branch,
  gemm_misaligned_vector_load,
  async_waits_for_too_few,
  async_stage_overwritten,
  async_shared_memory_too_small,
  tf32_fragment_swapped,
  f16_no_syncwarp_before_load,
  f16_no_syncwarp_after_load,
  f16_misaligned_rows,
  norm_scratch_reused,
  norm_scratch_read_early,
  norm_tail_reads_past_end,
  norm_uninitialised_scratch,
  norm_half_warp_mask,
  norm_shuffle_starts_late,
  norm_shuffle_in_branch,
  norm_tree_without_barriers,
  norm_partial_past_column,
  cppn_last_bias_not_loaded,
  cppn_return_before_barrier,
  cppn_no_barrier,
  bce_shared_counter_not_atomic,
  bce_global_loss_not_atomic,
  columns_no_grid_sync,
  columns_block_skips_grid_sync,
  columns_wait_on_a_flag,
};

/// The worst error of a case relative to 1 + |reference|, and what is allowed.
struct CaseResult {
  double error = 0.0;
  double tolerance = 0.0;
  [[nodiscard]] bool correct() const { return error <= tolerance; }  // NaN is not
};

}  // namespace atelier::simt_test

namespace atelier {
class Stream;
}

// The cases, one source for both compilers: each runs kernels on the stream and compares them with a
// reference in double precision. Bugs other than `none` exist for simt only.
#define ATELIER_DECLARE_CASES(backend)                                                       \
  namespace atelier::backend {                                                               \
  simt_test::CaseResult gemm_case(Stream& stream, simt_test::Bug bug);                       \
  simt_test::CaseResult odd_gemm_case(Stream& stream, simt_test::Bug bug);                   \
  simt_test::CaseResult async_gemm_case(Stream& stream, simt_test::Bug bug);                 \
  simt_test::CaseResult tf32_gemm_case(Stream& stream, simt_test::Bug bug);                  \
  simt_test::CaseResult f16_gemm_case(Stream& stream, simt_test::Bug bug);                   \
  simt_test::CaseResult layer_norm_case(Stream& stream, simt_test::Bug bug);                 \
  simt_test::CaseResult layer_norm_input_gradient_case(Stream& stream, simt_test::Bug bug);  \
  simt_test::CaseResult layer_norm_weight_gradient_case(Stream& stream, simt_test::Bug bug); \
  simt_test::CaseResult cppn_case(Stream& stream, simt_test::Bug bug);                       \
  simt_test::CaseResult bce_case(Stream& stream, simt_test::Bug bug);                        \
  simt_test::CaseResult column_sum_case(Stream& stream, simt_test::Bug bug);                 \
  }
ATELIER_DECLARE_CASES(simt)
ATELIER_DECLARE_CASES(cuda)
