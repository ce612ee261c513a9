// Any bytes at all: the CSV reader either returns a data set that hangs together or throws InvalidArgument.
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "models/data_set.h"
#include "runtime/error.h"
#include "tests/fuzz/fuzz_target.h"

namespace {

void try_parse(const std::string& text, std::int64_t first_count) {
  try {
    const atelier::DataSet data = atelier::parse_csv(text, "fuzz.csv", {std::uint64_t{1} << 20, first_count});
    const bool whole =
        data.count >= 1 && data.width >= 1 && data.width == data.height &&
        static_cast<std::int64_t>(data.pixels.size()) == data.count * data.pixels_per_image() &&
        static_cast<std::int64_t>(data.labels.size()) == data.count &&
        (first_count < 0 || data.count <= first_count);
    if (!whole) throw std::logic_error("a data set was let through that does not hang together");
  } catch (const atelier::InvalidArgument& error) {
    if (std::string_view(error.what()).find('\n') != std::string_view::npos)
      throw std::logic_error("a message of more than one line");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try_parse(text, -1);
  try_parse(text, 1);
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  std::string large = "label";
  for (int i = 0; i < 784; ++i) large.append(",p").append(std::to_string(i));
  for (int line = 0; line < 3; ++line) {
    large.append("\n").append(std::to_string(line));
    for (int i = 0; i < 784; ++i) large.append(",").append(std::to_string((i + line) % 256));
  }
  return {"5,0,1,2,3\n0,255,254,253,252\n", "label,a\r\n1,2\r\n\r\n3,4",
          "\xEF\xBB\xBF"
          "9, 8 ,7,6,5",
          "1,2", large};
}
