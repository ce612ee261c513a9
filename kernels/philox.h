#pragma once

#include <cstdint>

#include "runtime/backend.h"

namespace atelier {

/// A counter-based random stream: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as
/// easy as 1, 2, 3", SC 2011). Element i of a stream is a pure function of (seed, stream, i): any thread on
/// any device computes it without state.
///   key     = {low 32 bits of seed, high 32 bits of seed}
///   counter = {low 32 bits of block, high 32 bits of block, low 32 bits of stream, high 32 bits of stream}
/// Block b holds the words 4b, 4b+1, 4b+2, 4b+3.
struct PhiloxStream {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;
};

struct PhiloxBlock {
  std::uint32_t word[4];
};

inline namespace ATELIER_CODE {

/// Ten rounds of Philox4x32. Equal on every device.
[[nodiscard]] ATELIER_HOST_DEVICE constexpr PhiloxBlock philox4x32(PhiloxBlock counter, std::uint32_t key0,
                                                                   std::uint32_t key1) {
  constexpr std::uint32_t kMultiplier0 = 0xD2511F53U;
  constexpr std::uint32_t kMultiplier1 = 0xCD9E8D57U;
  constexpr std::uint32_t kWeyl0 = 0x9E3779B9U;
  constexpr std::uint32_t kWeyl1 = 0xBB67AE85U;
#if defined(__CUDACC__)
#pragma unroll
#else
#pragma GCC unroll 10
#endif
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{kMultiplier0} * counter.word[0];
    const std::uint64_t product1 = std::uint64_t{kMultiplier1} * counter.word[2];
    counter = {{static_cast<std::uint32_t>(product1 >> 32) ^ counter.word[1] ^ key0,
                static_cast<std::uint32_t>(product1),
                static_cast<std::uint32_t>(product0 >> 32) ^ counter.word[3] ^ key1,
                static_cast<std::uint32_t>(product0)}};
    key0 += kWeyl0;
    key1 += kWeyl1;
  }
  return counter;
}

/// Block `index` of a stream.
[[nodiscard]] ATELIER_HOST_DEVICE constexpr PhiloxBlock philox_block(PhiloxStream stream,
                                                                     std::uint64_t index) {
  return philox4x32(
      {{static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32),
        static_cast<std::uint32_t>(stream.stream), static_cast<std::uint32_t>(stream.stream >> 32)}},
      static_cast<std::uint32_t>(stream.seed), static_cast<std::uint32_t>(stream.seed >> 32));
}

}  // namespace ATELIER_CODE
}  // namespace atelier
