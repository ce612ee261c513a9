#include <cstdint>

#include "kernels/activation_function.h"
#include "kernels/linear_launch.h"
#include "kernels/matrix_tile.cuh"
#include "runtime/kernel.cuh"

// Tiles (matrix_tile.cuh), or `rows_kernel` where one of the operands has few rows: a warp keeps their sums
// against one row of the other, which is read once.
namespace atelier::ATELIER_DEVICE_NAMESPACE {
namespace {

/// Bias and activation of an element of the output.
struct ForwardEnd {
  VectorView<const float> bias;
  MatrixView<float> output;
  MatrixView<float> pre_activation;
  ActivationFunction activation;

  __device__ void operator()(std::int64_t row, std::int64_t column, float sum) const {
    if (bias.data != nullptr) sum += __ldg(bias.data + column);
    if (pre_activation.data != nullptr) pre_activation(row, column) = sum;
    output(row, column) = activate(activation, sum);
  }
};

struct RowsCall {
  MatrixView<const float> few;   // at most kFew rows
  MatrixView<const float> many;  // one of the two is the input, the other the weight
  bool few_inputs;               // the input is `few`
  bool quads;                    // rows of both start at 16-byte boundaries
};

// Adds sum[i] over all lanes; lane l returns the total of i = l % kCount. At each step half of the values
// that a lane still holds go to the lane across, so 32 totals take 31 shuffles.
template <int kCount>
__device__ float totals_across_lanes(float (&sum)[kCount], int lane) {
#pragma unroll
  for (int distance = kCount / 2; distance > 0; distance /= 2) {
    const bool upper = (lane & distance) != 0;
#pragma unroll
    for (int i = 0; i < distance; ++i) {
      const float kept = upper ? sum[i + distance] : sum[i];
      const float given = upper ? sum[i] : sum[i + distance];
      sum[i] = kept + __shfl_xor_sync(0xFFFFFFFFU, given, distance);
    }
  }
#pragma unroll
  for (int distance = kCount; distance < kWarp; distance *= 2)
    sum[0] += __shfl_xor_sync(0xFFFFFFFFU, sum[0], distance);
  return sum[0];
}

// A warp for each row of the longer operand, against all (at most kFew) rows of the other.
template <int kFew>
__global__ void __launch_bounds__(kThreads) rows_kernel(RowsCall call, ForwardEnd end) {
  const MatrixView<const float>& few = call.few;
  const MatrixView<const float>& many = call.many;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const std::int64_t row = std::int64_t{blockIdx.x} * (kThreads / kWarp) + threadIdx.x / kWarp;
  if (row >= many.rows) return;  // the whole warp; no barrier of the block follows
  const float* const own = many.data + row * many.stride;
  const int count = static_cast<int>(few.rows);
  float sum[kFew] = {};

  std::int64_t scalar_start = 0;
  if (call.quads) {
    scalar_start = many.columns / 4 * 4;
#pragma unroll 1
    for (std::int64_t k = 4 * lane; k < scalar_start; k += 4 * kWarp) {
      const float4 a = __ldg(reinterpret_cast<const float4*>(own + k));
      const float* other = few.data + k;
#pragma unroll
      for (int i = 0; i < kFew; ++i, other += few.stride) {
        if (i >= count) break;
        const float4 b = __ldg(reinterpret_cast<const float4*>(other));
        sum[i] += a.x * b.x;
        sum[i] += a.y * b.y;
        sum[i] += a.z * b.z;
        sum[i] += a.w * b.w;
      }
    }
  }
#pragma unroll 1
  for (std::int64_t k = scalar_start + lane; k < many.columns; k += kWarp) {
    const float a = __ldg(own + k);
#pragma unroll
    for (int i = 0; i < kFew; ++i)
      if (i < count) sum[i] += a * __ldg(&few(i, k));
  }

  const float total = totals_across_lanes(sum, lane);
  if (lane < count) {
    const std::int64_t output_row = call.few_inputs ? lane : row;
    const std::int64_t output_column = call.few_inputs ? row : lane;
    end(output_row, output_column, total);
  }
}

template <int kFew>
void launch_rows(Stream& stream, const LinearCall& call, bool few_inputs, const ForwardEnd& end) {
  const MatrixView<const float> few = few_inputs ? call.input : call.weight;
  const MatrixView<const float> many = few_inputs ? call.weight : call.input;
  const dim3 grid(static_cast<unsigned>(divide_up(many.rows, kThreads / kWarp)));
  launch("linear_forward", stream, rows_kernel<kFew>, {grid, dim3(kThreads)},
         RowsCall{few, many, few_inputs, starts_aligned(few) && starts_aligned(many)}, end);
}

}  // namespace

void linear_forward(Stream& stream, const LinearCall& call) {
  constexpr std::int64_t kFewOutputs = 16;
  constexpr std::int64_t kWarpPays = 64;  // inputs; below, most of a warp's lanes would idle
  const std::int64_t batch = call.output.rows;
  const std::int64_t outputs = call.output.columns;
  const ForwardEnd end{call.bias, call.output, call.pre_activation, call.activation};
  const bool few_inputs = few_rows(batch, outputs);
  if (few_inputs || (outputs <= kFewOutputs && call.input.columns >= kWarpPays)) {
#if !defined(ATELIER_FEW_INSTANTIATIONS)
    const std::int64_t few = few_inputs ? batch : outputs;
    if (few == 1) return launch_rows<1>(stream, call, few_inputs, end);
    if (few <= 4) return launch_rows<4>(stream, call, few_inputs, end);
    if (few <= 8) return launch_rows<8>(stream, call, few_inputs, end);
    if (few <= 16) return launch_rows<16>(stream, call, few_inputs, end);
#endif
    return launch_rows<32>(stream, call, few_inputs, end);
  }
  launch_product<Depth::along_rows, Depth::along_rows>("linear_forward", stream, call.input, call.weight,
                                                       batch, outputs, call.input.columns, call.scratch, end);
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
