#pragma once

#include "kernels/cppn_activations.cuh"
#include "kernels/cppn_registers.cuh"

// Networks up to kWidth wide with any activations, in float or double: as in cppn_registers.cuh, with plain
// weights. Sums pass through a column of shared memory that belongs to the thread alone, where a short loop
// applies the layer's activation: unrolled over registers, fifteen activations would be too much code.

namespace atelier::ATELIER_DEVICE_NAMESPACE {

/// A layer as the device sees it.
struct CppnLayerEntry {
  ActivationFunction activation;
  int width = 0;  // without padding
};

/// Numbers of shared memory that cppn_general needs: two blocks of weights, a column of sums a thread.
constexpr int general_shared_numbers(int width) {
  return 2 * CppnBlocks{width}.largest() + width * kRegisterThreads;
}

/// Applies a layer's activation to the sums of its units. Padding units become zero, whatever the activation
/// makes of zero: an infinite neighbour must not turn into NaN through their zero weights.
template <class Real, int kWidth, int kPixels>
__device__ inline void activate_units(const CppnLayerEntry& layer, Real* column,
                                      Real (&sum)[kPixels][kWidth]) {
#pragma unroll
  for (int pixel = 0; pixel < kPixels; ++pixel) {
#pragma unroll
    for (int unit = 0; unit < kWidth; ++unit) column[unit * kRegisterThreads] = sum[pixel][unit];
    activate_values(layer.activation, column, layer.width, kRegisterThreads);
#pragma unroll
    for (int unit = 0; unit < kWidth; ++unit)
      sum[pixel][unit] = unit < layer.width ? column[unit * kRegisterThreads] : Real(0);
  }
}

template <class Real, int kWidth, int kPixels, int kBlocks>
__global__ void __launch_bounds__(kRegisterThreads, kBlocks)
    cppn_general(const CppnFrame frame, const CppnRegisterNetwork network, const Real* global,
                 const CppnLayerEntry* layers) {
  ATELIER_DYNAMIC_SHARED(Real, shared);
  Real* const column_of_sums = shared + 2 * CppnBlocks{kWidth}.largest() + threadIdx.x;
  StagedWeights<Real, kWidth> weights(global, shared, network);
  const int thread_column = static_cast<int>(threadIdx.x) & ((1 << frame.tile_width_log2) - 1);
  const int thread_row = static_cast<int>(threadIdx.x) >> frame.tile_width_log2;
  for (CppnTile tile = CppnTile::first(frame); tile.valid(frame); tile.next(frame)) {
    const std::int64_t column = ((tile.across << frame.tile_width_log2) + thread_column) * kPixels;
    const std::int64_t row = tile.down * frame.tile_height + thread_row;
    Real activation[kPixels][kWidth];
    {
      Real x[kPixels];
      Real y[kPixels];
      pixel_coordinates(frame, column, row, x, y);
      if (network.hidden == 0) {
        inputs_as_activations(network.radius, x, y, activation);
      } else {
        first_layer(weights.block(0), network.radius, x, y, activation);
        activate_units(layers[0], column_of_sums, activation);
      }
    }
#pragma unroll 1
    for (int layer = 1; layer < network.hidden; ++layer) {
      const Real* const block = weights.block(layer);
      Real next[kPixels][kWidth];
#pragma unroll
      for (int unit = 0; unit < kWidth; ++unit) {
        Real sum[kPixels];
        unit_sums(block + unit * kWidth, block[kWidth * kWidth + unit], activation, sum);
#pragma unroll
        for (int pixel = 0; pixel < kPixels; ++pixel) next[pixel][unit] = sum[pixel];
      }
      activate_units(layers[layer], column_of_sums, next);
#pragma unroll
      for (int pixel = 0; pixel < kPixels; ++pixel) {
#pragma unroll
        for (int unit = 0; unit < kWidth; ++unit) activation[pixel][unit] = next[pixel][unit];
      }
    }
    const Real* const block = weights.block(network.hidden);
    Real color[kPixels][3];
#pragma unroll
    for (int channel = 0; channel < 3; ++channel) {
      Real sum[kPixels];
      unit_sums(block + channel * kWidth, block[3 * kWidth + channel], activation, sum);
#pragma unroll
      for (int pixel = 0; pixel < kPixels; ++pixel) color[pixel][channel] = sum[pixel];
    }
#pragma unroll
    for (int pixel = 0; pixel < kPixels; ++pixel) {
#pragma unroll
      for (int channel = 0; channel < 3; ++channel)
        column_of_sums[channel * kRegisterThreads] = color[pixel][channel];
      activate_values(layers[network.hidden].activation, column_of_sums, 3, kRegisterThreads);
#pragma unroll
      for (int channel = 0; channel < 3; ++channel)
        color[pixel][channel] = column_of_sums[channel * kRegisterThreads];
    }
    store_pixels(frame, column, row, color);
  }
  weights.finish();
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
