// The format of MNIST's files (LeCun, Cortes, Burges): two zero bytes, an element type, the number of
// dimensions, the dimensions as big-endian 32-bit numbers, the elements.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <utility>

#include "models/data_set.h"
#include "models/file_contents.h"
#include "models/gzip.h"
#include "runtime/error.h"

namespace atelier {
namespace {

constexpr std::byte kUnsignedByte{0x08};
constexpr std::uint32_t kLargestSide = 65536;

std::uint32_t big_endian(std::span<const std::byte, 4> bytes) {
  std::uint32_t value = 0;
  for (const std::byte byte : bytes) value = value << 8 | std::to_integer<std::uint32_t>(byte);
  return value;
}

/// One idx file, read once from the front.
class IdxFile {
 public:
  IdxFile(std::span<const std::byte> bytes, std::string source, std::size_t dimensions, const char* what)
      : reader_(bytes, source), source_(std::move(source)), what_(what), sides_(dimensions) {
    std::array<std::byte, 4> word{};
    fill_header(word);
    if (word[0] != std::byte{0} || word[1] != std::byte{0})
      fail(fmt::format("it does not start as an idx file does (two zero bytes), but with 0x{:08X}",
                       big_endian(word)));
    if (word[2] != kUnsignedByte)
      fail(fmt::format("its elements are of type 0x{:02X}; {} are unsigned bytes, type 0x08",
                       std::to_integer<unsigned>(word[2]), what_));
    if (std::to_integer<std::size_t>(word[3]) != dimensions)
      fail(fmt::format("it has {} dimensions; idx files of {} have {}", std::to_integer<unsigned>(word[3]),
                       what_, dimensions));
    for (std::uint32_t& side : sides_) {
      fill_header(word);
      side = big_endian(word);
    }
  }

  [[nodiscard]] std::uint32_t side(std::size_t dimension) const { return sides_[dimension]; }
  [[noreturn]] void fail(const std::string& what) const {
    throw InvalidArgument(fmt::format("{}: {}", source_, what));
  }

  /// The elements of the first `count` of the side(0) items that the header promises; all of them: then also
  /// makes sure that nothing follows.
  std::vector<std::uint8_t> items(std::uint64_t count, std::uint64_t item_bytes, std::uint64_t largest) {
    // At most 2^32 * 2^32 - 1: the sides are bounded before.
    const std::uint64_t bytes = count * item_bytes;
    if (bytes > largest)
      fail(fmt::format("{} {} of {} bytes each are {} bytes; at most {} are read", count, what_, item_bytes,
                       bytes, largest));
    if (bytes > reader_.most_left())
      fail(fmt::format(
          "its header promises {} {} of {} bytes each, {} bytes; the file cannot hold more than {}", side(0),
          what_, item_bytes, std::uint64_t{side(0)} * item_bytes, reader_.most_left()));
    std::vector<std::uint8_t> elements(bytes);
    const std::size_t got = reader_.read(std::as_writable_bytes(std::span(elements)));
    if (got < bytes)
      fail(fmt::format("its header promises {} {} of {} bytes each, {} bytes; the file ends after {}",
                       side(0), what_, item_bytes, std::uint64_t{side(0)} * item_bytes, got));
    std::array<std::byte, 1> more{};
    if (count == side(0) && reader_.read(more) > 0)
      fail(fmt::format("bytes follow the {} {} of {} bytes each that its header promises", side(0), what_,
                       item_bytes));
    return elements;
  }

 private:
  void fill_header(std::span<std::byte> target) {
    if (reader_.read(target) < target.size())
      fail("it ends inside its header; it is no idx file or was cut off");
  }

  detail::ByteReader reader_;
  std::string source_;
  const char* what_;
  std::vector<std::uint32_t> sides_;
};

DataSet data_set_of(std::span<const std::byte> images, const std::string& images_source,
                    std::span<const std::byte> labels, const std::string& labels_source,
                    const ReadLimits& limits) {
  IdxFile pictures(images, images_source, 3, "pictures");
  const std::uint32_t promised = pictures.side(0);
  const std::uint32_t height = pictures.side(1);
  const std::uint32_t width = pictures.side(2);
  if (promised == 0) pictures.fail("it holds no pictures");
  if (height == 0 || width == 0 || height > kLargestSide || width > kLargestSide)
    pictures.fail(fmt::format("its pictures are {} x {}; sides of 1 to {} pixels are read", width, height,
                              kLargestSide));
  const std::uint64_t count =
      limits.first_count < 0
          ? promised
          : std::min<std::uint64_t>(promised, static_cast<std::uint64_t>(limits.first_count));
  DataSet data;
  data.name = images_source;
  data.count = static_cast<std::int64_t>(count);
  data.width = width;
  data.height = height;
  data.pixels = pictures.items(count, std::uint64_t{width} * height, limits.largest_bytes);
  if (labels.empty()) return data;
  IdxFile names(labels, labels_source, 1, "labels");
  if (names.side(0) != promised)
    names.fail(
        fmt::format("it holds {} labels for the {} pictures of {}", names.side(0), promised, images_source));
  data.labels = names.items(count, 1, limits.largest_bytes);
  return data;
}

}  // namespace

DataSet parse_idx(const std::vector<std::byte>& images, const std::vector<std::byte>& labels,
                  const std::string& source, const ReadLimits& limits) {
  return data_set_of(images, source, labels, source + " (labels)", limits);
}

DataSet read_idx(const std::filesystem::path& images, const std::filesystem::path& labels,
                 const ReadLimits& limits) {
  constexpr std::uint64_t kHeader = 16;
  const std::uint64_t most =
      std::max(limits.largest_bytes, limits.largest_bytes + kHeader);  // without wrapping
  const std::vector<std::byte> pictures = detail::file_contents(images, most);
  if (labels.empty()) return data_set_of(pictures, images.string(), {}, "", limits);
  const std::vector<std::byte> names = detail::file_contents(labels, most);
  if (names.empty())
    throw InvalidArgument(fmt::format("{}: it is empty; an idx file of labels is due", labels.string()));
  return data_set_of(pictures, images.string(), names, labels.string(), limits);
}

}  // namespace atelier
