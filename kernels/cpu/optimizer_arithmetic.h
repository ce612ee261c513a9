#pragma once

#include "kernels/cpu/simd.h"

namespace atelier::cpu::ATELIER_INSTRUCTION_SET {

/// The optimisers' updates (kernels/optimizer_function.h) on vectors, with the roundings of FloatArithmetic:
/// bit-equal to it on every instruction set.
struct VectorArithmetic {
  using Value = FloatVector;
  ATELIER_INLINE static FloatVector all(float x) { return broadcast(x); }
  ATELIER_INLINE static FloatVector sum(FloatVector a, FloatVector b) { return a + b; }
  ATELIER_INLINE static FloatVector product(FloatVector a, FloatVector b) { return a * b; }
  ATELIER_INLINE static FloatVector quotient(FloatVector a, FloatVector b) { return a / b; }
  ATELIER_INLINE static FloatVector root(FloatVector a) { return square_root(a); }
  ATELIER_INLINE static FloatVector fused(FloatVector a, FloatVector b, FloatVector c) {
    if constexpr (kFusedMultiplyAdd) return fma(a, b, c);
    // No instruction rounds once here: the library's function does.
    for (int i = 0; i < Simd<float>::lanes; ++i) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
    return c;
  }
};

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET
