#include "runtime/memory_ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "runtime/device_cuda.h"
#include "runtime/memory_fence.h"
#include "runtime/memory_size.h"

namespace atelier {

namespace {

struct Holding {
  std::uint64_t bytes = 0;
  std::uint64_t blocks = 0;
};

struct Account {
  std::map<std::string, Holding> holdings;
  std::uint64_t held = 0;
  std::uint64_t limit = 0;  // 0: none
  std::optional<std::int64_t> allocations_until_failure;
};

struct Ledger {
  std::mutex mutex;
  std::map<std::pair<DeviceKind, int>, Account> accounts;
  Account& of(Device device) { return accounts[{device.kind(), device.index()}]; }
};

void report_leaks();

// Never destroyed: buffers in static objects are given back after it would have been.
Ledger& ledger() {
  static Ledger* const instance = [] {
    if constexpr (detail::memory_fenced) (void)std::atexit(report_leaks);
    return new Ledger;
  }();
  return *instance;
}

/// One line a label on stderr for what is still held as the process ends.
void report_leaks() {
  Ledger& books = ledger();
  const std::lock_guard lock(books.mutex);
  for (const auto& [key, account] : books.accounts)
    for (const auto& [label, holding] : account.holdings)
      std::fprintf(stderr, "atelier: leak: '%s' still holds %s in %llu block%s on %s\n", label.c_str(),
                   detail::readable_size(holding.bytes).c_str(),
                   static_cast<unsigned long long>(holding.blocks), holding.blocks == 1 ? "" : "s",
                   Device(key.first, key.second).name().c_str());
}

std::vector<MemoryHolder> sorted_holders(const Account& account) {
  std::vector<MemoryHolder> result;
  result.reserve(account.holdings.size());
  for (const auto& [label, holding] : account.holdings)
    result.push_back({label, holding.bytes, holding.blocks});
  std::stable_sort(result.begin(), result.end(),
                   [](const MemoryHolder& a, const MemoryHolder& b) { return a.bytes > b.bytes; });
  return result;
}

detail::MemorySize memory_size(Device device) {
  return device.kind() == DeviceKind::cuda ? detail::cuda_memory_size(device) : detail::host_memory_size();
}

std::string describe_holders(const std::vector<MemoryHolder>& holders) {
  constexpr std::size_t most_named = 4;
  if (holders.empty()) return "nothing is held";
  std::string text = "held by ";
  for (std::size_t i = 0; i < std::min(holders.size(), most_named); ++i)
    text += fmt::format("{}'{}' {}", i > 0 ? ", " : "", holders[i].label,
                        detail::readable_size(holders[i].bytes));
  if (holders.size() > most_named) text += fmt::format(" and {} more", holders.size() - most_named);
  return text;
}

OutOfMemory make_error(Device device, std::size_t bytes, const std::string& label, const Account& account,
                       const std::string& cause) {
  detail::MemorySize size = memory_size(device);
  if (account.limit > 0) {
    size.total = account.limit;
    size.free = std::min(size.free, account.limit - std::min(account.limit, account.held));
  }
  const std::vector<MemoryHolder> holders = sorted_holders(account);
  std::vector<OutOfMemory::Holder> held_by;
  held_by.reserve(holders.size());
  for (const MemoryHolder& holder : holders) held_by.push_back({holder.label, holder.bytes});
  return OutOfMemory(
      fmt::format("out of memory on {}{}: '{}' asked for {} ({} bytes), {} of {} are free; {}", device.name(),
                  cause, label, detail::readable_size(bytes), bytes, detail::readable_size(size.free),
                  detail::readable_size(size.total), describe_holders(holders)),
      bytes, size.free, std::move(held_by));
}

/// An operating system that promises more than it has would end the process later instead of refusing now.
/// Asked only for large blocks: reading the machine's memory takes some microseconds.
bool exceeds_machine(Device device, const Account& account, std::size_t bytes) {
  constexpr std::size_t worth_asking = std::size_t{256} << 20;
  if (device.kind() == DeviceKind::cuda || bytes < worth_asking) return false;
  const std::uint64_t total = detail::host_memory_size().total;
  return total > 0 && (bytes > total || account.held > total - bytes);
}

}  // namespace

namespace detail {

Device account_of(Device stream_device, MemorySpace space) {
  return space == MemorySpace::host ? Device(DeviceKind::cpu) : stream_device;
}

void ledger_take(Device stream_device, MemorySpace space, std::size_t bytes, const std::string& label) {
  const Device device = account_of(stream_device, space);
  Ledger& books = ledger();
  const std::lock_guard lock(books.mutex);
  Account& account = books.of(device);
  std::optional<std::int64_t>& countdown = books.of(stream_device).allocations_until_failure;
  if (countdown && *countdown <= 0)
    throw make_error(device, bytes, label, account, " (failure injected by a test)");
  if (countdown) --*countdown;
  if (account.limit > 0 && (bytes > account.limit || account.held > account.limit - bytes))
    throw make_error(device, bytes, label, account, " (limit set by set_memory_limit)");
  if (exceeds_machine(device, account, bytes)) throw make_error(device, bytes, label, account, "");
  Holding& holding = account.holdings[label];
  holding.bytes += bytes;
  ++holding.blocks;
  account.held += bytes;
}

void ledger_give_back(Device stream_device, MemorySpace space, std::size_t bytes,
                      const std::string& label) noexcept {
  Ledger& books = ledger();
  const std::lock_guard lock(books.mutex);
  Account& account = books.of(account_of(stream_device, space));
  account.held -= bytes;
  const auto entry = account.holdings.find(label);
  entry->second.bytes -= bytes;
  if (--entry->second.blocks == 0) account.holdings.erase(entry);
}

OutOfMemory out_of_memory(Device device, std::size_t bytes, const std::string& label) {
  Ledger& books = ledger();
  const std::lock_guard lock(books.mutex);
  return make_error(device, bytes, label, books.of(device), "");
}

}  // namespace detail

std::vector<MemoryHolder> memory_holders(Device device) {
  Ledger& books = ledger();
  const std::lock_guard lock(books.mutex);
  return sorted_holders(books.of(device));
}

std::uint64_t memory_held(Device device) {
  Ledger& books = ledger();
  const std::lock_guard lock(books.mutex);
  return books.of(device).held;
}

void set_memory_limit(Device device, std::uint64_t bytes) {
  Ledger& books = ledger();
  const std::lock_guard lock(books.mutex);
  books.of(device).limit = bytes;
}

AllocationFailure::AllocationFailure(Device device, std::int64_t skip) : device_(device) {
  if (skip < 0)
    throw InvalidArgument(fmt::format("AllocationFailure: skip is {}; it must be 0 or more", skip));
  Ledger& books = ledger();
  const std::lock_guard lock(books.mutex);
  std::optional<std::int64_t>& countdown = books.of(device).allocations_until_failure;
  if (countdown)
    throw InvalidArgument(fmt::format("AllocationFailure: another one is alive for {}", device.name()));
  countdown = skip;
}

AllocationFailure::~AllocationFailure() {
  Ledger& books = ledger();
  const std::lock_guard lock(books.mutex);
  books.of(device_).allocations_until_failure.reset();
}

}  // namespace atelier
