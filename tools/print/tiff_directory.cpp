#include "tools/print/tiff_directory.h"

#include <algorithm>
#include <cmath>

namespace atelier::tools {
namespace {

constexpr std::uint64_t kAlignment = 8;

void append(std::string& bytes, std::uint64_t value, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) bytes += static_cast<char>(value >> 8 * i & 0xFF);
}

std::uint64_t aligned(std::uint64_t position) {
  return (position + kAlignment - 1) / kAlignment * kAlignment;
}

std::uint64_t bytes_of(TiffType type) {
  switch (type) {
    case TiffType::text:
      return 1;
    case TiffType::half:
      return 2;
    case TiffType::word:
      return 4;
    default:
      return 8;
  }
}

}  // namespace

std::string TiffDirectory::header(bool big) {
  std::string bytes = "II";
  if (big) {
    append(bytes, 43, 2);
    append(bytes, 8, 2);  // bytes of an offset
    append(bytes, 0, 2);
    append(bytes, header_bytes(big), 8);
  } else {
    append(bytes, 42, 2);
    append(bytes, header_bytes(big), 4);
  }
  return bytes;
}

void TiffDirectory::add(TiffTag tag, TiffType type, const std::vector<std::uint64_t>& values) {
  Entry entry{tag, type, values.size(), {}};
  for (const std::uint64_t value : values) append(entry.value, value, bytes_of(type));
  entries_.push_back(entry);
}

void TiffDirectory::add_text(TiffTag tag, std::string_view text) {
  entries_.push_back({tag, TiffType::text, text.size() + 1, std::string(text) + '\0'});
}

void TiffDirectory::add_ratio(TiffTag tag, double value) {
  constexpr double kLargestWord = 4294967295.0;
  double parts = 1000000;
  while (parts > 1 && value * parts > kLargestWord) parts /= 10;
  const bool whole = value == std::round(value);
  if (whole) parts = 1;
  Entry entry{tag, TiffType::ratio, 1, {}};
  append(entry.value, static_cast<std::uint64_t>(std::min(std::round(value * parts), kLargestWord)), 4);
  append(entry.value, static_cast<std::uint64_t>(parts), 4);
  entries_.push_back(entry);
}

void TiffDirectory::add_tables(std::uint64_t tiles) {
  entries_.push_back({TiffTag::tile_offsets, TiffType::double_word, tiles, {}});
  entries_.push_back({TiffTag::tile_byte_counts, TiffType::word, tiles, {}});
}

TiffDirectory::Written TiffDirectory::written(bool big, std::uint64_t position, bool last) const {
  const std::uint64_t word = big ? 8 : 4;  // of counts, offsets and values kept in the entry itself
  const std::uint64_t values =
      position + (big ? 8 : 2) + entries_.size() * (4 + 2 * word) + word;  // where longer values begin
  Written written;
  std::string longer;
  // Tables stand last, so that all else is one piece.
  std::uint64_t tables = aligned(values);
  for (const Entry& entry : entries_)
    if (entry.value.size() > word) tables = aligned(tables + entry.value.size());
  std::uint64_t end = tables;

  append(written.bytes, entries_.size(), big ? 8 : 2);
  for (const Entry& entry : entries_) {
    const bool offsets = entry.tag == TiffTag::tile_offsets;
    const TiffType type = offsets && !big ? TiffType::word : entry.type;
    append(written.bytes, static_cast<std::uint64_t>(entry.tag), 2);
    append(written.bytes, static_cast<std::uint64_t>(type), 2);
    append(written.bytes, entry.count, word);
    if (entry.value.empty()) {
      const std::uint64_t bytes = entry.count * bytes_of(type);
      std::uint64_t& place = offsets ? written.offsets : written.byte_counts;
      if (bytes <= word) {
        place = position + written.bytes.size();
        append(written.bytes, 0, word);
      } else {
        place = end;
        append(written.bytes, end, word);
        end = aligned(end + bytes);
      }
    } else if (entry.value.size() <= word) {
      written.bytes += entry.value;
      append(written.bytes, 0, word - entry.value.size());
    } else {
      longer.resize(aligned(values + longer.size()) - values);
      append(written.bytes, values + longer.size(), word);
      longer += entry.value;
    }
  }
  append(written.bytes, last ? 0 : end, word);
  written.bytes += longer;
  written.bytes.resize(tables - position);
  written.table_bytes = end - tables;
  return written;
}

}  // namespace atelier::tools
