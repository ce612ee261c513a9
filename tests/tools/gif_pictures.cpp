#include "tests/tools/gif_pictures.h"

#include <stdexcept>
#include <utility>

namespace atelier::testing {
namespace {

class Reader {
 public:
  explicit Reader(const std::string& bytes) : bytes_(bytes) {}

  unsigned byte() {
    if (place_ >= bytes_.size()) throw std::runtime_error("the GIF ends too early");
    return static_cast<unsigned char>(bytes_[place_++]);
  }
  unsigned word() {
    const unsigned low = byte();
    return low | byte() << 8;
  }
  std::string text(std::size_t count) {
    std::string result;
    for (std::size_t i = 0; i < count; ++i) result += static_cast<char>(byte());
    return result;
  }
  /// Sub-blocks up to the empty one.
  std::vector<std::string> blocks() {
    std::vector<std::string> result;
    for (unsigned count = byte(); count != 0; count = byte()) result.push_back(text(count));
    return result;
  }
  [[nodiscard]] bool at_end() const { return place_ == bytes_.size(); }

 private:
  const std::string& bytes_;
  std::size_t place_ = 0;
};

/// Variable-length codes, low bits first: Welch's tables grow as the encoder's did.
std::vector<std::uint8_t> decompressed(const std::string& data, unsigned root_bits, std::size_t count) {
  const unsigned clear = 1U << root_bits;
  const unsigned end = clear + 1;
  std::vector<std::string> table;
  std::string previous;
  std::string result;
  unsigned width = root_bits + 1;
  const auto reset = [&] {
    table.assign(clear + 2, {});
    for (unsigned i = 0; i < clear; ++i) table[i] = std::string(1, static_cast<char>(i));
    width = root_bits + 1;
    previous.clear();
  };
  reset();
  std::size_t bit = 0;
  for (;;) {
    unsigned code = 0;
    for (unsigned i = 0; i < width; ++i, ++bit) {
      if (bit / 8 >= data.size()) throw std::runtime_error("the GIF's codes end too early");
      code |= (static_cast<unsigned char>(data[bit / 8]) >> (bit % 8) & 1U) << i;
    }
    if (code == end) break;
    if (code == clear) {
      reset();
      continue;
    }
    if (code > table.size() || (code == table.size() && previous.empty()))
      throw std::runtime_error("the GIF has a code of nothing");
    const std::string entry = code < table.size() ? table[code] : previous + previous[0];
    if (!previous.empty() && table.size() < 4096) table.push_back(previous + entry[0]);
    if (table.size() == (std::size_t{1} << width) && width < 12) ++width;
    result += entry;
    previous = entry;
  }
  if (result.size() != count) throw std::runtime_error("the GIF's picture has another size");
  return {result.begin(), result.end()};
}

/// The colour table that the packed byte announces; empty where there is none.
std::string palette(Reader& reader, unsigned packed) {
  return (packed & 0x80U) == 0 ? std::string() : reader.text(std::size_t{3} * (2U << (packed & 7U)));
}

}  // namespace

GifPictures parse_gif(const std::string& bytes) {
  Reader reader(bytes);
  if (reader.text(6) != "GIF89a") throw std::runtime_error("no GIF89a");
  GifPictures gif;
  gif.width = static_cast<int>(reader.word());
  gif.height = static_cast<int>(reader.word());
  const unsigned packed = reader.byte();
  (void)reader.text(2);
  const std::string common = palette(reader, packed);
  for (;;) {
    const unsigned kind = reader.byte();
    if (kind == 0x3B) break;
    if (kind == 0x21) {
      const unsigned label = reader.byte();
      const std::vector<std::string> blocks = reader.blocks();
      if (label == 0xFF && blocks.at(0) == "NETSCAPE2.0")
        gif.repetitions = static_cast<unsigned char>(blocks.at(1).at(1)) |
                          static_cast<unsigned char>(blocks.at(1).at(2)) << 8;
      if (label == 0xF9)
        gif.delays.push_back(static_cast<unsigned char>(blocks.at(0).at(1)) |
                             static_cast<unsigned char>(blocks.at(0).at(2)) << 8);
      if (label == 0xFE)
        for (const std::string& block : blocks) gif.comment += block;
      continue;
    }
    if (kind != 0x2C) throw std::runtime_error("the GIF has a block of no known kind");
    const std::string place = reader.text(8);
    const auto side = [&place](std::size_t at) {
      return static_cast<unsigned char>(place[at]) | static_cast<unsigned char>(place[at + 1]) << 8;
    };
    if (side(0) != 0 || side(2) != 0 || side(4) != gif.width || side(6) != gif.height)
      throw std::runtime_error("a frame is not the whole screen");
    const unsigned frame_packed = reader.byte();
    if ((frame_packed & 0x40U) != 0) throw std::runtime_error("a frame is interlaced");
    const std::string own = palette(reader, frame_packed);
    const std::string& colors = own.empty() ? common : own;
    const unsigned root_bits = reader.byte();
    std::string data;
    for (const std::string& block : reader.blocks()) data += block;
    std::vector<std::uint8_t> frame = decompressed(
        data, root_bits, static_cast<std::size_t>(gif.width) * static_cast<std::size_t>(gif.height));
    std::vector<std::uint8_t>& triples = gif.colors.emplace_back();
    for (std::uint8_t& value : frame) {
      const std::size_t first = std::size_t{3} * value;
      for (std::size_t c = 0; c < 3; ++c) triples.push_back(static_cast<std::uint8_t>(colors.at(first + c)));
      value = static_cast<std::uint8_t>(colors.at(first));
    }
    gif.frames.push_back(std::move(frame));
  }
  if (!reader.at_end()) throw std::runtime_error("something stands behind the GIF's end");
  return gif;
}

}  // namespace atelier::testing
