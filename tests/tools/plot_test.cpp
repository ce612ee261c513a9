#include "tools/plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <limits>

#include "runtime/error.h"
#include "tests/tools/png_pixels.h"
#include "tests/tools/process.h"

namespace atelier::tools {
namespace {

using atelier::testing::Pixels;
using atelier::testing::read_pixels;
using atelier::testing::TemporaryFolder;
using atelier::testing::write_file;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

PlotDescription losses() {
  PlotDescription plot;
  plot.file = "loss.png";
  plot.title = "Losses \"of\" a run";
  plot.x_label = "iteration";
  plot.y_label = "loss";
  plot.curves = {{"loss", "the \\loss"}, {"missing", "not there"}};
  return plot;
}

MetricsTable table_of(const std::vector<double>& losses) {
  MetricsTable table;
  table.names = {"iteration", "loss"};
  table.columns.resize(2);
  for (std::size_t i = 0; i < losses.size(); ++i) {
    table.columns[0].push_back(static_cast<double>(i * 10));
    table.columns[1].push_back(losses[i]);
  }
  return table;
}

bool have_gnuplot() {
  return draw("set terminal pngcairo size 20,20\nplot 1\n").problem.find("not here") == std::string::npos;
}

/// The drawing's pixels; fails the test where there is none.
Pixels pixels_of(const std::string& script) {
  const Drawing drawing = draw(script);
  EXPECT_EQ(drawing.problem, "");
  const TemporaryFolder folder;
  write_file(folder / "plot.png", drawing.png);
  return read_pixels(folder / "plot.png");
}

/// Pixels near a colour.
std::int64_t count_near(const Pixels& pixels, int red, int green, int blue) {
  std::int64_t count = 0;
  for (std::int64_t row = 0; row < pixels.height; ++row)
    for (std::int64_t column = 0; column < pixels.width; ++column) {
      const std::uint8_t* pixel = pixels.at(column, row);
      if (std::abs(pixel[0] - red) + std::abs(pixel[1] - green) + std::abs(pixel[2] - blue) < 40) ++count;
    }
  return count;
}

TEST(CurvesScript, HasWhatWasDescribed) {
  const std::string script = curves_script(losses(), table_of({1, kNaN, 0.5}));
  EXPECT_THAT(script, HasSubstr("set title \"Losses \\\"of\\\" a run\""));
  EXPECT_THAT(script, HasSubstr("title \"the \\\\loss\""));
  EXPECT_THAT(script, HasSubstr("set xlabel \"iteration\""));
  EXPECT_THAT(script, HasSubstr("<< END\n0 1\n20 0.5\nEND\n"));
  EXPECT_THAT(script, Not(HasSubstr("not there")));
  EXPECT_THAT(script, Not(HasSubstr("nan")));
}

TEST(CurvesScript, TakesTheAxisThatIsNamed) {
  MetricsTable table = table_of({1, 2});
  table.names.emplace_back("epoch");
  table.columns.push_back({0.5, 1});
  PlotDescription plot = losses();
  plot.x_label = "epoch";
  EXPECT_THAT(curves_script(plot, table), HasSubstr("<< END\n0.5 1\n1 2\nEND\n"));
}

TEST(CurvesScript, MarksWholeEpochsOnly) {
  MetricsTable table = table_of({1, 2, 3});
  table.columns[0] = {1, 2, 3};
  EXPECT_THAT(curves_script(losses(), table), HasSubstr("set xtics 1\n"));
  table.columns[0] = {1, 2, 60000};
  EXPECT_THAT(curves_script(losses(), table), Not(HasSubstr("set xtics 1\n")));
  table.columns[0] = {0.5, 1, 1.5};
  EXPECT_THAT(curves_script(losses(), table), Not(HasSubstr("set xtics 1\n")));
}

TEST(ConfusionScript, RefusesWhatIsNoSquare) {
  EXPECT_THROW((void)confusion_script({1, 2, 3}, "x"), InvalidArgument);
  EXPECT_THROW((void)confusion_script({}, "x"), InvalidArgument);
}

TEST(Draw, PaintsTheCurve) {
  if (!have_gnuplot()) GTEST_SKIP() << "gnuplot is not installed";
  std::vector<double> values;
  for (int i = 0; i < 500; ++i) values.push_back(1.0 / (1 + i));
  const Pixels line = pixels_of(curves_script(losses(), table_of(values)));
  EXPECT_EQ(line.width, 900);
  EXPECT_EQ(line.height, 500);
  EXPECT_GT(count_near(line, 0x00, 0x72, 0xB2), 500);  // about a pixel for each column of the plot
  EXPECT_GT(count_near(line, 255, 255, 255), line.width * line.height / 2);
  const Pixels nothing = pixels_of(curves_script(losses(), table_of({kNaN, kNaN})));
  EXPECT_EQ(count_near(nothing, 0x00, 0x72, 0xB2), 0);
}

TEST(Draw, PaintsConfusion) {
  if (!have_gnuplot()) GTEST_SKIP() << "gnuplot is not installed";
  std::vector<std::int64_t> counts(100, 0);
  for (std::size_t i = 0; i < 10; ++i) counts[i * 10 + i] = 900;
  const Pixels diagonal = pixels_of(confusion_script(counts, "right"));
  // Ten dark cells of a hundred, on a plane of some three quarters of the picture.
  const std::int64_t dark = count_near(diagonal, 0x0B, 0x4F, 0x8A);
  EXPECT_GT(dark, diagonal.width * diagonal.height * 4 / 100);
  EXPECT_LT(dark, diagonal.width * diagonal.height * 12 / 100);
}

TEST(Draw, IsTheSameTwice) {
  if (!have_gnuplot()) GTEST_SKIP() << "gnuplot is not installed";
  const std::string script = curves_script(losses(), table_of({3, 2, 1}));
  EXPECT_EQ(draw(script).png, draw(script).png);
}

TEST(Draw, SaysWhatIsWrong) {
  if (!have_gnuplot()) GTEST_SKIP() << "gnuplot is not installed";
  const Drawing drawing = draw("set terminal pngcairo\nplot nonsense(\n");
  EXPECT_THAT(drawing.png, IsEmpty());
  EXPECT_THAT(drawing.problem, HasSubstr("gnuplot failed: "));
  EXPECT_EQ(drawing.problem.find('\n'), std::string::npos);
}

TEST(Draw, SaysHowToGetGnuplot) {
  const TemporaryFolder empty;
  const char* const path = std::getenv("PATH");
  const std::string kept = path != nullptr ? path : "";
  ASSERT_EQ(setenv("PATH", empty.path().c_str(), 1), 0);
  const Drawing drawing = draw("plot 1\n");
  ASSERT_EQ(setenv("PATH", kept.c_str(), 1), 0);
  EXPECT_THAT(drawing.png, IsEmpty());
  EXPECT_THAT(drawing.problem, HasSubstr("apt install gnuplot-nox"));
}

}  // namespace
}  // namespace atelier::tools
