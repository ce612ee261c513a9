// `atelier gradcheck` as a user meets it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "tests/tools/png_pixels.h"
#include "tests/tools/process.h"

namespace atelier::testing {
namespace {

using ::testing::HasSubstr;

TEST(Gradcheck, ShowsThatBothWaysAgree) {
  const Outcome text = atelier({"gradcheck", "--device", "cpu"});
  ASSERT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("(E(w + h) - E(w - h)) / 2h with h = 0.0001"));
  EXPECT_THAT(text.out, HasSubstr("Cost of a step: central differences take 66 forward passes"));
  const TemporaryFolder folder;
  const bool plot = std::system("gnuplot --version > /dev/null 2>&1") == 0;
  std::vector<std::string> words{"gradcheck", "--device", "cpu", "--steps", "200", "--json", "--seed", "2"};
  if (plot) words = with(words, {"-o", folder / "plot.png"});
  const Outcome outcome = atelier(words);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto document = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(document.at("parameters"), 33);
  EXPECT_EQ(document.at("comparisons").size(), 33U);
  EXPECT_EQ(document.at("learned_by_back_propagation").size(), 201U);
  EXPECT_LT(document.at("worst_of_back_propagation").get<double>(), 1e-6);
  EXPECT_LT(document.at("worst_of_engine").get<double>(), 1e-5);
  EXPECT_EQ(document.at("central_differences").at("passes_per_step"), 66);
  if (plot) {
    EXPECT_EQ(read_pixels(folder / "plot.png").width, 900);
    EXPECT_EQ(atelier(words).code, 1);  // it is there now
  }
}

}  // namespace
}  // namespace atelier::testing
