// Any bytes at all: the PNG reader either returns or throws InvalidArgument; so does what reads the recipe
// that it found. Each input is read twice: as it is, and with its chunks mended, since hardly a mutation gets
// past a checksum.
#include <algorithm>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "models/recipe.h"
#include "runtime/error.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/tools/png_pieces.h"
#include "tools/image/png_reader.h"

namespace {

constexpr std::size_t kTextLimit = std::size_t{64} << 20;
constexpr std::size_t kQuick = 1 << 16;  // bytes of a recipe; the recipe parser has a target of its own

void try_read(std::string_view file) {
  const auto bytes = std::as_bytes(std::span(file));
  try {
    const atelier::tools::PngFacts facts = atelier::tools::parse_png(bytes, "fuzz.png");
    if (facts.bytes != file.size() || facts.width < 1 || facts.height < 1 || facts.channels < 1 ||
        facts.channels > 4)
      throw std::logic_error("a PNG was let through with facts that cannot be");
    if (facts.sheet && facts.sheet->size() > kTextLimit) throw std::logic_error("a text beyond the limit");
    const std::string recipe = atelier::tools::parse_png_recipe(bytes, "fuzz.png");
    if (recipe.size() > kTextLimit) throw std::logic_error("a recipe beyond the limit");
    if (recipe.size() <= kQuick) static_cast<void>(atelier::recipe_from_json(recipe, "fuzz.png"));
  } catch (const atelier::InvalidArgument&) {
    // Refused, as it should be.
  }
}

/// The same chunks in a file that holds together: each length cut to what is there, each checksum right, IEND
/// at the end.
std::string mended(std::string_view file) {
  constexpr std::size_t kSignature = 8;
  constexpr std::size_t kLengthAndType = 8;
  std::string result = atelier::testing::png_signature();
  bool ended = false;
  for (std::size_t position = std::min(kSignature, file.size()); position + kLengthAndType <= file.size();) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(file[position + i]);
    const std::string type(file.substr(position + 4, 4));
    position += kLengthAndType;
    const std::string contents(file.substr(position, length));
    result += atelier::testing::png_chunk(type, contents);
    ended = type == "IEND";
    position += contents.size() + 4;
  }
  if (!ended) result += atelier::testing::png_chunk("IEND", "");
  return result;
}

/// A header of any colour type, for a picture of 2 x 1.
std::string header_of(char bits, char color_type) {
  using namespace atelier::testing;
  return png_chunk("IHDR",
                   big_endian_word(2) + big_endian_word(1) + bits + color_type + std::string(3, '\0'));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  try_read(file);
  try_read(mended(file));
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  using namespace atelier::testing;
  const std::string pixels = png_chunk("IDAT", deflated(std::string(7, '\0')));
  const std::string end = png_chunk("IEND", "");
  const std::string recipe = R"({"atelier_recipe": 1, "seed": 7})";
  const std::string translated("atelier\0\0\0en\0Bild\0", 19);
  return {png_file(pixels),
          png_file(png_chunk("iTXt", png_text("atelier", recipe, false)) + pixels),
          png_file(png_chunk("iTXt", png_text("atelier", recipe, true)) + pixels),
          png_file(png_chunk("iTXt", translated + recipe) + pixels),
          png_file(pixels + png_chunk("iTXt", png_text("atelier-sheet", "{}", true))),
          png_file(png_chunk("iTXt", png_text("atelier", std::string(70000, ' '), true)) + pixels),
          png_file(png_chunk("tEXt", std::string("Software\0x", 10)) + pixels),
          png_file(png_chunk("zTXt", std::string("Comment\0\0", 9) + deflated("x")) + pixels),
          png_signature() + header_of(16, 0) + pixels + end,
          png_signature() + header_of(8, 3) + png_chunk("PLTE", "abc") + pixels + end,
          png_signature() + header_of(16, 4) + pixels + end,
          png_signature() + header_of(8, 6) + pixels + end};
}
