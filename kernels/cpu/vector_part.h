#pragma once

#include "kernels/cpu/simd.h"

// Parts of vectors, what their lanes add up to, and transposed squares.
namespace atelier::cpu::ATELIER_INSTRUCTION_SET {

inline constexpr int kLanes = Simd<float>::lanes;

ATELIER_INLINE std::int64_t least(std::int64_t a, std::int64_t b) {
  return a < b ? a : b;
}

/// 0, 1, 2, ... by lane.
ATELIER_INLINE Int32Vector lane_numbers() {
  Int32Vector number;
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) number[i] = i;
  return number;
}
/// All ones in the first `count` lanes.
ATELIER_INLINE Int32Vector first_lanes(int count) {
  return lane_numbers() < count;
}

/// The first `count` elements, 0 to kLanes of them; 0 in the lanes beyond, where nothing is read or written.
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
  for (int i = 0; i < kLanes; ++i)
    if (i < count) value[i] = from[i];
  return value;
}
ATELIER_INLINE void store_first(float* to, FloatVector value, int count) {
  for (int i = 0; i < kLanes; ++i)
    if (i < count) to[i] = value[i];
}
#endif

/// The first `count` lanes, any number: all from kLanes on, none below 1. The others are zero, and nothing
/// beyond the lanes is read or written.
ATELIER_INLINE FloatVector load_part(const float* from, std::int64_t count) {
  if (count >= kLanes) return load(from);
  return count > 0 ? load_first(from, static_cast<int>(count)) : FloatVector{};
}
ATELIER_INLINE void store_part(float* to, FloatVector value, std::int64_t count) {
  if (count >= kLanes)
    store(to, value);
  else if (count > 0)
    store_first(to, value, static_cast<int>(count));
}

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

// Exchanges the off-diagonal squares of kSquare x kSquare between two rows that lie kSquare apart: one step
// of a transposition. The compiler turns the constant lane choices into shuffles.
template <int kSquare>
ATELIER_INLINE void exchange(FloatVector& upper, FloatVector& lower) {
  Int32Vector choose_upper;
  Int32Vector choose_lower;
  for (int i = 0; i < kLanes; ++i) {
    choose_upper[i] = (i & kSquare) != 0 ? kLanes + i - kSquare : i;
    choose_lower[i] = (i & kSquare) != 0 ? kLanes + i : i + kSquare;
  }
  const FloatVector first = __builtin_shuffle(upper, lower, choose_upper);
  lower = __builtin_shuffle(upper, lower, choose_lower);
  upper = first;
}

/// Row i of a square becomes its column i: transpose<kLanes / 2>(row).
template <int kSquare>
ATELIER_INLINE void transpose(FloatVector (&row)[kLanes]) {
  if constexpr (kSquare > 0) {
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i)
      if ((i & kSquare) == 0) exchange<kSquare>(row[i], row[i + kSquare]);
    transpose<kSquare / 2>(row);
  }
}

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET
