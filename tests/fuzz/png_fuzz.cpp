// Any bytes at all: the PNG reader either returns or throws InvalidArgument.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/error.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/tools/png_pieces.h"
#include "tools/image/png_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const std::string recipe =
        atelier::tools::parse_png_recipe(std::as_bytes(std::span(data, size)), "fuzz.png");
    if (recipe.size() > std::size_t{64} << 20) __builtin_trap();
  } catch (const atelier::InvalidArgument&) {
    // Refused, as it should be.
  }
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  using namespace atelier::testing;
  const std::string pixels = png_chunk("IDAT", deflated(std::string(7, '\0')));
  const std::string recipe = R"({"atelier_recipe": 1, "seed": 7})";
  return {png_file(pixels), png_file(png_chunk("iTXt", png_text("atelier", recipe, false)) + pixels),
          png_file(png_chunk("iTXt", png_text("atelier", recipe, true)) + pixels),
          png_file(pixels + png_chunk("iTXt", png_text("atelier-sheet", "{}", true))),
          png_file(png_chunk("tEXt", std::string("Software\0x", 10)) + pixels)};
}
