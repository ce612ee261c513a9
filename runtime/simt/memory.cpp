// Device memory of ordinary builds, and the checker's interface with nothing behind it. The checking build
// defines the same functions in checker.cpp; this object must define no others.
#include "runtime/simt/memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <new>

#include "runtime/simt/check.h"
#include "runtime/simt/options.h"

namespace atelier::simt {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t kGuard = 0;  // AddressSanitizer has its own
#else
constexpr std::size_t kGuard = 256;
#endif
constexpr unsigned char kPoisonBytes[2] = {0xff, 0x7f};  // every float, half and double read from it is NaN

struct LiveBlocks {
  std::mutex mutex;
  std::map<unsigned char*, std::size_t> sizes;
};
LiveBlocks& live_blocks() {
  static auto* blocks = new LiveBlocks;  // lives on for buffers that outlast static objects
  return *blocks;
}

void fill(unsigned char* address, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) address[i] = kPoisonBytes[i & 1];
}

/// Offset of the first damaged byte of a guard, or kGuard.
std::size_t first_damage(const unsigned char* guard) {
  for (std::size_t i = 0; i < kGuard; ++i)
    if (guard[i] != kPoisonBytes[i & 1]) return i;
  return kGuard;
}

}  // namespace

void* allocate_device_memory(std::size_t bytes) {
  if (bytes > SIZE_MAX - 4 * kGuard) throw std::bad_alloc();
  void* memory = nullptr;
  if (posix_memalign(&memory, 256, bytes + 2 * kGuard == 0 ? 1 : bytes + 2 * kGuard) != 0)
    throw std::bad_alloc();
  auto* guard = static_cast<unsigned char*>(memory);
  unsigned char* block = guard + kGuard;
  fill(guard, kGuard);
  if (options().poison) {
    fill(block, bytes);
  } else {
    std::memset(block, 0, bytes);
  }
  fill(block + bytes, kGuard);
  try {
    LiveBlocks& live = live_blocks();
    const std::lock_guard lock(live.mutex);
    live.sizes.emplace(block, bytes);
  } catch (...) {
    std::free(memory);
    throw;
  }
  return block;
}

void free_device_memory(void* block) noexcept {
  if (block == nullptr) return;
  auto* address = static_cast<unsigned char*>(block);
  {
    LiveBlocks& live = live_blocks();
    const std::lock_guard lock(live.mutex);
    live.sizes.erase(address);
  }
  std::free(address - kGuard);
}

void mark_written(const void*, std::size_t) {}
void mark_guards(const void*, std::size_t, std::size_t) {}

namespace executor {

std::string damaged_guard() {
  if constexpr (kGuard == 0) return {};
  LiveBlocks& live = live_blocks();
  const std::lock_guard lock(live.mutex);
  for (const auto& [block, bytes] : live.sizes) {
    const std::size_t before = first_damage(block - kGuard);
    const std::size_t after = first_damage(block + bytes);
    if (before == kGuard && after == kGuard) continue;
    fill(block - kGuard, kGuard);
    fill(block + bytes, kGuard);
    return "write outside of a device buffer of " + std::to_string(bytes) + " bytes, " +
           (after != kGuard ? std::to_string(after) + " bytes past its end"
                            : std::to_string(kGuard - before) + " bytes before its start") +
           " (guard zone damaged)";
  }
  return {};
}

bool checking() {
  return false;
}

void* allocate_arena(std::size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return memory;
}

void check_grid_begins() {}
void check_block_begins(std::size_t, void*, std::size_t) {}
void check_block_runs(std::size_t) {}
void check_block_barrier(std::size_t) {}
void check_grid_barrier() {}
unsigned check_warp_barrier() {
  return 0;
}
void check_shared_variable(void*, std::size_t, const char*) {}
void check_access(const void*, std::size_t, bool) {}
void check_packet(const void*, std::size_t, bool) {}

}  // namespace executor
}  // namespace atelier::simt
