#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace atelier {

/// Writes `parts`, one after the other, to a new file beside `path`, makes it reach the disk (fsync) and
/// renames it to `path`: at any moment, also after a crash, `path` is the old file or the whole new one.
/// Throws Error with one line (the path, what failed, why); the old file then stays and nothing new is left
/// behind.
void replace_file(const std::filesystem::path& path, std::span<const std::span<const std::byte>> parts);

}  // namespace atelier
