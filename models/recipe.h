#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/cppn.h"
#include "models/initialize.h"

namespace atelier {

/// How pixels become coordinates; see CppnWindow for the formulas.
enum class CoordinateConvention : std::uint8_t { centered, seed, seed_rectangle, pixels };

struct RecipeCoordinates {
  CoordinateConvention convention = CoordinateConvention::centered;
  double center_x = 0, center_y = 0;  // centered only
  double span = 1;                    // centered only: what the shorter side spans
  double rotation = 0;                // centered only: radians
  double scale = 1;                   // every convention: factor on the coordinates
  friend bool operator==(const RecipeCoordinates&, const RecipeCoordinates&) = default;
};

/// How the parameters were drawn, when they were drawn.
struct RecipeOrigin {
  Initializer initializer;
  RandomSource source = RandomSource::philox;
  std::uint64_t seed = 0;
  friend bool operator==(const RecipeOrigin&, const RecipeOrigin&) = default;
};

/// Everything that a picture depends on: painted again from its recipe at the same size it is the same file.
struct CppnRecipe {
  std::string name;  // preset or file it came from; may be empty
  CppnTopology topology;
  std::optional<RecipeOrigin> origin;  // absent for imported weights
  std::vector<float> parameters;       // always present in memory
  std::vector<double> latent;
  RecipeCoordinates coordinates;
  CppnColor color = CppnColor::rgb;
  CppnSample sample = CppnSample::u8;
  CppnPrecision precision = CppnPrecision::fp32;
  std::int64_t width = 1024;
  std::int64_t height = 1024;
  friend bool operator==(const CppnRecipe&, const CppnRecipe&) = default;
};

inline constexpr std::int64_t kPictureMaxSide = (std::int64_t{1} << 31) - 1;  // pixels; PNG ends there too
inline constexpr std::int64_t kRecipeMaxParameters = std::int64_t{1} << 23;   // of one network in a recipe

/// The words that recipes and the command line use: "seed_rectangle", "hsv", "u8_truncate", "double",
/// "torch".
[[nodiscard]] std::string_view name_of(CoordinateConvention convention);
[[nodiscard]] std::string_view name_of(CppnInput input);
[[nodiscard]] std::string_view name_of(CppnColor color);
[[nodiscard]] std::string_view name_of(CppnSample sample);
[[nodiscard]] std::string_view name_of(CppnPrecision precision);
[[nodiscard]] std::string_view name_of(RandomSource source);

/// The network of the seed article's notebook: 2 - width with bias, then width - width without, `tanh_layers`
/// tanh layers in all, and a sigmoid output of 3 without bias. tanh_layers 0 is the lone output layer, with
/// bias.
[[nodiscard]] CppnTopology seed_topology(int width = 16, int tanh_layers = 9);

/// Throws InvalidArgument with one line for a recipe that cannot be painted or written: a topology that does
/// not validate, more than kRecipeMaxParameters parameters or another count than the topology's, a latent
/// vector of another length, numbers that are not finite, a span that is not positive, sides outside
/// 1..kPictureMaxSide.
void validate(const CppnRecipe& recipe);

/// The window of the recipe for a picture of this size. Throws InvalidArgument for `seed` on a rectangle
/// (and says to use seed_rectangle or another convention).
[[nodiscard]] CppnWindow recipe_window(const CppnRecipe& recipe, std::int64_t width, std::int64_t height);

/// The recipe as JSON (schema in recipe_json.cpp's banner; "atelier_recipe": 1 leads). Weights are written as
/// base64 of little-endian fp32 when they were not drawn (no origin) or number at most 65 536; else only how
/// they were drawn. Their checksum (FNV-1a, 64 bits) is always there, and reading back verifies it. All
/// numbers come back exactly. Throws InvalidArgument where validate does.
[[nodiscard]] std::string recipe_to_json(const CppnRecipe& recipe, int indent = 2);

/// Reads what recipe_to_json wrote, or a person: {"atelier_recipe": 1, "seed": 7} is a whole recipe. Unknown
/// keys are an error, missing ones take their defaults. `source` names the file in messages. Throws
/// InvalidArgument with one line for anything wrong: not JSON, another version, wrong types, NaN or infinite
/// numbers, widths or counts that do not fit, a checksum that differs, a seed that does not draw the weights
/// that stand beside it. Bounded: refuses documents over 64 MiB and nesting over 32 levels.
[[nodiscard]] CppnRecipe recipe_from_json(std::string_view text, std::string_view source);

}  // namespace atelier
