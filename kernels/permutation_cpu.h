#pragma once

#include <cstdint>

#include "kernels/philox.h"
#include "runtime/view.h"

namespace atelier::cpu {

/// Elements of `room` that sort_permutation needs.
[[nodiscard]] constexpr std::int64_t permutation_room(std::int64_t size) {
  return 2 * (size + 1);
}

/// The permutation of kernels/ordering.h, on the calling thread. A radix sort by the upper halves of the
/// keys, which random numbers as these decide but for one pair in 2^32; the whole keys decide the others.
void sort_permutation(PhiloxStream random, VectorView<std::uint64_t> room, VectorView<std::int32_t> order);

}  // namespace atelier::cpu
