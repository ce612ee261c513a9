// Text on pictures.
#include "tools/image/label.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/error.h"
#include "tests/tools/process.h"

namespace atelier::tools {
namespace {

class Label : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!LabelFont::find()) GTEST_SKIP() << "no font on this machine (ATELIER_FONT names one)";
  }
  [[nodiscard]] static LabelFont font(int pixels) { return {*LabelFont::find(), pixels}; }
};

/// Columns and rows that text has touched: {left, right, top, bottom}; left > right when there is none.
std::array<std::int64_t, 4> ink(Canvas& canvas) {
  std::array<std::int64_t, 4> box{canvas.width, -1, canvas.height, -1};
  for (std::int64_t y = 0; y < canvas.height; ++y)
    for (std::int64_t x = 0; x < canvas.width; ++x)
      if (canvas.pixel(x, y)[0] > 40)
        box = {std::min(box[0], x), std::max(box[1], x), std::min(box[2], y), std::max(box[3], y)};
  return box;
}

TEST_F(Label, DrawsInsideItsMeasures) {
  const LabelFont text = font(16);
  Canvas canvas(200, 40, {0, 0, 0});
  text.draw(canvas, 10, 25, "Seed 42gy", {255, 255, 255});
  const auto box = ink(canvas);
  EXPECT_GE(box[0], 9);
  EXPECT_LE(box[1], 10 + text.width("Seed 42gy"));
  EXPECT_GT(box[1], 10 + text.width("Seed 42gy") * 3 / 4);
  EXPECT_GE(box[2], 25 - text.ascent());
  EXPECT_LT(box[3], 25 - text.ascent() + text.line_height());
  EXPECT_GT(box[3], 25);  // the letters g and y hang below the baseline
}

TEST_F(Label, CutsAtTheEdges) {
  const LabelFont text = font(30);
  Canvas canvas(20, 10, {0, 0, 0});
  text.draw(canvas, -15, 5, "WWWW",
            {255, 255, 255});  // under AddressSanitizer a write outside would end this
  EXPECT_GE(ink(canvas)[1], 0);
}

TEST_F(Label, ShortensAndWraps) {
  const LabelFont text = font(12);
  EXPECT_EQ(text.shortened("short", 500), "short");
  const std::string cut = text.shortened("a rather long line of text", 60);
  EXPECT_LE(text.width(cut), 60);
  EXPECT_TRUE(cut.ends_with("…"));
  const auto lines = text.wrapped("one two three four five six seven eight nine ten", 80, 3);
  ASSERT_EQ(lines.size(), 3U);
  for (const std::string& line : lines) EXPECT_LE(text.width(line), 80);
  EXPECT_TRUE(lines[2].ends_with("…"));
  EXPECT_EQ(text.wrapped("one", 80, 3).size(), 1U);
  EXPECT_TRUE(text.wrapped("", 80, 3).empty());
}

TEST_F(Label, ReadsUtf8) {
  const LabelFont text = font(12);
  EXPECT_LT(text.width("±"), text.width("±±"));
  EXPECT_EQ(text.width("±±"), text.width("\u00b1\u00b1"));
  EXPECT_GT(text.width("\xFF\xC2"), 0);  // malformed bytes show as replacement characters
}

TEST(LabelFontFile, MustBeAFont) {
  const testing::TemporaryFolder folder;
  testing::write_file(folder / "no.ttf", "not a font");
  EXPECT_THROW(LabelFont(folder / "no.ttf", 12), Error);
}

}  // namespace
}  // namespace atelier::tools
