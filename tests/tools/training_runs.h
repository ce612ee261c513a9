#pragma once

#include <cstdint>
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
/// Kills the run `kills` times, each time after a moment drawn from `seed`, then lets it come to its end: it
/// must be the run that nobody disturbed.
void expect_survives(const std::vector<std::string>& words, int kills, int longest_milliseconds,
                     std::uint32_t seed);

}  // namespace atelier::testing
