#include <fmt/format.h>

#include "tools/picture_options.h"

namespace atelier::tools {
namespace {

/// As a shell reads it back.
std::string quoted(const std::string& text) {
  constexpr const char* kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
  std::string result = "'";
  for (const char letter : text) result += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
  return result + "'";
}

}  // namespace

std::string typed_options(const PictureOptions& options) {
  std::string text;
  const auto add = [&](const char* name, const auto& value) {
    if (value) text += fmt::format(" {} {}", name, quoted(fmt::format("{}", *value)));
  };
  if (!options.source.empty()) text += fmt::format(" {}", quoted(options.source));
  add("--preset", options.preset);
  add("--width", options.width);
  add("--layers", options.layers);
  add("--widths", options.widths);
  add("--inputs", options.inputs);
  add("--bias", options.bias);
  add("--init", options.init);
  add("--scale", options.scale);
  add("--layer-scale", options.layer_scale);
  if (options.linear) text += " --linear";
  add("--fourier", options.fourier);
  if (options.tile) text += " --tile";
  add("--activation", options.activation);
  add("--output-activation", options.output_activation);
  add("--latent", options.latent);
  add("--coordinates", options.coordinates);
  add("--center", options.center);
  add("--span", options.span);
  add("--rotate", options.rotate);
  add("--coordinate-scale", options.coordinate_scale);
  add("--color", options.color);
  add("--palette", options.palette);
  add("--samples", options.samples);
  if (options.dither) text += *options.dither ? " --dither" : " --no-dither";
  add("--depth", options.depth);
  add("--precision", options.precision);
  if (options.truncate) text += *options.truncate ? " --truncate" : " --round";
  return text.empty() ? text : text.substr(1);
}

}  // namespace atelier::tools
