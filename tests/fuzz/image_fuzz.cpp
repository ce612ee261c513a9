// Any bytes at all: the reader of PNG pixels either returns a whole picture within its limits or throws
// InvalidArgument. Each input is read twice: as it is, and with its chunks mended and its pixels packed anew,
// since hardly a mutation gets past a checksum.
#include <algorithm>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "models/png_image.h"
#include "runtime/error.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/tools/png_pieces.h"

namespace {

constexpr atelier::PngLimits kLimits{512, 1 << 16};

void try_read(const std::string& file) {
  try {
    const atelier::PngImage image =
        atelier::parse_png_image(std::as_bytes(std::span(file)), "fuzz.png", kLimits);
    if (image.width < 1 || image.height < 1 || image.width > kLimits.largest_side ||
        image.height > kLimits.largest_side || image.width * image.height > kLimits.largest_pixels ||
        static_cast<std::int64_t>(image.pixels.size()) != image.width * image.height)
      throw std::logic_error("a picture was let through that cannot be");
  } catch (const atelier::InvalidArgument& error) {
    if (std::string_view(error.what()).find('\n') != std::string_view::npos)
      throw std::logic_error("a message of more than one line");
  }
}

/// The same chunks in a file that holds together: lengths cut to what is there, checksums right, what IDAT
/// holds taken for raw rows and packed, IEND at the end.
std::string mended(std::string_view file) {
  constexpr std::size_t kLengthAndType = 8;
  std::string result = atelier::testing::png_signature();
  bool ended = false;
  for (std::size_t position = std::min<std::size_t>(8, file.size());
       position + kLengthAndType <= file.size();) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(file[position + i]);
    const std::string type(file.substr(position + 4, 4));
    position += kLengthAndType;
    const std::string contents(file.substr(position, length));
    result +=
        atelier::testing::png_chunk(type, type == "IDAT" ? atelier::testing::deflated(contents) : contents);
    ended = type == "IEND";
    position += contents.size() + 4;
  }
  if (!ended) result += atelier::testing::png_chunk("IEND", "");
  return result;
}

/// 4 x 3 pixels of any kind; `raw`: the rows stand in IDAT as they are, for mended().
std::string picture(char bits, char color_type, char interlaced, bool raw, const std::string& chunks = {}) {
  using namespace atelier::testing;
  const std::string header =
      big_endian_word(4) + big_endian_word(3) + bits + color_type + std::string(2, '\0') + interlaced;
  std::string rows;
  for (int i = 0; i < 120; ++i) rows.push_back(static_cast<char>(i % 25 == 0 ? 0 : i * 7));
  return png_signature() + png_chunk("IHDR", header) + chunks +
         png_chunk("IDAT", raw ? rows : deflated(rows)) + png_chunk("IEND", "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string file(reinterpret_cast<const char*>(data), size);
  try_read(file);
  try_read(mended(file));
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  using atelier::testing::png_chunk;
  const std::string colors = png_chunk("PLTE", "abcdefghijkl");
  std::vector<std::string> seeds;
  for (const bool raw : {false, true}) {
    for (const char bits : {'\1', '\2', '\4', '\10', '\20'}) seeds.push_back(picture(bits, 0, 0, raw));
    for (const char bits : {'\10', '\20'})
      for (const char type : {'\2', '\4', '\6'}) seeds.push_back(picture(bits, type, '\0', raw));
    seeds.push_back(picture('\2', '\3', '\0', raw, colors));
    seeds.push_back(picture('\2', '\3', '\0', raw, colors + png_chunk("tRNS", "ab")));
    seeds.push_back(picture('\10', '\0', '\1', raw, png_chunk("tRNS", std::string("\0a", 2))));
    seeds.push_back(picture('\10', '\6', '\1', raw, png_chunk("gAMA", std::string("\0\0\xB1\x8F", 4))));
    seeds.push_back(picture('\10', '\2', '\0', raw,
                            png_chunk("zTXt", std::string("k\0\0", 3) + atelier::testing::deflated("text"))));
  }
  return seeds;
}
