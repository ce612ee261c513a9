#include "models/palette.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "kernels/resolve.h"
#include "tests/devices.h"

namespace atelier {
namespace {

TEST(ColorText, ReadsHexadecimalAndNames) {
  EXPECT_EQ(color_from_text("#0b132B"), (PaletteColor{0x0b, 0x13, 0x2b}));
  EXPECT_EQ(color_from_text("#5bE"), (PaletteColor{0x55, 0xbb, 0xee}));
  EXPECT_EQ(color_from_text("RebeccaPurple"), (PaletteColor{0x66, 0x33, 0x99}));
  EXPECT_EQ(color_from_text("gray"), color_from_text("grey"));
  EXPECT_EQ(color_from_text("green"), (PaletteColor{0, 128, 0}));  // CSS's, not X11's
  for (const char* wrong :
       {"", "#", "#12", "#12345", "#1234567", "#ggg", "#-12", "#+12345", "greeen", "re d"})
    EXPECT_FALSE(color_from_text(wrong)) << wrong;
  EXPECT_EQ(color_names().size(), 148U);
  for (const std::string& name : color_names()) EXPECT_TRUE(color_from_text(name)) << name;
  EXPECT_EQ(color_text({1, 255, 16}), "#01ff10");
}

TEST(Oklab, KnownColours) {
  // Ottosson's own figures for sRGB's corners, to the digits that are commonly quoted.
  const auto expect = [](PaletteColor color, double lightness, double a, double b) {
    const OklabColor lab = oklab_of(color);
    EXPECT_NEAR(lab.lightness, lightness, 1e-3);
    EXPECT_NEAR(lab.a, a, 1e-3);
    EXPECT_NEAR(lab.b, b, 1e-3);
  };
  expect({255, 255, 255}, 1, 0, 0);
  expect({0, 0, 0}, 0, 0, 0);
  expect({255, 0, 0}, 0.628, 0.225, 0.126);
  expect({0, 255, 0}, 0.866, -0.234, 0.179);
  expect({0, 0, 255}, 0.452, -0.032, -0.312);
}

TEST(Oklab, EveryColourComesBack) {
  for (int red = 0; red < 256; red += 15)
    for (int green = 0; green < 256; green += 17)
      for (int blue = 0; blue < 256; blue += 5) {
        const PaletteColor color{static_cast<std::uint8_t>(red), static_cast<std::uint8_t>(green),
                                 static_cast<std::uint8_t>(blue)};
        ASSERT_EQ(nearest_color(oklab_of(color)), color);
      }
}

double light_of(double value) {
  return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
}

TEST(PaletteTable, GoesThroughItsColours) {
  const std::vector<PaletteColor> colors{{11, 19, 43}, {91, 192, 190}, {255, 209, 102}, {0, 0, 0}};
  const std::vector<float> table = palette_table(colors);
  ASSERT_EQ(table.size(), 4U * kPaletteEntries);
  testing::WorstError worst;
  for (std::size_t stop = 0; stop < 4; ++stop)  // 1023 = 3 x 341: every stop is an entry
    for (std::size_t c = 0; c < 3; ++c)
      worst.add(
          std::fabs(static_cast<double>(table[4 * 341 * stop + c]) - light_of(colors[stop][c] / 255.0)));
  EXPECT_LE(worst.value(), 1e-6);
  // Half way in OKLab between black and white is a grey of lightness 0.5: light 0.125.
  const std::vector<float> grey = palette_table(std::vector<PaletteColor>{{0, 0, 0}, {255, 255, 255}});
  EXPECT_NEAR(grey[4 * 511], 0.125, 4e-4);
  EXPECT_THROW((void)palette_table(std::vector<PaletteColor>(1)), InvalidArgument);
  EXPECT_THROW((void)palette_table(std::vector<PaletteColor>(257)), InvalidArgument);
}

TEST(DominantColours, FindTheColoursOfPatches) {
  const std::vector<PaletteColor> patches{{20, 20, 30}, {200, 30, 40}, {60, 160, 80}, {240, 230, 200}};
  const std::vector<double> shares{0.5, 0.3, 0.15, 0.05};
  std::mt19937 random(4);
  std::vector<std::uint8_t> pixels;
  for (int i = 0; i < 100000; ++i) {
    double place = static_cast<double>(random()) / 4294967296.0;
    std::size_t patch = 0;
    while (patch < 3 && place >= shares[patch]) place -= shares[patch++];
    for (const std::uint8_t channel : patches[patch])
      pixels.push_back(static_cast<std::uint8_t>(channel + random() % 9 - 4));
  }
  const std::vector<PaletteColor> found = dominant_colors(pixels, 4);
  ASSERT_EQ(found.size(), 4U);
  const std::vector<std::size_t> by_lightness{0, 1, 2, 3};
  for (const std::size_t i : by_lightness)
    for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(found[i][c], patches[i][c], 2) << i;
  EXPECT_EQ(dominant_colors(pixels, 4), found);
}

TEST(DominantColours, RefuseWhatCannotBe) {
  const std::vector<std::uint8_t> two{0, 0, 0, 255, 255, 255, 0, 0, 0};
  EXPECT_EQ(dominant_colors(two, 2), (std::vector<PaletteColor>{{0, 0, 0}, {255, 255, 255}}));
  EXPECT_THROW((void)dominant_colors(two, 3), InvalidArgument);
  EXPECT_THROW((void)dominant_colors(two, 1), InvalidArgument);
  EXPECT_THROW((void)dominant_colors({}, 2), InvalidArgument);
  EXPECT_THROW((void)dominant_colors(std::vector<std::uint8_t>(4), 2), InvalidArgument);
}

}  // namespace
}  // namespace atelier
