// Deep zoom pictures: the tiles of every level, their names, and the page that shows them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "runtime/error.h"
#include "tests/tools/encoded_pictures.h"
#include "tests/tools/png_pixels.h"
#include "tests/tools/process.h"
#include "tools/print/deep_zoom_encoder.h"
#include "tools/print/deep_zoom_page.h"
#include "tools/usage_error.h"

namespace atelier::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;
using tools::DeepZoomEncoder;
using tools::DeepZoomOptions;
using tools::PictureFormat;

const std::string kRecipe = R"({"atelier_recipe": 1, "title": "</script>"})";

void write_deep_zoom(const std::string& path, const PictureFormat& format,
                     const std::vector<std::byte>& samples, bool force = false) {
  DeepZoomEncoder encoder(path, format, {kRecipe, force, false});
  encode_parts(encoder, format, samples);
  encoder.finish();
  encoder.commit();
}

/// Dense rows put together of a level's tiles; `format` gets the level's size.
std::vector<std::byte> level_samples(const std::filesystem::path& folder, PictureFormat& format) {
  const std::int64_t pixel_bytes = format.row_bytes() / format.width;
  const auto read = [&](std::int64_t column, std::int64_t row) {
    return read_pixels(folder / (std::to_string(column) + "_" + std::to_string(row) + ".png"));
  };
  const auto is_there = [&](std::int64_t column, std::int64_t row) {
    return std::filesystem::exists(folder / (std::to_string(column) + "_" + std::to_string(row) + ".png"));
  };
  std::int64_t columns = 0;
  std::int64_t rows = 0;
  while (is_there(columns, 0)) ++columns;
  while (is_there(0, rows)) ++rows;
  format.width = 512 * (columns - 1) + read(columns - 1, 0).width;
  format.height = 512 * (rows - 1) + read(0, rows - 1).height;
  std::vector<std::byte> samples(static_cast<std::size_t>(format.row_bytes() * format.height));
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t column = 0; column < columns; ++column) {
      const Pixels tile = read(column, row);
      EXPECT_EQ(tile.channels, format.channels);
      EXPECT_EQ(tile.width, std::min<std::int64_t>(512, format.width - 512 * column));
      EXPECT_EQ(tile.height, std::min<std::int64_t>(512, format.height - 512 * row));
      for (std::int64_t r = 0; r < tile.height; ++r)
        std::memcpy(samples.data() + (512 * row + r) * format.row_bytes() + 512 * column * pixel_bytes,
                    tile.at(0, r), static_cast<std::size_t>(tile.width * pixel_bytes));
    }
  return samples;
}

struct Depth {
  CppnSample sample;
  int channels;
};
class DeepZoom : public ::testing::TestWithParam<Depth> {};

TEST_P(DeepZoom, HasEveryLevelDownToOnePixel) {
  for (const auto& [width, height] : {std::pair{1, 1}, {17, 3}, {1301, 700}, {2050, 1}, {512, 1024}}) {
    SCOPED_TRACE(std::to_string(width) + "x" + std::to_string(height));
    const TemporaryFolder folder;
    const PictureFormat format{width, height, GetParam().channels, GetParam().sample, 300};
    const std::vector<std::byte> samples = test_picture(format);
    write_deep_zoom(folder / "wall.dzi", format, samples);
    EXPECT_THAT(folder.names(), UnorderedElementsAre("wall.dzi", "wall.html", "wall_files"));

    const auto tiles = folder.path() / "wall_files";
    int level = 0;
    while (std::filesystem::exists(tiles / std::to_string(level + 1))) ++level;
    EXPECT_GE(1 << level, std::max(width, height));
    EXPECT_LT(1 << level, 2 * std::max(width, height));
    RealPicture linear = linear_of(real_picture(format, samples));
    PictureFormat level_format = format;
    EXPECT_EQ(level_samples(tiles / std::to_string(level), level_format), samples);
    while (--level >= 0) {
      linear = half_of(linear);
      const std::vector<std::byte> reduced = level_samples(tiles / std::to_string(level), level_format);
      ASSERT_EQ(level_format.width, linear.width);
      ASSERT_EQ(level_format.height, linear.height);
      expect_near(encoded_of(linear), level_format, reduced, 0.1);
    }
    EXPECT_EQ(linear.width * linear.height, 1);
    EXPECT_EQ(read_file(tiles / "recipe.json"), kRecipe);
    EXPECT_EQ(tools::read_deep_zoom_recipe(folder / "wall.dzi"), kRecipe);
    EXPECT_EQ(read_file(folder / "wall.dzi"),
              "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Image "
              "xmlns=\"http://schemas.microsoft.com/deepzoom/2008\" Format=\"png\" Overlap=\"0\" "
              "TileSize=\"512\">\n  <Size Width=\"" +
                  std::to_string(width) + "\" Height=\"" + std::to_string(height) + "\"/>\n</Image>\n");
  }
}
INSTANTIATE_TEST_SUITE_P(Depths, DeepZoom,
                         ::testing::Values(Depth{CppnSample::u8, 1}, Depth{CppnSample::u8, 3},
                                           Depth{CppnSample::u16, 1}, Depth{CppnSample::u16, 3}),
                         [](const auto& instance) {
                           return std::string(instance.param.channels == 1 ? "grey_" : "rgb_") +
                                  (instance.param.sample == CppnSample::u16 ? "u16" : "u8");
                         });

/// Everything under a folder: names and contents.
std::string everything(const std::filesystem::path& folder) {
  std::set<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) paths.insert(entry.path());
  std::string all;
  for (const auto& path : paths) {
    all += path.lexically_relative(folder).string() + "\n";
    if (std::filesystem::is_regular_file(path)) all += read_file(path);
  }
  return all;
}

TEST(DeepZoomResume, EndsInTheSameFilesFromAnyPart) {
  const PictureFormat format{1700, 1300, 1, CppnSample::u8};
  const std::vector<std::byte> samples = test_picture(format);
  const TemporaryFolder whole;
  write_deep_zoom(whole / "a.dzi", format, samples);
  const std::string expected = everything(whole.path());
  for (const std::int64_t stop : {1, 5, 6, 11}) {
    SCOPED_TRACE(stop);
    const TemporaryFolder folder;
    const DeepZoomOptions options{kRecipe, false, true};
    std::string state;
    {
      DeepZoomEncoder encoder(folder / "a.dzi", format, options);
      ASSERT_EQ(encoder.part_count(), 12);
      encode_parts(encoder, format, samples, 0, stop);
      state = encoder.state();
      encode_parts(encoder, format, samples, stop, std::min<std::int64_t>(stop + 2, 12));
    }
    EXPECT_THAT(folder.names(), ElementsAre("a.dzi.part"));
    // The tile under way when the power went.
    write_file(folder.path() / "a.dzi.part/a_files/11/3_2.png", "half a ti");
    DeepZoomEncoder encoder(folder / "a.dzi", format, options);
    encoder.restore(state);
    encode_parts(encoder, format, samples, stop);
    encoder.finish();
    encoder.commit();
    ASSERT_EQ(everything(folder.path()), expected);
  }
}

TEST(DeepZoomResume, RefusesAStateOfSomethingElse) {
  const TemporaryFolder folder;
  const PictureFormat format{1100, 600, 1, CppnSample::u8};
  DeepZoomEncoder encoder(folder / "a.dzi", format, {kRecipe, false, true});
  encode_parts(encoder, format, test_picture(format), 0, 2);
  const std::string state = encoder.state();
  EXPECT_NO_THROW(encoder.restore(state));
  for (const std::string& wrong : {std::string(), std::string("dzi 1 1 \n"), "x" + state, state + "0",
                                   state.substr(0, state.size() - 1)})
    EXPECT_THROW(encoder.restore(wrong), Error) << wrong.substr(0, 30);
  // The tiles are gone, or the last one is not whole.
  const auto tile = folder.path() / "a.dzi.part/a_files/11/1_0.png";
  std::filesystem::resize_file(tile, 10);
  EXPECT_THROW(encoder.restore(state), Error);
  std::filesystem::remove_all(folder.path() / "a.dzi.part/a_files");
  EXPECT_THROW(encoder.restore(state), Error);
}

TEST(DeepZoomNames, NothingIsReplacedUnlessAsked) {
  const TemporaryFolder folder;
  const PictureFormat format{20, 30, 1, CppnSample::u8};
  const std::vector<std::byte> samples = test_picture(format);
  for (const char* name : {"a.dzi", "a.html"}) {
    write_file(folder / name, "mine");
    EXPECT_THROW(write_deep_zoom(folder / "a.dzi", format, samples), Error);
    EXPECT_EQ(read_file(folder / name), "mine");
    EXPECT_THAT(folder.names(), ElementsAre(name));
    std::filesystem::remove(folder / name);
  }
  // A page saved by a browser has a folder of this name; it stays even then.
  std::filesystem::create_directory(folder.path() / "a_files");
  write_file(folder / "a_files/logo.png", "mine");
  EXPECT_THROW(write_deep_zoom(folder / "a.dzi", format, samples, false), Error);
  EXPECT_THROW(write_deep_zoom(folder / "a.dzi", format, samples, true), Error);
  EXPECT_EQ(read_file(folder / "a_files/logo.png"), "mine");
  EXPECT_THAT(folder.names(), ElementsAre("a_files"));
  EXPECT_THROW(DeepZoomEncoder(folder / "a.tif", format, {}), Error);
  EXPECT_THROW(DeepZoomEncoder(folder / "none/a.dzi", format, {}), Error);
  EXPECT_THROW(DeepZoomEncoder(folder / "b.dzi", {4, 4, 3, CppnSample::f32}, {}), InvalidArgument);
}

TEST(DeepZoomNames, ForceReplacesTheWholePicture) {
  const TemporaryFolder folder;
  const PictureFormat large{1500, 600, 1, CppnSample::u8};
  write_deep_zoom(folder / "a.dzi", large, test_picture(large));
  const PictureFormat small{20, 30, 1, CppnSample::u8};
  write_deep_zoom(folder / "a.dzi", small, test_picture(small), true);
  const TemporaryFolder fresh;
  write_deep_zoom(fresh / "a.dzi", small, test_picture(small));
  EXPECT_EQ(everything(folder.path()), everything(fresh.path()));
}

TEST(DeepZoomNames, ANameTakenMeanwhileLosesNothing) {
  const TemporaryFolder folder;
  const PictureFormat format{20, 30, 1, CppnSample::u8};
  {
    DeepZoomEncoder encoder(folder / "a.dzi", format, {kRecipe, false, true});
    encode_parts(encoder, format, test_picture(format));
    encoder.finish();
    write_file(folder / "a.html", "mine");
    EXPECT_THROW(encoder.commit(), Error);
    EXPECT_THAT(folder.names(), UnorderedElementsAre("a.dzi.part", "a.html"));
    std::filesystem::remove(folder / "a.html");
    encoder.commit();
  }
  EXPECT_THAT(folder.names(), UnorderedElementsAre("a.dzi", "a.html", "a_files"));
}

TEST(DeepZoomNames, AKillBetweenTheNamesIsTakenUp) {
  const PictureFormat format{20, 30, 1, CppnSample::u8};
  const TemporaryFolder whole;
  write_deep_zoom(whole / "a.dzi", format, test_picture(format));
  for (const bool page_too : {false, true}) {
    const TemporaryFolder folder;
    const DeepZoomOptions options{kRecipe, false, true};
    std::string state;
    {
      DeepZoomEncoder encoder(folder / "a.dzi", format, options);
      encode_parts(encoder, format, test_picture(format));
      state = encoder.state();
      encoder.finish();
    }
    std::filesystem::rename(folder.path() / "a.dzi.part/a_files", folder / "a_files");
    if (page_too) std::filesystem::rename(folder.path() / "a.dzi.part/a.html", folder / "a.html");
    DeepZoomEncoder encoder(folder / "a.dzi", format, options);
    encoder.restore(state);
    encoder.finish();
    encoder.commit();
    EXPECT_EQ(everything(folder.path()), everything(whole.path()));
  }
}

TEST(DeepZoomNames, WhatIsNotFinishedLeavesNothing) {
  const TemporaryFolder folder;
  const PictureFormat format{2000, 600, 1, CppnSample::u8};
  {
    DeepZoomEncoder encoder(folder / "a.dzi", format, {kRecipe, false, false});
    encode_parts(encoder, format, test_picture(format), 0, 1);
    EXPECT_THAT(folder.names(), ElementsAre("a.dzi.part"));
    EXPECT_THROW(DeepZoomEncoder(folder / "a.dzi", format, {kRecipe, false, false}), Error);
    EXPECT_THAT(folder.names(), ElementsAre("a.dzi.part"));
  }
  EXPECT_THAT(folder.names(), IsEmpty());
  { const DeepZoomEncoder idle(folder / "a.dzi", format, {kRecipe, false, true}); }
  EXPECT_THAT(folder.names(), IsEmpty());
}

TEST(DeepZoomFaults, AFolderThatVanishesIsOneLine) {
  const TemporaryFolder folder;
  const PictureFormat format{2000, 600, 1, CppnSample::u8};
  DeepZoomEncoder encoder(folder / "a.dzi", format, {kRecipe, false, false});
  encode_parts(encoder, format, test_picture(format), 0, 1);
  std::filesystem::remove_all(folder.path() / "a.dzi.part");
  try {
    encode_parts(encoder, format, test_picture(format), 1);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("cannot write"));
    EXPECT_THAT(error.what(), HasSubstr("No such file or directory"));
    EXPECT_THAT(error.what(), HasSubstr("nothing was kept"));
    EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
  }
}

TEST(DeepZoomPage, TellsTheViewerAndIsWholeInItself) {
  const std::string page = tools::deep_zoom_page({"a <b>\xFF", 4000, 3000, 13, 512, 300, kRecipe});
  const std::string mark = "<script type=\"application/json\" id=\"picture\">";
  const std::size_t start = page.find(mark) + mark.size();
  const std::string facts = page.substr(start, page.find("</script>", start) - start);
  const auto json = nlohmann::json::parse(facts);
  EXPECT_EQ(json["name"], "a <b>\xEF\xBF\xBD");
  EXPECT_EQ(json["width"], 4000);
  EXPECT_EQ(json["levels"], 13);
  EXPECT_EQ(json["recipe"]["title"], "</script>");
  EXPECT_THAT(page, Not(HasSubstr("http")));
  const std::string broken = tools::deep_zoom_page({"a", 4, 3, 3, 512, 0, "{"});
  EXPECT_THAT(broken, HasSubstr("\"recipe\":null"));
}

/// Names of all tiles, with their sizes in pixels.
std::set<std::string> tiles_of(const std::filesystem::path& folder) {
  std::set<std::string> tiles;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".png") continue;
    const Pixels pixels = read_pixels(entry.path());
    tiles.insert(entry.path().lexically_relative(folder).string() + " " + std::to_string(pixels.width) + "x" +
                 std::to_string(pixels.height));
  }
  return tiles;
}

TEST(DeepZoomPrograms, VipsMakesTheSameTiles) {
  const std::string program = "/usr/bin/vips";
  if (!std::filesystem::exists(program)) GTEST_SKIP() << program << " is not installed";
  const TemporaryFolder folder;
  const PictureFormat format{1301, 700, 3, CppnSample::u8};
  const std::vector<std::byte> samples = test_picture(format);
  write_deep_zoom(folder / "a.dzi", format, samples);
  std::string rows(reinterpret_cast<const char*>(samples.data()), samples.size());
  write_file(folder / "a.ppm", "P6 1301 700 255\n" + rows);
  const Outcome outcome = Process(program,
                                  {"dzsave", folder / "a.ppm", folder / "peer", "--tile-size", "512",
                                   "--overlap", "0", "--suffix", ".png"},
                                  {})
                              .wait();
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(tiles_of(folder.path() / "a_files"), tiles_of(folder.path() / "peer_files"));
  for (const char* name : {"11/0_0.png", "11/2_0.png", "11/1_1.png"})
    EXPECT_EQ(read_pixels(folder.path() / "a_files" / name).bytes,
              read_pixels(folder.path() / "peer_files" / name).bytes);
  const std::string peer = read_file(folder / "peer.dzi");
  for (const char* part : {"xmlns=\"http://schemas.microsoft.com/deepzoom/2008\"", "Format=\"png\"",
                           "Overlap=\"0\"", "TileSize=\"512\"", "Width=\"1301\"", "Height=\"700\""}) {
    EXPECT_THAT(peer, HasSubstr(part));
    EXPECT_THAT(read_file(folder / "a.dzi"), HasSubstr(part));
  }
}

}  // namespace
}  // namespace atelier::testing
