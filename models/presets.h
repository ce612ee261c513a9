#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/recipe.h"

namespace atelier {

/// One experiment of "Making deep neural networks paint" (Chopra, 2019): a row of a table, not a code path.
struct CppnPreset {
  std::string_view name;     // as in `atelier experiments`
  std::string_view summary;  // one line: what it shows
  CppnRecipe recipe;  // parameters empty: drawn by preset_recipe; origin.seed is a seed that shows it well
};

/// All presets in the article's order; `seed` (the notebook to the letter) first.
[[nodiscard]] const std::vector<CppnPreset>& cppn_presets();
[[nodiscard]] const CppnPreset* find_cppn_preset(std::string_view name);

/// What the command line may change in a preset before its weights are drawn.
struct PresetOptions {
  RandomSource source = RandomSource::philox;
  std::optional<std::uint64_t> seed;  // absent: the preset's own
  std::optional<int> width;           // neurons of every hidden layer
  std::optional<int> layers;          // hidden layers with an activation, L of the notebook
};
/// The preset with its parameters drawn. Throws InvalidArgument for an unknown name (listing the known ones)
/// and for options that do not fit the preset: a width or depth out of range, or where the preset's own
/// widths are the experiment (hidden-0-linear, taper).
[[nodiscard]] CppnRecipe preset_recipe(std::string_view name, const PresetOptions& options);

}  // namespace atelier
