#pragma once

#include "kernels/cpu/elementary.h"

// Sine and cosine: arguments are reduced by multiples of pi/2 held in three parts, whose products with the
// multiple are exact where multiply-add is fused. Absolute error at most 2 eps (eps as in elementary.h) for
// every finite argument; infinite ones and NaN give NaN. Where the multiply-add is not fused, and for
// arguments beyond kLargestReduced, each lane asks the C library.
namespace atelier::cpu::ATELIER_INSTRUCTION_SET {

template <class T>
inline constexpr T kLargestReduced = T(1e5);

ATELIER_INLINE float library_sine(float x) {
  return __builtin_sinf(x);
}
ATELIER_INLINE double library_sine(double x) {
  return __builtin_sin(x);
}
ATELIER_INLINE float library_cosine(float x) {
  return __builtin_cosf(x);
}
ATELIER_INLINE double library_cosine(double x) {
  return __builtin_cos(x);
}

/// Replaces the results of the lanes whose arguments are not within the limit. Lane by lane, so that a value
/// never depends on its neighbours.
template <bool cosine, class T>
__attribute__((noinline)) void ask_library(const T* arguments, T* values, T limit) {
  for (int i = 0; i < Simd<T>::lanes; ++i)
    if (!(arguments[i] <= limit && arguments[i] >= -limit))
      values[i] = cosine ? library_cosine(arguments[i]) : library_sine(arguments[i]);
}

template <class T>
ATELIER_INLINE bool all_within(typename Simd<T>::Vector x, T limit) {
  const typename Simd<T>::Integers inside = absolute(x) <= limit;
  bool all = true;
  for (int i = 0; i < Simd<T>::lanes; ++i) all &= inside[i] != 0;
  return all;
}

struct FloatAngle {
  FloatVector r;
  Int32Vector quadrant;
};
struct DoubleAngle {
  DoubleVector r;
  Int64Vector quadrant;
};
ATELIER_INLINE FloatAngle reduce_angle(FloatVector x) {
  FloatAngle angle;
  const FloatVector n = round_to_integer(x * 0.63661977236758134F, angle.quadrant);
  const FloatVector first = negated_fma(n, broadcast(1.57079637050628662109375F), x);
  const FloatVector second = negated_fma(n, broadcast(-4.371138828673792886547744274139404296875e-8F), first);
  angle.r = negated_fma(n, broadcast(-1.71512451000588e-15F), second);
  return angle;
}
ATELIER_INLINE DoubleAngle reduce_angle(DoubleVector x) {
  DoubleAngle angle;
  const DoubleVector n = round_to_integer(x * 0.63661977236758134308, angle.quadrant);
  const DoubleVector first = negated_fma(n, broadcast(1.5707963267948966), x);
  const DoubleVector second = negated_fma(n, broadcast(6.123233995736766e-17), first);
  angle.r = negated_fma(n, broadcast(-1.497384904859169832943508e-33), second);
  return angle;
}

template <bool cosine, class V, class Angle, class T, int sine_count, int cosine_count>
ATELIER_INLINE V sine_of_angle(const Angle& angle, const T (&sine)[sine_count],
                               const T (&cosines)[cosine_count]) {
  const V square = angle.r * angle.r;
  const V odd = fma(angle.r * square, polynomial(square, sine), angle.r);
  const V even =
      fma(square * square, polynomial(square, cosines), fma(square, broadcast(T(-0.5)), broadcast(T(1))));
  const auto quadrant = angle.quadrant + (cosine ? 1 : 0);
  const V value = select((quadrant & 1) != 0, even, odd);
  return select((quadrant & 2) != 0, -value, value);
}

template <bool cosine>
ATELIER_INLINE FloatVector circular_within_limit(FloatVector x) {
  constexpr float sine[] = {-0.16666655F, 0.008332189F, -0.00019518289F};
  constexpr float cosines[] = {0.041666646F, -0.0013887311F, 2.4432566e-05F};
  return sine_of_angle<cosine, FloatVector>(reduce_angle(x), sine, cosines);
}
template <bool cosine>
ATELIER_INLINE DoubleVector circular_within_limit(DoubleVector x) {
  constexpr double sine[] = {-0.16666666666666666,   0.0083333333333331,     -0.0001984126984105713,
                             2.7557319129295855e-06, -2.505208597784627e-08, 1.60562498479539e-10,
                             -7.484923380765316e-13};
  constexpr double cosines[] = {0.041666666666666664,   -0.0013888888888888447, 2.4801587301259422e-05,
                                -2.755731910072773e-07, 2.087673178472009e-09,  -1.146801386126288e-11,
                                4.645413518368573e-14};
  return sine_of_angle<cosine, DoubleVector>(reduce_angle(x), sine, cosines);
}

template <bool cosine, class T>
ATELIER_INLINE typename Simd<T>::Vector circular(typename Simd<T>::Vector x) {
  // Without fused multiply-adds the reduction is not exact: no argument is within the limit.
  constexpr T limit = kFusedMultiplyAdd ? kLargestReduced<T> : T(-1);
  typename Simd<T>::Vector value = circular_within_limit<cosine>(x);
  if (__builtin_expect(!all_within<T>(x, limit), !kFusedMultiplyAdd)) {
    T arguments[Simd<T>::lanes];
    T values[Simd<T>::lanes];
    store(arguments, x);
    store(values, value);
    ask_library<cosine>(arguments, values, limit);
    value = load(values);
  }
  return value;
}

ATELIER_INLINE FloatVector sine(FloatVector x) {
  return circular<false, float>(x);
}
ATELIER_INLINE DoubleVector sine(DoubleVector x) {
  return circular<false, double>(x);
}
ATELIER_INLINE FloatVector cosine(FloatVector x) {
  return circular<true, float>(x);
}
ATELIER_INLINE DoubleVector cosine(DoubleVector x) {
  return circular<true, double>(x);
}

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET
