#pragma once

#include <cstdint>
#include <string>
#include <vector>

// Pieces of TIFF files, for files that no writer would make.
namespace atelier::testing {

/// A TIFF of one directory, in either layout and byte order.
struct TiffPieces {
  bool big = false;
  bool little_endian = true;

  /// An entry, and what stands outside of the directory for it.
  struct Entry {
    std::uint64_t tag = 0;
    std::uint64_t type = 0;
    std::uint64_t count = 0;
    std::string value;  // in the entry itself where it is short enough
  };

  [[nodiscard]] std::string digits(std::uint64_t value, std::uint64_t count) const {
    std::string result;
    for (std::uint64_t i = 0; i < count; ++i)
      result += static_cast<char>(value >> 8 * (little_endian ? i : count - 1 - i) & 0xFF);
    return result;
  }
  [[nodiscard]] std::uint64_t word() const { return big ? 8 : 4; }

  /// `type`: 3 (two bytes) or 4 (four bytes), or one that holds no numbers.
  [[nodiscard]] Entry number(std::uint64_t tag, std::uint64_t type, std::uint64_t value) const {
    return {tag, type, 1, digits(value, type == 3 ? 2 : 4)};
  }
  [[nodiscard]] Entry ratio(std::uint64_t tag, std::uint64_t above, std::uint64_t below) const {
    return {tag, 5, 1, digits(above, 4) + digits(below, 4)};
  }
  [[nodiscard]] Entry text(std::uint64_t tag, const std::string& value) const {
    return {tag, 2, value.size() + 1, value + '\0'};
  }
  /// With any count and offset.
  [[nodiscard]] Entry entry(std::uint64_t tag, std::uint64_t type, std::uint64_t count,
                            std::uint64_t offset) const {
    return {tag, type, count, digits(offset, word())};
  }

  [[nodiscard]] std::string file(const std::vector<Entry>& entries) const {
    std::string header = little_endian ? "II" : "MM";
    header += digits(big ? 43 : 42, 2);
    if (big) header += digits(8, 2) + digits(0, 2);
    const std::uint64_t start = header.size() + word();
    // Long values stand in front of the directory, which ends the file.
    std::string values;
    std::string directory = digits(entries.size(), big ? 8 : 2);
    for (const Entry& entry : entries) {
      directory += digits(entry.tag, 2) + digits(entry.type, 2) + digits(entry.count, word());
      if (entry.value.size() <= word()) {
        directory += entry.value + std::string(word() - entry.value.size(), '\0');
      } else {
        directory += digits(start + values.size(), word());
        values += entry.value;
      }
    }
    directory += digits(0, word());
    return header + digits(start + values.size(), word()) + values + directory;
  }
};

}  // namespace atelier::testing
