// What is said of a picture's detail, beside whole pictures painted at that size and beside pictures whose
// steps can be written down.
#include "models/native_detail.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "models/presets.h"
#include "runtime/error.h"
#include "tests/models/painting.h"

namespace atelier {
namespace {

constexpr double kLevel = 1.0 / 255;

/// sigmoid(slope * (x - place)): `place` moves the edge by the layer's bias.
CppnRecipe edge(double slope, double place, CppnInput input = CppnInput::x) {
  CppnRecipe recipe;
  recipe.topology.inputs = {input};
  recipe.topology.layers = {{1, {Activation::sigmoid}, true}};
  recipe.parameters = {static_cast<float>(slope), static_cast<float>(-slope * place)};
  return recipe;
}

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

/// The 99.9 % quantile of the edge's steps to the right at a width of `side` pixels, span 1.
double edge_step(double slope, double place, double side) {
  std::vector<double> steps;
  for (int i = 0; i < 200'000; ++i) {
    const double x = (i + 0.5) / 200'000 - 0.5 - place;
    steps.push_back(sigmoid(slope * (x + 1 / side)) - sigmoid(slope * x));
  }
  std::sort(steps.begin(), steps.end());
  return steps[steps.size() * 999 / 1000];
}

/// The steps of a whole picture, every pixel to its right and lower neighbour, from the smallest on.
std::vector<float> steps_of_picture(const CppnRecipe& recipe, std::int64_t width, std::int64_t height) {
  const std::vector<float> picture =
      testing::paint<float>(Device(DeviceKind::cpu), recipe, width, height, CppnSample::f32);
  const auto channels = static_cast<std::size_t>(recipe.topology.layers.back().width);
  const std::size_t row = static_cast<std::size_t>(width) * channels;
  std::vector<float> steps;
  for (std::size_t r = 0; r + 1 < static_cast<std::size_t>(height); ++r) {
    for (std::size_t c = 0; c + 1 < static_cast<std::size_t>(width); ++c) {
      float step = 0;
      for (std::size_t k = 0; k < channels; ++k) {
        const float* const at = picture.data() + r * row + c * channels + k;
        step = std::max({step, std::abs(at[channels] - *at), std::abs(at[row] - *at)});
      }
      steps.push_back(step);
    }
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

double nearly_all(const std::vector<float>& steps) {
  return static_cast<double>(steps[steps.size() * 999 / 1000]);
}

CppnRecipe drawn(std::uint64_t seed, int width, int layers) {
  PresetOptions options;
  options.seed = seed;
  options.width = width;
  options.layers = layers;
  CppnRecipe recipe = preset_recipe("seed", options);
  recipe.coordinates = {};  // centered
  return recipe;
}

TEST(PixelStep, IsThatOfAnEdgeOfKnownSlope) {
  for (const double slope : {3.0, 20.0, 300.0}) {
    for (const double side : {50.0, 1000.0, 1e6}) {
      SCOPED_TRACE(::testing::Message() << "slope " << slope << ", side " << side);
      const PixelStep step = measure_pixel_step(edge(slope, 0.07), side);
      const double expected = edge_step(slope, 0.07, side);
      EXPECT_NEAR(step.nearly_all / expected, 1, 0.01);
      const double steepest = 2 * sigmoid(slope / side / 2) - 1;
      EXPECT_NEAR(step.steepest / steepest, 1, 0.01);
    }
  }
}

TEST(PixelStep, SeesEdgesThatLieAcross) {
  const PixelStep upright = measure_pixel_step(edge(20, 0.1, CppnInput::x), 300);
  const PixelStep lying = measure_pixel_step(edge(20, 0.1, CppnInput::y), 300);
  EXPECT_NEAR(lying.nearly_all / upright.nearly_all, 1, 1e-3);
}

TEST(PixelStep, BelongsToTheShorterSide) {
  CppnRecipe recipe = edge(30, 0.9);  // in a part that only the wider picture shows
  recipe.height = 500;
  recipe.width = 1500;
  const double step = 1.0 / 400;
  const PixelStep measured = measure_pixel_step(recipe, 400);
  EXPECT_NEAR(measured.steepest, 2 * sigmoid(30 * step / 2) - 1, 1e-4);
}

TEST(PixelStep, RefusesSidesThatAreNone) {
  const CppnRecipe recipe = edge(3, 0);
  for (const double side : {0.0, -5.0, std::numeric_limits<double>::infinity(), std::nan("")})
    EXPECT_THROW(static_cast<void>(measure_pixel_step(recipe, side)), InvalidArgument) << side;
}

TEST(NativeDetail, OfAnEdgeOfKnownSlope) {
  for (const double slope : {3.0, 20.0, 300.0}) {
    SCOPED_TRACE(slope);
    const NativeDetail detail = measure_native_detail(edge(slope, 0.07)).value();
    EXPECT_NEAR(edge_step(slope, 0.07, detail.pixels_8_bit) / kLevel, 1, 0.02);
    EXPECT_NEAR(edge_step(slope, 0.07, detail.pixels_16_bit) * 65535, 1, 0.02);
    EXPECT_NEAR(detail.steepest_8_bit / (slope / 4 / kLevel), 1, 0.02);
  }
}

TEST(NativeDetail, OfAHardEdgeIsWhereItCoversAThousandthOfThePicture) {
  for (const double place : {0.0, 0.123}) {
    const NativeDetail detail = measure_native_detail(edge(1e12, place)).value();
    EXPECT_NEAR(detail.pixels_8_bit, 1000, 25) << place;
    EXPECT_NEAR(detail.pixels_16_bit, 1000, 25) << place;
  }
}

TEST(NativeDetail, IsTheSizeAtWhichAPaintedPicturesStepsAreOneLevel) {
  int pictures = 0;
  for (const auto& [seed, width, layers] : {std::tuple(1, 8, 1), std::tuple(2, 16, 2), std::tuple(3, 4, 3)}) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    CppnRecipe recipe = drawn(static_cast<std::uint64_t>(seed), width, layers);
    recipe.width = 800;
    recipe.height = 600;
    const NativeDetail detail = measure_native_detail(recipe).value();
    const auto side = static_cast<std::int64_t>(std::lround(detail.pixels_8_bit / 3) * 3);
    ASSERT_GT(side, 100);
    ASSERT_LT(side, 2500);  // what is painted here
    const double at_once = nearly_all(steps_of_picture(recipe, side / 3 * 4, side)) / kLevel;
    EXPECT_NEAR(at_once, 1, 0.05);
    const double at_twice = nearly_all(steps_of_picture(recipe, side / 3 * 8, side * 2)) / kLevel;
    EXPECT_NEAR(at_twice, 0.5, 0.025);
    ++pictures;
  }
  EXPECT_EQ(pictures, 3);
}

TEST(NativeDetail, GrowsWithTheSpanAndTheDepth) {
  CppnRecipe recipe = drawn(5, 16, 9);
  const double near = measure_native_detail(recipe).value().pixels_8_bit;
  recipe.coordinates.span = 4;
  EXPECT_GT(measure_native_detail(recipe).value().pixels_8_bit, 2 * near);
  EXPECT_GT(near, 3 * measure_native_detail(drawn(5, 16, 2)).value().pixels_8_bit);
}

TEST(NativeDetail, IsTheSameWhateverSizeTheRecipeNames) {
  CppnRecipe recipe = drawn(7, 16, 5);
  const NativeDetail large = measure_native_detail(recipe).value();
  recipe.width /= 128;
  recipe.height /= 128;
  const NativeDetail small = measure_native_detail(recipe).value();
  EXPECT_NEAR(small.pixels_8_bit / large.pixels_8_bit, 1, 0.01);
  EXPECT_NEAR(small.pixels_16_bit / large.pixels_16_bit, 1, 0.01);
}

TEST(NativeDetail, IsTheSameEveryTime) {
  const CppnRecipe recipe = drawn(8, 16, 6);
  const NativeDetail first = measure_native_detail(recipe).value();
  const NativeDetail second = measure_native_detail(recipe).value();
  EXPECT_EQ(first.pixels_8_bit, second.pixels_8_bit);
  EXPECT_EQ(first.pixels_16_bit, second.pixels_16_bit);
  EXPECT_EQ(first.steepest_8_bit, second.steepest_8_bit);
}

TEST(NativeDetail, OfWavesFollowsFromTheirNumber) {
  // 241 points a side are painted: none of these may fall into step with them.
  for (const int cycles : {5, 241, 723}) {
    CppnRecipe recipe;
    recipe.topology.inputs = {CppnInput::wave};
    recipe.topology.waves = {{static_cast<double>(cycles), 0, 0.1, 1}};
    recipe.topology.layers = {{1, {Activation::identity}, true}};
    recipe.parameters = {0.5F, 0.5F};
    const NativeDetail detail = measure_native_detail(recipe).value();
    // (1 + sin(2 pi cycles x)) / 2 is steepest with a slope of pi cycles, and nearly so on a thousandth of
    // it.
    EXPECT_NEAR(detail.pixels_8_bit / (3.14159265 * cycles * 255), 1, 0.01) << cycles;
    EXPECT_NEAR(detail.steepest_8_bit / (3.14159265 * cycles * 255), 1, 0.01) << cycles;
  }
}

TEST(NativeDetail, IsThatOfSinglePointsWithoutNoise) {
  CppnRecipe recipe = drawn(9, 16, 4);
  const double expected = measure_native_detail(recipe).value().pixels_8_bit;
  recipe.sample = CppnSample::u8;
  recipe.samples = 4;
  recipe.dither = true;
  EXPECT_EQ(measure_native_detail(recipe).value().pixels_8_bit, expected);
}

TEST(NativeDetail, KnowsWhatColoursMakeOfTheNetwork) {
  CppnRecipe recipe = drawn(9, 16, 4);
  const double rgb = measure_native_detail(recipe).value().pixels_8_bit;
  recipe.color = CppnColor::palette;
  recipe.palette = {{0, 0, 0}, {255, 255, 255}};
  const double two_colours = measure_native_detail(recipe).value().pixels_8_bit;
  recipe.palette = {{0, 0, 0}, {255, 255, 255}, {0, 0, 0}, {255, 255, 255}, {0, 0, 0}};
  const double five_colours = measure_native_detail(recipe).value().pixels_8_bit;
  EXPECT_GT(two_colours, rgb / 10);
  EXPECT_GT(five_colours, 3 * two_colours);
}

TEST(NativeDetail, OfOneColourIsOnePixel) {
  const NativeDetail detail = measure_native_detail(edge(0, 0)).value();
  EXPECT_EQ(detail.pixels_8_bit, 1);
  EXPECT_EQ(detail.pixels_16_bit, 1);
  EXPECT_EQ(detail.steepest_8_bit, 1);
}

TEST(NativeDetail, IsNoneOfRawPixelCoordinates) {
  CppnRecipe recipe = edge(3, 0);
  recipe.coordinates.convention = CoordinateConvention::pixels;
  EXPECT_FALSE(measure_native_detail(recipe).has_value());
}

}  // namespace
}  // namespace atelier
