#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "kernels/cppn.h"
#include "runtime/kernel.cuh"

// What all CPPN kernels share: which pixels a thread paints, where they lie in the plane, and how their
// colours are stored. Everything here is for kernel sources.

namespace atelier::ATELIER_DEVICE_NAMESPACE {

/// A region to paint, cut into tiles of a block's threads: tile_width x tile_height threads (powers of two),
/// each with a few neighbouring pixels of a row. Blocks walk over the tiles in steps of the grid, so that a
/// region may have more tiles than a grid has blocks.
struct CppnFrame {
  CppnWindow window;
  PixelRegion region;
  std::byte* data = nullptr;
  std::int64_t row_bytes = 0;
  int channels = 3;
  bool hsv = false;
  CppnSample sample = CppnSample::u8;
  int alignment = 1;  // of every row's first byte: 1, 2, 4 or 8
  int tile_width_log2 = 0;
  int tile_height = 1;
  std::int64_t tiles_across = 0;
  std::int64_t tiles_down = 0;
  std::int64_t step_across = 0;  // one step of the grid: step_down rows of tiles and step_across tiles
  std::int64_t step_down = 0;
};

/// A block's position among the tiles.
struct CppnTile {
  std::int64_t across = 0;
  std::int64_t down = 0;

  __device__ static CppnTile first(const CppnFrame& frame) {
    const auto index = static_cast<std::int64_t>(blockIdx.x);
    return {index % frame.tiles_across, index / frame.tiles_across};
  }
  [[nodiscard]] __device__ bool valid(const CppnFrame& frame) const { return down < frame.tiles_down; }
  __device__ void next(const CppnFrame& frame) {
    across += frame.step_across;
    down += frame.step_down;
    if (across >= frame.tiles_across) {
      across -= frame.tiles_across;
      ++down;
    }
  }
};

__device__ inline float to_working(double value, float) {
  return static_cast<float>(value);
}
__device__ inline double to_working(double value, double) {
  return value;
}

/// x and y of kPixels pixels of one row, from `column` (counted from the region's left) on.
template <class Real, int kPixels>
__device__ inline void pixel_coordinates(const CppnFrame& frame, std::int64_t column, std::int64_t row,
                                         Real (&x)[kPixels], Real (&y)[kPixels]) {
  const auto first_column = static_cast<double>(frame.region.column + column);
  const auto absolute_row = static_cast<double>(frame.region.row + row);
  const double x_row = std::fma(frame.window.x_row, absolute_row, frame.window.x0);
  const double y_row = std::fma(frame.window.y_row, absolute_row, frame.window.y0);
#pragma unroll
  for (int pixel = 0; pixel < kPixels; ++pixel) {
    const double absolute_column = first_column + static_cast<double>(pixel);
    x[pixel] = to_working(std::fma(frame.window.x_column, absolute_column, x_row), Real());
    y[pixel] = to_working(std::fma(frame.window.y_column, absolute_column, y_row), Real());
  }
}

__device__ inline float radius_of(float x, float y) {
  return std::sqrt(std::fma(x, x, y * y));
}
__device__ inline double radius_of(double x, double y) {
  return std::sqrt(std::fma(x, x, y * y));
}

/// v limited to 0..1; NaN becomes 0.
__device__ inline float limited(float v) {
#if defined(__CUDA_ARCH__)
  return __saturatef(v);
#else
  return v > 0.0F ? (v < 1.0F ? v : 1.0F) : 0.0F;
#endif
}
__device__ inline double limited(double v) {
  return v > 0.0 ? (v < 1.0 ? v : 1.0) : 0.0;
}

/// floor(255 v) for v in 0..1.
__device__ inline unsigned truncated_code(float v) {
#if defined(__CUDA_ARCH__)
  // Added to 2^23 and rounded towards zero, the product's whole part lands in the low bits: one instruction
  // of the multiply-add pipe instead of a conversion.
  return __float_as_uint(__fmaf_rz(v, 255.0F, 8388608.0F)) & 0xffU;
#else
  return static_cast<unsigned>(static_cast<double>(v) * 255.0);
#endif
}
__device__ inline unsigned truncated_code(double v) {
  return static_cast<unsigned>(v * 255.0);
}

/// floor(top v + 0.5) for v in 0..1, top 255 or 65535. The product is half way between two whole numbers only
/// for v = 0.5, where round-half-even goes up too.
__device__ inline unsigned rounded_code(float v, float top) {
#if defined(__CUDA_ARCH__)
  return __float_as_uint(std::fma(v, top, 8388608.0F)) & 0xffffU;
#else
  return static_cast<unsigned>(static_cast<double>(v) * static_cast<double>(top) + 0.5);
#endif
}
__device__ inline unsigned rounded_code(double v, float top) {
  return static_cast<unsigned>(std::fma(v, static_cast<double>(top), 0.5));
}

/// Hue, saturation and value in 0..1 to red, green and blue: channel n of (5, 3, 1) is
/// v - v s max(0, min(k, 4 - k, 1)) with k = (n + 6 h) mod 6 (Smith, "Color gamut transform pairs", 1978).
template <class Real>
__device__ inline void hsv_to_rgb(Real (&color)[3]) {
  const Real hue = limited(color[0]) * Real(6);
  const Real saturation = limited(color[1]);
  const Real value = limited(color[2]);
#pragma unroll
  for (int channel = 0; channel < 3; ++channel) {
    Real k = hue + Real(5 - 2 * channel);
    if (k >= Real(6)) k -= Real(6);
    const Real other = Real(4) - k;
    Real weight = k < other ? k : other;
    weight = weight < Real(1) ? weight : Real(1);
    weight = weight > Real(0) ? weight : Real(0);
    color[channel] = std::fma(-value * saturation, weight, value);
  }
}

/// Stores a number at any address: at once where `aligned` says that is legal, else byte by byte.
template <class T>
__device__ inline void store_sample(std::byte* target, T value, bool aligned) {
  if (aligned) {
    *reinterpret_cast<T*>(target) = value;
    return;
  }
  const auto* bytes = reinterpret_cast<const unsigned char*>(&value);
#pragma unroll
  for (int index = 0; index < static_cast<int>(sizeof(T)); ++index)
    target[index] = static_cast<std::byte>(bytes[index]);
}

/// Stores up to kPixels pixels of one row; those beyond the region are dropped. `color` is overwritten.
template <class Real, int kPixels>
__device__ inline void store_pixels(const CppnFrame& frame, std::int64_t column, std::int64_t row,
                                    Real (&color)[kPixels][3]) {
  if (row >= frame.region.height || column >= frame.region.width) return;
  const std::int64_t left = frame.region.width - column;
  const int count = left < kPixels ? static_cast<int>(left) : kPixels;
  if (frame.hsv) {
#pragma unroll
    for (int pixel = 0; pixel < kPixels; ++pixel) hsv_to_rgb(color[pixel]);
  }
  std::byte* const line = frame.data + row * frame.row_bytes;
  const int channels = frame.channels;
  const std::int64_t first = column * channels;
  switch (frame.sample) {
    case CppnSample::u8_truncate:
    case CppnSample::u8: {
      unsigned code[kPixels][3];
      const bool truncate = frame.sample == CppnSample::u8_truncate;
#pragma unroll
      for (int pixel = 0; pixel < kPixels; ++pixel) {
#pragma unroll
        for (int channel = 0; channel < 3; ++channel) {
          const Real v = limited(color[pixel][channel]);
          code[pixel][channel] = truncate ? truncated_code(v) : rounded_code(v, 255.0F) & 0xffU;
        }
      }
      if constexpr (kPixels % 4 == 0) {
        if (count == kPixels && channels == 3 && frame.alignment >= 4) {
          auto* const words = reinterpret_cast<unsigned*>(line + first);
#pragma unroll
          for (int word = 0; word < kPixels * 3 / 4; ++word) {
            unsigned packed = 0;
#pragma unroll
            for (int byte = 0; byte < 4; ++byte)
              packed |= code[(word * 4 + byte) / 3][(word * 4 + byte) % 3] << (8 * byte);
            words[word] = packed;
          }
          return;
        }
      }
#pragma unroll
      for (int pixel = 0; pixel < kPixels; ++pixel) {
#pragma unroll
        for (int channel = 0; channel < 3; ++channel)
          if (pixel < count && channel < channels)
            line[first + pixel * channels + channel] = static_cast<std::byte>(code[pixel][channel]);
      }
      return;
    }
    case CppnSample::u16: {
#pragma unroll
      for (int pixel = 0; pixel < kPixels; ++pixel) {
#pragma unroll
        for (int channel = 0; channel < 3; ++channel)
          if (pixel < count && channel < channels)
            store_sample(line + (first + pixel * channels + channel) * 2,
                         static_cast<std::uint16_t>(rounded_code(limited(color[pixel][channel]), 65535.0F)),
                         frame.alignment >= 2);
      }
      return;
    }
    case CppnSample::f32: {
#pragma unroll
      for (int pixel = 0; pixel < kPixels; ++pixel) {
#pragma unroll
        for (int channel = 0; channel < 3; ++channel)
          if (pixel < count && channel < channels)
            store_sample(line + (first + pixel * channels + channel) * 4,
                         static_cast<float>(color[pixel][channel]), frame.alignment >= 4);
      }
      return;
    }
    case CppnSample::f64: {
#pragma unroll
      for (int pixel = 0; pixel < kPixels; ++pixel) {
#pragma unroll
        for (int channel = 0; channel < 3; ++channel)
          if (pixel < count && channel < channels)
            store_sample(line + (first + pixel * channels + channel) * 8,
                         static_cast<double>(color[pixel][channel]), frame.alignment >= 8);
      }
      return;
    }
  }
}

/// Four neighbouring numbers, read at once (float) or in two steps (double); the address is 16-byte aligned.
__device__ inline void read_four(const float* source, float (&values)[4]) {
  const float4 four = *reinterpret_cast<const float4*>(source);
  values[0] = four.x;
  values[1] = four.y;
  values[2] = four.z;
  values[3] = four.w;
}
__device__ inline void read_four(const double* source, double (&values)[4]) {
  const double2 low = reinterpret_cast<const double2*>(source)[0];
  const double2 high = reinterpret_cast<const double2*>(source)[1];
  values[0] = low.x;
  values[1] = low.y;
  values[2] = high.x;
  values[3] = high.y;
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
