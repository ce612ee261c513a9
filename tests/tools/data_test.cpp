// `atelier data`: what it says of a data set, and that a sheet's pictures are the data's, pixel by pixel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "models/data_set.h"
#include "tests/tools/png_pixels.h"
#include "tests/tools/process.h"

namespace atelier::testing {
namespace {

using ::testing::HasSubstr;

// Three pictures of 2 x 2 with the labels 4, 0, 4: every fact can be counted by hand.
constexpr const char* kThree = "4,0,51,102,255\n0,255,255,255,255\n4,0,0,0,0\n";

TEST(Data, SaysWhatItHolds) {
  const TemporaryFolder folder;
  write_file(folder / "three.csv", kThree);
  const Outcome outcome = atelier({"data", folder / "three.csv", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto document = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(document.at("pictures"), 3);
  EXPECT_EQ(document.at("width"), 2);
  EXPECT_EQ(document.at("labels"), nlohmann::json({1, 0, 0, 0, 2}));
  EXPECT_NEAR(document.at("mean").get<double>(), 5.6 / 12, 1e-12);
  const double squares = (0.04 + 0.16 + 5) / 12;
  EXPECT_NEAR(document.at("deviation").get<double>(), std::sqrt(squares - 5.6 / 12 * 5.6 / 12), 1e-12);
  const Outcome text = atelier({"data", folder / "three.csv"});
  EXPECT_THAT(text.out, HasSubstr("3 pictures of 2 x 2"));
  EXPECT_THAT(text.out, HasSubstr("label 4    2\n"));
}

TEST(Data, SheetHoldsThePictures) {
  const TemporaryFolder folder;
  const Outcome outcome = atelier({"data", "digits", "--split", "test", "--first", "7", "--count", "5",
                                   "--columns", "3", "-o", folder / "sheet.png"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Pixels sheet = read_pixels(folder / "sheet.png");
  ASSERT_EQ(sheet.width, 3 * 29 - 1);
  ASSERT_EQ(sheet.height, 2 * 29 - 1);
  ASSERT_EQ(sheet.channels, 1);
  const DataSet digits = load_data_set("digits", Split::test);
  for (std::int64_t y = 0; y < sheet.height; ++y)
    for (std::int64_t x = 0; x < sheet.width; ++x) {
      const std::int64_t picture = y / 29 * 3 + x / 29;
      const bool gap = x % 29 == 28 || y % 29 == 28 || picture >= 5;
      const auto pixel = static_cast<std::size_t>(((7 + picture) * 28 + y % 29) * 28 + x % 29);
      ASSERT_EQ(*sheet.at(x, y), gap ? 64 : digits.pixels[pixel]) << x << ", " << y;
    }
}

TEST(Data, OnePictureIsWhatClassifyReads) {
  const TemporaryFolder folder;
  const std::vector<std::string> words{"data", "--split", "test", "--count", "1", "-o", folder / "one.png"};
  ASSERT_EQ(atelier(words).code, 0);
  EXPECT_EQ(read_pixels(folder / "one.png").width, 28);
  EXPECT_EQ(atelier(words).code, 1);  // it is there now
}

TEST(Data, MistakesAreOneLine) {
  const TemporaryFolder folder;
  write_file(folder / "three.csv", kThree);
  const struct {
    std::vector<std::string> words;
    int code;
    const char* message;
  } mistakes[] = {
      {{"data", "digits", "--split", "validation"}, 2, "train or test"},
      {{"data", folder / "three.csv", "--first", "3"}, 2, "pictures 0 to 2"},
      {{"data", folder / "three.csv", "--split", "test"}, 1, "no test part"},
      {{"data", folder / "nothing.csv"}, 1, "nothing.csv"},
      {{"data", "digits", "--count", "0"}, 2, "--count"},
      {{"data", "digits", "-o", folder / "sheet.gif"}, 2, ".png"},
  };
  for (const auto& mistake : mistakes) {
    const Outcome outcome = atelier(mistake.words);
    EXPECT_EQ(outcome.code, mistake.code) << outcome.err;
    EXPECT_EQ(outcome.error_lines(), 1) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(mistake.message));
  }
  EXPECT_EQ(folder.names(), std::vector<std::string>{"three.csv"});
}

}  // namespace
}  // namespace atelier::testing
