// From options to recipes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numbers>

#include "models/presets.h"
#include "tests/tools/png_pieces.h"
#include "tests/tools/process.h"
#include "tools/option_text.h"
#include "tools/picture_options.h"
#include "tools/progress.h"
#include "tools/suggestion.h"
#include "tools/usage_error.h"

namespace atelier::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string usage_message(const std::function<void()>& call) {
  try {
    call();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no UsageError was thrown";
}

std::vector<int> widths(const CppnRecipe& recipe) {
  std::vector<int> result;
  for (const auto& layer : recipe.topology.layers) result.push_back(layer.width);
  return result;
}

TEST(Suggestion, MeasuresEdits) {
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("redner", "render"), 1U);  // neighbours swapped
  EXPECT_EQ(edit_distance("render", "render"), 0U);
}

TEST(Suggestion, FindsTheNameThatWasMeant) {
  const std::vector<std::string> names{"render", "sheet", "experiments", "devices", "import", "info"};
  EXPECT_EQ(closest_name("rendr", names), "render");
  EXPECT_EQ(closest_name("exp", names), "experiments");
  EXPECT_EQ(closest_name("shet", names), "sheet");
  EXPECT_EQ(closest_name("xyzzy", names), "");
  EXPECT_EQ(did_you_mean("inof", names), "; did you mean info?");
  EXPECT_EQ(did_you_mean(std::string(100000, 'r'), names), "");
}

TEST(OptionText, ReadsSizes) {
  EXPECT_EQ(parse_size("512"), std::pair(std::int64_t{512}, std::int64_t{512}));
  EXPECT_EQ(parse_size("1920x1080"), std::pair(std::int64_t{1920}, std::int64_t{1080}));
  EXPECT_EQ(parse_size("7X9"), std::pair(std::int64_t{7}, std::int64_t{9}));
  for (const char* wrong : {"", "0", "0x5", "5x0", "-1", "5x", "x5", "5x5x5", "abc", "1e3", "99999999999",
                            "4 x4", "99999999999999999999999"})
    EXPECT_THAT(usage_message([&] { (void)parse_size(wrong); }), HasSubstr("--size")) << wrong;
}

TEST(OptionText, ReadsSeeds) {
  EXPECT_THAT(parse_seeds("3"), ElementsAre(3U));
  EXPECT_THAT(parse_seeds("0..3"), ElementsAre(0U, 1U, 2U, 3U));
  EXPECT_THAT(parse_seeds("5,1..2, 9"), ElementsAre(5U, 1U, 2U, 9U));
  EXPECT_THAT(parse_seeds("0..65535"), SizeIs(65536));
  EXPECT_THAT(parse_seeds("18446744073709551615"), ElementsAre(UINT64_MAX));
  for (const char* wrong : {"", "a", "1,", "3..1", "1..", "..4", "0..65536", "0..18446744073709551615", "-1",
                            "18446744073709551616"})
    EXPECT_THAT(usage_message([&] { (void)parse_seeds(wrong); }), HasSubstr("--seeds")) << wrong;
}

TEST(OptionText, ReadsActivationsAndInputs) {
  EXPECT_EQ(parse_activation("-a", "sin"), ActivationFunction{Activation::sin});
  EXPECT_EQ(parse_activation("-a", "leaky_relu:0.2"), (ActivationFunction{Activation::leaky_relu, 0.2F}));
  EXPECT_THAT(usage_message([] { (void)parse_activation("-a", "tahn"); }), HasSubstr("did you mean tanh?"));
  EXPECT_THAT(usage_message([] { (void)parse_activation("-a", "tanh:2"); }), HasSubstr("no slope"));
  EXPECT_THAT(parse_inputs("-i", "x,y,r,1,z,z"),
              ElementsAre(CppnInput::x, CppnInput::y, CppnInput::radius, CppnInput::one, CppnInput::latent,
                          CppnInput::latent));
  EXPECT_THAT(usage_message([] { (void)parse_inputs("-i", "x,w"); }), HasSubstr("not one of x, y, r, 1, z"));
  EXPECT_THAT(usage_message([] { (void)parse_numbers("-n", "1,inf"); }), HasSubstr("a number is needed"));
  EXPECT_THAT(usage_message([] { (void)parse_numbers("-n", "1e999"); }), HasSubstr("a number is needed"));
}

TEST(PlanPicture, WithoutOptionsIsTheSeedsNetworkCentred) {
  const PlannedPicture planned = plan_picture({});
  const CppnRecipe& recipe = planned.recipe;
  EXPECT_TRUE(planned.seed_was_drawn);
  EXPECT_EQ(recipe.topology.multiply_adds(), 2128);
  EXPECT_EQ(recipe.topology.parameter_count(), 2144);
  EXPECT_EQ(recipe.coordinates, RecipeCoordinates{});
  EXPECT_EQ(recipe.coordinates.convention, CoordinateConvention::centered);
  EXPECT_EQ(recipe.sample, CppnSample::u8);
  EXPECT_EQ(recipe.width, 1024);
  ASSERT_TRUE(recipe.origin.has_value());
  EXPECT_EQ(recipe.origin->initializer.distribution, Distribution::normal);
  EXPECT_EQ(recipe.origin->source, RandomSource::philox);
}

TEST(PlanPicture, PresetSeedIsTheNotebook) {
  PictureOptions options;
  options.preset = "seed";
  options.torch_seed = 4;
  options.width = 5;
  options.layers = 3;
  options.size = "33";
  const PlannedPicture planned = plan_picture(options);
  EXPECT_FALSE(planned.seed_was_drawn);
  EXPECT_THAT(widths(planned.recipe), ElementsAre(5, 5, 5, 3));
  EXPECT_EQ(planned.recipe.coordinates.convention, CoordinateConvention::seed);
  EXPECT_EQ(planned.recipe.sample, CppnSample::u8_truncate);
  EXPECT_EQ(planned.recipe.origin->source, RandomSource::torch);
  EXPECT_EQ(planned.recipe.origin->seed, 4U);
  PresetOptions direct{RandomSource::torch, 4, 5, 3};
  EXPECT_EQ(planned.recipe.parameters, preset_recipe("seed", direct).parameters);
}

TEST(PlanPicture, SeedOnARectangleNamesTheWayOut) {
  PictureOptions options;
  options.preset = "seed";
  options.size = "64x32";
  EXPECT_THAT(usage_message([&] { (void)plan_picture(options); }), HasSubstr("seed-rect"));
  options.coordinates = "seed-rect";
  EXPECT_EQ(plan_picture(options).recipe.coordinates.convention, CoordinateConvention::seed_rectangle);
}

TEST(PlanPicture, BuildsTheNetworkAsked) {
  PictureOptions options;
  options.seed = 7;
  options.widths = "32,16,8";
  options.inputs = "x,y,r,1,z";
  options.activation = "sin,gaussian,tanh";
  options.output_activation = "abs";
  options.bias = "all";
  options.init = "uniform";
  options.scale = 3;
  options.layer_scale = "1,2,3,4";
  options.latent = "0.5";
  options.color = "grey";
  options.depth = "16";
  options.precision = "double";
  const CppnRecipe recipe = plan_picture(options).recipe;
  EXPECT_THAT(widths(recipe), ElementsAre(32, 16, 8, 1));
  EXPECT_EQ(recipe.topology.inputs.size(), 5U);
  EXPECT_EQ(recipe.topology.layers[1].activation.kind, Activation::gaussian);
  EXPECT_EQ(recipe.topology.layers[3].activation.kind, Activation::abs);
  for (const auto& layer : recipe.topology.layers) EXPECT_TRUE(layer.bias);
  EXPECT_EQ(recipe.parameters,
            initialize(recipe.topology, {Distribution::uniform, 3, {1, 2, 3, 4}}, RandomSource::philox, 7));
  EXPECT_THAT(recipe.latent, ElementsAre(0.5));
  EXPECT_EQ(recipe.sample, CppnSample::u16);
  EXPECT_EQ(recipe.precision, CppnPrecision::fp64);
}

TEST(PlanPicture, LinearHasNoHiddenLayer) {
  PictureOptions options;
  options.linear = true;
  EXPECT_THAT(widths(plan_picture(options).recipe), ElementsAre(3));
  EXPECT_TRUE(plan_picture(options).recipe.topology.layers[0].bias);
}

TEST(PlanPicture, ActivationsKeepTheWeights) {
  PictureOptions plain;
  plain.seed = 5;
  PictureOptions other = plain;
  other.activation = "sin";
  EXPECT_EQ(plan_picture(plain).recipe.parameters, plan_picture(other).recipe.parameters);
}

TEST(PlanPicture, SetsTheWindow) {
  PictureOptions options;
  options.center = "0.25,-1e-3";
  options.span = 1e-6;
  options.rotate = 90;
  options.coordinate_scale = 0.01;
  const RecipeCoordinates coordinates = plan_picture(options).recipe.coordinates;
  EXPECT_EQ(coordinates.center_x, 0.25);
  EXPECT_EQ(coordinates.center_y, -1e-3);
  EXPECT_EQ(coordinates.span, 1e-6);
  EXPECT_DOUBLE_EQ(coordinates.rotation, std::numbers::pi / 2);
  EXPECT_EQ(coordinates.scale, 0.01);
}

TEST(PlanPicture, FileOptionsOverride) {
  const testing::TemporaryFolder folder;
  PictureOptions options;
  options.seed = 9;
  options.size = "40x30";
  const CppnRecipe first = plan_picture(options).recipe;
  testing::write_file(folder / "a.json", recipe_to_json(first));
  PictureOptions again;
  again.source = folder / "a.json";
  EXPECT_EQ(plan_picture(again).recipe, first);
  again.layers = 4;
  again.depth = "16";
  const CppnRecipe changed = plan_picture(again).recipe;
  EXPECT_THAT(widths(changed), ElementsAre(16, 16, 16, 16, 3));
  EXPECT_EQ(changed.origin->seed, 9U);
  EXPECT_EQ(changed.parameters.size(), 2U * 16 + 16 + 3 * 256 + 48);
  EXPECT_EQ(changed.width, 40);
}

TEST(PlanPicture, ImportedWeightsCannotBeDrawnAgain) {
  const testing::TemporaryFolder folder;
  CppnRecipe recipe = plan_picture({}).recipe;
  recipe.origin.reset();
  testing::write_file(folder / "a.json", recipe_to_json(recipe));
  const auto message = [&](const std::function<void(PictureOptions&)>& change) {
    PictureOptions options;
    options.source = folder / "a.json";
    change(options);
    return usage_message([&] { (void)plan_picture(options); });
  };
  EXPECT_THAT(message([](PictureOptions& o) { o.seed = 1; }), HasSubstr("imported"));
  EXPECT_THAT(message([](PictureOptions& o) { o.width = 8; }), HasSubstr("imported"));
  EXPECT_THAT(message([](PictureOptions& o) { o.color = "grey"; }), HasSubstr("imported"));
  EXPECT_THAT(message([](PictureOptions& o) { o.inputs = "x,y,r"; }), HasSubstr("imported"));
  EXPECT_EQ(message([](PictureOptions& o) { o.activation = "sin"; }), "no UsageError was thrown");
  EXPECT_EQ(message([](PictureOptions& o) { o.color = "hsv"; }), "no UsageError was thrown");
}

/// Through a call that the compiler does not look into: g++ 12 otherwise takes optional texts for
/// uninitialised.
void change(PictureOptions& options, const std::function<void(PictureOptions&)>& edit) {
  edit(options);
}
PictureOptions chosen(const std::function<void(PictureOptions&)>& edit) {
  PictureOptions options;
  edit(options);
  return options;
}

TEST(PlanPicture, FourierFrequenciesComeLastAndFollowTheSeed) {
  PictureOptions options = chosen([](PictureOptions& o) {
    o.seed = 3;
    o.inputs = "x,y,r";
    o.fourier = "4,2.5";
  });
  CppnRecipe recipe = plan_picture(options).recipe;
  EXPECT_EQ(recipe.topology.inputs.size(), 3U + 8);
  EXPECT_EQ(recipe.topology.waves, draw_waves(3, 4, 2.5, false));
  EXPECT_EQ(recipe.parameters, initialize(recipe.topology, {}, RandomSource::philox, 3));
  EXPECT_THAT(topology_text(recipe.topology), HasSubstr("x, y, r, 8 waves ->"));
  redraw(recipe, RandomSource::philox, 8);
  EXPECT_EQ(recipe.topology.waves, draw_waves(8, 4, 2.5, false));
  EXPECT_EQ(recipe.parameters, initialize(recipe.topology, {}, RandomSource::philox, 8));
}

TEST(PlanPicture, FourierFrequenciesOfARecipeAreReplaced) {
  const testing::TemporaryFolder folder;
  PictureOptions options = chosen([](PictureOptions& o) {
    o.seed = 3;
    o.fourier = "4";
  });
  testing::write_file(folder / "a.json", recipe_to_json(plan_picture(options).recipe));
  PictureOptions again = chosen([&](PictureOptions& o) { o.source = folder / "a.json"; });
  EXPECT_EQ(plan_picture(again).recipe, plan_picture(options).recipe);
  change(again, [](PictureOptions& o) { o.fourier = "2,1"; });
  EXPECT_EQ(plan_picture(again).recipe.topology.waves, draw_waves(3, 2, 1, false));
  change(again, [](PictureOptions& o) { o.fourier = "0"; });
  PictureOptions plain = chosen([](PictureOptions& o) { o.seed = 3; });
  EXPECT_EQ(plan_picture(again).recipe.topology, plan_picture(plain).recipe.topology);
  EXPECT_EQ(plan_picture(again).recipe.parameters, plan_picture(plain).recipe.parameters);
  change(again, [](PictureOptions& o) { o.fourier.reset(); });
  change(again, [](PictureOptions& o) { o.inputs = "r"; });  // the frequencies stay
  EXPECT_EQ(plan_picture(again).recipe.topology.inputs.size(), 1U + 8);
  EXPECT_EQ(plan_picture(again).recipe.topology.waves, draw_waves(3, 4, 4, false));
}

TEST(PlanPicture, TilesSeeWholeWavesAlone) {
  PictureOptions options = chosen([](PictureOptions& o) {
    o.seed = 3;
    o.tile = true;
    o.fourier = "5,1.5";
    o.inputs = "x,y,z";
    o.size = "30x20";
    o.coordinate_scale = 2;
  });
  const CppnRecipe recipe = plan_picture(options).recipe;
  EXPECT_EQ(recipe.coordinates.convention, CoordinateConvention::tile);
  EXPECT_EQ(recipe.coordinates.scale, 1);
  EXPECT_EQ(recipe.topology.inputs.size(), 5U + 10);
  EXPECT_EQ(recipe.topology.inputs[4], CppnInput::latent);
  EXPECT_DOUBLE_EQ(recipe.topology.waves[0].amplitude, 1 / std::numbers::pi);
  for (const CppnWave& wave : recipe.topology.waves) {
    EXPECT_EQ(wave.x_cycles, std::rint(wave.x_cycles));
    EXPECT_EQ(wave.y_cycles, std::rint(wave.y_cycles));
  }
  EXPECT_NO_THROW(validate(recipe));
  // From a preset with the notebook's coordinates, and again from the recipe, options on top.
  const testing::TemporaryFolder folder;
  PictureOptions preset = chosen([](PictureOptions& o) {
    o.preset = "seed";
    o.seed = 4;
    o.tile = true;
    o.size = "64x32";
  });
  const CppnRecipe first = plan_picture(preset).recipe;
  EXPECT_NO_THROW(validate(first));
  testing::write_file(folder / "a.json", recipe_to_json(first));
  PictureOptions again = chosen([&](PictureOptions& o) {
    o.source = folder / "a.json";
    o.span = 2;
    o.center = "0.5,0.25";
  });
  CppnRecipe second = plan_picture(again).recipe;
  EXPECT_EQ(second.coordinates.span, 2);
  second.coordinates = first.coordinates;
  EXPECT_EQ(second, first);
}

TEST(PlanPicture, ColoursSamplesAndDither) {
  const testing::TemporaryFolder folder;
  PictureOptions options = chosen([](PictureOptions& o) {
    o.seed = 3;
    o.palette = "#0b132b,Teal,#fd6";
    o.samples = 4;
    o.dither = true;
    o.preset = "seed";
  });
  const CppnRecipe recipe = plan_picture(options).recipe;
  EXPECT_EQ(recipe.color, CppnColor::palette);
  EXPECT_THAT(recipe.palette,
              ElementsAre(PaletteColor{11, 19, 43}, PaletteColor{0, 128, 128}, PaletteColor{255, 221, 102}));
  EXPECT_EQ(recipe.samples, 4);
  EXPECT_TRUE(recipe.dither);
  EXPECT_EQ(recipe.sample, CppnSample::u8);
  EXPECT_NO_THROW(validate(recipe));
  testing::write_file(folder / "a.json", recipe_to_json(recipe));
  PictureOptions again = chosen([&](PictureOptions& o) {
    o.source = folder / "a.json";
    o.color = "oklch";
    o.dither = false;
  });
  const CppnRecipe second = plan_picture(again).recipe;
  EXPECT_EQ(second.color, CppnColor::oklch);
  EXPECT_TRUE(second.palette.empty());
  EXPECT_FALSE(second.dither);
  EXPECT_EQ(second.parameters, recipe.parameters);
}

TEST(PaletteOption, TakesTheColoursOfAPicture) {
  const testing::TemporaryFolder folder;
  // 4 x 2 pixels in three colours.
  const std::string red("\xC8\x14\x1E", 3);
  const std::string navy(std::string("\0\0\x80", 3));
  const std::string sand("\xF0\xE6\xC8", 3);
  const std::string none(1, '\0');
  const std::string header =
      testing::big_endian_word(4) + testing::big_endian_word(2) + std::string("\x08\x02\0\0\0", 5);
  const std::string path = folder / "photo.png";
  testing::write_file(
      path, testing::png_signature() + testing::png_chunk("IHDR", header) +
                testing::png_chunk("IDAT", testing::deflated(none + red + red + navy + sand + none + sand +
                                                             navy + red + red)) +
                testing::png_chunk("IEND", ""));
  EXPECT_THAT(
      parse_palette(path + ":3"),
      ElementsAre(PaletteColor{0, 0, 0x80}, PaletteColor{0xC8, 0x14, 0x1E}, PaletteColor{0xF0, 0xE6, 0xC8}));
  EXPECT_THAT(usage_message([&] { (void)parse_palette(path); }),
              HasSubstr("3 different colours, 5 are asked"));
  EXPECT_THAT(usage_message([&] { (void)parse_palette(path + ":1"); }), HasSubstr("2 to 256"));
  EXPECT_THAT(usage_message([&] { (void)parse_palette(path + ":x"); }), HasSubstr("2 to 256"));
  testing::write_file(path, "no picture");
  EXPECT_THAT(usage_message([&] { (void)parse_palette(path); }), HasSubstr("not a PNG"));
  EXPECT_THAT(usage_message([] { (void)parse_palette("nowhere.png"); }), HasSubstr("no picture"));
}

TEST(PlanPicture, RefusesContradictionsOfColoursAndWaves) {
  const auto message = [](const std::function<void(PictureOptions&)>& change) {
    PictureOptions options;
    change(options);
    return usage_message([&] { (void)plan_picture(options); });
  };
  EXPECT_THAT(message([](PictureOptions& o) { o.palette = "tael,red"; }), HasSubstr("did you mean teal?"));
  EXPECT_THAT(message([](PictureOptions& o) { o.palette = "red"; }), HasSubstr("1 colour;"));
  EXPECT_THAT(message([](PictureOptions& o) { o.palette = "red,blue", o.color = "hsv"; }),
              HasSubstr("exclude each other"));
  EXPECT_THAT(message([](PictureOptions& o) { o.color = "palette"; }), HasSubstr("--palette says which"));
  EXPECT_EQ(message([](PictureOptions& o) { o.palette = "red,blue", o.color = "palette"; }),
            "no UsageError was thrown");
  EXPECT_THAT(message([](PictureOptions& o) { o.samples = 17; }), HasSubstr("1 to 16"));
  EXPECT_THAT(message([](PictureOptions& o) { o.dither = true, o.depth = "float"; }), HasSubstr("no dither"));
  EXPECT_THAT(message([](PictureOptions& o) { o.dither = o.truncate = true; }),
              HasSubstr("exclude each other"));
  EXPECT_THAT(message([](PictureOptions& o) { o.fourier = "129"; }), HasSubstr("0 to 128"));
  EXPECT_THAT(message([](PictureOptions& o) { o.fourier = "128"; }), HasSubstr("at most 256 in all"));
  EXPECT_THAT(message([](PictureOptions& o) { o.fourier = "1,2,3"; }), HasSubstr("N or N,SIGMA"));
  EXPECT_THAT(message([](PictureOptions& o) { o.fourier = "1,-2"; }), HasSubstr("SIGMA is"));
  EXPECT_THAT(message([](PictureOptions& o) { o.tile = true, o.inputs = "x,r"; }),
              HasSubstr("the radius does not repeat"));
  EXPECT_THAT(message([](PictureOptions& o) { o.tile = true, o.rotate = 1; }),
              HasSubstr("exclude each other"));
  EXPECT_THAT(message([](PictureOptions& o) { o.tile = true, o.coordinates = "seed"; }),
              HasSubstr("exclude each other"));
  EXPECT_THAT(message([](PictureOptions& o) { o.coordinates = "tile"; }), HasSubstr("--tile makes one"));
  EXPECT_THAT(message([](PictureOptions& o) { o.tile = true, o.coordinate_scale = 1e300; }),
              HasSubstr("at most 1e+06"));
}

TEST(PlanPicture, RefusesWhatDoesNotFit) {
  const auto message = [](const std::function<void(PictureOptions&)>& change) {
    PictureOptions options;
    change(options);
    return usage_message([&] { (void)plan_picture(options); });
  };
  EXPECT_THAT(message([](PictureOptions& o) { o.preset = "mondriann"; }),
              HasSubstr("did you mean mondrian?"));
  EXPECT_THAT(message([](PictureOptions& o) { o.seed = o.torch_seed = 1; }), HasSubstr("exclude each other"));
  EXPECT_THAT(message([](PictureOptions& o) { o.width = 0; }), HasSubstr("width 0"));
  EXPECT_THAT(message([](PictureOptions& o) { o.width = 5000; }), HasSubstr("5000"));
  EXPECT_THAT(message([](PictureOptions& o) { o.layers = 0; }), HasSubstr("layers"));
  EXPECT_THAT(message([](PictureOptions& o) { o.layers = 100000; }), HasSubstr("100000"));
  EXPECT_THAT(message([](PictureOptions& o) { o.widths = "16,0"; }), HasSubstr("--widths"));
  EXPECT_THAT(message([](PictureOptions& o) { o.widths = "16,,4"; }), HasSubstr("--widths"));
  EXPECT_THAT(message([](PictureOptions& o) { o.widths = "16", o.layers = 3; }),
              HasSubstr("exclude each other"));
  EXPECT_THAT(message([](PictureOptions& o) { o.activation = "sin,cos"; }), HasSubstr("9 hidden layers"));
  EXPECT_THAT(message([](PictureOptions& o) { o.bias = "some"; }), HasSubstr("none, first, all"));
  EXPECT_THAT(message([](PictureOptions& o) { o.latent = "1"; }), HasSubstr("0 inputs z"));
  EXPECT_THAT(message([](PictureOptions& o) { o.scale = -1; }), HasSubstr("scale"));
  EXPECT_THAT(message([](PictureOptions& o) { o.layer_scale = "1,2"; }), HasSubstr("layer"));
  EXPECT_THAT(message([](PictureOptions& o) { o.span = 0; }), HasSubstr("--span"));
  EXPECT_THAT(message([](PictureOptions& o) { o.center = "1"; }), HasSubstr("--center"));
  EXPECT_THAT(message([](PictureOptions& o) { o.preset = "seed", o.span = 2; }),
              HasSubstr("--coordinates centered"));
  EXPECT_THAT(message([](PictureOptions& o) { o.depth = "12"; }), HasSubstr("8, 16, float"));
  EXPECT_THAT(message([](PictureOptions& o) { o.depth = "16", o.truncate = true; }), HasSubstr("8-bit"));
  EXPECT_THAT(message([](PictureOptions& o) { o.source = "a.json", o.preset = "seed"; }),
              HasSubstr("exclude each other"));
}

TEST(TypedOptions, CanBeTypedAgain) {
  PictureOptions options;
  options.source = "it's here.json";
  options.width = 8;
  options.center = "0,1";
  options.truncate = false;
  EXPECT_EQ(typed_options(options), "'it'\\''s here.json' --width 8 --center 0,1 --round");
  EXPECT_EQ(typed_options({}), "");
  const PictureOptions colours = chosen([](PictureOptions& o) {
    o.fourier = "4,2";
    o.tile = true;
    o.palette = "#123,it's.png:4";
    o.samples = 3;
    o.dither = true;
  });
  EXPECT_EQ(typed_options(colours),
            "--fourier 4,2 --tile --palette '#123,it'\\''s.png:4' --samples 3 --dither");
}

TEST(ProgressText, ReadsWell) {
  EXPECT_EQ(duration_text(12.4), "12 s");
  EXPECT_EQ(duration_text(185), "3:05");
  EXPECT_EQ(duration_text(3723), "1:02:03");
  EXPECT_EQ(size_text(999), "999 bytes");
  EXPECT_EQ(size_text(1900), "1.9 kB");
  EXPECT_EQ(size_text(312400000), "312 MB");
  EXPECT_EQ(size_text(999999999999), "1.0 TB");
}

}  // namespace
}  // namespace atelier::tools
