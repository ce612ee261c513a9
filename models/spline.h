#pragma once

#include <vector>

namespace atelier {

/// The closed Catmull-Rom spline (Catmull and Rom, "A class of local interpolating splines", 1974; uniform)
/// through `points` points that are passed at even times: how much each of them counts at time `turn`, of
/// which one goes once round (turn 0 and 1 are point 0). The weights add up to 1; the curve and its velocity
/// are continuous everywhere. points >= 2; throws InvalidArgument for fewer.
[[nodiscard]] std::vector<double> closed_spline_weights(int points, double turn);

}  // namespace atelier
