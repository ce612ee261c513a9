#pragma once

#include "kernels/cpu/part_of_vector.h"
#include "kernels/cpu/simd.h"

// Parts of vectors of any length, and transposed squares.
namespace atelier::cpu::ATELIER_INSTRUCTION_SET {

inline constexpr int kLanes = Simd<float>::lanes;

ATELIER_INLINE std::int64_t least(std::int64_t a, std::int64_t b) {
  return a < b ? a : b;
}

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
