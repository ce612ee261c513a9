#pragma once

#include <cstdint>

#include "kernels/philox.h"

// The cpu device's noise, once for every instruction set. Writes blocks [first_block, first_block + blocks)
// of a stream, numbered modulo 2^62, four floats each, to `destination` (any alignment). All sets write the
// same bits. sort_keys writes two integers for each of the blocks [first_block, first_block + blocks), fewer
// than 2^30: word 0 of block b, then 2 b in the lower half; word 2, then 2 b + 1.
#define ATELIER_DECLARE_NOISE(set)                                                           \
  namespace atelier::cpu::set {                                                              \
  void uniform_blocks(float* destination, std::uint64_t first_block, std::int64_t blocks,    \
                      PhiloxStream random, float low, float span);                           \
  void normal_blocks(float* destination, std::uint64_t first_block, std::int64_t blocks,     \
                     PhiloxStream random, float mean, float deviation);                      \
  void sort_keys(std::uint64_t* destination, std::uint64_t first_block, std::int64_t blocks, \
                 PhiloxStream random);                                                       \
  }
ATELIER_DECLARE_NOISE(portable)
ATELIER_DECLARE_NOISE(avx2)
ATELIER_DECLARE_NOISE(avx512)
#undef ATELIER_DECLARE_NOISE
