#include <cstdint>

#include "kernels/lane_columns.cuh"
#include "kernels/linear_delta.cuh"
#include "kernels/linear_launch.h"
#include "kernels/matrix_tile.cuh"
#include "kernels/optimizer_function.h"
#include "runtime/kernel.cuh"

// A block updates a strip of columns of some rows of the weight, each of its warps a row at a time, and sums
// its share of the input gradient from the weights that it reads. Shares of several blocks go to scratch, and
// a second kernel adds them in order.
namespace atelier::ATELIER_DEVICE_NAMESPACE {
namespace {

constexpr const char* kName = "linear_step";
constexpr int kWarps = kThreads / kWarp;

struct InputGradientEnd {
  VectorView<float> gradient;
  __device__ void operator()(std::int64_t, std::int64_t column, float sum) const { gradient[column] = sum; }
};

/// What the updates of all elements share, read when the kernel runs; update() for one element.
struct Sgd {
  float rate;
  __device__ explicit Sgd(const AdamSettings& settings) : rate(*settings.learning_rate) {}
  __device__ void update(float gradient, float& parameter, float&, float&) const {
    parameter = sgd_update(parameter, gradient, rate);
  }
};
struct Adam {
  AdamFactors factors;
  __device__ explicit Adam(const AdamSettings& settings) : factors(adam_factors(settings)) {}
  __device__ void update(float gradient, float& parameter, float& first, float& second) const {
    adam_update(factors, gradient, parameter, first, second);
  }
};

struct StepCall {
  DeltaSource delta;
  VectorView<const float> input;
  MatrixView<float> weight;
  VectorView<float> bias;
  LinearMoments moments;
  AdamSettings settings;
  std::int64_t part_rows;
  float* parts;  // [parts][inputs]; null: there is one part
  InputGradientEnd end;
  bool quads;  // rows of the weight and of its moments start at 16-byte boundaries
};

// The row's first element, which does not exist where there are no columns.
__device__ float* row_of(const MatrixView<float>& matrix, std::int64_t row) {
  return matrix.data + row * matrix.stride;
}

template <class Optimizer, bool kMoments>
__global__ void __launch_bounds__(kThreads) step_kernel(StepCall call) {
  ATELIER_SHARED(float, shares, [kWarps][kStripColumns]);
  const int thread = static_cast<int>(threadIdx.x);
  const int warp = thread / kWarp;
  const Optimizer optimizer(call.settings);
  const std::int64_t begin = std::int64_t{blockIdx.y} * call.part_rows;
  const std::int64_t end =
      begin + call.part_rows < call.weight.rows ? begin + call.part_rows : call.weight.rows;
  const LaneColumns columns(blockIdx.x, call.weight.columns, call.quads);
  float input[4];
#pragma unroll
  for (int j = 0; j < 4; ++j)
    input[j] = columns.has(j) ? __ldg(call.input.data + columns.first + j * columns.step) : 0.0F;

  float sum[4] = {};
#pragma unroll 1
  for (std::int64_t row = begin + warp; row < end; row += kWarps) {
    float weight[4];
    float first[4];
    float second[4];
    columns.load(row_of(call.weight, row), weight);
    if constexpr (kMoments) {
      columns.load(row_of(call.moments.weight_first, row), first);
      columns.load(row_of(call.moments.weight_second, row), second);
    }
    const float delta = call.delta(0, row);
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      sum[j] += delta * weight[j];
      optimizer.update(rounded_product(delta, input[j]), weight[j], first[j], second[j]);
    }
    columns.store(row_of(call.weight, row), weight);
    if constexpr (kMoments) {
      columns.store(row_of(call.moments.weight_first, row), first);
      columns.store(row_of(call.moments.weight_second, row), second);
    }
  }

  if (blockIdx.x == 0 && call.bias.data != nullptr)
    for (std::int64_t row = begin + thread; row < end; row += kThreads) {
      float unused = 0.0F;
      optimizer.update(call.delta(0, row), call.bias[row], kMoments ? call.moments.bias_first[row] : unused,
                       kMoments ? call.moments.bias_second[row] : unused);
    }

  if (call.end.gradient.data == nullptr) return;  // the whole grid
#pragma unroll
  for (int j = 0; j < 4; ++j) shares[warp][columns.place + j * columns.step] = sum[j];
  __syncthreads();  // all shares are there
  const std::int64_t column = std::int64_t{blockIdx.x} * kStripColumns + thread;
  if (thread >= kStripColumns || column >= call.weight.columns) return;  // no barrier follows
  float total = shares[0][thread];
#pragma unroll
  for (int other = 1; other < kWarps; ++other) total += shares[other][thread];
  if (call.parts != nullptr) {
    call.parts[blockIdx.y * call.weight.columns + column] = total;
  } else {
    call.end(0, column, total);
  }
}

template <class T>
MatrixView<T> one_row(VectorView<T> vector) {
  return {vector.data, 1, vector.size, vector.size};
}

}  // namespace

void linear_step(Stream& stream, const LinearStepCall& call) {
  const LinearStep& layer = call.layer;
  const std::int64_t inputs = layer.weight.columns;
  const std::int64_t outputs = layer.weight.rows;
  const bool adam = call.optimizer == LinearOptimizer::adam;
  const bool gradient = layer.input_gradient.data != nullptr;
  const MatrixSplit split = few_rows_split(inputs, outputs);
  const bool in_parts = gradient && split.parts > 1;
  const StepCall step{
      {one_row(layer.pre_activation), one_row(layer.output), one_row(layer.output_gradient),
       layer.activation},
      layer.input,
      layer.weight,
      layer.bias,
      call.moments,
      call.settings,
      split.part_depth,
      in_parts ? call.scratch.data : nullptr,
      {layer.input_gradient},
      starts_aligned(layer.weight) && (!adam || (starts_aligned(call.moments.weight_first) &&
                                                 starts_aligned(call.moments.weight_second)))};
  // A layer without inputs still has a bias.
  const std::int64_t strips = inputs > 0 ? divide_up(inputs, kStripColumns) : 1;
  const LaunchShape shape{dim3(static_cast<unsigned>(strips), static_cast<unsigned>(split.parts)),
                          dim3(kThreads)};
  launch(kName, stream, adam ? step_kernel<Adam, true> : step_kernel<Sgd, false>, shape, step);
  if (in_parts) launch_sum_of_parts(kName, stream, call.scratch.data, split.parts, 1, inputs, step.end);
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
