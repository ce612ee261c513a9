#include "tools/picture_sweep.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <variant>

#include "tools/option_text.h"
#include "tools/suggestion.h"
#include "tools/usage_error.h"

namespace atelier::tools {
namespace {

/// An option that can be swept, and where its value goes. Values are parts of a list: none has a comma.
struct Swept {
  const char* name;
  std::variant<std::optional<int> PictureOptions::*, std::optional<double> PictureOptions::*,
               std::optional<std::string> PictureOptions::*>
      place;
  std::int64_t most = 0;  // of whole numbers, from 1
};

const std::vector<Swept>& swept_options() {
  static const std::vector<Swept> kOptions{{"scale", &PictureOptions::scale},
                                           {"layers", &PictureOptions::layers, kCppnMaxLayers - 1},
                                           {"width", &PictureOptions::width, kCppnMaxWidth},
                                           {"activation", &PictureOptions::activation},
                                           {"output-activation", &PictureOptions::output_activation},
                                           {"init", &PictureOptions::init},
                                           {"bias", &PictureOptions::bias},
                                           {"fourier", &PictureOptions::fourier},
                                           {"latent", &PictureOptions::latent},
                                           {"span", &PictureOptions::span},
                                           {"rotate", &PictureOptions::rotate},
                                           {"coordinate-scale", &PictureOptions::coordinate_scale},
                                           {"coordinates", &PictureOptions::coordinates},
                                           {"color", &PictureOptions::color},
                                           {"samples", &PictureOptions::samples, kMaxSamples},
                                           {"precision", &PictureOptions::precision}};
  return kOptions;
}

const Swept* find_swept(const std::string& name) {
  const auto& options = swept_options();
  const auto found =
      std::find_if(options.begin(), options.end(), [&](const Swept& option) { return name == option.name; });
  return found == options.end() ? nullptr : &*found;
}

std::vector<std::string> swept_names() {
  std::vector<std::string> names;
  for (const Swept& option : swept_options()) names.emplace_back(option.name);
  return names;
}

template <class Value>
void put(std::optional<Value>& place, const Value& value, const SweepAxis& axis) {
  if (place) throw UsageError(fmt::format("--sweep {0}: --{0} is given, too, or swept twice", axis.option));
  place = value;
}

}  // namespace

SweepAxis parse_sweep(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos)
    throw UsageError(fmt::format("--sweep '{}': OPTION=VALUES is needed, such as scale=0.5,1,2", text));
  SweepAxis axis{text.substr(0, equals), {}};
  if (axis.option.starts_with("--")) axis.option.erase(0, 2);
  if (find_swept(axis.option) == nullptr)
    throw UsageError(fmt::format("--sweep '{}': there is no such option to sweep{} (there are {})",
                                 axis.option, did_you_mean(axis.option, swept_names()),
                                 fmt::join(swept_names(), ", ")));
  axis.values = split_list("--sweep", text.substr(equals + 1));
  if (axis.values.size() > kMostSweepValues)
    throw UsageError(fmt::format("--sweep {}: {} values; at most {} are possible", axis.option,
                                 axis.values.size(), kMostSweepValues));
  std::vector<std::string> sorted = axis.values;
  std::sort(sorted.begin(), sorted.end());
  if (const auto twin = std::adjacent_find(sorted.begin(), sorted.end()); twin != sorted.end())
    throw UsageError(fmt::format("--sweep {}: {} stands twice", axis.option, *twin));
  return axis;
}

PictureOptions swept(PictureOptions options, const SweepAxis& axis, const std::string& value) {
  const Swept& option = *find_swept(axis.option);
  const std::string name = fmt::format("--sweep {}", axis.option);
  if (const auto* whole = std::get_if<std::optional<int> PictureOptions::*>(&option.place))
    put(options.*(*whole), static_cast<int>(parse_integer(name.c_str(), value, 1, option.most)), axis);
  else if (const auto* number = std::get_if<std::optional<double> PictureOptions::*>(&option.place))
    put(options.*(*number), parse_number(name.c_str(), value), axis);
  else
    put(options.*std::get<std::optional<std::string> PictureOptions::*>(option.place), value, axis);
  return options;
}

}  // namespace atelier::tools
