#include "tools/image/tiff_reader.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <vector>

#include "runtime/error.h"
#include "tools/image/byte_source.h"
#include "tools/print/tiff_directory.h"

namespace atelier::tools {
namespace {

constexpr std::uint64_t kTextLimit = std::uint64_t{64} << 20;
constexpr std::uint64_t kMostEntries = 4096;
constexpr int kMostDirectories = 1000;
constexpr std::size_t kStartBytes = 4;

/// The two byte orders and two layouts, each with its mark.
struct Layout {
  bool big = false;
  bool little_endian = true;
};

std::optional<Layout> layout_of(std::span<const unsigned char> start) {
  if (start.size() < kStartBytes || start[0] != start[1] || (start[0] != 'I' && start[0] != 'M'))
    return std::nullopt;
  const bool little = start[0] == 'I';
  const int mark = little ? start[2] | start[3] << 8 : start[3] | start[2] << 8;
  if (mark != 42 && mark != 43) return std::nullopt;
  return Layout{mark == 43, little};
}

struct Entry {
  std::uint64_t tag = 0;
  std::uint64_t type = 0;
  std::uint64_t count = 0;
  std::uint64_t value = 0;  // where in the file it stands
};

/// Bytes of one value; 0 for a type that is not known.
std::uint64_t bytes_of_type(std::uint64_t type) {
  static constexpr std::array<unsigned char, 19> kBytes{0, 1, 1, 2, 4, 8, 1, 1, 2, 4,
                                                        8, 4, 8, 4, 0, 0, 8, 8, 8};
  return type < kBytes.size() ? kBytes[type] : 0;
}

class Walk {
 public:
  Walk(const ByteSource& source, const std::string& name) : source_(source), name_(name) {
    std::array<unsigned char, kStartBytes> start{};
    if (source.size() >= start.size()) source.read(0, start);
    const std::optional<Layout> layout = layout_of(start);
    if (!layout) refuse("not a TIFF");
    layout_ = *layout;
    if (layout_.big && (number(4, 2) != 8 || number(6, 2) != 0)) refuse("not a BigTIFF that is known here");
    next_ = number(layout_.big ? 8 : 4, word());
  }

  [[nodiscard]] bool big() const { return layout_.big; }

  /// The entries of the next directory; none at the end.
  [[nodiscard]] std::vector<Entry> next_directory() {
    if (next_ == 0) return {};
    if (++directories_ > kMostDirectories)
      refuse(fmt::format("more than {} directories, or a ring of them", kMostDirectories));
    const std::uint64_t count_bytes = layout_.big ? 8 : 2;
    const std::uint64_t entry_bytes = 4 + 2 * word();
    const std::uint64_t count = number(next_, count_bytes);
    if (count == 0 || count > kMostEntries)
      refuse(fmt::format("a directory of {} entries (1 to {} are possible)", count, kMostEntries));
    std::vector<Entry> entries;
    std::uint64_t position = next_ + count_bytes;
    for (std::uint64_t i = 0; i < count; ++i, position += entry_bytes) {
      Entry entry{number(position, 2), number(position + 2, 2), number(position + 4, word()),
                  position + 4 + word()};
      const std::uint64_t bytes = bytes_of_type(entry.type);
      if (bytes > 0 && entry.count > word() / bytes) entry.value = number(entry.value, word());
      entries.push_back(entry);
    }
    next_ = number(position, word());
    return entries;
  }

  /// The first of an entry's whole numbers.
  [[nodiscard]] std::uint64_t first_number(const Entry& entry) const {
    const bool whole = entry.type == 1 || entry.type == 3 || entry.type == 4 || entry.type == 16;
    if (!whole || entry.count == 0) refuse(fmt::format("tag {} holds no whole number", entry.tag));
    return number(entry.value, bytes_of_type(entry.type));
  }
  [[nodiscard]] double ratio(const Entry& entry) const {
    if (entry.type != 5 || entry.count == 0) return 0;
    const std::uint64_t divisor = number(entry.value + 4, 4);
    return divisor == 0 ? 0 : static_cast<double>(number(entry.value, 4)) / static_cast<double>(divisor);
  }
  [[nodiscard]] std::string text(const Entry& entry) const {
    if (bytes_of_type(entry.type) != 1) return {};
    if (entry.count > kTextLimit)
      refuse(fmt::format("a text of {} bytes; at most {} are read", entry.count, kTextLimit));
    check(entry.value, entry.count);
    std::string result(entry.count, '\0');
    source_.read(entry.value, {reinterpret_cast<unsigned char*>(result.data()), result.size()});
    result.resize(std::min(result.find('\0'), result.size()));
    return result;
  }

  [[noreturn]] void refuse(const std::string& what) const {
    throw InvalidArgument(fmt::format("{}: {}", name_, what));
  }

 private:
  [[nodiscard]] std::uint64_t word() const { return layout_.big ? 8 : 4; }
  void check(std::uint64_t offset, std::uint64_t bytes) const {
    if (offset > source_.size() || bytes > source_.size() - offset)
      refuse(fmt::format("it ends at byte {}, before what should stand at byte {}", source_.size(), offset));
  }
  [[nodiscard]] std::uint64_t number(std::uint64_t offset, std::uint64_t bytes) const {
    check(offset, bytes);
    std::array<unsigned char, 8> digits{};
    source_.read(offset, std::span(digits).first(bytes));
    std::uint64_t value = 0;
    for (std::uint64_t i = 0; i < bytes; ++i)
      value = value << 8 | digits[layout_.little_endian ? bytes - 1 - i : i];
    return value;
  }

  const ByteSource& source_;
  const std::string& name_;
  Layout layout_;
  std::uint64_t next_ = 0;
  int directories_ = 0;
};

/// Inches of TIFF's units of resolution.
double units_per_inch(std::uint64_t unit) {
  if (unit == 2) return 1;
  return unit == 3 ? 2.54 : 0;  // centimetres; none
}

void read_entry(const Walk& walk, const Entry& entry, TiffFacts& facts, double& resolution,
                std::uint64_t& unit) {
  constexpr std::uint64_t kFloating = 3;
  constexpr std::uint64_t kMost = 65535;
  switch (static_cast<TiffTag>(entry.tag)) {
    case TiffTag::image_width:
      facts.width = walk.first_number(entry);
      break;
    case TiffTag::image_length:
      facts.height = walk.first_number(entry);
      break;
    case TiffTag::bits_per_sample:
      facts.bits = static_cast<int>(std::min(walk.first_number(entry), kMost));
      break;
    case TiffTag::samples_per_pixel:
      facts.channels = static_cast<int>(std::min(walk.first_number(entry), kMost));
      break;
    case TiffTag::sample_format:
      facts.floating = walk.first_number(entry) == kFloating;
      break;
    case TiffTag::x_resolution:
      resolution = walk.ratio(entry);
      break;
    case TiffTag::resolution_unit:
      unit = walk.first_number(entry);
      break;
    case TiffTag::image_description:
      if (const std::string text = walk.text(entry); text.find("\"atelier_recipe\"") != std::string::npos)
        facts.recipe = text;
      break;
    default:
      break;
  }
}

TiffFacts facts_of(const ByteSource& source, const std::string& name) {
  Walk walk(source, name);
  TiffFacts facts;
  facts.big = walk.big();
  facts.bytes = source.size();
  const std::vector<Entry> first = walk.next_directory();
  if (first.empty()) walk.refuse("a TIFF without a picture");
  double resolution = 0;
  std::uint64_t unit = 2;  // inches, unless it says otherwise
  for (const Entry& entry : first) read_entry(walk, entry, facts, resolution, unit);
  if (facts.width == 0 || facts.height == 0) walk.refuse("a TIFF whose picture has no size");
  facts.pixels_per_inch = resolution * units_per_inch(unit);
  for (std::vector<Entry> further = walk.next_directory(); !further.empty(); further = walk.next_directory())
    for (const Entry& entry : further)
      if (entry.tag == static_cast<std::uint64_t>(TiffTag::new_subfile_type) &&
          walk.first_number(entry) % 2 == 1)
        ++facts.levels;
  return facts;
}

std::string recipe_of(const TiffFacts& facts, const std::string& name) {
  if (!facts.recipe)
    throw InvalidArgument(
        fmt::format("{}: no recipe inside: not painted by Atelier, or its description was removed", name));
  return *facts.recipe;
}

}  // namespace

TiffFacts parse_tiff(std::span<const std::byte> bytes, const std::string& source) {
  return facts_of(MemorySource(bytes), source);
}

TiffFacts read_tiff(const std::filesystem::path& path) {
  return facts_of(FileSource(path, path.string()), path.string());
}

std::string parse_tiff_recipe(std::span<const std::byte> bytes, const std::string& source) {
  return recipe_of(parse_tiff(bytes, source), source);
}

std::string read_tiff_recipe(const std::filesystem::path& path) {
  return recipe_of(read_tiff(path), path.string());
}

bool starts_as_tiff(std::span<const std::byte> bytes) {
  return layout_of({reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()}).has_value();
}

bool is_tiff_file(const std::filesystem::path& path) {
  struct stat facts = {};
  if (stat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) return false;
  const FileSource source(path, path.string());
  std::array<unsigned char, kStartBytes> start{};
  if (source.size() < start.size()) return false;
  source.read(0, start);
  return layout_of(start).has_value();
}

}  // namespace atelier::tools
