#pragma once

#include <cstdint>

#include "kernels/activation.h"
#include "kernels/cppn.h"
#include "runtime/backend.h"

// What the host part of the cpu device's CPPN (cppn_cpu.cpp) and its painters, built once an instruction set
// (cppn_vector.cpp), agree on.
namespace atelier::cpu {

/// Sums up to this need no limits (kBoundedArgument of elementary.h, which is larger by a margin for
/// rounding).
inline constexpr double kBoundedSum = 90;

/// One layer, packed. Neurons stand in blocks of CppnPainters::neurons, the last block shorter; a block's
/// weights are [fan_in][neurons of the block]. Factors and offsets that the activations around it leave out
/// (see CppnVectorLayer::core) are already in the weights and biases.
template <class T>
struct CppnVectorLayer {
  int fan_in = 0;
  int width = 0;
  bool core = false;     // leaves g(sum) of elementary.h: tanh and sigmoid; else `activation`
  bool bounded = false;  // |sum| <= kBoundedSum whatever the picture
  Activation activation = Activation::identity;
  T slope = 0;
  const T* weights = nullptr;
  const T* bias = nullptr;
};

template <class T>
struct CppnVectorNetwork {
  bool radius = false;  // inputs x, y, radius; else x, y; then the waves
  int wave_count = 0;
  const CppnWave* waves = nullptr;
  int layer_count = 0;
  const CppnVectorLayer<T>* layers = nullptr;
  T output_factor = 1;  // a channel is output_factor * what the last layer leaves + output_offset
  T output_offset = 0;
};

/// Pixels are counted row by row through the region: index = (row - region.row) * region.width + column -
/// region.column.
struct CppnVectorTarget {
  CppnWindow window;
  PixelRegion region;
  int channels = 3;
  bool hsv = false;
  CppnSample sample = CppnSample::u8;
  unsigned char* data = nullptr;
  std::int64_t row_bytes = 0;
};

/// The painters of one instruction set and precision.
template <class T>
struct CppnPainters {
  int neurons;  // of a block
  int pixels;   // of a strip; a vector's lanes are neighbouring pixels
  /// Paints pixels [first, first + count). `scratch`: 2 * pixels * max(widest layer, first layer's fan_in, 3)
  /// numbers, aligned to 64 bytes.
  void (*paint)(const CppnVectorNetwork<T>& network, const CppnVectorTarget& target, std::int64_t first,
                std::int64_t count, T* scratch);
};

#define ATELIER_DECLARE_CPPN_PAINTERS(set)               \
  namespace set {                                        \
  extern const CppnPainters<float> kCppnPaintersFloat;   \
  extern const CppnPainters<double> kCppnPaintersDouble; \
  }
ATELIER_DECLARE_CPPN_PAINTERS(portable)
ATELIER_DECLARE_CPPN_PAINTERS(avx2)
ATELIER_DECLARE_CPPN_PAINTERS(avx512)
#undef ATELIER_DECLARE_CPPN_PAINTERS

}  // namespace atelier::cpu
