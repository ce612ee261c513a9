// `atelier evaluate`: the judge as a user meets it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "models/digits.h"
#include "models/generator.h"
#include "models/judge/judge.h"
#include "tests/models/idx_pieces.h"
#include "tests/tools/png_pixels.h"
#include "tests/tools/process.h"
#include "tests/tools/training_runs.h"
#include "tools/judge_report.h"

namespace atelier::testing {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::uint32_t kSide = 14;

std::string text_of(const std::vector<std::uint8_t>& bytes) {
  return {bytes.begin(), bytes.end()};
}

/// Digits of a quarter of the pixels, as idx files in a folder.
void write_digits(const std::string& folder, const std::string& split, std::int64_t first,
                  std::int64_t count) {
  const DataSet digits = make_digits(count, 3, first);
  std::string pixels;
  for (std::size_t i = 0; i < digits.pixels.size(); ++i)
    if (i % 2 == 0 && i / 28 % 2 == 0) pixels += static_cast<char>(digits.pixels[i]);
  const auto pictures = static_cast<std::uint32_t>(count);
  write_file(fmt::format("{}/{}-images-idx3-ubyte", folder, split),
             idx_file({pictures, kSide, kSide}, pixels));
  write_file(fmt::format("{}/{}-labels-idx1-ubyte", folder, split),
             idx_file({pictures}, text_of(digits.labels)));
}

/// Real pictures, a small GAN trained on them, and a place for the judge.
class EvaluateTool : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    std::filesystem::create_directories(data());
    write_digits(data(), "train", 0, 600);
    write_digits(data(), "t10k", 600, 200);
    train_quietly(
        {"gan-v2", "--dataset", data(), "--width", "16", "--epochs", "1", "--seed", "2", "--run", run()});
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  static std::string data() { return *folder_ / "data"; }
  static std::string run() { return *folder_ / "run"; }
  static std::string judge() { return *folder_ / "judge"; }
  static std::string file(const std::string& name) { return *folder_ / name; }

  static Outcome evaluate(const std::vector<std::string>& words) {
    return atelier(with(with({"evaluate"}, words), {"--judge", judge(), "--device", "cpu"}));
  }
  static json evaluated(const std::vector<std::string>& words) {
    const Outcome outcome = evaluate(with(words, {"--json"}));
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return json::parse(outcome.out, nullptr, false);
  }
  /// What the library says of the same pictures.
  static Judgement expected(std::int64_t count, std::uint64_t seed) {
    Stream stream(Device(DeviceKind::cpu));
    Judge judge = Judge::open(stream, load_data_set(data(), Split::train), load_data_set(data(), Split::test),
                              EvaluateTool::judge());
    Generator generator(stream, read_safetensors(file("run/checkpoint.safetensors")), "run");
    return judge.judge(stream, generator.pictures(stream, generator.latents(count, seed)));
  }

  static TemporaryFolder* folder_;
};
TemporaryFolder* EvaluateTool::folder_ = nullptr;

TEST_F(EvaluateTool, JudgesARun) {
  const json document = evaluated({run(), "--count", "1300", "--seed", "5"});  // more than are drawn at once
  ASSERT_EQ(document["evaluations"].size(), 1U);
  EXPECT_EQ(document["judge"]["extractor"].get<std::string>().size(), 16U);
  EXPECT_EQ(document["judge"]["train_pictures"], 600);
  EXPECT_EQ(document["judge"]["test_pictures"], 200);
  EXPECT_EQ(document["seed"], 5);
  const json got = document["evaluations"][0];
  const Judgement library = expected(1300, 5);
  EXPECT_EQ(got["name"], run());
  EXPECT_EQ(got["pictures"], 1300);
  EXPECT_DOUBLE_EQ(got["frechet_to_train"].get<double>(), library.frechet_to_train);
  EXPECT_DOUBLE_EQ(got["frechet_to_test"].get<double>(), library.frechet_to_test);
  EXPECT_EQ(got["label_share"].get<std::vector<double>>(), library.label_share);
  EXPECT_EQ(got["modes"], library.modes);
  EXPECT_DOUBLE_EQ(got["entropy"].get<double>(), library.entropy);
  EXPECT_DOUBLE_EQ(got["divergence"].get<double>(), library.divergence);
  EXPECT_DOUBLE_EQ(got["precision"].get<double>(), library.precision);
  EXPECT_DOUBLE_EQ(got["recall"].get<double>(), library.recall);
  EXPECT_DOUBLE_EQ(got["mean_confidence"].get<double>(), library.mean_confidence);
  EXPECT_DOUBLE_EQ(got["confident_share"].get<double>(), library.confident_share);
  EXPECT_DOUBLE_EQ(got["memorisation"].get<double>(), library.memorisation);
  EXPECT_GT(got["frechet_to_train"], document["judge"]["floor"]["frechet_to_train"]);
  EXPECT_DOUBLE_EQ(
      got["times_floor"].get<double>(),
      got["frechet_to_train"].get<double>() / document["judge"]["floor"]["frechet_to_train"].get<double>());
  // The run keeps it; said again it is the same.
  EXPECT_EQ(json::parse(read_file(file("run/evaluation.json"))), document);
  EXPECT_EQ(evaluated({run(), "--count", "1300", "--seed", "5"}), document);
  EXPECT_NE(evaluated({run(), "--count", "1300", "--seed", "6"}), document);
}

TEST_F(EvaluateTool, PicturesStandAboveTheRealOnesNearestToThem) {
  ASSERT_EQ(evaluate({run(), "--count", "60", "-q"}).code, 0);
  const Pixels picture = read_pixels(file("run/memorisation.png"));
  // 40 pairs, 20 in a row; pictures of twice the size, a pixel between any two.
  constexpr std::int64_t kStep = 2 * kSide + 1;
  EXPECT_EQ(picture.width, 20 * kStep - 1);
  EXPECT_EQ(picture.height, 4 * kStep - 1);
  // gan-v2 learns from the test set: every second row is from there.
  const DataSet real = load_data_set(data(), Split::test);
  const auto cell = [&](std::int64_t column, std::int64_t row) {
    std::vector<std::uint8_t> pixels;
    for (std::int64_t y = 0; y < kSide; ++y)
      for (std::int64_t x = 0; x < kSide; ++x)
        pixels.push_back(*picture.at(column * kStep + 2 * x, row * kStep + 2 * y));
    return pixels;
  };
  const auto is_real = [&](const std::vector<std::uint8_t>& pixels) {
    for (std::int64_t i = 0; i < real.count; ++i)
      if (std::equal(pixels.begin(), pixels.end(), real.pixels.begin() + i * real.pixels_per_image()))
        return true;
    return false;
  };
  for (std::int64_t column = 0; column < 20; ++column) {
    EXPECT_FALSE(is_real(cell(column, 0))) << column;
    EXPECT_TRUE(is_real(cell(column, 1))) << column;
    EXPECT_FALSE(is_real(cell(column, 2))) << column;
    EXPECT_TRUE(is_real(cell(column, 3))) << column;
  }
}

TEST_F(EvaluateTool, PicturesFromAnywhereAreJudgedAlike) {
  const std::string forged = file("forged.npy");
  ASSERT_EQ(
      atelier({"sample", run(), "-o", forged, "--count", "80", "--force", "-q", "--device", "cpu"}).code, 0);
  // The same pictures as a table of numbers.
  const DataSet pictures = read_npy(forged);
  std::string table;
  for (std::int64_t i = 0; i < pictures.count; ++i) {
    table.append("0");
    for (std::int64_t p = 0; p < pictures.pixels_per_image(); ++p)
      table +=
          fmt::format(",{}", pictures.pixels[static_cast<std::size_t>(i * pictures.pixels_per_image() + p)]);
    table.append("\n");
  }
  write_file(file("forged.csv"), table);
  // And a folder of one picture many times: its count alone can tell the ways to it apart.
  std::filesystem::create_directories(file("pictures"));
  ASSERT_EQ(atelier({"data", data(), "--count", "1", "-o", file("pictures/0.png"), "-q"}).code, 0);
  for (const char* name : {"pictures/1.png", "pictures/2.png", "pictures/3.png"})
    std::filesystem::copy_file(file("pictures/0.png"), file(name),
                               std::filesystem::copy_options::skip_existing);
  json document = evaluated({run(), file("run/checkpoint.safetensors"), forged, file("forged.csv"),
                             file("pictures"), "--count", "80"});
  json& all = document["evaluations"];
  ASSERT_EQ(all.size(), 5U);
  for (json& one : all) one.erase("name");
  EXPECT_EQ(all[1], all[0]);
  EXPECT_EQ(all[2], all[0]);
  EXPECT_EQ(all[3], all[0]);
  EXPECT_EQ(all[4]["pictures"], 4);
  EXPECT_EQ(all[4]["modes"], 1);
  EXPECT_DOUBLE_EQ(all[4]["recall"].get<double>(), 1.0 / 600) << "itself, in a ball of no radius";
  EXPECT_EQ(all[4]["memorisation"], 0) << "it is of the training set";
}

TEST_F(EvaluateTool, PrintsATableBesideTheRealTestSet) {
  const std::string forged = file("table.npy");
  ASSERT_EQ(
      atelier({"sample", run(), "-o", forged, "--count", "50", "--force", "-q", "--device", "cpu"}).code, 0);
  const Outcome outcome = evaluate({run(), forged, "--count", "50"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json document = evaluated({run(), "--count", "50"});
  EXPECT_THAT(outcome.out,
              HasSubstr(fmt::format("judge {}:", document["judge"]["extractor"].get<std::string>())));
  for (const char* words :
       {"real test", "table.npy", "FD to train", "FD to test", "times the floor", "modes", "label entropy",
        "KL to train", "precision (k = 3)", "recall (k = 3)", "nearest train / test", "class 9"})
    EXPECT_THAT(outcome.out, HasSubstr(words));
  EXPECT_THAT(outcome.out, Not(HasSubstr("FID")));
  // The generator's column and its pictures' column say the same; the first figure is the real test set's.
  std::size_t rows = 0;
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("recall", 0) != 0) continue;
    std::istringstream words(line.substr(line.find(')') + 1));
    double real = -1;
    double first = -1;
    double second = -1;
    words >> real >> first >> second;
    EXPECT_NEAR(real, document["judge"]["floor"]["recall"], 5.1e-4);
    EXPECT_NEAR(first, document["evaluations"][0]["recall"], 5.1e-4);
    EXPECT_EQ(first, second);
    ++rows;
  }
  EXPECT_EQ(rows, 1U);
  EXPECT_EQ(evaluate({run(), "--count", "50", "-q"}).out, "");
}

TEST_F(EvaluateTool, MakesTheJudgeAlone) {
  const TemporaryFolder own;
  const std::vector<std::string> words{"evaluate",    "--train-judge", "--dataset", data(),  "--judge",
                                       own / "judge", "--device",      "cpu",       "--json"};
  const Outcome first = atelier(words);
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_EQ(names_in(own / "judge").size(), 1U);
  const json document = json::parse(first.out);
  EXPECT_TRUE(document["evaluations"].empty());
  EXPECT_GT(document["judge"]["accuracy"], 0.5);
  EXPECT_EQ(atelier(words).out, first.out);
}

TEST_F(EvaluateTool, SaysWhatIsWrong) {
  const auto refused = [](const Outcome& outcome, const std::string& part) {
    EXPECT_NE(outcome.code, 0);
    EXPECT_THAT(outcome.err, HasSubstr(part));
    EXPECT_EQ(outcome.error_lines(), 1) << outcome.err;
    EXPECT_EQ(outcome.out, "");
  };
  refused(evaluate({}), "needs something to judge");
  refused(evaluate({file("nothing")}), "a run's folder or checkpoint");
  refused(evaluate({data()}), "data");
  refused(evaluate({run(), run(), "-o", file("a.png")}), "of one source");
  refused(evaluate({run(), "-o", file("a.jpg")}), "a.jpg");
  refused(evaluate({run(), "--count", "1"}), "--count");
  refused(evaluate({run(), "--count", "2000000"}), "--count 2000000");
  write_file(file("broken.npy"), "\x93NUMPY and no more");
  refused(evaluate({file("broken.npy")}), "broken.npy");
  // Pictures of another size than the real ones.
  std::string row = "0";
  for (int i = 0; i < 28 * 28; ++i) row.append(",7");
  write_file(file("large.csv"), fmt::format("{0}\n{0}\n", row));
  refused(evaluate({file("large.csv"), "--dataset", data(), "-q"}), "28 x 28");
  // Two runs that learned from different pictures.
  const std::string elsewhere = file("elsewhere");
  std::filesystem::create_directories(elsewhere);
  write_digits(elsewhere, "train", 0, 20);
  write_digits(elsewhere, "t10k", 20, 20);
  const std::string other = file("other");
  train_quietly(
      {"gan-v2", "--dataset", elsewhere, "--width", "4", "--epochs", "1", "--seed", "2", "--run", other});
  refused(evaluate({run(), other}), "--dataset");
}

TEST(JudgeReport, NamesTheDistanceAfterTheRealPictures) {
  const TemporaryFolder folder;
  Stream stream(Device(DeviceKind::cpu));
  DataSet digits = make_digits(12, 1);
  const auto name_of = [&](const std::string& name) {
    digits.name = name;
    return tools::distance_name(Judge::open(stream, digits, digits, folder.path()));
  };
  EXPECT_EQ(name_of("mnist train"), "MNIST-FD");
  EXPECT_EQ(name_of("digits train"), "DIGITS-FD");
  EXPECT_EQ(name_of("/some/folder"), "FD");
  EXPECT_EQ(name_of(""), "FD");
}

}  // namespace
}  // namespace atelier::testing
