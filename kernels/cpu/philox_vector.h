#pragma once

#include <cstdint>

#include "kernels/cpu/simd.h"

// Philox4x32-10 (kernels/philox.h) with a key a lane: the same block of the same stream of many seeds at
// once. The multiplier that vectors have takes the low half of every 64 bits, so even and odd lanes go
// separately, each number in the low half of 64 bits whose high half is anything.
namespace atelier::cpu::ATELIER_INSTRUCTION_SET {

typedef std::uint32_t WordVector __attribute__((vector_size(kVectorBytes)));
typedef std::uint64_t WideVector __attribute__((vector_size(kVectorBytes)));

/// Products of the low 32 bits with a constant.
ATELIER_INLINE WideVector product_of_low(WideVector a, std::uint32_t factor) {
#if defined(__AVX512F__)
  return (WideVector)_mm512_maskz_mul_epu32(0xff, (__m512i)a,
                                            _mm512_set1_epi64(static_cast<long long>(factor)));
#elif defined(__AVX2__)
  return (WideVector)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x(static_cast<long long>(factor)));
#elif defined(__x86_64__)
  return (WideVector)_mm_mul_epu32((__m128i)a, _mm_set1_epi64x(static_cast<long long>(factor)));
#elif defined(__aarch64__)
  return (WideVector)vmull_u32(vmovn_u64((uint64x2_t)a), vdup_n_u32(factor));
#else
  return (a & 0xffffffffU) * factor;
#endif
}

/// The keys of every round, for as many seeds as a vector of floats has lanes.
struct PhiloxKeys {
  struct Round {
    WideVector first[2];  // of even lanes, of odd lanes
    WideVector second[2];
  };
  Round rounds[10];
};

ATELIER_INLINE void fill_philox_keys(PhiloxKeys& keys, const std::uint64_t* seeds) {
  constexpr std::uint32_t kWeyl0 = 0x9E3779B9U;
  constexpr std::uint32_t kWeyl1 = 0xBB67AE85U;
  for (int half = 0; half < 2; ++half) {
    WideVector seed{};
    for (int i = 0; i < kVectorBytes / 8; ++i) seed[i] = seeds[2 * i + half];
    for (unsigned round = 0; round < 10; ++round) {
      keys.rounds[round].first[half] = seed + kWeyl0 * std::uint64_t{round};
      keys.rounds[round].second[half] = (seed >> 32) + kWeyl1 * std::uint64_t{round};
    }
  }
}

/// The four words of block `index` of stream `stream`, lane by lane.
ATELIER_INLINE void philox_words(const PhiloxKeys& keys, std::uint64_t index, std::uint64_t stream,
                                 WordVector (&word)[4]) {
  constexpr std::uint32_t kMultiplier0 = 0xD2511F53U;
  constexpr std::uint32_t kMultiplier1 = 0xCD9E8D57U;
  // All lanes have the same counter: half of the first round is scalar.
  const std::uint64_t product0 = std::uint64_t{kMultiplier0} * static_cast<std::uint32_t>(index);
  const std::uint64_t product1 = std::uint64_t{kMultiplier1} * static_cast<std::uint32_t>(stream);
  WideVector low[4];
  WideVector odd[4];
#pragma GCC unroll 2
  for (int half = 0; half < 2; ++half) {
    WideVector c0 = ((product1 >> 32) ^ (index >> 32)) ^ keys.rounds[0].first[half];
    WideVector c1 = product1 - WideVector{};
    WideVector c2 = ((product0 >> 32) ^ (stream >> 32)) ^ keys.rounds[0].second[half];
    WideVector c3 = product0 - WideVector{};
#pragma GCC unroll 9
    for (int round = 1; round < 10; ++round) {
      const WideVector p0 = product_of_low(c0, kMultiplier0);
      const WideVector p1 = product_of_low(c2, kMultiplier1);
      c0 = (p1 >> 32) ^ c1 ^ keys.rounds[round].first[half];
      c1 = p1;
      c2 = (p0 >> 32) ^ c3 ^ keys.rounds[round].second[half];
      c3 = p0;
    }
    WideVector(&to)[4] = half == 0 ? low : odd;
    to[0] = c0, to[1] = c1, to[2] = c2, to[3] = c3;
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) word[i] = (WordVector)((low[i] & 0xffffffffU) | (odd[i] << 32));
}

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET
