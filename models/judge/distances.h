#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "runtime/stream.h"
#include "runtime/view.h"

// Included by .cpp files of models/judge/ and by its tests only.
namespace atelier::detail {

/// Rows of `values`, row-major [count, dimension], in host memory.
struct Vectors {
  std::span<const float> values;
  std::int64_t dimension = 1;
  [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(values.size()) / dimension; }
};

/// Squared Euclidean distances of some consecutive `from` (rows) to all `to` (columns).
struct DistanceBlock {
  std::int64_t first = 0;  // of `from`
  MatrixView<const float> squared;
};

/// Calls `body` for blocks that cover all of `from` in order. A distance is |a|^2 + |b|^2 - 2 a.b with the
/// product on the stream's device in fp32, cut off at 0: its error is some 1e-6 of |a|^2 + |b|^2, which
/// matters between near copies only. Deterministic. Waits. Throws InvalidArgument when the dimensions differ.
void squared_distances(Stream& stream, Vectors from, Vectors to,
                       const std::function<void(const DistanceBlock&)>& body);

}  // namespace atelier::detail
