#include "tools/image/png_reader.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <vector>

#include "runtime/error.h"
#include "tools/image/byte_source.h"

namespace atelier::tools {
namespace {

constexpr std::array<unsigned char, 8> kSignature{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
constexpr std::size_t kTextLimit = std::size_t{64} << 20;
constexpr std::size_t kKeywordLimit = 79;  // PNG specification, 11.3.4.2

std::uint32_t big_endian(const unsigned char* bytes) {
  return static_cast<std::uint32_t>(bytes[0]) << 24 | static_cast<std::uint32_t>(bytes[1]) << 16 |
         static_cast<std::uint32_t>(bytes[2]) << 8 | static_cast<std::uint32_t>(bytes[3]);
}

struct Chunk {
  std::string type;
  std::uint64_t data = 0;  // offset of its contents
  std::uint32_t length = 0;
};

class Walk {
 public:
  Walk(const ByteSource& bytes, const std::string& source) : bytes_(bytes), source_(source) {}

  PngFacts run() {
    facts_.bytes = bytes_.size();
    check_signature();
    std::uint64_t offset = kSignature.size();
    for (bool first = true;; first = false) {
      const Chunk chunk = next(offset);
      if (first != (chunk.type == "IHDR"))
        fail(first ? "its first chunk is not IHDR" : "it has a second IHDR chunk");
      if (chunk.type == "IHDR") read_header(chunk);
      if (chunk.type == "iTXt") read_text(chunk);
      if (chunk.type == "IEND") return std::move(facts_);
      offset = chunk.data + chunk.length + 4;
    }
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw InvalidArgument(fmt::format("{}: not a whole PNG: {}", source_, what));
  }

  void check_signature() const {
    std::array<unsigned char, kSignature.size()> start{};
    if (bytes_.size() >= start.size()) bytes_.read(0, start);
    if (start != kSignature) fail("it does not start as a PNG does");
  }

  Chunk next(std::uint64_t offset) const {
    if (bytes_.size() - offset < 12) fail(fmt::format("it ends at byte {} without IEND", bytes_.size()));
    std::array<unsigned char, 8> start{};
    bytes_.read(offset, start);
    Chunk chunk;
    chunk.length = big_endian(start.data());
    chunk.data = offset + 8;
    for (std::size_t i = 4; i < 8; ++i) {
      const auto letter = static_cast<char>(start[i]);
      if (!((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z')))
        fail(fmt::format("the chunk at byte {} has no valid type", offset));
      chunk.type.push_back(letter);
    }
    if (chunk.length > bytes_.size() - chunk.data - 4)
      fail(fmt::format("chunk {} at byte {} claims {} bytes, {} are left", chunk.type, offset, chunk.length,
                       bytes_.size() - chunk.data - 4));
    return chunk;
  }

  std::vector<unsigned char> contents(const Chunk& chunk) const {
    // Type, contents and checksum in one piece: the checksum covers the type too.
    std::vector<unsigned char> all(std::size_t{4} + chunk.length + 4);
    bytes_.read(chunk.data - 4, all);
    const uLong expected = big_endian(all.data() + 4 + chunk.length);
    if (crc32_z(0, all.data(), std::size_t{4} + chunk.length) != expected)
      fail(fmt::format("the checksum of chunk {} at byte {} is wrong", chunk.type, chunk.data - 8));
    return {all.begin() + 4, all.end() - 4};
  }

  void read_header(const Chunk& chunk) {
    if (chunk.length != 13) fail(fmt::format("IHDR has {} bytes instead of 13", chunk.length));
    const std::vector<unsigned char> header = contents(chunk);
    facts_.width = big_endian(header.data());
    facts_.height = big_endian(header.data() + 4);
    facts_.bit_depth = header[8];
    if (facts_.width < 1 || facts_.height < 1 || facts_.width > 0x7FFFFFFF || facts_.height > 0x7FFFFFFF)
      fail(fmt::format("its size is {}x{}", facts_.width, facts_.height));
    switch (header[9]) {
      case 0:
      case 3:
        facts_.channels = 1;
        break;
      case 2:
        facts_.channels = 3;
        break;
      case 4:
        facts_.channels = 2;
        break;
      case 6:
        facts_.channels = 4;
        break;
      default:
        fail(fmt::format("colour type {} does not exist", header[9]));
    }
    if (facts_.bit_depth != 1 && facts_.bit_depth != 2 && facts_.bit_depth != 4 && facts_.bit_depth != 8 &&
        facts_.bit_depth != 16)
      fail(fmt::format("{} bits a channel do not exist", facts_.bit_depth));
  }

  void read_text(const Chunk& chunk) {
    // Other programs' texts may be large and are none of our business: only the keyword is looked at.
    std::array<unsigned char, kKeywordLimit + 1> start{};
    const std::size_t peek = std::min<std::size_t>(start.size(), chunk.length);
    bytes_.read(chunk.data, std::span(start).first(peek));
    const auto* const start_text = reinterpret_cast<const char*>(start.data());
    const std::string_view peeked(start_text, peek);
    const std::string_view keyword = peeked.substr(0, peeked.find('\0'));
    std::optional<std::string>* target = nullptr;
    if (keyword == kRecipeKeyword) target = &facts_.recipe;
    if (keyword == kSheetKeyword) target = &facts_.sheet;
    if (target == nullptr) return;
    if (target->has_value()) fail(fmt::format("it has two texts named {}", keyword));
    if (chunk.length > kTextLimit)
      fail(fmt::format("the text {} has {} bytes; at most {} are read", keyword, chunk.length, kTextLimit));
    *target = unpacked_text(contents(chunk), std::string(keyword));
  }

  /// iTXt: keyword 0, compression flag, compression method, language 0, translated keyword 0, text.
  std::string unpacked_text(const std::vector<unsigned char>& chunk, const std::string& keyword) const {
    std::size_t position = keyword.size() + 1;
    if (position + 2 > chunk.size()) fail(fmt::format("the text {} is cut short", keyword));
    const unsigned char compressed = chunk[position];
    const unsigned char method = chunk[position + 1];
    position += 2;
    for (int skipped = 0; skipped < 2; ++skipped) {
      while (position < chunk.size() && chunk[position] != 0) ++position;
      if (position == chunk.size()) fail(fmt::format("the text {} is cut short", keyword));
      ++position;
    }
    if (compressed > 1 || method != 0) fail(fmt::format("the text {} is packed in an unknown way", keyword));
    const std::span<const unsigned char> text(chunk.data() + position, chunk.size() - position);
    return compressed == 1 ? inflated(text, keyword) : std::string(text.begin(), text.end());
  }

  std::string inflated(std::span<const unsigned char> packed, const std::string& keyword) const {
    z_stream stream = {};
    if (inflateInit(&stream) != Z_OK) throw InvalidArgument(fmt::format("{}: zlib cannot start", source_));
    stream.next_in = const_cast<unsigned char*>(packed.data());  // zlib only reads
    stream.avail_in = static_cast<uInt>(packed.size());
    std::string text;
    std::vector<char> block(64 * 1024);
    int status = Z_OK;
    while (status == Z_OK && text.size() <= kTextLimit) {
      stream.next_out = reinterpret_cast<unsigned char*>(block.data());
      stream.avail_out = static_cast<uInt>(block.size());
      status = inflate(&stream, Z_NO_FLUSH);
      text.append(block.data(), block.size() - stream.avail_out);
    }
    inflateEnd(&stream);
    if (text.size() > kTextLimit)
      fail(fmt::format("the text {} unpacks to more than {} bytes", keyword, kTextLimit));
    if (status != Z_STREAM_END) fail(fmt::format("the packed text {} is damaged", keyword));
    return text;
  }

  const ByteSource& bytes_;
  const std::string& source_;
  PngFacts facts_;
};

std::string recipe_of(PngFacts facts, const std::string& source) {
  if (facts.recipe) return std::move(*facts.recipe);
  if (facts.sheet)
    throw InvalidArgument(fmt::format(
        "{}: a contact sheet holds no recipe of its own; 'atelier info {}' prints how to paint a cell",
        source, source));
  throw InvalidArgument(
      fmt::format("{}: no recipe inside; only pictures painted by Atelier have one", source));
}

}  // namespace

bool starts_as_png(std::span<const std::byte> bytes) {
  return bytes.size() >= kSignature.size() &&
         std::memcmp(bytes.data(), kSignature.data(), kSignature.size()) == 0;
}

PngFacts parse_png(std::span<const std::byte> bytes, const std::string& source) {
  return Walk(MemorySource(bytes), source).run();
}

PngFacts read_png(const std::filesystem::path& path) {
  const std::string source = path.string();
  return Walk(FileSource(path, source), source).run();
}

std::string parse_png_recipe(std::span<const std::byte> bytes, const std::string& source) {
  return recipe_of(parse_png(bytes, source), source);
}

std::string read_png_recipe(const std::filesystem::path& path) {
  return recipe_of(read_png(path), path.string());
}

}  // namespace atelier::tools
