#pragma once

#include "runtime/backend.h"

// Arithmetic whose roundings are spelt out one by one, so that every compiler makes the same bits: nvcc fuses
// a product and a sum where it can, unless it is told not to. Only compiler built-ins are used.

namespace atelier {
inline namespace ATELIER_CODE {

#if defined(__CUDA_ARCH__)
[[nodiscard]] __device__ inline float rounded_product(float a, float b) {
  return __fmul_rn(a, b);
}
[[nodiscard]] __device__ inline float rounded_sum(float a, float b) {
  return __fadd_rn(a, b);
}
[[nodiscard]] __device__ inline float rounded_quotient(float a, float b) {
  return __fdiv_rn(a, b);
}
[[nodiscard]] __device__ inline float fused_product_sum(float a, float b, float c) {
  return __fmaf_rn(a, b, c);
}
[[nodiscard]] __device__ inline float rounded_root(float a) {
  return __fsqrt_rn(a);
}
[[nodiscard]] __device__ inline double rounded_product(double a, double b) {
  return __dmul_rn(a, b);
}
[[nodiscard]] __device__ inline double rounded_sum(double a, double b) {
  return __dadd_rn(a, b);
}
[[nodiscard]] __device__ inline double rounded_quotient(double a, double b) {
  return __ddiv_rn(a, b);
}
[[nodiscard]] __device__ inline double rounded_root(double a) {
  return __dsqrt_rn(a);
}
[[nodiscard]] __device__ inline double fused_product_sum(double a, double b, double c) {
  return __fma_rn(a, b, c);
}
[[nodiscard]] __device__ inline double nearest_whole(double a) {
  return ::rint(a);
}
#else
// Host code is compiled with -ffp-contract=off: a product and a sum stay two roundings.
[[nodiscard]] ATELIER_HOST_DEVICE inline float rounded_product(float a, float b) {
  return a * b;
}
[[nodiscard]] ATELIER_HOST_DEVICE inline float rounded_sum(float a, float b) {
  return a + b;
}
[[nodiscard]] ATELIER_HOST_DEVICE inline float rounded_quotient(float a, float b) {
  return a / b;
}
[[nodiscard]] ATELIER_HOST_DEVICE inline float fused_product_sum(float a, float b, float c) {
  return __builtin_fmaf(a, b, c);
}
[[nodiscard]] ATELIER_HOST_DEVICE inline float rounded_root(float a) {
  return __builtin_sqrtf(a);
}
[[nodiscard]] ATELIER_HOST_DEVICE inline double rounded_product(double a, double b) {
  return a * b;
}
[[nodiscard]] ATELIER_HOST_DEVICE inline double rounded_sum(double a, double b) {
  return a + b;
}
[[nodiscard]] ATELIER_HOST_DEVICE inline double rounded_quotient(double a, double b) {
  return a / b;
}
[[nodiscard]] ATELIER_HOST_DEVICE inline double rounded_root(double a) {
  return __builtin_sqrt(a);
}
[[nodiscard]] ATELIER_HOST_DEVICE inline double fused_product_sum(double a, double b, double c) {
  return __builtin_fma(a, b, c);
}
/// Halves go to the even one.
[[nodiscard]] ATELIER_HOST_DEVICE inline double nearest_whole(double a) {
  return __builtin_rint(a);
}
#endif

}  // namespace ATELIER_CODE
}  // namespace atelier
