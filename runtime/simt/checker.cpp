// The memory of the checking build: every device buffer and shared variable lies in one heap with a shadow
// cell for each four bytes, which remembers the last write and read, when they were, and what may be read.
// Time is counted in epochs that barriers advance.
#include "runtime/simt/checker.h"

#include <link.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <vector>

#include "runtime/simt/machine.h"
#include "runtime/simt/memory.h"
#include "runtime/simt/watchdog.h"

namespace atelier::simt {
namespace {

constexpr std::size_t kHeap = std::size_t{2} << 30;  // reserved, not occupied
constexpr std::size_t kRedZone = 256;
constexpr std::uint32_t kBlockThreads = 1024;  // thread identities: block * 1024 + thread

struct Access {
  std::uint32_t thread;
  std::uint32_t epoch;
  std::uint32_t warp_epoch;
  std::uint32_t code;  // offset of the program counter
};
struct Cell {
  Access writer;
  Access reader;
  std::uint8_t written;  // masks of bytes
  std::uint8_t read;
  std::uint8_t initialised;
  std::uint8_t addressable;
  std::uint8_t atomic;  // the last write was atomic
  std::uint8_t
      readers;  // since the last write, in this epoch: 0 one, 1 several of one warp, 2 of several warps
};
struct Range {
  std::size_t bytes;
  std::size_t reserved;
  const char* name;
  std::size_t front = 0;  // bytes of guards that the owner keeps before them
};

/// One for the process; lives on for buffers that outlast static objects.
struct Heap {
  std::mutex mutex;  // of the three below
  std::size_t used = 0;
  std::multimap<std::size_t, char*> free;
  std::map<const char*, Range> ranges;
  char* memory = nullptr;
  Cell* cells = nullptr;
  // Of the grid that runs; only one runs at a time.
  std::uint32_t epoch = 1;
  std::uint32_t phase_start = 1;
  std::vector<std::uint32_t> block_epoch;
  std::size_t block = 0;
  std::uint64_t accesses = 0;
};

void* reserve(std::size_t bytes) {
  void* memory =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return memory;
}

Heap& heap() {
  static Heap* instance = [] {
    auto* made = new Heap;
    made->memory = static_cast<char*>(reserve(kHeap));
    made->cells = static_cast<Cell*>(reserve(kHeap / 4 * sizeof(Cell)));
    return made;
  }();
  return *instance;
}

bool holds(const Heap& all, const void* address) {
  const char* byte = static_cast<const char*>(address);
  return byte >= all.memory && byte < all.memory + kHeap;
}

std::size_t with_red_zones(std::size_t bytes) {
  return (bytes + 2 * kRedZone + 255) & ~std::size_t{255};
}

char* take(Heap& all, std::size_t reserved) {
  const auto found = all.free.find(reserved);
  if (found != all.free.end()) {
    char* address = found->second;
    all.free.erase(found);
    return address;
  }
  if (reserved > kHeap - all.used) throw std::bad_alloc();
  char* address = all.memory + all.used;
  all.used += reserved;
  return address;
}

/// Calls visit(cell, mask of bytes) for the cells of a range of bytes.
template <class Visit>
void for_each_cell(Heap& all, const void* address, std::size_t bytes, Visit visit) {
  auto offset = static_cast<std::size_t>(static_cast<const char*>(address) - all.memory);
  const std::size_t end = offset + bytes;
  while (offset < end) {
    const std::size_t word = offset / 4;
    const std::size_t first = offset % 4;
    const std::size_t last = std::min<std::size_t>(4, end - word * 4);
    visit(all.cells[word], static_cast<std::uint8_t>(((1U << last) - 1) & ~((1U << first) - 1)));
    offset = (word + 1) * 4;
  }
}

void reset_cells(Heap& all, const void* address, std::size_t bytes, bool addressable) {
  for_each_cell(all, address, bytes, [addressable](Cell& cell, std::uint8_t mask) {
    const auto rest = static_cast<std::uint8_t>(~mask);
    cell.written &= rest;
    cell.read &= rest;
    cell.initialised &= rest;
    cell.addressable &= rest;
    if (cell.written == 0) cell.atomic = 0;
    if (cell.read == 0) cell.readers = 0;
    if (addressable) cell.addressable |= mask;
  });
}

std::uintptr_t program_base() {
  static const std::uintptr_t base = [] {
    std::uintptr_t address = 0;
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* data) {
          *static_cast<std::uintptr_t*>(data) = info->dlpi_addr;
          return 1;
        },
        &address);
    return address;
  }();
  return base;
}

std::uint32_t code_offset(void* program_counter) {
  if (program_counter == nullptr) return 0;
  return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(program_counter) - program_base() - 1);
}

std::string code_position(std::uint32_t code) {
  if (code == 0) return "the executor";
  return executor::source_position(reinterpret_cast<void*>(program_base() + code));
}

std::string thread_name(std::uint32_t thread) {
  return "block " + std::to_string(thread / kBlockThreads) + " thread " +
         std::to_string(thread % kBlockThreads);
}

std::string object_at(Heap& all, const char* address) {
  const std::lock_guard lock(all.mutex);
  auto range = all.ranges.upper_bound(address);
  if (range == all.ranges.begin()) return "unknown memory";
  --range;
  return std::string(range->second.name) + " (" + std::to_string(range->second.bytes) + " bytes) at byte " +
         std::to_string(address - range->first - static_cast<std::ptrdiff_t>(range->second.front));
}

/// One access, being compared with what a cell remembers.
struct Observation {
  Heap& all;
  executor::Thread& thread;
  Access own;
  bool write;
  bool atomic;

  [[nodiscard]] bool ordered_before(const Access& other) const {
    if (other.thread == own.thread || other.epoch < all.phase_start) return true;
    if (other.thread / kBlockThreads != own.thread / kBlockThreads) return false;
    if (other.epoch != own.epoch) return true;  // a __syncthreads in between
    return same_warp(other) && own.warp_epoch > other.warp_epoch;
  }
  [[nodiscard]] bool same_warp(const Access& other) const {
    return other.thread / executor::kLanes == own.thread / executor::kLanes;
  }

  void report(const char* what, const char* address, const char* against = nullptr,
              const Access* other = nullptr) const {
    std::string text = std::string(what) + " in " + object_at(all, address) + ": " + thread_name(own.thread) +
                       " at " + code_position(own.code);
    if (against != nullptr)
      text += std::string(" against ") + against + " by " + thread_name(other->thread) + " at " +
              code_position(other->code);
    // The hooks may not throw: g++ takes them for functions that never do. The thread ends where it next
    // synchronises.
    executor::record_failure(*thread.block->grid, text);
  }

  [[nodiscard]] bool write_races_with_readers(const Cell& cell) const {
    if (!ordered_before(cell.reader)) return true;
    if (cell.readers == 0 || cell.reader.epoch < all.phase_start || cell.reader.epoch != own.epoch)
      return false;
    return cell.readers == 2 || !same_warp(cell.reader) || own.warp_epoch <= cell.reader.warp_epoch;
  }

  void compare(const Cell& cell, std::uint8_t mask, const char* address) const {
    const bool both_atomic = atomic && cell.atomic != 0;
    if ((cell.addressable & mask) != mask)
      report(write ? "out-of-bounds write" : "out-of-bounds read", address);
    else if ((!write || atomic) && (cell.initialised & mask) != mask)
      report("read of uninitialised memory", address);
    else if ((cell.written & mask) != 0 && !both_atomic && !ordered_before(cell.writer))
      report(write ? "race (two writes)" : "race (read after a write)", address, "the write", &cell.writer);
    else if (write && (cell.read & mask) != 0 && !both_atomic && write_races_with_readers(cell))
      report("race (write after a read)", address, "the read", &cell.reader);
  }

  void remember(Cell& cell, std::uint8_t mask) const {
    if (write) {
      cell.writer = own;
      cell.written = mask;
      cell.atomic = atomic ? 1 : 0;
      cell.initialised |= mask;
      cell.read = 0;
      cell.readers = 0;
      return;
    }
    if (cell.read == 0 || cell.reader.epoch != own.epoch) {
      cell.readers = 0;
    } else if (cell.reader.thread != own.thread) {
      cell.readers = std::max(cell.readers, same_warp(cell.reader) ? std::uint8_t{1} : std::uint8_t{2});
    }
    cell.reader = own;
    cell.read |= mask;
  }
};

void maybe_preempt(executor::Thread& thread) {
  executor::Block& block = *thread.block;
  const unsigned rate = block.grid->options().preempt;
  if (rate == 0 || (block.random() >> 33) % rate != 0) return;
  executor::make_ready(thread);
  executor::park(thread, false);
}

}  // namespace

void* allocate_device_memory(std::size_t bytes) {
  Heap& all = heap();
  if (bytes > kHeap) throw std::bad_alloc();
  const std::size_t reserved = with_red_zones(bytes);
  const std::lock_guard lock(all.mutex);
  char* start = take(all, reserved);
  char* block = start + kRedZone;
  all.ranges[block] = {bytes, reserved, "a device buffer"};
  reset_cells(all, start, reserved, false);
  reset_cells(all, block, bytes, true);
  const bool poison = options().poison;
  for (std::size_t i = 0; i < bytes; ++i)
    block[i] = poison ? static_cast<char>(executor::kPoison >> (i & 1) * 8) : '\0';
  return block;
}

void free_device_memory(void* block) noexcept {
  if (block == nullptr) return;
  Heap& all = heap();
  const std::lock_guard lock(all.mutex);
  const auto range = all.ranges.find(static_cast<char*>(block));
  if (range == all.ranges.end()) return;
  const std::size_t reserved = range->second.reserved;
  char* start = static_cast<char*>(block) - kRedZone;
  reset_cells(all, start, reserved, false);
  all.ranges.erase(range);
  try {
    all.free.emplace(reserved, start);
  } catch (const std::bad_alloc&) {
    return;  // the address range is not used again
  }
}

void mark_written(const void* address, std::size_t bytes) {
  Heap& all = heap();
  if (!holds(all, address)) return;
  bytes = std::min(bytes, static_cast<std::size_t>(all.memory + kHeap - static_cast<const char*>(address)));
  for_each_cell(all, address, bytes, [](Cell& cell, std::uint8_t mask) { cell.initialised |= mask; });
}

void mark_guards(const void* block, std::size_t front, std::size_t payload) {
  Heap& all = heap();
  const std::lock_guard lock(all.mutex);
  const auto range = all.ranges.find(static_cast<const char*>(block));
  if (range == all.ranges.end()) return;
  const char* const start = range->first;
  const std::size_t whole = range->second.bytes;
  range->second.front = front;
  range->second.bytes = payload;
  reset_cells(all, start, front, false);
  reset_cells(all, start + front + payload, whole - front - payload, false);
}

namespace executor {

bool checking() {
  return true;
}

std::string damaged_guard() {
  return {};
}

void* allocate_arena(std::size_t bytes) {
  Heap& all = heap();
  const std::lock_guard lock(all.mutex);
  return take(all, with_red_zones(bytes)) + kRedZone;
}

void check_grid_begins() {
  Heap& all = heap();
  all.phase_start = ++all.epoch;
  all.block_epoch.clear();
}

void check_block_begins(std::size_t block, void* arena, std::size_t bytes) {
  Heap& all = heap();
  {
    const std::lock_guard lock(all.mutex);
    const char* start = static_cast<const char*>(arena);
    all.ranges.erase(all.ranges.lower_bound(start), all.ranges.lower_bound(start + bytes));
  }
  reset_cells(all, arena, bytes, false);
  if (all.block_epoch.size() <= block) all.block_epoch.resize(block + 1);
  all.block_epoch[block] = ++all.epoch;
  all.block = block;
}

void check_block_runs(std::size_t block) {
  heap().block = block;
}

void check_block_barrier(std::size_t block) {
  Heap& all = heap();
  all.block_epoch[block] = ++all.epoch;
}

void check_grid_barrier() {
  Heap& all = heap();
  all.phase_start = ++all.epoch;
  for (std::uint32_t& epoch : all.block_epoch) epoch = ++all.epoch;
}

unsigned check_warp_barrier() {
  return ++heap().epoch;
}

void check_shared_variable(void* address, std::size_t bytes, const char* name) {
  Heap& all = heap();
  reset_cells(all, address, bytes, true);
  const std::lock_guard lock(all.mutex);
  all.ranges[static_cast<char*>(address)] = {bytes, 0, name};
}

std::uint64_t accesses_checked() {
  return heap().accesses;
}

namespace {

void compare_and_remember(Thread* thread, const void* address, std::size_t bytes, bool write, bool atomic,
                          void* program_counter) {
  Heap& all = heap();
  if (!holds(all, address) || thread->block->grid->has_failed()) return;
  ++all.accesses;
  if (!atomic && program_counter != nullptr) maybe_preempt(*thread);
  const Observation observation{
      all,
      *thread,
      {static_cast<std::uint32_t>(all.block) * kBlockThreads + thread->number, all.block_epoch[all.block],
       thread->warp_epoch, code_offset(program_counter)},
      write,
      atomic};
  const char* at = static_cast<const char*>(address);
  for_each_cell(all, address, bytes, [&](Cell& cell, std::uint8_t mask) {
    observation.compare(cell, mask, at);
    observation.remember(cell, mask);
    at += 4;
  });
}

}  // namespace

void check_access(const void* address, std::size_t bytes, bool write) {
  compare_and_remember(current_thread, address, bytes, write, false, nullptr);
}

void check_packet(const void* address, std::size_t bytes, bool write) {
  compare_and_remember(current_thread, address, bytes, write, true, nullptr);
}

void note_access(const void* address, std::size_t bytes, bool write, bool atomic, void* program_counter) {
  Thread* thread = current_thread;
  // The executor's own calls of inline functions may have been linked to instrumented copies.
  if (thread == nullptr || in_executor) return;
  const ExecutorScope scope;
  if (thread->block->worker->overdue.load(std::memory_order_relaxed)) abandon_running_thread(program_counter);
  compare_and_remember(thread, address, bytes, write, atomic, program_counter);
}

}  // namespace executor
}  // namespace atelier::simt
