#pragma once

#include <cstdint>
#include <vector>

#include "models/judge/distances.h"
#include "runtime/stream.h"

// Included by .cpp files of models/judge/ and by its tests only.
namespace atelier::detail {

/// Vectors with, for each, the squared distance to its k-th nearest other vector: the radius of the ball
/// around it that the set is taken to fill.
struct Manifold {
  std::vector<float> values;  // row-major [count, dimension]
  std::int64_t dimension = 1;
  std::vector<float> squared_radius;
  [[nodiscard]] Vectors vectors() const { return {values, dimension}; }
};

/// k is cut to the number of other vectors. Throws InvalidArgument for fewer than 2 vectors or k < 1.
[[nodiscard]] Manifold make_manifold(Stream& stream, std::vector<float> values, std::int64_t dimension,
                                     int k);

/// How two sets of vectors cover each other.
struct Coverage {
  double precision = 0;  // share of generated vectors inside any ball of a real one
  double recall = 0;     // share of real vectors inside any ball of a generated one
};
/// Improved precision and recall (Kynkaanniemi, Karras, Laine, Lehtinen and Aila, 2019). Throws
/// InvalidArgument when the dimensions differ.
[[nodiscard]] Coverage precision_and_recall(Stream& stream, const Manifold& real, const Manifold& generated);

}  // namespace atelier::detail
