#pragma once

#include <cstdint>

namespace atelier {

/// How a motion's pace changes between its start (0) and its end (1):
///   linear  t                  in   t^2 (starts from rest)
///   out     1 - (1 - t)^2      in_out  t^2 (3 - 2 t) (from rest to rest)
enum class Easing : std::uint8_t { linear, in, out, in_out };

/// `t` and the result are 0..1; both ends stay where they are. Whatever lies outside counts as the nearer
/// end.
[[nodiscard]] double eased(Easing easing, double t);

}  // namespace atelier
