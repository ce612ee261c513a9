// TIFF and BigTIFF, read back with libtiff and other programs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tiffio.h>

#include <cstdarg>
#include <cstring>
#include <functional>

#include "models/atomic_file.h"
#include "runtime/error.h"
#include "tests/tools/encoded_pictures.h"
#include "tests/tools/png_pixels.h"
#include "tests/tools/process.h"
#include "tests/tools/tiff_pieces.h"
#include "tools/image/tiff_reader.h"
#include "tools/print/tiff_encoder.h"

namespace atelier::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using tools::PictureFormat;
using tools::TiffEncoder;
using tools::TiffFacts;
using tools::TiffOptions;

const std::string kRecipe = "{\"atelier_recipe\": 1, \"title\": \"\u00e9t\u00e9\"}";

/// What libtiff complained of.
std::string& complaints() {
  static std::string text;
  return text;
}
void complain(const char* module, const char* format, std::va_list arguments) {
  char line[500];
  std::vsnprintf(line, sizeof(line), format, arguments);
  complaints() += std::string(module == nullptr ? "" : module) + ": " + line + "\n";
}

class OpenTiff {
 public:
  explicit OpenTiff(const std::string& path) {
    complaints().clear();
    TIFFSetErrorHandler(complain);
    TIFFSetWarningHandler(complain);
    tiff_ = TIFFOpen(path.c_str(), "r");
    if (tiff_ == nullptr) throw std::runtime_error("libtiff cannot open it: " + complaints());
  }
  ~OpenTiff() { TIFFClose(tiff_); }
  OpenTiff(const OpenTiff&) = delete;
  OpenTiff& operator=(const OpenTiff&) = delete;
  [[nodiscard]] TIFF* get() const { return tiff_; }
  [[nodiscard]] std::uint32_t number(std::uint32_t tag) const {
    std::uint32_t value = 0;
    TIFFGetFieldDefaulted(tiff_, tag, &value);
    return value;
  }
  [[nodiscard]] std::uint16_t half(std::uint32_t tag) const {
    std::uint16_t value = 0;
    TIFFGetFieldDefaulted(tiff_, tag, &value);
    return value;
  }
  [[nodiscard]] std::string text(std::uint32_t tag) const {
    const char* value = nullptr;
    return TIFFGetField(tiff_, tag, &value) == 1 && value != nullptr ? value : "";
  }

  /// Dense rows of the directory that is open.
  [[nodiscard]] std::vector<std::byte> samples() const {
    const std::int64_t width = number(TIFFTAG_IMAGEWIDTH);
    const std::int64_t height = number(TIFFTAG_IMAGELENGTH);
    const std::int64_t tile_width = number(TIFFTAG_TILEWIDTH);
    const std::int64_t tile_height = number(TIFFTAG_TILELENGTH);
    const std::int64_t pixel_bytes = half(TIFFTAG_SAMPLESPERPIXEL) * half(TIFFTAG_BITSPERSAMPLE) / 8;
    std::vector<std::byte> rows(static_cast<std::size_t>(width * height * pixel_bytes));
    std::vector<std::byte> tile(static_cast<std::size_t>(TIFFTileSize(tiff_)));
    for (std::int64_t y = 0; y < height; y += tile_height)
      for (std::int64_t x = 0; x < width; x += tile_width) {
        if (TIFFReadTile(tiff_, tile.data(), static_cast<std::uint32_t>(x), static_cast<std::uint32_t>(y), 0,
                         0) < 0)
          throw std::runtime_error("libtiff cannot read a tile: " + complaints());
        for (std::int64_t row = 0; row < std::min(tile_height, height - y); ++row)
          std::memcpy(rows.data() + ((y + row) * width + x) * pixel_bytes,
                      tile.data() + row * tile_width * pixel_bytes,
                      static_cast<std::size_t>(std::min(tile_width, width - x) * pixel_bytes));
      }
    return rows;
  }

 private:
  TIFF* tiff_ = nullptr;
};

void write_tiff(const std::string& path, const PictureFormat& format, const std::vector<std::byte>& samples,
                bool pyramid) {
  AtomicFile file(path, AtomicFile::Existing::refuse);
  TiffEncoder encoder(file, format, {kRecipe, pyramid});
  encode_parts(encoder, format, samples);
  encoder.finish();
  encoder.commit();
}

struct Depth {
  CppnSample sample;
  int channels;
};
class TiffRoundTrip : public ::testing::TestWithParam<Depth> {};

TEST_P(TiffRoundTrip, KeepsEverySample) {
  const TemporaryFolder folder;
  const bool floating = cppn_sample_bytes(GetParam().sample) > 2;
  for (const auto& [width, height] :
       {std::pair{1, 1}, {17, 3}, {257, 255}, {5000, 1}, {3, 700}, {1030, 1025}}) {
    SCOPED_TRACE(std::to_string(width) + "x" + std::to_string(height));
    const PictureFormat format{width, height, GetParam().channels, GetParam().sample, 118.11};
    const std::vector<std::byte> samples = test_picture(format);
    const std::string path = folder / (std::to_string(width) + ".tif");
    write_tiff(path, format, samples, false);

    const OpenTiff tiff(path);
    EXPECT_EQ(tiff.number(TIFFTAG_IMAGEWIDTH), static_cast<std::uint32_t>(width));
    EXPECT_EQ(tiff.number(TIFFTAG_IMAGELENGTH), static_cast<std::uint32_t>(height));
    EXPECT_EQ(tiff.half(TIFFTAG_SAMPLESPERPIXEL), format.channels);
    EXPECT_EQ(tiff.half(TIFFTAG_BITSPERSAMPLE), 8 * cppn_sample_bytes(format.sample));
    EXPECT_EQ(tiff.half(TIFFTAG_SAMPLEFORMAT), floating ? SAMPLEFORMAT_IEEEFP : SAMPLEFORMAT_UINT);
    EXPECT_EQ(tiff.half(TIFFTAG_PHOTOMETRIC),
              format.channels == 1 ? PHOTOMETRIC_MINISBLACK : PHOTOMETRIC_RGB);
    EXPECT_EQ(tiff.half(TIFFTAG_COMPRESSION), COMPRESSION_ADOBE_DEFLATE);
    EXPECT_EQ(tiff.half(TIFFTAG_PREDICTOR), floating ? PREDICTOR_FLOATINGPOINT : PREDICTOR_HORIZONTAL);
    EXPECT_EQ(tiff.half(TIFFTAG_RESOLUTIONUNIT), RESUNIT_INCH);
    float resolution = 0;
    TIFFGetField(tiff.get(), TIFFTAG_YRESOLUTION, &resolution);
    EXPECT_FLOAT_EQ(resolution, 118.11F);
    EXPECT_EQ(tiff.text(TIFFTAG_IMAGEDESCRIPTION), kRecipe);
    EXPECT_THAT(tiff.text(TIFFTAG_SOFTWARE), HasSubstr("Atelier"));
    EXPECT_EQ(tiff.samples(), samples);
    EXPECT_EQ(TIFFReadDirectory(tiff.get()), 0);
    EXPECT_THAT(complaints(), IsEmpty());

    const TiffFacts facts = tools::read_tiff(path);
    EXPECT_EQ(facts.width, static_cast<std::uint64_t>(width));
    EXPECT_EQ(facts.height, static_cast<std::uint64_t>(height));
    EXPECT_EQ(facts.bits, static_cast<int>(8 * cppn_sample_bytes(format.sample)));
    EXPECT_EQ(facts.channels, format.channels);
    EXPECT_EQ(facts.floating, floating);
    EXPECT_FALSE(facts.big);
    EXPECT_EQ(facts.levels, 1);
    EXPECT_NEAR(facts.pixels_per_inch, 118.11, 1e-6);
    EXPECT_EQ(tools::read_tiff_recipe(path), kRecipe);
  }
}

std::string depth_name(const ::testing::TestParamInfo<Depth>& instance) {
  static constexpr const char* kNames[] = {"u8_truncate", "u8", "u16", "f32", "f64"};
  return std::string(instance.param.channels == 1 ? "grey_" : "rgb_") +
         kNames[static_cast<std::size_t>(instance.param.sample)];
}
const auto kDepths =
    ::testing::Values(Depth{CppnSample::u8, 1}, Depth{CppnSample::u8, 3}, Depth{CppnSample::u8_truncate, 3},
                      Depth{CppnSample::u16, 1}, Depth{CppnSample::u16, 3}, Depth{CppnSample::f32, 1},
                      Depth{CppnSample::f32, 3}, Depth{CppnSample::f64, 1}, Depth{CppnSample::f64, 3});
INSTANTIATE_TEST_SUITE_P(Depths, TiffRoundTrip, kDepths, depth_name);

class TiffPyramid : public ::testing::TestWithParam<Depth> {};

TEST_P(TiffPyramid, LevelsAreMeansOfLight) {
  const TemporaryFolder folder;
  const PictureFormat format{2101, 1027, GetParam().channels, GetParam().sample, 300};
  const std::vector<std::byte> samples = test_picture(format);
  write_tiff(folder / "a.tif", format, samples, true);
  EXPECT_EQ(tools::read_tiff(folder / "a.tif").levels, 4);

  const OpenTiff tiff(folder / "a.tif");
  EXPECT_EQ(tiff.samples(), samples);
  RealPicture linear = real_picture(format, samples);
  if (has_encoded_samples(format)) linear = linear_of(linear);
  int levels = 1;
  for (; TIFFReadDirectory(tiff.get()) == 1; ++levels) {
    linear = half_of(linear);
    EXPECT_EQ(tiff.number(TIFFTAG_SUBFILETYPE), static_cast<std::uint32_t>(FILETYPE_REDUCEDIMAGE));
    ASSERT_EQ(tiff.number(TIFFTAG_IMAGEWIDTH), static_cast<std::uint32_t>(linear.width));
    ASSERT_EQ(tiff.number(TIFFTAG_IMAGELENGTH), static_cast<std::uint32_t>(linear.height));
    EXPECT_THAT(tiff.text(TIFFTAG_IMAGEDESCRIPTION), IsEmpty());
    PictureFormat level = format;
    level.width = linear.width;
    level.height = linear.height;
    expect_near(has_encoded_samples(format) ? encoded_of(linear) : linear, level, tiff.samples(), 0.1);
  }
  EXPECT_EQ(levels, 4);  // 2101, 1051, 526, 263
  EXPECT_THAT(complaints(), IsEmpty());
}
INSTANTIATE_TEST_SUITE_P(Depths, TiffPyramid, kDepths, depth_name);

TEST(TiffPyramidShape, ASmallPictureHasNoLevels) {
  const TemporaryFolder folder;
  const PictureFormat format{512, 500, 1, CppnSample::u8};
  write_tiff(folder / "a.tif", format, test_picture(format), true);
  EXPECT_EQ(tools::read_tiff(folder / "a.tif").levels, 1);
  EXPECT_EQ(tools::read_tiff(folder / "a.tif").pixels_per_inch, 0);
}

TEST(TiffLayout, PartsCoverThePictureAndAreBounded) {
  const TemporaryFolder folder;
  for (const PictureFormat& format : {PictureFormat{1, 1, 1, CppnSample::u8},
                                      {9000, 7001, 3, CppnSample::u8},
                                      {8200, 8200, 3, CppnSample::f64},
                                      {100, 70000, 3, CppnSample::u16},
                                      {1500, 1500, 3, CppnSample::u8}}) {
    AtomicFile file(folder / "a.tif", AtomicFile::Existing::refuse);
    const TiffEncoder encoder(file, format, {kRecipe, true});
    std::int64_t pixels = 0;
    std::int64_t largest = 0;
    for (std::int64_t index = 0; index < encoder.part_count(); ++index) {
      const PixelRegion part = encoder.part(index);
      ASSERT_GT(part.width * part.height, 0);
      ASSERT_LE(part.column + part.width, format.width);
      ASSERT_LE(part.row + part.height, format.height);
      pixels += part.width * part.height;
      largest = std::max(largest, part.width * part.height * (format.row_bytes() / format.width));
    }
    EXPECT_EQ(pixels, format.width * format.height);
    EXPECT_EQ(encoder.largest_part_bytes(), largest);
    EXPECT_LE(largest, 26 << 20);
  }
  // The largest of all is no more to hold.
  AtomicFile file(folder / "a.tif", AtomicFile::Existing::refuse);
  const TiffEncoder huge(file, {2147483647, 2147483647, 3, CppnSample::u16}, {kRecipe, true});
  EXPECT_LE(huge.largest_part_bytes(), 26 << 20);
  EXPECT_LE(huge.encoding_bytes(), 64 << 20);
  EXPECT_LE(huge.own_bytes(), 256 << 20);
  const PixelRegion last = huge.part(huge.part_count() - 1);
  EXPECT_EQ(last.column + last.width, 2147483647);
  EXPECT_EQ(last.row + last.height, 2147483647);
}

TEST(TiffLayout, WhatCouldPassFourGigabytesIsBig) {
  const TemporaryFolder folder;
  const PictureFormat format{50000, 40000, 3, CppnSample::u8, 300};
  std::vector<std::byte> expected;
  {
    AtomicFile file(folder / "a.tif", AtomicFile::Existing::refuse);
    TiffEncoder encoder(file, format, {kRecipe, true});
    // The first part alone: 2048 x 2048 pixels.
    const PixelRegion part = encoder.part(0);
    expected = test_picture({part.width, part.height, 3, CppnSample::u8});
    encoder.store(0, encoder.encode(0, expected.data()));
    encoder.finish();
    encoder.commit();
  }
  const TiffFacts facts = tools::read_tiff(folder / "a.tif");
  EXPECT_TRUE(facts.big);
  EXPECT_EQ(facts.width, 50000U);
  EXPECT_EQ(facts.levels, 8);
  EXPECT_EQ(facts.recipe, kRecipe);
  const OpenTiff tiff(folder / "a.tif");
  EXPECT_EQ(TIFFIsBigTIFF(tiff.get()), 1);
  std::vector<std::byte> tile(512 * 512 * 3);
  ASSERT_EQ(TIFFReadTile(tiff.get(), tile.data(), 1536, 512, 0, 0), std::ssize(tile)) << complaints();
  for (std::int64_t row = 0; row < 512; ++row)
    ASSERT_EQ(
        std::memcmp(tile.data() + row * 512 * 3, expected.data() + ((512 + row) * 2048 + 1536) * 3, 512 * 3),
        0);
  EXPECT_THAT(complaints(), IsEmpty());

  AtomicFile file(folder / "b.tif", AtomicFile::Existing::refuse);
  TiffEncoder small(file, {30000, 40000, 3, CppnSample::u8}, {"", false});
  const std::vector<std::byte> samples(static_cast<std::size_t>(small.largest_part_bytes()));
  small.store(0, small.encode(0, samples.data()));
  small.commit();
  EXPECT_FALSE(tools::read_tiff(folder / "b.tif").big);
}

TEST(TiffLongRender, ABigTiffIsWholeInEveryLevel) {
  const TemporaryFolder folder;
  const PictureFormat format{66000, 65800, 1, CppnSample::u8, 300};
  const auto value_of = [](std::int64_t part) { return static_cast<std::byte>(part * 37 % 251); };
  std::vector<PixelRegion> parts;
  {
    AtomicFile file(folder / "a.tif", AtomicFile::Existing::refuse);
    TiffEncoder encoder(file, format, {kRecipe, true});
    std::vector<std::byte> samples(static_cast<std::size_t>(encoder.largest_part_bytes()));
    for (std::int64_t index = 0; index < encoder.part_count(); ++index) {
      parts.push_back(encoder.part(index));
      std::fill(samples.begin(), samples.end(), value_of(index));
      encoder.store(index, encoder.encode(index, samples.data()));
    }
    encoder.finish();
    encoder.commit();
  }
  const TiffFacts facts = tools::read_tiff(folder / "a.tif");
  EXPECT_TRUE(facts.big);
  EXPECT_EQ(facts.levels, 9);
  const OpenTiff tiff(folder / "a.tif");
  std::vector<std::byte> tile(512 * 512);
  for (int level = 0; level < facts.levels; ++level, TIFFReadDirectory(tiff.get())) {
    ASSERT_EQ(tiff.number(TIFFTAG_IMAGEWIDTH), ((66000U - 1) >> level) + 1);
    // A part is flat, and so is its place on every level down to a pixel of it.
    for (std::size_t index = 0; index < parts.size(); index += 7) {
      const auto x = static_cast<std::uint32_t>(parts[index].column >> level);
      const auto y = static_cast<std::uint32_t>(parts[index].row >> level);
      ASSERT_EQ(TIFFReadTile(tiff.get(), tile.data(), x, y, 0, 0), std::ssize(tile)) << complaints();
      ASSERT_EQ(tile[y % 512 * 512 + x % 512], value_of(static_cast<std::int64_t>(index))) << level;
    }
  }
  EXPECT_THAT(complaints(), IsEmpty());
}

TEST(TiffResume, EndsInTheSameBytesFromAnyPart) {
  const TemporaryFolder folder;
  const PictureFormat format{1700, 1600, 1, CppnSample::u16, 72};
  const std::vector<std::byte> samples = test_picture(format);
  write_tiff(folder / "whole.tif", format, samples, true);
  const std::string whole = read_file(folder / "whole.tif");
  const std::string path = folder / "a.tif";
  std::int64_t parts = 0;
  for (const std::int64_t stop : {1, 2, 6, 11, 15}) {
    SCOPED_TRACE(stop);
    std::string state;
    {
      AtomicFile file = AtomicFile::resumable(path, AtomicFile::Existing::replace);
      file.cut(0);
      TiffEncoder encoder(file, format, {kRecipe, true});
      parts = encoder.part_count();
      encode_parts(encoder, format, samples, 0, stop);
      state = encoder.state();
      // What comes later is lost; its entries in the tables are there already.
      encode_parts(encoder, format, samples, stop, std::min(stop + 2, parts));
    }
    AtomicFile file = AtomicFile::resumable(path, AtomicFile::Existing::replace);
    TiffEncoder encoder(file, format, {kRecipe, true});
    encoder.restore(state);
    encode_parts(encoder, format, samples, stop);
    encoder.finish();
    EXPECT_EQ(encoder.bytes_written(), whole.size());
    encoder.commit();
    ASSERT_EQ(read_file(path), whole);
  }
  EXPECT_EQ(parts, 16);
}

TEST(TiffResume, RefusesAStateOfSomethingElse) {
  const TemporaryFolder folder;
  const PictureFormat format{1200, 600, 1, CppnSample::u8};
  AtomicFile file(folder / "a.tif", AtomicFile::Existing::refuse);
  TiffEncoder encoder(file, format, {kRecipe, true});
  encode_parts(encoder, format, test_picture(format), 0, 1);
  const std::string state = encoder.state();
  for (const std::string& wrong :
       {std::string(), std::string("tiff 12"), std::string("tiff -1\n00"), "x" + state, state + "0",
        state.substr(0, state.size() - 1), "tiff 99999999" + state.substr(state.find('\n'))})
    EXPECT_THROW(encoder.restore(wrong), Error) << wrong.substr(0, 30);
  EXPECT_NO_THROW(encoder.restore(state));
}

/// A picture of a program's own format, from a TIFF.
void expect_program_reads(const std::string& program, const std::vector<std::string>& arguments_before,
                          const std::vector<std::string>& arguments_after) {
  if (!std::filesystem::exists(program)) GTEST_SKIP() << program << " is not installed";
  const TemporaryFolder folder;
  for (const CppnSample sample : {CppnSample::u8, CppnSample::u16}) {
    const PictureFormat format{1300, 700, 3, sample, 300};
    const std::vector<std::byte> samples = test_picture(format);
    write_tiff(folder / "a.tif", format, samples, true);
    std::vector<std::string> arguments = arguments_before;
    arguments.push_back(folder / "a.tif");
    for (const std::string& argument : arguments_after) arguments.push_back(argument);
    arguments.push_back(folder / "a.png");
    const Outcome outcome = Process(program, arguments, {}).wait();
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_THAT(outcome.err, IsEmpty());
    const Pixels pixels = read_pixels(folder / "a.png");
    ASSERT_EQ(pixels.bytes.size(), samples.size());
    EXPECT_EQ(std::memcmp(pixels.bytes.data(), samples.data(), samples.size()), 0);
    std::filesystem::remove(folder / "a.tif");
    std::filesystem::remove(folder / "a.png");
  }
}
TEST(TiffPrograms, VipsReadsEveryPixel) {
  expect_program_reads("/usr/bin/vips", {"copy"}, {});
}
TEST(TiffPrograms, ImageMagickReadsEveryPixel) {
  expect_program_reads("/usr/bin/convert", {"-regard-warnings"}, {"-delete", "1--1"});
}
TEST(TiffPrograms, OpenSlideFindsTheLevels) {
  const std::string program = "/usr/bin/vips";
  if (!std::filesystem::exists(program)) GTEST_SKIP() << program << " is not installed";
  const TemporaryFolder folder;
  // A level smaller than a tile is more than OpenSlide 3.4 can read, of any writer.
  const PictureFormat format{2100, 1100, 3, CppnSample::u8, 300};
  write_tiff(folder / "a.tif", format, test_picture(format), true);
  const Outcome outcome =
      Process(program, {"openslideload", folder / "a.tif", folder / "a.png", "--level", "1"}, {}).wait();
  if (outcome.err.find("openslideload\" not found") != std::string::npos)
    GTEST_SKIP() << "this vips knows no OpenSlide";
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Pixels level = read_pixels(folder / "a.png");
  ASSERT_EQ(level.width, 1050);
  ASSERT_EQ(level.height, 550);
  const OpenTiff tiff(folder / "a.tif");
  ASSERT_EQ(TIFFReadDirectory(tiff.get()), 1);
  const std::vector<std::byte> expected = tiff.samples();
  for (std::int64_t pixel = 0; pixel < 1050 * 550; ++pixel)
    ASSERT_EQ(std::memcmp(level.at(pixel % 1050, pixel / 1050), expected.data() + 3 * pixel, 3), 0) << pixel;
}
TEST(TiffPrograms, TiffinfoHasNothingToSay) {
  const std::string program = "/usr/bin/tiffinfo";
  if (!std::filesystem::exists(program)) GTEST_SKIP() << program << " is not installed";
  const TemporaryFolder folder;
  const PictureFormat format{1300, 700, 3, CppnSample::f32, 300};
  write_tiff(folder / "a.tif", format, test_picture(format), true);
  const Outcome outcome = Process(program, {"-D", folder / "a.tif"}, {}).wait();
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.err, IsEmpty());
  EXPECT_THAT(outcome.out, HasSubstr("Resolution: 300, 300 pixels/inch"));
  EXPECT_THAT(outcome.out, HasSubstr("Subfile Type: reduced-resolution image"));
}

std::string refusal(const std::string& bytes) {
  try {
    (void)tools::parse_tiff_recipe(std::as_bytes(std::span(bytes)), "a.tif");
  } catch (const InvalidArgument& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
  return "nothing was thrown";
}

TEST(TiffReader, ReadsBothOrdersAndLayouts) {
  for (const bool big : {false, true})
    for (const bool little : {false, true}) {
      const TiffPieces pieces{big, little};
      const std::string file =
          pieces.file({pieces.number(256, 3, 5), pieces.number(257, 4, 7), pieces.text(270, kRecipe),
                       pieces.ratio(282, 300, 2), pieces.number(296, 3, 3)});
      const TiffFacts facts = tools::parse_tiff(std::as_bytes(std::span(file)), "a.tif");
      EXPECT_EQ(facts.width, 5U);
      EXPECT_EQ(facts.height, 7U);
      EXPECT_EQ(facts.big, big);
      EXPECT_NEAR(facts.pixels_per_inch, 381, 1e-9);
      EXPECT_EQ(facts.recipe, kRecipe);
      EXPECT_TRUE(tools::starts_as_tiff(std::as_bytes(std::span(file))));
    }
}

TEST(TiffReader, HostileFilesEndInOneLine) {
  const TiffPieces pieces{false, true};
  const auto width = pieces.number(256, 3, 5);
  const auto height = pieces.number(257, 4, 7);
  const auto described = [&](const std::string& text) {
    return pieces.file({width, height, pieces.text(270, text)});
  };
  EXPECT_THAT(refusal(""), HasSubstr("not a TIFF"));
  EXPECT_THAT(refusal("II*"), HasSubstr("not a TIFF"));
  EXPECT_THAT(refusal(std::string("II*\0\0\0\0\0", 8)), HasSubstr("without a picture"));
  EXPECT_THAT(refusal(pieces.file({pieces.number(256, 3, 5)})), HasSubstr("no size"));
  EXPECT_THAT(refusal(pieces.file({width, height})), HasSubstr("no recipe inside"));
  EXPECT_THAT(refusal(described("{\"shape\": [5, 7]}")), HasSubstr("no recipe inside"));
  EXPECT_THAT(refusal(pieces.file({width, height, pieces.number(339, 2, 1)})),
              HasSubstr("tag 339 holds no whole number"));
  // A ring of directories, a directory beyond the end, a text beyond the end or of any length.
  std::string ring = pieces.file({width, height});
  ring.replace(ring.size() - 4, 4, std::string("\x08\0\0\0", 4));
  EXPECT_THAT(refusal(ring), HasSubstr("ring"));
  ring.replace(ring.size() - 4, 4, "\xFF\xFF\xFF\xFF");
  EXPECT_THAT(refusal(ring), HasSubstr("it ends at byte"));
  EXPECT_THAT(refusal(pieces.file({width, height, pieces.entry(270, 2, 5000, 8)})), HasSubstr("it ends at"));
  EXPECT_THAT(refusal(pieces.file({width, height, pieces.entry(270, 2, 4000000000U, 8)})),
              HasSubstr("a text of 4000000000 bytes"));
  const std::string whole = described(kRecipe);
  EXPECT_EQ(tools::parse_tiff_recipe(std::as_bytes(std::span(whole)), "a"), kRecipe);
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes)
    EXPECT_NE(refusal(whole.substr(0, bytes)), "nothing was thrown") << bytes;
}

TEST(TiffReader, FilesThatCannotBeReadAreNamed) {
  const TemporaryFolder folder;
  EXPECT_FALSE(tools::is_tiff_file(folder / "none.tif"));
  EXPECT_FALSE(tools::is_tiff_file(folder.path()));
  EXPECT_THROW((void)tools::read_tiff(folder / "none.tif"), InvalidArgument);
  write_file(folder / "a.tif", "II");
  EXPECT_FALSE(tools::is_tiff_file(folder / "a.tif"));
}

}  // namespace
}  // namespace atelier::testing
