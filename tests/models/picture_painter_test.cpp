#include "models/picture_painter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "models/palette.h"
#include "models/presets.h"
#include "tests/devices.h"
#include "tests/models/painting.h"

namespace atelier {
namespace {

/// The whole picture, or a region of it, through a PicturePainter.
template <class T>
std::vector<T> paint_region(Stream& stream, PicturePainter& painter, PixelRegion region) {
  const std::int64_t row_bytes = region.width * painter.pixel_bytes();
  const Buffer<std::byte> pixels(stream, row_bytes * region.height, "picture");
  painter.paint(stream, region, pixels.view(), row_bytes);
  const std::vector<std::byte> bytes = download<std::byte>(stream, pixels.view());
  std::vector<T> samples(bytes.size() / sizeof(T));
  std::memcpy(samples.data(), bytes.data(), bytes.size());
  return samples;
}
template <class T>
std::vector<T> paint_all(Stream& stream, const CppnRecipe& recipe) {
  PicturePainter painter(stream, recipe, recipe.width, recipe.height);
  return paint_region<T>(stream, painter, {0, 0, recipe.width, recipe.height});
}

CppnRecipe small_recipe(std::int64_t width, std::int64_t height) {
  PresetOptions options;
  options.seed = 12;
  options.width = 8;
  options.layers = 4;
  CppnRecipe recipe = preset_recipe("seed", options);
  recipe.coordinates = {};
  recipe.coordinates.span = 2;
  recipe.sample = CppnSample::f32;
  recipe.width = width;
  recipe.height = height;
  return recipe;
}

class Painter : public ::testing::TestWithParam<Device> {
 protected:
  Stream stream_{GetParam()};
};

TEST_P(Painter, PlainPicturesAreTheNetworksOwn) {
  CppnRecipe recipe = small_recipe(31, 17);
  for (const CppnColor color : {CppnColor::rgb, CppnColor::hsv}) {
    recipe.color = color;
    PicturePainter painter(stream_, recipe, 31, 17);
    EXPECT_EQ(painter.scratch_bytes(), 0);
    EXPECT_EQ(paint_region<float>(stream_, painter, {0, 0, 31, 17}),
              testing::paint<float>(GetParam(), recipe, 31, 17, CppnSample::f32));
  }
}

double light_of(double v) {
  return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
}
double value_of(double light) {
  return light <= 0.0031308 ? 12.92 * light : 1.055 * std::pow(light, 1 / 2.4) - 0.055;
}

// Against the same picture, painted plainly at N times the size and averaged here: with pixel centres the
// points are the same.
TEST_P(Painter, SamplesAverageALargerPictureInLinearLight) {
  for (const int samples : {2, 3, 5}) {
    CppnRecipe recipe = small_recipe(23, 11);
    recipe.coordinates.rotation = 0.4;
    recipe.samples = samples;
    const auto found = paint_all<float>(stream_, recipe);
    CppnRecipe larger = recipe;
    larger.samples = 1;
    const auto points =
        testing::paint<float>(GetParam(), larger, 23 * samples, 11 * samples, CppnSample::f32);
    testing::WorstError worst;
    for (int row = 0; row < 11; ++row)
      for (int column = 0; column < 23; ++column)
        for (int c = 0; c < 3; ++c) {
          double sum = 0;
          for (int i = 0; i < samples; ++i)
            for (int j = 0; j < samples; ++j)
              sum += light_of(static_cast<double>(points[static_cast<std::size_t>(
                  ((row * samples + i) * 23 * samples + column * samples + j) * 3 + c)]));
          worst.add(
              std::fabs(static_cast<double>(found[static_cast<std::size_t>((row * 23 + column) * 3 + c)]) -
                        value_of(sum / (samples * samples))));
        }
    EXPECT_LE(worst.value(), 1e-5) << samples;
  }
}

TEST_P(Painter, SeedCoordinatesAreSampledAroundTheirPoint) {
  // A linear network: the mean over a pixel's points is the value at its own point, whatever the convention.
  CppnRecipe recipe = small_recipe(9, 9);
  recipe.topology.layers = {{1, {Activation::identity}, true}};
  recipe.parameters = {0.3F, 0.2F, 0.5F};
  recipe.origin.reset();
  for (const CoordinateConvention convention :
       {CoordinateConvention::seed, CoordinateConvention::seed_rectangle, CoordinateConvention::centered}) {
    recipe.coordinates = {};
    recipe.coordinates.convention = convention;
    recipe.samples = 1;
    const auto plain = paint_all<float>(stream_, recipe);
    recipe.samples = 4;
    const auto sampled = paint_all<float>(stream_, recipe);
    testing::WorstError worst;
    for (std::size_t i = 0; i < plain.size(); ++i)
      worst.add(std::fabs(static_cast<double>(plain[i]) - static_cast<double>(sampled[i])));
    EXPECT_LE(worst.value(), 5e-4);  // light is curved; a shift of half a point would be 4e-3
  }
}

TEST_P(Painter, AnyCutGivesTheSameBytes) {
  for (const CppnColor color : {CppnColor::rgb, CppnColor::oklch, CppnColor::palette}) {
    CppnRecipe recipe = small_recipe(37, 19);
    recipe.sample = CppnSample::u16;
    recipe.color = color;
    if (color == CppnColor::palette) recipe.palette = {{11, 19, 43}, {91, 192, 190}, {255, 209, 102}};
    recipe.samples = 3;
    recipe.dither = true;
    PicturePainter painter(stream_, recipe, 37, 19);
    const auto whole = paint_region<std::uint16_t>(stream_, painter, {0, 0, 37, 19});
    for (const PixelRegion part :
         {PixelRegion{5, 3, 20, 9}, PixelRegion{36, 18, 1, 1}, PixelRegion{0, 7, 37, 1}}) {
      const auto some = paint_region<std::uint16_t>(stream_, painter, part);
      for (std::int64_t row = 0; row < part.height; ++row)
        for (std::int64_t i = 0; i < part.width * 3; ++i)
          ASSERT_EQ(some[static_cast<std::size_t>(row * part.width * 3 + i)],
                    whole[static_cast<std::size_t>(((row + part.row) * 37 + part.column) * 3 + i)]);
    }
  }
}

// More points than the scratch holds: rows are cut, and bands of rows.
TEST_P(Painter, PiecesLeaveNoTrace) {
  const bool slow = GetParam().kind() == DeviceKind::simt;
  CppnRecipe recipe = small_recipe(slow ? 3000 : 12000, slow ? 2 : 40);
  recipe.topology.layers = {{3, {Activation::sin}, true}};
  recipe.topology.inputs = {CppnInput::x, CppnInput::y};
  recipe.origin.reset();
  recipe.parameters = {40, 3, 1, -9, 20, 2, 15, -30, 3};
  recipe.sample = CppnSample::u8;
  recipe.samples = slow ? 8 : 16;
  PicturePainter painter(stream_, recipe, recipe.width, recipe.height);
  EXPECT_LE(painter.scratch_bytes(), std::int64_t{32} << 20);
  const std::int64_t width = slow ? 2950 : 11950;
  const auto band = paint_region<std::uint8_t>(stream_, painter, {7, 1, width, slow ? 1 : 3});
  const auto few = paint_region<std::uint8_t>(stream_, painter, {width - 40, 1, 40, 1});
  for (std::int64_t i = 0; i < 40 * 3; ++i)
    ASSERT_EQ(few[static_cast<std::size_t>(i)], band[static_cast<std::size_t>((width - 47) * 3 + i)]);
}

TEST_P(Painter, PaletteMakesColoursOfAGreyNetwork) {
  CppnRecipe recipe = small_recipe(64, 1);
  recipe.topology.layers = {{1, {Activation::identity}, true}};
  recipe.parameters = {1, 0, 0.5F};
  recipe.origin.reset();
  recipe.coordinates = {};
  recipe.coordinates.span = 1.0 / 64;  // one row: the shorter side
  recipe.color = CppnColor::palette;
  recipe.palette = {{0, 0, 0}, {255, 0, 0}};
  recipe.sample = CppnSample::u8;
  EXPECT_EQ(picture_channels(recipe), 3);
  const auto found = paint_all<std::uint8_t>(stream_, recipe);
  ASSERT_EQ(found.size(), 64U * 3);
  for (std::size_t i = 0; i < 64; ++i) {
    // The gradient in OKLab from black to red, at the pixel's own value.
    const double place = (static_cast<double>(i) + 0.5) / 64;
    const OklabColor red = oklab_of({255, 0, 0});
    const PaletteColor expected = nearest_color({place * red.lightness, place * red.a, place * red.b});
    for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(found[3 * i + c], expected[c], 1) << i;
  }
}

TEST_P(Painter, LatentAndWindowChangeInStreamOrder) {
  CppnRecipe recipe = small_recipe(16, 8);
  recipe.topology.inputs.push_back(CppnInput::latent);
  recipe.latent = {0};
  draw(recipe);
  recipe.samples = 2;
  PicturePainter painter(stream_, recipe, 16, 8);
  recipe.latent = {1.5};
  recipe.coordinates.center_x = 0.4;
  painter.set_latent(stream_, recipe.latent);
  painter.set_window(recipe_window(recipe, 16, 8));
  EXPECT_EQ(paint_region<float>(stream_, painter, {0, 0, 16, 8}), paint_all<float>(stream_, recipe));
}

TEST_P(Painter, RefusesWhatDoesNotFit) {
  CppnRecipe recipe = small_recipe(8, 8);
  recipe.samples = 2;
  PicturePainter painter(stream_, recipe, 8, 8);
  const Buffer<std::byte> output(stream_, 8 * 8 * 12);
  const auto attempt = [&](PixelRegion region, std::int64_t bytes, std::int64_t row_bytes) {
    painter.paint(stream_, region, output.view().part(0, bytes), row_bytes);
  };
  EXPECT_NO_THROW(attempt({0, 0, 8, 8}, 768, 96));
  EXPECT_NO_THROW(attempt({0, 0, 0, 8}, 0, 0));
  EXPECT_THROW(attempt({0, 0, 8, 8}, 767, 96), InvalidArgument);
  EXPECT_THROW(attempt({0, 0, 8, 8}, 768, 95), InvalidArgument);
  EXPECT_THROW(attempt({-1, 0, 8, 8}, 768, 96), InvalidArgument);
  EXPECT_THROW(attempt({0, 0, 1LL << 60, 8}, 768, 96), InvalidArgument);
  recipe.samples = 0;
  EXPECT_THROW(PicturePainter(stream_, recipe, 8, 8), InvalidArgument);
}

// ---- seamless tiles

CppnRecipe tile_recipe(std::int64_t width, std::int64_t height, bool fourier) {
  CppnRecipe recipe = small_recipe(width, height);
  recipe.coordinates = {};
  recipe.coordinates.convention = CoordinateConvention::tile;
  make_seamless(recipe.topology, 0.3);
  if (fourier) {
    recipe.topology.inputs.insert(recipe.topology.inputs.end(), 6, CppnInput::wave);
    recipe.topology.waves.resize(10);
    recipe.origin->fourier = 3;
    recipe.origin->fourier_scale = 2;
  }
  draw(recipe);
  return recipe;
}

/// Steps of any channel from one column (or row) to the one after it, the last's being the first.
struct Steps {
  double inner = 0;  // the largest
  double seam = 0;
  double mean_inner = 0;
  double mean_seam = 0;
};
Steps steps_across(const std::vector<float>& picture, std::int64_t width, std::int64_t height,
                   bool along_rows) {
  Steps steps;
  const std::int64_t length = along_rows ? width : height;
  for (std::int64_t line = 0; line < (along_rows ? height : width); ++line)
    for (std::int64_t i = 0; i < length; ++i)
      for (std::int64_t c = 0; c < 3; ++c) {
        const auto at = [&](std::int64_t place) {
          const std::int64_t pixel = along_rows ? line * width + place : place * width + line;
          return static_cast<double>(picture[static_cast<std::size_t>(pixel * 3 + c)]);
        };
        double& worst = i + 1 == length ? steps.seam : steps.inner;
        const double step = std::fabs(at(i) - at((i + 1) % length));
        worst = std::max(worst, step);
        (i + 1 == length ? steps.mean_seam : steps.mean_inner) +=
            step * static_cast<double>(i + 1 == length ? length : 1);
      }
  return steps;
}

TEST_P(Painter, TilesMeetAtTheirEdges) {
  for (const bool fourier : {false, true}) {
    const CppnRecipe recipe = tile_recipe(60, 40, fourier);
    const auto picture = paint_all<float>(stream_, recipe);
    for (const bool along_rows : {true, false}) {
      const Steps steps = steps_across(picture, 60, 40, along_rows);
      EXPECT_GT(steps.inner, 0.005);
      EXPECT_LE(steps.seam, steps.inner);
      EXPECT_LE(steps.mean_seam, 1.5 * steps.mean_inner);
    }
    CppnRecipe open = small_recipe(60, 40);  // the same seed without tiling has a seam
    const Steps seam = steps_across(paint_all<float>(stream_, open), 60, 40, true);
    EXPECT_GT(seam.mean_seam, 3 * seam.mean_inner);
  }
}

TEST_P(Painter, TwoByTwoTilesAreTheTileFourTimes) {
  CppnRecipe recipe = tile_recipe(24, 16, true);
  const auto tile = paint_all<float>(stream_, recipe);
  recipe.coordinates.span = 2;
  recipe.coordinates.center_x = recipe.coordinates.center_y = 0.5;
  recipe.width = 48;
  recipe.height = 32;
  const auto four = paint_all<float>(stream_, recipe);
  testing::WorstError worst;
  for (std::int64_t row = 0; row < 32; ++row)
    for (std::int64_t column = 0; column < 48; ++column)
      for (std::int64_t c = 0; c < 3; ++c)
        worst.add(std::fabs(
            static_cast<double>(four[static_cast<std::size_t>((row * 48 + column) * 3 + c)]) -
            static_cast<double>(tile[static_cast<std::size_t>((row % 16 * 24 + column % 24) * 3 + c)])));
  EXPECT_LE(worst.value(), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Devices, Painter, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

}  // namespace
}  // namespace atelier
