// Any bytes at all: the reader of NumPy's files either returns a data set that hangs together or throws
// InvalidArgument.
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "models/data_set.h"
#include "runtime/error.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/models/idx_pieces.h"

namespace {

constexpr std::uint64_t kLargest = 1 << 20;

void try_parse(const std::string& file, std::int64_t first_count) {
  try {
    const atelier::DataSet data =
        atelier::parse_npy(atelier::testing::bytes_of_text(file), "fuzz.npy", {kLargest, first_count});
    const bool whole =
        data.count >= 0 && data.width >= 1 && data.height >= 1 && data.labels.empty() &&
        static_cast<std::int64_t>(data.pixels.size()) == data.count * data.pixels_per_image() &&
        data.pixels.size() <= kLargest && (first_count < 0 || data.count <= first_count);
    if (!whole) throw std::logic_error("a data set was let through that does not hang together");
  } catch (const atelier::InvalidArgument& error) {
    if (std::string_view(error.what()).find('\n') != std::string_view::npos)
      throw std::logic_error("a message of more than one line");
  }
}

std::string npy(const std::string& type, const std::string& shape, const std::string& numbers, char version) {
  std::string header = "{'descr': '";
  header.append(type).append("', 'fortran_order': False, 'shape': ").append(shape).append(", }\n");
  std::string file = "\x93NUMPY";
  file.append({version, '\0', static_cast<char>(header.size()), '\0'});
  if (version > 1) file.append(2, '\0');
  return file.append(header).append(numbers);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string file(reinterpret_cast<const char*>(data), size);
  try_parse(file, -1);
  try_parse(file, 1);
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  const std::string numbers(96, '\x3E');
  return {npy("|u1", "(3, 4, 8)", numbers, 1), npy("<f4", "(2, 3, 4)", numbers, 1),
          npy("<f8", "(3, 1, 2, 2)", numbers, 2), npy("|u1", "(6, 16)", numbers, 3),
          npy("<f4", "(9223372036854775807, 65536, 65536)", numbers, 1)};
}
