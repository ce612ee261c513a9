// What a trained classifier sees in pictures, and how pictures are made ready for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "models/digits.h"
#include "tests/tools/process.h"
#include "tests/tools/training_runs.h"
#include "tools/digit_picture.h"
#include "tools/run_folder.h"

namespace atelier::testing {
namespace {

using ::testing::HasSubstr;

/// A picture as PNG, each pixel a square of `scale`.
void write_png(const TemporaryFolder& folder, const std::string& name, const DataSet& digits,
               std::int64_t index, std::int64_t scale, bool inverted) {
  GrayPicture picture{name, 28 * scale, 28 * scale, {}};
  for (std::int64_t row = 0; row < picture.height; ++row)
    for (std::int64_t column = 0; column < picture.width; ++column) {
      const std::uint8_t value =
          digits.pixels[static_cast<std::size_t>(index * 784 + row / scale * 28 + column / scale)];
      picture.pixels.push_back(inverted ? static_cast<std::uint8_t>(255 - value) : value);
    }
  const tools::RunFolder place = tools::RunFolder::open(folder.path());
  place.write_picture(picture);
}

TEST(Classify, TellsDigitsApart) {
  const TemporaryFolder folder;
  train_quietly({"classifier-book", "--dataset", "digits", "--limit", "4000", "--epochs", "1", "--seed", "1",
                 "--run", folder / "run"});
  const DataSet digits = make_digits(20, 12345);
  std::vector<std::string> words{"classify", folder / "run", "--json", "--device", "cpu"};
  for (std::int64_t i = 0; i < digits.count; ++i) {
    const std::string number = std::to_string(i);
    write_png(folder, "plain" + number, digits, i, 1, false);
    write_png(folder, "paper" + number, digits, i, 5, true);
    words.insert(words.end(), {folder / ("plain" + number + ".png"), folder / ("paper" + number + ".png")});
  }
  const Outcome outcome = atelier(words);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto document = nlohmann::json::parse(outcome.out);
  ASSERT_EQ(document.size(), 40U);
  int right = 0;
  int alike = 0;
  for (std::size_t i = 0; i < 20; ++i) {
    const auto& plain = document[2 * i];
    const auto& paper = document[2 * i + 1];
    ASSERT_EQ(plain.at("confidences").size(), 10U);
    EXPECT_EQ(plain.at("inverted"), false);
    EXPECT_EQ(plain.at("fitted"), false);
    EXPECT_EQ(paper.at("inverted"), true);
    EXPECT_EQ(paper.at("fitted"), true);
    right += plain.at("answer") == digits.labels[i] ? 1 : 0;
    alike += plain.at("answer") == paper.at("answer") ? 1 : 0;
  }
  EXPECT_GE(right, 16);
  EXPECT_GE(alike, 16);
  const Outcome text = atelier({"classify", folder / "run", folder / "paper0.png", "--device", "cpu"});
  EXPECT_THAT(text.out, HasSubstr("dark on light: inverted, scaled and centred"));
  EXPECT_THAT(text.out, HasSubstr("\n  9  "));
}

TEST(Classify, RefusesWhatItCannotRead) {
  const TemporaryFolder folder;
  train_quietly({"nodes-gan", "--seed", "1", "--run", folder / "nodes"});
  write_png(folder, "one", make_digits(1, 1), 0, 1, false);
  const auto attempt = [&](const std::string& run, const std::string& picture, const std::string& message) {
    const Outcome outcome = atelier({"classify", run, picture});
    expect_refusal(outcome, 1, message);
  };
  attempt(folder / "nodes", folder / "one.png", "is a run of nodes-gan: classify needs one of classifier");
  attempt(folder.path(), folder / "one.png", "holds no run");
  attempt(folder / "none", folder / "one.png", "none");
  train_quietly({"classifier", "--dataset", "digits", "--epochs", "1", "--seed", "3", "--limit", "300",
                 "--run", folder / "run"});
  write_file(folder / "text.png", "no picture");
  attempt(folder / "run", folder / "text.png", "text.png");
}

TEST(PrepareDigit, FitsAsMnistWasMade) {
  // A white bar of 40 x 10 off the middle of a black sheet of 100 x 100.
  PngImage sheet{100, 100, std::vector<std::uint8_t>(10000, 0)};
  for (std::size_t row = 5; row < 45; ++row)
    for (std::size_t column = 80; column < 90; ++column) sheet.pixels[row * 100 + column] = 255;
  const tools::PreparedDigit bar = tools::prepare_digit(sheet, 28, 28);
  EXPECT_FALSE(bar.inverted);
  EXPECT_TRUE(bar.fitted);
  // 20 rows of 5 columns in the middle: rows 4 to 23, columns 11.5 to 16.5.
  for (std::size_t row = 0; row < 28; ++row)
    for (std::size_t column = 0; column < 28; ++column) {
      const bool tall = row >= 4 && row < 24;
      const int expected = !tall || column < 11 || column > 16 ? 0 : column == 11 || column == 16 ? 128 : 255;
      EXPECT_NEAR(bar.pixels[row * 28 + column], expected, 1) << row << " " << column;
    }
  for (std::uint8_t& value : sheet.pixels) value = static_cast<std::uint8_t>(255 - value);
  const tools::PreparedDigit inverted = tools::prepare_digit(sheet, 28, 28);
  EXPECT_TRUE(inverted.inverted);
  EXPECT_EQ(inverted.pixels, bar.pixels);
  const tools::PreparedDigit blank =
      tools::prepare_digit({50, 20, std::vector<std::uint8_t>(1000, 0)}, 28, 28);
  EXPECT_EQ(blank.pixels, std::vector<std::uint8_t>(784, 0));
  EXPECT_TRUE(blank.blank);
  EXPECT_FALSE(bar.blank);
  const tools::PreparedDigit same = tools::prepare_digit({28, 28, bar.pixels}, 28, 28);
  EXPECT_FALSE(same.fitted);
  EXPECT_EQ(same.pixels, bar.pixels);
}

}  // namespace
}  // namespace atelier::testing
