#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "models/learner.h"

namespace atelier::tools {

/// Vectors of a summary longer than this are tables: for JSON and pictures, not for lines of text.
inline constexpr std::size_t kMostNumbersOfALine = 16;

/// "mean_output", the name of an entry or of a column, as words: "mean output".
[[nodiscard]] std::string words_of(std::string name);
/// {"accuracy": 0.9037, "outputs": [0.9, …]}; NaN is null.
[[nodiscard]] nlohmann::ordered_json summary_json(const std::vector<SummaryEntry>& summary);
/// A line an entry, names in one column.
[[nodiscard]] std::string summary_text(const std::vector<SummaryEntry>& summary);
/// The entry of this name; nullptr where there is none.
[[nodiscard]] const SummaryEntry* find_entry(const std::vector<SummaryEntry>& summary,
                                             const std::string& name);

}  // namespace atelier::tools
