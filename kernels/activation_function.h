#pragma once

#include <cmath>
#include <type_traits>

#include "kernels/activation.h"
#include "runtime/backend.h"
#if defined(__CUDACC__) || defined(ATELIER_SIMT_CODE)
#include "runtime/kernel.cuh"
#endif

// The activations as functions, for kernels and for host code that is compiled for one instruction set only
// (code under kernels/cpu has its own vector forms of the same formulas).
//
// Every function keeps NaN (a NaN input gives NaN, from relu and abs too) and overflows for no finite x, but
// for square, whose value does. Error bounds are absolute unless said otherwise, against exact arithmetic on
// the given x. In fp32 the exponentials of tanh, sigmoid, silu and gaussian are the GPU's approximate base-2
// exponential (relative error at most 2^-22) and reciprocal (1 ulp); in double all functions are the standard
// library's, to a few ulp. Limits at infinity are taken, except where a formula is infinity times zero, as
// stated (PyTorch gives NaN there too).

namespace atelier {
inline namespace ATELIER_CODE {

/// 2^x and 1/x as the device offers them: the special function unit's approximations on a GPU (relative error
/// at most 2^-22; 1 ulp).
[[nodiscard]] ATELIER_HOST_DEVICE inline float fast_exp2(float x) {
#if defined(__CUDA_ARCH__)
  return cuda::exp2_approximate(x);
#elif defined(ATELIER_SIMT_CODE)
  return simt::exp2_approximate(x);
#else
  return std::exp2(x);
#endif
}
[[nodiscard]] ATELIER_HOST_DEVICE inline float fast_reciprocal(float x) {
#if defined(__CUDA_ARCH__)
  return cuda::reciprocal_approximate(x);
#elif defined(ATELIER_SIMT_CODE)
  return simt::reciprocal_approximate(x);
#else
  return 1.0F / x;
#endif
}

/// 1 / (1 + 2^a): the common core of sigmoid (a = -x log2 e) and tanh (a = 2 x log2 e). Three instructions.
[[nodiscard]] ATELIER_HOST_DEVICE inline float sigmoid_from_exponent(float a) {
  return fast_reciprocal(1.0F + fast_exp2(a));
}

/// 1 - 2 / (1 + 2^a) = tanh x for a = 2 x log2 e: four instructions, five with the product that makes a.
/// |error| <= 4e-7 for |x| up to infinity: with s = 1 / (1 + 2^a), twice the sum of the exponential's error
/// s (1-s) 2^-22, the rounding of 1 + 2^a (s 2^-24), the reciprocal's 2^-24 and the rounding of a
/// (|a| s (1-s) ln 2 2^-23), and the last rounding 2^-25: 3.7e-7 at most, near x = -0.6. The bound is
/// absolute: near 0 the difference cancels, so the relative error of small results is large.
[[nodiscard]] ATELIER_HOST_DEVICE inline float tanh_from_exponent(float a) {
  return std::fma(-2.0F, sigmoid_from_exponent(a), 1.0F);
}

/// x
template <class T>
[[nodiscard]] ATELIER_HOST_DEVICE T identity_activation(T x) {
  return x;
}

/// max(x, 0). Exact. Derivative at 0: 0.
template <class T>
[[nodiscard]] ATELIER_HOST_DEVICE T relu_activation(T x) {
  return x < T(0) ? T(0) : x;
}

/// x > 0 ? x : slope x. One rounding. Derivative at 0: slope.
template <class T>
[[nodiscard]] ATELIER_HOST_DEVICE T leaky_relu_activation(T x, T slope) {
  return x > T(0) ? x : slope * x;
}

/// 1 / (1 + e^-x). fp32: |error| <= 2.5e-7; 0 below -88.7.
template <class T>
[[nodiscard]] ATELIER_HOST_DEVICE T sigmoid_activation(T x) {
  if constexpr (std::is_same_v<T, float>) {
    return sigmoid_from_exponent(x * -1.44269504F);
  } else {
    return T(1) / (T(1) + std::exp(-x));
  }
}

/// tanh x. fp32: |error| <= 4e-7, see tanh_from_exponent; exactly 1 or -1 for large |x|; tanh 0 = 0.
template <class T>
[[nodiscard]] ATELIER_HOST_DEVICE T tanh_activation(T x) {
  if constexpr (std::is_same_v<T, float>) {
    return tanh_from_exponent(x * 2.88539008F);
  } else {
    return std::tanh(x);
  }
}

/// sin(x + quarter_turns pi / 2) in fp32. x is reduced to r = x - k pi/2, |r| <= pi/4 (and a little), by
/// three fused steps with a pi of 72 bits, in double where k would need more than 16 bits; then minimax
/// polynomials (sollya fpminimax; sin to 2.7e-9 relative, cos to 1.2e-10). Beyond 2^45 neighbouring floats
/// are more than half a million turns apart, and x counts as a whole number of turns.
[[nodiscard]] ATELIER_HOST_DEVICE inline float sine_of_turned(float x, int quarter_turns) {
  float r = 0.0F;
  if (std::fabs(x) <= 65536.0F) {
    const float k = std::rint(x * 0x1.45f306p-1F);
    quarter_turns += static_cast<int>(k);
    r = std::fma(k, -0x1.921fb6p0F, x);
    r = std::fma(k, 0x1.777a5cp-25F, r);
    r = std::fma(k, 0x1.ee59dap-50F, r);
  } else if (std::fabs(x) <= 0x1p45F) {
    const double k = std::rint(static_cast<double>(x) * 0x1.45f306dc9c883p-1);
    quarter_turns += static_cast<int>(static_cast<long long>(k) & 3);
    r = static_cast<float>(std::fma(k, -0x1.1a62633145c07p-54, std::fma(k, -0x1.921fb54442d18p0, double{x})));
  } else {
    r = x - x;  // 0, or NaN from infinity and NaN
  }
  const float square = r * r;
  float sine = std::fma(square, -0x1.98d3b6p-13F, 0x1.11058ep-7F);
  sine = std::fma(sine, square, -0x1.55553ep-3F);
  sine = std::fma(sine * square, r, r);
  float cosine = std::fma(square, 0x1.99deecp-16F, -0x1.6c0c16p-10F);
  cosine = std::fma(cosine, square, 0x1.55554ap-5F);
  cosine = std::fma(cosine, square, -0.5F);
  cosine = std::fma(cosine, square, 1.0F);
  const float value = (quarter_turns & 1) != 0 ? cosine : sine;
  return (quarter_turns & 2) != 0 ? -value : value;
}

/// sin x. fp32: |error| <= 1.2e-7 for |x| <= 2^45, 0 beyond; NaN at infinity.
template <class T>
[[nodiscard]] ATELIER_HOST_DEVICE T sin_activation(T x) {
  if constexpr (std::is_same_v<T, float>) {
    return sine_of_turned(x, 0);
  } else {
    return std::sin(x);
  }
}

/// cos x. fp32: |error| <= 1.2e-7 for |x| <= 2^45, 1 beyond; NaN at infinity.
template <class T>
[[nodiscard]] ATELIER_HOST_DEVICE T cos_activation(T x) {
  if constexpr (std::is_same_v<T, float>) {
    return sine_of_turned(x, 1);
  } else {
    return std::cos(x);
  }
}

/// e^(-x^2). fp32: |error| <= 4e-7.
template <class T>
[[nodiscard]] ATELIER_HOST_DEVICE T gaussian_activation(T x) {
  if constexpr (std::is_same_v<T, float>) {
    return fast_exp2(x * x * -1.44269504F);
  } else {
    return std::exp(-x * x);
  }
}

/// log(1 + e^x) as max(x, 0) + log(1 + e^-|x|). A few ulp. PyTorch's result for x > 20, x itself, is within
/// 2.1e-9 of it.
template <class T>
[[nodiscard]] ATELIER_HOST_DEVICE T softplus_activation(T x) {
  return (x > T(0) ? x : T(0)) + std::log1p(std::exp(-std::fabs(x)));
}

/// x Phi(x) with Phi(x) = erfc(-x / sqrt 2) / 2, PyTorch's default. Relative error of fp32 8e-6 where the
/// result is above 1e-30 in magnitude. NaN at -infinity.
template <class T>
[[nodiscard]] ATELIER_HOST_DEVICE T gelu_activation(T x) {
  return T(0.5) * x * std::erfc(x * T(-0.70710678118654752440));
}

/// x / (1 + e^-x). fp32: |error| <= 2.5e-7 max(1, |x|). NaN at -infinity.
template <class T>
[[nodiscard]] ATELIER_HOST_DEVICE T silu_activation(T x) {
  return x * sigmoid_activation(x);
}

/// x > 0 ? x : slope (e^x - 1). A few ulp. Derivative at 0: slope.
template <class T>
[[nodiscard]] ATELIER_HOST_DEVICE T elu_activation(T x, T slope) {
  return x > T(0) ? x : slope * std::expm1(x);
}

/// |x|. Exact. Derivative at 0: 0.
template <class T>
[[nodiscard]] ATELIER_HOST_DEVICE T abs_activation(T x) {
  return std::fabs(x);
}

/// x^2. One rounding; infinite where the square is.
template <class T>
[[nodiscard]] ATELIER_HOST_DEVICE T square_activation(T x) {
  return x * x;
}

/// x / (1 + |x|). Two roundings. NaN at both infinities.
template <class T>
[[nodiscard]] ATELIER_HOST_DEVICE T softsign_activation(T x) {
  return x / (T(1) + std::fabs(x));
}

/// The value of an activation at x. T is float or double. Formulas and error bounds stand at the functions
/// above.
template <class T>
[[nodiscard]] ATELIER_HOST_DEVICE T activate(ActivationFunction function, T x) {
  switch (function.kind) {
    case Activation::identity:
      return identity_activation(x);
    case Activation::relu:
      return relu_activation(x);
    case Activation::leaky_relu:
      return leaky_relu_activation(x, static_cast<T>(function.slope));
    case Activation::sigmoid:
      return sigmoid_activation(x);
    case Activation::tanh:
      return tanh_activation(x);
    case Activation::sin:
      return sin_activation(x);
    case Activation::cos:
      return cos_activation(x);
    case Activation::gaussian:
      return gaussian_activation(x);
    case Activation::softplus:
      return softplus_activation(x);
    case Activation::gelu:
      return gelu_activation(x);
    case Activation::silu:
      return silu_activation(x);
    case Activation::elu:
      return elu_activation(x, static_cast<T>(function.slope));
    case Activation::abs:
      return abs_activation(x);
    case Activation::square:
      return square_activation(x);
    case Activation::softsign:
      return softsign_activation(x);
  }
  return x;
}

/// The derivative of an activation at the pre-activation x, given y = activate(function, x) as well, so that
/// what the value already cost is not paid twice. NaN where x is NaN. Error: a few times that of the value.
///   identity  1             relu, leaky_relu  1, or 0 and the slope where x <= 0
///   sigmoid   y (1 - y)     tanh  1 - y^2     sin  cos x     cos  -sin x     gaussian  -2 x y
///   softplus  sigmoid x     gelu  Phi(x) + x e^(-x^2/2) / sqrt(2 pi)
///   silu      s (1 + x (1 - s)) with s = sigmoid x           elu  1, or y + slope where x <= 0
///   abs       sign x (0 at 0)     square  2 x                softsign  1 / (1 + |x|)^2
template <class T>
[[nodiscard]] ATELIER_HOST_DEVICE T activation_derivative(ActivationFunction function, T x, T y) {
  if (x != x) return x;  // NOLINT(misc-redundant-expression): NaN alone differs from itself
  switch (function.kind) {
    case Activation::identity:
      return T(1);
    case Activation::relu:
      return x > T(0) ? T(1) : T(0);
    case Activation::leaky_relu:
      return x > T(0) ? T(1) : static_cast<T>(function.slope);
    case Activation::sigmoid:
      return y * (T(1) - y);
    case Activation::tanh:
      return std::fma(-y, y, T(1));
    case Activation::sin:
      return cos_activation(x);
    case Activation::cos:
      return -sin_activation(x);
    case Activation::gaussian:
      return T(-2) * x * y;
    case Activation::softplus:
      return sigmoid_activation(x);
    case Activation::gelu:
      return T(0.5) * std::erfc(x * T(-0.70710678118654752440)) +
             x * T(0.39894228040143267794) * std::exp(T(-0.5) * x * x);
    case Activation::silu: {
      const T s = sigmoid_activation(x);
      return s * std::fma(x, T(1) - s, T(1));
    }
    case Activation::elu:
      return x > T(0) ? T(1) : y + static_cast<T>(function.slope);
    case Activation::abs:
      return static_cast<T>(x > T(0)) - static_cast<T>(x < T(0));
    case Activation::square:
      return T(2) * x;
    case Activation::softsign: {
      const T denominator = T(1) + std::fabs(x);
      return T(1) / denominator / denominator;
    }
  }
  return T(1);
}

}  // namespace ATELIER_CODE
}  // namespace atelier
