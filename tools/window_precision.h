#pragma once

#include <optional>
#include <string>

#include "models/recipe.h"

namespace atelier::tools {

/// What to say when neighbouring pixels are nearer to each other than numbers of the recipe's precision can
/// be: the picture would be of blocks, or of one colour. Nothing where they are not.
[[nodiscard]] std::optional<std::string> window_warning(const CppnRecipe& recipe);

}  // namespace atelier::tools
