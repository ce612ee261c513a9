// A film as a text: what is written is read again to the bit, and nothing else is read.
#include "models/film.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "models/presets.h"
#include "runtime/error.h"

namespace atelier {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

CppnRecipe recipe_of(std::uint64_t seed, int latent = 0) {
  CppnRecipe recipe = preset_recipe("seed", {RandomSource::philox, seed, 5, 3});
  recipe.coordinates = {};
  recipe.sample = CppnSample::u8;
  for (int i = 0; i < latent; ++i) {
    recipe.topology.inputs.push_back(CppnInput::latent);
    recipe.latent.push_back(0.1 + 1.0 / 3 * i);
  }
  recipe.parameters =
      initialize(recipe.topology, recipe.origin->initializer, recipe.origin->source, recipe.origin->seed);
  recipe.width = 48;
  recipe.height = 32;
  return recipe;
}

std::vector<Film> films() {
  Film circle{{.recipes = {recipe_of(1, 2)}, .loop = MotionLoop::circle, .radius = 0.3, .seed = 77}, 12.5};
  circle.motion.way = MotionWay::loop;
  Film spline{{.recipes = {recipe_of(2)}, .loop = MotionLoop::spline, .part = VariedPart::weights}, 29.97};
  spline.motion.points = 6;
  spline.motion.frames = 31;
  Film morph{{.recipes = {recipe_of(3), recipe_of(4), recipe_of(5)}, .easing = Easing::in_out}, 50};
  morph.motion.way = MotionWay::loop;
  Film camera{{.recipes = {recipe_of(6)}, .zoom = 1e12, .pan_x = 0.1, .pan_y = -1.0 / 3, .turn = 725}, 1000};
  camera.motion.way = MotionWay::back;
  camera.motion.easing = Easing::out;
  camera.motion.frames = 2;
  return {circle, spline, morph, camera};
}

TEST(Film, IsReadAsItWasWritten) {
  for (const Film& film : films()) {
    const std::string text = film_to_json(film);
    EXPECT_TRUE(is_film_json(text));
    EXPECT_EQ(text.find_first_of("\n\r"), std::string::npos);
    const Film read = film_from_json(text, "film.json");
    EXPECT_EQ(film_to_json(read), text);
    EXPECT_EQ(read.frames_per_second, film.frames_per_second);
    const Motion before(film.motion);
    const Motion after(read.motion);
    ASSERT_EQ(after.frames(), before.frames());
    EXPECT_EQ(after.seamless(), before.seamless());
    for (std::int64_t i = 0; i < before.frames(); ++i)
      ASSERT_EQ(recipe_to_json(after.frame(i)), recipe_to_json(before.frame(i))) << i;
  }
}

TEST(Film, RecipesAloneAreAFilm) {
  const Film film =
      film_from_json(R"({"atelier_film": 1, "recipes": [{"atelier_recipe": 1, "seed": 7}]})", "a");
  EXPECT_EQ(film.motion.frames, MotionOptions{}.frames);
  EXPECT_EQ(film.frames_per_second, 25);
  EXPECT_EQ(film.motion.recipes.front().origin->seed, 7U);
}

TEST(Film, IsToldFromOtherTexts) {
  EXPECT_TRUE(is_film_json(" \n{\"frames\": 3, \"atelier_film\" : 1}"));
  EXPECT_FALSE(is_film_json(recipe_to_json(recipe_of(1))));
  EXPECT_FALSE(is_film_json(R"({"atelier_recipe": 1, "name": "atelier_film"})"));
  EXPECT_FALSE(is_film_json(R"(["atelier_film": 1])"));
  EXPECT_FALSE(is_film_json(""));
  EXPECT_FALSE(is_film_json("\"atelier_film\""));
}

TEST(Film, RefusesWhatIsNone) {
  const auto refused = [](const std::string& text, const std::string& complaint) {
    try {
      static_cast<void>(film_from_json(text, "x.json"));
      ADD_FAILURE() << text << " was read";
    } catch (const InvalidArgument& error) {
      EXPECT_THAT(error.what(), StartsWith("x.json"));
      EXPECT_THAT(error.what(), HasSubstr(complaint));
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    }
  };
  const auto film = [](const std::string& rest) {
    return R"({"atelier_film": 1, "recipes": [{"atelier_recipe": 1, "seed": 7}])" + rest + "}";
  };
  refused("", "JSON");
  refused("[]", "object");
  refused("{}", "atelier_film");
  refused(R"({"atelier_film": 2, "recipes": []})", "version 1");
  refused(R"({"atelier_film": 1})", "recipes");
  refused(R"({"atelier_film": 1, "recipes": []})", "recipes");
  refused(R"({"atelier_film": 1, "recipes": [3]})", "recipes\"[0]");
  refused(R"({"atelier_film": 1, "recipes": [{"atelier_recipe": 1, "seed": -1}]})", "seed");
  refused(film(R"(, "frames": 0)"), "frames");
  refused(film(R"(, "frames": 100001)"), "frames");
  refused(film(R"(, "frames_per_second": 0)"), "frames_per_second");
  refused(film(R"(, "frames_per_second": 1001)"), "frames_per_second");
  refused(film(R"(, "speed": 1)"), "no key");
  refused(film(R"(, "motion": {"way": "up"})"), "way");
  refused(film(R"(, "motion": {"loop": "circle"})"), "no latent vector");
  refused(film(R"(, "motion": {"pan": [1]})"), "pan");
  refused(film(R"(, "motion": {"pan": [1, 2, 3]})"), "pan");
  refused(film(R"(, "motion": {"points": 1})"), "points");
  refused(film(R"(, "motion": {"jump": 1})"), "no key");
  // The default network stands on the notebook's coordinates only where a preset says so: this one can zoom.
  refused(film(R"(, "motion": {"zoom": 2, "way": "loop"})"), "come round");
  refused(film(R"(, "motion": {"zoom": 0})"), "zoom");
  refused(R"({"atelier_film": 1, "recipes": [{"atelier_recipe": 1, "seed": 7},
          {"atelier_recipe": 1, "seed": 7, "network": {"layers": [{"width": 3}]}}]})",
          "one shape");
}

TEST(Film, AnyBytesAreReadOrRefused) {
  std::mt19937 random(3);
  int read = 0;
  for (const Film& film : films()) {
    const std::string whole = film_to_json(film);
    for (int round = 0; round < 500; ++round) {
      std::string text = whole;
      for (int i = 0; i < 1 + round % 3; ++i) {
        const std::size_t place = random() % text.size();
        if (round % 5 == 0)
          text.erase(place, random() % 40);
        else
          text[place] = static_cast<char>(random() % 256);
        if (text.empty()) break;
      }
      try {
        static_cast<void>(film_from_json(text, "x"));
        ++read;
      } catch (const InvalidArgument&) {
      }
    }
  }
  EXPECT_LT(read, 1000);
}

}  // namespace
}  // namespace atelier
