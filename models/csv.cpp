// One picture a line, as in the files of "Make Your First GAN With PyTorch" and its blog: label, pixels.
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <span>
#include <string_view>

#include "models/data_set.h"
#include "models/file_contents.h"
#include "models/json_document.h"
#include "runtime/error.h"

namespace atelier {
namespace {

constexpr std::string_view kBlank = " \t";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) + 1 - first);
}

/// The whole number that `field` is, spaces around it allowed; -1 for anything else, and beyond 255.
int byte_of(std::string_view field) {
  const std::string_view digits = trimmed(field);
  unsigned value = 256;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return error == std::errc{} && end == digits.data() + digits.size() && value < 256 ? static_cast<int>(value)
                                                                                     : -1;
}

class CsvReader {
 public:
  CsvReader(std::string_view text, const std::string& source, const ReadLimits& limits)
      : left_(text), source_(source), limits_(limits) {
    if (left_.starts_with(kByteOrderMark)) left_.remove_prefix(kByteOrderMark.size());
  }

  DataSet run() {
    data_.name = source_;
    while (!left_.empty() && data_.count != limits_.first_count) {
      const std::string_view line = next_line();
      if (trimmed(line).empty()) continue;
      if (data_.width == 0) {
        if (!header_seen_ && is_header(line)) {
          header_seen_ = true;
          continue;
        }
        measure(line);
      }
      add(line);
    }
    if (data_.count == 0 && limits_.first_count != 0)
      throw InvalidArgument(fmt::format(
          "{}: it holds no pictures; a line is a label, then the pixels, comma-separated", source_));
    return std::move(data_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw InvalidArgument(fmt::format("{}: line {}: {}", source_, line_, what));
  }

  std::string_view next_line() {
    ++line_;
    const std::size_t end = left_.find('\n');
    std::string_view line = left_.substr(0, end);
    left_.remove_prefix(end == std::string_view::npos ? left_.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

  /// Column names, not values: the first field does not start as a number does.
  static bool is_header(std::string_view line) {
    const char first = trimmed(line).front();
    return (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') || first == '"' || first == '_' ||
           first == '#';
  }

  /// The first picture decides the size of all.
  void measure(std::string_view line) {
    std::int64_t values = 0;
    for (const char letter : line) values += letter == ',' ? 1 : 0;
    const auto side = static_cast<std::int64_t>(std::llround(std::sqrt(static_cast<double>(values))));
    if (values == 0 || side * side != values)
      fail(fmt::format("{} values follow the label; pictures are square, as 784 = 28 x 28", values));
    data_.width = side;
    data_.height = side;
  }

  void add(std::string_view line) {
    const auto pixels = static_cast<std::size_t>(data_.pixels_per_image());
    if (data_.pixels.size() + pixels > limits_.largest_bytes)
      fail(fmt::format("more than {} bytes of pixels; at most so many are read", limits_.largest_bytes));
    const std::size_t start = data_.pixels.size();
    std::size_t fields = 0;
    for (std::size_t position = 0; position <= line.size(); ++fields) {
      std::size_t end = line.find(',', position);
      if (end == std::string_view::npos) end = line.size();
      const std::string_view field = line.substr(position, end - position);
      position = end + 1;
      if (fields > pixels) continue;  // counted for the message below
      const int value = byte_of(field);
      if (value < 0)
        fail(fmt::format("{} {} is {}; a whole number from 0 to 255 is due",
                         fields == 0 ? "the label" : "value", fields, detail::excerpt(field)));
      (fields == 0 ? data_.labels : data_.pixels).push_back(static_cast<std::uint8_t>(value));
    }
    if (fields != pixels + 1 || data_.pixels.size() != start + pixels)
      fail(fmt::format("{} values follow the label, in the lines before {}", fields - 1, pixels));
    ++data_.count;
  }

  std::string_view left_;
  const std::string& source_;
  const ReadLimits& limits_;
  std::int64_t line_ = 0;
  bool header_seen_ = false;
  DataSet data_;
};

}  // namespace

DataSet parse_csv(const std::string& text, const std::string& source, const ReadLimits& limits) {
  return CsvReader(text, source, limits).run();
}

DataSet read_csv(const std::filesystem::path& path, const ReadLimits& limits) {
  // A pixel takes two bytes of text at least and four at most; spaces are the stranger's own affair.
  constexpr std::uint64_t kTextPerPixel = 4;
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t most =
      limits.largest_bytes > kMost / kTextPerPixel ? kMost : limits.largest_bytes * kTextPerPixel;
  const std::vector<std::byte> bytes = detail::file_contents(path, most);
  return CsvReader({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string(), limits).run();
}

}  // namespace atelier
