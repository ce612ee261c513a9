#pragma once

#include "kernels/cpu/simd.h"

// The last elements of a row, fewer than a vector has lanes.
namespace atelier::cpu::ATELIER_INSTRUCTION_SET {

/// 0, 1, 2, ... by lane.
ATELIER_INLINE Int32Vector lane_numbers() {
  Int32Vector number;
#pragma GCC unroll 16
  for (int i = 0; i < Simd<float>::lanes; ++i) number[i] = i;
  return number;
}
/// All ones in the first `count` lanes.
ATELIER_INLINE Int32Vector first_lanes(int count) {
  return lane_numbers() < count;
}

/// The first `count` elements, 0 in the lanes beyond; nothing beyond is read or written.
#if defined(__AVX512F__)
ATELIER_INLINE FloatVector load_first(const float* from, int count) {
  return (FloatVector)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << count) - 1U), from);
}
ATELIER_INLINE void store_first(float* to, FloatVector value, int count) {
  _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1U << count) - 1U), (__m512)value);
}
#elif defined(__AVX2__)
ATELIER_INLINE FloatVector load_first(const float* from, int count) {
  return (FloatVector)_mm256_maskload_ps(from, (__m256i)first_lanes(count));
}
ATELIER_INLINE void store_first(float* to, FloatVector value, int count) {
  _mm256_maskstore_ps(to, (__m256i)first_lanes(count), (__m256)value);
}
#else
ATELIER_INLINE FloatVector load_first(const float* from, int count) {
  FloatVector value{};
  for (int i = 0; i < Simd<float>::lanes; ++i)
    if (i < count) value[i] = from[i];
  return value;
}
ATELIER_INLINE void store_first(float* to, FloatVector value, int count) {
  for (int i = 0; i < Simd<float>::lanes; ++i)
    if (i < count) to[i] = value[i];
}
#endif

// Sums in double.
typedef float HalfFloatVector __attribute__((vector_size(kVectorBytes / 2)));

/// The lanes of the lower half plus those of the upper half.
ATELIER_INLINE DoubleVector sum_of_halves(FloatVector value) {
  HalfFloatVector half[2];
  static_assert(sizeof(half) == sizeof(value));
  __builtin_memcpy(half, &value, sizeof(value));
  return __builtin_convertvector(half[0], DoubleVector) + __builtin_convertvector(half[1], DoubleVector);
}
ATELIER_INLINE double sum_of_lanes(DoubleVector value) {
  double sum = value[0];
#pragma GCC unroll 8
  for (int i = 1; i < Simd<double>::lanes; ++i) sum += value[i];
  return sum;
}

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET
