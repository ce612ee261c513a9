#include "models/png_image.h"

#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <random>

#include "tests/models/data_files.h"
#include "tests/models/test_folder.h"
#include "tests/tools/png_pieces.h"

namespace atelier {
namespace {

using testing::big_endian_word;
using testing::deflated;
using testing::png_chunk;

enum ColorType : char { gray = 0, rgb = 2, palette = 3, gray_alpha = 4, rgba = 6 };

int channels_of(ColorType type) {
  switch (type) {
    case rgb:
      return 3;
    case gray_alpha:
      return 2;
    case rgba:
      return 4;
    default:
      return 1;
  }
}

/// A PNG made by hand from samples, channel by channel, pixel by pixel, without filters.
struct Picture {
  std::uint32_t width = 5;
  std::uint32_t height = 3;
  int bits = 8;
  ColorType type = gray;
  std::vector<unsigned> samples;
  std::string chunks;  // before the pixels: PLTE, tRNS

  [[nodiscard]] std::string rows() const {
    std::string bytes;
    std::size_t next = 0;
    for (std::uint32_t y = 0; y < height; ++y) {
      bytes.push_back('\0');
      unsigned pending = 0;
      int pending_bits = 0;
      for (std::uint32_t i = 0; i < width * static_cast<std::uint32_t>(channels_of(type)); ++i) {
        pending = pending << bits | samples[next++];
        for (pending_bits += bits; pending_bits >= 8; pending_bits -= 8)
          bytes.push_back(static_cast<char>(pending >> (pending_bits - 8) & 0xFFU));
      }
      if (pending_bits > 0) bytes.push_back(static_cast<char>(pending << (8 - pending_bits) & 0xFFU));
    }
    return bytes;
  }
  [[nodiscard]] std::string file() const {
    const std::string header = big_endian_word(width) + big_endian_word(height) + static_cast<char>(bits) +
                               static_cast<char>(type) + std::string(3, '\0');
    return testing::png_signature() + png_chunk("IHDR", header) + chunks +
           png_chunk("IDAT", deflated(rows())) + png_chunk("IEND", "");
  }
};

Picture random_picture(ColorType type, int bits, std::mt19937& random) {
  Picture picture;
  picture.type = type;
  picture.bits = bits;
  for (std::uint32_t i = 0;
       i < picture.width * picture.height * static_cast<std::uint32_t>(channels_of(type)); ++i)
    picture.samples.push_back(static_cast<unsigned>(random() % (1ULL << bits)));
  return picture;
}

PngImage parse(const std::string& file, const PngLimits& limits = {}) {
  return parse_png_image(std::as_bytes(std::span(file)), "picture.png", limits);
}

/// Grey of a pixel in real numbers; libpng rounds 16 bits to 8 first, hence the tolerance of users.
double gray_of(const std::vector<double>& pixel) {
  const double value = pixel.size() >= 3 ? 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2] : pixel[0];
  return pixel.size() % 2 == 0 ? value * pixel.back() / 255.0 : value;
}

TEST(PngImage, EveryColorTypeAndDepth) {
  std::mt19937 random(7);
  const std::vector<std::pair<ColorType, std::vector<int>>> kinds{
      {gray, {1, 2, 4, 8, 16}}, {rgb, {8, 16}}, {gray_alpha, {8, 16}}, {rgba, {8, 16}}};
  for (const auto& [type, depths] : kinds)
    for (const int bits : depths) {
      const Picture picture = random_picture(type, bits, random);
      const PngImage image = parse(picture.file());
      ASSERT_EQ(image.width, 5);
      ASSERT_EQ(image.height, 3);
      ASSERT_EQ(image.pixels.size(), 15U);
      const auto channels = static_cast<std::size_t>(channels_of(type));
      for (std::size_t i = 0; i < 15; ++i) {
        std::vector<double> pixel;
        for (std::size_t c = 0; c < channels; ++c)
          pixel.push_back(picture.samples[i * channels + c] * 255.0 / ((1 << bits) - 1));
        // One rounding a stage: to 8 bits, to grey, onto black.
        double allowed = 0.01;
        if (channels > 1 || bits == 16) allowed += 0.5;  // to grey, or to 8 bits
        if (channels > 1 && bits == 16) allowed += 0.5;  // both
        if (channels % 2 == 0) allowed += 1.0;           // onto black, with a rounded alpha
        EXPECT_NEAR(image.pixels[i], gray_of(pixel), allowed)
            << "type " << int{type} << ", " << bits << " bits";
      }
    }
}

TEST(PngImage, PalettesAndTransparency) {
  Picture picture;
  picture.width = 4;
  picture.height = 1;
  picture.type = palette;
  picture.bits = 2;
  picture.samples = {0, 1, 2, 3};
  picture.chunks = png_chunk("PLTE", std::string("\xFF\xFF\xFF\xFF\0\0\0\xFF\0\0\0\xFF", 12));
  EXPECT_EQ(parse(picture.file()).pixels, (std::vector<std::uint8_t>{255, 76, 150, 29}));
  // The first colour half transparent, the second wholly: they lie on black.
  picture.chunks += png_chunk("tRNS", std::string("\x80\0", 2));
  EXPECT_EQ(parse(picture.file()).pixels, (std::vector<std::uint8_t>{128, 0, 150, 29}));

  Picture gray_picture;
  gray_picture.width = 2;
  gray_picture.height = 1;
  gray_picture.samples = {200, 100};
  gray_picture.chunks = png_chunk("tRNS", std::string("\0\xC8", 2));  // 200 is transparent
  EXPECT_EQ(parse(gray_picture.file()).pixels, (std::vector<std::uint8_t>{0, 100}));
}

TEST(PngImage, DarkDrawingsOnATransparentGroundShow) {
  Picture picture;
  picture.width = 4;
  picture.height = 1;
  picture.type = gray_alpha;
  picture.samples = {0, 255, 0, 128, 60, 255, 0, 0};
  EXPECT_EQ(parse(picture.file()).pixels, (std::vector<std::uint8_t>{255, 128, 195, 0}));
  picture.samples[4] = 64;  // light enough to show on black
  EXPECT_EQ(parse(picture.file()).pixels, (std::vector<std::uint8_t>{0, 0, 64, 0}));
  picture.samples = {0, 255, 0, 128, 60, 255, 0, 1};  // nothing is wholly transparent
  EXPECT_EQ(parse(picture.file()).pixels, (std::vector<std::uint8_t>{0, 0, 60, 0}));
}

TEST(PngImage, Interlaced) {
  // Adam7 of 3 x 3: passes hold (0,0); nothing; nothing; (2,0); (0,2) (2,2); (1,0) (1,2); the row y = 1.
  const std::string rows("\0\x01\0\x03\0\x07\x09\0\x02\0\x08\0\x04\x05\x06", 15);
  const std::string file =
      testing::png_signature() +
      png_chunk("IHDR", big_endian_word(3) + big_endian_word(3) + std::string("\x08\0\0\0\x01", 5)) +
      png_chunk("IDAT", deflated(rows)) + png_chunk("IEND", "");
  EXPECT_EQ(parse(file).pixels, (std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST(PngImage, LimitsAreJudgedFirst) {
  const auto header = [](std::uint32_t width, std::uint32_t height) {
    return testing::png_signature() +
           png_chunk("IHDR",
                     big_endian_word(width) + big_endian_word(height) + std::string("\x10\x06\0\0\0", 5)) +
           png_chunk("IDAT", deflated("x")) + png_chunk("IEND", "");
  };
  EXPECT_MESSAGE(parse(header(16385, 1)), "picture.png: 16385 x 1 pixels; at most 16384 a side");
  EXPECT_MESSAGE(parse(header(0x7FFFFFFF, 0x7FFFFFFF)), "2147483647 x 2147483647 pixels");
  EXPECT_MESSAGE(parse(header(8193, 8193)), "67108864 in all");
  EXPECT_MESSAGE(parse(header(8192, 8192)), "bytes cannot hold 8192 x 8192 pixels");
  EXPECT_MESSAGE(parse(header(0, 5)), "not a whole PNG");
  EXPECT_MESSAGE(parse(header(0xFFFFFFFF, 1)), "not a whole PNG");
  std::mt19937 random(1);
  EXPECT_MESSAGE(parse(random_picture(gray, 8, random).file(), {4, 100}), "5 x 3 pixels; at most 4 a side");
  EXPECT_MESSAGE(parse(random_picture(gray, 8, random).file(), {5, 14}), "14 in all");
  EXPECT_EQ(parse(random_picture(gray, 8, random).file(), {5, 15}).pixels.size(), 15U);
}

TEST(PngImage, EveryCutAndEveryFlipEndsInOneLine) {
  std::mt19937 random(3);
  const std::string file = random_picture(rgba, 16, random).file();
  const std::size_t whole = file.size() - 12;  // IEND is 12 bytes
  for (std::size_t size = 0; size < whole; ++size)
    EXPECT_MESSAGE(parse(file.substr(0, size)), "picture.png: ");
  const PngImage image = parse(file);
  for (std::size_t place = 0; place < file.size(); ++place) {
    std::string damaged = file;
    damaged[place] = static_cast<char>(damaged[place] ^ 0x55);
    try {
      // Bits that do not matter may be flipped, those of the picture may not.
      EXPECT_EQ(parse(damaged).pixels, image.pixels) << place;
    } catch (const InvalidArgument& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    }
  }
}

TEST(PngImage, Files) {
  const testing::TestFolder folder;
  std::mt19937 random(5);
  const Picture picture = random_picture(gray, 8, random);
  const auto path = folder.path() / "a.png";
  EXPECT_MESSAGE(read_png_image(path), "cannot read " + path.string());
  testing::write_file(path, picture.file());
  const PngImage image = read_png_image(path);
  EXPECT_EQ(std::vector<unsigned>(image.pixels.begin(), image.pixels.end()), picture.samples);
  testing::write_file(path, "");
  EXPECT_MESSAGE(read_png_image(path), path.string() + ": not a PNG");
}

TEST(PngColors, EveryPixelThatIsSeen) {
  const testing::TestFolder folder;
  const auto path = folder.path() / "a.png";
  const auto colors = [&](const Picture& picture) {
    testing::write_file(path, picture.file());
    return read_png_colors(path);
  };
  std::mt19937 random(6);
  Picture picture = random_picture(rgb, 8, random);
  EXPECT_EQ(colors(picture), (std::vector<std::uint8_t>(picture.samples.begin(), picture.samples.end())));
  picture = random_picture(gray, 8, random);
  std::vector<std::uint8_t> thrice;
  for (const unsigned sample : picture.samples)
    thrice.insert(thrice.end(), 3, static_cast<std::uint8_t>(sample));
  EXPECT_EQ(colors(picture), thrice);
  picture = random_picture(rgba, 8, random);
  std::vector<std::uint8_t> opaque;
  for (std::size_t i = 0; i < picture.samples.size(); i += 4)
    for (std::size_t c = 0; c < 3; ++c)
      if (picture.samples[i + 3] >= 128) opaque.push_back(static_cast<std::uint8_t>(picture.samples[i + c]));
  ASSERT_FALSE(opaque.empty());
  ASSERT_LT(opaque.size(), 45U);
  EXPECT_EQ(colors(picture), opaque);
  testing::write_file(path, "GIF89a");
  EXPECT_MESSAGE(read_png_colors(path), path.string() + ": not a PNG");
}

}  // namespace
}  // namespace atelier
