#pragma once

#include <cstdint>
#include <type_traits>

namespace atelier {

/// Threads that work of the cpu device spreads over. Default: the cores this process may use (affinity
/// counted). set_cpu_threads(0) restores it; negative throws InvalidArgument.
void set_cpu_threads(int threads);
[[nodiscard]] int cpu_threads() noexcept;

/// A reference to any callable body(first, last), for the length of a call: unlike std::function it never
/// allocates, whatever the body captures.
class RangeBody {
 public:
  template <class Body>
  requires(!std::is_same_v<Body, RangeBody>) RangeBody(const Body& body)  // implicit: a lambda is an argument
      : body_(&body), call_([](const void* of, std::int64_t first, std::int64_t last) {
          (*static_cast<const Body*>(of))(first, last);
        }) {}
  void operator()(std::int64_t first, std::int64_t last) const { call_(body_, first, last); }

 private:
  const void* body_;
  void (*call_)(const void* of, std::int64_t first, std::int64_t last);
};

/// Calls body(first, last) for consecutive ranges that cover [0, count), on up to cpu_threads() threads
/// (oneTBB). Every range but the last has exactly `grain` elements, so results that depend on the range
/// borders are the same for any number of threads. The first exception of a body is rethrown after the
/// others have ended. grain < 1 counts as 1.
void parallel_for(std::int64_t count, std::int64_t grain, RangeBody body);

}  // namespace atelier
