#include <cstdint>

#include "kernels/lane_columns.cuh"
#include "kernels/linear_delta.cuh"
#include "kernels/linear_launch.h"
#include "kernels/matrix_tile.cuh"
#include "runtime/kernel.cuh"

// Delta is computed once, into scratch, with the sums for the bias gradient: three or four reads and a write
// of [batch, outputs], against as many for every tile of both products, each tile of which would have to
// pass through registers instead of cp.async. Then both gradients are products by tiles (matrix_tile.cuh).
// Small batches take no tiles and no delta in memory: a thread keeps the sums of a few rows for four columns.
namespace atelier::ATELIER_DEVICE_NAMESPACE {
namespace {

constexpr const char* kName = "linear_backward";
constexpr int kWarps = kThreads / kWarp;

struct GradientEnd {
  MatrixView<float> gradient;
  bool accumulate;

  __device__ void operator()(std::int64_t row, std::int64_t column, float sum) const {
    float& element = gradient(row, column);
    element = accumulate ? element + sum : sum;
  }
};

MatrixView<float> one_row(VectorView<float> vector) {
  return {vector.data, 1, vector.size, vector.size};
}

constexpr int kDeltaColumns = kWarp;

struct DeltaCall {
  DeltaSource source;
  MatrixView<float> delta;  // null where delta is the output's gradient
  std::int64_t bias_rows;
  float* bias_parts;     // [blockIdx.y, outputs]; null where bias_end finishes
  GradientEnd bias_end;  // null gradient: no bias
};

// Delta of bias_rows rows of kDeltaColumns outputs, and its sums over these rows.
__global__ void __launch_bounds__(kThreads) delta_kernel(DeltaCall call) {
  ATELIER_SHARED(float, sums, [kWarps][kDeltaColumns]);
  const std::int64_t outputs = call.source.output_gradient.columns;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const std::int64_t column = std::int64_t{blockIdx.x} * kDeltaColumns + lane;
  const std::int64_t first = std::int64_t{blockIdx.y} * call.bias_rows;
  const std::int64_t rows = call.source.output_gradient.rows;
  const std::int64_t end = first + call.bias_rows < rows ? first + call.bias_rows : rows;
  float sum = 0.0F;
  if (column < outputs) {
#pragma unroll 2
    for (std::int64_t row = first + warp; row < end; row += kWarps) {
      const float delta = call.source(row, column);
      if (call.delta.data != nullptr) call.delta(row, column) = delta;
      sum += delta;
    }
  }
  if (call.bias_end.gradient.data == nullptr) return;  // the whole grid
  sums[warp][lane] = sum;
  __syncthreads();  // the sums of all warps are there, and this is the last barrier
  if (warp > 0 || column >= outputs) return;
#pragma unroll
  for (int other = 1; other < kWarps; ++other) sum += sums[other][lane];
  if (call.bias_parts != nullptr) {
    call.bias_parts[blockIdx.y * outputs + column] = sum;
  } else {
    call.bias_end(0, column, sum);
  }
}

struct FewRowsCall {
  DeltaSource delta;
  MatrixView<const float> weight;  // of the weight gradient: the layer's input
  unsigned strips;
  std::int64_t part_depth;
  float* parts;  // [parts][batch, inputs]; null: there is one part, which `end` finishes
  bool quads;
  GradientEnd end;
  GradientEnd bias_end;  // of the weight gradient; null gradient: not wanted
};

// The input gradient of at most kFew rows, for a strip of columns and a part of the outputs. Warps take the
// outputs in turn and read each row of the weight once; lane b holds delta of row b.
template <int kFew>
__global__ void __launch_bounds__(kThreads, kFew == 16 ? 2 : 3) few_rows_input_kernel(FewRowsCall call) {
  constexpr int kStored = kFew < 4 ? kFew : 4;  // rows in shared memory at a time
  ATELIER_SHARED(float, stored, [kWarps][kStored][kStripColumns]);
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const std::int64_t batch = call.delta.output_gradient.rows;
  const std::int64_t begin = std::int64_t{blockIdx.y} * call.part_depth;
  const std::int64_t end =
      begin + call.part_depth < call.weight.rows ? begin + call.part_depth : call.weight.rows;
  const LaneColumns columns(blockIdx.x, call.weight.columns, call.quads);
  float sum[kFew][4] = {};
#pragma unroll 1
  for (std::int64_t output = begin + warp; output < end; output += kWarps) {
    float weight[4];
    columns.load(&call.weight(output, 0), weight);
    const float own = lane < batch ? call.delta(lane, output) : 0.0F;
#pragma unroll
    for (int b = 0; b < kFew; ++b) {
      const float delta = __shfl_sync(0xFFFFFFFFU, own, b);
#pragma unroll
      for (int j = 0; j < 4; ++j) sum[b][j] += delta * weight[j];
    }
  }
#pragma unroll
  for (int first = 0; first < kFew; first += kStored) {
    if (first > 0) __syncthreads();  // the rows before are written
#pragma unroll
    for (int b = 0; b < kStored; ++b)
#pragma unroll
      for (int j = 0; j < 4; ++j) stored[warp][b][columns.place + j * columns.step] = sum[first + b][j];
    __syncthreads();  // these rows are complete
#pragma unroll 1
    for (int element = static_cast<int>(threadIdx.x); element < kStored * kStripColumns;
         element += kThreads) {
      const int b = element / kStripColumns;
      const std::int64_t column = std::int64_t{blockIdx.x} * kStripColumns + element % kStripColumns;
      if (first + b >= batch || column >= call.weight.columns) continue;
      float total = stored[0][b][element % kStripColumns];
#pragma unroll
      for (int other = 1; other < kWarps; ++other) total += stored[other][b][element % kStripColumns];
      if (call.parts != nullptr) {
        call.parts[(blockIdx.y * batch + first + b) * call.weight.columns + column] = total;
      } else {
        call.end(first + b, column, total);
      }
    }
  }
}

// The weight gradient of at most 16 rows: a warp for two outputs and a strip of inputs. Lane 2 b + r holds
// delta of row b and the warp's output r; the first strip's warps sum it for the bias.
__global__ void __launch_bounds__(kThreads) few_rows_weight_kernel(FewRowsCall call) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const unsigned strip = blockIdx.x % call.strips;
  const std::int64_t output = (std::int64_t{blockIdx.x / call.strips} * kWarps + threadIdx.x / kWarp) * 2;
  const std::int64_t batch = call.delta.output_gradient.rows;
  const std::int64_t outputs = call.delta.output_gradient.columns;
  if (output >= outputs) return;  // the whole warp; no barrier of the block follows
  const LaneColumns columns(strip, call.end.gradient.columns, call.quads);
  const std::int64_t own_output = output + lane % 2;
  const float own = lane / 2 < batch && own_output < outputs ? call.delta(lane / 2, own_output) : 0.0F;
  float sum[2][4] = {};
#pragma unroll 4
  for (int b = 0; b < static_cast<int>(batch); ++b) {
    float input[4];
    columns.load(&call.weight(b, 0), input);
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      const float delta = __shfl_sync(0xFFFFFFFFU, own, 2 * b + r);
#pragma unroll
      for (int j = 0; j < 4; ++j) sum[r][j] += delta * input[j];
    }
  }
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    if (output + r >= outputs) continue;
#pragma unroll
    for (int j = 0; j < 4; ++j)
      if (columns.has(j)) call.end(output + r, columns.first + j * columns.step, sum[r][j]);
  }
  if (strip > 0 || call.bias_end.gradient.data == nullptr) return;
  float total = own;
#pragma unroll
  for (int distance = kWarp / 2; distance > 1; distance /= 2)
    total += __shfl_xor_sync(0xFFFFFFFFU, total, distance);
  if (lane < 2 && own_output < outputs) call.bias_end(0, own_output, total);
}

DeltaSource delta_source(const LinearBackwardCall& call) {
  return {call.pre_activation, call.output, call.output_gradient, call.activation};
}

unsigned strips_of(std::int64_t columns) {
  return static_cast<unsigned>(divide_up(columns, kStripColumns));
}

void launch_few_rows_input(Stream& stream, const LinearBackwardCall& call, VectorView<float> parts) {
  const std::int64_t batch = call.input_gradient.rows;
  const std::int64_t inputs = call.input_gradient.columns;
  const MatrixSplit split = few_rows_split(inputs, call.weight.rows);
  const GradientEnd end{call.input_gradient, false};
  const FewRowsCall few{delta_source(call),
                        call.weight,
                        strips_of(inputs),
                        split.part_depth,
                        split.parts > 1 ? parts.data : nullptr,
                        starts_aligned(call.weight),
                        end,
                        {}};
  const LaunchShape shape{dim3(few.strips, static_cast<unsigned>(split.parts)), dim3(kThreads)};
#if !defined(ATELIER_FEW_INSTANTIATIONS)
  if (batch == 1) {
    launch(kName, stream, few_rows_input_kernel<1>, shape, few);
  } else if (batch <= 4) {
    launch(kName, stream, few_rows_input_kernel<4>, shape, few);
  } else if (batch <= 8) {
    launch(kName, stream, few_rows_input_kernel<8>, shape, few);
  } else
#endif
    launch(kName, stream, few_rows_input_kernel<16>, shape, few);
  if (split.parts > 1) launch_sum_of_parts(kName, stream, parts.data, split.parts, batch, inputs, end);
}

void launch_few_rows_weight(Stream& stream, const LinearBackwardCall& call) {
  const GradientEnd end{call.weight_gradient, call.accumulate};
  const FewRowsCall few{delta_source(call),
                        call.input,
                        strips_of(call.weight_gradient.columns),
                        0,
                        nullptr,
                        starts_aligned(call.input),
                        end,
                        GradientEnd{one_row(call.bias_gradient), call.accumulate}};
  constexpr std::int64_t kBlockOutputs = 2 * kWarps;
  const dim3 grid(few.strips * static_cast<unsigned>(divide_up(call.weight_gradient.rows, kBlockOutputs)));
  launch(kName, stream, few_rows_weight_kernel, {grid, dim3(kThreads)}, few);
}

// Delta as a matrix, in scratch unless it is the output's gradient, and the bias gradient.
MatrixView<const float> launch_delta(Stream& stream, const LinearBackwardCall& call,
                                     const LinearBackwardScratch& layout, bool delta_wanted) {
  const std::int64_t batch = call.output_gradient.rows;
  const std::int64_t outputs = call.output_gradient.columns;
  const bool bias = call.bias_gradient.data != nullptr;
  const bool copied = delta_wanted && call.activation.kind != Activation::identity;
  const MatrixView<float> delta{copied ? call.scratch.data : nullptr, batch, outputs, layout.delta_stride};
  if (copied || bias) {
    float* const parts = layout.bias_parts > 1 ? call.scratch.data + layout.bias_start : nullptr;
    const GradientEnd end{one_row(call.bias_gradient), call.accumulate};
    const std::int64_t blocks = layout.bias_parts > 1 ? layout.bias_parts : 1;
    const dim3 grid(static_cast<unsigned>(divide_up(outputs, kDeltaColumns)), static_cast<unsigned>(blocks));
    launch(kName, stream, delta_kernel, {grid, dim3(kThreads)},
           DeltaCall{delta_source(call), delta, layout.bias_rows, parts, end});
    if (bias && parts != nullptr) launch_sum_of_parts(kName, stream, parts, blocks, 1, outputs, end);
  }
  return copied ? MatrixView<const float>(delta) : call.output_gradient;
}

}  // namespace

void linear_backward(Stream& stream, const LinearBackwardCall& call) {
  const std::int64_t batch = call.output_gradient.rows;
  const std::int64_t inputs = call.weight.columns;
  const std::int64_t outputs = call.weight.rows;
  const LinearBackwardScratch layout = linear_backward_scratch_layout(batch, inputs, outputs);
  const VectorView<float> parts =
      call.scratch.part(layout.parts_start, call.scratch.size - layout.parts_start);
  const bool input_wanted = call.input_gradient.data != nullptr;
  const bool weight_wanted = call.weight_gradient.data != nullptr;

  if (few_rows_backward(batch)) {
    if (input_wanted) launch_few_rows_input(stream, call, parts);
    if (weight_wanted) {
      launch_few_rows_weight(stream, call);
    } else if (call.bias_gradient.data != nullptr) {
      launch_delta(stream, call, layout, false);
    }
    return;
  }
  const bool products = (input_wanted && outputs > 0) || weight_wanted;
  const MatrixView<const float> delta =
      outputs > 0 ? launch_delta(stream, call, layout, products) : call.output_gradient;
  if (input_wanted)
    launch_product<Depth::along_rows, Depth::across_rows>(kName, stream, delta, call.weight, batch, inputs,
                                                          outputs, parts,
                                                          GradientEnd{call.input_gradient, false});
  if (weight_wanted)
    launch_product<Depth::across_rows, Depth::across_rows>(
        kName, stream, delta, call.input, outputs, inputs, batch, parts,
        GradientEnd{call.weight_gradient, call.accumulate});
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
