#include "models/digits.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "kernels/philox.h"
#include "models/digit_strokes.h"
#include "runtime/error.h"
#include "runtime/parallel.h"

// Everything here is additions, products, quotients and square roots of fp32 numbers, which round alike on
// every machine (the build forbids contraction); sines and powers would not.

namespace atelier {
namespace {

using detail::PenPoint;
using detail::WritingStyle;

constexpr int kSide = 28;             // of a picture
constexpr int kCanvas = 48;           // where a digit is drawn before it is centred
constexpr float kLargest = 20.0F;     // of the box that MNIST's digits fill
constexpr std::uint64_t kShapes = 0;  // Philox streams
constexpr std::uint64_t kLabels = 1;
constexpr std::uint64_t kBlocksPerPicture = 64;

/// Where a point of the canvas lies, row by row.
std::size_t cell(int x, int y) {
  return static_cast<std::size_t>(y) * kCanvas + static_cast<std::size_t>(x);
}

/// The random numbers of one picture, in a fixed order of use.
class Dice {
 public:
  Dice(PhiloxStream stream, std::uint64_t first_block) : stream_(stream), block_(first_block) {}
  /// In [0, 1), a multiple of 2^-24.
  float uniform() {
    if (used_ == 4) {
      words_ = philox_block(stream_, block_++);
      used_ = 0;
    }
    return static_cast<float>(words_.word[used_++] >> 8) * 0x1p-24F;
  }
  float between(float low, float high) { return low + (high - low) * uniform(); }
  /// Mean 0, deviation 1, never beyond 3: a sum of three uniforms (Irwin, Hall).
  float bell() { return 2.0F * (uniform() + uniform() + uniform() - 1.5F); }

 private:
  PhiloxStream stream_;
  std::uint64_t block_;
  PhiloxBlock words_{};
  int used_ = 4;
};

/// Each ten pictures from a multiple of ten hold each digit once, in an order of their own.
int label_of(std::uint64_t seed, std::uint64_t index) {
  std::array<int, 10> order{};
  std::iota(order.begin(), order.end(), 0);
  Dice dice({seed, kLabels}, index / 10 * 4);
  for (int last = 9; last > 0; --last) {
    const auto other = static_cast<int>(dice.uniform() * static_cast<float>(last + 1));
    std::swap(order[static_cast<std::size_t>(last)], order[static_cast<std::size_t>(other)]);
  }
  return order[index % 10];
}

const WritingStyle& pick_style(int digit, Dice& dice) {
  const auto styles = detail::writing_styles(digit);
  float total = 0;
  for (const WritingStyle& style : styles) total += style.weight;
  float place = dice.uniform() * total;
  for (const WritingStyle& style : styles) {
    if (place < style.weight) return style;
    place -= style.weight;
  }
  return styles.back();
}

/// The hand that writes: where a point of the letter's box, centred at 0, lands on the paper.
class Hand {
 public:
  explicit Hand(Dice& dice) {
    const float half_angle_tangent = 0.07F * dice.bell();  // rotation by 8 degrees or so
    const float norm = 1.0F + half_angle_tangent * half_angle_tangent;
    cosine_ = (1.0F - half_angle_tangent * half_angle_tangent) / norm;
    sine_ = 2.0F * half_angle_tangent / norm;
    slant_ = 0.14F + 0.24F * dice.bell();
    aspect_ = 1.05F + 0.2F * dice.bell();
    for (float& term : warp_) term = 0.22F * dice.bell();
  }
  [[nodiscard]] PenPoint place(PenPoint point) const {
    // A smooth warp: every term of second and third degree that bends, none that only moves or scales.
    const float x = aspect_ * point.x;
    const float y = point.y;
    const float bent_x =
        x + warp_[0] * y * y + warp_[1] * x * y + warp_[2] * y * y * y + warp_[3] * x * y * y;
    const float bent_y = y + warp_[4] * x * x + warp_[5] * x * y + warp_[6] * y * y + warp_[7] * x * x * y;
    const float leaning = bent_x - slant_ * bent_y;
    return {cosine_ * leaning - sine_ * bent_y, sine_ * leaning + cosine_ * bent_y};
  }

 private:
  float cosine_ = 1;
  float sine_ = 0;
  float slant_ = 0;
  float aspect_ = 1;
  std::array<float, 8> warp_{};
};

/// A dot of ink: centre and radius, joined to the one before unless it starts a stroke.
struct Ink {
  PenPoint at;
  float radius = 0;
  bool starts = false;
};

PenPoint spline(PenPoint before, PenPoint from, PenPoint to, PenPoint after, float t) {
  // Catmull-Rom: the tangent at a point is half the way between its neighbours.
  const auto mix = [t](float a, float b, float c, float d) {
    return b +
           0.5F * t * ((c - a) + t * ((2.0F * a - 5.0F * b + 4.0F * c - d) + t * (3.0F * (b - c) + d - a)));
  };
  return {mix(before.x, from.x, to.x, after.x), mix(before.y, from.y, to.y, after.y)};
}

/// A digit as one person would write it once.
class Letter {
 public:
  Letter(int digit, Dice& dice) {
    const WritingStyle& style = pick_style(digit, dice);
    const Hand hand(dice);
    const float unsteady = dice.between(0.01F, 0.052F);
    pen_ = dice.between(0.8F, 1.9F);
    pressure_ = dice.between(0.0F, 0.35F);
    for (const auto& stroke : style.strokes) {
      const PenPoint moved{unsteady * dice.bell(), unsteady * dice.bell()};
      write(stroke, style.width, moved, unsteady, hand, dice);
    }
    fit(dice.between(0.88F, 1.0F));
  }
  [[nodiscard]] const std::vector<Ink>& ink() const { return ink_; }

 private:
  void write(std::span<const PenPoint> stroke, float width, PenPoint moved, float unsteady, const Hand& hand,
             Dice& dice) {
    std::vector<PenPoint> points;
    for (std::size_t i = 0; i < stroke.size(); ++i) {
      // Both halves of a corner move together.
      if (i > 0 && stroke[i].x == stroke[i - 1].x && stroke[i].y == stroke[i - 1].y) {
        points.push_back(points.back());
        continue;
      }
      points.push_back({(stroke[i].x - 0.5F) * width + moved.x + unsteady * dice.bell(),
                        stroke[i].y - 0.5F + moved.y + unsteady * dice.bell()});
    }
    // Pressure at the stroke's start, middle and end.
    const float pressure[3] = {pressure_ * dice.bell(), 0.4F * pressure_ * dice.bell(),
                               pressure_ * dice.bell()};
    constexpr int kPieces = 6;
    const auto last = points.size() - 1;
    for (std::size_t i = 0; i < last; ++i)
      for (int piece = i == 0 ? 0 : 1; piece <= kPieces; ++piece) {
        const float t = static_cast<float>(piece) / kPieces;
        const PenPoint at =
            spline(points[i == 0 ? 0 : i - 1], points[i], points[i + 1], points[std::min(i + 2, last)], t);
        const float along = (static_cast<float>(i) + t) / static_cast<float>(last);
        const float press = along < 0.5F ? pressure[0] + 2.0F * along * (pressure[1] - pressure[0])
                                         : pressure[1] + (2.0F * along - 1.0F) * (pressure[2] - pressure[1]);
        ink_.push_back({hand.place(at), pen_ * std::clamp(1.0F + press, 0.55F, 1.5F), i == 0 && piece == 0});
      }
  }

  /// Scales the letter, pen included, into MNIST's box, in the middle of the canvas.
  void fit(float filling) {
    PenPoint low = ink_.front().at;
    PenPoint high = low;
    for (const Ink& dot : ink_) {
      low = {std::min(low.x, dot.at.x), std::min(low.y, dot.at.y)};
      high = {std::max(high.x, dot.at.x), std::max(high.y, dot.at.y)};
    }
    const float scale = filling * (kLargest - 2.0F * pen_) / std::max(high.x - low.x, high.y - low.y);
    for (Ink& dot : ink_)
      dot.at = {0.5F * kCanvas + scale * (dot.at.x - 0.5F * (low.x + high.x)),
                0.5F * kCanvas + scale * (dot.at.y - 0.5F * (low.y + high.y))};
  }

  std::vector<Ink> ink_;
  float pen_ = 1;
  float pressure_ = 0;
};

/// Paper on which ink spreads: how deep each pixel's centre lies inside the strokes.
class Paper {
 public:
  Paper() { depth_.fill(-1.0F); }

  void draw(const std::vector<Ink>& ink) {
    for (std::size_t i = 0; i < ink.size(); ++i) {
      if (!ink[i].starts) draw_piece(ink[i - 1], ink[i]);
    }
  }

  /// The picture whose centre of mass lies in the middle, as near as whole pixels allow.
  void centred(float darkness, std::uint8_t* picture) const {
    std::array<std::int64_t, kCanvas * kCanvas> value{};
    std::int64_t mass = 0;
    std::int64_t mass_x = 0;
    std::int64_t mass_y = 0;
    for (int y = 0; y < kCanvas; ++y)
      for (int x = 0; x < kCanvas; ++x) {
        const std::size_t at = cell(x, y);
        value[at] = std::lround(darkness * std::clamp(0.5F + depth_[at] / kEdge, 0.0F, 1.0F));
        mass += value[at];
        mass_x += value[at] * (2 * x + 1);
        mass_y += value[at] * (2 * y + 1);
      }
    // Twice the centre, in pixels from the canvas's edge; a letter always has mass.
    const std::int64_t left = (mass_x - kSide * mass + mass) / (2 * mass);
    const std::int64_t top = (mass_y - kSide * mass + mass) / (2 * mass);
    for (std::int64_t y = 0; y < kSide; ++y)
      for (std::int64_t x = 0; x < kSide; ++x) {
        const std::int64_t from_x = std::clamp<std::int64_t>(left + x, 0, kCanvas - 1);
        const std::int64_t from_y = std::clamp<std::int64_t>(top + y, 0, kCanvas - 1);
        picture[y * kSide + x] =
            static_cast<std::uint8_t>(value[static_cast<std::size_t>(from_y * kCanvas + from_x)]);
      }
  }

 private:
  static constexpr float kEdge = 1.25F;  // pixels from full ink to none

  void draw_piece(const Ink& from, const Ink& to) {
    const float reach = std::max(from.radius, to.radius) + kEdge;
    const int left = std::max(0, static_cast<int>(std::min(from.at.x, to.at.x) - reach));
    const int right = std::min(kCanvas - 1, static_cast<int>(std::max(from.at.x, to.at.x) + reach));
    const int top = std::max(0, static_cast<int>(std::min(from.at.y, to.at.y) - reach));
    const int bottom = std::min(kCanvas - 1, static_cast<int>(std::max(from.at.y, to.at.y) + reach));
    const float way_x = to.at.x - from.at.x;
    const float way_y = to.at.y - from.at.y;
    const float length = way_x * way_x + way_y * way_y;
    const float inverse = length > 0.0F ? 1.0F / length : 0.0F;
    for (int y = top; y <= bottom; ++y)
      for (int x = left; x <= right; ++x) {
        const float off_x = static_cast<float>(x) + 0.5F - from.at.x;
        const float off_y = static_cast<float>(y) + 0.5F - from.at.y;
        const float along = std::clamp((off_x * way_x + off_y * way_y) * inverse, 0.0F, 1.0F);
        const float away_x = off_x - along * way_x;
        const float away_y = off_y - along * way_y;
        const float depth =
            from.radius + along * (to.radius - from.radius) - std::sqrt(away_x * away_x + away_y * away_y);
        float& deepest = depth_[cell(x, y)];
        deepest = std::max(deepest, depth);
      }
  }

  std::array<float, static_cast<std::size_t>(kCanvas) * kCanvas> depth_{};
};

void draw_digit(std::uint64_t seed, std::uint64_t index, int digit, std::uint8_t* picture) {
  Dice dice({seed, kShapes}, index * kBlocksPerPicture);
  const float darkness = dice.between(225.0F, 255.0F);
  const Letter letter(digit, dice);
  Paper paper;
  paper.draw(letter.ink());
  paper.centred(darkness, picture);
}

}  // namespace

DataSet make_digits(std::int64_t count, std::uint64_t seed, std::int64_t first) {
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  if (count < 0 || count > kMost || first < 0 || first > std::numeric_limits<std::int64_t>::max() - count)
    throw InvalidArgument(fmt::format(
        "make_digits: {} pictures from number {} on; both must be 0 or more, the first at most 2^31", count,
        first));
  DataSet data;
  data.name = "digits";
  data.count = count;
  data.width = kSide;
  data.height = kSide;
  data.pixels.resize(static_cast<std::size_t>(count * kSide * kSide));
  data.labels.resize(static_cast<std::size_t>(count));
  constexpr std::int64_t kGrain = 256;
  parallel_for(count, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto index = static_cast<std::uint64_t>(first + i);
      const int digit = label_of(seed, index);
      data.labels[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(digit);
      draw_digit(seed, index, digit, data.pixels.data() + i * kSide * kSide);
    }
  });
  return data;
}

}  // namespace atelier
