#pragma once

#include "kernels/cpu/simd.h"

// Elementary functions of vectors, lane by lane. Coefficients: tanh.sollya, which prints every polynomial's
// own error; the bounds below include rounding and hold on every instruction set
// (tests/kernels/cpu_math_test.cpp). "eps" is 2^-24 for float and 2^-53 for double.
namespace atelier::cpu::ATELIER_INSTRUCTION_SET {

template <class T>
inline constexpr T kLog2E = static_cast<T>(1.4426950408889634073599246810018921L);

/// c[0] + x (c[1] + x (c[2] + ...)).
template <class V, class T, int count>
ATELIER_INLINE V polynomial(V x, const T (&coefficients)[count]) {
  V sum = broadcast(coefficients[count - 1]);
#pragma GCC unroll 32
  for (int i = count - 2; i >= 0; --i) sum = fma(sum, x, broadcast(coefficients[i]));
  return sum;
}

/// The integer nearest to x, |x| < 2^22 (float) or 2^51 (double), and, in `integer`'s low bits, its value.
ATELIER_INLINE FloatVector round_to_integer(FloatVector x, Int32Vector& integer) {
  const FloatVector shifted = x + 0x1.8p23F;
  integer = bits(shifted);
  return shifted - 0x1.8p23F;
}
ATELIER_INLINE DoubleVector round_to_integer(DoubleVector x, Int64Vector& integer) {
  const DoubleVector shifted = x + 0x1.8p52;
  integer = bits(shifted);
  return shifted - 0x1.8p52;
}
/// a * 2^n for a near 1 and results that are normal numbers; only the low bits of n count.
ATELIER_INLINE FloatVector scale(FloatVector a, Int32Vector n) {
  return from_bits(bits(a) + (n << 23));
}
ATELIER_INLINE DoubleVector scale(DoubleVector a, Int64Vector n) {
  return from_bits(bits(a) + (n << 52));
}

// The core of tanh and sigmoid:
//
//   g(y) = 2 / (1 + 2^y)        tanh v = 1 - g(2 log2(e) v)        sigmoid v = g(-log2(e) v) / 2
//
// A layer that is followed by another leaves g itself: the factors and the 1 are folded into the weights
// around it. Absolute error of g (0 to 2) at most 4e-7 for float, 1e-15 for double; g(-inf) = 2, g(inf) = 0,
// NaN stays NaN.

#if defined(__AVX512F__)
// 2^y = 2^floor(y) table[i] (1 + r (c1 + r c2)). vreduceps leaves r = y - floor(32 y) / 32 for every y, and
// vscalefps multiplies by 2^floor(y) with saturation at both ends, so no argument needs clamping. The tables
// hold 2^(i/32) / 2, in float with the polynomial's own factor, and 2^(i/16) / 2.
constexpr float kHalfPowersFloat[32] = {
    0.5F,       0.5109486F,  0.5221369F,  0.53357023F, 0.5452539F,  0.5571934F,  0.56939435F, 0.58186245F,
    0.5946036F, 0.6076237F,  0.62092894F, 0.63452554F, 0.6484198F,  0.66261834F, 0.67712784F, 0.691955F,
    0.7071068F, 0.72259045F, 0.7384131F,  0.7545822F,  0.77110547F, 0.78799045F, 0.8052452F,  0.82287776F,
    0.8408965F, 0.8593097F,  0.87812614F, 0.8973546F,  0.9170041F,  0.93708384F, 0.95760334F, 0.97857213F};
constexpr double kHalfPowersDouble[16] = {0.5,
                                          0.5221368912137069,
                                          0.5452538663326288,
                                          0.5693943173783458,
                                          0.5946035575013605,
                                          0.620928906036742,
                                          0.6484197773255048,
                                          0.6771277734684463,
                                          0.7071067811865476,
                                          0.7384130729697497,
                                          0.7711054127039704,
                                          0.8052451659746271,
                                          0.8408964152537145,
                                          0.8781260801866497,
                                          0.9170040432046712,
                                          0.9576032806985737};

/// 1 / 2 + 2^y / 2
ATELIER_INLINE FloatVector half_one_plus_power(FloatVector y) {
  const __m512 argument = (__m512)y;
  constexpr int kDown = _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC;
  const __m512i entry =
      _mm512_castps_si512(_mm512_maskz_add_round_ps(0xffff, argument, _mm512_set1_ps(0x1.8p18F), kDown));
  const auto r = (FloatVector)_mm512_maskz_reduce_ps(0xffff, argument, 0x51);
  const __m512 power =
      _mm512_permutex2var_ps((__m512)load(kHalfPowersFloat), entry, (__m512)load(kHalfPowersFloat + 16));
  const auto scaled = (FloatVector)_mm512_maskz_scalef_ps(0xffff, power, argument);
  constexpr float c[] = {1.0F, 0.69311655F, 0.2428406F};
  return fma(scaled, polynomial(r, c), broadcast(0.5F));
}
ATELIER_INLINE DoubleVector half_one_plus_power(DoubleVector y) {
  const __m512d argument = (__m512d)y;
  constexpr int kDown = _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC;
  const __m512i entry =
      _mm512_castpd_si512(_mm512_maskz_add_round_pd(0xff, argument, _mm512_set1_pd(0x1.8p48), kDown));
  const auto r = (DoubleVector)_mm512_maskz_reduce_pd(0xff, argument, 0x41);
  const __m512d power =
      _mm512_permutex2var_pd((__m512d)load(kHalfPowersDouble), entry, (__m512d)load(kHalfPowersDouble + 8));
  const auto scaled = (DoubleVector)_mm512_maskz_scalef_pd(0xff, power, argument);
  constexpr double c[] = {1.0,
                          0.6931471805599377,
                          0.24022650696146405,
                          0.055504108419491,
                          0.009618140804572186,
                          0.0013330742043684716,
                          0.00015736293188993284};
  return fma(scaled, polynomial(r, c), broadcast(0.5));
}
#else
/// Outside of this range g is 0 or 2 to the last bit that matters, inside the power is a normal number.
inline constexpr float kPowerRangeFloat = 125.0F;
inline constexpr double kPowerRangeDouble = 1020.0;
template <class V, class T>
ATELIER_INLINE V clamped(V y, T range) {
  return maximum(broadcast(-range), minimum(broadcast(range), y));
}

#if defined(__AVX2__)
// As above with eight entries, r in [-1/16, 1/16], and the exponent added to the table's bits; an entry's own
// low bits of the shifted integer are taken out of it beforehand, so that the integer needs no masking.
constexpr std::int32_t kHalfPowerBits[8] = {0x3f000000, 0x3efb95c2, 0x3ef837f0, 0x3ef5fed6,
                                            0x3ef504f3, 0x3ef5672a, 0x3ef744fd, 0x3efac0c7};

ATELIER_INLINE FloatVector half_one_plus_power(FloatVector argument) {
  const FloatVector y = clamped(argument, kPowerRangeFloat);
  const FloatVector shifted = y + 0x1.8p20F;
  const FloatVector r = y - (shifted - 0x1.8p20F);
  const auto entry = (__m256i)bits(shifted);
  Int32Vector table;
  __builtin_memcpy(&table, kHalfPowerBits, sizeof(table));
  const auto power = (Int32Vector)_mm256_permutevar8x32_epi32((__m256i)table, entry);
  const FloatVector scaled = from_bits(power + (bits(shifted) << 20));
  constexpr float c[] = {1.0F, 0.69314724F, 0.24026407F, 0.0554989F};
  return fma(scaled, polynomial(r, c), broadcast(0.5F));
}
#else
ATELIER_INLINE FloatVector half_one_plus_power(FloatVector argument) {
  const FloatVector y = clamped(argument, kPowerRangeFloat);
  Int32Vector n;
  const FloatVector r = y - round_to_integer(y, n);
  constexpr float c[] = {1.0F, 0.693147F, 0.24022241F, 0.055506993F, 0.009671565F, 0.0013274751F};
  return fma(scale(polynomial(r, c), n), broadcast(0.5F), broadcast(0.5F));
}
#endif
ATELIER_INLINE DoubleVector half_one_plus_power(DoubleVector argument) {
  const DoubleVector y = clamped(argument, kPowerRangeDouble);
  Int64Vector n;
  const DoubleVector r = y - round_to_integer(y, n);
  constexpr double c[] = {1.0,
                          0.6931471805599492,
                          0.240226506959091,
                          0.05550410866448195,
                          0.009618129107983427,
                          0.0013333558225784655,
                          0.00015403529993922286,
                          1.5252659435018761e-05,
                          1.3215653740050398e-06,
                          1.0208321808153775e-07,
                          7.038156842141971e-09};
  return fma(scale(polynomial(r, c), n), broadcast(0.5), broadcast(0.5));
}
#endif

/// Arguments up to which logistic_core_bounded and its sibling may be used, in magnitude. Of larger ones the
/// reciprocal is limited to 2^-100 (float) or 2^-900: what lies below is 0 to all purposes, but denormal
/// results cost hundreds of cycles each and turn into NaN in Newton's iteration.
inline constexpr double kBoundedArgument = 96;
#if defined(__AVX512F__)
ATELIER_INLINE FloatVector limited_denominator(FloatVector y) {
  return minimum(broadcast(0x1p100F), half_one_plus_power(y));
}
ATELIER_INLINE DoubleVector limited_denominator(DoubleVector y) {
  return minimum(broadcast(0x1p900), half_one_plus_power(y));
}
#else
template <class V>
ATELIER_INLINE V limited_denominator(V y) {
  return half_one_plus_power(y);  // limited by the clamping of y
}
#endif

template <class V>
ATELIER_INLINE V reciprocal(V denominator) {
  return 1 / denominator;
}
/// By an approximate reciprocal and Newton's iteration where that exists, so that the divider and the
/// multipliers share the work when both kinds are mixed; elsewhere by a division. Same bound, other last
/// bits.
#if defined(__AVX512F__)
ATELIER_INLINE FloatVector reciprocal_newton(FloatVector denominator) {
  const auto estimate = (FloatVector)_mm512_maskz_rcp14_ps(0xffff, (__m512)denominator);
  return fma(estimate, negated_fma(denominator, estimate, broadcast(1.0F)), estimate);
}
ATELIER_INLINE DoubleVector reciprocal_newton(DoubleVector denominator) {
  const auto estimate = (DoubleVector)_mm512_maskz_rcp14_pd(0xff, (__m512d)denominator);
  // 1 / d = e (1 + r + r^2 + r^3 ...), r = 1 - d e, |r| < 2^-14: four terms.
  const DoubleVector r = negated_fma(denominator, estimate, broadcast(1.0));
  const DoubleVector square = fma(r, r, r);
  return fma(estimate, fma(r, square, r), estimate);
}
#else
template <class V>
ATELIER_INLINE V reciprocal_newton(V denominator) {
  return 1 / denominator;
}
#endif

/// g for every y.
template <class V>
ATELIER_INLINE V logistic_core(V y) {
  return reciprocal(limited_denominator(y));
}
template <class V>
ATELIER_INLINE V logistic_core_newton(V y) {
  return reciprocal_newton(limited_denominator(y));
}
/// g for |y| <= kBoundedArgument.
template <class V>
ATELIER_INLINE V logistic_core_bounded(V y) {
  return reciprocal(half_one_plus_power(y));
}
template <class V>
ATELIER_INLINE V logistic_core_newton_bounded(V y) {
  return reciprocal_newton(half_one_plus_power(y));
}

/// Absolute error at most 4e-7 (float), 1.5e-15 (double). Newton's iteration is several times the rate of a
/// division.
ATELIER_INLINE FloatVector hyperbolic_tangent(FloatVector v) {
  return 1 - logistic_core_newton(v * (2 * kLog2E<float>));
}
ATELIER_INLINE DoubleVector hyperbolic_tangent(DoubleVector v) {
  return 1 - logistic_core(v * (2 * kLog2E<double>));
}
/// 1 / (1 + e^-v). Absolute error at most 2e-7 (float), 1e-15 (double).
ATELIER_INLINE FloatVector sigmoid(FloatVector v) {
  return 0.5F * logistic_core_newton(v * -kLog2E<float>);
}
ATELIER_INLINE DoubleVector sigmoid(DoubleVector v) {
  return 0.5 * logistic_core(v * -kLog2E<double>);
}

// Exponentials and logarithms.

/// What is left of e^x = 2^n e^r after taking out n.
struct FloatExponent {
  FloatVector r;
  Int32Vector n;
};
struct DoubleExponent {
  DoubleVector r;
  Int64Vector n;
};
ATELIER_INLINE FloatExponent reduce_exponent(FloatVector x) {
  FloatExponent result;
  const FloatVector n = round_to_integer(x * kLog2E<float>, result.n);
  // log 2 in two parts, the first so short that its product with n is exact.
  result.r = negated_fma(n, broadcast(-2.12194440e-4F), negated_fma(n, broadcast(0.693359375F), x));
  return result;
}
ATELIER_INLINE DoubleExponent reduce_exponent(DoubleVector x) {
  DoubleExponent result;
  const DoubleVector n = round_to_integer(x * kLog2E<double>, result.n);
  result.r = negated_fma(n, broadcast(0x1.a39ef35793c76p-33), negated_fma(n, broadcast(0x1.62e42feep-1), x));
  return result;
}
/// e^r - 1 for |r| <= log(2) / 2.
ATELIER_INLINE FloatVector small_exponential_minus_one(FloatVector r) {
  constexpr float c[] = {0.4999999F, 0.16666521F, 0.041668963F, 0.00836867F, 0.0013782465F};
  return fma(r * r, polynomial(r, c), r);
}
ATELIER_INLINE DoubleVector small_exponential_minus_one(DoubleVector r) {
  constexpr double c[] = {0.5000000000000011,    0.16666666666666424,   0.04166666666652705,
                          0.008333333333487052,  0.0013888888944313675, 0.0001984126952246475,
                          2.480149248278633e-05, 2.755757229290872e-06, 2.763044448084269e-07,
                          2.500448964385787e-08};
  return fma(r * r, polynomial(r, c), r);
}

/// e^x for x <= 0: relative error at most 4 eps down to the smallest normal number, 0 below. NaN stays NaN.
ATELIER_INLINE FloatVector exponential_of_negative(FloatVector x) {
  const FloatExponent part = reduce_exponent(maximum(broadcast(-87.0F), x));
  const FloatVector value = scale(1 + small_exponential_minus_one(part.r), part.n);
  return select(x < -87.0F, FloatVector{}, value);
}
ATELIER_INLINE DoubleVector exponential_of_negative(DoubleVector x) {
  const DoubleExponent part = reduce_exponent(maximum(broadcast(-708.0), x));
  const DoubleVector value = scale(1 + small_exponential_minus_one(part.r), part.n);
  return select(x < -708.0, DoubleVector{}, value);
}

/// e^x - 1 for x <= 0, relative error at most 6 eps. NaN stays NaN.
template <class V>
ATELIER_INLINE V exponential_minus_one_of_negative(V x) {
  return select(x > -0.34F, small_exponential_minus_one(x), exponential_of_negative(x) - 1);
}

/// log(1 + t) for 0 <= t <= 1, relative error at most 6 eps.
ATELIER_INLINE FloatVector log_one_plus(FloatVector t) {
  const FloatVector s = t / (2 + t);
  constexpr float c[] = {0.6666642F, 0.40021434F, 0.28003097F, 0.28006372F};
  const FloatVector square = s * s;
  return fma(s * square, polynomial(square, c), s + s);
}
ATELIER_INLINE DoubleVector log_one_plus(DoubleVector t) {
  const DoubleVector s = t / (2 + t);
  constexpr double c[] = {0.6666666666666631, 0.4000000000015567,  0.2857142854806024,  0.22222223956733142,
                          0.1818174438290698, 0.15386550239656438, 0.13301099204472316, 0.1210510706476401,
                          0.0834431079094632, 0.17010906602888073};
  const DoubleVector square = s * s;
  return fma(s * square, polynomial(square, c), s + s);
}

// The normal distribution.

/// Phi(-t) = erfc(t / sqrt 2) / 2 for t >= 0. Relative error at most (16 + t^2) eps, 0 beyond t = 13 (float)
/// or 37 (double). NaN stays NaN.
ATELIER_INLINE FloatVector normal_tail(FloatVector t) {
  const FloatVector s = minimum(broadcast(9.8F), t * 0.70710678118654752F);
  constexpr float c[] = {0.62650406F,  -0.067810565F, -0.023783008F, 0.06482224F,   -0.059609223F,
                         0.034172226F, -0.012019015F, 0.001119777F,  0.0011387292F, -7.216704e-05F};
  return exponential_of_negative(t * t * -0.5F) / (1 + 2 * s) * polynomial((s - 3) / (s + 3), c);
}
ATELIER_INLINE DoubleVector normal_tail(DoubleVector t) {
  const DoubleVector s = minimum(broadcast(27.5), t * 0.70710678118654752440);
  constexpr double c[] = {
      0.6265040291348649,     -0.0678105530622884,     -0.023781147176743716,  0.06482257935115827,
      -0.0596368317067558,    0.034154013678754626,    -0.011885257475888185,  0.0012646958117692448,
      0.0009443453288800539,  -0.00038991536998808033, -5.258062708042762e-05, 6.254595240838402e-05,
      2.4766438339263557e-06, -1.0038767109434157e-05, -3.677915400243266e-07, 1.7133709540353838e-06,
      1.7650824145084454e-07, -2.80037251532174e-07,   -6.255987186799253e-08, 3.0673431789008684e-08,
      1.1535445112816745e-08, 2.1154641885874802e-10};
  return exponential_of_negative(t * t * -0.5) / (1 + 2 * s) * polynomial((s - 3) / (s + 3), c);
}

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET
