#include "tests/tools/training_runs.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace atelier::testing {

Outcome train(const std::vector<std::string>& words, const Surroundings& surroundings) {
  return atelier(with(with({"train"}, words), {"--device", "cpu"}), surroundings);
}

void train_quietly(const std::vector<std::string>& words, const Surroundings& surroundings) {
  const Outcome outcome = train(with(words, {"-q"}), surroundings);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(outcome.out, "");
}

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  if (!std::filesystem::exists(folder)) return names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

void expect_same_run(const std::filesystem::path& run, const std::filesystem::path& expected) {
  for (const char* name : {"checkpoint.safetensors", "metrics.csv", "config.json"})
    EXPECT_TRUE(read_file(run / name) == read_file(expected / name)) << name << " of " << run;
  EXPECT_EQ(names_in(run), names_in(expected));
  ASSERT_EQ(names_in(run / "samples"), names_in(expected / "samples"));
  for (const std::string& name : names_in(expected / "samples"))
    EXPECT_TRUE(read_file(run / "samples" / name) == read_file(expected / "samples" / name)) << name;
}

}  // namespace atelier::testing
