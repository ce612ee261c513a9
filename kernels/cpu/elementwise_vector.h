#pragma once

#include <cstdint>

#include "kernels/activation.h"

// The cpu device's activations, once for every instruction set: `count` elements from each pointer on, any
// alignment. An element's result does not depend on its place. Pointers may be equal.
#define ATELIER_DECLARE_ELEMENTWISE(set)                                                                    \
  namespace atelier::cpu::set {                                                                             \
  void activate_elements(ActivationFunction function, const float* input, float* output,                    \
                         std::int64_t count);                                                               \
  /* input_gradient = output_gradient * the derivative at `input`, where the value is `output` */           \
  void activate_elements_backward(ActivationFunction function, const float* input, const float* output,     \
                                  const float* output_gradient, float* input_gradient, std::int64_t count); \
  }
ATELIER_DECLARE_ELEMENTWISE(portable)
ATELIER_DECLARE_ELEMENTWISE(avx2)
ATELIER_DECLARE_ELEMENTWISE(avx512)
#undef ATELIER_DECLARE_ELEMENTWISE
