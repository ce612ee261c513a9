#include "models/vary.h"

#include <fmt/format.h>

#include <cmath>

#include "kernels/noise_function.h"
#include "runtime/error.h"

namespace atelier {
namespace {

/// For every parameter the root mean square of those that it stands with.
std::vector<double> deviations(const CppnRecipe& recipe) {
  std::vector<double> result;
  std::span<const float> rest(recipe.parameters);
  for (const std::size_t count : parameter_groups(recipe.topology)) {
    result.insert(result.end(), count, root_mean_square(rest.first(count)));
    rest = rest.subspan(count);
  }
  return result;
}

}  // namespace

std::string_view name_of(VariedPart part) {
  return part == VariedPart::latent ? "latent" : "weights";
}

std::vector<std::size_t> parameter_groups(const CppnTopology& topology) {
  std::vector<std::size_t> groups;
  for (std::size_t l = 0; l < topology.layers.size(); ++l) {
    const auto width = static_cast<std::size_t>(topology.layers[l].width);
    groups.push_back(width * static_cast<std::size_t>(topology.fan_in(l)));
    if (topology.layers[l].bias) groups.push_back(width);
  }
  return groups;
}

double root_mean_square(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * static_cast<double>(value);
  return values.empty() ? 0 : std::sqrt(sum / static_cast<double>(values.size()));
}

std::vector<double> random_direction(const CppnRecipe& recipe, VariedPart part, std::uint64_t seed,
                                     std::uint64_t index) {
  const PhiloxStream random{seed, kVariationStream + index};
  std::vector<double> direction =
      part == VariedPart::latent ? std::vector<double>(recipe.latent.size(), 1.0) : deviations(recipe);
  for (std::size_t i = 0; i < direction.size(); ++i)
    direction[i] *= static_cast<double>(normal_element(random, i));
  return direction;
}

std::vector<double> part_of(const CppnRecipe& recipe, VariedPart part) {
  if (part == VariedPart::latent) return recipe.latent;
  return {recipe.parameters.begin(), recipe.parameters.end()};
}

CppnRecipe with_part(CppnRecipe recipe, VariedPart part, std::span<const double> values) {
  const std::size_t count = part == VariedPart::latent ? recipe.latent.size() : recipe.parameters.size();
  if (values.size() != count)
    throw InvalidArgument(fmt::format("with_part: {} numbers in place of {}", values.size(), count));
  for (const double value : values)
    if (!std::isfinite(static_cast<float>(value)))
      throw InvalidArgument(fmt::format("{} would become {}: the motion or variation is too strong",
                                        part == VariedPart::latent ? "a latent number" : "a weight", value));
  if (part == VariedPart::latent) {
    recipe.latent.assign(values.begin(), values.end());
    return recipe;
  }
  for (std::size_t i = 0; i < count; ++i) recipe.parameters[i] = static_cast<float>(values[i]);
  recipe.origin.reset();
  return recipe;
}

CppnRecipe varied(const CppnRecipe& recipe, VariedPart part, double strength, std::uint64_t seed,
                  std::uint64_t index) {
  if (!std::isfinite(strength))
    throw InvalidArgument(fmt::format("varied: the strength is {}; it must be finite", strength));
  if (part == VariedPart::latent && recipe.latent.empty())
    throw InvalidArgument("this picture has no latent vector to vary: its network has no input z");
  if (index == 0) return recipe;
  const std::vector<double> direction = random_direction(recipe, part, seed, index);
  std::vector<double> values = part_of(recipe, part);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] += strength * direction[i];
  return with_part(recipe, part, values);
}

}  // namespace atelier
