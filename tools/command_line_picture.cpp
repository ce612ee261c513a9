#include <fmt/format.h>

#include <optional>
#include <string>

#include "tools/command_line_options.h"
#include "tools/picture_options.h"
#include "tools/usage_error.h"

namespace atelier::tools {

void add_network(CLI::App& verb, PictureOptions& picture) {
  constexpr const char* kGroup = "Network (each draws new weights)";
  const auto option = [&](const char* name, auto& target, const char* type, const char* what) {
    verb.add_option(name, target, what)->type_name(type)->group(kGroup);
  };
  option("--preset", picture.preset, "NAME", "Start from an experiment of the article (atelier experiments)");
  add_whole(verb, "--width", picture.width, 1, kCppnMaxWidth, "N",
            "Neurons of every hidden layer (default 16)")
      ->group(kGroup);
  add_whole(verb, "--layers", picture.layers, 1, kCppnMaxLayers - 1, "L",
            "Hidden layers with an activation (default 9)")
      ->group(kGroup);
  option("--widths", picture.widths, "LIST", "Hidden layers one by one: 128,64,32");
  option("--inputs", picture.inputs, "LIST", "What it sees: x, y, r (radius), 1, z (latent, repeatable)");
  option("--bias", picture.bias, "RULE", "none, first (layer only), all");
  option("--init", picture.init, "KIND", "Weights: normal, uniform, torch (PyTorch's default)");
  add_number(verb, "--scale", picture.scale, "S", "Deviation (normal), half-width (uniform), factor (torch)")
      ->group(kGroup);
  option("--layer-scale", picture.layer_scale, "LIST", "One more factor for each layer, output included");
  option("--fourier", picture.fourier, "N[,SIGMA]",
         "It also sees sine and cosine of N drawn frequencies (deviation SIGMA, default 4; 0: none)");
  verb.add_flag("--tile", picture.tile, "A seamless tile: the picture's edges meet")->group(kGroup);
  verb.add_flag("--linear", picture.linear, "No hidden layer at all: inputs straight to the colour")
      ->group(kGroup);
}

void add_look(CLI::App& verb, PictureOptions& picture) {
  constexpr const char* kGroup = "Picture";
  const auto option = [&](const char* name, auto& target, const char* type, const char* what) {
    verb.add_option(name, target, what)->type_name(type)->group(kGroup);
  };
  const auto number = [&](const char* name, std::optional<double>& target, const char* type,
                          const char* what) { add_number(verb, name, target, type, what)->group(kGroup); };
  option("--activation", picture.activation, "LIST",
         "Of the hidden layers: one name, or one for each (sin: few layers, many are noise)");
  option("--output-activation", picture.output_activation, "NAME", "Of the last layer (default sigmoid)");
  option("--latent", picture.latent, "LIST", "One number for each input z (default 0)");
  option("--coordinates", picture.coordinates, "KIND",
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
  option("--center", picture.center, "X,Y", "Middle of the window (centered, tile; default 0,0)");
  number("--span", picture.span, "S",
         "What the shorter side spans (centered; default 1); number of tiles (tile)");
  number("--rotate", picture.rotate, "DEG", "Turn the window (centered)");
  number("--coordinate-scale", picture.coordinate_scale, "F", "Multiply the coordinates: 0.01 looks closer");
  option("--color", picture.color, "KIND", "rgb, hsv, oklch (lightness, chroma, hue), palette, grey");
  option("--palette", picture.palette, "COLORS",
         "A gradient: '#0b132b,teal,#ffd166', or the colours of a picture, photo.png[:N]");
  add_whole(verb, "--samples", picture.samples, 1, kMaxSamples, "N",
            "N x N points a pixel, averaged in linear light (default 1)")
      ->group(kGroup);
  option("--depth", picture.depth, "BITS", "8, 16, float (.tif, .npy, .raw)");
  option("--precision", picture.precision, "KIND", "fp32 (default), double (deep zoom)");
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

}  // namespace atelier::tools
