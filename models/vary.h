#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "models/recipe.h"

namespace atelier {

/// What of a picture moves or varies: its latent vector, or all weights and biases of its network.
enum class VariedPart : std::uint8_t { latent, weights };
[[nodiscard]] std::string_view name_of(VariedPart part);  // "latent"

/// Random directions of change come from the Philox streams kVariationStream + index of a seed: element i
/// belongs to latent number i or parameter i.
inline constexpr std::uint64_t kVariationStream = std::uint64_t{1} << 32;

/// How many parameters stand together in a network of this shape, in their order: a layer's weights, then its
/// biases where it has any. They add up to parameter_count().
[[nodiscard]] std::vector<std::size_t> parameter_groups(const CppnTopology& topology);
[[nodiscard]] double root_mean_square(std::span<const float> values);  // 0 for none

/// A direction in which the part can move, as long as the part itself: for the latent vector N(0, 1); for
/// parameters N(0, d^2), where d is the root mean square of the layer's weights, or of its biases, that the
/// parameter is one of. The same on every machine.
[[nodiscard]] std::vector<double> random_direction(const CppnRecipe& recipe, VariedPart part,
                                                   std::uint64_t seed, std::uint64_t index);

/// The part as numbers, and the recipe with other numbers for it (rounded to fp32 for parameters). A recipe
/// whose parameters change has no origin any more. Throws InvalidArgument for another count, or numbers that
/// are not finite in fp32.
[[nodiscard]] std::vector<double> part_of(const CppnRecipe& recipe, VariedPart part);
[[nodiscard]] CppnRecipe with_part(CppnRecipe recipe, VariedPart part, std::span<const double> values);

/// The recipe's neighbour number `index`: part + strength * random_direction(…, seed, index). Index 0 is the
/// recipe itself. Throws InvalidArgument: `latent` of a recipe that has none, a strength that is not finite.
[[nodiscard]] CppnRecipe varied(const CppnRecipe& recipe, VariedPart part, double strength,
                                std::uint64_t seed, std::uint64_t index);

}  // namespace atelier
