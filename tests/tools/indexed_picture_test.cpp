// Pictures in 256 colours, as GIFs hold them.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "tools/image/indexed_picture.h"

namespace atelier::testing {
namespace {

using tools::IndexedPicture;
using tools::Rgb;

struct Picture {
  std::int64_t width;
  std::int64_t height;
  std::vector<std::byte> bytes;
  [[nodiscard]] int at(std::int64_t pixel, std::int64_t channel) const {
    return std::to_integer<int>(bytes[static_cast<std::size_t>(3 * pixel + channel)]);
  }
};

Picture picture_of(std::int64_t width, std::int64_t height,
                   const std::function<Rgb(std::int64_t column, std::int64_t row)>& color) {
  Picture picture{width, height, {}};
  for (std::int64_t row = 0; row < height; ++row)
    for (std::int64_t column = 0; column < width; ++column)
      for (const std::uint8_t level : color(column, row)) picture.bytes.push_back(std::byte{level});
  return picture;
}

IndexedPicture indexed(const Picture& picture) {
  return tools::quantized(picture.bytes.data(), picture.width, picture.height);
}

/// Smooth hues over a plane, thousands of colours.
Rgb sky(std::int64_t column, std::int64_t row) {
  const auto wave = [](double x) {
    return static_cast<std::uint8_t>(std::lround(127.5 + 127.5 * std::sin(x)));
  };
  const auto x = static_cast<double>(column);
  const auto y = static_cast<double>(row);
  return {wave(x / 37), wave(y / 29 + 1), wave((x + y) / 53 + 2)};
}

TEST(IndexedPicture, KeepsFewColoursAsTheyAre) {
  for (const int colors : {1, 2, 255, 256}) {
    const Picture picture = picture_of(32, 16, [&](std::int64_t column, std::int64_t row) {
      const auto k = (row * 32 + column) % colors;
      return Rgb{static_cast<std::uint8_t>(k), static_cast<std::uint8_t>(255 - k),
                 static_cast<std::uint8_t>(k * 7 % 256)};
    });
    const IndexedPicture result = indexed(picture);
    EXPECT_EQ(result.palette.size(), static_cast<std::size_t>(colors));
    ASSERT_EQ(result.indices.size(), 512U);
    for (std::int64_t i = 0; i < 512; ++i)
      for (std::int64_t c = 0; c < 3; ++c)
        ASSERT_EQ(result.palette.at(result.indices[static_cast<std::size_t>(i)])[static_cast<std::size_t>(c)],
                  picture.at(i, c));
  }
}

TEST(IndexedPicture, ManyColoursBecomeNearOnes) {
  const Picture picture = picture_of(160, 120, sky);
  const IndexedPicture result = indexed(picture);
  EXPECT_EQ(result.width, 160);
  EXPECT_EQ(result.height, 120);
  ASSERT_EQ(result.indices.size(), 160U * 120U);
  EXPECT_LE(result.palette.size(), 256U);
  EXPECT_GE(result.palette.size(), 200U);
  double squares = 0;
  for (std::int64_t i = 0; i < 160 * 120; ++i)
    for (std::int64_t c = 0; c < 3; ++c)
      squares += std::pow(
          result.palette.at(result.indices[static_cast<std::size_t>(i)])[static_cast<std::size_t>(c)] -
              picture.at(i, c),
          2);
  EXPECT_LE(std::sqrt(squares / (3 * 160 * 120)), 8.5);
  EXPECT_EQ(indexed(picture).indices, result.indices);
  EXPECT_EQ(indexed(picture).palette, result.palette);
}

/// The mean error of squares of 8 x 8 pixels, channel by channel, of a picture in these colours.
double error_of_squares(const Picture& picture, const std::vector<Rgb>& palette,
                        const std::vector<std::uint8_t>& indices) {
  double sum = 0;
  std::int64_t count = 0;
  for (std::int64_t top = 0; top < picture.height; top += 8)
    for (std::int64_t left = 0; left < picture.width; left += 8)
      for (std::int64_t c = 0; c < 3; ++c, ++count) {
        double difference = 0;
        for (std::int64_t i = 0; i < 64; ++i) {
          const std::int64_t pixel = (top + i / 8) * picture.width + left + i % 8;
          difference += palette.at(indices.at(static_cast<std::size_t>(pixel)))[static_cast<std::size_t>(c)] -
                        picture.at(pixel, c);
        }
        sum += std::abs(difference / 64);
      }
  return sum / static_cast<double>(count);
}

TEST(IndexedPicture, PixelsAreTheNearestColourOrHelpTheMeanAroundThem) {
  const Picture picture = picture_of(
      160, 120, [](std::int64_t column, std::int64_t row) { return sky(column / 2 + 40, row / 2 + 10); });
  const IndexedPicture result = indexed(picture);
  std::vector<std::uint8_t> nearest;
  int same = 0;
  for (std::int64_t pixel = 0; pixel < 160 * 120; ++pixel) {
    const auto distance = [&](const Rgb& color) {
      int sum = 0;
      for (std::int64_t c = 0; c < 3; ++c) {
        const int step = color[static_cast<std::size_t>(c)] - picture.at(pixel, c);
        sum += step * step;
      }
      return sum;
    };
    std::size_t best = 0;
    for (std::size_t k = 1; k < result.palette.size(); ++k)
      if (distance(result.palette[k]) < distance(result.palette[best])) best = k;
    nearest.push_back(static_cast<std::uint8_t>(best));
    const Rgb& shown = result.palette.at(result.indices.at(static_cast<std::size_t>(pixel)));
    same += distance(shown) == distance(result.palette[best]) ? 1 : 0;
  }
  // The second colour of a mixture never has more than half of the pattern.
  EXPECT_GE(same, 160 * 120 / 2);
  EXPECT_LT(same, 160 * 120 * 9 / 10);
  EXPECT_LE(error_of_squares(picture, result.palette, result.indices),
            0.8 * error_of_squares(picture, result.palette, nearest));
}

TEST(IndexedPicture, RareColoursAreNotLost) {
  // Nearly all of it is noise around one grey; a small square is red.
  const Picture picture = picture_of(128, 128, [](std::int64_t column, std::int64_t row) {
    if (column < 6 && row < 6) return Rgb{250, 10, 10};
    const auto noise = static_cast<std::uint8_t>((column * 7919 + row * 104729) % 41);
    return Rgb{static_cast<std::uint8_t>(100 + noise), static_cast<std::uint8_t>(140 - noise),
               static_cast<std::uint8_t>(100 + (noise * 13) % 41)};
  });
  const IndexedPicture result = indexed(picture);
  const Rgb& corner = result.palette.at(result.indices[2 * 128 + 2]);
  EXPECT_NEAR(corner[0], 250, 12);
  EXPECT_NEAR(corner[1], 10, 12);
}

TEST(IndexedPicture, GreysAreTheirOwnIndices) {
  std::vector<std::byte> bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<std::byte>(255 - i));
  const IndexedPicture result = tools::indexed_gray(bytes.data(), 64, 4);
  EXPECT_TRUE(result.palette.empty());
  for (std::size_t i = 0; i < 256; ++i) {
    const Rgb color = tools::gray_palette().at(result.indices[i]);
    EXPECT_EQ(color, (Rgb{static_cast<std::uint8_t>(255 - i), static_cast<std::uint8_t>(255 - i),
                          static_cast<std::uint8_t>(255 - i)}));
  }
}

}  // namespace
}  // namespace atelier::testing
