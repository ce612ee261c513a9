#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

// Included by .cpp files of models/ only.
namespace atelier::detail {

/// All of a regular file. Throws Error, one line that names the file: it cannot be read, is a folder or a
/// device, has more than `largest` bytes, or shrinks while it is read.
[[nodiscard]] std::vector<std::byte> file_contents(const std::filesystem::path& path, std::uint64_t largest);

}  // namespace atelier::detail
