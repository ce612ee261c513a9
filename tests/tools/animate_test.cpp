// Films as a user makes them: the built program, what it writes, and what it leaves when it cannot.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <numeric>
#include <thread>

#include "tests/devices.h"
#include "tests/tools/gif_pictures.h"
#include "tests/tools/png_pixels.h"
#include "tests/tools/process.h"

namespace atelier::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::vector<std::string> kLatentPicture{"--seed", "4", "--inputs", "x,y,r,z,z", "--layers", "4"};

Outcome run(const std::vector<std::string>& words, const Surroundings& surroundings = {}) {
  Outcome outcome = atelier(with(words, {"--device", "cpu", "-q"}), surroundings);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return outcome;
}

std::string frame_name(std::int64_t index) {
  std::string digits = std::to_string(index);
  return "frame-" + std::string(5 - digits.size(), '0') + digits + ".png";
}

std::vector<Pixels> frames_of(const std::string& folder, std::int64_t count) {
  std::vector<Pixels> frames;
  for (std::int64_t i = 0; i < count; ++i) frames.push_back(read_pixels(folder + "/" + frame_name(i)));
  return frames;
}

/// The mean difference of two pictures' samples.
double difference(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
  if (a.size() != b.size() || a.empty()) return 1.0 / 0.0;
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(static_cast<int>(a[i]) - static_cast<int>(b[i]));
  return sum / static_cast<double>(a.size());
}

double signal_to_noise(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
  if (a.size() != b.size() || a.empty()) return 0;
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    sum += std::pow(static_cast<int>(a[i]) - static_cast<int>(b[i]), 2);
  return 10 * std::log10(255.0 * 255.0 / (sum / static_cast<double>(a.size()) + 1e-9));
}

TEST(Animate, EveryLoopClosesWithoutASeam) {
  const TemporaryFolder folder;
  int number = 0;
  for (const std::vector<std::string>& path :
       std::vector<std::vector<std::string>>{{"--loop", "circle"},
                                             {"--loop", "spline", "--points", "5"},
                                             {"--loop", "circle", "--move", "weights", "--radius", "0.05"},
                                             {"--turn", "360"},
                                             {"--zoom", "2", "--way", "back", "--ease", "in-out"}}) {
    const std::string name = "film" + std::to_string(number++);
    run(with(with({"animate", "--size", "40x32", "--frames", "20", "-o", folder / name}, kLatentPicture),
             path));
    const std::vector<Pixels> frames = frames_of(folder / name, 20);
    double largest = 0;
    for (std::size_t i = 0; i + 1 < frames.size(); ++i)
      largest = std::max(largest, difference(frames[i].bytes, frames[i + 1].bytes));
    EXPECT_GT(largest, 0.1) << name;
    EXPECT_LE(difference(frames.back().bytes, frames.front().bytes), largest) << name;
  }
}

TEST(Animate, ATileIsPannedRoundAndRound) {
  const TemporaryFolder folder;
  run({"animate", "--seed", "6", "--tile", "--pan", "1,-2", "--size", "40", "--frames", "40", "-o",
       folder / "film"});
  const std::vector<Pixels> frames = frames_of(folder / "film", 40);
  // A frame's step is a whole pixel along x and two along y: each frame is the first one, shifted.
  for (const std::int64_t i : {1, 17, 39})
    for (std::int64_t y = 0; y < 40; ++y)
      for (std::int64_t x = 0; x < 40; ++x) {
        const std::uint8_t* const shifted = frames[0].at((x + i) % 40, (y + 80 - 2 * i) % 40);
        const std::uint8_t* const shown = frames[static_cast<std::size_t>(i)].at(x, y);
        for (int c = 0; c < 3; ++c) ASSERT_NEAR(shown[c], shifted[c], 2) << i << ' ' << x << ' ' << y;
      }
}

TEST(Animate, HelpTellsOfTheVerbs) {
  const std::string help = atelier({"--help"}).out;
  for (const char* verb : {"sheet", "vary", "animate"}) {
    EXPECT_THAT(help, HasSubstr(verb));
    EXPECT_THAT(atelier({verb, "--help"}).out, HasSubstr(std::string("Examples:\n  atelier ").append(verb)));
  }
}

TEST(Animate, FramesAreThePicturesThatTheirRecipesPaint) {
  const TemporaryFolder folder;
  run(with({"render", "--size", "33x21", "-o", folder / "art.png"}, kLatentPicture));
  for (const Device device : test_devices()) {
    const std::string film = folder / std::string(device_kind_name(device.kind()));
    Outcome made = atelier({"animate", folder / "art.png", "--loop", "spline", "--zoom", "3", "--turn", "50",
                            "--frames", "7", "-q", "--device", device.name(), "-o", film});
    ASSERT_EQ(made.code, 0) << made.err;
    for (const std::int64_t i : {0, 1, 3, 6}) {
      const std::string frame = film + "/" + frame_name(i);
      made =
          atelier({"render", frame, "--device", device.name(), "-q", "--force", "-o", folder / "again.png"});
      ASSERT_EQ(made.code, 0) << made.err;
      EXPECT_EQ(read_pixels(folder / "again.png").bytes, read_pixels(frame).bytes) << device.name() << i;
    }
    // The first frame is the picture itself.
    if (device.kind() == DeviceKind::cpu) {
      EXPECT_EQ(read_pixels(film + "/" + frame_name(0)).bytes, read_pixels(folder / "art.png").bytes);
    }
  }
}

TEST(Animate, TheCameraShowsWhatRenderShowsThere) {
  const TemporaryFolder folder;
  run({"render", "--seed", "9", "--size", "48x36", "-o", folder / "art.png"});
  run({"animate", folder / "art.png", "--zoom", "4", "--pan", "0.125,-0.25", "--turn", "90", "--frames", "5",
       "-o", folder / "film/"});
  run({"render", folder / "art.png", "--span", "0.25", "--center", "0.125,-0.25", "--rotate", "90", "-o",
       folder / "end.png"});
  run({"render", folder / "art.png", "--span", "0.5", "--center", "0.08333333333333333,-0.16666666666666666",
       "--rotate", "45", "-o", folder / "half.png"});
  EXPECT_EQ(read_pixels(folder / ("film/" + frame_name(4))).bytes, read_pixels(folder / "end.png").bytes);
  EXPECT_LE(difference(read_pixels(folder / ("film/" + frame_name(2))).bytes,
                       read_pixels(folder / "half.png").bytes),
            0.01);
}

TEST(Animate, MorphsPassTheirPictures) {
  const TemporaryFolder folder;
  for (const char* seed : {"1", "2", "3"})
    run({"render", "--seed", seed, "--size", "24", "-o", folder / (std::string(seed) + ".png")});
  run({"animate", "--morph", folder / "1.png", folder / "2.png", folder / "3.png", "--frames", "12", "-o",
       folder / "film"});
  for (std::int64_t k = 0; k < 3; ++k)
    EXPECT_EQ(read_pixels(folder / ("film/" + frame_name(4 * k))).bytes,
              read_pixels(folder / (std::to_string(k + 1) + ".png")).bytes);
  // The same three as cells of a sheet.
  run({"sheet", "--seeds", "1..3", "--cell", "24", "-o", folder / "sheet.png"});
  run({"animate", folder / "sheet.png", "--pick", "1", "--pick", "2", "--pick", "3", "--frames", "12", "-o",
       folder / "picked"});
  for (std::int64_t i = 0; i < 12; ++i)
    EXPECT_EQ(read_pixels(folder / ("film/" + frame_name(i))).bytes,
              read_pixels(folder / ("picked/" + frame_name(i))).bytes);
}

TEST(Animate, TheNumberOfThreadsLeavesNoTrace) {
  const TemporaryFolder folder;
  for (const char* threads : {"1", "5"})
    run(with({"animate", "--size", "50x40", "--frames", "9", "--threads", threads, "-o",
              folder / (std::string(threads) + ".gif")},
             kLatentPicture));
  EXPECT_TRUE(read_file(folder / "1.gif") == read_file(folder / "5.gif"));
}

TEST(Animate, AGifHoldsTheFilmInColour) {
  const TemporaryFolder folder;
  const std::vector<std::string> film =
      with({"animate", "--size", "64x48", "--frames", "10", "--fps", "30"}, kLatentPicture);
  run(with(film, {"-o", folder / "film.gif"}));
  run(with(film, {"-o", folder / "film"}));
  const GifPictures gif = parse_gif(read_file(folder / "film.gif"));
  EXPECT_EQ(gif.width, 64);
  EXPECT_EQ(gif.height, 48);
  EXPECT_EQ(gif.repetitions, 0);
  ASSERT_EQ(gif.colors.size(), 10U);
  // 30 a second are no whole hundredths: a third of a second is 33, and the whole film stays in time.
  EXPECT_EQ(std::accumulate(gif.delays.begin(), gif.delays.end(), 0), 33);
  const std::vector<Pixels> frames = frames_of(folder / "film", 10);
  for (std::size_t i = 0; i < frames.size(); ++i)
    EXPECT_GE(signal_to_noise(gif.colors[i], frames[i].bytes), 29) << i;
  const auto document = nlohmann::json::parse(gif.comment);
  EXPECT_EQ(document.at("atelier_film"), 1);
  EXPECT_EQ(document.at("frames"), 10);
  EXPECT_EQ(document, nlohmann::json::parse(read_file(folder / "film/film.json")));
  // The recipe in the comment paints the first frame.
  write_file(folder / "recipe.json", document.at("recipes").at(0).dump());
  run({"render", folder / "recipe.json", "-o", folder / "first.png"});
  EXPECT_EQ(read_pixels(folder / "first.png").bytes, frames[0].bytes);
}

TEST(Animate, AGreyGifKeepsEveryByte) {
  const TemporaryFolder folder;
  const std::vector<std::string> film{"animate", "--seed", "2",        "--color", "grey",
                                      "--size",  "31x17",  "--frames", "4"};
  run(with(film, {"-o", folder / "film.GIF"}));
  run(with(film, {"-o", folder / "film"}));
  const GifPictures gif = parse_gif(read_file(folder / "film.GIF"));
  const std::vector<Pixels> frames = frames_of(folder / "film", 4);
  ASSERT_EQ(gif.frames.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(gif.frames[i], frames[i].bytes);
}

TEST(Animate, FramesOfSixteenBits) {
  const TemporaryFolder folder;
  run({"animate", "--seed", "2", "--depth", "16", "--size", "20", "--frames", "2", "-o", folder / "film"});
  EXPECT_EQ(frames_of(folder / "film", 2)[1].bit_depth, 16);
}

/// A program called ffmpeg in a folder of its own, in place of any real one.
struct StandIn {
  explicit StandIn(const std::string& script) {
    write_file(folder / "ffmpeg", "#!/bin/sh\n" + script);
    chmod((folder / "ffmpeg").c_str(), 0755);
  }
  [[nodiscard]] Surroundings surroundings(const TemporaryFolder& working) const {
    const char* const path = std::getenv("PATH");
    return {
        .environment = {{"PATH", folder.path().string() + ":" + (path != nullptr ? path : "/usr/bin:/bin")}},
        .folder = working.path()};
  }
  TemporaryFolder folder;
};

/// Odd sides become even: one row or column more is painted.
const std::vector<std::string> kVideo{"animate", "--seed",   "3",   "--size", "33x21", "--frames",
                                      "5",       "--device", "cpu", "--fps",  "12.5"};

TEST(Animate, AVideoIsFedFrameByFrame) {
  const TemporaryFolder folder;
  const StandIn ffmpeg("cat > fed\nprintf '%s\\n' \"$@\" > words\nprintf 'a film' > /dev/fd/3\n");
  const Outcome outcome = atelier(with(kVideo, {"-o", "film.mp4", "-q"}), ffmpeg.surroundings(folder));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(read_file(folder / "film.mp4"), "a film");
  run({"animate", "--seed", "3", "--size", "34x22", "--frames", "5", "-o", folder / "film"});
  std::string expected;
  for (const Pixels& frame : frames_of(folder / "film", 5))
    expected.append(frame.bytes.begin(), frame.bytes.end());
  EXPECT_TRUE(read_file(folder / "fed") == expected);
  const std::string words = read_file(folder / "words");
  for (const char* word : {"rawvideo", "rgb24", "34x22", "12.5", "pipe:0", "libx264", "yuv420p", "bt709",
                           "mp4", "comment={\"atelier_film\":1"})
    EXPECT_THAT(words, HasSubstr(word));
  EXPECT_THAT(folder.names(), ElementsAre("fed", "film", "film.mp4", "words"));
}

TEST(Animate, WithoutFfmpegThereIsOneLine) {
  const TemporaryFolder folder;
  const TemporaryFolder empty;
  for (const char* name : {"film.mp4", "film.webm"}) {
    const Outcome outcome =
        atelier(with(kVideo, {"-o", name, "-q"}),
                {.environment = {{"PATH", empty.path().string()}}, .folder = folder.path()});
    expect_refusal(outcome, 1, "ffmpeg is not installed");
  }
  EXPECT_THAT(folder.names(), IsEmpty());
}

TEST(Animate, AFailingFfmpegIsQuoted) {
  struct Failure {
    const char* script;
    const char* message;
  };
  for (const Failure& failure :
       {Failure{"cat > /dev/null\necho first >&2\necho 'Unknown encoder' >&2\nexit 3\n",
                "ffmpeg: Unknown encoder"},
        Failure{"exec 0<&-\necho 'reads nothing' >&2\nexit 1\n", "ffmpeg: reads nothing"},
        Failure{"exit 7\n", "ffmpeg failed with exit code 7"},
        Failure{"kill -9 $$\n", "ffmpeg was ended by signal 9"},
        Failure{"cat > /dev/null\n", "ffmpeg wrote nothing"}}) {
    const TemporaryFolder folder;
    const StandIn ffmpeg(failure.script);
    const Outcome outcome = atelier({"animate", "--seed", "3", "--size", "256", "--frames", "8", "--device",
                                     "cpu", "-q", "-o", "film.mp4"},
                                    ffmpeg.surroundings(folder));
    expect_refusal(outcome, 1, failure.message);
    EXPECT_THAT(folder.names(), IsEmpty());
  }
}

TEST(Animate, FfmpegItselfMakesVideosThatShowTheFrames) {
  if (std::system("ffmpeg -version > /dev/null 2>&1") != 0) GTEST_SKIP() << "ffmpeg is not installed";
  const TemporaryFolder folder;
  const std::vector<std::string> film =
      with({"animate", "--size", "64x48", "--frames", "8", "--radius", "0.2"}, kLatentPicture);
  run(with(film, {"-o", folder / "film"}));
  const std::vector<Pixels> frames = frames_of(folder / "film", 8);
  for (const char* name : {"film.mp4", "film.webm"}) {
    run(with(film, {"-o", folder / name}));
    const std::string command = "cd '" + folder.path().string() + "' && ffmpeg -v error -y -i " + name +
                                " -f rawvideo -pix_fmt rgb24 decoded > /dev/null 2>&1";
    ASSERT_EQ(std::system(command.c_str()), 0);
    const std::string decoded = read_file(folder / "decoded");
    ASSERT_EQ(decoded.size(), 8 * frames[0].bytes.size()) << name;
    for (std::size_t i = 0; i < 8; ++i) {
      const auto first = decoded.begin() + static_cast<long>(i * frames[0].bytes.size());
      const std::vector<std::uint8_t> shown(first, first + static_cast<long>(frames[0].bytes.size()));
      // Colours are halved in both directions; saturated edges lose most.
      EXPECT_GE(signal_to_noise(shown, frames[i].bytes), 22) << name << i;
    }
  }
}

TEST(Animate, ExistingFilmsStayUnlessForced) {
  const TemporaryFolder folder;
  const std::vector<std::string> film{"animate",  "--seed", "2",        "--size", "9",
                                      "--frames", "3",      "--device", "cpu",    "-q"};
  const auto attempt = [&](const std::vector<std::string>& words, const std::string& message) {
    const Outcome outcome = atelier(with(film, words), {.folder = folder.path()});
    expect_refusal(outcome, 1, message);
  };
  ASSERT_EQ(atelier(with(film, {"-o", folder / "film"})).code, 0);
  ASSERT_EQ(atelier(with(film, {"-o", folder / "film.gif"})).code, 0);
  attempt({"-o", "film"}, "film exists already; --force replaces it");
  attempt({"-o", "film/"}, "exists already; --force replaces it");
  attempt({"-o", "film.gif"}, "film.gif exists already; --force replaces it");
  run({"animate", "--seed", "2", "--size", "9", "--frames", "2", "--force", "-o", folder / "film"});
  EXPECT_FALSE(std::filesystem::exists(folder / ("film/" + frame_name(2))));
  ASSERT_EQ(atelier(with(film, {"--force", "-o", folder / "film.gif"})).code, 0);
  // What is not a film is never replaced.
  write_file(folder / "film/letters.txt", "precious");
  attempt({"--force", "-o", "film"}, "film holds more than a film (letters.txt)");
  write_file(folder / "plain", "precious");
  attempt({"--force", "-o", "plain"}, "is no folder");
  attempt({"-o", "none/film"}, "none/film");
  attempt({"-o", "none/film.gif"}, "none/film.gif");
  EXPECT_EQ(read_file(folder / "film/letters.txt"), "precious");
  EXPECT_THAT(folder.names(), ElementsAre("film", "film.gif", "plain"));
}

TEST(Animate, FullDiskIsOneLineAndNoFilm) {
  const TemporaryFolder folder;
  const StandIn ffmpeg(
      "cat > /dev/null\nhead -c 100000 /dev/zero > /dev/fd/3 || { echo 'disk full' >&2; exit 1; }\n");
  for (const char* name : {"film.gif", "film", "film.mp4"}) {
    Surroundings surroundings = ffmpeg.surroundings(folder);
    surroundings.largest_file = 3000;
    const Outcome outcome = atelier(
        {"animate", "--seed", "1", "--size", "64", "--frames", "6", "--device", "cpu", "-q", "-o", name},
        surroundings);
    EXPECT_EQ(outcome.code, 1) << name;
    EXPECT_EQ(outcome.error_lines(), 1) << outcome.err;
  }
  EXPECT_THAT(folder.names(), IsEmpty());
}

Outcome interrupted_by(int signal, const std::string& name, const Surroundings& surroundings) {
  Process process(atelier_program(),
                  {"animate", "--seed", "1", "--size", "700", "--layers", "100", "--frames", "5000",
                   "--device", "cpu", "--threads", "1", "-o", name},
                  surroundings);
  std::this_thread::sleep_for(std::chrono::milliseconds(600));
  process.send(signal);
  return process.wait();
}

TEST(Animate, InterruptedLeavesNothing) {
  // Also where ffmpeg hangs.
  const StandIn ffmpeg("sleep 1000 < /dev/null\n");
  for (const char* name : {"film.gif", "film", "film.mp4"}) {
    const TemporaryFolder folder;
    const Outcome outcome = interrupted_by(SIGINT, name, ffmpeg.surroundings(folder));
    EXPECT_EQ(outcome.code, 1) << name << outcome.signal;
    EXPECT_THAT(outcome.err, HasSubstr("interrupted"));
    EXPECT_THAT(folder.names(), IsEmpty()) << name;
  }
}

TEST(Animate, KilledLeavesNoFilm) {
  for (const char* name : {"film.gif", "film"}) {
    const TemporaryFolder folder;
    EXPECT_EQ(interrupted_by(SIGKILL, name, {.folder = folder.path()}).signal, SIGKILL);
    EXPECT_THAT(folder.names(), Not(::testing::Contains(name)));
  }
}

TEST(Animate, RefusesWrongUse) {
  const TemporaryFolder folder;
  run({"render", "--seed", "1", "--size", "9", "-o", folder / "a.png"});
  run({"render", "--seed", "1", "--size", "9", "--layers", "4", "-o", folder / "b.png"});
  run({"render", "--preset", "seed", "--size", "9", "-o", folder / "seed.png"});
  const std::vector<std::string> before = folder.names();
  const auto attempt = [&](const std::vector<std::string>& words, const std::string& message, int code = 2) {
    const Outcome outcome = atelier(with({"animate"}, words), {.folder = folder.path()});
    expect_refusal(outcome, code, message);
  };
  attempt({"a.png"}, "needs -o");
  attempt({"a.png", "-o", "film.bmp"}, "film.bmp: a film is a .gif, .mp4 or .webm file, or a folder");
  attempt({"a.png", "-o", "film.gif", "--frames", "0"}, "--frames '0'");
  attempt({"a.png", "-o", "film.gif", "--frames", "100001"}, "--frames '100001'");
  attempt({"a.png", "-o", "film.gif", "--fps", "0"}, "--fps 0");
  attempt({"a.png", "-o", "film.gif", "--fps", "nan"}, "--fps");
  attempt({"a.png", "-o", "film.gif", "--fps", "60"}, "a GIF shows at most 50");
  attempt({"a.png", "-o", "film.gif", "--size", "70000x2"}, "at most 65535");
  attempt({"a.png", "-o", "film.mp4", "--size", "20000x2"}, "at most 16384");
  attempt({"a.png", "-o", "film", "--size", "2147483647"}, "smaller --size");
  attempt({"a.png", "-o", "film.gif", "--loop", "square"}, "--loop 'square'");
  attempt({"a.png", "-o", "film.gif", "--move", "latent"}, "no latent vector");
  attempt({"a.png", "-o", "film.gif", "--loop", "circle", "--points", "5"},
          "--points belongs to --loop spline");
  attempt({"a.png", "-o", "film.gif", "--zoom", "2", "--radius", "5"}, "belong to --loop");
  attempt({"a.png", "-o", "film.gif", "--radius", "-1"}, "radius");
  attempt({"a.png", "-o", "film.gif", "--zoom", "0"}, "zoom");
  attempt({"a.png", "-o", "film.gif", "--zoom", "2", "--way", "loop"}, "come round");
  attempt({"a.png", "-o", "film.gif", "--pan", "1"}, "X,Y is needed");
  attempt({"a.png", "-o", "film.gif", "--ease", "bouncy"}, "--ease 'bouncy'");
  attempt({"a.png", "-o", "film.gif", "--morph"}, "--morph needs two recipes");
  attempt({"a.png", "b.png", "-o", "film.gif"}, "one shape");
  attempt({"a.png", "b.png", "--pick", "1", "-o", "film.gif"}, "cells of one contact sheet");
  attempt({"seed.png", "-o", "film.gif", "--zoom", "2"}, "centred coordinates");
  attempt({"none.png", "-o", "film.gif"}, "none.png", 1);
  EXPECT_EQ(folder.names(), before);
}

}  // namespace
}  // namespace atelier::testing
