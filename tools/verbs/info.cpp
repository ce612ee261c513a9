#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "models/native_detail.h"
#include "tools/film_file.h"
#include "tools/image/png_reader.h"
#include "tools/image/tiff_reader.h"
#include "tools/option_text.h"
#include "tools/progress.h"
#include "tools/verbs/verbs.h"

namespace atelier::tools {
namespace {

std::string coordinates_text(const RecipeCoordinates& coordinates) {
  std::string text(name_of(coordinates.convention));
  if (coordinates.convention == CoordinateConvention::centered)
    text +=
        fmt::format(" on ({}, {}), shorter side spans {}, turned by {:.6g} degrees", coordinates.center_x,
                    coordinates.center_y, coordinates.span, coordinates.rotation * 180 / std::numbers::pi);
  if (coordinates.scale != 1) text += fmt::format(", times {}", coordinates.scale);
  return text;
}

std::string weights_text(const CppnRecipe& recipe) {
  if (!recipe.origin) return "imported";
  const Initializer& initializer = recipe.origin->initializer;
  std::string text(distribution_name(initializer.distribution));
  if (initializer.scale != 1 || initializer.distribution != Distribution::torch_default)
    text += fmt::format(", scale {}", initializer.scale);
  if (!initializer.layer_scale.empty())
    text += fmt::format(", by layer {}", fmt::join(initializer.layer_scale, ", "));
  return fmt::format("{}; {}", text, origin_text(recipe));
}

std::string color_text(const CppnRecipe& recipe) {
  if (recipe.color != CppnColor::palette)
    return recipe.topology.layers.back().width == 1 ? "grey" : std::string(name_of(recipe.color));
  std::string text = "palette";
  for (const PaletteColor& color : recipe.palette)
    text += fmt::format(" #{:02x}{:02x}{:02x}", color[0], color[1], color[2]);
  return text;
}

/// Where a larger picture only becomes smoother.
std::string detail_text(const CppnRecipe& recipe) {
  const std::optional<NativeDetail> detail = measure_native_detail(recipe);
  if (!detail) return "every pixel adds to it: its coordinates are pixels";
  if (std::isinf(detail->pixels_8_bit)) return "hard edges at any size";
  std::string text =
      fmt::format("beyond {:.0f} pixels a side only smoothness is added", detail->pixels_8_bit);
  if (!std::isinf(detail->pixels_16_bit))
    text += fmt::format(" ({:.3g} with 16 bits)", detail->pixels_16_bit);
  return text;
}

std::string recipe_text(const CppnRecipe& recipe) {
  std::string text;
  const auto line = [&](const char* name, const std::string& value) {
    text += fmt::format("  {:<13}{}\n", name, value);
  };
  if (!recipe.name.empty()) line("name", recipe.name);
  line("network", topology_text(recipe.topology));
  line("parameters", fmt::format("{}; {} multiply-adds a pixel", recipe.topology.parameter_count(),
                                 recipe.topology.multiply_adds()));
  line("weights", weights_text(recipe));
  if (!recipe.latent.empty()) line("latent", fmt::format("{}", fmt::join(recipe.latent, ", ")));
  line("coordinates", coordinates_text(recipe.coordinates));
  line("colour", color_text(recipe));
  line("samples", fmt::format("{}, {} arithmetic{}{}", name_of(recipe.sample), name_of(recipe.precision),
                              recipe.samples > 1 ? fmt::format(", {0} x {0} points a pixel", recipe.samples)
                                                 : std::string(),
                              recipe.dither ? ", dithered" : ""));
  line("size", fmt::format("{}x{}", recipe.width, recipe.height));
  line("detail", detail_text(recipe));
  return text;
}

std::string sheet_text(const std::string& document) {
  const nlohmann::json sheet = nlohmann::json::parse(document, nullptr, false);
  if (!sheet.is_object() || !sheet.contains("command") || !sheet["command"].is_string())
    return "  contact sheet; how it was made cannot be read\n";
  return fmt::format("  {:<13}a contact sheet; a cell is painted with\n  {:<13}{}\n", "contents", "",
                     sheet["command"].get<std::string>());
}

const char* channels_text(int channels) {
  static constexpr const char* kNames[] = {"grey", "grey + alpha", "RGB", "RGBA"};
  return kNames[channels - 1];
}

void picture_info(const InfoCommand& command) {
  const PngFacts facts = read_png(command.file);
  // A recipe that does not read is an error: info is how one finds out.
  std::optional<CppnRecipe> recipe;
  if (facts.recipe) recipe = recipe_from_json(*facts.recipe, command.file);
  if (command.json) {
    if (!facts.recipe && facts.sheet) return print_text(*facts.sheet + "\n");
    return print_text((facts.recipe ? *facts.recipe : read_png_recipe(command.file)) + "\n");
  }
  std::string text = fmt::format("{}: PNG, {}x{}, {}-bit {}, {}\n", command.file, facts.width, facts.height,
                                 facts.bit_depth, channels_text(facts.channels), size_text(facts.bytes));
  if (recipe) text += recipe_text(*recipe);
  if (facts.sheet) text += sheet_text(*facts.sheet);
  if (!recipe && !facts.sheet)
    text += "  no recipe inside: not painted by Atelier, or its texts were removed\n";
  print_text(text);
}

void tiff_info(const InfoCommand& command) {
  const TiffFacts facts = read_tiff(command.file);
  if (command.json) return print_text(read_tiff_recipe(command.file) + "\n");
  std::string text = fmt::format("{}: {}, {}x{}, {}-bit {}{}", command.file, facts.big ? "BigTIFF" : "TIFF",
                                 facts.width, facts.height, facts.bits, facts.floating ? "float " : "",
                                 channels_text(facts.channels == 1 ? 1 : 3));
  if (facts.levels > 1) text += fmt::format(", {} levels", facts.levels);
  if (facts.pixels_per_inch > 0) text += fmt::format(", {:.6g} dpi", facts.pixels_per_inch);
  text += "\n";
  text += facts.recipe ? recipe_text(recipe_from_json(*facts.recipe, command.file))
                       : "  no recipe inside: not painted by Atelier, or its texts were removed\n";
  print_text(text);
}

std::string motion_text(const Motion& motion) {
  const MotionOptions& options = motion.options();
  std::vector<std::string> parts;
  if (options.recipes.size() > 1)
    parts.push_back(fmt::format("a morph of {} recipes", options.recipes.size()));
  if (options.loop != MotionLoop::none)
    parts.push_back(fmt::format("{} of the {}, radius {:g}, path seed {}", name_of(options.loop),
                                options.part == VariedPart::latent ? "latent vector" : "weights",
                                options.radius, options.seed));
  if (options.zoom != 1) parts.push_back(fmt::format("zoom {:g}", options.zoom));
  if (options.pan_x != 0 || options.pan_y != 0)
    parts.push_back(fmt::format("pan {:g}, {:g}", options.pan_x, options.pan_y));
  if (options.turn != 0) parts.push_back(fmt::format("turn {:g} degrees", options.turn));
  if (options.easing != Easing::linear) parts.push_back(fmt::format("eased {}", name_of(options.easing)));
  if (options.way == MotionWay::back) parts.emplace_back("there and back");
  return parts.empty() ? "none" : fmt::format("{}", fmt::join(parts, "; "));
}

void film_info(const InfoCommand& command, const Film& film) {
  if (command.json) return print_text(film_to_json(film) + "\n");
  const Motion motion(film.motion);
  const CppnRecipe& first = film.motion.recipes.front();
  print_text(fmt::format("{}: film, {} frame{} of {}x{}, {:g} a second, {}\n  {:<13}{}\n{}", command.file,
                         motion.frames(), motion.frames() == 1 ? "" : "s", first.width, first.height,
                         film.frames_per_second,
                         motion.seamless() ? "runs on into itself" : "ends where it ends", "motion",
                         motion_text(motion), recipe_text(first)));
}

}  // namespace

void info(const InfoCommand& command) {
  if (command.file != "-" && is_png_file(command.file)) return picture_info(command);
  if (command.file != "-" && is_tiff_file(command.file)) return tiff_info(command);
  if (const std::optional<Film> film = load_film(command.file)) return film_info(command, *film);
  const CppnRecipe recipe = load_recipe(command.file);
  if (command.json) return print_text(recipe_to_json(recipe) + "\n");
  print_text(fmt::format("{}: recipe\n{}", command.file, recipe_text(recipe)));
}

}  // namespace atelier::tools
