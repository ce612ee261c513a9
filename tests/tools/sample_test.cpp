// `atelier sample` and `atelier interpolate`: pictures of a trained generator.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <random>

#include "models/atomic_file.h"
#include "models/generator.h"
#include "runtime/error.h"
#include "tests/models/generator_checkpoint.h"
#include "tests/tools/gif_pictures.h"
#include "tests/tools/png_pixels.h"
#include "tests/tools/process.h"
#include "tests/tools/training_runs.h"
#include "tools/image/gif_writer.h"

namespace atelier::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t kWidth = 4;
constexpr std::int64_t kHeight = 3;

/// A run's folder with the checkpoint of a small generator, and that generator on the cpu.
class TrainedGenerator {
 public:
  TrainedGenerator()
      : checkpoint_(generator_checkpoint("5 linear(9) leaky_relu(0.02) layer_norm linear(12) sigmoid", kWidth,
                                         kHeight)),
        generator_(stream_, checkpoint_, "the test's") {
    std::filesystem::create_directories(folder_ / "run");
    write_file(folder_ / "run/config.json", "{}");
    write_safetensors(folder_ / "run/checkpoint.safetensors", checkpoint_);
  }
  [[nodiscard]] std::string operator/(const std::string& name) const { return folder_ / name; }
  [[nodiscard]] Outcome run(const std::string& verb, const std::vector<std::string>& words) const {
    return atelier(with({verb, folder_ / "run", "--device", "cpu"}, words));
  }
  [[nodiscard]] DataSet pictures(const std::vector<float>& latents) {
    return generator_.pictures(stream_, latents);
  }
  [[nodiscard]] std::vector<float> outputs(const std::vector<float>& latents) {
    return generator_.outputs(stream_, latents);
  }
  [[nodiscard]] Generator& generator() { return generator_; }

 private:
  TemporaryFolder folder_;
  TensorFile checkpoint_;
  Stream stream_{Device{}};
  Generator generator_;
};

/// Picture `index` of a grid whose pictures are `scale` times as large, every pixel of its squares alike.
std::vector<std::uint8_t> picture_in(const Pixels& grid, std::int64_t columns, std::int64_t scale,
                                     std::int64_t index) {
  std::vector<std::uint8_t> picture;
  for (std::int64_t y = 0; y < kHeight; ++y)
    for (std::int64_t x = 0; x < kWidth; ++x) {
      const std::int64_t left = index % columns * (kWidth * scale + 1) + x * scale;
      const std::int64_t top = index / columns * (kHeight * scale + 1) + y * scale;
      const auto at = [&](std::int64_t dx, std::int64_t dy) {
        return grid.bytes.at(static_cast<std::size_t>((top + dy) * grid.width + left + dx));
      };
      picture.push_back(at(0, 0));
      for (std::int64_t d = 0; d < scale * scale; ++d) EXPECT_EQ(at(d % scale, d / scale), at(0, 0));
    }
  return picture;
}

std::vector<std::uint8_t> picture_of(const DataSet& pictures, std::int64_t index) {
  const auto first = pictures.pixels.begin() + index * pictures.pixels_per_image();
  return {first, first + pictures.pixels_per_image()};
}

TEST(Sample, IsAGridOfTheSeedsPictures) {
  TrainedGenerator trained;
  const Outcome outcome = trained.run("sample", {"-o", trained / "grid.png", "--count", "7", "--columns", "3",
                                                 "--scale", "2", "--seed", "5"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out, HasSubstr("grid.png: 7 pictures of 4 x 3, seed 5"));
  const DataSet expected = trained.pictures(trained.generator().latents(7, 5));
  const Pixels grid = read_pixels(trained / "grid.png");
  EXPECT_EQ(grid.width, 3 * 9 - 1);
  EXPECT_EQ(grid.height, 3 * 7 - 1);
  EXPECT_EQ(grid.channels, 1);
  for (std::int64_t i = 0; i < 7; ++i) EXPECT_EQ(picture_in(grid, 3, 2, i), picture_of(expected, i)) << i;
  EXPECT_NE(picture_of(expected, 0), picture_of(expected, 1));
  // Sixty-four of seed 0 in a square, as it is not said otherwise.
  ASSERT_EQ(trained.run("sample", {"-o", trained / "default.png", "-q"}).code, 0);
  const Pixels square = read_pixels(trained / "default.png");
  EXPECT_EQ(square.width, 8 * 5 - 1);
  EXPECT_EQ(square.height, 8 * 4 - 1);
  EXPECT_EQ(picture_in(square, 8, 1, 63),
            picture_of(trained.pictures(trained.generator().latents(1, 0, 63)), 0));
}

TEST(Sample, GivesNumpyTheOutputsThemselves) {
  TrainedGenerator trained;
  const Outcome outcome =
      trained.run("sample", {"-o", trained / "a.npy", "--count", "300", "--seed", "9", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto document = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(document.at("pictures"), 300);
  EXPECT_EQ(document.at("seed"), 9);
  const std::string bytes = read_file(trained / "a.npy");
  const std::vector<float> expected = trained.outputs(trained.generator().latents(300, 9));
  const std::size_t header = bytes.size() - expected.size() * sizeof(float);
  EXPECT_EQ(header % 64, 0U);
  EXPECT_THAT(bytes.substr(0, header),
              HasSubstr("{'descr': '<f4', 'fortran_order': False, 'shape': (300, 3, 4), }"));
  EXPECT_EQ(std::memcmp(bytes.data() + header, expected.data(), expected.size() * sizeof(float)), 0);
  // A checkpoint's own name will do, and what is there is not written over.
  EXPECT_EQ(atelier({"sample", trained / "run/checkpoint.safetensors", "-o", trained / "b.npy", "--count",
                     "300", "--seed", "9", "--device", "cpu", "-q"})
                .code,
            0);
  EXPECT_EQ(read_file(trained / "b.npy"), bytes);
  EXPECT_EQ(trained.run("sample", {"-o", trained / "a.npy"}).code, 1);
  EXPECT_EQ(read_file(trained / "a.npy"), bytes);
}

/// The latent vectors on the way, straight from the definition.
std::vector<float> way(Generator& generator, bool circle, std::int64_t steps) {
  const std::vector<float> a = generator.latents(1, 3);
  const std::vector<float> b = generator.latents(1, 8);
  std::vector<float> latents;
  for (std::int64_t step = 0; step < steps; ++step)
    for (std::size_t i = 0; i < a.size(); ++i) {
      const double t = static_cast<double>(step) / static_cast<double>(circle ? steps : steps - 1);
      const double angle = 2.0 * 3.141592653589793 * t;
      latents.push_back(static_cast<float>(
          circle ? std::cos(angle) * static_cast<double>(a[i]) + std::sin(angle) * static_cast<double>(b[i])
                 : (1.0 - t) * static_cast<double>(a[i]) + t * static_cast<double>(b[i])));
    }
  return latents;
}

TEST(Interpolate, IsAStripFromOnePictureToTheOther) {
  TrainedGenerator trained;
  const Outcome outcome = trained.run("interpolate", {"-o", trained / "strip.png", "--from", "3", "--to", "8",
                                                      "--steps", "6", "--scale", "1"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              HasSubstr("strip.png: 6 pictures on a line through the latent vectors of seeds 3 and 8"));
  const Pixels strip = read_pixels(trained / "strip.png");
  EXPECT_EQ(strip.width, 6 * 5 - 1);
  EXPECT_EQ(strip.height, 3);
  const DataSet expected = trained.pictures(way(trained.generator(), false, 6));
  for (std::int64_t i = 0; i < 6; ++i) EXPECT_EQ(picture_in(strip, 6, 1, i), picture_of(expected, i)) << i;
  EXPECT_EQ(picture_in(strip, 6, 1, 0), picture_of(trained.pictures(trained.generator().latents(1, 3)), 0));
  EXPECT_EQ(picture_in(strip, 6, 1, 5), picture_of(trained.pictures(trained.generator().latents(1, 8)), 0));
}

TEST(Interpolate, IsAFilmThatBeginsWhereItEnds) {
  TrainedGenerator trained;
  const std::vector<std::string> words{"--from", "3",       "--to", "8",       "--steps",
                                       "5",      "--scale", "3",    "--delay", "7"};
  ASSERT_EQ(trained.run("interpolate", with({"-o", trained / "line.gif"}, words)).code, 0);
  ASSERT_EQ(trained.run("interpolate", with({"-o", trained / "circle.gif", "--circle"}, words)).code, 0);
  const GifPictures line = parse_gif(read_file(trained / "line.gif"));
  const GifPictures circle = parse_gif(read_file(trained / "circle.gif"));
  const auto expect_frames = [&](const GifPictures& film, const DataSet& expected,
                                 const std::vector<std::int64_t>& order) {
    EXPECT_EQ(film.width, 12);
    EXPECT_EQ(film.height, 9);
    EXPECT_EQ(film.repetitions, 0);
    EXPECT_EQ(film.delays.size(), order.size());
    EXPECT_THAT(film.delays, Each(7));
    ASSERT_EQ(film.frames.size(), order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      const Pixels frame{12, 9, 1, 8, film.frames[i]};
      EXPECT_EQ(picture_in(frame, 1, 3, 0), picture_of(expected, order[i])) << i;
    }
  };
  expect_frames(line, trained.pictures(way(trained.generator(), false, 5)), {0, 1, 2, 3, 4, 3, 2, 1});
  expect_frames(circle, trained.pictures(way(trained.generator(), true, 5)), {0, 1, 2, 3, 4});
}

TEST(WriteGif, KeepsEveryByteOfPicturesOfAnySize) {
  const TemporaryFolder folder;
  std::mt19937 random(3);
  for (const auto& [width, height] : {std::pair<int, int>{1, 1}, {7, 3}, {300, 41}}) {
    std::vector<GrayPicture> pictures(3, GrayPicture{"", width, height, {}});
    for (std::size_t i = 0; i < pictures.size(); ++i)
      for (int k = 0; k < width * height; ++k)  // noise, all alike, and a ramp: codes of every length
        pictures[i].pixels.push_back(static_cast<std::uint8_t>(i == 0 ? random() : i == 1 ? 200U : k / 7U));
    const std::string path = folder / ("a" + std::to_string(width) + ".gif");
    AtomicFile file(path, AtomicFile::Existing::refuse);
    tools::write_gif(file, pictures, 65535);
    file.commit();
    const GifPictures gif = parse_gif(read_file(path));
    EXPECT_EQ(gif.width, width);
    EXPECT_EQ(gif.height, height);
    EXPECT_THAT(gif.delays, ElementsAre(65535, 65535, 65535));
    ASSERT_EQ(gif.frames.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(gif.frames[i], pictures[i].pixels) << width << " " << i;
  }
}

TEST(WriteGif, RefusesWhatAGifCannotHold) {
  const TemporaryFolder folder;
  AtomicFile file(folder / "a.gif", AtomicFile::Existing::refuse);
  const GrayPicture picture{"", 2, 1, {1, 2}};
  EXPECT_THROW(tools::write_gif(file, {}, 5), InvalidArgument);
  EXPECT_THROW(tools::write_gif(file, {picture}, 0), InvalidArgument);
  EXPECT_THROW(tools::write_gif(file, {picture}, 65536), InvalidArgument);
  EXPECT_THROW(tools::write_gif(file, {picture, {"", 1, 2, {1, 2}}}, 5), InvalidArgument);
  EXPECT_THROW(tools::write_gif(file, {{"", 65536, 1, std::vector<std::uint8_t>(65536)}}, 5),
               InvalidArgument);
  EXPECT_TRUE(folder.names().empty());
}

TEST(Interpolate, FullDiskIsOneLineAndLeavesNothing) {
  TrainedGenerator trained;
  const Outcome outcome =
      atelier({"interpolate", trained / "run", "-o", trained / "film.gif", "--device", "cpu"},
              {.largest_file = 4096});
  expect_refusal(outcome, 1, "film.gif");
  EXPECT_FALSE(std::filesystem::exists(trained / "film.gif"));
}

TEST(Sample, RefusesWhatIsNoGan) {
  TrainedGenerator trained;
  train_quietly({"nodes-gan", "--seed", "1", "--run", trained / "nodes"});
  std::filesystem::create_directory(trained / "begun");
  write_file(trained / "begun/config.json", "{}");
  const auto attempt = [&](const std::vector<std::string>& words, int code, const std::string& message) {
    const Outcome outcome = atelier(words);
    expect_refusal(outcome, code, message);
  };
  const std::string run = trained / "run";
  const std::string png = trained / "new.png";
  for (const char* verb : {"sample", "interpolate"}) {
    attempt({verb, trained / "nodes", "-o", png}, 1, "it is not the checkpoint of a GAN on pictures");
    attempt({verb, trained / "begun", "-o", png}, 1, "has no checkpoint yet");
    attempt({verb, trained / "none", "-o", png}, 1, "none");
    attempt({verb, run}, 2, "needs -o");
    attempt({verb, run, "-o", trained / "new.bmp"}, 2, "new.bmp");
    attempt({verb}, 2, "run");
  }
  attempt({"sample", run, "-o", png, "--count", "0"}, 2, "--count '0'");
  attempt({"sample", run, "-o", png, "--count", "1000001"}, 2, "at most 1000000");
  attempt({"sample", run, "-o", png, "--seed", "-1"}, 2, "--seed '-1'");
  attempt({"interpolate", run, "-o", png, "--steps", "1"}, 2, "--steps '1'");
  attempt({"interpolate", run, "-o", png, "--steps", "2001"}, 2, "2 to 2000");
  attempt({"interpolate", run, "-o", png, "--from", "4", "--to", "4"}, 2, "two seeds that differ");
  attempt({"interpolate", run, "-o", trained / "a.gif", "--delay", "70000", "--device", "cpu"}, 2, "--delay");
  EXPECT_FALSE(std::filesystem::exists(png));
}

}  // namespace
}  // namespace atelier::testing
