#include "tests/simt/kernels/case_support.h"
#include "tests/simt/kernels/gemm.cuh"
#include "tests/simt/kernels/tensor_gemm.cuh"

namespace atelier::ATELIER_DEVICE_NAMESPACE {
namespace {

using simt_test::CaseResult;

struct Shape {
  int m, n, k;
  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(m) * static_cast<std::size_t>(k); }
  [[nodiscard]] std::size_t right() const {
    return static_cast<std::size_t>(k) * static_cast<std::size_t>(n);
  }
  [[nodiscard]] std::int64_t result() const { return std::int64_t{m} * n; }
};

unsigned tiles(int extent, int tile) {
  return static_cast<unsigned>((extent + tile - 1) / tile);
}

/// Compares c with finish(column, sum of products left(row, depth) * right(depth, column)).
template <class Left, class Right, class Finish>
Comparison compare_product(const std::vector<float>& c, Shape shape, Left left, Right right, Finish finish) {
  Comparison worst;
  for (int row = 0; row < shape.m; ++row)
    for (int column = 0; column < shape.n; ++column) {
      double sum = 0.0;
      for (int depth = 0; depth < shape.k; ++depth)
        sum += static_cast<double>(left(row, depth)) * static_cast<double>(right(depth, column));
      worst.add(c[static_cast<std::size_t>(row * shape.n + column)], finish(column, sum));
    }
  return worst;
}

CaseResult run_tiled(Stream& stream, Bug bug, Shape shape) {
  const auto a = random_values(shape.left(), 1);
  const auto b = random_values(shape.right(), 2);
  const auto bias = random_values(static_cast<std::size_t>(shape.n), 3);
  const auto device_a = to_device(stream, a);
  const auto device_b = to_device(stream, b);
  const auto device_bias = to_device(stream, bias);
  const Buffer<float> c(stream, shape.result());
  with_bug<Bug::gemm_no_barrier_after_store, Bug::gemm_no_barrier_after_compute,
           Bug::gemm_tail_reads_past_end, Bug::gemm_writes_row_past_end, Bug::gemm_skips_last_column,
           Bug::gemm_tile_tail_uninitialised, Bug::gemm_return_before_barrier, Bug::gemm_barrier_in_branch,
           Bug::gemm_misaligned_vector_load>(bug, [&](auto planted) {
    launch("tiled_gemm", stream, tiled_gemm<decltype(planted)::value>,
           LaunchShape{dim3(tiles(shape.n, 64), tiles(shape.m, 64)), dim3(256)}, device_a.data(),
           device_b.data(), device_bias.data(), c.data(), shape.m, shape.n, shape.k, 0.01F);
  });
  return compare_product(
             to_host(stream, c), shape,
             [&](int r, int d) { return a[static_cast<std::size_t>(r * shape.k + d)]; },
             [&](int d, int s) { return b[static_cast<std::size_t>(d * shape.n + s)]; },
             [&](int s, double sum) {
               sum += static_cast<double>(bias[static_cast<std::size_t>(s)]);
               return sum > 0.0 ? sum : 0.01 * sum;
             })
      .within(2e-6 * std::sqrt(shape.k) + 1e-6);
}

}  // namespace

CaseResult gemm_case(Stream& stream, Bug bug) {
  // Vector loads want n a multiple of 4; the misaligned one also wants whole tiles.
  return run_tiled(stream, bug,
                   bug == Bug::gemm_misaligned_vector_load ? Shape{64, 64, 64} : Shape{100, 72, 50});
}

CaseResult odd_gemm_case(Stream& stream, Bug bug) {
  return run_tiled(stream, bug, {65, 33, 17});
}

CaseResult async_gemm_case(Stream& stream, Bug bug) {
  const Shape shape{70, 36, 52};
  const auto a = random_values(shape.left(), 1);
  const auto b = random_values(shape.right(), 2);
  const auto device_a = to_device(stream, a);
  const auto device_b = to_device(stream, b);
  const Buffer<float> c(stream, shape.result());
  const std::size_t needed = 2 * (32 * 16 + 16 * 32) * sizeof(float);
  const std::size_t given = bug == Bug::async_shared_memory_too_small ? needed - 16 : needed;
  with_bug<Bug::async_waits_for_too_few, Bug::async_stage_overwritten>(bug, [&](auto planted) {
    launch("async_gemm", stream, async_gemm<decltype(planted)::value>,
           LaunchShape{dim3(tiles(shape.n, 32), tiles(shape.m, 32)), dim3(64), given}, device_a.data(),
           device_b.data(), c.data(), shape.m, shape.n, shape.k);
  });
  return compare_product(
             to_host(stream, c), shape,
             [&](int r, int d) { return a[static_cast<std::size_t>(r * shape.k + d)]; },
             [&](int d, int s) { return b[static_cast<std::size_t>(d * shape.n + s)]; },
             [](int, double sum) { return sum; })
      .within(2e-5);
}

CaseResult tf32_gemm_case(Stream& stream, Bug bug) {
  const Shape shape{48, 40, 64};
  const auto a = random_values(shape.left(), 1);
  const auto b = random_values(shape.right(), 2);
  const auto device_a = to_device(stream, a);
  const auto device_b = to_device(stream, b);
  const Buffer<float> c(stream, shape.result());
  with_bug<Bug::tf32_fragment_swapped>(bug, [&](auto planted) {
    launch("tf32_gemm", stream, tf32_gemm<decltype(planted)::value>,
           LaunchShape{dim3(tiles(shape.m / 16 * (shape.n / 8), 4)), dim3(128)}, device_a.data(),
           device_b.data(), c.data(), shape.m, shape.n, shape.k);
  });
  // Each operand is rounded by at most 2^-11 of itself; 64 products of at most 1.
  return compare_product(
             to_host(stream, c), shape,
             [&](int r, int d) { return a[static_cast<std::size_t>(r * shape.k + d)]; },
             [&](int d, int s) { return b[static_cast<std::size_t>(d * shape.n + s)]; },
             [](int, double sum) { return sum; })
      .within(4e-3);
}

CaseResult f16_gemm_case(Stream& stream, Bug bug) {
  const Shape shape{48, 40, 64};
  const auto rounded = [](const std::vector<float>& values) {
    std::vector<__half> halves;
    for (const float value : values) halves.push_back(__float2half(value));
    return halves;
  };
  const auto a = rounded(random_values(shape.left(), 1));
  const auto b = rounded(random_values(shape.right(), 2));
  const auto device_a = to_device(stream, a);
  const auto device_b = to_device(stream, b);
  const Buffer<float> c(stream, shape.result());
  with_bug<Bug::f16_no_syncwarp_before_load, Bug::f16_no_syncwarp_after_load, Bug::f16_misaligned_rows>(
      bug, [&](auto planted) {
        launch("f16_gemm", stream, f16_gemm<decltype(planted)::value>,
               LaunchShape{dim3(tiles(shape.m / 16 * (shape.n / 8), 4)), dim3(128)}, device_a.data(),
               device_b.data(), c.data(), shape.m, shape.n, shape.k);
      });
  // The reference multiplies the rounded operands, so only the accumulation differs.
  return compare_product(
             to_host(stream, c), shape,
             [&](int r, int d) { return __half2float(a[static_cast<std::size_t>(r * shape.k + d)]); },
             [&](int d, int s) { return __half2float(b[static_cast<std::size_t>(s * shape.k + d)]); },
             [](int, double sum) { return sum; })
      .within(1e-4);
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
