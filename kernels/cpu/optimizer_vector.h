#pragma once

#include <cstdint>

#include "kernels/optimizer_function.h"

// The cpu device's optimisers, once for every instruction set: `count` elements from each pointer on, any
// alignment. All sets write the same bits.
#define ATELIER_DECLARE_OPTIMIZER(set)                                                                     \
  namespace atelier::cpu::set {                                                                            \
  void sgd_elements(float* parameters, const float* gradients, std::int64_t count, float learning_rate);   \
  void adam_elements(float* parameters, const float* gradients, float* first_moment, float* second_moment, \
                     std::int64_t count, const AdamFactors& factors);                                      \
  void average_elements(float* average, const float* values, std::int64_t count, float weight);            \
  }
ATELIER_DECLARE_OPTIMIZER(portable)
ATELIER_DECLARE_OPTIMIZER(avx2)
ATELIER_DECLARE_OPTIMIZER(avx512)
#undef ATELIER_DECLARE_OPTIMIZER
