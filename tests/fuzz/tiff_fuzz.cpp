// Any bytes at all: the TIFF reader either returns or throws InvalidArgument.
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/error.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/tools/tiff_pieces.h"
#include "tools/image/tiff_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    const atelier::tools::TiffFacts facts = atelier::tools::parse_tiff(bytes, "fuzz.tif");
    if (facts.bytes != size || facts.width < 1 || facts.height < 1 || facts.levels < 1 || facts.bits < 0 ||
        facts.channels < 0 || !atelier::tools::starts_as_tiff(bytes))
      throw std::logic_error("a TIFF was let through with facts that cannot be");
    const std::string recipe = atelier::tools::parse_tiff_recipe(bytes, "fuzz.tif");
    if (recipe.size() > size) throw std::logic_error("a recipe longer than its file");
  } catch (const atelier::InvalidArgument& error) {
    if (std::string_view(error.what()).find('\n') != std::string_view::npos)
      throw std::logic_error("a message of more than one line");
  }
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  std::vector<std::string> seeds;
  for (const bool big : {false, true})
    for (const bool little_endian : {false, true}) {
      const atelier::testing::TiffPieces pieces{big, little_endian};
      const auto width = pieces.number(256, 3, 2);
      const auto height = pieces.number(257, 4, 1);
      seeds.push_back(pieces.file({width, height}));
      seeds.push_back(
          pieces.file({pieces.number(254, 4, 1), width, height, pieces.number(258, 3, 16),
                       pieces.text(270, R"({"atelier_recipe": 1, "seed": 7})"), pieces.number(277, 3, 3),
                       pieces.ratio(282, 300, 1), pieces.number(296, 3, 2), pieces.entry(324, 4, 1, 8),
                       pieces.number(339, 3, 1)}));
      seeds.push_back(pieces.file({width, height, pieces.entry(270, 2, 1U << 30, 8)}));
    }
  return seeds;
}
