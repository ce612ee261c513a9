#pragma once

#include "kernels/activation_function.h"
#include "kernels/cppn_frame.cuh"

// Networks up to 64 wide: a thread holds all activations of its pixels in registers, every layer padded to
// kWidth units. Padding units have zero weights in and out. The weights of a program are one array of blocks:
//   first   [kWidth][4]        weights of x, y and radius, then the bias; missing in a network without hidden
//                              layers, whose output layer sees (x, y, radius, 0 …) instead
//   hidden  [kWidth][kWidth]   row by row, then kWidth biases; one block a layer after the first
//   output  [3][kWidth]        then 3 biases and a zero
//
// Networks of tanh layers with a sigmoid at the end have a kernel of their own. Their weights come multiplied
// by 2 log2 e (hidden layers) or -log2 e (output), so that tanh x = 1 - 2 s and sigmoid x = s with s = 1 / (1
// + 2^a): three instructions. Up to 16 wide the step from s to 1 - 2 s is left to the next layer too: its
// weights come multiplied by -2 and its bias has the sum of its weights added. In wider networks the longer
// sums would make more of that bias's rounding than the saved instruction (one in 35) is worth.

namespace atelier::ATELIER_DEVICE_NAMESPACE {

inline constexpr int kRegisterThreads = 128;

/// Whether a layer's 1 - 2 s is folded into the layer after it.
ATELIER_HOST_DEVICE constexpr bool tanh_is_folded(int width) {
  return width <= 16;
}

struct CppnRegisterNetwork {
  int hidden = 0;  // hidden layers, the first included
  bool radius = false;
};

/// Where the blocks of a program's weights stand, in numbers. `hidden` is the number of hidden layers and the
/// index of the output layer's block.
struct CppnBlocks {
  int width = 0;
  [[nodiscard]] ATELIER_HOST_DEVICE constexpr int first() const { return 4 * width; }
  [[nodiscard]] ATELIER_HOST_DEVICE constexpr int largest() const { return width * (width + 1); }
  [[nodiscard]] ATELIER_HOST_DEVICE constexpr int output() const { return 3 * width + 4; }
  [[nodiscard]] ATELIER_HOST_DEVICE constexpr int offset(int hidden, int block) const {
    return hidden == 0 || block == 0 ? 0 : first() + (block - 1) * largest();
  }
  [[nodiscard]] ATELIER_HOST_DEVICE constexpr int size(int hidden, int block) const {
    return block == hidden ? output() : block == 0 ? first() : largest();
  }
  [[nodiscard]] ATELIER_HOST_DEVICE constexpr int total(int hidden) const {
    return offset(hidden, hidden) + output();
  }
};

/// All weights in shared memory, copied there once a block of threads.
template <class Real, int kWidth>
class ResidentWeights {
 public:
  __device__ ResidentWeights(const Real* global, Real* shared, const CppnRegisterNetwork& network)
      : shared_(shared), hidden_(network.hidden) {
    constexpr int kStep = 16 / static_cast<int>(sizeof(Real));
    const int total = CppnBlocks{kWidth}.total(hidden_);
    for (int index = static_cast<int>(threadIdx.x) * kStep; index < total; index += kRegisterThreads * kStep)
      cp_async_16(shared + index, global + index);
    cp_async_commit();
    cp_async_wait<0>();
    __syncthreads();
  }
  __device__ const Real* block(int index) { return shared_ + CppnBlocks{kWidth}.offset(hidden_, index); }
  __device__ void finish() {}

 private:
  const Real* shared_;
  int hidden_;
};

/// Two blocks of weights in shared memory: one is read while the next is on its way. For networks whose
/// weights do not fit. All threads ask for the same blocks in the same cyclic order, 0, 1, … hidden, 0, …
template <class Real, int kWidth>
class StagedWeights {
 public:
  __device__ StagedWeights(const Real* global, Real* shared, const CppnRegisterNetwork& network)
      : global_(global), shared_(shared), hidden_(network.hidden) {
    fetch(0);
  }
  __device__ const Real* block(int index) {
    cp_async_wait<0>();
    __syncthreads();  // the block has arrived, and nobody reads the one before it any more
    const Real* const ready = shared_ + half_ * CppnBlocks{kWidth}.largest();
    half_ ^= 1;
    fetch(index == hidden_ ? 0 : index + 1);
    return ready;
  }
  __device__ void finish() { cp_async_wait<0>(); }

 private:
  __device__ void fetch(int index) {
    constexpr int kStep = 16 / static_cast<int>(sizeof(Real));
    const Real* const source = global_ + CppnBlocks{kWidth}.offset(hidden_, index);
    Real* const target = shared_ + half_ * CppnBlocks{kWidth}.largest();
    const int size = CppnBlocks{kWidth}.size(hidden_, index);
    for (int number = static_cast<int>(threadIdx.x) * kStep; number < size;
         number += kRegisterThreads * kStep)
      cp_async_16(target + number, source + number);
    cp_async_commit();
  }
  const Real* global_;
  Real* shared_;
  int hidden_;
  int half_ = 0;
};

/// All weights as a parameter of the kernel, hence in the constant bank.
inline constexpr int kConstantWeights = 4096;
struct CppnConstantWeights {
  alignas(16) float values[kConstantWeights];
};
template <int kWidth>
class ConstantWeights {
 public:
  __device__ ConstantWeights(const float* values, const CppnRegisterNetwork& network)
      : values_(values), hidden_(network.hidden) {}
  __device__ const float* block(int index) { return values_ + CppnBlocks{kWidth}.offset(hidden_, index); }
  __device__ void finish() {}

 private:
  const float* values_;
  int hidden_;
};

/// The first layer's sums.
template <class Real, int kWidth, int kPixels>
__device__ inline void first_layer(const Real* weights, bool radius, const Real (&x)[kPixels],
                                   const Real (&y)[kPixels], Real (&sum)[kPixels][kWidth]) {
#pragma unroll
  for (int unit = 0; unit < kWidth; ++unit) {
    Real weight[4];
    read_four(weights + 4 * unit, weight);
#pragma unroll
    for (int pixel = 0; pixel < kPixels; ++pixel)
      sum[pixel][unit] = std::fma(weight[1], y[pixel], std::fma(weight[0], x[pixel], weight[3]));
  }
  if (radius) {
    Real distance[kPixels];
#pragma unroll
    for (int pixel = 0; pixel < kPixels; ++pixel) distance[pixel] = radius_of(x[pixel], y[pixel]);
#pragma unroll
    for (int unit = 0; unit < kWidth; ++unit) {
#pragma unroll
      for (int pixel = 0; pixel < kPixels; ++pixel)
        sum[pixel][unit] = std::fma(weights[4 * unit + 2], distance[pixel], sum[pixel][unit]);
    }
  }
}

/// The weighted sums of one unit, a pixel each, from the activations of the layer before.
template <class Real, int kWidth, int kPixels>
__device__ inline void unit_sums(const Real* row, Real bias, const Real (&activation)[kPixels][kWidth],
                                 Real (&sum)[kPixels]) {
#pragma unroll
  for (int pixel = 0; pixel < kPixels; ++pixel) sum[pixel] = bias;
#pragma unroll
  for (int input = 0; input < kWidth; input += 4) {
    Real weight[4];
    read_four(row + input, weight);
#pragma unroll
    for (int part = 0; part < 4; ++part) {
#pragma unroll
      for (int pixel = 0; pixel < kPixels; ++pixel)
        sum[pixel] = std::fma(weight[part], activation[pixel][input + part], sum[pixel]);
    }
  }
}

/// (x, y, radius, 0 …): what the output layer of a network without hidden layers sees.
template <class Real, int kWidth, int kPixels>
__device__ inline void inputs_as_activations(bool radius, const Real (&x)[kPixels], const Real (&y)[kPixels],
                                             Real (&activation)[kPixels][kWidth]) {
#pragma unroll
  for (int pixel = 0; pixel < kPixels; ++pixel) {
#pragma unroll
    for (int unit = 0; unit < kWidth; ++unit) activation[pixel][unit] = Real(0);
    activation[pixel][0] = x[pixel];
    activation[pixel][1] = y[pixel];
    if (radius) activation[pixel][2] = radius_of(x[pixel], y[pixel]);
  }
}

/// A tanh layer's value from its scaled sum; s alone where the next layer's weights do the rest.
template <int kWidth>
__device__ inline float scaled_tanh(float a) {
  if constexpr (tanh_is_folded(kWidth)) {
    return sigmoid_from_exponent(a);
  } else {
    return tanh_from_exponent(a);
  }
}

/// Networks of tanh layers with a sigmoid output.
template <int kWidth, int kPixels, class Weights>
__device__ inline void paint_tanh(const CppnFrame& frame, const CppnRegisterNetwork& network,
                                  Weights& weights) {
  const int thread_column = static_cast<int>(threadIdx.x) & ((1 << frame.tile_width_log2) - 1);
  const int thread_row = static_cast<int>(threadIdx.x) >> frame.tile_width_log2;
  for (CppnTile tile = CppnTile::first(frame); tile.valid(frame); tile.next(frame)) {
    const std::int64_t column = ((tile.across << frame.tile_width_log2) + thread_column) * kPixels;
    const std::int64_t row = tile.down * frame.tile_height + thread_row;
    float activation[kPixels][kWidth];
    {
      float x[kPixels];
      float y[kPixels];
      pixel_coordinates(frame, column, row, x, y);
      if (network.hidden == 0) {
        inputs_as_activations(network.radius, x, y, activation);
      } else {
        first_layer(weights.block(0), network.radius, x, y, activation);
#pragma unroll
        for (int pixel = 0; pixel < kPixels; ++pixel) {
#pragma unroll
          for (int unit = 0; unit < kWidth; ++unit)
            activation[pixel][unit] = scaled_tanh<kWidth>(activation[pixel][unit]);
        }
      }
    }
#pragma unroll 1
    for (int layer = 1; layer < network.hidden; ++layer) {
      const float* const block = weights.block(layer);
      float next[kPixels][kWidth];
#pragma unroll
      for (int group = 0; group < kWidth; group += 4) {
        float bias[4];
        read_four(block + kWidth * kWidth + group, bias);
#pragma unroll
        for (int part = 0; part < 4; ++part) {
          float sum[kPixels];
          unit_sums(block + (group + part) * kWidth, bias[part], activation, sum);
#pragma unroll
          for (int pixel = 0; pixel < kPixels; ++pixel)
            next[pixel][group + part] = scaled_tanh<kWidth>(sum[pixel]);
        }
      }
#pragma unroll
      for (int pixel = 0; pixel < kPixels; ++pixel) {
#pragma unroll
        for (int unit = 0; unit < kWidth; ++unit) activation[pixel][unit] = next[pixel][unit];
      }
    }
    const float* const block = weights.block(network.hidden);
    float bias[4];
    read_four(block + 3 * kWidth, bias);
    float color[kPixels][3];
#pragma unroll
    for (int channel = 0; channel < 3; ++channel) {
      float sum[kPixels];
      unit_sums(block + channel * kWidth, bias[channel], activation, sum);
#pragma unroll
      for (int pixel = 0; pixel < kPixels; ++pixel) color[pixel][channel] = sigmoid_from_exponent(sum[pixel]);
    }
    store_pixels(frame, column, row, color);
  }
  weights.finish();
}

template <int kWidth, int kPixels, int kBlocks, template <class, int> class Weights>
__global__ void __launch_bounds__(kRegisterThreads, kBlocks)
    cppn_tanh(const CppnFrame frame, const CppnRegisterNetwork network, const float* global) {
  ATELIER_DYNAMIC_SHARED(float, shared);
  Weights<float, kWidth> weights(global, shared, network);
  paint_tanh<kWidth, kPixels>(frame, network, weights);
}

template <int kWidth, int kPixels, int kBlocks>
__global__ void __launch_bounds__(kRegisterThreads, kBlocks)
    cppn_tanh_constant(const CppnFrame frame, const CppnRegisterNetwork network,
                       const __grid_constant__ CppnConstantWeights constants) {
  ConstantWeights<kWidth> weights(constants.values, network);
  paint_tanh<kWidth, kPixels>(frame, network, weights);
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
