#include "tools/sheet_pick.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "models/presets.h"
#include "models/vary.h"
#include "tools/image/png_reader.h"
#include "tools/picture_options.h"
#include "tools/usage_error.h"

namespace atelier::tools {
namespace {

using Json = nlohmann::json;

/// What a sheet says of itself, and what to call it in messages.
struct Sheet {
  std::string path;
  Json text;

  [[noreturn]] void damaged(const char* what) const {
    throw InvalidArgument(fmt::format("{}: the sheet's text {}", path, what));
  }
  [[noreturn]] void no_such_label(const std::string& label, const std::string& labels) const {
    throw UsageError(fmt::format("--pick '{}': {} has no such cell; its labels are {}", label, path, labels));
  }
  /// The entry of a list; `what` names the list.
  [[nodiscard]] const Json& list(const Json& json, const char* key) const {
    if (!json.is_object() || !json.contains(key) || !json[key].is_array() || json[key].empty())
      damaged(fmt::format("has no list \"{}\"", key).c_str());
    return json[key];
  }
  [[nodiscard]] CppnRecipe recipe(const Json& json) const { return recipe_from_json(json.dump(), path); }
};

std::optional<std::uint64_t> number_of(const std::string& label) {
  std::uint64_t number = 0;
  const char* const end = label.data() + label.size();
  const auto [stop, error] = std::from_chars(label.data(), end, number);
  if (label.empty() || error != std::errc() || stop != end) return std::nullopt;
  return number;
}

RandomSource seed_source(const Sheet& sheet) {
  const bool torch = sheet.text.contains("seed_source") && sheet.text["seed_source"] == "torch";
  return torch ? RandomSource::torch : RandomSource::philox;
}

CppnRecipe pick_seed(const Sheet& sheet, const std::string& label) {
  const Json& seeds = sheet.list(sheet.text, "seeds");
  const std::optional<std::uint64_t> seed = number_of(label);
  if (!seed || std::find(seeds.begin(), seeds.end(), Json(*seed)) == seeds.end())
    sheet.no_such_label(label, seeds.size() == 1 ? fmt::format("the seed {}", seeds.front().dump())
                                                 : fmt::format("its {} seeds, from {} to {}", seeds.size(),
                                                               seeds.front().dump(), seeds.back().dump()));
  if (!sheet.text.contains("recipe")) sheet.damaged("is of an older version: it holds no recipe");
  CppnRecipe recipe = sheet.recipe(sheet.text["recipe"]);
  redraw(recipe, seed_source(sheet), *seed);
  return recipe;
}

/// Column and row, from 0, of "B3"; nothing for anything else.
std::optional<std::pair<std::size_t, std::size_t>> place_of(const std::string& label) {
  std::size_t letters = 0;
  std::size_t column = 0;
  while (letters < label.size() && std::isalpha(static_cast<unsigned char>(label[letters])) != 0) {
    const int letter = std::toupper(static_cast<unsigned char>(label[letters++])) - 'A';
    column = column * 26 + static_cast<std::size_t>(letter) + 1;
    if (letters > 4) return std::nullopt;
  }
  const std::optional<std::uint64_t> row = number_of(label.substr(letters));
  if (letters == 0 || !row || *row == 0) return std::nullopt;
  return std::pair{column - 1, static_cast<std::size_t>(*row - 1)};
}

/// A sweep's recipes stand row by row; where there are seeds, each of its rows is there once a seed.
CppnRecipe pick_place(const Sheet& sheet, const std::string& label) {
  const Json& recipes = sheet.list(sheet.text, "recipes");
  const bool seeded = sheet.text.contains("seeds");
  const std::size_t seeds = seeded ? sheet.list(sheet.text, "seeds").size() : 1;
  const std::size_t columns = sheet.list(sheet.text, "column_values").size();
  const std::size_t rows = recipes.size() / columns * seeds;
  const auto place = place_of(label);
  if (!place || place->first >= columns || place->second >= rows)
    sheet.no_such_label(
        label, fmt::format("A1 to {}{}", column_label(static_cast<std::int64_t>(columns) - 1), rows));
  CppnRecipe recipe = sheet.recipe(recipes[place->second / seeds * columns + place->first]);
  if (!seeded) return recipe;
  const Json& seed = sheet.text["seeds"][place->second % seeds];
  if (!seed.is_number_unsigned()) sheet.damaged("holds a seed that is no number");
  redraw(recipe, seed_source(sheet), seed.get<std::uint64_t>());
  return recipe;
}

CppnRecipe pick_variation(const Sheet& sheet, const std::string& label) {
  const Json& variation = sheet.text["variation"];
  const auto has = [&](const char* key, auto test) {
    return variation.is_object() && variation.contains(key) && test(variation[key]);
  };
  const auto natural = [](const Json& json) { return json.is_number_unsigned(); };
  if (!sheet.text.contains("recipe") || !has("seed", natural) || !has("count", natural) ||
      !has("strength", [](const Json& json) { return json.is_number(); }) ||
      !has("part", [](const Json& json) { return json.is_string(); }))
    sheet.damaged("does not say how its variations were made");
  const std::optional<std::uint64_t> index = number_of(label);
  if (!index || *index > variation["count"].get<std::uint64_t>())
    sheet.no_such_label(label, fmt::format("0 (the original) to {}", variation["count"].dump()));
  const VariedPart part = variation["part"] == "latent" ? VariedPart::latent : VariedPart::weights;
  return varied(sheet.recipe(sheet.text["recipe"]), part, variation["strength"].get<double>(),
                variation["seed"].get<std::uint64_t>(), *index);
}

CppnRecipe pick_preset(const Sheet& sheet, const std::string& label) {
  const Json& names = sheet.list(sheet.text, "presets");
  if (std::find(names.begin(), names.end(), Json(label)) == names.end() || find_cppn_preset(label) == nullptr)
    sheet.no_such_label(label, "the names under its cells");
  PresetOptions options;
  options.source = seed_source(sheet);
  if (sheet.text.contains("seed") && sheet.text["seed"].is_number_unsigned())
    options.seed = sheet.text["seed"].get<std::uint64_t>();
  return preset_recipe(label, options);
}

}  // namespace

CppnRecipe pick_recipe(const std::string& path, const std::string& label) {
  if (!is_png_file(path))
    throw InvalidArgument(
        fmt::format("{}: no contact sheet; --pick takes the .png that sheet or vary made", path));
  const PngFacts facts = read_png(path);
  if (!facts.sheet)
    throw InvalidArgument(
        fmt::format("{}: no contact sheet; --pick takes the .png that sheet or vary made", path));
  const Sheet sheet{path, Json::parse(*facts.sheet, nullptr, false)};
  if (!sheet.text.is_object() || !sheet.text.contains("atelier_sheet")) sheet.damaged("cannot be read");
  if (sheet.text.contains("variation")) return pick_variation(sheet, label);
  if (sheet.text.contains("recipes")) return pick_place(sheet, label);
  if (sheet.text.contains("presets")) return pick_preset(sheet, label);
  return pick_seed(sheet, label);
}

nlohmann::ordered_json sheet_recipe(const CppnRecipe& recipe) {
  auto json = nlohmann::ordered_json::parse(recipe_to_json(recipe, -1));
  if (!recipe.origin) return json;
  // PyTorch's numbers are drawn the same up to their last bits on another machine; ours to the bit.
  if (recipe.origin->source == RandomSource::torch)
    json.erase("parameters");
  else
    json["parameters"].erase("fp32");
  return json;
}

std::string column_label(std::int64_t column) {
  std::string label;
  for (std::int64_t rest = column + 1; rest > 0; rest = (rest - 1) / 26)
    label.insert(label.begin(), static_cast<char>('A' + (rest - 1) % 26));
  return label;
}

}  // namespace atelier::tools
