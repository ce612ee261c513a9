#include "tools/window_precision.h"

#include <algorithm>
#include <cmath>

namespace atelier::tools {

std::optional<std::string> window_warning(const CppnRecipe& recipe) {
  const CppnWindow window = recipe_window(recipe, recipe.width, recipe.height);
  const double step = std::hypot(window.x_column, window.y_column);
  // Beside a bias of order 1 a coordinate counts only to the bias's last bit.
  const bool biased = recipe.topology.layers.front().bias;
  const double magnitude = std::max({std::abs(window.x0), std::abs(window.y0), biased ? 0.25 : 0.0});
  const bool single = recipe.precision == CppnPrecision::fp32;
  if (step == 0 || step >= magnitude * (single ? 0x1p-24 : 0x1p-53)) return std::nullopt;
  return single ? "the window is finer than fp32 can tell pixels apart: --precision double paints it sharp"
                : "the window is finer than double can tell pixels apart: a larger --span is needed";
}

}  // namespace atelier::tools
