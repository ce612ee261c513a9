#include "runtime/memory_size.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <limits>

namespace atelier::detail {

namespace {

constexpr std::uint64_t unknown = std::numeric_limits<std::uint64_t>::max();

std::uint64_t read_number(const char* path) {
  std::ifstream file(path);
  std::uint64_t value = 0;
  return file >> value ? value : unknown;
}

}  // namespace

MemorySize host_memory_size() {
  MemorySize result{unknown, unknown};
  std::ifstream file("/proc/meminfo");
  std::string key;
  std::string unit;
  for (std::uint64_t kibibytes = 0; file >> key >> kibibytes && std::getline(file, unit);) {
    if (key == "MemTotal:") result.total = kibibytes * 1024;
    if (key == "MemAvailable:") result.free = kibibytes * 1024;
  }
  if (const std::uint64_t limit = read_number("/sys/fs/cgroup/memory.max"); limit < result.total) {
    const std::uint64_t used = read_number("/sys/fs/cgroup/memory.current");
    result.total = limit;
    if (used != unknown) result.free = std::min(result.free, limit - std::min(limit, used));
  }
  if (result.total == unknown) result.total = 0;
  if (result.free == unknown) result.free = 0;
  return result;
}

std::string readable_size(std::uint64_t bytes) {
  constexpr std::array units{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} byte{}", bytes, bytes == 1 ? "" : "s");
  double value = static_cast<double>(bytes) / 1024.0;
  std::size_t unit = 0;
  for (; value >= 1024.0 && unit + 1 < units.size(); ++unit) value /= 1024.0;
  return fmt::format("{:.1f} {}", value, units[unit]);
}

}  // namespace atelier::detail
