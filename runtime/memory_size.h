#pragma once

#include <cstdint>
#include <string>

namespace atelier::detail {

struct MemorySize {
  std::uint64_t total = 0;  // bytes
  std::uint64_t free = 0;   // bytes
};

/// This machine's memory, or the part of it that the process's control group allows.
[[nodiscard]] MemorySize host_memory_size();

/// "512 bytes", "1.5 KiB", "20.0 GiB".
[[nodiscard]] std::string readable_size(std::uint64_t bytes);

}  // namespace atelier::detail
