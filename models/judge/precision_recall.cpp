#include "models/judge/precision_recall.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "runtime/error.h"
#include "runtime/parallel.h"

namespace atelier::detail {
namespace {

constexpr std::int64_t kRowGrain = 8;
constexpr std::int64_t kColumnGrain = 512;

/// The k-th smallest number of a row, the element at `left_out` aside. `smallest` has room for k numbers.
float kth_smallest(VectorView<const float> row, std::int64_t left_out, std::vector<float>& smallest) {
  std::fill(smallest.begin(), smallest.end(), std::numeric_limits<float>::infinity());
  for (std::int64_t c = 0; c < row.size; ++c) {
    const float value = row[c];
    if (!(value < smallest.back()) || c == left_out) continue;
    std::size_t place = smallest.size() - 1;
    for (; place > 0 && value < smallest[place - 1]; --place) smallest[place] = smallest[place - 1];
    smallest[place] = value;
  }
  return smallest.back();
}

double share_of(const std::vector<char>& flags) {
  return static_cast<double>(std::count(flags.begin(), flags.end(), 1)) / static_cast<double>(flags.size());
}

}  // namespace

Manifold make_manifold(Stream& stream, std::vector<float> values, std::int64_t dimension, int k) {
  Manifold manifold{std::move(values), dimension, {}};
  const std::int64_t count = manifold.vectors().count();
  if (count < 2 || k < 1)
    throw InvalidArgument(
        fmt::format("precision and recall: {} vectors and k = {}; at least 2 and 1 are due", count, k));
  const auto neighbours = static_cast<std::size_t>(std::min<std::int64_t>(k, count - 1));
  manifold.squared_radius.resize(static_cast<std::size_t>(count));
  squared_distances(stream, manifold.vectors(), manifold.vectors(), [&](const DistanceBlock& block) {
    parallel_for(block.squared.rows, kRowGrain, [&](std::int64_t first, std::int64_t last) {
      std::vector<float> smallest(neighbours);
      for (std::int64_t r = first; r < last; ++r)
        manifold.squared_radius[static_cast<std::size_t>(block.first + r)] =
            kth_smallest(block.squared.row(r), block.first + r, smallest);
    });
  });
  return manifold;
}

Coverage precision_and_recall(Stream& stream, const Manifold& real, const Manifold& generated) {
  std::vector<char> precise(generated.squared_radius.size(), 0);
  std::vector<char> recalled(real.squared_radius.size(), 0);
  squared_distances(stream, generated.vectors(), real.vectors(), [&](const DistanceBlock& block) {
    const MatrixView<const float> squared = block.squared;
    parallel_for(squared.rows, kRowGrain, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t g = first; g < last; ++g) {
        char inside = 0;
        for (std::int64_t r = 0; r < squared.columns; ++r)
          inside |= static_cast<char>(squared(g, r) <= real.squared_radius[static_cast<std::size_t>(r)]);
        precise[static_cast<std::size_t>(block.first + g)] = inside;
      }
    });
    parallel_for(squared.columns, kColumnGrain, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t g = 0; g < squared.rows; ++g) {
        const float radius = generated.squared_radius[static_cast<std::size_t>(block.first + g)];
        for (std::int64_t r = first; r < last; ++r)
          recalled[static_cast<std::size_t>(r)] |= static_cast<char>(squared(g, r) <= radius);
      }
    });
  });
  return {share_of(precise), share_of(recalled)};
}

}  // namespace atelier::detail
