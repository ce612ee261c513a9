// The files that pictures are written to and read from.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <span>

#include "models/atomic_file.h"
#include "runtime/error.h"
#include "tests/tools/png_pieces.h"
#include "tests/tools/png_pixels.h"
#include "tests/tools/process.h"
#include "tools/image/picture_writer.h"
#include "tools/image/png_reader.h"
#include "tools/usage_error.h"

namespace atelier::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::TemporaryFolder;

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing was thrown";
}

std::vector<std::byte> noise(std::size_t count) {
  std::mt19937 engine(1);
  std::vector<std::byte> bytes(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(engine() & 0xFF);
  return bytes;
}

struct PngCase {
  int channels;
  CppnSample sample;
};
class PngRoundTrip : public ::testing::TestWithParam<PngCase> {};

TEST_P(PngRoundTrip, KeepsEverySample) {
  const TemporaryFolder folder;
  const PictureFormat format{37, 23, GetParam().channels, GetParam().sample};
  const std::vector<std::byte> rows = noise(static_cast<std::size_t>(format.row_bytes() * format.height));
  const std::string recipe = std::string("{\"recipe\": \"\u00e9 ").append(5000, 'x').append("\"}");
  {
    AtomicFile file(folder / "a.png", AtomicFile::Existing::refuse);
    const auto writer = make_picture_writer(PictureFile::png, file, format, {{kRecipeKeyword, recipe}});
    writer->write_rows(rows.data(), 10);
    writer->write_rows(rows.data() + 10 * format.row_bytes(), 13);
    writer->finish();
    file.commit();
  }
  const testing::Pixels pixels = testing::read_pixels(folder / "a.png");
  EXPECT_EQ(pixels.width, 37);
  EXPECT_EQ(pixels.height, 23);
  EXPECT_EQ(pixels.channels, format.channels);
  EXPECT_EQ(pixels.bit_depth, format.sample == CppnSample::u16 ? 16 : 8);
  ASSERT_EQ(pixels.bytes.size(), rows.size());
  EXPECT_EQ(std::memcmp(pixels.bytes.data(), rows.data(), rows.size()), 0);

  const PngFacts facts = read_png(folder / "a.png");
  EXPECT_EQ(facts.width, 37U);
  EXPECT_EQ(facts.height, 23U);
  EXPECT_EQ(facts.channels, format.channels);
  EXPECT_EQ(facts.bit_depth, pixels.bit_depth);
  EXPECT_EQ(facts.recipe, recipe);
  EXPECT_EQ(read_png_recipe(folder / "a.png"), recipe);
}
INSTANTIATE_TEST_SUITE_P(Formats, PngRoundTrip,
                         ::testing::Values(PngCase{3, CppnSample::u8}, PngCase{1, CppnSample::u8},
                                           PngCase{3, CppnSample::u8_truncate}, PngCase{3, CppnSample::u16},
                                           PngCase{1, CppnSample::u16}),
                         [](const auto& instance) {
                           return std::string(instance.param.channels == 1 ? "grey" : "rgb") + "_" +
                                  std::to_string(static_cast<int>(instance.param.sample));
                         });

TEST(PngWriter, RefusesTooManyAndTooFewRows) {
  const TemporaryFolder folder;
  const PictureFormat format{4, 4, 3, CppnSample::u8};
  const std::vector<std::byte> rows = noise(200);
  AtomicFile file(folder / "a.png", AtomicFile::Existing::refuse);
  const auto writer = make_picture_writer(PictureFile::png, file, format, {});
  writer->write_rows(rows.data(), 3);
  EXPECT_THROW(writer->finish(), Error);
  EXPECT_THROW(writer->write_rows(rows.data(), 2), Error);
}

TEST(NpyWriter, WritesWhatNumpyReads) {
  const TemporaryFolder folder;
  const PictureFormat format{3, 2, 3, CppnSample::f32};
  const std::vector<std::byte> rows = noise(static_cast<std::size_t>(format.row_bytes() * format.height));
  {
    AtomicFile file(folder / "a.npy", AtomicFile::Existing::refuse);
    const auto writer = make_picture_writer(PictureFile::npy, file, format, {});
    writer->write_rows(rows.data(), 2);
    writer->finish();
    file.commit();
  }
  const std::string bytes = testing::read_file(folder / "a.npy");
  EXPECT_EQ(bytes.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  const std::size_t header =
      static_cast<unsigned char>(bytes[8]) + 256U * static_cast<unsigned char>(bytes[9]);
  EXPECT_EQ((10 + header) % 64, 0U);
  EXPECT_THAT(bytes.substr(10, header),
              HasSubstr("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 3), }"));
  EXPECT_EQ(bytes[9 + header], '\n');
  ASSERT_EQ(bytes.size(), 10 + header + rows.size());
  EXPECT_EQ(std::memcmp(bytes.data() + 10 + header, rows.data(), rows.size()), 0);
}

TEST(PictureFormats, ExtensionsDecide) {
  EXPECT_EQ(picture_file_of("a.png"), PictureFile::png);
  EXPECT_EQ(picture_file_of("a.b/A.PNG"), PictureFile::png);
  EXPECT_EQ(picture_file_of("a.npy"), PictureFile::npy);
  EXPECT_THAT(message_of([] { (void)picture_file_of("a.jpg"); }), HasSubstr(".png"));
  EXPECT_THROW((void)picture_file_of("a.jpg"), UsageError);
  EXPECT_THROW((void)picture_file_of("png"), UsageError);
  EXPECT_THROW(check_picture_format(PictureFile::png, {1, 1, 3, CppnSample::f32}), UsageError);
  EXPECT_THROW(check_picture_format(PictureFile::png, {std::int64_t{1} << 31, 1, 3, CppnSample::u8}),
               UsageError);
  EXPECT_NO_THROW(check_picture_format(PictureFile::npy, {1, 1, 3, CppnSample::f32}));
}

// ---- PNG files that mean harm ----

std::string recipe_in(const std::string& file) {
  return parse_png_recipe(std::as_bytes(std::span(file)), "test.png");
}

/// The message with which the file is refused; anything but InvalidArgument fails the test.
std::string refusal(const std::string& file) {
  try {
    (void)recipe_in(file);
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(PngReader, FindsPlainAndPackedTextBeforeAndBehindThePixels) {
  using namespace testing;
  const std::string pixels = png_chunk("IDAT", deflated(std::string(7, '\0')));
  for (const bool compressed : {false, true}) {
    const std::string text = png_chunk("iTXt", png_text("atelier", "{\"a\": 1}", compressed));
    EXPECT_EQ(recipe_in(png_file(text + pixels)), "{\"a\": 1}");
    EXPECT_EQ(recipe_in(png_file(pixels + text)), "{\"a\": 1}");
  }
}

TEST(PngReader, SaysWhenThereIsNoRecipe) {
  using namespace testing;
  EXPECT_THAT(refusal(png_file("")), HasSubstr("test.png: no recipe inside"));
  EXPECT_THAT(refusal(png_file(png_chunk("iTXt", png_text("atelie", "x", false)))), HasSubstr("no recipe"));
  EXPECT_THAT(refusal(png_file(png_chunk("iTXt", png_text("atelier-sheet", "{}", true)))),
              HasSubstr("contact sheet"));
}

TEST(PngReader, RefusesEveryTruncation) {
  using namespace testing;
  const std::string whole = png_file(png_chunk("iTXt", png_text("atelier", "{\"a\": 1}", true)) +
                                     png_chunk("IDAT", deflated(std::string(7, '\0'))));
  ASSERT_EQ(recipe_in(whole), "{\"a\": 1}");
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_THAT(refusal(whole.substr(0, length)), HasSubstr("not a whole PNG")) << length;
}

TEST(PngReader, RefusesADamagedText) {
  using namespace testing;
  const std::string text = png_chunk("iTXt", png_text("atelier", "{\"a\": 1}", true));
  for (std::size_t position = 8; position < text.size(); ++position) {
    std::string damaged = text;
    damaged[position] = static_cast<char>(damaged[position] ^ 0x40);
    EXPECT_THAT(refusal(png_file(damaged)), Not(HasSubstr("nothing was thrown"))) << position;
  }
}

TEST(PngReader, RefusesLyingLengthsAndShapes) {
  using namespace testing;
  const std::string start = png_signature() + png_header(2, 1);
  const std::string end = png_chunk("IEND", "");
  EXPECT_THAT(refusal(start + big_endian_word(0xFFFFFFFF) + "iTXt" + end),
              HasSubstr("claims 4294967295 bytes"));
  EXPECT_THAT(refusal(start + big_endian_word(0x7FFFFFFF) + "IDAT" + end),
              HasSubstr("claims 2147483647 bytes"));
  EXPECT_THAT(refusal(png_signature() + end), HasSubstr("first chunk is not IHDR"));
  EXPECT_THAT(refusal(start + png_header(2, 1) + end), HasSubstr("second IHDR"));
  EXPECT_THAT(refusal(png_signature() + png_header(0, 1) + end), HasSubstr("size is 0x1"));
  EXPECT_THAT(refusal(png_signature() + png_header(1, 0x80000000) + end), HasSubstr("1x2147483648"));
  EXPECT_THAT(refusal(start + big_endian_word(0) + "I\0AT" + end), HasSubstr("no valid type"));
  EXPECT_THAT(refusal(png_signature() + png_chunk("IHDR", "short") + end), HasSubstr("IHDR has 5 bytes"));
  const std::string text = png_chunk("iTXt", png_text("atelier", "{}", false));
  EXPECT_THAT(refusal(png_file(text + text)), HasSubstr("two texts"));
}

TEST(PngReader, RefusesTextsWithoutTheirParts) {
  using namespace testing;
  const std::string keyword("atelier\0", 8);
  for (const std::string& contents :
       {keyword, keyword + '\1', keyword + std::string("\1\0", 2), keyword + std::string("\1\0en", 4),
        keyword + std::string("\1\0en\0key", 8)})
    EXPECT_THAT(refusal(png_file(png_chunk("iTXt", contents))), HasSubstr("cut short"));
  EXPECT_THAT(refusal(png_file(png_chunk("iTXt", keyword + std::string("\2\0\0\0{}", 6)))),
              HasSubstr("unknown way"));
  EXPECT_THAT(refusal(png_file(png_chunk("iTXt", keyword + std::string("\1\1\0\0{}", 6)))),
              HasSubstr("unknown way"));
  EXPECT_THAT(refusal(png_file(png_chunk("iTXt", keyword + std::string("\1\0\0\0", 4) + "no zlib"))),
              HasSubstr("damaged"));
  const std::string packed = deflated(std::string(1000, 'a'));
  EXPECT_THAT(refusal(png_file(png_chunk(
                  "iTXt", keyword + std::string("\1\0\0\0", 4) + packed.substr(0, packed.size() / 2)))),
              HasSubstr("damaged"));
}

TEST(PngReader, StopsUnpackingABomb) {
  using namespace testing;
  const std::string bomb = png_file(png_chunk("iTXt", png_text("atelier", std::string(80 << 20, ' '), true)));
  ASSERT_LT(bomb.size(), 200U << 10);
  EXPECT_THAT(refusal(bomb), HasSubstr("unpacks to more than 67108864 bytes"));
}

TEST(PngReader, NamesUnreadableFiles) {
  const TemporaryFolder folder;
  EXPECT_THAT(message_of([&] { (void)read_png_recipe(folder / "none.png"); }), HasSubstr("No such file"));
  EXPECT_THAT(message_of([&] { (void)read_png_recipe(folder.path()); }), HasSubstr("Is a directory"));
  EXPECT_THROW((void)read_png_recipe("/dev/zero"), InvalidArgument);
  testing::write_file(folder / "empty.png", "");
  EXPECT_THAT(message_of([&] { (void)read_png_recipe(folder / "empty.png"); }), HasSubstr("not a whole PNG"));
}

}  // namespace
}  // namespace atelier::tools
