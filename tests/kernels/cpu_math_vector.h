#pragma once

#include "kernels/activation.h"

// The vector functions of kernels/cpu over arrays, one copy an instruction set, for cpu_math_test.cpp.
namespace atelier::cpu {

/// What the activations are made of, where that has a bound of its own.
enum class Part {
  logistic_core,
  logistic_core_newton,
  exponential,
  exponential_minus_one,
  log_one_plus,
  normal_tail
};

#define ATELIER_DECLARE_MATH_PROBES(set)                                                          \
  namespace set {                                                                                 \
  void probe_activation(ActivationFunction function, const float* from, float* to, long count);   \
  void probe_activation(ActivationFunction function, const double* from, double* to, long count); \
  void probe_part(Part part, const float* from, float* to, long count);                           \
  void probe_part(Part part, const double* from, double* to, long count);                         \
  }
ATELIER_DECLARE_MATH_PROBES(portable)
ATELIER_DECLARE_MATH_PROBES(avx2)
ATELIER_DECLARE_MATH_PROBES(avx512)
#undef ATELIER_DECLARE_MATH_PROBES

}  // namespace atelier::cpu
