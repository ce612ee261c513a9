// Any bytes at all: the idx reader either returns a data set that hangs together or throws InvalidArgument.
// An input is pictures and labels, cut in two by its last byte. Each is read as it is, and packed with gzip,
// since hardly a mutation of packed data gets past zlib.
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

void try_parse(const std::string& images, const std::string& labels, std::int64_t first_count) {
  try {
    const atelier::DataSet data =
        atelier::parse_idx(atelier::testing::bytes_of_text(images), atelier::testing::bytes_of_text(labels),
                           "fuzz.idx", {kLargest, first_count});
    const bool whole =
        data.count >= 0 && data.width >= 1 && data.height >= 1 &&
        static_cast<std::int64_t>(data.pixels.size()) == data.count * data.pixels_per_image() &&
        data.pixels.size() <= kLargest &&
        (data.labels.empty() || static_cast<std::int64_t>(data.labels.size()) == data.count);
    if (!whole) throw std::logic_error("a data set was let through that does not hang together");
  } catch (const atelier::InvalidArgument& error) {
    if (std::string_view(error.what()).find('\n') != std::string_view::npos)
      throw std::logic_error("a message of more than one line");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const std::size_t cut = size > 0 ? size * data[size - 1] / 255 : 0;
  const std::string images = input.substr(0, cut);
  const std::string labels = input.substr(cut);
  try_parse(input, "", -1);
  try_parse(input, "", 1);
  try_parse(images, labels, -1);
  if (size <= 4096) try_parse(atelier::testing::gzipped(images), atelier::testing::gzipped(labels), -1);
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  using atelier::testing::gzipped;
  using atelier::testing::idx_file;
  const std::string images = idx_file({2, 2, 3}, "abcdefghijkl");
  const std::string labels = idx_file({2}, "ab");
  // 28 of 39 bytes are pictures: the last byte says so.
  const std::string both = images + labels + static_cast<char>(183);
  return {images,
          labels,
          both,
          gzipped(images),
          gzipped(images.substr(0, 20)) + gzipped(images.substr(20)),
          gzipped(idx_file({1, 1, 1}, std::string(100000, 'a'))),
          idx_file({0xFFFFFFFF, 0xFFFF, 0xFFFF}, "a"),
          idx_file({3, 1, 1}, "abc", 13)};
}
