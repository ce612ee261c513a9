#include <algorithm>
#include <atomic>
#include <cstring>

#include "runtime/error.h"
#include "runtime/simt/machine.h"

namespace atelier::simt::executor {
namespace {

constexpr std::size_t kStaticLimit = 48 * 1024;  // CUDA's for __shared__ variables
constexpr std::size_t kFence = 64;
constexpr std::size_t kArena = 512 * 1024;  // variables and the fences between them
constexpr unsigned char kFenceByte = 0xA5;
constexpr std::size_t kReservedByBlock = 1024;  // what CUDA takes of a multiprocessor's shared memory a block

std::size_t padding(std::size_t end) {
  return (8 - end % 8) % 8;
}

void fill_words(char* address, std::size_t bytes, std::uint64_t word) {
  for (; bytes >= sizeof word; bytes -= sizeof word, address += sizeof word)
    std::memcpy(address, &word, sizeof word);
  std::memcpy(address, &word, bytes);
}

void open_region(const void* address, std::size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(address, bytes);
#else
  static_cast<void>(address), static_cast<void>(bytes);
#endif
}

void close_region(const void* address, std::size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_poison_memory_region(address, bytes);
#else
  static_cast<void>(address), static_cast<void>(bytes);
#endif
}

void* add_variable(Block& block, std::size_t bytes, std::size_t alignment, const char* name) {
  SharedMemory& shared = block.shared;
  const std::size_t offset = (shared.used + alignment - 1) & ~(alignment - 1);
  const std::size_t end = offset + bytes;
  if (end + 2 * kFence > kArena) throw Error(std::string("no room for the shared variable '") + name + "'");
  char* address = shared.memory + offset;
  open_region(address, bytes);
  fill_words(address, bytes, block.grid->options().poison ? kPoison : 0);
  std::memset(shared.memory + end, kFenceByte, padding(end) + kFence);
  close_region(shared.memory + end, padding(end) + kFence);
  shared.used = end + padding(end) + kFence;
  shared.variables.push_back({offset, bytes, name});
  check_shared_variable(address, bytes, name);
  return address;
}

bool fence_is_whole(const SharedMemory& shared, std::size_t offset) {
  for (std::size_t i = 0; i < kFence; ++i)
    if (static_cast<unsigned char>(shared.memory[offset + i]) != kFenceByte) return false;
  return true;
}

/// Static shared memory is known only here, so limits that count it are checked here.
void count_static(Thread& thread, std::size_t bytes, Site site) {
  Block& block = *thread.block;
  const Launch& launch = block.grid->launch;
  const std::size_t total = block.shared.static_bytes += bytes;
  if (total > kStaticLimit)
    stop_with(thread, "static shared memory of the kernel reaches " + std::to_string(total) + " bytes at " +
                          describe(site) + "; at most 49152 are allowed: use ATELIER_DYNAMIC_SHARED");
  if (total + launch.shape.shared_bytes > launch.options.shared_bytes_per_block)
    stop_with(thread, std::to_string(total) + " bytes of static and " +
                          std::to_string(launch.shape.shared_bytes) +
                          " of dynamic shared memory are more than the " +
                          std::to_string(launch.options.shared_bytes_per_block) + " that a block may have");
  if (!launch.cooperative) return;
  const std::size_t resident = static_cast<std::size_t>(resident_blocks(launch.options, block.grid->threads,
                                                                        total + launch.shape.shared_bytes)) *
                               static_cast<std::size_t>(launch.options.multiprocessors);
  if (block.grid->blocks > resident)
    stop_with(thread, "cooperative launch of " + std::to_string(block.grid->blocks) + " blocks with " +
                          std::to_string(total) + " bytes of static and " +
                          std::to_string(launch.shape.shared_bytes) +
                          " of dynamic shared memory each: only " + std::to_string(resident) +
                          " can be resident");
}

}  // namespace

int next_shared_site() {
  static constinit std::atomic<int> sites{0};
  return sites.fetch_add(1);
}

int resident_blocks(const Options& options, unsigned threads, std::size_t shared_bytes) {
  constexpr unsigned kThreadGranularity = 32;
  const unsigned rounded = (threads + kThreadGranularity - 1) / kThreadGranularity * kThreadGranularity;
  if (rounded == 0 || shared_bytes > options.shared_bytes_per_block) return 0;
  const std::size_t by_shared = options.shared_bytes_per_multiprocessor / (shared_bytes + kReservedByBlock);
  const std::size_t by_threads = static_cast<unsigned>(options.threads_per_multiprocessor) / rounded;
  return static_cast<int>(
      std::min({by_shared, by_threads, static_cast<std::size_t>(options.blocks_per_multiprocessor)}));
}

void begin_shared_memory(Block& block) {
  SharedMemory& shared = block.shared;
  if (shared.memory == nullptr) shared.memory = static_cast<char*>(allocate_arena(kArena));
  check_block_begins(block.number, shared.memory, shared.used);
  for (const int site : shared.sites_used) shared.by_site[static_cast<std::size_t>(site)] = nullptr;
  shared.sites_used.clear();
  shared.variables.clear();
  shared.static_bytes = 0;
  open_region(shared.memory, kArena);
  std::memset(shared.memory, kFenceByte, kFence);
  close_region(shared.memory, kFence);
  shared.used = kFence;
  const std::size_t dynamic = block.grid->launch.shape.shared_bytes;
  if (dynamic != 0) add_variable(block, dynamic, 128, "dynamic shared memory");
}

void verify_shared_memory(Block& block) {
  SharedMemory& shared = block.shared;
  open_region(shared.memory, kArena);
  if (!fence_is_whole(shared, 0))
    record_failure(*block.grid,
                   "write before the first shared variable, block " + std::to_string(block.number));
  for (const SharedMemory::Variable& variable : shared.variables) {
    const std::size_t end = variable.offset + variable.bytes;
    if (!fence_is_whole(shared, end + padding(end)))
      record_failure(*block.grid, std::string("write past the end of the shared variable '") + variable.name +
                                      "', block " + std::to_string(block.number));
  }
}

void* shared_variable(int shared_site, std::size_t bytes, std::size_t alignment, const char* name,
                      Site site) {
  Thread* thread = current_thread;
  if (thread == nullptr) throw Error(std::string("shared variable '") + name + "' outside of a kernel");
  SharedMemory& shared = thread->block->shared;
  const auto place = static_cast<std::size_t>(shared_site);
  if (place < shared.by_site.size() && shared.by_site[place] != nullptr) return shared.by_site[place];
  const ExecutorScope scope;
  if (place >= shared.by_site.size()) shared.by_site.resize(place + 1);
  count_static(*thread, bytes, site);
  shared.by_site[place] = add_variable(*thread->block, bytes, alignment, name);
  shared.sites_used.push_back(shared_site);
  return shared.by_site[place];
}

void* dynamic_shared(Site site) {
  Thread* thread = current_thread;
  if (thread == nullptr) throw Error("dynamic shared memory outside of a kernel");
  const Block& block = *thread->block;
  if (block.grid->launch.shape.shared_bytes == 0) {
    const ExecutorScope scope;
    stop_with(*thread,
              "dynamic shared memory is used at " + describe(site) + " but the launch asked for none");
  }
  return block.shared.memory + block.shared.variables[0].offset;
}

}  // namespace atelier::simt::executor
