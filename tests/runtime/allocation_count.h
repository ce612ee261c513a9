#pragma once

#include <cstdint>

namespace atelier::testing {

/// False under AddressSanitizer, which brings an operator new of its own.
[[nodiscard]] bool allocations_are_counted();

/// Calls of operator new in this process so far, by any thread.
[[nodiscard]] std::int64_t allocations_so_far();

}  // namespace atelier::testing
