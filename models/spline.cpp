#include "models/spline.h"

#include <fmt/format.h>

#include <cmath>

#include "runtime/error.h"

namespace atelier {

std::vector<double> closed_spline_weights(int points, double turn) {
  if (points < 2)
    throw InvalidArgument(fmt::format("spline: {} points; a closed one passes at least 2", points));
  const double place = (turn - std::floor(turn)) * points;
  const int segment = static_cast<int>(place) % points;
  const double t = place - std::floor(place);
  const double square = t * t;
  const double cube = square * t;
  std::vector<double> weights(static_cast<std::size_t>(points), 0.0);
  const auto add = [&](int point, double weight) {
    weights[static_cast<std::size_t>((point + points) % points)] += weight;
  };
  // Added, not set: with fewer than four points one of them has several parts.
  add(segment - 1, 0.5 * (-cube + 2 * square - t));
  add(segment, 0.5 * (3 * cube - 5 * square + 2));
  add(segment + 1, 0.5 * (-3 * cube + 4 * square + t));
  add(segment + 2, 0.5 * (cube - square));
  return weights;
}

}  // namespace atelier
