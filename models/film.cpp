#include "models/film.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "models/json_object.h"

namespace atelier {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;
using Reader = detail::JsonObject;

constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kMostRecipes = 1024;

OrderedJson motion_to_json(const MotionOptions& motion) {
  OrderedJson json = {{"way", name_of(motion.way)}, {"ease", name_of(motion.easing)}};
  if (motion.loop != MotionLoop::none) {
    json["loop"] = name_of(motion.loop);
    json["move"] = name_of(motion.part);
    json["radius"] = motion.radius;
    if (motion.loop == MotionLoop::spline) json["points"] = motion.points;
    json["path_seed"] = motion.seed;
  }
  if (motion.zoom != 1) json["zoom"] = motion.zoom;
  if (motion.pan_x != 0 || motion.pan_y != 0) json["pan"] = {motion.pan_x, motion.pan_y};
  if (motion.turn != 0) json["turn"] = motion.turn;
  return json;
}

void read_motion(const Json& json, const std::string& path, MotionOptions& motion) {
  Reader reader(json, path);
  motion.way = reader.word("way", motion.way, 3);
  motion.easing = reader.word("ease", motion.easing, 4);
  motion.loop = reader.word("loop", motion.loop, 3);
  motion.part = reader.word("move", motion.part, 2);
  motion.radius = reader.number("radius", motion.radius);
  motion.points = static_cast<int>(reader.between("points", motion.points, 2, kMotionMaxPoints));
  motion.seed = reader.natural("path_seed", motion.seed);
  motion.zoom = reader.number("zoom", motion.zoom);
  const std::vector<double> pan = reader.numbers("pan", 2);
  if (pan.size() == 1) reader.fail_at("pan", "must be a list of two numbers");
  if (pan.size() == 2) std::tie(motion.pan_x, motion.pan_y) = std::pair{pan[0], pan[1]};
  motion.turn = reader.number("turn", motion.turn);
  reader.finish();
}

void read_recipes(Reader& reader, const std::string& source, MotionOptions& motion) {
  const Json* recipes = reader.find("recipes");
  if (recipes == nullptr || !recipes->is_array() || recipes->empty() || recipes->size() > kMostRecipes)
    reader.fail_at("recipes", fmt::format("must be a list of 1 to {} recipes", kMostRecipes));
  for (const Json& recipe : *recipes)
    motion.recipes.push_back(recipe_from_json(
        recipe.dump(-1, ' ', false), fmt::format("{}: film \"recipes\"[{}]", source, motion.recipes.size())));
}

}  // namespace

std::string film_to_json(const Film& film) {
  const Motion motion(film.motion);
  OrderedJson recipes = OrderedJson::array();
  for (const CppnRecipe& recipe : film.motion.recipes)
    recipes.push_back(OrderedJson::parse(recipe_to_json(recipe, -1)));
  const OrderedJson document = {{"atelier_film", kVersion},
                                {"frames", motion.frames()},
                                {"frames_per_second", film.frames_per_second},
                                {"seamless", motion.seamless()},
                                {"motion", motion_to_json(film.motion)},
                                {"recipes", std::move(recipes)}};
  return document.dump(-1, ' ', true);
}

bool is_film_json(std::string_view text) {
  constexpr std::string_view kKey = "\"atelier_film\"";
  const std::size_t key = text.find(kKey);
  if (text.find_first_not_of(" \t\r\n") != text.find('{') || key == std::string_view::npos) return false;
  // A text value may be spelled the same: only a key is followed by a colon.
  const std::size_t next = text.find_first_not_of(" \t\r\n", key + kKey.size());
  return next != std::string_view::npos && text[next] == ':';
}

Film film_from_json(std::string_view text, std::string_view source) {
  const std::string file(source);
  const Json document = detail::parse_json(text, file, {});
  Reader reader(document, file + ": film");
  const Json* version = reader.find("atelier_film");
  if (version == nullptr) reader.fail("has no \"atelier_film\" key: this is not a film");
  if (!version->is_number_unsigned() || version->get<std::uint64_t>() != kVersion)
    reader.fail_at("atelier_film", fmt::format("must be {0}: this program reads version {0}", kVersion));
  Film film;
  film.motion.frames = reader.between("frames", film.motion.frames, 1, kMotionMaxFrames);
  film.frames_per_second = reader.number("frames_per_second", film.frames_per_second);
  if (!(film.frames_per_second > 0 && film.frames_per_second <= kFilmMaxFramesPerSecond))
    reader.fail_at("frames_per_second",
                   fmt::format("must be above 0 and at most {}", kFilmMaxFramesPerSecond));
  static_cast<void>(reader.find("seamless"));  // follows from the rest
  if (const Json* motion = reader.find("motion")) read_motion(*motion, reader.path_of("motion"), film.motion);
  read_recipes(reader, file, film.motion);
  reader.finish();
  try {
    static_cast<void>(Motion(film.motion));
  } catch (const InvalidArgument& error) {
    reader.fail(error.what());
  }
  return film;
}

}  // namespace atelier
