#pragma once

#include <filesystem>

namespace atelier {

/// Where this user's programs keep what can be made again: atelier inside $XDG_CACHE_HOME, or inside
/// $HOME/.cache. Empty where neither variable is set. The folder need not exist.
[[nodiscard]] std::filesystem::path cache_folder();

}  // namespace atelier
