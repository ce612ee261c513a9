// Paths through pictures: easing, closed splines, random neighbours, and films as functions of time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include "models/easing.h"
#include "models/motion.h"
#include "models/presets.h"
#include "models/spline.h"
#include "models/vary.h"
#include "runtime/error.h"
#include "tests/devices.h"

namespace atelier {
namespace {

using ::testing::HasSubstr;
using testing::WorstError;

/// A recipe with `latent` latent inputs, a bias in every layer, and layers of different sizes.
CppnRecipe recipe_of(int latent, std::uint64_t seed, int width = 12, int layers = 3) {
  CppnRecipe recipe = preset_recipe("seed", {RandomSource::philox, seed, width, layers});
  recipe.coordinates = {};
  for (int i = 0; i < latent; ++i) {
    recipe.topology.inputs.push_back(CppnInput::latent);
    recipe.latent.push_back(0.25 * i - 0.1);
  }
  for (CppnTopology::Layer& layer : recipe.topology.layers) layer.bias = true;
  for (std::size_t l = 0; l < recipe.topology.layers.size(); ++l)
    recipe.origin->initializer.layer_scale.push_back(0.3 + 0.7 * static_cast<double>(l));
  recipe.parameters =
      initialize(recipe.topology, recipe.origin->initializer, recipe.origin->source, recipe.origin->seed);
  return recipe;
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(sum);
}

TEST(Easing, GoesFromStartToEndAtTheSaidPace) {
  for (const Easing easing : {Easing::linear, Easing::in, Easing::out, Easing::in_out}) {
    EXPECT_EQ(eased(easing, 0), 0);
    EXPECT_EQ(eased(easing, 1), 1);
    EXPECT_EQ(eased(easing, -3), 0);
    EXPECT_EQ(eased(easing, 7), 1);
    for (int i = 0; i < 100; ++i) EXPECT_LT(eased(easing, i / 100.0), eased(easing, (i + 1) / 100.0));
  }
  const auto pace = [](Easing easing, double t) {
    return (eased(easing, t + 1e-4) - eased(easing, t - 1e-4)) / 2e-4;
  };
  EXPECT_NEAR(pace(Easing::linear, 0.3), 1, 1e-6);
  EXPECT_NEAR(pace(Easing::in, 0.001), 0, 0.01);
  EXPECT_NEAR(pace(Easing::in, 0.999), 2, 0.01);
  EXPECT_NEAR(pace(Easing::out, 0.001), 2, 0.01);
  EXPECT_NEAR(pace(Easing::out, 0.999), 0, 0.01);
  EXPECT_NEAR(pace(Easing::in_out, 0.001), 0, 0.01);
  EXPECT_NEAR(pace(Easing::in_out, 0.5), 1.5, 1e-6);
  EXPECT_NEAR(pace(Easing::in_out, 0.999), 0, 0.01);
}

/// The value of the spline through `values`, from Barry and Goldman's pyramid of straight lines.
double pyramid(const std::vector<double>& values, double turn) {
  const auto count = static_cast<long>(values.size());
  const double place = turn * static_cast<double>(count);
  const long segment = std::lround(std::floor(place));
  const double t = place - static_cast<double>(segment);
  const auto point = [&](long k) {
    return values[static_cast<std::size_t>((segment + k + 2 * count) % count)];
  };
  const auto mix = [t](double a, double b, double from, double to) {
    return ((to - t) * a + (t - from) * b) / (to - from);
  };
  const double a1 = mix(point(-1), point(0), -1, 0);
  const double a2 = mix(point(0), point(1), 0, 1);
  const double a3 = mix(point(1), point(2), 1, 2);
  return mix(mix(a1, a2, -1, 1), mix(a2, a3, 0, 2), 0, 1);
}

TEST(Spline, IsCatmullAndRoms) {
  const std::vector<double> values{0.3, -1.2, 2.5, 0.9, -0.4, 1.7};
  for (std::size_t points = 2; points <= values.size(); ++points) {
    const std::vector<double> used(values.begin(), values.begin() + static_cast<long>(points));
    WorstError error;
    for (int i = 0; i < 200; ++i) {
      const double turn = (i + 0.5) / 200;
      const std::vector<double> weights = closed_spline_weights(static_cast<int>(points), turn);
      ASSERT_EQ(weights.size(), points);
      double value = 0;
      double sum = 0;
      for (std::size_t k = 0; k < points; ++k) {
        value += weights[k] * used[k];
        sum += weights[k];
      }
      error.add(std::abs(value - pyramid(used, turn)));
      error.add(std::abs(sum - 1));
    }
    EXPECT_LE(error.value(), 1e-12) << points;
  }
  for (int k = 0; k < 6; ++k) {
    const std::vector<double> weights = closed_spline_weights(6, k / 6.0);
    for (int other = 0; other < 6; ++other)
      EXPECT_NEAR(weights[static_cast<std::size_t>(other)], other == k ? 1 : 0, 1e-14);
  }
  EXPECT_EQ(closed_spline_weights(5, 1), closed_spline_weights(5, 0));
  EXPECT_THROW((void)closed_spline_weights(1, 0), InvalidArgument);
}

TEST(Vary, NeighboursAreAsFarAsTheirLayersAreLarge) {
  const CppnRecipe recipe = recipe_of(0, 5, 48, 3);
  EXPECT_EQ(varied(recipe, VariedPart::weights, 0.3, 9, 0), recipe);
  const CppnRecipe one = varied(recipe, VariedPart::weights, 0.3, 9, 1);
  EXPECT_EQ(one, varied(recipe, VariedPart::weights, 0.3, 9, 1));
  EXPECT_NE(one.parameters, varied(recipe, VariedPart::weights, 0.3, 9, 2).parameters);
  EXPECT_NE(one.parameters, varied(recipe, VariedPart::weights, 0.3, 10, 1).parameters);
  EXPECT_FALSE(one.origin.has_value());
  // Layer by layer: the change's size is 0.3 of the layer's own, its mean none, and it follows no weight.
  std::size_t first = 0;
  for (std::size_t l = 0; l < recipe.topology.layers.size(); ++l) {
    const auto count = static_cast<std::size_t>(recipe.topology.layers[l].width) *
                       static_cast<std::size_t>(recipe.topology.fan_in(l));
    double own = 0;
    double change = 0;
    double mean = 0;
    double common = 0;
    for (std::size_t i = first; i < first + count; ++i) {
      const auto weight = static_cast<double>(recipe.parameters[i]);
      const double moved = static_cast<double>(one.parameters[i]) - weight;
      own += weight * weight;
      change += moved * moved;
      mean += moved;
      common += moved * weight;
    }
    const auto n = static_cast<double>(count);
    const double allowed = 4 / std::sqrt(n);
    EXPECT_NEAR(std::sqrt(change / own) / 0.3, 1, allowed) << "layer " << l;
    EXPECT_NEAR(mean / n / std::sqrt(change / n), 0, allowed) << "layer " << l;
    EXPECT_NEAR(common / std::sqrt(own * change), 0, allowed) << "layer " << l;
    first += count + static_cast<std::size_t>(recipe.topology.layers[l].width);
  }
}

TEST(Vary, LatentNeighboursKeepTheWeights) {
  const CppnRecipe recipe = recipe_of(3, 5);
  const CppnRecipe other = varied(recipe, VariedPart::latent, 0.5, 1, 4);
  EXPECT_EQ(other.parameters, recipe.parameters);
  EXPECT_EQ(other.origin, recipe.origin);
  EXPECT_NE(other.latent, recipe.latent);
  EXPECT_THROW((void)varied(recipe_of(0, 5), VariedPart::latent, 0.5, 1, 4), InvalidArgument);
  EXPECT_THROW((void)varied(recipe, VariedPart::latent, std::nan(""), 1, 4), InvalidArgument);
  EXPECT_THROW((void)varied(recipe, VariedPart::weights, 1e39, 1, 4), InvalidArgument);
  EXPECT_THROW((void)with_part(recipe, VariedPart::latent, std::vector<double>{1}), InvalidArgument);
}

MotionOptions looping(const CppnRecipe& recipe, MotionLoop loop, VariedPart part, std::int64_t frames = 24) {
  MotionOptions options;
  options.recipes = {recipe};
  options.loop = loop;
  options.part = part;
  options.radius = part == VariedPart::latent ? 0.7 : 0.2;
  options.seed = 3;
  options.frames = frames;
  options.way = MotionWay::loop;
  return options;
}

/// Every step of the film, the one from its last frame to its first behind the others.
std::vector<double> steps(const Motion& motion, VariedPart part) {
  std::vector<double> result;
  for (std::int64_t i = 0; i < motion.frames(); ++i)
    result.push_back(
        distance(part_of(motion.frame(i), part), part_of(motion.frame((i + 1) % motion.frames()), part)));
  return result;
}

TEST(Motion, LoopsBeginAtThePictureAndCloseWithoutASeam) {
  for (const VariedPart part : {VariedPart::latent, VariedPart::weights})
    for (const MotionLoop loop : {MotionLoop::circle, MotionLoop::spline}) {
      const CppnRecipe recipe = recipe_of(3, 8);
      const Motion motion(looping(recipe, loop, part));
      EXPECT_TRUE(motion.seamless());
      EXPECT_EQ(motion.moves_weights(), part == VariedPart::weights);
      EXPECT_EQ(part_of(motion.frame(0), part), part_of(recipe, part));
      EXPECT_EQ(motion.frame(motion.frames()), motion.frame(0));
      EXPECT_EQ(motion.frame(motion.frames() + 5), motion.frame(5));
      std::vector<double> all = steps(motion, part);
      const double last = all.back();
      all.pop_back();
      const double largest = *std::max_element(all.begin(), all.end());
      EXPECT_GT(largest, 1e-3);
      EXPECT_LE(last, largest * (1 + 1e-9));
    }
}

TEST(Motion, ACircleIsRound) {
  for (const int dimensions : {2, 3, 7}) {
    const CppnRecipe recipe = recipe_of(dimensions, 8);
    const Motion motion(looping(recipe, MotionLoop::circle, VariedPart::latent, 30));
    // Its middle is the mean of its points; its radius 0.7 for every latent number.
    std::vector<double> middle(recipe.latent.size());
    for (std::int64_t i = 0; i < 30; ++i)
      for (std::size_t k = 0; k < middle.size(); ++k) middle[k] += motion.frame(i).latent[k] / 30;
    for (std::int64_t i = 0; i < 30; ++i)
      EXPECT_NEAR(distance(motion.frame(i).latent, middle), 0.7 * std::sqrt(dimensions), 1e-9);
    for (const double step : steps(motion, VariedPart::latent))
      EXPECT_NEAR(step, 2 * 0.7 * std::sqrt(dimensions) * std::sin(std::numbers::pi / 30), 1e-9);
  }
  // One number has no circle: it swings as far to one side as to the other.
  const CppnRecipe lone = recipe_of(1, 8);
  const Motion swing(looping(lone, MotionLoop::circle, VariedPart::latent, 8));
  EXPECT_NEAR(std::abs(swing.frame(2).latent[0] - lone.latent[0]), 0.7, 1e-12);
  EXPECT_NEAR(swing.frame(2).latent[0] + swing.frame(6).latent[0], 2 * lone.latent[0], 1e-12);
}

MotionOptions morph(std::vector<CppnRecipe> recipes, MotionWay way, std::int64_t frames) {
  MotionOptions options;
  options.recipes = std::move(recipes);
  options.way = way;
  options.frames = frames;
  return options;
}

TEST(Motion, AMorphPassesItsRecipesAndKeepsItsLayersLarge) {
  const std::vector<CppnRecipe> recipes{recipe_of(2, 1), recipe_of(2, 2), recipe_of(2, 3)};
  const Motion loop(morph(recipes, MotionWay::loop, 30));
  const Motion back(morph(recipes, MotionWay::back, 40));
  const Motion once(morph(recipes, MotionWay::once, 21));
  for (std::size_t k = 0; k < 3; ++k) {
    EXPECT_EQ(loop.frame(static_cast<std::int64_t>(10 * k)).parameters, recipes[k].parameters);
    EXPECT_EQ(back.frame(static_cast<std::int64_t>(10 * k)).parameters, recipes[k].parameters);
    EXPECT_EQ(once.frame(static_cast<std::int64_t>(10 * k)).parameters, recipes[k].parameters);
  }
  EXPECT_EQ(back.frame(33), back.frame(7));
  EXPECT_TRUE(loop.seamless());
  EXPECT_TRUE(back.seamless());
  EXPECT_FALSE(once.seamless());
  EXPECT_EQ(once.frame(5).latent[1], 0.5 * recipes[0].latent[1] + 0.5 * recipes[1].latent[1]);
  // Half way every group of parameters is as large as the mean of both.
  const CppnRecipe half = once.frame(5);
  std::size_t first = 0;
  for (std::size_t l = 0; l < half.topology.layers.size(); ++l) {
    const auto width = static_cast<std::size_t>(half.topology.layers[l].width);
    for (const std::size_t count : {width * static_cast<std::size_t>(half.topology.fan_in(l)), width}) {
      const auto size = [&](const CppnRecipe& recipe) {
        double sum = 0;
        for (std::size_t i = first; i < first + count; ++i)
          sum += std::pow(static_cast<double>(recipe.parameters[i]), 2);
        return std::sqrt(sum);
      };
      const double plain = 0.5 * (size(recipes[0]) + size(recipes[1]));
      EXPECT_LE(size(half), plain * (1 + 1e-6));
      EXPECT_GE(size(half), plain * 0.999) << "layer " << l;
      first += count;
    }
  }
}

TEST(Motion, AMorphOfOppositesStaysFinite) {
  CppnRecipe other = recipe_of(0, 1);
  for (float& parameter : other.parameters) parameter = -parameter;
  const Motion motion(morph({recipe_of(0, 1), other}, MotionWay::once, 11));
  for (std::int64_t i = 0; i < 11; ++i)
    for (const float parameter : motion.frame(i).parameters) ASSERT_TRUE(std::isfinite(parameter));
}

TEST(Motion, TheCameraZoomsEvenlyAndHoldsOnePointStill) {
  MotionOptions options;
  options.recipes = {recipe_of(0, 4)};
  options.recipes[0].coordinates.center_x = 0.125;
  options.zoom = 64;
  options.pan_x = 0.3;
  options.pan_y = -0.2;
  options.turn = 0;
  options.frames = 13;
  const Motion motion(options);
  const auto at = [&](std::int64_t i) { return motion.frame(i).coordinates; };
  EXPECT_EQ(at(0), options.recipes[0].coordinates);
  EXPECT_NEAR(at(12).span, 1.0 / 64, 1e-15);
  EXPECT_NEAR(at(12).center_x, 0.125 + 0.3, 1e-12);
  EXPECT_NEAR(at(12).center_y, -0.2, 1e-12);
  // The point of the plane that does not move: (c1 s0 - c0 s1) / (s0 - s1).
  const double still_x = (at(12).center_x - 0.125 / 64) / (1 - 1.0 / 64);
  for (int i = 1; i < 12; ++i) {
    EXPECT_NEAR(at(i + 1).span / at(i).span, at(1).span / at(0).span, 1e-12);
    EXPECT_NEAR((still_x - at(i).center_x) / at(i).span, still_x - 0.125, 1e-9) << i;
  }
  EXPECT_FALSE(motion.seamless());
  EXPECT_FALSE(motion.moves_weights());
  options.way = MotionWay::back;
  options.turn = 90;
  options.easing = Easing::in_out;
  const Motion back(options);
  EXPECT_TRUE(back.seamless());
  EXPECT_EQ(back.frame(4), back.frame(9));
  EXPECT_NEAR(back.frame(6).coordinates.rotation, std::numbers::pi / 2 * eased(Easing::in_out, 12.0 / 13),
              1e-12);
}

TEST(Motion, AFullTurnIsALoop) {
  MotionOptions options;
  options.recipes = {recipe_of(0, 4)};
  options.turn = 720;
  options.way = MotionWay::loop;
  options.frames = 16;
  const Motion motion(options);
  EXPECT_TRUE(motion.seamless());
  for (std::int64_t i = 0; i < 16; ++i)
    EXPECT_NEAR(motion.frame(i).coordinates.rotation, 4 * std::numbers::pi * static_cast<double>(i) / 16,
                1e-12);
  options.frames = 1;
  EXPECT_EQ(Motion(options).frame(0).coordinates, options.recipes[0].coordinates);
}

TEST(Motion, RefusesWhatCannotBe) {
  const auto refusal = [](const std::function<void(MotionOptions&)>& change) {
    MotionOptions options = looping(recipe_of(2, 1), MotionLoop::circle, VariedPart::latent);
    change(options);
    try {
      const Motion motion(options);
    } catch (const InvalidArgument& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(refusal([](MotionOptions&) {}), "accepted");
  EXPECT_THAT(refusal([](auto& o) { o.recipes.clear(); }), HasSubstr("a recipe is needed"));
  EXPECT_THAT(refusal([](auto& o) { o.recipes.push_back(recipe_of(2, 1, 13)); }), HasSubstr("one shape"));
  EXPECT_THAT(refusal([](auto& o) { o.recipes = {recipe_of(0, 1)}; }), HasSubstr("no latent vector"));
  EXPECT_THAT(refusal([&](auto& o) { o.radius = nan; }), HasSubstr("radius"));
  EXPECT_THAT(refusal([](auto& o) { o.frames = 0; }), HasSubstr("frames"));
  EXPECT_THAT(refusal([](auto& o) { o.points = 1; }), HasSubstr("points"));
  EXPECT_THAT(refusal([](auto& o) { o.zoom = 0; }), HasSubstr("zoom"));
  EXPECT_THAT(refusal([](auto& o) { o.zoom = -2; }), HasSubstr("zoom"));
  EXPECT_THAT(refusal([&](auto& o) { o.zoom = nan; }), HasSubstr("zoom"));
  EXPECT_THAT(refusal([&](auto& o) { o.pan_x = nan; }), HasSubstr("pan along x"));
  EXPECT_THAT(refusal([&](auto& o) { o.turn = nan; }), HasSubstr("turn"));
  EXPECT_THAT(refusal([](auto& o) { o.zoom = 2; }), HasSubstr("come round"));
  EXPECT_THAT(refusal([](auto& o) { o.turn = 90; }), HasSubstr("come round"));
  EXPECT_THAT(refusal([](auto& o) {
                o.way = MotionWay::once;
                o.zoom = 1e300;
                o.recipes[0].coordinates.span = 1e-100;
              }),
              HasSubstr("span"));
  EXPECT_THAT(refusal([](auto& o) {
                o.turn = 360;
                o.recipes[0].coordinates.convention = CoordinateConvention::seed;
              }),
              HasSubstr("centred coordinates"));
}

}  // namespace
}  // namespace atelier
