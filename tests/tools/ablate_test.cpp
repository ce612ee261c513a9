// Whole articles as one command: `atelier ablate` and `atelier experiments --run`, and the page they make.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/tools/png_pixels.h"
#include "tests/tools/process.h"
#include "tests/tools/training_runs.h"
#include "tools/experiment_page.h"

namespace atelier::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// The judge that an ablation trains is kept in the test's own folder.
Outcome ablate(const TemporaryFolder& folder, const std::string& name, const std::vector<std::string>& more) {
  return atelier(with({"ablate", "--dataset", "digits", "--seeds", "3,5", "--limit", "240", "--epochs", "1",
                       "--device", "cpu", "--run", folder / name},
                      more),
                 {.environment = {{"XDG_CACHE_HOME", folder / "cache"}}});
}

TEST(Ablate, JudgesAllEightCells) {
  const TemporaryFolder folder;
  const Outcome outcome = ablate(folder, "chart", {"--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto document = nlohmann::json::parse(outcome.out);
  ASSERT_EQ(document.at("runs").size(), 16U);
  int collapsed = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    const auto& run = document.at("runs")[i];
    EXPECT_EQ(run.at("seed"), i % 2 == 0 ? 3 : 5);
    EXPECT_EQ(run.at("adam"), i >= 8);
    EXPECT_EQ(run.at("layer_norm"), i / 4 % 2 == 1);
    EXPECT_EQ(run.at("leaky_relu"), i / 2 % 2 == 1);
    EXPECT_GE(run.at("modes"), 1);
    EXPECT_GT(run.at("frechet_to_train"), document.at("real").at("frechet_to_train"));
    EXPECT_GE(run.at("variance"), 0.0);
    collapsed += run.at("collapsed").get<bool>() ? 1 : 0;
  }
  // With neither LayerNorm nor LeakyReLU all pictures of a generator are alike from the start.
  EXPECT_TRUE(document.at("runs")[0].at("collapsed"));
  EXPECT_TRUE(document.at("runs")[8].at("collapsed"));
  EXPECT_FALSE(document.at("runs")[14].at("collapsed"));
  EXPECT_LT(collapsed, 12);
  const std::string csv = read_file(folder / "chart/runs.csv");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 17);
  EXPECT_THAT(read_file(folder / "chart/table.txt"), HasSubstr("Adam + LayerNorm + LeakyReLU"));
  // Nine grids of 5 x 5 pictures, three in a row.
  EXPECT_GT(read_pixels(folder / "chart/ablation.png").width, 3 * 5 * 28 * 2);
  EXPECT_GT(read_pixels(folder / "chart/ablation.png").height, 3 * 5 * 28 * 2);

  // One after the other the same comes out.
  const Outcome alone = ablate(folder, "alone", {"-q", "--threads", "1"});
  ASSERT_EQ(alone.code, 0) << alone.err;
  EXPECT_EQ(alone.out, "");
  EXPECT_EQ(read_file(folder / "alone/runs.csv"), csv);
  EXPECT_EQ(read_file(folder / "alone/ablation.png"), read_file(folder / "chart/ablation.png"));

  const Outcome again = ablate(folder, "chart", {});
  EXPECT_EQ(again.code, 1);
  EXPECT_EQ(again.error_lines(), 1) << again.err;
}

TEST(Ablate, RefusesWhatCannotBe) {
  const TemporaryFolder folder;
  const auto attempt = [&](const std::vector<std::string>& words, int code, const std::string& message) {
    const Outcome outcome = atelier(with(words, {"--device", "cpu"}), {.folder = folder.path()});
    expect_refusal(outcome, code, message);
  };
  attempt({"ablate", "--seeds", "2..1"}, 2, "--seeds");
  attempt({"ablate", "--epochs", "0"}, 2, "--epochs");
  attempt({"ablate", "--dataset", "nowhere"}, 1, "nowhere");
  attempt({"experiments", "--run", "part9"}, 2, "part1, part2 and part3");
  attempt({"experiments", "--run", "part1", "-o", "page.html"}, 2, "--folder");
  EXPECT_EQ(folder.names(), std::vector<std::string>());
}

TEST(ExperimentsRun, FirstArticleGivesAPage) {
  const TemporaryFolder folder;
  const std::vector<std::string> words{"experiments", "--run",    "part1",         "--device",
                                       "cpu",         "--folder", folder / "part1"};
  const Outcome outcome = atelier(words);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("atelier train nodes-gan --seed 1"));
  const std::string page = read_file(folder / "part1/index.html");
  EXPECT_THAT(page, HasSubstr("<pre>atelier train nodes-discriminator --seed 1</pre>"));
  EXPECT_THAT(page, HasSubstr("<td>iterations</td><td>300</td>"));
  for (std::size_t place = page.find("<img src=\""); place != std::string::npos;
       place = page.find("<img src=\"", place + 1)) {
    const std::size_t begin = place + std::string("<img src=\"").size();
    const std::string file = page.substr(begin, page.find('"', begin) - begin);
    EXPECT_GT(read_pixels(folder / ("part1/" + file)).width, 0) << file;
  }
  // What is finished is not done again.
  const std::string summary = read_file(folder / "part1/nodes-gan/summary.json");
  ASSERT_EQ(atelier(with(words, {"-q"})).code, 0);
  EXPECT_EQ(read_file(folder / "part1/nodes-gan/summary.json"), summary);
  EXPECT_EQ(read_file(folder / "part1/index.html"), page);
}

/// The names end so that it belongs to the long level: it trains nine networks and an ablation.
TEST(LongTrainExperimentsRun, ThirdArticleGivesAPage) {
  const TemporaryFolder folder;
  const Outcome outcome = atelier({"experiments", "--run", "part3", "--dataset", "digits", "--limit", "300",
                                   "--device", "cpu", "--folder", folder / "part3"},
                                  {.environment = {{"XDG_CACHE_HOME", folder / "cache"}}});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const std::string page = read_file(folder / "part3/index.html");
  for (const char* caption : {"after 1 epoch<", "after 2 epochs<", "after 4 epochs<", "after 6 epochs<",
                              "after 8 epochs<", "timeline", "memorisation", "confusion"})
    EXPECT_THAT(page, HasSubstr(caption));
  EXPECT_THAT(page, HasSubstr("Adam + LayerNorm + LeakyReLU"));
}

TEST(ExperimentPage, EscapesWhatItShows) {
  const std::string page = tools::experiment_page(
      "A & B", "<b>",
      {{"a < b", "\"quoted\"", "command > file", {{"n&m", "<1>"}}, "x<y", {{"a\"b.png", "c>d"}}}});
  EXPECT_THAT(page, HasSubstr("<title>A &amp; B</title>"));
  EXPECT_THAT(page, HasSubstr("<p>&lt;b&gt;</p>"));
  EXPECT_THAT(page, HasSubstr("<td>n&amp;m</td><td>&lt;1&gt;</td>"));
  EXPECT_THAT(page, HasSubstr("src=\"a&quot;b.png\""));
  EXPECT_THAT(page, HasSubstr("<pre>command &gt; file</pre>"));
  EXPECT_THAT(page, Not(HasSubstr("x<y")));
}

}  // namespace
}  // namespace atelier::testing
