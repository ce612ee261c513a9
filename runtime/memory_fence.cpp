#include "runtime/memory_fence.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <vector>

#include "runtime/error.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace atelier::detail {

namespace {

constexpr std::array<unsigned char, 8> guard_pattern{0xA7, 0x1E, 0x11, 0xE6, 0x5D, 0xFE, 0x4C, 0xE3};
constexpr std::array<unsigned char, 2> poison_pattern{0xFF, 0x7F};

struct Findings {
  std::mutex mutex;
  std::vector<std::pair<Device, std::string>> entries;
};

// Never destroyed: buffers in static objects may die after it would have been.
Findings& findings() {
  static Findings* const instance = new Findings;
  return *instance;
}

unsigned char guard_byte(std::size_t position) {
  return guard_pattern[position % guard_pattern.size()];
}

/// Index of the first wrong byte, or `bytes`.
std::size_t first_difference(const void* guard, std::size_t bytes, std::size_t phase) {
  const auto* const found = static_cast<const unsigned char*>(guard);
  for (std::size_t i = 0; i < bytes; ++i)
    if (found[i] != guard_byte(phase + i)) return i;
  return bytes;
}

}  // namespace

std::size_t fenced_size(std::size_t bytes) {
  const std::size_t payload = (bytes + memory_alignment - 1) / memory_alignment * memory_alignment;
  return front_guard + payload + memory_alignment;
}

void write_guard(void* guard, std::size_t bytes, std::size_t phase) {
  auto* const out = static_cast<unsigned char*>(guard);
  for (std::size_t i = 0; i < bytes; ++i) out[i] = guard_byte(phase + i);
}

void write_poison(void* memory, std::size_t bytes) {
  auto* const out = static_cast<unsigned char*>(memory);
  std::size_t done = std::min(bytes, poison_pattern.size());
  std::memcpy(out, poison_pattern.data(), done);
  while (done < bytes) {
    const std::size_t step = std::min(done, bytes - done);
    std::memcpy(out + done, out, step);
    done += step;
  }
}

void forbid_access([[maybe_unused]] const void* memory, [[maybe_unused]] std::size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_poison_memory_region(memory, bytes);
#endif
}

void allow_access([[maybe_unused]] const void* memory, [[maybe_unused]] std::size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(memory, bytes);
#endif
}

std::string check_guard_bytes(const FenceTag& tag, const void* front, const void* back) {
  const std::size_t back_bytes = fenced_size(tag.payload_bytes) - front_guard - tag.payload_bytes;
  const std::size_t before = first_difference(front, front_guard, 0);
  const std::size_t after = first_difference(back, back_bytes, tag.payload_bytes);
  if (before == front_guard && after == back_bytes) return {};
  const std::string where = before != front_guard ? fmt::format("{} before its start", front_guard - before)
                                                  : fmt::format("{} past its end", after);
  return fmt::format("memory of '{}' on {} ({} bytes) was overrun: byte {} was overwritten", tag.label,
                     tag.device.name(), tag.payload_bytes, where);
}

void record_corruption(Device device, std::string finding) noexcept {
  std::fprintf(stderr, "atelier: %s\n", finding.c_str());
  try {
    Findings& kept = findings();
    const std::lock_guard lock(kept.mutex);
    kept.entries.emplace_back(device, std::move(finding));
  } catch (...) {  // no memory to keep it in; it has been printed
  }
}

void report_corruption(Device device) {
  if constexpr (!memory_fenced) return;
  std::string message;
  {
    Findings& kept = findings();
    const std::lock_guard lock(kept.mutex);
    std::erase_if(kept.entries, [&](const auto& entry) {
      if (entry.first != device) return false;
      message += (message.empty() ? "" : "; ") + entry.second;
      return true;
    });
  }
  if (!message.empty()) throw MemoryCorruption(message);
}

}  // namespace atelier::detail
