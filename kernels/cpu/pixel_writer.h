#pragma once

#include "kernels/cpu/cppn_vector.h"
#include "kernels/cpu/simd.h"

// Channel values to samples: clamping, colour, rounding, and the bytes of a strip that may run over row ends.
namespace atelier::cpu::ATELIER_INSTRUCTION_SET {

/// v in 0..1, NaN as 0.
template <class T>
ATELIER_INLINE T limited(T v) {
  const T positive = v > 0 ? v : 0;
  return positive < 1 ? positive : 1;
}

template <class T, int pixels>
ATELIER_INLINE void hsv_to_rgb(T (&channels)[3][pixels]) {
  for (int i = 0; i < pixels; ++i) {
    const T hue = limited(channels[0][i]) * 6;
    const T saturation = limited(channels[1][i]);
    const T value = limited(channels[2][i]);
    for (int c = 0; c < 3; ++c) {
      T k = hue + static_cast<T>(5 - 2 * c);
      k = k >= 6 ? k - 6 : k;
      T weight = k < 4 - k ? k : 4 - k;
      weight = limited(weight);
      channels[c][i] = value - value * saturation * weight;
    }
  }
}

/// The whole numbers that u8_truncate, u8 and u16 store.
template <class T, int pixels>
ATELIER_INLINE void quantize(const T (&values)[pixels], CppnSample sample, std::int32_t (&codes)[pixels]) {
  const T factor = sample == CppnSample::u16 ? 65535 : 255;
  const T rounding = sample == CppnSample::u8_truncate ? T(0) : T(0.5);
  for (int i = 0; i < pixels; ++i)
    codes[i] = static_cast<std::int32_t>(limited(values[i]) * factor + rounding);
}

template <class Sample>
ATELIER_INLINE void put(unsigned char* to, Sample value) {
  __builtin_memcpy(to, &value, sizeof(value));
}

/// `channel_value(c, i)` for `count` pixels from `from` on, at `to`, one after another.
template <class Sample, class Values>
ATELIER_INLINE void put_run(unsigned char* to, const Values& values, int channels, int from, int count) {
  for (int i = from; i < from + count; ++i)
    for (int c = 0; c < channels; ++c) {
      put(to, static_cast<Sample>(values[c][i]));
      to += sizeof(Sample);
    }
}

/// Three bytes a pixel, four at a time: each pixel's fourth byte is the next pixel's first.
template <int pixels>
ATELIER_INLINE void put_run_rgb8(unsigned char* to, const std::int32_t (&codes)[3][pixels], int from,
                                 int count) {
  std::int32_t words[pixels];
  for (int i = 0; i < pixels; ++i) words[i] = codes[0][i] | (codes[1][i] << 8) | (codes[2][i] << 16);
  for (int i = 0; i + 1 < count; ++i) put(to + 3 * i, words[from + i]);
  __builtin_memcpy(to + 3 * (count - 1), &words[from + count - 1], 3);
}

/// Stores pixels [first, first + count) of the target; `channels` are the network's outputs.
template <class T, int pixels>
void write_pixels(const CppnVectorTarget& target, T (&channels)[3][pixels], std::int64_t first, int count) {
  if (target.hsv && target.channels == 3) hsv_to_rgb(channels);
  std::int32_t codes[3][pixels];
  const bool quantized = target.sample != CppnSample::f32 && target.sample != CppnSample::f64;
  if (quantized)
    for (int c = 0; c < target.channels; ++c) quantize(channels[c], target.sample, codes[c]);
  const int sample_bytes = target.sample == CppnSample::f64   ? 8
                           : target.sample == CppnSample::f32 ? 4
                           : target.sample == CppnSample::u16 ? 2
                                                              : 1;
  const std::int64_t width = target.region.width;
  std::int64_t row = first / width;
  std::int64_t column = first - row * width;
  for (int from = 0; from < count;) {
    const int run = static_cast<int>(width - column < count - from ? width - column : count - from);
    unsigned char* const to = target.data + row * target.row_bytes + column * target.channels * sample_bytes;
    switch (target.sample) {
      case CppnSample::u8_truncate:
      case CppnSample::u8:
        if (target.channels == 3)
          put_run_rgb8(to, codes, from, run);
        else
          put_run<unsigned char>(to, codes, target.channels, from, run);
        break;
      case CppnSample::u16:
        put_run<std::uint16_t>(to, codes, target.channels, from, run);
        break;
      case CppnSample::f32:
        put_run<float>(to, channels, target.channels, from, run);
        break;
      case CppnSample::f64:
        put_run<double>(to, channels, target.channels, from, run);
        break;
    }
    from += run;
    column = 0;
    ++row;
  }
}

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET
