#include "models/judge/neighbours.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "models/judge/distances.h"
#include "runtime/error.h"
#include "runtime/parallel.h"

namespace atelier::detail {
namespace {

constexpr std::int64_t kPicturesAtOnce = 4096;
constexpr float kLargestByte = 255.0F;

/// Pictures as numbers from 0 to 1.
std::vector<float> values_of(std::span<const std::uint8_t> pixels) {
  std::vector<float> values(pixels.size());
  std::transform(pixels.begin(), pixels.end(), values.begin(),
                 [](std::uint8_t pixel) { return static_cast<float>(pixel) / kLargestByte; });
  return values;
}

double distance_between(const std::uint8_t* first, const std::uint8_t* second, std::int64_t pixels) {
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < pixels; ++i) {
    const int away = int{first[i]} - int{second[i]};
    sum += std::int64_t{away} * away;
  }
  return std::sqrt(static_cast<double>(sum)) / 255.0;
}

}  // namespace

std::vector<NearestPicture> nearest_pictures(Stream& stream, const DataSet& pictures, const DataSet& among,
                                             const std::vector<std::int64_t>& left_out) {
  if (pictures.width != among.width || pictures.height != among.height)
    throw InvalidArgument(
        fmt::format("{}: its pictures are {} x {}, those of {} are {} x {}; one size is due", pictures.name,
                    pictures.width, pictures.height, among.name, among.width, among.height));
  if (among.count < (left_out.empty() ? 1 : 2))
    throw InvalidArgument(
        fmt::format("{}: it has {} pictures: none is the nearest", among.name, among.count));
  const std::int64_t pixels = among.pixels_per_image();
  const std::vector<float> from = values_of(pictures.pixels);
  std::vector<NearestPicture> nearest(static_cast<std::size_t>(pictures.count));
  std::vector<float> best(nearest.size(), std::numeric_limits<float>::infinity());
  for (std::int64_t start = 0; start < among.count; start += kPicturesAtOnce) {
    const std::int64_t count = std::min(kPicturesAtOnce, among.count - start);
    const std::vector<float> to = values_of(
        std::span(among.pixels)
            .subspan(static_cast<std::size_t>(start * pixels), static_cast<std::size_t>(count * pixels)));
    squared_distances(stream, {from, pixels}, {to, pixels}, [&](const DistanceBlock& block) {
      parallel_for(block.squared.rows, 8, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t r = first; r < last; ++r) {
          const auto picture = static_cast<std::size_t>(block.first + r);
          for (std::int64_t c = 0; c < count; ++c) {
            if (!(block.squared(r, c) < best[picture])) continue;
            if (!left_out.empty() && start + c == left_out[picture]) continue;
            best[picture] = block.squared(r, c);
            nearest[picture].index = start + c;
          }
        }
      });
    });
  }
  for (std::size_t i = 0; i < nearest.size(); ++i)
    nearest[i].distance = distance_between(pictures.pixels.data() + static_cast<std::int64_t>(i) * pixels,
                                           among.pixels.data() + nearest[i].index * pixels, pixels);
  return nearest;
}

DataSet evenly_spread(const DataSet& data, std::int64_t most, std::vector<std::int64_t>* indices) {
  DataSet part;
  part.name = data.name;
  part.width = data.width;
  part.height = data.height;
  part.count = std::min(most, data.count);
  const std::int64_t pixels = data.pixels_per_image();
  part.pixels.reserve(static_cast<std::size_t>(part.count * pixels));
  for (std::int64_t i = 0; i < part.count; ++i) {
    const std::int64_t from = i * data.count / part.count;
    if (indices != nullptr) indices->push_back(from);
    part.pixels.insert(part.pixels.end(), data.pixels.begin() + from * pixels,
                       data.pixels.begin() + (from + 1) * pixels);
    if (!data.labels.empty()) part.labels.push_back(data.labels[static_cast<std::size_t>(from)]);
  }
  return part;
}

}  // namespace atelier::detail
