// Pictures of any size: the parts that files are made of, and renders that end early and go on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <thread>

#include "models/recipe.h"
#include "tests/tools/png_pixels.h"
#include "tests/tools/process.h"
#include "tools/image/png_reader.h"
#include "tools/option_text.h"
#include "tools/print/print_format.h"
#include "tools/print/render_state.h"
#include "tools/print/row_parts.h"
#include "tools/usage_error.h"

namespace atelier::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using tools::PictureFormat;
using tools::RowParts;

void expect_cover(const PictureFormat& format, std::int64_t longest_row) {
  const RowParts parts(format, longest_row);
  std::int64_t pixels = 0;
  std::int64_t column = 0;
  std::int64_t row = 0;
  for (std::int64_t index = 0; index < parts.count(); ++index) {
    const PixelRegion region = parts.part(index);
    ASSERT_EQ(region.column, column);
    ASSERT_EQ(region.row, row);
    ASSERT_GT(region.width, 0);
    ASSERT_GT(region.height, 0);
    ASSERT_LE(region.width * region.height * (format.row_bytes() / format.width), parts.largest_bytes());
    ASSERT_EQ(parts.whole_rows(), region.width == format.width);
    pixels += region.width * region.height;
    column = (column + region.width) % format.width;
    if (column == 0) row += region.height;
  }
  EXPECT_EQ(pixels, format.width * format.height);
  EXPECT_EQ(row, format.height);
}

TEST(RowParts, CoverThePictureInOrder) {
  constexpr std::int64_t kLong = std::int64_t{64} << 20;
  expect_cover({1, 1, 3, CppnSample::u8}, kLong);
  expect_cover({301, 203, 3, CppnSample::u8}, kLong);
  expect_cover({4000, 5000, 1, CppnSample::u16}, kLong);
  expect_cover({2000000, 7, 3, CppnSample::f64}, kLong);
  expect_cover({30000000, 3, 3, CppnSample::u8}, kLong);
  expect_cover({2147483647, 2, 3, CppnSample::u16}, kLong);
  const RowParts longest({2147483647, 2147483647, 3, CppnSample::u16}, kLong);
  EXPECT_LE(longest.largest_bytes(), 2 << 20);
  EXPECT_EQ(longest.part(longest.count() - 1).row, 2147483646);
}

TEST(PrintFormat, FollowsTheExtension) {
  EXPECT_EQ(tools::print_format_of("a.PNG"), tools::PrintFormat::png);
  EXPECT_EQ(tools::print_format_of("a.b/a.tiff"), tools::PrintFormat::tiff);
  EXPECT_EQ(tools::print_format_of("a.dzi"), tools::PrintFormat::deep_zoom);
  EXPECT_EQ(tools::print_format_of("a.raw"), tools::PrintFormat::raw);
  EXPECT_THROW((void)tools::print_format_of("a.jpg"), tools::UsageError);
  EXPECT_THROW(tools::check_print_format(tools::PrintFormat::deep_zoom, {1, 1, 3, CppnSample::f32}),
               tools::UsageError);
  EXPECT_NO_THROW(tools::check_print_format(tools::PrintFormat::tiff, {1, 1, 3, CppnSample::f64}));
}

TEST(OptionText, ReadsBytes) {
  EXPECT_EQ(tools::parse_bytes("--memory", "900000"), 900000);
  EXPECT_EQ(tools::parse_bytes("--memory", "1.5G"), 1500000000);
  EXPECT_EQ(tools::parse_bytes("--memory", "512MiB"), 536870912);
  EXPECT_EQ(tools::parse_bytes("--memory", "2kB"), 2000);
  EXPECT_EQ(tools::parse_bytes("--memory", "7B"), 7);
  for (const char* text : {"", "0", "-1", "12X", "1 G", "G", "1Gi", "1e9", "nan", "99999999999P", "1MM"})
    EXPECT_THROW((void)tools::parse_bytes("--memory", text), tools::UsageError) << text;
}

const std::vector<std::string> kPicture{"render",   "--seed", "7",        "--size", "1501x1103",
                                        "--layers", "4",      "--device", "cpu",    "-q"};

Outcome paint(const std::vector<std::string>& words, const Surroundings& surroundings = {}) {
  return atelier(words, surroundings);
}

/// Starts a render, waits until it has written down what it has, and asks it to stop.
Outcome interrupted(const std::vector<std::string>& words, const TemporaryFolder& folder,
                    const std::string& name) {
  Process process(atelier_program(), words,
                  {.environment = {{"ATELIER_CHECKPOINT_SECONDS", "0"}}, .folder = folder.path()});
  for (int i = 0; i < 6000 && !std::filesystem::exists(tools::render_state_path(folder.path() / name)); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  process.send(SIGINT);
  return process.wait();
}

class Print : public ::testing::TestWithParam<std::string> {
 protected:
  /// The picture's options that this format needs, and where it goes.
  [[nodiscard]] std::vector<std::string> picture(const std::vector<std::string>& more) const {
    std::vector<std::string> words = with(kPicture, {"-o", "a" + GetParam()});
    return with(words, more);
  }
  /// All files of the picture, by name.
  [[nodiscard]] static std::map<std::string, std::string> files(const TemporaryFolder& folder) {
    std::map<std::string, std::string> contents;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path()))
      if (entry.is_regular_file())
        contents[std::filesystem::relative(entry.path(), folder.path()).string()] = read_file(entry.path());
    return contents;
  }
};

TEST_P(Print, IsTheSameForAnyMemoryAndThreads) {
  const TemporaryFolder first;
  const Outcome outcome = paint(picture({}), {.folder = first.path()});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  for (const std::vector<std::string>& more : std::vector<std::vector<std::string>>{
           {"--threads", "1"}, {"--threads", "3"}, {"--memory", "200M"}, {"--threads", "4", "--resume"}}) {
    const TemporaryFolder folder;
    ASSERT_EQ(paint(picture(more), {.folder = folder.path()}).code, 0);
    EXPECT_TRUE(files(folder) == files(first)) << more.back();
  }
}

TEST_P(Print, KilledAndResumedIsTheSame) {
  const TemporaryFolder whole;
  ASSERT_EQ(paint(picture({}), {.folder = whole.path()}).code, 0);
  std::mt19937 random(5);
  std::uniform_int_distribution<int> moment(0, 150);
  for (int round = 0; round < 3; ++round) {
    const TemporaryFolder folder;
    const Surroundings surroundings{.environment = {{"ATELIER_CHECKPOINT_SECONDS", "0"}},
                                    .folder = folder.path()};
    for (int kill = 0; kill < 4; ++kill) {
      Process process(atelier_program(), picture({"--resume", "--threads", "1", "--force"}), surroundings);
      std::this_thread::sleep_for(std::chrono::milliseconds(moment(random)));
      process.send(SIGKILL);
      const Outcome outcome = process.wait();
      ASSERT_TRUE(outcome.signal == SIGKILL || outcome.code == 0) << outcome.err;
    }
    // Without a word about the picture: the state knows it. Where nothing was stored yet, it must be said.
    const bool left = std::filesystem::exists(tools::render_state_path(folder.path() / ("a" + GetParam())));
    const Outcome outcome = paint(left ? std::vector<std::string>{"render", "--resume", "--force", "--device",
                                                                  "cpu", "-q", "-o", "a" + GetParam()}
                                       : picture({"--resume", "--force"}),
                                  {.folder = folder.path()});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_TRUE(files(folder) == files(whole));
  }
}

TEST_P(Print, InterruptedSaysHowToGoOn) {
  const TemporaryFolder folder;
  const std::vector<std::string> words = picture({"--resume", "--threads", "1", "--layers", "200"});
  std::vector<std::string> slow;  // the same, with more layers instead of few
  for (std::size_t i = 0; i < words.size(); ++i)
    if (!(words[i] == "--layers" && words[i + 1] == "4") && !(words[i] == "4" && words[i - 1] == "--layers"))
      slow.push_back(words[i]);
  const Outcome outcome = interrupted(slow, folder, "a" + GetParam());
  expect_refusal(outcome, 1, "--resume goes on with");
  EXPECT_FALSE(std::filesystem::exists(folder.path() / ("a" + GetParam())));
  // Anything else than going on has to be said aloud.
  const Outcome again = paint(picture({}), {.folder = folder.path()});
  EXPECT_EQ(again.code, 2);
  EXPECT_THAT(again.err, HasSubstr("is what an interrupted render left"));
  const Outcome other = paint(picture({"--resume"}), {.folder = folder.path()});
  EXPECT_EQ(other.code, 1);
  EXPECT_THAT(other.err, HasSubstr("the interrupted render differs in its recipe"));
  EXPECT_EQ(paint(picture({"--force"}), {.folder = folder.path()}).code, 0);
  for (const std::string& name : folder.names()) EXPECT_THAT(name, Not(HasSubstr(".part"))) << name;
}

TEST_P(Print, DamagedStateIsOneLine) {
  const TemporaryFolder folder;
  const std::string name = "a" + GetParam();
  const std::filesystem::path state = tools::render_state_path(folder.path() / name);
  if (GetParam() == ".dzi")
    std::filesystem::create_directory(folder.path() / (name + ".part"));
  else
    write_file(folder.path() / (name + ".part"), "something");
  const auto refused = [&](const std::string& contents) {
    write_file(state, contents);
    const Outcome outcome = paint(picture({"--resume"}), {.folder = folder.path()});
    EXPECT_EQ(outcome.code, 1) << contents;
    EXPECT_EQ(outcome.error_lines(), 1) << outcome.err;
    EXPECT_FALSE(std::filesystem::exists(folder.path() / name));
  };
  refused("");
  refused("{}\n");
  refused("[1]\nxyz");
  refused(R"({"atelier_render":1,"identity":"{}","parts":1,"encoder_bytes":3,"encoder_checksum":1})"
          "\nxyz");
  tools::write_render_state(folder.path() / name, {"not json", 1, "nonsense"});
  EXPECT_EQ(paint(picture({"--resume"}), {.folder = folder.path()}).code, 1);
  EXPECT_EQ(paint({"render", "--resume", "-o", name}, {.folder = folder.path()}).code, 1);
}

/// kill -9 may come after a file got its name and before its state is gone.
TEST_P(Print, AStateAloneIsOfAFinishedRender) {
  const TemporaryFolder folder;
  const std::string name = "a" + GetParam();
  ASSERT_EQ(paint(picture({}), {.folder = folder.path()}).code, 0);
  const std::map<std::string, std::string> whole = files(folder);
  tools::write_render_state(folder.path() / name, {"{}", 1, "nonsense"});
  const Outcome refused = paint(picture({"--resume"}), {.folder = folder.path()});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("exists already"));
  ASSERT_EQ(paint(picture({"--resume", "--force"}), {.folder = folder.path()}).code, 0);
  EXPECT_TRUE(files(folder) == whole);
}

TEST_P(Print, NeedsSomeMemory) {
  const TemporaryFolder folder;
  const Outcome outcome = paint(picture({"--memory", "10k"}), {.folder = folder.path()});
  expect_refusal(outcome, 1, "needs at least");
  EXPECT_THAT(folder.names(), IsEmpty());
}

TEST_P(Print, FullDiskIsOneLineAndCanBeResumed) {
  const TemporaryFolder folder;
  const TemporaryFolder whole;
  ASSERT_EQ(paint(picture({}), {.folder = whole.path()}).code, 0);
  const Outcome plain = paint(picture({}), {.folder = folder.path(), .largest_file = 20000});
  EXPECT_EQ(plain.code, 1);
  EXPECT_EQ(plain.error_lines(), 1) << plain.err;
  EXPECT_THAT(folder.names(), IsEmpty());
  const Outcome outcome = paint(picture({"--resume"}), {.folder = folder.path(), .largest_file = 20000});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.error_lines(), 1) << outcome.err;
  EXPECT_FALSE(std::filesystem::exists(folder.path() / ("a" + GetParam())));
  ASSERT_EQ(paint(picture({"--resume"}), {.folder = folder.path()}).code, 0);
  EXPECT_TRUE(files(folder) == files(whole));
}

TEST_P(Print, LargePicturesStayWhenInterrupted) {
  const TemporaryFolder folder;
  const Outcome outcome = interrupted({"render", "--seed", "1", "--size", "10000", "--device", "cpu",
                                       "--threads", "1", "-q", "-o", "a" + GetParam()},
                                      folder, "a" + GetParam());
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("--resume goes on with"));
  EXPECT_TRUE(std::filesystem::exists(tools::render_state_path(folder.path() / ("a" + GetParam()))));
}

TEST_P(Print, AFolderThatVanishesIsOneLine) {
  const TemporaryFolder folder;
  const std::filesystem::path inner = folder.path() / "inner";
  std::filesystem::create_directory(inner);
  Process process(atelier_program(), picture({"--samples", "8", "--threads", "1", "--resume"}),
                  {.environment = {{"ATELIER_CHECKPOINT_SECONDS", "0"}}, .folder = inner});
  for (int i = 0; i < 6000 && !std::filesystem::exists(tools::render_state_path(inner / ("a" + GetParam())));
       ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  // Files that are written meanwhile may have to be removed, too.
  std::error_code error;
  for (int i = 0; i < 1000 && (std::filesystem::remove_all(inner, error), error); ++i) continue;
  const Outcome outcome = process.wait();
  expect_refusal(outcome, 1, "cannot write");
  EXPECT_THAT(outcome.err, Not(HasSubstr("can be resumed")));
  EXPECT_THAT(folder.names(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Formats, Print, ::testing::Values(".png", ".tif", ".dzi", ".npy", ".raw"),
                         [](const auto& format) { return format.param.substr(1); });

/// kill -9 between the names that a deep zoom gets: the tiles have theirs, the description not yet.
TEST(DeepZoom, KilledAmongItsNamesIsResumed) {
  const TemporaryFolder whole;
  const TemporaryFolder folder;
  const std::vector<std::string> words = with(kPicture, {"--threads", "1", "-o", "a.dzi", "--resume"});
  ASSERT_EQ(paint(words, {.folder = whole.path()}).code, 0);
  ASSERT_EQ(interrupted(words, folder, "a.dzi").code, 1);
  write_file(folder.path() / "a.dzi.part/a.dzi", "description");
  write_file(folder.path() / "a.dzi.part/a.html", "page");
  std::filesystem::rename(folder.path() / "a.dzi.part/a_files", folder.path() / "a_files");
  const Outcome outcome = paint(words, {.folder = folder.path()});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(read_file(folder / "a.dzi"), read_file(whole / "a.dzi"));
  EXPECT_EQ(read_file(folder / "a.html"), read_file(whole / "a.html"));
  int tiles = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(whole.path() / "a_files")) {
    if (!entry.is_regular_file()) continue;
    ++tiles;
    const auto name = std::filesystem::relative(entry.path(), whole.path());
    EXPECT_TRUE(read_file(folder.path() / name) == read_file(entry.path())) << name;
  }
  EXPECT_GT(tiles, 10);
  EXPECT_THAT(folder.names(), ElementsAre("a.dzi", "a.html", "a_files"));
}

TEST(Png, BandsAreReadByLibpng) {
  const TemporaryFolder folder;
  for (const char* depth : {"8", "16"})
    for (const char* size : {"1x1", "1x9", "7x1", "301x203", "3001x1003"}) {
      ASSERT_EQ(paint({"render", "--seed", "3", "--size", size, "--depth", depth, "--device", "cpu", "-q",
                       "--force", "-o", folder / "a.png"})
                    .code,
                0);
      ASSERT_EQ(
          paint({"render", folder / "a.png", "--device", "cpu", "-q", "--force", "-o", folder / "a.raw"})
              .code,
          0);
      const Pixels pixels = read_pixels(folder / "a.png");
      const std::string raw = read_file(folder / "a.raw");
      ASSERT_EQ(pixels.bytes.size(), raw.size());
      EXPECT_TRUE(std::equal(raw.begin(), raw.end(), reinterpret_cast<const char*>(pixels.bytes.data())))
          << size << " " << depth;
    }
}

}  // namespace
}  // namespace atelier::testing
