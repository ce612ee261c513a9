#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/tools/process.h"

namespace atelier::testing {

/// `atelier train … --device cpu`.
[[nodiscard]] Outcome train(const std::vector<std::string>& words, const Surroundings& surroundings = {});
/// The same with -q, which must succeed and be silent.
void train_quietly(const std::vector<std::string>& words, const Surroundings& surroundings = {});

/// Sorted; none where there is no such folder.
[[nodiscard]] std::vector<std::string> names_in(const std::filesystem::path& folder);
/// Everything of a run that decides its future or shows its past is the same to the byte.
void expect_same_run(const std::filesystem::path& run, const std::filesystem::path& expected);

}  // namespace atelier::testing
