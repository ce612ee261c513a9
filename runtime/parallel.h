#pragma once

#include <cstdint>
#include <functional>

namespace atelier {

/// Threads that work of the cpu device spreads over. Default: the cores this process may use (affinity
/// counted). set_cpu_threads(0) restores it; negative throws InvalidArgument.
void set_cpu_threads(int threads);
[[nodiscard]] int cpu_threads() noexcept;

/// Calls body(first, last) for consecutive ranges that cover [0, count), on up to cpu_threads() threads
/// (oneTBB). Every range but the last has exactly `grain` elements, so results that depend on the range
/// borders are the same for any number of threads. The first exception of a body is rethrown after the
/// others have ended. grain < 1 counts as 1.
void parallel_for(std::int64_t count, std::int64_t grain,
                  const std::function<void(std::int64_t first, std::int64_t last)>& body);

}  // namespace atelier
