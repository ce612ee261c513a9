#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/recipe.h"

namespace atelier::tools {

/// What the command line says about a picture: every field absent that was not given. Lists are texts with
/// commas, as typed.
struct PictureOptions {
  std::string source;  // recipe (.json), picture (.png, .tif, .dzi), "-" for standard input; empty: none
  std::optional<std::string> pick;    // of a source that is a contact sheet: the label of a cell
  std::optional<std::int64_t> frame;  // of a source that is a film: which, from 0
  std::optional<std::string> preset;
  std::optional<std::uint64_t> seed;
  std::optional<std::uint64_t> torch_seed;
  std::optional<std::string> size;

  // The network; each of these draws its weights anew.
  std::optional<int> width;
  std::optional<int> layers;
  std::optional<std::string> widths;
  std::optional<std::string> inputs;
  std::optional<std::string> bias;
  std::optional<std::string> init;
  std::optional<double> scale;
  std::optional<std::string> layer_scale;
  bool linear = false;
  std::optional<std::string> fourier;  // "16", "16,2.5"
  bool tile = false;

  // What it is asked, and how its answer is stored.
  std::optional<std::string> activation;
  std::optional<std::string> output_activation;
  std::optional<std::string> latent;
  std::optional<std::string> coordinates;
  std::optional<std::string> center;
  std::optional<double> span;
  std::optional<double> rotate;  // degrees
  std::optional<double> coordinate_scale;
  std::optional<std::string> color;
  std::optional<std::string> palette;
  std::optional<int> samples;
  std::optional<bool> dither;
  std::optional<std::string> depth;
  std::optional<std::string> precision;
  std::optional<bool> truncate;
};

/// A picture that could be painted now.
struct PlannedPicture {
  CppnRecipe recipe;
  bool seed_was_drawn = false;
};

/// The recipe that the options ask for: that of the source, else the preset's, else the seed's network with
/// N(0, 1) weights on centred coordinates; then every option on top. Without any seed one is drawn.
/// Throws UsageError for options that are malformed, contradict each other or do not fit the recipe, and
/// InvalidArgument for a source that cannot be read.
[[nodiscard]] PlannedPicture plan_picture(const PictureOptions& options);
/// A recipe that `source` holds, with every option on top. Throws UsageError as plan_picture.
[[nodiscard]] CppnRecipe changed_recipe(CppnRecipe recipe, PictureOptions options, const std::string& source);

/// Draws the recipe's weights (and Fourier frequencies) again for another seed. Throws InvalidArgument for
/// imported weights.
void redraw(CppnRecipe& recipe, RandomSource source, std::uint64_t seed);

/// "1920x1080", or "512" for a square. Throws UsageError, which names `option`; sides are 1 to 2^31 - 1.
[[nodiscard]] std::pair<std::int64_t, std::int64_t> parse_size(const std::string& text,
                                                               const char* option = "--size");
inline constexpr std::int64_t kMaxSheetCells = 65536;
/// "0..99", "1,5,9..12": at most `most` seeds, for the reason given. Throws UsageError, which names `option`.
[[nodiscard]] std::vector<std::uint64_t> parse_seeds(const std::string& text, const char* option = "--seeds",
                                                     std::int64_t most = kMaxSheetCells,
                                                     const char* reason = "cells fit on a sheet");

/// The recipe or picture in a file, "-" for standard input. Throws InvalidArgument with one line.
[[nodiscard]] CppnRecipe load_recipe(const std::string& source);
/// True for a regular file that starts as every PNG does.
[[nodiscard]] bool is_png_file(const std::string& path);
/// Everything of a file of at most 64 MiB, "-" for standard input.
[[nodiscard]] std::string read_bounded(const std::string& source);

/// The colours of --palette: "#0b132b,teal,#ffd166", or "photo.png[:N]", the N (default 5) that stand for a
/// PNG's. Throws UsageError for neither, InvalidArgument for a picture that cannot be read.
[[nodiscard]] std::vector<PaletteColor> parse_palette(const std::string& text);

/// The options as they are typed after `atelier render`, seeds and size left out.
[[nodiscard]] std::string typed_options(const PictureOptions& options);

/// A number for a picture nobody chose a seed for: below a million, so that it can be typed again.
[[nodiscard]] std::uint64_t drawn_seed();

/// "x, y -> 9 tanh layers of 16 -> 3 sigmoid, first bias": one line about a network.
[[nodiscard]] std::string topology_text(const CppnTopology& topology);
/// "seed 7 (torch)", "seed 42", "imported weights".
[[nodiscard]] std::string origin_text(const CppnRecipe& recipe);

}  // namespace atelier::tools
