#include "tools/image/indexed_picture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <span>

namespace atelier::tools {
namespace {

constexpr std::size_t kMostColors = 256;
constexpr int kLloydRounds = 3;
constexpr float kGrain = 0.3F;  // what a grain of full contrast counts beside an error of the mean
constexpr int kCellBits = 5;    // of a channel, in the histogram and in the search
constexpr int kLargeCellBits = 3;
constexpr std::size_t kCells = std::size_t{1} << (3 * kCellBits);
constexpr std::size_t kLargeCells = std::size_t{1} << (3 * kLargeCellBits);

using Point = std::array<float, 3>;

std::size_t cell_of(const Rgb& color, int bits) {
  std::size_t cell = 0;
  for (const std::uint8_t level : color) cell = cell << bits | level >> (8 - bits);
  return cell;
}

float squared_distance(const Point& a, const Point& b) {
  float sum = 0;
  for (std::size_t c = 0; c < 3; ++c) sum += (a[c] - b[c]) * (a[c] - b[c]);
  return sum;
}

/// Colours that fall into one cell of the histogram: how many pixels, and their mean.
struct Entry {
  double count = 0;
  Point mean{};
};

std::vector<Entry> histogram(std::span<const Rgb> pixels) {
  struct Sums {
    std::uint64_t count = 0;
    std::array<std::uint64_t, 3> of{};
  };
  std::vector<Sums> cells(kCells);
  for (const Rgb& pixel : pixels) {
    Sums& cell = cells[cell_of(pixel, kCellBits)];
    ++cell.count;
    for (std::size_t c = 0; c < 3; ++c) cell.of[c] += pixel[c];
  }
  std::vector<Entry> entries;
  for (const Sums& cell : cells) {
    if (cell.count == 0) continue;
    Entry& entry = entries.emplace_back();
    entry.count = static_cast<double>(cell.count);
    for (std::size_t c = 0; c < 3; ++c)
      entry.mean[c] = static_cast<float>(static_cast<double>(cell.of[c]) / entry.count);
  }
  return entries;
}

/// A part of the histogram that gets one colour.
struct Box {
  std::span<Entry> entries;
  Point mean{};
  std::size_t axis = 0;  // along which it is widest
  double spread = 0;     // pixels times variance along that axis
};

Box box_of(std::span<Entry> entries) {
  Box box{entries};
  double count = 0;
  std::array<double, 3> sum{};
  std::array<double, 3> squares{};
  for (const Entry& entry : entries) {
    count += entry.count;
    for (std::size_t c = 0; c < 3; ++c) {
      sum[c] += entry.count * static_cast<double>(entry.mean[c]);
      squares[c] += entry.count * static_cast<double>(entry.mean[c]) * static_cast<double>(entry.mean[c]);
    }
  }
  for (std::size_t c = 0; c < 3; ++c) {
    box.mean[c] = static_cast<float>(sum[c] / count);
    const double spread = squares[c] - sum[c] * sum[c] / count;
    if (entries.size() > 1 && spread > box.spread) {
      box.spread = spread;
      box.axis = c;
    }
  }
  return box;
}

/// Cuts the box of the largest spread at its mean until there are enough, or none can be cut.
std::vector<Point> cut(std::vector<Entry>& entries) {
  std::vector<Box> boxes{box_of(entries)};
  while (boxes.size() < kMostColors) {
    Box& widest = *std::max_element(boxes.begin(), boxes.end(),
                                    [](const Box& a, const Box& b) { return a.spread < b.spread; });
    if (!(widest.spread > 0)) break;
    const std::size_t axis = widest.axis;
    const float middle = widest.mean[axis];
    const auto border = std::partition(widest.entries.begin(), widest.entries.end(),
                                       [&](const Entry& entry) { return entry.mean[axis] < middle; });
    const auto low = static_cast<std::size_t>(border - widest.entries.begin());
    if (low == 0 || low == widest.entries.size()) {
      widest.spread = 0;  // its colours differ by rounding alone
      continue;
    }
    const std::span<Entry> all = widest.entries;
    widest = box_of(all.first(low));
    boxes.push_back(box_of(all.subspan(low)));
  }
  std::vector<Point> colors;
  colors.reserve(boxes.size());
  for (const Box& box : boxes) colors.push_back(box.mean);
  return colors;
}

/// The nearest of some colours. Each cell of the cube keeps those that can be nearest to a point in it, found
/// among those of the large cell around it.
class NearestColor {
 public:
  explicit NearestColor(std::vector<Point> colors)
      : colors_(std::move(colors)), cells_(kCells), large_cells_(kLargeCells), all_(colors_.size()) {
    for (std::size_t k = 0; k < all_.size(); ++k) all_[k] = static_cast<std::uint8_t>(k);
  }

  /// `point` is within 0..255.
  [[nodiscard]] std::size_t of(const Point& point) {
    std::size_t best = 0;
    float least = std::numeric_limits<float>::infinity();
    for (const std::uint8_t color : near(point)) {
      const float distance = squared_distance(point, colors_[color]);
      if (distance < least) {
        least = distance;
        best = color;
      }
    }
    return best;
  }
  /// Of the nearest colour and the one that mixes with it best to what is wanted, one: the second where
  /// `threshold`, 0..1, lies below its part of the mixture.
  [[nodiscard]] std::size_t dithered(const Point& point, float threshold) {
    const std::size_t nearest = of(point);
    std::size_t second = nearest;
    float part = 0;
    float least = squared_distance(point, colors_[nearest]);
    for (const std::uint8_t color : near(point)) {
      const float length = squared_distance(colors_[color], colors_[nearest]);
      if (!(length > 0)) continue;
      float along = 0;
      for (std::size_t c = 0; c < 3; ++c)
        along += (point[c] - colors_[nearest][c]) * (colors_[color][c] - colors_[nearest][c]);
      const float share = std::clamp(along / length, 0.0F, 0.5F);
      Point mixture{};
      for (std::size_t c = 0; c < 3; ++c)
        mixture[c] = colors_[nearest][c] + share * (colors_[color][c] - colors_[nearest][c]);
      // Colours far apart make a coarse grain: its contrast counts as well as the mean's error.
      const float cost = squared_distance(point, mixture) + kGrain * share * (1 - share) * length;
      if (cost < least) {
        least = cost;
        second = color;
        part = share;
      }
    }
    return threshold < part ? second : nearest;
  }
  [[nodiscard]] const std::vector<Point>& colors() const { return colors_; }

 private:
  /// What can be nearest in the point's cell.
  [[nodiscard]] const std::vector<std::uint8_t>& near(const Point& point) {
    Rgb corner{};
    for (std::size_t c = 0; c < 3; ++c) corner[c] = static_cast<std::uint8_t>(point[c]);
    std::vector<std::uint8_t>& list = cells_[cell_of(corner, kCellBits)];
    if (list.empty()) {
      std::vector<std::uint8_t>& around = large_cells_[cell_of(corner, kLargeCellBits)];
      if (around.empty()) around = candidates(corner, kLargeCellBits, all_);
      list = candidates(corner, kCellBits, around);
    }
    return list;
  }

  /// Those of `from` that no other one beats everywhere in the cell that `corner` lies in.
  [[nodiscard]] std::vector<std::uint8_t> candidates(const Rgb& corner, int bits,
                                                     const std::vector<std::uint8_t>& from) const {
    const int side = 1 << (8 - bits);
    std::array<float, kMostColors> nearest{};
    float bound = std::numeric_limits<float>::infinity();
    for (const std::uint8_t k : from) {
      float farthest = 0;
      for (std::size_t c = 0; c < 3; ++c) {
        const int first = corner[c] / side * side;
        const auto low = static_cast<float>(first);
        const float high = low + static_cast<float>(side);
        const float at = colors_[k][c];
        const float outside = std::max({low - at, at - high, 0.0F});
        const float across = std::max(at - low, high - at);
        nearest[k] += outside * outside;
        farthest += across * across;
      }
      bound = std::min(bound, farthest);
    }
    std::vector<std::uint8_t> result;
    for (const std::uint8_t k : from)
      if (nearest[k] <= bound) result.push_back(k);
    return result;
  }

  std::vector<Point> colors_;
  std::vector<std::vector<std::uint8_t>> cells_;
  std::vector<std::vector<std::uint8_t>> large_cells_;
  std::vector<std::uint8_t> all_;
};

/// One round of Lloyd's iteration; a colour that nothing is nearest to stays.
std::vector<Point> settled(std::vector<Point> colors, std::span<const Entry> entries) {
  NearestColor nearest(std::move(colors));
  std::vector<std::array<double, 4>> sums(nearest.colors().size());
  for (const Entry& entry : entries) {
    std::array<double, 4>& sum = sums[nearest.of(entry.mean)];
    for (std::size_t c = 0; c < 3; ++c) sum[c] += entry.count * static_cast<double>(entry.mean[c]);
    sum[3] += entry.count;
  }
  std::vector<Point> result = nearest.colors();
  for (std::size_t k = 0; k < result.size(); ++k)
    for (std::size_t c = 0; c < 3 && sums[k][3] > 0; ++c)
      result[k][c] = static_cast<float>(sums[k][c] / sums[k][3]);
  return result;
}

/// Bayer's threshold at a pixel, 0..1; the bits of column xor row and row interleave, highest last.
float threshold(std::int64_t column, std::int64_t row) {
  const auto x = static_cast<unsigned>(column & 7);
  const auto y = static_cast<unsigned>(row & 7);
  unsigned value = 0;
  for (unsigned bit = 0; bit < 3; ++bit) value = value << 2 | ((x ^ y) >> bit & 1U) << 1 | (y >> bit & 1U);
  return (static_cast<float>(value) + 0.5F) / 64;
}

/// The picture as it is, where its colours suffice.
std::optional<IndexedPicture> kept(std::span<const Rgb> pixels) {
  IndexedPicture picture;
  std::vector<std::int16_t> table(4096, -1);  // open addressing
  picture.indices.reserve(pixels.size());
  for (const Rgb& pixel : pixels) {
    std::size_t place = (pixel[0] * 31U + pixel[1] * 1031U + pixel[2] * 7919U) % table.size();
    while (table[place] >= 0 && picture.palette[static_cast<std::size_t>(table[place])] != pixel)
      place = (place + 1) % table.size();
    if (table[place] < 0) {
      if (picture.palette.size() == kMostColors) return std::nullopt;
      table[place] = static_cast<std::int16_t>(picture.palette.size());
      picture.palette.push_back(pixel);
    }
    picture.indices.push_back(static_cast<std::uint8_t>(table[place]));
  }
  return picture;
}

IndexedPicture dithered(std::span<const Rgb> pixels, std::int64_t width) {
  std::vector<Entry> entries = histogram(pixels);
  std::vector<Point> colors = cut(entries);
  for (int round = 0; round < kLloydRounds; ++round) colors = settled(std::move(colors), entries);
  IndexedPicture picture;
  for (Point& color : colors) {
    Rgb rounded{};
    for (std::size_t c = 0; c < 3; ++c)
      color[c] = rounded[c] = static_cast<std::uint8_t>(std::lround(color[c]));
    picture.palette.push_back(rounded);
  }
  NearestColor nearest(std::move(colors));
  picture.indices.reserve(pixels.size());
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const auto column = static_cast<std::int64_t>(i) % width;
    const auto row = static_cast<std::int64_t>(i) / width;
    const Point wanted{static_cast<float>(pixels[i][0]), static_cast<float>(pixels[i][1]),
                       static_cast<float>(pixels[i][2])};
    picture.indices.push_back(static_cast<std::uint8_t>(nearest.dithered(wanted, threshold(column, row))));
  }
  return picture;
}

}  // namespace

IndexedPicture quantized(const std::byte* pixels, std::int64_t width, std::int64_t height) {
  const auto count = static_cast<std::size_t>(width * height);
  static_assert(sizeof(Rgb) == 3);
  std::vector<Rgb> colors(count);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t c = 0; c < 3; ++c) colors[i][c] = static_cast<std::uint8_t>(pixels[3 * i + c]);
  std::optional<IndexedPicture> plain = kept(colors);
  IndexedPicture picture = plain ? std::move(*plain) : dithered(colors, width);
  picture.width = width;
  picture.height = height;
  return picture;
}

IndexedPicture indexed_gray(const std::byte* pixels, std::int64_t width, std::int64_t height) {
  IndexedPicture picture{width, height, {}, {}};
  for (std::int64_t i = 0; i < width * height; ++i)
    picture.indices.push_back(static_cast<std::uint8_t>(pixels[i]));
  return picture;
}

std::vector<Rgb> gray_palette() {
  std::vector<Rgb> palette(kMostColors);
  for (std::size_t gray = 0; gray < palette.size(); ++gray)
    palette[gray].fill(static_cast<std::uint8_t>(gray));
  return palette;
}

}  // namespace atelier::tools
