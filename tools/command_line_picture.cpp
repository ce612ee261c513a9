#include <fmt/format.h>

#include <optional>
#include <string>

#include "tools/command_line_options.h"
#include "tools/picture_options.h"
#include "tools/usage_error.h"

namespace atelier::tools {

void add_network(CLI::App& verb, PictureOptions& picture) {
  const OptionGroup group(verb, "Network (each draws new weights)");
  group.add("--preset", picture.preset, "NAME",
            "Start from an experiment of the article (atelier experiments)");
  group.add_whole("--width", picture.width, 1, kCppnMaxWidth, "N",
                  "Neurons of every hidden layer (default 16)");
  group.add_whole("--layers", picture.layers, 1, kCppnMaxLayers - 1, "L",
                  "Hidden layers with an activation (default 9)");
  group.add("--widths", picture.widths, "LIST", "Hidden layers one by one: 128,64,32");
  group.add("--inputs", picture.inputs, "LIST", "What it sees: x, y, r (radius), 1, z (latent, repeatable)");
  group.add("--bias", picture.bias, "RULE", "none, first (layer only), all");
  group.add("--init", picture.init, "KIND", "Weights: normal, uniform, torch (PyTorch's default)");
  group.add_number("--scale", picture.scale, "S", "Deviation (normal), half-width (uniform), factor (torch)");
  group.add("--layer-scale", picture.layer_scale, "LIST", "One more factor for each layer, output included");
  group.add("--fourier", picture.fourier, "N[,SIGMA]",
            "It also sees sine and cosine of N drawn frequencies (deviation SIGMA, default 4; 0: none)");
  group.add_flag("--tile", picture.tile, "A seamless tile: the picture's edges meet");
  group.add_flag("--linear", picture.linear, "No hidden layer at all: inputs straight to the colour");
}

void add_look(CLI::App& verb, PictureOptions& picture) {
  constexpr const char* kGroup = "Picture";
  const OptionGroup group(verb, kGroup);
  group.add("--activation", picture.activation, "LIST",
            "Of the hidden layers: one name, or one for each (sin: few layers, many are noise)");
  group.add("--output-activation", picture.output_activation, "NAME", "Of the last layer (default sigmoid)");
  group.add("--latent", picture.latent, "LIST", "One number for each input z (default 0)");
  group.add("--coordinates", picture.coordinates, "KIND",
            "centered, seed (the notebook's), seed-rect (its rectangle), pixels, tile");
  verb.add_option_function<std::string>(
          "--compat",
          [&picture](const std::string& value) {
            if (value != "seed-rect")
              throw UsageError(fmt::format("--compat '{}': only seed-rect is known", value));
            if (picture.coordinates && *picture.coordinates != value)
              throw UsageError("--compat and --coordinates exclude each other");
            picture.coordinates = value;
          },
          "seed-rect: the same as --coordinates seed-rect")
      ->type_name("KIND")
      ->group(kGroup);
  group.add("--center", picture.center, "X,Y", "Middle of the window (centered, tile; default 0,0)");
  group.add_number("--span", picture.span, "S",
                   "What the shorter side spans (centered; default 1); number of tiles (tile)");
  group.add_number("--rotate", picture.rotate, "DEG", "Turn the window (centered)");
  group.add_number("--coordinate-scale", picture.coordinate_scale, "F",
                   "Multiply the coordinates: 0.01 looks closer");
  group.add("--color", picture.color, "KIND", "rgb, hsv, oklch (lightness, chroma, hue), palette, grey");
  group.add("--palette", picture.palette, "COLORS",
            "A gradient: '#0b132b,teal,#ffd166', or the colours of a picture, photo.png[:N]");
  group.add_whole("--samples", picture.samples, 1, kMaxSamples, "N",
                  "N x N points a pixel, averaged in linear light (default 1)");
  group.add("--depth", picture.depth, "BITS", "8, 16, float (.tif, .npy, .raw)");
  group.add("--precision", picture.precision, "KIND", "fp32 (default), double (deep zoom)");
  const auto choice = [&](const char* name, const char* other, std::optional<bool>& target, bool value,
                          const char* what) {
    verb.add_flag_callback(
            name,
            [=, &target] {
              if (target == !value)
                throw UsageError(
                    fmt::format("{} and {} exclude each other", value ? name : other, value ? other : name));
              target = value;
            },
            what)
        ->group(kGroup);
  };
  choice("--dither", "--no-dither", picture.dither, true, "Noise of a step against banding (8 and 16 bits)");
  choice("--no-dither", "--dither", picture.dither, false,
         "Without it (default but for recipes that have it)");
  choice("--truncate", "--round", picture.truncate, true, "8-bit values are cut off, as matplotlib does");
  choice("--round", "--truncate", picture.truncate, false,
         "8-bit values are rounded (default but for presets)");
}

void add_painting(CLI::App& verb, PictureOptions& picture, RunOptions& run) {
  add_network(verb, picture);
  add_look(verb, picture);
  add_device(verb, run);
  add_report(verb, run);
}

void add_cells(CLI::App& verb, std::string& cell, int& columns, const char* what) {
  verb.add_option("--cell", cell, what)->type_name("SIZE");
  add_whole(verb, "--columns", columns, 1, kMaxSheetCells, "N", "Cells in a row (default: chosen to fit)");
}

}  // namespace atelier::tools
