// Films as sources: what they hold is read again, painted again, and their frames are pictures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "tests/tools/png_pixels.h"
#include "tests/tools/process.h"

namespace atelier::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Outcome run(const std::vector<std::string>& words) {
  Outcome outcome = atelier(with(words, {"--device", "cpu", "-q"}));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return outcome;
}

std::string info(const std::vector<std::string>& words) {
  Outcome outcome = atelier(with({"info"}, words));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return outcome.out;
}

const std::vector<std::vector<std::string>>& motions() {
  static const std::vector<std::vector<std::string>> kMotions{
      {"--seed", "4", "--inputs", "x,y,r,z,z", "--layers", "4", "--loop", "spline", "--points", "5"},
      {"--seed", "4", "--loop", "circle", "--radius", "0.05", "--path-seed", "3"},
      {"--seed", "4", "--zoom", "30", "--turn", "45", "--ease", "in-out"}};
  return kMotions;
}

TEST(FilmFile, IsPaintedAgainToTheByte) {
  for (const std::vector<std::string>& motion : motions()) {
    const TemporaryFolder folder;
    const std::vector<std::string> film =
        with({"animate", "--size", "40x32", "--frames", "7", "--fps", "20"}, motion);
    run(with(film, {"-o", folder / "film.gif"}));
    run(with(film, {"-o", folder / "frames"}));
    const std::string description = info({folder / "film.gif", "--json"});
    EXPECT_EQ(info({folder / "frames", "--json"}), description);
    EXPECT_EQ(info({folder / "frames/film.json", "--json"}), description);
    EXPECT_EQ(read_file(folder / "frames/film.json"), description);
    for (const char* source : {"film.gif", "frames", "frames/film.json"}) {
      run({"animate", folder / source, "-o", folder / "again.gif", "--force"});
      EXPECT_EQ(read_file(folder / "again.gif"), read_file(folder / "film.gif")) << source;
    }
    for (const int frame : {0, 3, 6}) {
      run({"render", folder / "film.gif", "--frame", std::to_string(frame), "-o", folder / "still.png",
           "--force"});
      EXPECT_EQ(read_pixels(folder / "still.png").bytes,
                read_pixels(folder / ("frames/frame-0000" + std::to_string(frame) + ".png")).bytes);
    }
  }
}

TEST(FilmFile, MorphsToo) {
  const TemporaryFolder folder;
  for (const char* seed : {"1", "2"})
    run({"render", "--seed", seed, "--size", "24", "-o", folder / seed + std::string(".png")});
  run({"animate", "--morph", folder / "1.png", folder / "2.png", "--frames", "6", "-o",
       folder / "morph.gif"});
  run({"animate", folder / "morph.gif", "-o", folder / "again.gif"});
  EXPECT_EQ(read_file(folder / "again.gif"), read_file(folder / "morph.gif"));
  EXPECT_THAT(info({folder / "morph.gif"}), HasSubstr("a morph of 2 recipes"));
}

TEST(FilmFile, OptionsChangeIt) {
  const TemporaryFolder folder;
  run(with({"animate", "--size", "40x32", "--frames", "7", "-o", folder / "film.gif"}, motions()[0]));
  run({"animate", folder / "film.gif", "--size", "700x20", "--frames", "3", "--fps", "10", "--palette",
       "navy,gold", "-o", folder / "other"});
  const nlohmann::json film = nlohmann::json::parse(
      read_file(folder / "film.gif").empty() ? "{}" : info({folder / "film.gif", "--json"}));
  const nlohmann::json other = nlohmann::json::parse(info({folder / "other", "--json"}));
  EXPECT_EQ(other["motion"], film["motion"]);
  EXPECT_EQ(other["frames"], 3);
  EXPECT_EQ(other["frames_per_second"], 10);
  EXPECT_EQ(other["recipes"][0]["width"], 700);
  EXPECT_EQ(other["recipes"][0]["color"], "palette");
  EXPECT_EQ(read_pixels(folder / "other/frame-00002.png").width, 700U);

  run({"animate", folder / "film.gif", "--zoom", "2", "--radius", "0.25", "-o", folder / "zoom.gif"});
  const nlohmann::json zoom = nlohmann::json::parse(info({folder / "zoom.gif", "--json"}));
  EXPECT_EQ(zoom["motion"]["way"], "back");
  EXPECT_EQ(zoom["motion"]["radius"], 0.25);
  EXPECT_EQ(zoom["motion"]["points"], 5);
  EXPECT_EQ(zoom["frames"], 7);
}

TEST(FilmFile, AVideoHoldsItsFilm) {
  if (std::system("ffmpeg -version > /dev/null 2>&1") != 0) GTEST_SKIP() << "ffmpeg is not installed";
  const TemporaryFolder folder;
  for (const char* name : {"film.mp4", "film.webm"}) {
    run(with({"animate", "--size", "40x32", "--frames", "7", "-o", folder / name}, motions()[2]));
    run({"animate", folder / name, "-o", folder / "frames", "--force"});
    EXPECT_EQ(read_file(folder / "frames/film.json"), info({folder / name, "--json"})) << name;
  }
}

TEST(FilmFile, AVideosDescriptionIsFoundWhereverItStands) {
  using namespace std::string_literals;
  const TemporaryFolder folder;
  run(with({"animate", "--size", "600x4", "--frames", "3", "-o", folder / "frames"}, motions()[1]));
  nlohmann::json film = nlohmann::json::parse(read_file(folder / "frames/film.json"));
  film["recipes"][0]["name"] = R"(a "}" and a \)";
  // What atelier writes begins with its mark, "atelier_film", which comes first among these keys, too.
  const std::string description = film.dump();
  // The readers take a mebibyte at a time.
  const std::string start = "\0\0\0\x18"s + "ftypisom";
  for (const std::size_t place : {std::size_t{12}, (std::size_t{1} << 20) - 5, (std::size_t{2} << 20) - 14}) {
    write_file(folder / "film.mp4",
               start + std::string(place - start.size(), '{') + description + "}}" + std::string(9, '\0'));
    EXPECT_TRUE(nlohmann::json::parse(info({folder / "film.mp4", "--json"})) == film) << place;
  }
  run({"animate", folder / "film.mp4", "-o", folder / "again"});
  EXPECT_TRUE(nlohmann::json::parse(read_file(folder / "again/film.json")) == film);
  run({"animate", folder / "film.mp4", "--loop", "circle", "--move", "weights", "-o", folder / "same"});
  EXPECT_EQ(nlohmann::json::parse(read_file(folder / "same/film.json"))["motion"]["radius"], 0.05);
}

TEST(FilmFile, InfoSaysWhatMoves) {
  const TemporaryFolder folder;
  run(with({"animate", "--size", "40x32", "--frames", "7", "-o", folder / "film.gif"}, motions()[2]));
  const std::string text = info({folder / "film.gif"});
  EXPECT_THAT(text, HasSubstr("film, 7 frames of 40x32, 25 a second, ends where it ends"));
  EXPECT_THAT(text, HasSubstr("zoom 30; turn 45 degrees; eased in-out"));
  EXPECT_THAT(text, HasSubstr("seed 4"));
}

TEST(FilmFile, AZoomBeyondItsNumbersIsSaid) {
  const TemporaryFolder folder;
  const auto words = [&](const char* zoom, const char* precision) {
    return std::vector<std::string>{
        "animate",  "--seed", "1",           "--size",  "16", "--frames",          "4",
        "--zoom",   zoom,     "--precision", precision, "-o", folder / "film.gif", "--force",
        "--device", "cpu"};
  };
  EXPECT_THAT(atelier(words("1e8", "fp32")).err, HasSubstr("frame 3: the window is finer than fp32"));
  EXPECT_THAT(atelier(words("1e8", "double")).err, Not(HasSubstr("finer than")));
  EXPECT_THAT(atelier(words("10", "fp32")).err, Not(HasSubstr("finer than")));
}

TEST(FilmFile, RefusesWhatIsNoFilm) {
  const TemporaryFolder folder;
  run(with({"animate", "--size", "8", "--frames", "3", "-o", folder / "film.gif"}, motions()[0]));
  run({"render", "--seed", "1", "--size", "8", "-o", folder / "picture.png"});
  const std::string film = read_file(folder / "film.gif");
  // One black pixel, by another program.
  using namespace std::string_literals;
  write_file(
      folder / "foreign.gif",
      "GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\0\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0;"s);
  write_file(folder / "cut.gif", film.substr(0, 400));
  write_file(folder / "foreign.mp4", "\0\0\0\x18"s + "ftypisom" + std::string(3000000, 'x'));
  write_file(folder / "cut.mp4",
             "\0\0\0\x18"s + "ftypisom" + std::string(3000000, 'x') + R"({"atelier_film":1,"frames")");
  write_file(folder / "wrong.json", R"({"atelier_film": 1, "recipes": []})");
  std::filesystem::create_directory(folder / "empty");
  const std::vector<std::string> before = folder.names();
  const auto attempt = [&](const std::vector<std::string>& words, const std::string& message, int code = 1) {
    const Outcome outcome = atelier(words, {.folder = folder.path()});
    expect_refusal(outcome, code, message);
  };
  attempt({"info", "foreign.gif"}, "foreign.gif: no description inside");
  attempt({"info", "cut.gif"}, "cut.gif: ");
  attempt({"info", "foreign.mp4"}, "foreign.mp4: no description inside");
  attempt({"info", "cut.mp4"}, "cut.mp4: its description is cut off");
  attempt({"info", "wrong.json"}, "wrong.json: film \"recipes\"");
  attempt({"info", "empty"}, "empty: a directory without film.json");
  attempt({"animate", "foreign.gif", "-o", "a.gif"}, "foreign.gif: no description inside");
  attempt({"render", "film.gif", "-o", "a.png"}, "film.gif: a film of 3 frames");
  attempt({"render", "film.gif", "--frame", "3", "-o", "a.png"}, "--frame 3: film.gif has frames 0 to 2", 2);
  attempt({"render", "film.gif", "--frame", "-1", "-o", "a.png"}, "--frame", 2);
  attempt({"render", "--frame", "1", "-o", "a.png"}, "--frame goes with a film", 2);
  attempt({"render", "picture.png", "--frame", "1", "-o", "a.png"}, "picture.png: no film");
  attempt({"render", "film.gif", "--frame", "1", "--pick", "1", "-o", "a.png"}, "--pick and --frame exclude",
          2);
  attempt({"animate", "film.gif", "picture.png", "-o", "a.gif"}, "film.gif: a film of 3 frames");
  attempt({"animate", "film.gif", "--way", "once", "--points", "3", "--loop", "circle", "-o", "a.gif"},
          "--points", 2);
  EXPECT_EQ(folder.names(), before);
}

}  // namespace
}  // namespace atelier::testing
