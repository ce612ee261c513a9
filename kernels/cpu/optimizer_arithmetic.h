#pragma once

#include "kernels/cpu/simd.h"

namespace atelier::cpu::ATELIER_INSTRUCTION_SET {

// Adam's update needs a root and two quotients, more than the divider gives in the time of all the rest.
// Where vectors are widest, multiplications take its place, to the same last bit.
#if defined(__AVX512F__)
/// a / b for a divisor that many dividends share; a is a square root (hence 0, or 2^-75 to 2^64), b is 2^-50
/// or more. By Markstein's theorem: from the rounded inverse and the exact remainder of a quotient within an
/// ulp follows the rounded quotient.
ATELIER_INLINE FloatVector root_quotient_by_products(FloatVector a, float b) {
  const __m512 inverse = (__m512)(1 / broadcast(b));
  const __m512 quotient = _mm512_mul_ps((__m512)a, inverse);
  const __m512 remainder = _mm512_fnmadd_ps((__m512)broadcast(b), quotient, (__m512)a);
  // Where the quotient is right already, and the remainder NaN or +0.
  constexpr int kZeroInfiniteOrNan = 0x9f;
  const __mmask16 refine = _knot_mask16(_mm512_fpclass_ps_mask((__m512)a, kZeroInfiniteOrNan));
  return (FloatVector)_mm512_mask3_fmadd_ps(remainder, inverse, quotient, refine);
}
/// a / b for all a and b.
ATELIER_INLINE FloatVector quotient_by_products(FloatVector a, FloatVector b) {
  const __m512 divisor = (__m512)b;
  const __m512 dividend = (__m512)a;
  const __m512 one = _mm512_set1_ps(1.0F);
  // 1 / b correctly rounded, by Newton's iteration twice, unless b's significand is all ones. Then a / b is
  // too, by Markstein's theorem: the remainder of a quotient within an ulp is exact while it does not
  // underflow.
  const __m512 estimate = _mm512_maskz_rcp14_ps(0xffff, divisor);
  const __m512 closer = _mm512_fmadd_ps(_mm512_fnmadd_ps(divisor, estimate, one), estimate, estimate);
  const __m512 inverse = _mm512_fmadd_ps(_mm512_fnmadd_ps(divisor, closer, one), closer, closer);
  const __m512 quotient = _mm512_mul_ps(dividend, inverse);
  const __m512 remainder = _mm512_fnmadd_ps(divisor, quotient, dividend);
  // 2^-75 <= |a| < 2^75 and 2^-45 <= b < 2^45, by their bits.
  const __m512i magnitude = _mm512_add_epi32(_mm512_castps_si512(dividend), _mm512_castps_si512(dividend));
  const __mmask16 usual = _mm512_cmplt_epu32_mask(
      _mm512_sub_epi32(magnitude, _mm512_set1_epi32((127 - 75) << 24)), _mm512_set1_epi32(150 << 24));
  const __m512i after =  // b's bits and 1: an all ones significand has become 0
      _mm512_sub_epi32(_mm512_castps_si512(divisor), _mm512_set1_epi32(((127 - 45) << 23) - 1));
  const __mmask16 usual_divisor = _mm512_mask_test_epi32_mask(
      _mm512_cmplt_epu32_mask(after, _mm512_set1_epi32(90 << 23)), after, _mm512_set1_epi32(0x7fffff));
  const __mmask16 zero = _mm512_testn_epi32_mask(magnitude, magnitude);
  const unsigned covered = (static_cast<unsigned>(usual) | zero) & usual_divisor;
  if (__builtin_expect(static_cast<long>(covered != 0xffffU), 0L) != 0) return a / b;
  return (FloatVector)_mm512_mask3_fmadd_ps(remainder, inverse, quotient, usual);  // -0 keeps its sign
}
#endif

/// The optimisers' updates (kernels/optimizer_function.h) on vectors, with the roundings of FloatArithmetic:
/// bit-equal to it on every instruction set.
struct VectorArithmetic {
  using Value = FloatVector;
  ATELIER_INLINE static FloatVector all(float x) { return broadcast(x); }
  ATELIER_INLINE static FloatVector sum(FloatVector a, FloatVector b) { return a + b; }
  ATELIER_INLINE static FloatVector product(FloatVector a, FloatVector b) { return a * b; }
  ATELIER_INLINE static FloatVector quotient(FloatVector a, FloatVector b) { return a / b; }
  ATELIER_INLINE static FloatVector root_quotient(FloatVector a, float b) {
#if defined(__AVX512F__)
    return root_quotient_by_products(square_root(a), b);
#else
    return square_root(a) / broadcast(b);
#endif
  }
  ATELIER_INLINE static FloatVector fused(FloatVector a, FloatVector b, FloatVector c) {
    if constexpr (kFusedMultiplyAdd) return fma(a, b, c);
    // No instruction rounds once here: the library's function does.
    for (int i = 0; i < Simd<float>::lanes; ++i) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
    return c;
  }
};

/// The same without the divider, for every second vector: then it and the multipliers work side by side.
struct VectorArithmeticByProducts : VectorArithmetic {
#if defined(__AVX512F__)
  ATELIER_INLINE static FloatVector quotient(FloatVector a, FloatVector b) {
    return quotient_by_products(a, b);
  }
#endif
};

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET
