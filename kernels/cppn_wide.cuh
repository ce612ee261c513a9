#pragma once

#include <type_traits>

#include "kernels/cppn_activations.cuh"
#include "kernels/cppn_frame.cuh"
#include "kernels/wave_function.h"

// Networks of any width up to 1024: the activations of a tile of pixels stand in shared memory,
// [unit][pixel], and a layer is a product of its matrix with that tile. A thread holds the sums of kPixels
// pixels and eight units in registers (twice eight where kGroups is 2), so that all sums of a layer exist at
// once and may then replace the activations they were made from. Eight lanes of a warp lie along the pixels,
// four along the units; a warp makes 32 units. Weights come through the first-level cache, [input][unit], the
// units of a layer padded to a multiple of 32.

namespace atelier::ATELIER_DEVICE_NAMESPACE {

inline constexpr int kWideUnits = 8;         // of a thread
inline constexpr int kWideWarpUnits = 32;    // of a warp
inline constexpr int kWideMaxThreads = 512;  // 16 warps

struct CppnWideLayer {
  int fan_in = 0;
  int width = 0;
  int padded = 0;            // hidden layers: a multiple of 32
  std::int64_t weights = 0;  // offset: hidden [fan_in][padded], output [width][fan_in]
  std::int64_t bias = 0;     // offset: [padded], output [width]
  ActivationFunction activation;
};

/// The rows of the tile that a network's inputs take: x, y, the radius, and `count` waves from row `first`
/// on. First is 2 where no input is the radius: then a wave stands in its place.
struct CppnWideInputs {
  const CppnWave* waves = nullptr;
  int count = 0;
  int first = 3;
};

template <int kCount, class Real>
__device__ inline void read_vector(const Real* source, Real* values) {
  if constexpr (kCount * sizeof(Real) == 16 && std::is_same_v<Real, float>) {
    const float4 four = *reinterpret_cast<const float4*>(source);
    values[0] = four.x;
    values[1] = four.y;
    values[2] = four.z;
    values[3] = four.w;
  } else if constexpr (kCount == 2 && std::is_same_v<Real, float>) {
    const float2 two = *reinterpret_cast<const float2*>(source);
    values[0] = two.x;
    values[1] = two.y;
  } else {
    static_assert(kCount == 2 && std::is_same_v<Real, double>);
    const double2 two = *reinterpret_cast<const double2*>(source);
    values[0] = two.x;
    values[1] = two.y;
  }
}

/// Where a thread's sums lie in the tile.
template <class Real, int kPixels>
struct CppnWidePlace {
  static constexpr int kTile = 8 * kPixels;
  static constexpr int kVector =
      kPixels * static_cast<int>(sizeof(Real)) < 16 ? kPixels : 16 / static_cast<int>(sizeof(Real));
  int warp = 0;
  int warps = 0;
  int unit_lane = 0;
  int first_pixel = 0;  // vectors of a thread are 8 * kVector pixels apart, so that the lanes' reads adjoin

  __device__ CppnWidePlace()
      : warp(static_cast<int>(threadIdx.x) >> 5),
        warps(static_cast<int>(blockDim.x) >> 5),
        unit_lane((static_cast<int>(threadIdx.x) >> 3) & 3),
        first_pixel((static_cast<int>(threadIdx.x) & 7) * kVector) {}
  /// The warp's first unit; the same for all its lanes.
  [[nodiscard]] __device__ int warp_unit(int group) const { return (group * warps + warp) * kWideWarpUnits; }
};

/// The sums of kPixels pixels and eight units from `unit` on.
template <class Real, int kPixels>
__device__ inline void wide_sums(const CppnWideLayer& layer, const Real* weights, const Real* tile, int unit,
                                 const CppnWidePlace<Real, kPixels>& place,
                                 Real (&sum)[kPixels][kWideUnits]) {
  using Place = CppnWidePlace<Real, kPixels>;
  const Real* const bias = weights + layer.bias + unit;
#pragma unroll
  for (int j = 0; j < kWideUnits; ++j) {
    const Real value = bias[j];
#pragma unroll
    for (int pixel = 0; pixel < kPixels; ++pixel) sum[pixel][j] = value;
  }
  const Real* column = weights + layer.weights + unit;
  const Real* line = tile + place.first_pixel;
#pragma unroll 2
  for (int input = 0; input < layer.fan_in; ++input) {
    Real weight[kWideUnits];
    read_four(column, reinterpret_cast<Real(&)[4]>(weight[0]));
    read_four(column + 4, reinterpret_cast<Real(&)[4]>(weight[4]));
    Real value[kPixels];
#pragma unroll
    for (int vector = 0; vector < kPixels / Place::kVector; ++vector)
      read_vector<Place::kVector>(line + vector * 8 * Place::kVector, value + vector * Place::kVector);
#pragma unroll
    for (int j = 0; j < kWideUnits; ++j) {
#pragma unroll
      for (int pixel = 0; pixel < kPixels; ++pixel)
        sum[pixel][j] = std::fma(weight[j], value[pixel], sum[pixel][j]);
    }
    column += layer.padded;
    line += Place::kTile;
  }
}

template <class Real, int kPixels>
__device__ inline void write_sums(Real* tile, int unit, const CppnWidePlace<Real, kPixels>& place,
                                  const Real (&sum)[kPixels][kWideUnits]) {
  using Place = CppnWidePlace<Real, kPixels>;
#pragma unroll
  for (int j = 0; j < kWideUnits; ++j) {
#pragma unroll
    for (int pixel = 0; pixel < kPixels; ++pixel)
      tile[(unit + j) * Place::kTile + place.first_pixel + (pixel / Place::kVector) * 8 * Place::kVector +
           pixel % Place::kVector] = sum[pixel][j];
  }
}

__device__ inline float wave_value(double turn, float) {
  return sine_of_turn(turn);
}
__device__ inline double wave_value(double turn, double) {
#if defined(__CUDA_ARCH__)
  return ::sinpi(2.0 * turn);
#else
  constexpr double kTurn = 6.283185307179586477;
  return std::sin(kTurn * turn);
#endif
}

/// Place of a tile's pixel, counted from the region's upper left.
struct CppnTilePixel {
  std::int64_t column;
  std::int64_t row;
  __device__ CppnTilePixel(const CppnFrame& frame, const CppnTile& position, int pixel)
      : column((position.across << frame.tile_width_log2) + (pixel & ((1 << frame.tile_width_log2) - 1))),
        row(position.down * frame.tile_height + (pixel >> frame.tile_width_log2)) {}
};

/// The waves of the tile's pixels, a thread a wave and pixel.
template <class Real, int kTile>
__device__ inline void tile_waves(const CppnFrame& frame, const CppnWideInputs& inputs,
                                  const CppnTile& position, Real* tile) {
#pragma unroll 1
  for (int index = static_cast<int>(threadIdx.x); index < inputs.count * kTile;
       index += static_cast<int>(blockDim.x)) {
    const int wave = index / kTile;
    const CppnTilePixel pixel(frame, position, index % kTile);
    double x[1];
    double y[1];
    pixel_coordinates(frame, pixel.column, pixel.row, x, y);
    tile[inputs.first * kTile + index] = wave_value(wave_turn(inputs.waves[wave], x[0], y[0]), Real());
  }
}

/// What the first layer sees of the tile's pixels.
template <class Real, int kTile>
__device__ inline void tile_inputs(const CppnFrame& frame, const CppnWideInputs& inputs,
                                   const CppnTile& position, Real* tile) {
  for (int index = static_cast<int>(threadIdx.x); index < kTile; index += static_cast<int>(blockDim.x)) {
    const CppnTilePixel pixel(frame, position, index);
    Real x[1];
    Real y[1];
    pixel_coordinates(frame, pixel.column, pixel.row, x, y);
    tile[index] = x[0];
    tile[kTile + index] = y[0];
    if (inputs.first == 3) tile[2 * kTile + index] = radius_of(x[0], y[0]);
  }
  if (inputs.count > 0) tile_waves<Real, kTile>(frame, inputs, position, tile);
}

/// The output layer: a thread makes a channel of a pixel, then a thread stores a pixel.
template <class Real, int kTile>
__device__ inline void paint_tile(const CppnFrame& frame, const CppnTile& position,
                                  const CppnWideLayer& layer, const Real* weights, const Real* tile,
                                  Real* colors) {
  for (int index = static_cast<int>(threadIdx.x); index < layer.width * kTile;
       index += static_cast<int>(blockDim.x)) {
    const int channel = index / kTile;
    const int pixel = index % kTile;
    const Real* const row = weights + layer.weights + channel * layer.fan_in;
    Real sum = weights[layer.bias + channel];
#pragma unroll 4
    for (int input = 0; input < layer.fan_in; ++input)
      sum = std::fma(row[input], tile[input * kTile + pixel], sum);
    colors[channel * kTile + pixel] = activate(layer.activation, sum);
  }
  __syncthreads();
  for (int pixel = static_cast<int>(threadIdx.x); pixel < kTile; pixel += static_cast<int>(blockDim.x)) {
    const CppnTilePixel place(frame, position, pixel);
    Real color[1][3] = {};
#pragma unroll
    for (int channel = 0; channel < 3; ++channel)
      if (channel < layer.width) color[0][channel] = colors[channel * kTile + pixel];
    store_pixels(frame, place.column, place.row, color);
  }
}

/// `rows` is the number of units that the tile has room for: the widest hidden layer's, padded, at least 3
/// and the first layer's inputs.
template <class Real, int kPixels, int kGroups>
__global__ void __launch_bounds__(kWideMaxThreads)
    cppn_wide(const CppnFrame frame, const CppnWideInputs inputs, const CppnWideLayer* layers, int hidden,
              int rows, const Real* weights) {
  constexpr int kTile = 8 * kPixels;
  ATELIER_DYNAMIC_SHARED(Real, tile);
  Real* const colors = tile + rows * kTile;
  const CppnWidePlace<Real, kPixels> place;
  for (CppnTile position = CppnTile::first(frame); position.valid(frame); position.next(frame)) {
    tile_inputs<Real, kTile>(frame, inputs, position, tile);
    __syncthreads();
#pragma unroll 1
    for (int index = 0; index < hidden; ++index) {
      const CppnWideLayer layer = layers[index];
      Real sum[kGroups][kPixels][kWideUnits];
#pragma unroll
      for (int group = 0; group < kGroups; ++group)
        if (place.warp_unit(group) < layer.padded)
          wide_sums(layer, weights, tile, place.warp_unit(group) + place.unit_lane * kWideUnits, place,
                    sum[group]);
      __syncthreads();  // everybody has read the layer before
#pragma unroll
      for (int group = 0; group < kGroups; ++group)
        if (place.warp_unit(group) < layer.padded)
          write_sums(tile, place.warp_unit(group) + place.unit_lane * kWideUnits, place, sum[group]);
      __syncthreads();
      const int left = layer.width * kTile - static_cast<int>(threadIdx.x);
      const int threads = static_cast<int>(blockDim.x);
      activate_values(layer.activation, tile + threadIdx.x, (left + threads - 1) / threads, threads);
      __syncthreads();
    }
    paint_tile<Real, kTile>(frame, position, layers[hidden], weights, tile, colors);
  }
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
