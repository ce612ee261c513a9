#pragma once

#include <cstdint>

#include "kernels/linear_split.h"
#include "runtime/kernel.cuh"
#include "runtime/view.h"

// Products of matrices in fp32 by tiles: what linear_forward and linear_backward share. A block computes a
// square tile of the product over one part of the depth. Slices of both operands are copied to shared memory
// by cp.async, the next one while the last is used, and stay there as they lie in global memory: with the
// depth along the rows or across them. Only multiply_slice() knows by what arithmetic slices are multiplied;
// kernels for tensor cores take its place, or that of launch_product() where they choose tiles of their own.
namespace atelier::ATELIER_DEVICE_NAMESPACE {

constexpr int kThreads = 256;
constexpr int kWarp = 32;

/// How an operand lies in memory: element (i, k), k along the depth, is view(i, k) or view(k, i).
enum class Depth { along_rows, across_rows };

/// left [rows, depth] times right [columns, depth] transposed. Where `parts` is not null, sums over
/// part_depth terms each go there, [parts][rows, columns], instead of to the end of the product.
struct MatrixProduct {
  MatrixView<const float> left;
  MatrixView<const float> right;
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t depth;
  std::int64_t part_depth;
  unsigned column_tiles;
  float* parts;
  bool left_quads;  // rows start at 16-byte boundaries
  bool right_quads;
};

/// Tiles of kTileSize x kTileSize by 256 threads; each holds kTileSide x kTileSide sums. kTileGroups groups
/// of threads share the tile and divide each slice of kSliceDepth among them; their sums are added in the
/// order of the groups.
template <int kTileSize, int kSliceDepth, int kTileSide, int kTileGroups>
struct Tile {
  static constexpr int kSize = kTileSize;
  static constexpr int kDepth = kSliceDepth;
  static constexpr int kSide = kTileSide;
  static constexpr int kGroups = kTileGroups;
  static constexpr int kAcross = kSize / kSide;  // threads along a row of the tile, and along a column
  static constexpr int kGroupThreads = kAcross * kAcross;
  static constexpr int kGroupDepth = kDepth / kGroups;
  static constexpr int kPieces = kSide / 4;           // the result goes to shared memory in so many
  static constexpr int kPieceRows = kSize / kPieces;  // pieces of so many rows
  static constexpr int kResultStride = kSize + 4;
  static constexpr int kResult = kPieceRows * kResultStride;
  static constexpr int kQuads = kSize * kDepth / 4 / kThreads;  // a thread copies of each operand and slice
  static_assert(kGroups * kGroupThreads == kThreads && kGroupDepth % 4 == 0 && kAcross % 8 == 0);
  static_assert(kQuads * kThreads * 4 == kSize * kDepth);
};

/// A slice of an operand in shared memory. The padding of rows along the depth spreads eight of them over
/// all banks.
template <class T, Depth kLayout>
struct Slice {
  static constexpr bool kAlong = kLayout == Depth::along_rows;
  static constexpr int kColumns = kAlong ? T::kDepth : T::kSize;
  static constexpr int kRows = kAlong ? T::kSize : T::kDepth;
  static constexpr int kStride = kAlong ? kColumns + 4 : kColumns;
  static constexpr int kFloats = kRows * kStride;

  // Index `number` of those that a thread holds, `place` being its place in the tile: strided along_rows, so
  // that neighbours read neighbouring rows, and in squares of four across_rows, so that a thread reads quads.
  static __device__ int element(int place, int number) {
    return kAlong ? place + number * T::kAcross : number / 4 * T::kPieceRows + 4 * place + number % 4;
  }
};

/// Copies one slice of an operand after the other, each thread its share.
template <class T, Depth kLayout>
class SliceCopy {
  using S = Slice<T, kLayout>;
  static constexpr int kRowQuads = S::kColumns / 4;
  static constexpr int kPassRows = kThreads / kRowQuads;

 public:
  /// The operand's slices from index `first` (of `end`) and from `depth` on.
  __device__ SliceCopy(const MatrixView<const float>& operand, std::int64_t first, std::int64_t end,
                       std::int64_t depth)
      : from_(operand.data + ((S::kAlong ? first : depth) + row()) * operand.stride +
              (S::kAlong ? depth : first) + column()) {
    const std::int64_t left = end - first - (S::kAlong ? row() : column());
    left_ = left < T::kSize ? static_cast<int>(left) : T::kSize;
  }

  /// Starts the copy of the next slice, of which `depth_left` is inside of the matrix; zeros elsewhere.
  __device__ void next(float* slice, std::int64_t depth_left, std::int64_t stride, bool quads) {
    const int depth = depth_left < T::kDepth ? static_cast<int>(depth_left) : T::kDepth;
    const int rows = S::kAlong ? left_ : depth - row();
    const int columns = S::kAlong ? depth - column() : left_;
    float* const to = slice + row() * S::kStride + column();
#pragma unroll
    for (int q = 0; q < T::kQuads; ++q) {
      const int below = q * kPassRows;
      copy_quad(to + below * S::kStride, from_ + below * stride, rows > below ? columns : 0, quads);
    }
    from_ += S::kAlong ? T::kDepth : T::kDepth * stride;
  }

 private:
  static __device__ int row() {
    return static_cast<int>(threadIdx.x) / kRowQuads;
  }
  static __device__ int column() {
    return static_cast<int>(threadIdx.x) % kRowQuads * 4;
  }

  // Four elements, of which `valid` exist; the rest becomes zero.
  static __device__ void copy_quad(float* to, const float* from, int valid, bool quads) {
    if (quads && valid >= 4) {
      cp_async_16(to, from);
      return;
    }
    float4 quad = make_float4(0.0F, 0.0F, 0.0F, 0.0F);
    if (valid > 0) quad.x = __ldg(from);
    if (valid > 1) quad.y = __ldg(from + 1);
    if (valid > 2) quad.z = __ldg(from + 2);
    if (valid > 3) quad.w = __ldg(from + 3);
    *reinterpret_cast<float4*>(to) = quad;
  }

  const float* from_;
  int left_;  // indices from this thread's first to the end
};

__device__ inline void unpack(const float* from, float* to) {
  const float4 quad = *reinterpret_cast<const float4*>(from);
  to[0] = quad.x, to[1] = quad.y, to[2] = quad.z, to[3] = quad.w;
}

/// Adds the product of two slices to the sums, terms in the order of the depth.
template <class T, Depth kLeft, Depth kRight>
__device__ void multiply_slice(const float* left, const float* right, int group, int down, int across,
                               float (&sum)[T::kSide][T::kSide]) {
  constexpr int kSide = T::kSide;
  using Left = Slice<T, kLeft>;
  using Right = Slice<T, kRight>;
  static_assert(Left::kAlong || !Right::kAlong);
#pragma unroll 1
  for (int quad = 0; quad < T::kGroupDepth / 4; ++quad) {
    const int depth = group * T::kGroupDepth + 4 * quad;
    if constexpr (Left::kAlong && !Right::kAlong) {
      float a[kSide][4];
#pragma unroll
      for (int i = 0; i < kSide; ++i) unpack(left + Left::element(down, i) * Left::kStride + depth, a[i]);
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        float b[kSide];
#pragma unroll
        for (int j = 0; j < kSide; j += 4)
          unpack(right + (depth + k) * Right::kStride + Right::element(across, j), b + j);
#pragma unroll
        for (int i = 0; i < kSide; ++i)
#pragma unroll
          for (int j = 0; j < kSide; ++j) sum[i][j] += a[i][k] * b[j];
      }
    } else if constexpr (Left::kAlong) {
      float b[4][kSide];  // [k][j]
#pragma unroll
      for (int j = 0; j < kSide; ++j) {
        if constexpr (Right::kAlong) {
          float along[4];
          unpack(right + Right::element(across, j) * Right::kStride + depth, along);
#pragma unroll
          for (int k = 0; k < 4; ++k) b[k][j] = along[k];
        } else if (j % 4 == 0) {
#pragma unroll
          for (int k = 0; k < 4; ++k)
            unpack(right + (depth + k) * Right::kStride + Right::element(across, j), b[k] + j);
        }
      }
#pragma unroll
      for (int i = 0; i < kSide; ++i) {
        float a[4];
        unpack(left + Left::element(down, i) * Left::kStride + depth, a);
#pragma unroll
        for (int k = 0; k < 4; ++k)
#pragma unroll
          for (int j = 0; j < kSide; ++j) sum[i][j] += a[k] * b[k][j];
      }
    } else {
#pragma unroll 2
      for (int k = 0; k < 4; ++k) {
        float a[kSide];
        float b[kSide];
#pragma unroll
        for (int j = 0; j < kSide; j += 4) {
          unpack(left + (depth + k) * Left::kStride + Left::element(down, j), a + j);
          unpack(right + (depth + k) * Right::kStride + Right::element(across, j), b + j);
        }
#pragma unroll
        for (int i = 0; i < kSide; ++i)
#pragma unroll
          for (int j = 0; j < kSide; ++j) sum[i][j] += a[i] * b[j];
      }
    }
  }
}

/// One tile of one part of a product. `end(row, column, sum)` finishes an element of a product in one part.
template <class T, Depth kLeft, Depth kRight, class End>
__global__ void __launch_bounds__(kThreads, T::kSide == 8 ? 2 : 3)
    tile_kernel(MatrixProduct product, End end) {
  using Left = Slice<T, kLeft>;
  using Right = Slice<T, kRight>;
  constexpr int kStage = Left::kFloats + Right::kFloats;
  constexpr int kStorage = 2 * kStage > T::kGroups * T::kResult ? 2 * kStage : T::kGroups * T::kResult;
  ATELIER_SHARED(float4, storage_quads, [kStorage / 4]);
  float* const storage = &storage_quads[0].x;
  const int thread = static_cast<int>(threadIdx.x);
  const int group = thread / T::kGroupThreads;
  const int warp = thread % T::kGroupThreads / kWarp;
  // A warp covers 8 places across by 4 down: few distinct reads of each operand.
  const int across = warp % (T::kAcross / 8) * 8 + thread % 8;
  const int down = warp / (T::kAcross / 8) * 4 + thread % kWarp / 8;
  const std::int64_t depth_begin = std::int64_t{blockIdx.y} * product.part_depth;
  std::int64_t depth_left = product.depth - depth_begin;
  if (depth_left > product.part_depth) depth_left = product.part_depth;

  SliceCopy<T, kLeft> left(product.left, std::int64_t{blockIdx.x / product.column_tiles} * T::kSize,
                           product.rows, depth_begin);
  SliceCopy<T, kRight> right(product.right, std::int64_t{blockIdx.x % product.column_tiles} * T::kSize,
                             product.columns, depth_begin);
  const auto copy_slice = [&](float* stage) {
    left.next(stage, depth_left, product.left.stride, product.left_quads);
    right.next(stage + Left::kFloats, depth_left, product.right.stride, product.right_quads);
    cp_async_commit();
  };
  float sum[T::kSide][T::kSide] = {};
  int stage = 0;  // the offset of one of two
  if (depth_left > 0) copy_slice(storage);
#pragma unroll 1
  while (depth_left > 0) {
    depth_left -= T::kDepth;
    cp_async_wait<0>();
    __syncthreads();  // the slice is complete, and nobody reads the one that the next replaces
    if (depth_left > 0) copy_slice(storage + kStage - stage);
    multiply_slice<T, kLeft, kRight>(storage + stage, storage + stage + Left::kFloats, group, down, across,
                                     sum);
    stage = kStage - stage;
  }

  // The sums go back through shared memory: one rolled loop with a single copy of the end then writes whole
  // rows, whatever the output's alignment.
  const std::int64_t first_row = std::int64_t{blockIdx.x / product.column_tiles} * T::kSize;
  const std::int64_t first_column = std::int64_t{blockIdx.x % product.column_tiles} * T::kSize;
  float* const result = storage + group * T::kResult;
#pragma unroll
  for (int piece = 0; piece < T::kPieces; ++piece) {
    __syncthreads();  // nobody reads the last slice or piece
#pragma unroll
    for (int i = 4 * piece; i < 4 * piece + 4; ++i)
#pragma unroll
      for (int j = 0; j < T::kSide; ++j)
        result[(Left::element(down, i) - piece * T::kPieceRows) * T::kResultStride +
               Right::element(across, j)] = sum[i][j];
    __syncthreads();  // the piece is complete
#pragma unroll 1
    for (int element = thread; element < T::kPieceRows * T::kSize; element += kThreads) {
      const int place = element / T::kSize * T::kResultStride + element % T::kSize;
      const std::int64_t row = first_row + piece * T::kPieceRows + element / T::kSize;
      const std::int64_t column = first_column + element % T::kSize;
      if (row >= product.rows || column >= product.columns) continue;
      float total = storage[place];
#pragma unroll
      for (int other = 1; other < T::kGroups; ++other) total += storage[other * T::kResult + place];
      if (product.parts != nullptr) {
        product.parts[(std::int64_t{blockIdx.y} * product.rows + row) * product.columns + column] = total;
      } else {
        end(row, column, total);
      }
    }
  }
}

/// Adds the parts of a product, in order, and finishes its elements.
template <class End>
__global__ void __launch_bounds__(kThreads)
    sum_parts_kernel(const float* parts, std::int64_t count, std::int64_t rows, std::int64_t columns,
                     End end) {
  const std::int64_t element = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  const std::int64_t elements = rows * columns;
  if (element >= elements) return;
  float total = parts[element];
#pragma unroll 8
  for (std::int64_t part = 1; part < count; ++part) total += parts[part * elements + element];
  end(element / columns, element % columns, total);
}

inline bool starts_aligned(MatrixView<const float> view) {
  return reinterpret_cast<std::uintptr_t>(view.data) % 16 == 0 && (view.rows == 1 || view.stride % 4 == 0);
}

template <class End>
void launch_sum_of_parts(const char* name, Stream& stream, const float* parts, std::int64_t count,
                         std::int64_t rows, std::int64_t columns, const End& end) {
  const dim3 grid(static_cast<unsigned>(divide_up(rows * columns, kThreads)));
  launch(name, stream, sum_parts_kernel<End>, {grid, dim3(kThreads)}, parts, count, rows, columns, end);
}

template <class T, Depth kLeft, Depth kRight, class End>
void launch_tiles(const char* name, Stream& stream, MatrixProduct product, std::int64_t parts,
                  const End& end) {
  product.column_tiles = static_cast<unsigned>(divide_up(product.columns, T::kSize));
  const dim3 grid(static_cast<unsigned>(divide_up(product.rows, T::kSize) * product.column_tiles),
                  static_cast<unsigned>(parts));
  launch(name, stream, tile_kernel<T, kLeft, kRight, End>, {grid, dim3(kThreads)}, product, end);
}

/// Queues end(row, column, sum over k of left(row, k) right(column, k)) for all elements of [rows, columns],
/// both at least 1. `parts` has matrix_split_floats(rows, columns, depth) floats; with fewer the product is
/// not split. Define ATELIER_FEW_INSTANTIATIONS to build one size of tile, for quick experiments.
template <Depth kLeft, Depth kRight, class End>
void launch_product(const char* name, Stream& stream, MatrixView<const float> left,
                    MatrixView<const float> right, std::int64_t rows, std::int64_t columns,
                    std::int64_t depth, VectorView<float> parts, const End& end) {
  const bool may_split = parts.size >= matrix_split_floats(rows, columns, depth);
  const MatrixSplit split = matrix_split(rows, columns, depth, may_split);
  const MatrixProduct product{left,
                              right,
                              rows,
                              columns,
                              depth,
                              split.part_depth,
                              0,
                              split.parts > 1 ? parts.data : nullptr,
                              starts_aligned(left),
                              starts_aligned(right)};
#if !defined(ATELIER_FEW_INSTANTIATIONS)
  if (split.tile == 128) {
    launch_tiles<Tile<128, 16, 8, 1>, kLeft, kRight>(name, stream, product, split.parts, end);
  } else if (split.tile == 64) {
    launch_tiles<Tile<64, 32, 8, 4>, kLeft, kRight>(name, stream, product, split.parts, end);
  } else
#endif
    launch_tiles<Tile<32, 32, 4, 4>, kLeft, kRight>(name, stream, product, split.parts, end);
  if (split.parts > 1) launch_sum_of_parts(name, stream, parts.data, split.parts, rows, columns, end);
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
