#include "tests/tools/training_runs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <random>
#include <thread>

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

void expect_survives(const std::vector<std::string>& words, int kills, int longest_milliseconds,
                     std::uint32_t seed) {
  const TemporaryFolder folder;
  train_quietly(with(words, {"--run", folder / "whole"}));
  const std::vector<std::string> resumed =
      with(with({"train"}, words), {"--device", "cpu", "-q", "--resume", "--run", folder / "killed"});
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> moment(0, longest_milliseconds);
  for (int i = 0; i < kills; ++i) {
    Process process(atelier_program(), resumed, {});
    std::this_thread::sleep_for(std::chrono::milliseconds(moment(random)));
    process.send(SIGKILL);
    // Whether the moment came too late does not matter: then the run is finished, and stays so.
    const Outcome outcome = process.wait();
    ASSERT_TRUE(outcome.signal == SIGKILL || outcome.code == 0) << outcome.err;
  }
  train_quietly(with(words, {"--resume", "--run", folder / "killed"}));
  expect_same_run(folder / "killed", folder / "whole");
}

}  // namespace atelier::testing
