#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace atelier::testing {

/// Where PyTorch's own numbers lie: $ATELIER_GOLDEN when that is set, else shared/golden beside the source
/// tree, then tests/golden.
inline std::vector<std::filesystem::path> golden_folders() {
  std::vector<std::filesystem::path> folders;
  if (const char* named = std::getenv("ATELIER_GOLDEN")) {
    folders.emplace_back(named);
  } else {
#if defined(ATELIER_SOURCE_FOLDER)
    folders.emplace_back(std::filesystem::path(ATELIER_SOURCE_FOLDER) / ".." / "shared" / "golden");
    folders.emplace_back(std::filesystem::path(ATELIER_SOURCE_FOLDER) / "tests" / "golden");
#endif
  }
  return folders;
}

/// A golden file by its name, from the first folder that has it.
inline std::optional<std::filesystem::path> golden_file(const std::string& name) {
  for (const std::filesystem::path& folder : golden_folders()) {
    std::error_code ignored;
    if (std::filesystem::is_regular_file(folder / name, ignored)) return folder / name;
  }
  return std::nullopt;
}

/// PyTorch's own networks and pixels: every cppn_*.safetensors of the golden folders (a name that is in both
/// is read once). A file holds the weights, rgb_u8_truncated, and mostly rgb_f32 and rgb_f64 too.
inline std::vector<std::filesystem::path> golden_cppn_files() {
  std::vector<std::filesystem::path> files;
  for (const std::filesystem::path& folder : golden_folders()) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
      const std::filesystem::path& file = entry.path();
      const std::string name = file.filename().string();
      if (!name.starts_with("cppn_") || file.extension() != ".safetensors") continue;
      if (std::none_of(files.begin(), files.end(),
                       [&](const auto& known) { return known.filename() == name; }))
        files.push_back(file);
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace atelier::testing
