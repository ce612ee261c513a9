// Paper, resolution and bleed turned into pixels, and what that does to the picture.
#include "tools/print/print_size.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "models/presets.h"
#include "tests/devices.h"
#include "tests/models/painting.h"
#include "tools/usage_error.h"

namespace atelier::tools {
namespace {

using ::testing::HasSubstr;

PrintSize size_of(const std::string& paper, double dpi = 300, const std::string& bleed = "",
                  Orientation orientation = Orientation::as_named) {
  return print_size({paper, bleed, dpi, orientation});
}

std::string refusal(const PrintOptions& options) {
  try {
    const PrintSize size = print_size(options);
    return "accepted: " + std::to_string(size.width()) + "x" + std::to_string(size.height());
  } catch (const UsageError& error) {
    return error.what();
  }
}

void expect_trimmed(const PrintSize& size, std::int64_t width, std::int64_t height) {
  EXPECT_EQ(size.trimmed_width, width);
  EXPECT_EQ(size.trimmed_height, height);
}

TEST(PrintSize, OfPapersInDotsAsPrintersListThem) {
  expect_trimmed(size_of("A0"), 9933, 14043);
  expect_trimmed(size_of("a4"), 2480, 3508);
  expect_trimmed(size_of("A6", 600), 2480, 3496);
  expect_trimmed(size_of("B2", 150), 2953, 4175);
  expect_trimmed(size_of("letter"), 2550, 3300);
  expect_trimmed(size_of("Legal"), 2550, 4200);
  expect_trimmed(size_of("tabloid", 72), 792, 1224);
  expect_trimmed(size_of("arch-e", 100), 3600, 4800);
  expect_trimmed(size_of("ansi-e", 100), 3400, 4400);
}

TEST(PrintSize, IsoPapersHaveTheirAreaAndEachHalvesTheOneBefore) {
  int checked = 0;
  for (const Paper& paper : papers()) {
    EXPECT_LT(paper.width, paper.height) << paper.name;
    if (paper.name[0] != 'a' && paper.name[0] != 'b') continue;
    const char digit = paper.name[1];
    if (digit < '0' || digit > '9') continue;
    const double n = std::stod(std::string(paper.name.substr(1)));
    // ISO 216: A0 is a square metre, B0 a metre wide, sides 1 : sqrt 2, each size half of the one before;
    // rounding down to millimetres adds up to a millimetre or two.
    const double shorter = 1000 * std::pow(2.0, (paper.name[0] == 'a' ? -0.25 : 0.0) - n / 2);
    EXPECT_NEAR(paper.width, shorter, 1.0) << paper.name;
    EXPECT_NEAR(paper.height, shorter * std::sqrt(2.0), 1.0) << paper.name;
    ++checked;
  }
  EXPECT_EQ(checked, 22);
}

TEST(PrintSize, OfTypedLengths) {
  expect_trimmed(size_of("24x36in", 100), 2400, 3600);
  expect_trimmed(size_of("254x127mm", 100), 1000, 500);
  expect_trimmed(size_of("25.4x12.7cm", 100), 1000, 500);
  expect_trimmed(size_of("254mmx5in", 100), 1000, 500);
  expect_trimmed(size_of("2.54X1.27m", 10), 1000, 500);
}

TEST(PrintSize, RoundsToTheNearestDotAndHalvesUp) {
  expect_trimmed(size_of("1.24x1.26in", 10), 12, 13);
  expect_trimmed(size_of("1.25x1.35in", 10), 13, 14);
  expect_trimmed(size_of("41.91x135.89mm", 150), 248, 803);  // halves, though a little less in binary
}

TEST(PrintSize, TurnsThePaper) {
  expect_trimmed(size_of("A4", 300, "", Orientation::portrait), 2480, 3508);
  expect_trimmed(size_of("A4", 300, "", Orientation::landscape), 3508, 2480);
  expect_trimmed(size_of("60x90cm", 254, "", Orientation::landscape), 9000, 6000);
  expect_trimmed(size_of("90x60cm", 254, "", Orientation::as_named), 9000, 6000);
  expect_trimmed(size_of("90x60cm", 254, "", Orientation::portrait), 6000, 9000);
}

TEST(PrintSize, AddsWholePixelsOfBleedOnEachSide) {
  const PrintSize size = size_of("A0", 300, "3mm");
  EXPECT_EQ(size.bleed, 36);  // 35.43
  EXPECT_EQ(size.width(), 9933 + 72);
  EXPECT_EQ(size.height(), 14043 + 72);
  EXPECT_EQ(size.pixels_per_inch, 300);
  EXPECT_EQ(size_of("A4", 254, "4.3mm").bleed, 43);  // exactly, though not in binary
  EXPECT_EQ(size_of("A4", 300, "0.125in").bleed, 38);
  EXPECT_EQ(size_of("A4", 300, "0").bleed, 0);
  EXPECT_EQ(size_of("A4", 300, "0mm").bleed, 0);
}

TEST(PrintSize, LaysNoMoreThanHalfADotBesideThePaper) {
  for (const Paper& paper : papers()) {
    for (const double dpi : {72.0, 150.0, 300.0, 333.3}) {
      const PrintSize size = size_of(std::string(paper.name), dpi, "3mm");
      EXPECT_LE(std::abs(static_cast<double>(size.trimmed_width) / dpi * 25.4 - paper.width), 12.7001 / dpi);
      EXPECT_LE(std::abs(static_cast<double>(size.trimmed_height) / dpi * 25.4 - paper.height),
                12.7001 / dpi);
      EXPECT_GE(static_cast<double>(size.bleed) / dpi * 25.4, 3 - 1e-6);
      EXPECT_LT(static_cast<double>(size.bleed - 1) / dpi * 25.4, 3);
    }
  }
}

TEST(PrintSize, RefusesInOneLineThatSaysWhatWouldBeRight) {
  const auto expect = [](const PrintOptions& options, const std::string& words) {
    const std::string line = refusal(options);
    EXPECT_THAT(line, HasSubstr(words));
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 0);
  };
  for (const char* const paper :
       {"A11", "", "A", "60x90", "60x90km", "x90cm", "60cm", "60xcm", "60x90cmcm", "1e3x2mm", "infx3mm"})
    expect({paper, "", 300}, "such as 60x90cm");
  expect({"0x90cm", "", 300}, "greater than 0");
  expect({"-3x90cm", "", 300}, "greater than 0");
  expect({"3x99999999m", "", 300}, "at most 10 km");
  for (const char* const bleed : {"3", "mm", "3 mm", "3pt", "inf", "nanmm"})
    expect({"A4", bleed, 300}, "such as 3mm");
  expect({"A4", "-3mm", 300}, "greater than 0");
  expect({"A4", "30cm", 300}, "wider than the paper");
  for (const double dpi : {0.0, -300.0, 1e6, std::numeric_limits<double>::infinity(), std::nan("")})
    expect({"A4", "", dpi}, "--dpi");
  expect({"1x1mm", "", 1}, "between 1 and 2147483647");
  expect({"10x2000m", "", 100'000}, "between 1 and 2147483647");
}

TEST(PrintSize, IsSaidInOneLine) {
  const PrintOptions options{"a0", "3mm", 300};
  EXPECT_EQ(print_size_text(options, print_size(options)),
            "A0 portrait, 841x1189 mm + 3 mm bleed, 300 dpi: 10005x14115 pixels");
  const PrintOptions typed{"24x36in", "", 150};
  EXPECT_EQ(print_size_text(typed, print_size(typed)), "609.6x914.4 mm, 150 dpi: 3600x5400 pixels");
}

CppnRecipe some_recipe() {
  PresetOptions options;
  options.seed = 3;
  CppnRecipe recipe = preset_recipe("seed", options);
  recipe.coordinates = {};
  return recipe;
}

class PrintedPicture : public ::testing::TestWithParam<Device> {};

TEST_P(PrintedPicture, IsTheSameInsideTheBleed) {
  CppnRecipe recipe = some_recipe();
  recipe.coordinates.center_x = 0.2;
  recipe.coordinates.rotation = 0.3;
  recipe.coordinates.span = 1.7;
  const PrintSize bare = size_of("60x40mm", 40);
  const PrintSize bled = size_of("60x40mm", 40, "3mm");
  ASSERT_GT(bled.bleed, 0);
  const auto paint = [&](const PrintSize& size) {
    const CppnRecipe at_size = recipe_for_print(recipe, size);
    EXPECT_EQ(at_size.width, size.width());
    EXPECT_EQ(at_size.height, size.height());
    return atelier::testing::paint<float>(GetParam(), at_size, at_size.width, at_size.height,
                                          CppnSample::f32);
  };
  const std::vector<float> expected = paint(bare);
  const std::vector<float> whole = paint(bled);
  atelier::testing::WorstError worst;
  for (std::int64_t row = 0; row < bare.height(); ++row)
    for (std::int64_t k = 0; k < bare.width() * 3; ++k) {
      const std::int64_t inside = ((row + bled.bleed) * bled.width() + bled.bleed) * 3 + k;
      worst.add(
          std::abs(static_cast<double>(whole[static_cast<std::size_t>(inside)]) -
                   static_cast<double>(expected[static_cast<std::size_t>(row * bare.width() * 3 + k)])));
    }
  EXPECT_LE(worst.value(), 1e-4);  // coordinates differ in their last bit, which nine layers stretch
}

INSTANTIATE_TEST_SUITE_P(Devices, PrintedPicture, ::testing::ValuesIn(atelier::testing::test_devices()),
                         atelier::testing::device_test_name);

TEST(RecipeForPrint, NeedsASpanThatTheBleedCanGrow) {
  CppnRecipe recipe = some_recipe();
  recipe.coordinates.convention = CoordinateConvention::seed;
  EXPECT_EQ(recipe_for_print(recipe, size_of("50x50mm")).width, 591);
  try {
    static_cast<void>(recipe_for_print(recipe, size_of("50x50mm", 300, "3mm")));
    FAIL() << "a bleed of coordinates without span was accepted";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("--bleed needs centered coordinates"));
  }
}

}  // namespace
}  // namespace atelier::tools
