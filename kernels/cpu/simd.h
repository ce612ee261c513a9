#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if !defined(ATELIER_INSTRUCTION_SET)
#error "kernels/cpu/simd.h is for sources compiled once an instruction set (atelier_vector_objects)"
#endif

// Vectors of the widest registers that an instruction set has, as thin as GCC's vector types allow: + - * /,
// the bitwise operators and comparisons are the language's own; what the language lacks stands here. One
// source serves every set:
//
//   portable   16 bytes (SSE2 on x86-64, NEON on aarch64)       avx2  32 bytes       avx512  64 bytes
//
// Nothing here calls or instantiates the standard library (kernels/cpu sources must not, see the build).
namespace atelier::cpu::ATELIER_INSTRUCTION_SET {

#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
inline constexpr int kVectorBytes = 32;
#else
inline constexpr int kVectorBytes = 16;
#endif

typedef float FloatVector __attribute__((vector_size(kVectorBytes)));
typedef double DoubleVector __attribute__((vector_size(kVectorBytes)));
typedef std::int32_t Int32Vector __attribute__((vector_size(kVectorBytes)));
typedef std::int64_t Int64Vector __attribute__((vector_size(kVectorBytes)));

#define ATELIER_INLINE inline __attribute__((always_inline))

/// The vector of T, the integers of its width (also what a comparison yields) and the number of lanes.
template <class T>
struct Simd;
template <>
struct Simd<float> {
  using Vector = FloatVector;
  using Integers = Int32Vector;
  static constexpr int lanes = kVectorBytes / 4;
};
template <>
struct Simd<double> {
  using Vector = DoubleVector;
  using Integers = Int64Vector;
  static constexpr int lanes = kVectorBytes / 8;
};

// Any alignment.
ATELIER_INLINE FloatVector load(const float* from) {
  FloatVector value;
  __builtin_memcpy(&value, from, sizeof(value));
  return value;
}
ATELIER_INLINE DoubleVector load(const double* from) {
  DoubleVector value;
  __builtin_memcpy(&value, from, sizeof(value));
  return value;
}
ATELIER_INLINE void store(float* to, FloatVector value) {
  __builtin_memcpy(to, &value, sizeof(value));
}
ATELIER_INLINE void store(double* to, DoubleVector value) {
  __builtin_memcpy(to, &value, sizeof(value));
}

ATELIER_INLINE FloatVector broadcast(float value) {
  return value - FloatVector{};  // x - 0 is x for every x, which the compiler knows: no operation is left
}
ATELIER_INLINE DoubleVector broadcast(double value) {
  return value - DoubleVector{};  // x - 0 is x for every x, which the compiler knows: no operation is left
}
ATELIER_INLINE Int32Vector broadcast(std::int32_t value) {
  return value - Int32Vector{};  // x - 0 is x for every x, which the compiler knows: no operation is left
}
ATELIER_INLINE Int64Vector broadcast(std::int64_t value) {
  return value - Int64Vector{};  // x - 0 is x for every x, which the compiler knows: no operation is left
}

ATELIER_INLINE Int32Vector bits(FloatVector value) {
  return (Int32Vector)value;
}
ATELIER_INLINE Int64Vector bits(DoubleVector value) {
  return (Int64Vector)value;
}
ATELIER_INLINE FloatVector from_bits(Int32Vector value) {
  return (FloatVector)value;
}
ATELIER_INLINE DoubleVector from_bits(Int64Vector value) {
  return (DoubleVector)value;
}

/// True where fma() rounds once. The portable build for x86-64 multiplies and adds (two roundings): its
/// results differ in the last bits from the other sets', which the contract allows.
#if defined(__FMA__) || defined(__aarch64__)
inline constexpr bool kFusedMultiplyAdd = true;
#else
inline constexpr bool kFusedMultiplyAdd = false;
#endif

/// a * b + c
#if defined(__AVX512F__)
ATELIER_INLINE FloatVector fma(FloatVector a, FloatVector b, FloatVector c) {
  return (FloatVector)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}
ATELIER_INLINE DoubleVector fma(DoubleVector a, DoubleVector b, DoubleVector c) {
  return (DoubleVector)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
}
#elif defined(__FMA__)
ATELIER_INLINE FloatVector fma(FloatVector a, FloatVector b, FloatVector c) {
  return (FloatVector)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}
ATELIER_INLINE DoubleVector fma(DoubleVector a, DoubleVector b, DoubleVector c) {
  return (DoubleVector)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
}
#elif defined(__aarch64__)
ATELIER_INLINE FloatVector fma(FloatVector a, FloatVector b, FloatVector c) {
  return (FloatVector)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
ATELIER_INLINE DoubleVector fma(DoubleVector a, DoubleVector b, DoubleVector c) {
  return (DoubleVector)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
}
#else
ATELIER_INLINE FloatVector fma(FloatVector a, FloatVector b, FloatVector c) {
  return a * b + c;
}
ATELIER_INLINE DoubleVector fma(DoubleVector a, DoubleVector b, DoubleVector c) {
  return a * b + c;
}
#endif
/// c - a * b
template <class V>
ATELIER_INLINE V negated_fma(V a, V b, V c) {
  return fma(-a, b, c);
}

/// a * b + c rounded once on every set, one value at a time (a library call where there is no instruction).
ATELIER_INLINE double exact_fma(double a, double b, double c) {
  return __builtin_fma(a, b, c);
}

/// mask ? a : b. A mask is what a comparison yields: all ones or zero a lane.
template <class M, class V>
ATELIER_INLINE V select(M mask, V a, V b) {
  return mask ? a : b;
}

/// Whether a mask is true in all lanes.
ATELIER_INLINE bool every(Int32Vector mask) {
#if defined(__AVX512F__)
  return _mm512_movepi32_mask((__m512i)mask) == 0xffff;
#elif defined(__AVX2__)
  return _mm256_movemask_ps((__m256)mask) == 0xff;
#elif defined(__x86_64__)
  return _mm_movemask_ps((__m128)mask) == 0xf;
#elif defined(__aarch64__)
  return vminvq_u32((uint32x4_t)mask) != 0;
#else
  bool all = true;
  for (int i = 0; i < Simd<float>::lanes; ++i) all &= mask[i] != 0;
  return all;
#endif
}

/// a < b ? a : b and a > b ? a : b: b where either is NaN, so put the value that may be NaN second to keep
/// it, first to drop it.
template <class V>
ATELIER_INLINE V minimum(V a, V b) {
  return a < b ? a : b;
}
template <class V>
ATELIER_INLINE V maximum(V a, V b) {
  return a > b ? a : b;
}

ATELIER_INLINE FloatVector absolute(FloatVector a) {
  return from_bits(bits(a) & 0x7fffffff);
}
ATELIER_INLINE DoubleVector absolute(DoubleVector a) {
  return from_bits(bits(a) & 0x7fffffffffffffff);
}
/// |magnitude| with the sign of `sign`.
ATELIER_INLINE FloatVector copy_sign(FloatVector magnitude, FloatVector sign) {
  return from_bits((bits(magnitude) & 0x7fffffff) | (bits(sign) & INT32_MIN));
}
ATELIER_INLINE DoubleVector copy_sign(DoubleVector magnitude, DoubleVector sign) {
  return from_bits((bits(magnitude) & INT64_MAX) | (bits(sign) & INT64_MIN));
}

/// Correctly rounded square roots.
#if defined(__AVX512F__)
ATELIER_INLINE FloatVector square_root(FloatVector a) {
  return (FloatVector)_mm512_maskz_sqrt_ps(0xffff, (__m512)a);
}
ATELIER_INLINE DoubleVector square_root(DoubleVector a) {
  return (DoubleVector)_mm512_maskz_sqrt_pd(0xff, (__m512d)a);
}
#elif defined(__AVX2__)
ATELIER_INLINE FloatVector square_root(FloatVector a) {
  return (FloatVector)_mm256_sqrt_ps((__m256)a);
}
ATELIER_INLINE DoubleVector square_root(DoubleVector a) {
  return (DoubleVector)_mm256_sqrt_pd((__m256d)a);
}
#elif defined(__x86_64__)
ATELIER_INLINE FloatVector square_root(FloatVector a) {
  return (FloatVector)_mm_sqrt_ps((__m128)a);
}
ATELIER_INLINE DoubleVector square_root(DoubleVector a) {
  return (DoubleVector)_mm_sqrt_pd((__m128d)a);
}
#elif defined(__aarch64__)
ATELIER_INLINE FloatVector square_root(FloatVector a) {
  return (FloatVector)vsqrtq_f32((float32x4_t)a);
}
ATELIER_INLINE DoubleVector square_root(DoubleVector a) {
  return (DoubleVector)vsqrtq_f64((float64x2_t)a);
}
#else
ATELIER_INLINE FloatVector square_root(FloatVector a) {
  for (int i = 0; i < Simd<float>::lanes; ++i) a[i] = __builtin_sqrtf(a[i]);
  return a;
}
ATELIER_INLINE DoubleVector square_root(DoubleVector a) {
  for (int i = 0; i < Simd<double>::lanes; ++i) a[i] = __builtin_sqrt(a[i]);
  return a;
}
#endif

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET
