#include "models/cache_folder.h"

#include <cstdlib>

namespace atelier {

std::filesystem::path cache_folder() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here sets variables
    return std::filesystem::path(value != nullptr ? value : "");
  };
  if (const std::filesystem::path cache = variable("XDG_CACHE_HOME"); !cache.empty())
    return cache / "atelier";
  if (const std::filesystem::path home = variable("HOME"); !home.empty()) return home / ".cache" / "atelier";
  return {};
}

}  // namespace atelier
