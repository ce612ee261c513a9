#include <algorithm>
#include <cstdint>

#include "kernels/gather_launch.h"
#include "kernels/rounding.h"
#include "runtime/kernel.cuh"

namespace atelier::ATELIER_DEVICE_NAMESPACE {
namespace {

constexpr int kLanes = 32;  // along the columns
constexpr int kRows = 8;    // of the batch a block

__device__ float scaled(std::uint8_t value, float divisor) {
  return rounded_quotient(static_cast<float>(value), divisor);
}

// A warp a row; a lane takes four columns at a time, so that a warp reads 128 bytes and writes 512 in a row.
__global__ void __launch_bounds__(kLanes* kRows)
    rows_kernel(MatrixView<const std::uint8_t> data, BatchOrder order, float divisor,
                MatrixView<float> output) {
  const std::int64_t b = std::int64_t{blockIdx.x} * kRows + threadIdx.y;
  if (b >= output.rows) return;
  const std::uint8_t* const from =
      data.row(batch_row(order.order, read_counter(order.first), b, data.rows)).data;
  float* const to = output.row(b).data;
  const bool aligned = reinterpret_cast<std::uintptr_t>(from) % 4 == 0 &&  //
                       reinterpret_cast<std::uintptr_t>(to) % 16 == 0;
  const std::int64_t stride = std::int64_t{gridDim.y} * kLanes * 4;
  for (std::int64_t c = 4 * (std::int64_t{blockIdx.y} * kLanes + threadIdx.x); c < output.columns;
       c += stride) {
    if (aligned && c + 4 <= output.columns) {
      const uchar4 four = *reinterpret_cast<const uchar4*>(from + c);
      *reinterpret_cast<float4*>(to + c) = make_float4(scaled(four.x, divisor), scaled(four.y, divisor),
                                                       scaled(four.z, divisor), scaled(four.w, divisor));
      continue;
    }
    for (int i = 0; i < 4; ++i)
      if (c + i < output.columns) to[c + i] = scaled(from[c + i], divisor);
  }
}

__global__ void __launch_bounds__(kLanes* kRows)
    one_hot_kernel(VectorView<const std::uint8_t> labels, BatchOrder order, float off, float on,
                   MatrixView<float> output) {
  const std::int64_t b = std::int64_t{blockIdx.x} * kRows + threadIdx.y;
  if (b >= output.rows) return;
  const std::int64_t label = labels[batch_row(order.order, read_counter(order.first), b, labels.size)];
  const std::int64_t stride = std::int64_t{gridDim.y} * kLanes;
  for (std::int64_t k = std::int64_t{blockIdx.y} * kLanes + threadIdx.x; k < output.columns; k += stride)
    output(b, k) = k == label ? on : off;
}

__global__ void __launch_bounds__(kLanes* kRows)
    labels_kernel(VectorView<const std::uint8_t> labels, BatchOrder order, VectorView<std::uint8_t> output) {
  const std::int64_t b = std::int64_t{blockIdx.x} * (kLanes * kRows) + threadIdx.x;
  if (b < output.size) output[b] = labels[batch_row(order.order, read_counter(order.first), b, labels.size)];
}

std::int64_t divide_up(std::int64_t count, std::int64_t size) {
  return (count + size - 1) / size;
}

// `columns` of a row a warp's pass; rows of many passes are shared by blocks.
LaunchShape shape_for(std::int64_t rows, std::int64_t passes) {
  constexpr std::int64_t kPassesPerBlock = 8;
  const std::int64_t across = std::min<std::int64_t>(divide_up(passes, kPassesPerBlock), 65535);
  return {dim3(static_cast<unsigned>(divide_up(rows, kRows)), static_cast<unsigned>(across)),
          dim3(kLanes, kRows)};
}

}  // namespace

void gather_rows(Stream& stream, MatrixView<const std::uint8_t> data, BatchOrder order, float divisor,
                 MatrixView<float> output) {
  launch("gather_rows", stream, rows_kernel, shape_for(output.rows, divide_up(output.columns, 4 * kLanes)),
         data, order, divisor, output);
}

void gather_one_hot(Stream& stream, VectorView<const std::uint8_t> labels, BatchOrder order, float off,
                    float on, MatrixView<float> output) {
  launch("gather_one_hot", stream, one_hot_kernel, shape_for(output.rows, divide_up(output.columns, kLanes)),
         labels, order, off, on, output);
}

void gather_labels(Stream& stream, VectorView<const std::uint8_t> labels, BatchOrder order,
                   VectorView<std::uint8_t> output) {
  const std::int64_t blocks = divide_up(output.size, kLanes * kRows);
  launch("gather_labels", stream, labels_kernel,
         LaunchShape{dim3(static_cast<unsigned>(blocks)), dim3(kLanes * kRows)}, labels, order, output);
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
