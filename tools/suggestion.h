#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace atelier::tools {

/// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b` (optimal string
/// alignment distance).
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// The name closest to `word`, empty when none is close enough to be what was meant (more than a third of
/// the word, and at least two edits, away).
[[nodiscard]] std::string closest_name(std::string_view word, const std::vector<std::string>& names);

/// "; did you mean NAME?" or nothing.
[[nodiscard]] std::string did_you_mean(std::string_view word, const std::vector<std::string>& names);

}  // namespace atelier::tools
