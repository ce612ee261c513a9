#include <cstring>

#include "runtime/simt/machine.h"

namespace atelier::simt::executor {
namespace {

void copy_now(Thread& thread, const CopyRequest& request) {
  check_access(request.source, request.bytes, false);
  check_access(request.destination, request.bytes, true);
#if defined(__SANITIZE_ADDRESS__)
  if (__asan_region_is_poisoned(const_cast<void*>(request.source), request.bytes) != nullptr ||
      __asan_region_is_poisoned(request.destination, request.bytes) != nullptr)
    stop_with(thread, "cp.async at " + describe(thread.site) + " touches memory outside of its object, " +
                          describe(thread));
#else
  static_cast<void>(thread);
#endif
  std::memcpy(request.destination, request.source, request.bytes);
}

}  // namespace

void copy_async(void* destination, const void* source, unsigned bytes, Site site) {
  const ExecutorScope scope;
  Thread& thread = enter("cp.async", site);
  if ((reinterpret_cast<std::uintptr_t>(destination) | reinterpret_cast<std::uintptr_t>(source)) % bytes != 0)
    stop_with(thread, "cp.async at " + describe(site) + ": an address is not aligned to " +
                          std::to_string(bytes) + " bytes, " + describe(thread));
  const CopyRequest request{destination, source, bytes, thread.copy_group};
  // As late as the wait allows; priority schedules also copy at once, by the toss of a coin.
  Block& block = *thread.block;
  if (block.grid->options().schedule == Schedule::priority && (block.random() >> 40) % 2 != 0) {
    copy_now(thread, request);
  } else {
    thread.copies.push_back(request);
  }
}

void commit_copies() {
  const ExecutorScope scope;
  ++current_thread->copy_group;
}

void wait_for_copies(int groups_left) {
  const ExecutorScope scope;
  Thread& thread = *current_thread;
  std::erase_if(thread.copies, [&](const CopyRequest& request) {
    if (request.group >= thread.copy_group - groups_left) return false;
    copy_now(thread, request);
    return true;
  });
}

}  // namespace atelier::simt::executor
