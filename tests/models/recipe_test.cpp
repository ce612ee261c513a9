#include "models/recipe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "models/presets.h"

namespace atelier {
namespace {

CppnRecipe drawn_recipe(std::uint64_t seed) {
  PresetOptions options;
  options.seed = seed;
  return preset_recipe("seed", options);
}

// ---- round trips

double any_double(std::mt19937_64& random) {
  for (;;) {
    double value = 0;
    const std::uint64_t bits = random();
    std::memcpy(&value, &bits, sizeof value);
    if (std::isfinite(value)) return value;
  }
}

float any_float(std::mt19937_64& random) {
  for (;;) {
    float value = 0;
    const auto bits = static_cast<std::uint32_t>(random());
    std::memcpy(&value, &bits, sizeof value);
    if (std::isfinite(value)) return value;
  }
}

template <class Enumeration>
Enumeration any_of(std::mt19937_64& random, int count) {
  return static_cast<Enumeration>(random() % static_cast<unsigned>(count));
}

/// A recipe with every field drawn, extreme numbers included.
CppnRecipe any_recipe(std::mt19937_64& random) {
  CppnRecipe recipe;
  recipe.name = random() % 2 == 0 ? "" : "Näme \"quoted\"\n\t\x01 \xF0\x9F\x8E\xA8";
  recipe.topology.inputs.clear();
  for (std::uint64_t i = random() % 6 + 1; i > 0; --i)
    recipe.topology.inputs.push_back(any_of<CppnInput>(random, 6));
  for (std::uint64_t l = random() % 7; l > 0; --l) {
    CppnTopology::Layer layer{static_cast<int>(random() % 40 + 1),
                              {any_of<Activation>(random, kActivationCount)},
                              random() % 2 == 0};
    if (random() % 2 == 0) layer.activation.slope = any_float(random);
    recipe.topology.layers.insert(recipe.topology.layers.end(), random() % 3 + 1, layer);
  }
  recipe.topology.layers.push_back({random() % 2 == 0 ? 1 : 3, {Activation::sigmoid}, random() % 2 == 0});
  for (int i = 0; i < recipe.topology.latent_size(); ++i) recipe.latent.push_back(any_double(random));
  for (const CppnInput input : recipe.topology.inputs)
    if (input == CppnInput::wave)
      recipe.topology.waves.push_back({std::remainder(any_double(random), 1e15),
                                       std::remainder(any_double(random), 1e15),
                                       std::remainder(any_double(random), 1e15),
                                       random() % 2 == 0 ? 1 : std::remainder(any_double(random), 1e6)});
  if (random() % 2 == 0) {
    RecipeOrigin origin;
    origin.fourier_scale = random() % 2 == 0 ? 4 : std::ldexp(static_cast<double>(random()), -60);
    origin.seed = random();
    if (recipe.topology.waves.size() >= 2) {
      origin.fourier = 1;
      const auto drawn = draw_waves(origin.seed, 1, origin.fourier_scale, false);
      std::copy(drawn.begin(), drawn.end(), recipe.topology.waves.end() - 2);
    }
    origin.initializer.distribution = any_of<Distribution>(random, 3);
    origin.initializer.scale = std::ldexp(static_cast<double>(random()), -60);
    if (random() % 2 == 0)
      for (std::size_t l = 0; l < recipe.topology.layers.size(); ++l)
        origin.initializer.layer_scale.push_back(std::ldexp(static_cast<double>(random()), -63));
    origin.source = any_of<RandomSource>(random, 2);
    recipe.origin = origin;
    recipe.parameters = initialize(recipe.topology, origin.initializer, origin.source, origin.seed);
  } else {
    for (std::int64_t i = recipe.topology.parameter_count(); i > 0; --i)
      recipe.parameters.push_back(any_float(random));
  }
  recipe.coordinates = {any_of<CoordinateConvention>(random, 4), any_double(random), any_double(random),
                        std::abs(any_double(random)) + 1e-300,   any_double(random), any_double(random)};
  const bool grey = recipe.topology.layers.back().width == 1;
  do {
    recipe.color = any_of<CppnColor>(random, 4);
  } while (grey && recipe.color == CppnColor::oklch);
  if (recipe.color == CppnColor::palette)
    for (std::uint64_t i = random() % 5 + 2; i > 0; --i)
      recipe.palette.push_back({static_cast<std::uint8_t>(random()), static_cast<std::uint8_t>(random()),
                                static_cast<std::uint8_t>(random())});
  recipe.sample = any_of<CppnSample>(random, 5);
  recipe.samples = static_cast<int>(random() % kMaxSamples) + 1;
  recipe.dither = (recipe.sample == CppnSample::u8 || recipe.sample == CppnSample::u16) && random() % 2 == 0;
  recipe.precision = any_of<CppnPrecision>(random, 2);
  recipe.width = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(kPictureMaxSide)) + 1;
  recipe.height = random() % 4 == 0 ? kPictureMaxSide : 1;
  return recipe;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

TEST(Recipe, RandomRecipesComeBackExactly) {
  std::mt19937_64 random(20190204);
  for (int i = 0; i < 400; ++i) {
    const CppnRecipe recipe = any_recipe(random);
    for (const int indent : {2, -1}) {
      const std::string text = recipe_to_json(recipe, indent);
      const CppnRecipe back = recipe_from_json(text, "memory");
      ASSERT_EQ(back, recipe) << text.substr(0, 4000);
      ASSERT_TRUE(same_bits(back.parameters, recipe.parameters));
      ASSERT_EQ(recipe_to_json(back, indent), text);
    }
  }
}

TEST(Recipe, NegativeZeroAndDenormalWeightsSurvive) {
  CppnRecipe recipe;
  recipe.topology = seed_topology(1, 0);
  recipe.parameters = {
      -0.0F, std::numeric_limits<float>::denorm_min(), -1e-40F, 3.4e38F, 0.1F, 1.0F / 3, 0, 0, 0};
  EXPECT_TRUE(same_bits(recipe_from_json(recipe_to_json(recipe), "memory").parameters, recipe.parameters));
}

TEST(Recipe, LargeDrawnNetworksAreWrittenAsTheirSeed) {
  PresetOptions options;
  options.seed = 99;
  options.width = 128;
  const CppnRecipe recipe = preset_recipe("seed", options);  // 131 968 parameters
  const std::string text = recipe_to_json(recipe);
  EXPECT_LT(text.size(), 2000U);
  EXPECT_EQ(recipe_from_json(text, "memory"), recipe);

  CppnRecipe imported = recipe;
  imported.origin.reset();
  const std::string whole = recipe_to_json(imported);
  EXPECT_GT(whole.size(), 131968U * 4);
  EXPECT_EQ(recipe_from_json(whole, "memory"), imported);
}

// ---- by hand

TEST(Recipe, WrittenByHandTakesDefaults) {
  const CppnRecipe recipe =
      recipe_from_json(R"({"atelier_recipe": 1, "seed": 7, "width": 300})", "hand.json");
  CppnRecipe expected;
  expected.topology = seed_topology();
  expected.origin = RecipeOrigin{{}, RandomSource::philox, 7};
  expected.parameters = initialize(seed_topology(), {}, RandomSource::philox, 7);
  expected.width = 300;
  EXPECT_EQ(recipe, expected);
}

TEST(Recipe, WrittenByHandDescribesAnyNetwork) {
  const CppnRecipe recipe = recipe_from_json(R"({
      "atelier_recipe": 1, "width": 64, "height": 32,
      "network": {"inputs": ["x", "y", "radius", "latent"],
                  "layers": [{"width": 24, "activation": "sin", "bias": true},
                             {"activation": "leaky_relu", "slope": 0.2, "repeat": 3},
                             {"width": 1, "activation": "sigmoid"}]},
      "latent": [0.25],
      "origin": {"distribution": "uniform", "scale": 3, "source": "torch", "seed": 18446744073709551615},
      "coordinates": {"span": 1e-12, "center": [0.1, -3], "rotation": 0.5},
      "sample": "u16", "precision": "double"})",
                                             "hand.json");
  ASSERT_EQ(recipe.topology.layers.size(), 5U);
  EXPECT_EQ(recipe.topology.layers[0], (CppnTopology::Layer{24, {Activation::sin}, true}));
  EXPECT_EQ(recipe.topology.layers[3], (CppnTopology::Layer{16, {Activation::leaky_relu, 0.2F}, false}));
  EXPECT_EQ(recipe.topology.inputs[3], CppnInput::latent);
  EXPECT_EQ(recipe.origin->seed, 18446744073709551615U);
  EXPECT_EQ(recipe.coordinates.span, 1e-12);
  EXPECT_EQ(recipe.coordinates.center_y, -3);
  EXPECT_EQ(recipe.precision, CppnPrecision::fp64);
  EXPECT_EQ(recipe.parameters.size(), static_cast<std::size_t>(recipe.topology.parameter_count()));
}

// ---- windows

TEST(RecipeWindow, FollowsTheConvention) {
  CppnRecipe recipe = drawn_recipe(1);
  recipe.coordinates = {CoordinateConvention::seed, 0, 0, 1, 0, 1};
  EXPECT_EQ(recipe_window(recipe, 64, 64), CppnWindow::seed(64));
  recipe.coordinates.scale = 0.01;
  EXPECT_EQ(recipe_window(recipe, 64, 64), CppnWindow::seed(64).scaled(0.01));
  recipe.coordinates = {CoordinateConvention::seed_rectangle, 0, 0, 1, 0, 1};
  EXPECT_EQ(recipe_window(recipe, 108, 72), CppnWindow::seed_rectangle(108, 72));
  recipe.coordinates.convention = CoordinateConvention::pixels;
  EXPECT_EQ(recipe_window(recipe, 108, 72), CppnWindow::pixels());
  recipe.coordinates = {CoordinateConvention::centered, 0.5, -0.25, 3, 0.1, 2};
  EXPECT_EQ(recipe_window(recipe, 108, 72), CppnWindow::centered(108, 72, 0.5, -0.25, 3, 0.1).scaled(2));
}

TEST(RecipeWindow, RefusesTheSeedsSquareOnARectangle) {
  CppnRecipe recipe = drawn_recipe(1);
  recipe.coordinates.convention = CoordinateConvention::seed;
  try {
    static_cast<void>(recipe_window(recipe, 64, 65));
    FAIL() << "accepted";
  } catch (const InvalidArgument& error) {
    EXPECT_NE(std::string(error.what()).find("seed_rectangle"), std::string::npos) << error.what();
  }
  EXPECT_THROW(static_cast<void>(recipe_window(recipe, 0, 0)), InvalidArgument);
  EXPECT_THROW(static_cast<void>(recipe_window(recipe, kPictureMaxSide + 1, kPictureMaxSide + 1)),
               InvalidArgument);
}

// ---- what must be refused

struct Hostile {
  const char* name;
  std::string text;
  const char* says;  // part of the message
};

std::string with(const std::string& rest) {
  return R"({"atelier_recipe": 1, )" + rest + "}";
}

std::vector<Hostile> hostile_recipes() {
  const std::string good = recipe_to_json(drawn_recipe(3), -1);
  const auto replaced = [&good](const std::string& from, const std::string& to) {
    std::string text = good;
    const std::size_t place = text.find(from);
    EXPECT_NE(place, std::string::npos) << from;
    return text.replace(place, from.size(), to);
  };
  std::string other_letter = good;
  const std::size_t letter = good.find("\"fp32\":\"") + 20;
  other_letter[letter] = other_letter[letter] == 'A' ? 'B' : 'A';
  return {
      {"empty", "", "not JSON"},
      {"cut_short", good.substr(0, good.size() / 2), "not JSON"},
      {"trailing_text", good + "x", "not JSON"},
      {"no_utf8", with("\"name\": \"\xFF\xFE\""), "not JSON"},
      {"not_an_object", "[1]", "must be an object"},
      {"no_version", "{}", "not a recipe"},
      {"other_version", R"({"atelier_recipe": 2})", "reads version 1"},
      {"version_as_text", R"({"atelier_recipe": "1"})", "reads version 1"},
      {"unknown_key", with(R"("sede": 7)"), "\"sede\""},
      {"unknown_key_inside", with(R"("coordinates": {"zoom": 2})"), "\"zoom\""},
      {"double_key", with(R"("seed": 1, "seed": 2)"), "twice"},
      {"deep", with("\"latent\": " + std::string(100, '[') + std::string(100, ']')), "deeper"},
      {"very_deep", std::string(1000000, '['), "deeper"},
      {"many_values",
       with("\"latent\": [0" +
            [] {
              std::string s;
              for (int i = 0; i < 70000; ++i) s += ",0";
              return s;
            }() +
            "]"),
       "more than"},
      {"too_large", std::string((std::size_t{64} << 20) + 1, ' '), "at most"},
      {"number_overflow", with(R"("coordinates": {"span": 1e999})"), "out of range"},
      {"span_zero", with(R"("coordinates": {"span": 0})"), "span"},
      {"span_negative", with(R"("coordinates": {"span": -1})"), "span"},
      {"center_short", with(R"("coordinates": {"center": [1]})"), "two numbers"},
      {"width_zero", with(R"("width": 0)"), "\"width\" must be"},
      {"width_negative", with(R"("width": -5)"), "\"width\" must be"},
      {"width_fraction", with(R"("width": 10.5)"), "\"width\" must be"},
      {"width_huge", with(R"("width": 18446744073709551615)"), "\"width\" must be"},
      {"width_text", with(R"("width": "10")"), "\"width\" must be"},
      {"seed_negative", with(R"("seed": -1)"), "whole number"},
      {"seed_twofold", with(R"("seed": 1, "origin": {"seed": 1})"), "beside"},
      {"scale_negative", with(R"("origin": {"scale": -1})"), "scale"},
      {"layer_scale_length", with(R"("origin": {"layer_scale": [1, 2]})"), "layer_scale"},
      {"distribution", with(R"("origin": {"distribution": "cauchy"})"), "torch_default, normal, uniform"},
      {"source", with(R"("origin": {"source": "numpy"})"), "philox, torch"},
      {"activation", with(R"("network": {"layers": [{"width": 3, "activation": "tanhh"}]})"), "tanh"},
      {"layer_width_zero", with(R"("network": {"layers": [{"width": 0}]})"), "1 to 1024"},
      {"layer_width_huge", with(R"("network": {"layers": [{"width": 1025}]})"), "1 to 1024"},
      {"too_many_layers", with(R"("network": {"layers": [{"width": 1, "repeat": 256}, {"width": 3}]})"),
       "256 layers"},
      {"no_layers", with(R"("network": {"layers": []})"), "at least one"},
      {"output_of_two", with(R"("network": {"layers": [{"width": 2}]})"), "2"},
      {"too_many_parameters",
       with(R"("network": {"layers": [{"width": 1024, "repeat": 200}, {"width": 3}]})"), "at most 8388608"},
      {"no_inputs", with(R"("network": {"inputs": []})"), "inputs"},
      {"input", with(R"("network": {"inputs": ["x", "z"]})"), "\"z\""},
      {"input_number", with(R"("network": {"inputs": [1]})"), "words"},
      {"latent_missing", with(R"("network": {"inputs": ["latent"]})"), "latent"},
      {"latent_too_many", with(R"("latent": [1])"), "latent"},
      {"slope_overflow", with(R"("network": {"layers": [{"width": 3, "slope": 1e300}]})"), "fp32"},
      {"bias_number", with(R"("network": {"layers": [{"width": 3, "bias": 1}]})"), "true or false"},
      {"color", with(R"("color": "cmyk")"), "rgb, hsv"},
      {"sample", with(R"("sample": "u32")"), "u8_truncate"},
      {"precision", with(R"("precision": "fp16")"), "fp32, double"},
      {"parameters_from_nowhere", with(R"("parameters": {"count": 2144})"), "origin"},
      {"count", replaced("\"count\":2144", "\"count\":2145"), "2144"},
      {"checksum", replaced("fnv1a64:", "fnv1a64:0"), "checksum"},
      {"changed_weight", other_letter, "checksum"},
      {"base64_space", replaced("\"fp32\":\"", "\"fp32\":\" "), "base 64"},
      {"base64_short", with(R"("parameters": {"fp32": "AAAA"})"), "3 bytes"},
      {"nan_weight",
       with(R"("network": {"inputs": ["x"], "layers": [{"width": 1}]}, "parameters": {"fp32": "AADAfw=="})"),
       "NaN"},
      {"seed_of_other_weights", replaced("\"seed\":3}", "\"seed\":4}"), "origin"},
  };
}

TEST(Recipe, HostileTextIsRefusedWithOneLine) {
  for (const Hostile& hostile : hostile_recipes()) {
    try {
      static_cast<void>(recipe_from_json(hostile.text, "evil.json"));
      ADD_FAILURE() << hostile.name << " was accepted";
    } catch (const InvalidArgument& error) {
      const std::string message = error.what();
      EXPECT_TRUE(message.starts_with("evil.json: ")) << hostile.name << ": " << message;
      EXPECT_NE(message.find(hostile.says), std::string::npos) << hostile.name << ": " << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << hostile.name << ": " << message;
      EXPECT_LT(message.size(), 400U) << hostile.name;
    }
  }
}

TEST(Recipe, EveryTruncationIsRefused) {
  PresetOptions options;
  options.width = 2;
  options.layers = 1;
  const std::string text = recipe_to_json(preset_recipe("seed", options), -1);
  for (std::size_t length = 0; length < text.size(); ++length)
    ASSERT_THROW(static_cast<void>(recipe_from_json(text.substr(0, length), "cut")), InvalidArgument)
        << length;
}

TEST(Recipe, WhatCannotBeReadIsNotWritten) {
  const auto refused = [](auto change) {
    CppnRecipe recipe = drawn_recipe(1);
    change(recipe);
    EXPECT_THROW(static_cast<void>(recipe_to_json(recipe)), InvalidArgument);
  };
  refused([](CppnRecipe& r) { r.parameters.pop_back(); });
  refused([](CppnRecipe& r) { r.parameters[5] = std::nanf(""); });
  refused([](CppnRecipe& r) { r.coordinates.center_x = INFINITY; });
  refused([](CppnRecipe& r) { r.coordinates.span = 0; });
  refused([](CppnRecipe& r) { r.latent = {1}; });
  refused([](CppnRecipe& r) { r.width = 0; });
  refused([](CppnRecipe& r) { r.height = kPictureMaxSide + 1; });
  refused([](CppnRecipe& r) { r.name = "\xFF"; });
  refused([](CppnRecipe& r) { r.topology.layers.clear(); });
}

// ---- waves, colours and tiles

std::string complaint(const std::string& text) {
  try {
    (void)recipe_from_json(text, "x.json");
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "";
}
void expect_complaint(const std::string& text, const std::string& part) {
  const std::string found = complaint(text);
  EXPECT_NE(found.find(part), std::string::npos) << "'" << found << "' for " << text;
}

CppnRecipe fourier_recipe() {
  CppnRecipe recipe = drawn_recipe(5);
  recipe.topology.inputs = {CppnInput::x, CppnInput::wave, CppnInput::wave, CppnInput::wave, CppnInput::wave};
  recipe.topology.waves.resize(4);
  recipe.origin->fourier = 2;
  draw(recipe);
  return recipe;
}

TEST(RecipeWaves, AreDrawnFromTheSeedAndVerified) {
  const CppnRecipe recipe = fourier_recipe();
  const std::vector<CppnWave>& waves = recipe.topology.waves;
  EXPECT_EQ(waves[0].x_cycles, waves[1].x_cycles);
  EXPECT_EQ(waves[1].phase, 0.25);
  EXPECT_NE(waves[0].x_cycles, waves[2].x_cycles);
  std::string text = recipe_to_json(recipe);
  EXPECT_EQ(recipe_from_json(text, "memory"), recipe);
  // Another frequency: its seed does not draw it.
  CppnRecipe changed = recipe;
  changed.topology.waves[3].y_cycles += 1;
  expect_complaint(recipe_to_json(changed), "does not draw the waves");
  changed.origin.reset();
  EXPECT_EQ(complaint(recipe_to_json(changed)), "");
  // By hand, waves left out.
  const CppnRecipe drawn = recipe_from_json(
      R"({"atelier_recipe": 1, "network": {"inputs": ["x", "wave", "wave", "wave", "wave"]},
          "origin": {"seed": 5, "fourier": {"count": 2}}})",
      "hand.json");
  EXPECT_EQ(drawn.topology.waves, waves);
}

TEST(RecipeWaves, TheChecksumCoversThem) {
  CppnRecipe recipe = fourier_recipe();
  recipe.origin.reset();
  recipe.topology.waves[2] = {1.5, -2, 0.125, 3};
  std::string text = recipe_to_json(recipe, -1);
  const std::size_t place = text.find("[1.5,-2.0,0.125,3.0]");
  ASSERT_NE(place, std::string::npos) << text.substr(0, 600);
  text.replace(place + 1, 3, "1.6");
  expect_complaint(text, "they were changed");
}

TEST(RecipeWaves, FrequenciesHaveTheDeviationAskedFor) {
  const std::vector<CppnWave> waves = draw_waves(3, 2000, 2.5, false);
  double square = 0;
  double mean = 0;
  for (std::size_t i = 0; i < waves.size(); i += 2) {
    mean += (waves[i].x_cycles + waves[i].y_cycles) / static_cast<double>(waves.size());
    square += (waves[i].x_cycles * waves[i].x_cycles + waves[i].y_cycles * waves[i].y_cycles) /
              static_cast<double>(waves.size());
  }
  // 4,000 numbers: four deviations of the mean and of the mean square.
  EXPECT_NEAR(mean, 0, 4 * 2.5 / std::sqrt(4000.0));
  EXPECT_NEAR(square, 6.25, 4 * 6.25 * std::sqrt(2 / 4000.0));
  for (const CppnWave& wave : draw_waves(3, 200, 0.3, true)) {
    EXPECT_EQ(wave.x_cycles, std::rint(wave.x_cycles));
    EXPECT_EQ(wave.y_cycles, std::rint(wave.y_cycles));
    EXPECT_NE(std::abs(wave.x_cycles) + std::abs(wave.y_cycles), 0);
  }
}

TEST(RecipeTile, XAndYBecomeCircles) {
  CppnTopology topology = seed_topology(4, 1);
  topology.inputs = {CppnInput::y, CppnInput::latent, CppnInput::wave};
  topology.waves = {{1.4, -2.6, 0.1, 2}};
  make_seamless(topology, 0.5);
  using enum CppnInput;
  EXPECT_EQ(topology.inputs, (std::vector<CppnInput>{wave, wave, latent, wave}));
  EXPECT_EQ(topology.waves, (std::vector<CppnWave>{{0, 1, 0.25, 0.5}, {0, 1, 0, 0.5}, {1, -3, 0.1, 2}}));
  topology.inputs = {radius};
  topology.waves.clear();
  EXPECT_THROW(make_seamless(topology, 1), InvalidArgument);
}

TEST(RecipeTile, RefusesWhatDoesNotRepeat) {
  const auto text = [](const std::string& network, const std::string& coordinates) {
    return R"({"atelier_recipe": 1, "network": {)" + network + R"(}, "coordinates": {"convention": "tile")" +
           coordinates + "}}";
  };
  const std::string whole = R"("inputs": ["wave"], "waves": [[1, -2, 0.3]])";
  EXPECT_EQ(complaint(text(whole, "")), "");
  EXPECT_EQ(complaint(text(whole, R"(, "span": 2, "center": [0.5, 0.1])")), "");
  expect_complaint(text(whole, R"(, "rotation": 0.1)"), "neither turned nor scaled");
  expect_complaint(text(whole, R"(, "scale": 2)"), "neither turned nor scaled");
  expect_complaint(text(R"("inputs": ["x"])", ""), "sees x, which does not repeat");
  expect_complaint(text(R"("inputs": ["wave"], "waves": [[1.5, 0, 0]])", ""), "they are whole");
}

TEST(RecipeColour, RefusesContradictions) {
  const auto text = [](const std::string& rest) { return R"({"atelier_recipe": 1, )" + rest + "}"; };
  EXPECT_EQ(complaint(text(R"("color": "palette", "palette": ["#fff", "teal"])")), "");
  expect_complaint(text(R"("color": "palette")"), "a palette of 0 colours");
  expect_complaint(text(R"("color": "palette", "palette": ["red"])"), "a palette of 1 colours");
  expect_complaint(text(R"("palette": ["red", "blue"])"), "a palette, but color rgb");
  expect_complaint(text(R"("color": "palette", "palette": ["red", "bleu"])"), "\"bleu\" is no colour");
  expect_complaint(text(R"("color": "palette", "palette": ["red", 7])"), "colours as text");
  expect_complaint(text(R"("samples": 0)"), "1 to 16");
  expect_complaint(text(R"("samples": 17)"), "1 to 16");
  expect_complaint(text(R"("dither": true, "sample": "f32")"), "dither is for samples of u8 and u16");
  expect_complaint(text(R"("dither": true, "sample": "u8_truncate")"), "dither is for");
  expect_complaint(text(R"("color": "oklch", "network": {"layers": [{"width": 1}]})"), "three outputs");
  expect_complaint(text(R"("network": {"inputs": ["wave"]})"), "0 waves for 1 inputs");
  expect_complaint(text(R"("network": {"waves": [[1, 2, 3]]})"), "1 waves for 0 inputs");
  expect_complaint(text(R"("network": {"inputs": ["wave"], "waves": [[1, 2]]})"),
                   "[x cycles, y cycles, phase]");
  expect_complaint(text(R"("network": {"inputs": ["wave"], "waves": [[1, 2, 1e16]]})"), "they end at 1e+15");
  expect_complaint(text(R"("origin": {"fourier": {"count": 3}})"), "6 waves for 0 inputs");
  expect_complaint(text(R"("origin": {"fourier": {"count": 1, "scale": -1}})"), "0 to 1e+09");
}

}  // namespace
}  // namespace atelier
