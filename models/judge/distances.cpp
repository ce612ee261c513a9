#include "models/judge/distances.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "kernels/linear.h"
#include "runtime/buffer.h"
#include "runtime/error.h"
#include "runtime/parallel.h"

namespace atelier::detail {
namespace {

constexpr std::int64_t kBlockElements = std::int64_t{1} << 22;  // 16 MiB of distances
constexpr std::int64_t kMostRows = 512;

std::vector<double> squared_lengths(Vectors vectors) {
  std::vector<double> result(static_cast<std::size_t>(vectors.count()));
  const auto dimension = static_cast<std::size_t>(vectors.dimension);
  for (std::size_t i = 0; i < result.size(); ++i)
    for (const float value : vectors.values.subspan(i * dimension, dimension))
      result[i] += static_cast<double>(value) * static_cast<double>(value);
  return result;
}

}  // namespace

void squared_distances(Stream& stream, Vectors from, Vectors to,
                       const std::function<void(const DistanceBlock&)>& body) {
  if (from.dimension != to.dimension || from.dimension < 1)
    throw InvalidArgument(fmt::format("distances: vectors of {} and of {} numbers; one dimension is due",
                                      from.dimension, to.dimension));
  const std::int64_t dimension = to.dimension;
  const std::int64_t targets = to.count();
  if (from.count() == 0 || targets == 0) return;
  const std::int64_t most = std::clamp<std::int64_t>(kBlockElements / targets, 1, kMostRows);
  const Buffer<float> target(stream, targets * dimension, "distances");
  const Buffer<float> offset(stream, targets, "distances");
  const Buffer<float> query(stream, most * dimension, "distances");
  const Buffer<float> products(stream, most * targets, "distances");
  upload<float>(stream, target.view(), to.values.first(static_cast<std::size_t>(targets * dimension)));
  // The product's bias is -|b|^2 / 2: what is left is |a|^2 - 2 (a.b - |b|^2 / 2).
  const std::vector<double> target_lengths = squared_lengths(to);
  std::vector<float> halves(target_lengths.size());
  std::transform(target_lengths.begin(), target_lengths.end(), halves.begin(),
                 [](double length) { return static_cast<float>(-0.5 * length); });
  upload<float>(stream, offset.view(), halves);
  const std::vector<double> lengths = squared_lengths(from);
  std::vector<float> block(static_cast<std::size_t>(most * targets));
  for (std::int64_t first = 0; first < from.count(); first += most) {
    const std::int64_t rows = std::min(most, from.count() - first);
    upload<float>(stream, query.view().part(0, rows * dimension),
                  from.values.subspan(static_cast<std::size_t>(first * dimension),
                                      static_cast<std::size_t>(rows * dimension)));
    const MatrixView<float> output = products.matrix(most, targets).rows_part(0, rows);
    linear_forward(stream, query.matrix(most, dimension).rows_part(0, rows),
                   target.matrix(targets, dimension), offset.view(), {}, output);
    download<float>(stream, std::span(block).first(static_cast<std::size_t>(rows * targets)),
                    VectorView<const float>{output.data, rows * targets});
    parallel_for(rows, 8, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        const auto length = static_cast<float>(lengths[static_cast<std::size_t>(first + r)]);
        float* row = block.data() + r * targets;
        for (std::int64_t c = 0; c < targets; ++c) row[c] = std::max(0.0F, length - 2.0F * row[c]);
      }
    });
    body({first, {block.data(), rows, targets, targets}});
  }
}

}  // namespace atelier::detail
