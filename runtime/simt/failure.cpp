#include <fmt/format.h>

#include <cstring>

#include "runtime/error.h"
#include "runtime/simt/machine.h"

namespace atelier::simt::executor {
namespace {

std::string triple(const uint3& value) {
  return fmt::format("({},{},{})", value.x, value.y, value.z);
}

}  // namespace

std::string describe(const Site& site) {
  const char* slash = std::strrchr(site.file, '/');
  return std::string(slash != nullptr ? slash + 1 : site.file) + ":" + std::to_string(site.line);
}

std::string describe(const Thread& thread) {
  return "block " + triple(thread.block->index) + " thread " + triple(thread.index);
}

bool same_site(const Site& a, const Site& b) {
  return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0);
}

void record_failure(Grid& grid, const std::string& message) {
  const std::lock_guard lock(grid.mutex);
  if (grid.error.empty()) grid.error = message;
  grid.failed.store(true);
}

void stop_with(Thread& thread, const std::string& message) {
  record_failure(*thread.block->grid, message);
  throw StopThread{};
}

void fail(const char* what, Site site) {
  const ExecutorScope scope;
  Thread* thread = current_thread;
  if (thread == nullptr) throw Error(std::string(what) + " at " + describe(site) + " outside of a kernel");
  stop_with(*thread, std::string(what) + " at " + describe(site) + ", " + describe(*thread));
}

Thread& enter(const char* what, Site site) {
  Thread* thread = current_thread;
  if (thread == nullptr) throw Error(std::string(what) + " at " + describe(site) + " outside of a kernel");
  thread->waiting = what;
  thread->site = site;
  thread->yields = 0;
  thread->block->worker->note_progress();
  return *thread;
}

void record_overdue(Thread& thread, void* interrupted_at) {
  Grid& grid = *thread.block->grid;
  std::string message =
      fmt::format("{} ran for more than {} s of processor time without reaching a synchronisation point",
                  describe(thread), grid.options().watchdog_seconds);
  const std::string place = interrupted_at != nullptr ? source_position(interrupted_at) : "?";
  if (place.back() != '?') message += fmt::format(" (it was at {})", place);
  if (std::strcmp(thread.waiting, "start") != 0)
    message += fmt::format("; it had last passed {} at {}", thread.waiting, describe(thread.site));
  const char* own = thread.waiting;
  thread.waiting = "run";
  message += fmt::format(";{}", describe_threads(*thread.block));
  thread.waiting = own;
  record_failure(grid, message);
}

}  // namespace atelier::simt::executor
