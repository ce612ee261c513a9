#include "tools/metrics_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "runtime/error.h"
#include "tests/tools/process.h"

namespace atelier::tools {
namespace {

using atelier::testing::read_file;
using atelier::testing::TemporaryFolder;
using atelier::testing::write_file;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
const std::vector<std::string> kNames{"iteration", "loss"};

void write_rows(const std::string& path, std::int64_t at, const std::vector<std::vector<double>>& rows) {
  MetricsFile file(path, kNames, at);
  file.append(rows);
  file.flush();
}

TEST(MetricText, GivesTheNumberBackInFewDigits) {
  EXPECT_EQ(metric_text(3), "3");
  EXPECT_EQ(metric_text(-2), "-2");
  EXPECT_EQ(metric_text(1e9), "1000000000");
  EXPECT_EQ(metric_text(static_cast<double>(0.1F)), "0.1");
  EXPECT_EQ(metric_text(0.1), "0.1");
  EXPECT_EQ(metric_text(1.0 / 3), "0.3333333333333333");
  EXPECT_EQ(metric_text(kNaN), "");
  EXPECT_EQ(metric_text(std::numeric_limits<double>::infinity()), "inf");
}

TEST(MetricsFile, WritesNamesAndRows) {
  const TemporaryFolder folder;
  write_rows(folder / "m.csv", 0, {{10, 0.5}, {20, kNaN}});
  EXPECT_EQ(read_file(folder / "m.csv"), "iteration,loss\n10,0.5\n20,\n");
  write_rows(folder / "m.csv", 20, {{30, 2}});
  EXPECT_EQ(read_file(folder / "m.csv"), "iteration,loss\n10,0.5\n20,\n30,2\n");
}

TEST(MetricsFile, CutsBackToAnIteration) {
  const TemporaryFolder folder;
  const std::string path = folder / "m.csv";
  for (const char* torn : {"", "4", "40,", "40,0.25", "40,0.25\n", "nonsense\n40,1\n", "\n"}) {
    write_file(path, std::string("iteration,loss\n10,0.5\n20,0.4\n30,0.3\n") + torn);
    write_rows(path, 20, {{30, 7}});
    EXPECT_EQ(read_file(path), "iteration,loss\n10,0.5\n20,0.4\n30,7\n") << torn;
  }
  // Rows of the same iteration as the checkpoint belong to it; a run without checkpoint begins again.
  write_file(path, "iteration,loss\n10,0.5\n10,0.4\n30,0.3\n");
  write_rows(path, 10, {});
  EXPECT_EQ(read_file(path), "iteration,loss\n10,0.5\n10,0.4\n");
  write_rows(path, 0, {});
  EXPECT_EQ(read_file(path), "iteration,loss\n");
}

TEST(MetricsFile, BeginsAgainWhereTheNamesWereTorn) {
  const TemporaryFolder folder;
  for (const char* torn : {"", "iter", "iteration,loss"}) {
    write_file(folder / "m.csv", torn);
    write_rows(folder / "m.csv", 0, {{1, 1}});
    EXPECT_EQ(read_file(folder / "m.csv"), "iteration,loss\n1,1\n") << torn;
  }
}

TEST(MetricsFile, RefusesOtherColumnsAndBadPlaces) {
  const TemporaryFolder folder;
  write_file(folder / "m.csv", "iteration,error\n1,1\n");
  EXPECT_THROW(MetricsFile(folder / "m.csv", kNames, 1), InvalidArgument);
  EXPECT_EQ(read_file(folder / "m.csv"), "iteration,error\n1,1\n");
  EXPECT_THROW(MetricsFile(folder / "none/m.csv", kNames, 0), Error);
}

TEST(ReadMetrics, GivesColumns) {
  const TemporaryFolder folder;
  write_file(folder / "m.csv", "iteration,loss\n10,0.5\n20,\n30,1e-3\n40,inf\n");
  const MetricsTable table = read_metrics(folder / "m.csv");
  EXPECT_THAT(table.names, ElementsAre("iteration", "loss"));
  EXPECT_THAT(*table.column("iteration"), ElementsAre(10, 20, 30, 40));
  const std::vector<double>& loss = *table.column("loss");
  EXPECT_EQ(loss[0], 0.5);
  EXPECT_TRUE(std::isnan(loss[1]));
  EXPECT_EQ(loss[2], 1e-3);
  EXPECT_TRUE(std::isinf(loss[3]));
  EXPECT_EQ(table.column("error"), nullptr);
}

TEST(ReadMetrics, NamesTheLineThatIsNoRow) {
  const TemporaryFolder folder;
  const auto message = [&](const std::string& contents) -> std::string {
    write_file(folder / "m.csv", contents);
    try {
      (void)read_metrics(folder / "m.csv");
    } catch (const InvalidArgument& error) {
      return error.what();
    }
    return "nothing was thrown";
  };
  EXPECT_THAT(message("a,b\n1,2\n3\n"), HasSubstr("line 3: 1 cells, the header has 2"));
  EXPECT_THAT(message("a,b\n1,2,3\n"), HasSubstr("line 2: not a row of 2 numbers"));
  EXPECT_THAT(message("a,b\n1,x\n"), HasSubstr("line 2"));
  EXPECT_THAT(message(""), HasSubstr("is empty"));
}

}  // namespace
}  // namespace atelier::tools
