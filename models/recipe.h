#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/cppn.h"
#include "models/initialize.h"

namespace atelier {

/// How pixels become coordinates; see CppnWindow for the formulas. `tile`: x and y run over `span` whole
/// turns across the picture's width and height, pixel centres, around the centre: x = center_x + span
/// ((column + 0.5) / width - 0.5). A network that sees waves of whole cycles alone then meets itself at the
/// picture's edges.
enum class CoordinateConvention : std::uint8_t { centered, seed, seed_rectangle, pixels, tile };

struct RecipeCoordinates {
  CoordinateConvention convention = CoordinateConvention::centered;
  double center_x = 0, center_y = 0;  // centered and tile only
  double span = 1;                    // centered: what the shorter side spans; tile: what both span
  double rotation = 0;                // centered only: radians
  double scale = 1;                   // factor on the coordinates; tile: 1
  friend bool operator==(const RecipeCoordinates&, const RecipeCoordinates&) = default;
};

/// How the parameters were drawn, when they were drawn.
struct RecipeOrigin {
  Initializer initializer;
  RandomSource source = RandomSource::philox;
  std::uint64_t seed = 0;
  int fourier = 0;           // the last 2 * fourier waves were drawn from the seed (draw_waves)
  double fourier_scale = 4;  // with this deviation
  friend bool operator==(const RecipeOrigin&, const RecipeOrigin&) = default;
};

/// A colour of a palette: red, green, blue as displays take them (sRGB).
using PaletteColor = std::array<std::uint8_t, 3>;

/// Everything that a picture depends on: painted again from its recipe at the same size it is the same file.
struct CppnRecipe {
  std::string name;  // preset or file it came from; may be empty
  CppnTopology topology;
  std::optional<RecipeOrigin> origin;  // absent for imported weights
  std::vector<float> parameters;       // always present in memory
  std::vector<double> latent;
  RecipeCoordinates coordinates;
  CppnColor color = CppnColor::rgb;
  std::vector<PaletteColor> palette;  // color palette: 2 to kPaletteMaxColors, evenly spaced; else none
  int samples = 1;                    // points a pixel: samples x samples, averaged in linear light
  bool dither = false;                // noise of one step against banding; u8 and u16 only
  CppnSample sample = CppnSample::u8;
  CppnPrecision precision = CppnPrecision::fp32;
  std::int64_t width = 1024;
  std::int64_t height = 1024;
  friend bool operator==(const CppnRecipe&, const CppnRecipe&) = default;
};

inline constexpr std::int64_t kPictureMaxSide = (std::int64_t{1} << 31) - 1;  // pixels; PNG ends there too
inline constexpr std::size_t kPaletteMaxColors = 256;
inline constexpr int kMaxSamples = 16;           // a side of a pixel
inline constexpr double kFourierMaxScale = 1e9;  // deviation of drawn frequencies, cycles a unit
inline constexpr std::int64_t kRecipeMaxParameters = std::int64_t{1} << 23;  // of one network in a recipe

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
/// 1..kPictureMaxSide, samples outside 1..kMaxSamples, dither of samples that are neither u8 nor u16, a
/// palette without color palette or the reverse, oklch of a network with one output, tile coordinates
/// of a network that sees x, y, the radius or a wave of broken cycles, or that are turned or scaled.
void validate(const CppnRecipe& recipe);

/// Draws what the recipe's origin says, weights and Fourier frequencies, into `parameters` and the last
/// waves. Throws InvalidArgument: no origin, fewer waves than twice origin.fourier, what initialize throws.
void draw(CppnRecipe& recipe);

/// The network in a form whose picture meets itself at its edges (CoordinateConvention::tile): each input x
/// or y becomes the cosine and the sine of one turn, on a circle of the given radius, and each frequency of a
/// wave is rounded to a whole number. 1 / (2 pi) makes the circle as long as a span of 1. Throws
/// InvalidArgument where the network sees the radius, or has too many inputs then.
void make_seamless(CppnTopology& topology, double radius);

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
