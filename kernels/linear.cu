#include <cstdint>

#include "kernels/activation_function.h"
#include "kernels/linear_launch.h"
#include "runtime/kernel.cuh"

// Two kernels. `tile_kernel`: a block computes a tile of the output, both operands staged transposed through
// shared memory, two stages so that the next slice of depth loads while this one is used. `rows_kernel`: one
// of the operands has at most 8 rows; a warp keeps them against one row of the other, which is read once.
// Define ATELIER_FEW_INSTANTIATIONS to build one of each, for quick experiments.
namespace atelier::ATELIER_DEVICE_NAMESPACE {
namespace {

constexpr int kThreads = 256;
constexpr int kWarp = 32;

struct TileCall {
  LinearCall call;
  std::int64_t column_tiles;
  bool input_quads;  // rows start at 16-byte boundaries
  bool weight_quads;
};

// Elements (row, column) to (row, column + 3) of a matrix whose row starts at `row_data`, zeros outside of
// it; row_data is null for a row below the last.
__device__ float4 load_quad(const float* row_data, std::int64_t column, std::int64_t columns, bool quads) {
  float4 quad = make_float4(0.0F, 0.0F, 0.0F, 0.0F);
  if (row_data == nullptr || column >= columns) return quad;
  const float* from = row_data + column;
  if (quads && column + 4 <= columns) return __ldg(reinterpret_cast<const float4*>(from));
  quad.x = __ldg(from);
  if (column + 1 < columns) quad.y = __ldg(from + 1);
  if (column + 2 < columns) quad.z = __ldg(from + 2);
  if (column + 3 < columns) quad.w = __ldg(from + 3);
  return quad;
}

__device__ float finish(float sum, VectorView<const float> bias, ActivationFunction activation,
                        std::int64_t column) {
  if (bias.data != nullptr) sum += __ldg(bias.data + column);
  return activate(activation, sum);
}

// A tile of kRows batch rows by kColumns outputs; each thread holds kSide x kSide sums in squares of 4 x 4
// that lie half a tile apart. kGroups groups of threads share the tile and divide each slice of kDepth inputs
// among them; their sums are added in the order of the groups.
template <int kRows, int kColumns, int kDepth, int kSide, int kGroups>
struct Tile {
  static constexpr int kSquares = kSide / 4;
  static constexpr int kAcross = kColumns / kSide;  // threads along a row of the tile
  static constexpr int kGroupThreads = kRows / kSide * kAcross;
  static constexpr int kRowStride = kRows + 4;  // staggers banks and keeps quads aligned
  static constexpr int kColumnStride = kColumns + 4;
  static constexpr int kStage = kDepth * kRowStride;
  static constexpr int kColumnStage = kDepth * kColumnStride;
  static constexpr int kStoredRows = kRows / kSquares;  // of the result, at a time
  static constexpr int kResult = kStoredRows * kColumnStride;
  static constexpr int kStages = 2 * (kStage + kColumnStage);
  static constexpr int kStorage = kStages > kGroups* kResult ? kStages : kGroups* kResult;
  static constexpr int kQuads = kRows * kDepth / 4 / kThreads;  // a thread loads of each operand and slice
  static_assert(kRows == kColumns && kGroups * kGroupThreads == kThreads && kDepth % kGroups == 0);
  static_assert(kQuads * kThreads * 4 == kRows * kDepth);
};

template <class T, int kRows, int kDepth, int kSide, int kGroups>
__device__ void accumulate(const float* rows, const float* columns, int group, int down, int across,
                           float (&sum)[kSide][kSide]) {
#pragma unroll
  for (int step = 0; step < kDepth / kGroups; ++step) {
    const int depth = group * (kDepth / kGroups) + step;
    float a[kSide];
    float b[kSide];
#pragma unroll
    for (int square = 0; square < T::kSquares; ++square) {
      const float4 quad_a = *reinterpret_cast<const float4*>(rows + depth * T::kRowStride +
                                                             square * (kRows / T::kSquares) + 4 * down);
      const float4 quad_b = *reinterpret_cast<const float4*>(columns + depth * T::kColumnStride +
                                                             square * (kRows / T::kSquares) + 4 * across);
      a[4 * square] = quad_a.x, a[4 * square + 1] = quad_a.y, a[4 * square + 2] = quad_a.z,
            a[4 * square + 3] = quad_a.w;
      b[4 * square] = quad_b.x, b[4 * square + 1] = quad_b.y, b[4 * square + 2] = quad_b.z,
            b[4 * square + 3] = quad_b.w;
    }
#pragma unroll
    for (int i = 0; i < kSide; ++i)
#pragma unroll
      for (int j = 0; j < kSide; ++j) sum[i][j] += a[i] * b[j];
  }
}

template <int kRows, int kColumns, int kDepth, int kSide, int kGroups>
__global__ void __launch_bounds__(kThreads, kSide == 8 ? 2 : 4) tile_kernel(TileCall tile) {
  using T = Tile<kRows, kColumns, kDepth, kSide, kGroups>;
  ATELIER_SHARED(float, storage, [T::kStorage]);
  const LinearCall& call = tile.call;
  const int thread = static_cast<int>(threadIdx.x);
  const int group = thread / T::kGroupThreads;
  const int down = thread % T::kGroupThreads / T::kAcross;
  const int across = thread % T::kAcross;
  const std::int64_t first_row = blockIdx.x / tile.column_tiles * kRows;
  const std::int64_t first_column = blockIdx.x % tile.column_tiles * kColumns;
  const std::int64_t depth_end = call.input.columns;

  // What this thread loads: quad `q` of a slice is row (thread + 256 q) / (kDepth / 4) of the tile.
  constexpr int kRowQuads = kDepth / 4;
  const int quad_depth = thread % kRowQuads * 4;
  const float* input_row[T::kQuads];
  const float* weight_row[T::kQuads];
#pragma unroll
  for (int q = 0; q < T::kQuads; ++q) {
    const int row = (thread + kThreads * q) / kRowQuads;
    input_row[q] = first_row + row < call.input.rows ? &call.input(first_row + row, 0) : nullptr;
    weight_row[q] = first_column + row < call.weight.rows ? &call.weight(first_column + row, 0) : nullptr;
  }
  float4 input_quad[T::kQuads];
  float4 weight_quad[T::kQuads];
  const auto load_slice = [&](std::int64_t depth) {
#pragma unroll
    for (int q = 0; q < T::kQuads; ++q) {
      input_quad[q] = load_quad(input_row[q], depth + quad_depth, depth_end, tile.input_quads);
      weight_quad[q] = load_quad(weight_row[q], depth + quad_depth, depth_end, tile.weight_quads);
    }
  };
  const auto store_slice = [&](int stage) {
#pragma unroll
    for (int q = 0; q < T::kQuads; ++q) {
      const int row = (thread + kThreads * q) / kRowQuads;
      float* to = storage + stage * T::kStage + quad_depth * T::kRowStride + row;
      to[0] = input_quad[q].x;
      to[T::kRowStride] = input_quad[q].y;
      to[2 * T::kRowStride] = input_quad[q].z;
      to[3 * T::kRowStride] = input_quad[q].w;
      to = storage + 2 * T::kStage + stage * T::kColumnStage + quad_depth * T::kColumnStride + row;
      to[0] = weight_quad[q].x;
      to[T::kColumnStride] = weight_quad[q].y;
      to[2 * T::kColumnStride] = weight_quad[q].z;
      to[3 * T::kColumnStride] = weight_quad[q].w;
    }
  };

  float sum[kSide][kSide] = {};
  load_slice(0);
  store_slice(0);
  __syncthreads();
  int stage = 0;
#pragma unroll 1
  for (std::int64_t depth = 0; depth < depth_end; depth += kDepth) {
    const bool more = depth + kDepth < depth_end;
    if (more) load_slice(depth + kDepth);
    accumulate<T, kRows, kDepth, kSide, kGroups>(storage + stage * T::kStage,
                                                 storage + 2 * T::kStage + stage * T::kColumnStage, group,
                                                 down, across, sum);
    stage ^= 1;
    if (more) store_slice(stage);
    __syncthreads();
  }

  // The sums go back through shared memory: one rolled loop with a single copy of the activations then writes
  // whole rows, whatever the output's alignment.
#pragma unroll
  for (int square = 0; square < T::kSquares; ++square) {
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
      for (int j = 0; j < kSide; j += 4) {
        const float* from = &sum[4 * square + i][j];
        *reinterpret_cast<float4*>(storage + group * T::kResult + (4 * down + i) * T::kColumnStride +
                                   j / 4 * (kColumns / T::kSquares) + 4 * across) =
            make_float4(from[0], from[1], from[2], from[3]);
      }
    __syncthreads();
#pragma unroll 1
    for (int element = thread; element < T::kStoredRows * kColumns; element += kThreads) {
      const int row = element / kColumns;
      const int column = element % kColumns;
      const std::int64_t output_row = first_row + square * T::kStoredRows + row;
      if (output_row >= call.output.rows || first_column + column >= call.output.columns) continue;
      float total = storage[row * T::kColumnStride + column];
#pragma unroll
      for (int other = 1; other < kGroups; ++other)
        total += storage[other * T::kResult + row * T::kColumnStride + column];
      call.output(output_row, first_column + column) =
          finish(total, call.bias, call.activation, first_column + column);
    }
    if (square + 1 < T::kSquares) __syncthreads();
  }
}

struct RowsCall {
  MatrixView<const float> few;   // at most kFew rows
  MatrixView<const float> many;  // one of the two is the input, the other the weight
  VectorView<const float> bias;
  MatrixView<float> output;
  ActivationFunction activation;
  bool few_inputs;  // the input is `few`
  bool quads;       // rows of both start at 16-byte boundaries
};

// A warp for each row of the longer operand, against all (at most kFew) rows of the other.
template <int kFew>
__global__ void __launch_bounds__(kThreads) rows_kernel(RowsCall call) {
  const MatrixView<const float>& few = call.few;
  const MatrixView<const float>& many = call.many;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const std::int64_t row = std::int64_t{blockIdx.x} * (kThreads / kWarp) + threadIdx.x / kWarp;
  if (row >= many.rows) return;  // the whole warp; no barrier of the block follows
  const float* const own = &many(row, 0);
  const float* other[kFew];
  float sum[kFew] = {};
#pragma unroll
  for (int i = 0; i < kFew; ++i) other[i] = &few(i < few.rows ? i : 0, 0);

  std::int64_t scalar_start = 0;
  if (call.quads) {
    scalar_start = many.columns / 4 * 4;
#pragma unroll 2
    for (std::int64_t k = 4 * lane; k < scalar_start; k += 4 * kWarp) {
      const float4 a = __ldg(reinterpret_cast<const float4*>(own + k));
#pragma unroll
      for (int i = 0; i < kFew; ++i) {
        const float4 b = __ldg(reinterpret_cast<const float4*>(other[i] + k));
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
    for (int i = 0; i < kFew; ++i) sum[i] += a * __ldg(other[i] + k);
  }

  float total = 0.0F;
#pragma unroll
  for (int i = 0; i < kFew; ++i) {
#pragma unroll
    for (int distance = kWarp / 2; distance > 0; distance /= 2)
      sum[i] += __shfl_xor_sync(0xFFFFFFFFU, sum[i], distance);
    if (lane == i) total = sum[i];
  }
  if (lane < few.rows) {
    const std::int64_t output_row = call.few_inputs ? lane : row;
    const std::int64_t output_column = call.few_inputs ? row : lane;
    call.output(output_row, output_column) = finish(total, call.bias, call.activation, output_column);
  }
}

std::int64_t divide_up(std::int64_t count, std::int64_t size) {
  return (count + size - 1) / size;
}

bool starts_aligned(MatrixView<const float> view) {
  return reinterpret_cast<std::uintptr_t>(view.data) % 16 == 0 && (view.rows == 1 || view.stride % 4 == 0);
}

template <int kFew>
void launch_rows(Stream& stream, const LinearCall& call, bool few_inputs) {
  const MatrixView<const float> few = few_inputs ? call.input : call.weight;
  const MatrixView<const float> many = few_inputs ? call.weight : call.input;
  const dim3 grid(static_cast<unsigned>(divide_up(many.rows, kThreads / kWarp)));
  launch("linear_forward", stream, rows_kernel<kFew>, {grid, dim3(kThreads)},
         RowsCall{few, many, call.bias, call.output, call.activation, few_inputs,
                  starts_aligned(few) && starts_aligned(many)});
}

template <int kSize, int kDepth, int kSide, int kGroups>
void launch_tiles(Stream& stream, const LinearCall& call) {
  const std::int64_t row_tiles = divide_up(call.output.rows, kSize);
  const std::int64_t column_tiles = divide_up(call.output.columns, kSize);
  const dim3 grid(static_cast<unsigned>(row_tiles * column_tiles));
  launch("linear_forward", stream, tile_kernel<kSize, kSize, kDepth, kSide, kGroups>, {grid, dim3(kThreads)},
         TileCall{call, column_tiles, starts_aligned(call.input), starts_aligned(call.weight)});
}

// The largest tiles that still make this many blocks: enough to fill a large GPU. The same on every device,
// so that sums are added in the same order on all of them.
[[maybe_unused]] constexpr std::int64_t kBlocksToFill = 120;

[[maybe_unused]] bool enough_tiles(const LinearCall& call, std::int64_t size) {
  return divide_up(call.output.rows, size) * divide_up(call.output.columns, size) >= kBlocksToFill;
}

}  // namespace

void linear_forward(Stream& stream, const LinearCall& call) {
  constexpr std::int64_t kFewRows = 8;
  constexpr std::int64_t kWarpPays = 64;  // inputs; below, most of a warp's lanes would idle
  const bool few_inputs = call.input.rows <= kFewRows;
  if (few_inputs || (call.weight.rows <= kFewRows && call.input.columns >= kWarpPays)) {
#if !defined(ATELIER_FEW_INSTANTIATIONS)
    const std::int64_t few = few_inputs ? call.input.rows : call.weight.rows;
    if (few == 1) return launch_rows<1>(stream, call, few_inputs);
    if (few <= 4) return launch_rows<4>(stream, call, few_inputs);
#endif
    return launch_rows<8>(stream, call, few_inputs);
  }
#if !defined(ATELIER_FEW_INSTANTIATIONS)
  if (enough_tiles(call, 128)) return launch_tiles<128, 8, 8, 1>(stream, call);
  if (enough_tiles(call, 64)) return launch_tiles<64, 16, 4, 1>(stream, call);
#endif
  launch_tiles<32, 32, 4, 4>(stream, call);
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
