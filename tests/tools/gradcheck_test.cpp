// `atelier gradcheck` as a user meets it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/tools/png_pixels.h"
#include "tests/tools/process.h"

namespace atelier::testing {
namespace {

using ::testing::HasSubstr;

/// "45.02 us" in seconds, and how far the rounding may have moved it.
struct Duration {
  double seconds;
  double rounding;
};
Duration duration_of(double number, const std::string& unit) {
  const double scale = unit == "us" ? 1e-6 : unit == "ms" ? 1e-3 : 1;
  return {number * scale, 0.0051 * scale};
}

/// The words claim what was measured: the ratios are those of the two times.
void expect_measured_cost(const std::string& text) {
  const std::size_t place = text.find("Cost of a step, measured");
  ASSERT_NE(place, std::string::npos) << text;
  double slow_number = 0;
  double fast_number = 0;
  double claimed_passes = 0;
  double claimed_times = 0;
  std::array<char, 3> slow_unit{};
  std::array<char, 3> fast_unit{};
  const int found = std::sscanf(text.c_str() + place,
                                "Cost of a step, measured in double on one core: central differences take "
                                "%lf %2s for 66 forward passes, back-propagation %lf %2[a-z], as long as %lf "
                                "of those passes: %lf times less.",
                                &slow_number, slow_unit.data(), &fast_number, fast_unit.data(),
                                &claimed_passes, &claimed_times);
  ASSERT_EQ(found, 6) << text;
  const Duration slow = duration_of(slow_number, slow_unit.data());
  const Duration fast = duration_of(fast_number, fast_unit.data());
  const double relative = slow.rounding / slow.seconds + fast.rounding / fast.seconds;
  const double passes = 66 * fast.seconds / slow.seconds;
  const double times = slow.seconds / fast.seconds;
  EXPECT_NEAR(claimed_passes, passes, 0.051 + 1.1 * relative * passes);
  EXPECT_NEAR(claimed_times, times, 0.051 + 1.1 * relative * times);
}

TEST(Gradcheck, ShowsThatBothWaysAgree) {
  const Outcome text = atelier({"gradcheck", "--device", "cpu"});
  ASSERT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("(E(w + h) - E(w - h)) / 2h with h = 0.0001"));
  expect_measured_cost(text.out);
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
