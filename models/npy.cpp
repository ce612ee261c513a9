// Pictures in NumPy's .npy files (numpy.lib.format): a magic word, a version, the length of a header, the
// header (a Python dictionary as text), the numbers.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string_view>

#include "models/data_set.h"
#include "models/file_contents.h"
#include "models/json_document.h"
#include "runtime/error.h"

namespace atelier {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kLongestHeader = 65536;
constexpr std::int64_t kLargestSide = 65536;

[[noreturn]] void refuse(const std::string& source, const std::string& reason) {
  throw InvalidArgument(fmt::format("{}: {}", source, reason));
}

struct Header {
  std::string type;
  std::vector<std::int64_t> shape;
  std::size_t data = 0;  // where the numbers begin
};

/// What stands behind 'key': in the header, spaces skipped.
std::string_view value_of(std::string_view header, std::string_view key, const std::string& source) {
  const std::size_t place = header.find(fmt::format("'{}':", key));
  if (place == std::string_view::npos) refuse(source, fmt::format("its .npy header has no '{}'", key));
  header.remove_prefix(place + key.size() + 3);
  header.remove_prefix(std::min(header.find_first_not_of(' '), header.size()));
  return header;
}

std::vector<std::int64_t> shape_of(std::string_view text, const std::string& source) {
  const std::size_t end = text.find(')');
  if (text.empty() || text.front() != '(' || end == std::string_view::npos)
    refuse(source, "the shape in its .npy header is no list of whole numbers in brackets");
  std::vector<std::int64_t> shape;
  text = text.substr(1, end - 1);
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(" ,"), text.size()));
    if (text.empty()) return shape;
    std::int64_t side = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), side);
    if (error != std::errc{} || side < 0 || shape.size() == 4)
      refuse(source, "the shape in its .npy header is not up to four whole numbers >= 0");
    shape.push_back(side);
    text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  }
}

Header header_of(std::string_view bytes, const std::string& source) {
  if (bytes.size() < 10 || bytes.substr(0, kMagic.size()) != kMagic)
    refuse(source, "it is no .npy file: it does not begin as those do");
  const auto byte = [&bytes](std::size_t index) {
    return std::size_t{static_cast<unsigned char>(bytes[index])};
  };
  const std::size_t version = byte(6);
  if (version < 1 || version > 3)
    refuse(source, fmt::format("it is a .npy file of version {}; 1 to 3 are read", version));
  const std::size_t begin = version == 1 ? 10 : 12;
  if (bytes.size() < begin) refuse(source, "the .npy file is cut off in its header");
  std::size_t length = byte(8) + (byte(9) << 8);
  if (version > 1) length += (byte(10) << 16) + (byte(11) << 24);
  if (length > kLongestHeader || bytes.size() - begin < length)
    refuse(source, fmt::format("its .npy header of {} bytes is longer than the file or than {}", length,
                               kLongestHeader));
  const std::string_view text = bytes.substr(begin, length);
  Header header;
  header.data = begin + length;
  const std::string_view type = value_of(text, "descr", source);
  const std::size_t quote =
      type.size() > 1 && type.front() == '\'' ? type.find('\'', 1) : std::string_view::npos;
  if (quote == std::string_view::npos) refuse(source, "its .npy file holds records; plain numbers are due");
  header.type = type.substr(1, quote - 1);
  if (value_of(text, "fortran_order", source).substr(0, 5) != "False")
    refuse(source, "its numbers are in Fortran's order; numpy.ascontiguousarray makes them C's");
  header.shape = shape_of(value_of(text, "shape", source), source);
  return header;
}

/// A data set of the shape's sizes, without pixels yet.
DataSet sizes_of(const std::vector<std::int64_t>& shape, const std::string& source) {
  DataSet data;
  data.name = source;
  if (shape.size() == 3 || (shape.size() == 4 && shape[1] == 1)) {
    data.height = shape[shape.size() - 2];
    data.width = shape.back();
  } else if (shape.size() == 2 && shape[1] <= kLargestSide * kLargestSide) {
    data.width = data.height = std::llround(std::sqrt(static_cast<double>(shape[1])));
    if (data.width * data.height != shape[1])
      refuse(source, fmt::format("its rows of {} numbers are no square pictures", shape[1]));
  } else {
    refuse(source,
           fmt::format("its shape is ({}); pictures are count x height x width", fmt::join(shape, ", ")));
  }
  if (data.width < 1 || data.height < 1 || data.width > kLargestSide || data.height > kLargestSide)
    refuse(source, fmt::format("its pictures are {} x {}; each side must be from 1 to {}", data.width,
                               data.height, kLargestSide));
  data.count = shape.front();
  return data;
}

template <class Number>
std::vector<std::uint8_t> pixels_from(const std::byte* data, std::size_t count) {
  std::vector<std::uint8_t> pixels(count);
  for (std::size_t i = 0; i < count; ++i) {
    Number value{};
    std::memcpy(&value, data + i * sizeof(Number), sizeof(Number));
    pixels[i] = pixel_of(static_cast<double>(value));
  }
  return pixels;
}

}  // namespace

DataSet parse_npy(const std::vector<std::byte>& bytes, const std::string& source, const ReadLimits& limits) {
  const Header header = header_of({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, source);
  const std::size_t size = header.type == "|u1" ? 1 : header.type == "<f4" ? 4 : header.type == "<f8" ? 8 : 0;
  if (size == 0)
    refuse(source, fmt::format("its numbers are of type {}; uint8, float32 or float64 are due",
                               detail::excerpt(header.type)));
  DataSet data = sizes_of(header.shape, source);
  const std::size_t stored = (bytes.size() - header.data) / size;
  const auto pixels = static_cast<std::size_t>(data.pixels_per_image());
  if (static_cast<std::size_t>(data.count) > stored / pixels)
    refuse(source, fmt::format("its shape ({}) has more numbers than the {} that are there",
                               fmt::join(header.shape, ", "), stored));
  if (limits.first_count >= 0) data.count = std::min(data.count, limits.first_count);
  const std::size_t count = static_cast<std::size_t>(data.count) * pixels;
  if (count > limits.largest_bytes)
    refuse(source, fmt::format("it has {} pixels; at most {} are read", count, limits.largest_bytes));
  const std::byte* first = bytes.data() + header.data;
  if (size == 1) {
    data.pixels.resize(count);
    if (count > 0) std::memcpy(data.pixels.data(), first, count);
  } else {
    data.pixels = size == 4 ? pixels_from<float>(first, count) : pixels_from<double>(first, count);
  }
  return data;
}

DataSet read_npy(const std::filesystem::path& path, const ReadLimits& limits) {
  constexpr std::uint64_t kBytesOfNumber = 8;
  const std::uint64_t most = std::min(limits.largest_bytes, UINT64_MAX / kBytesOfNumber - kLongestHeader);
  return parse_npy(detail::file_contents(path, kBytesOfNumber * most + kLongestHeader), path.string(),
                   limits);
}

}  // namespace atelier
