#include <algorithm>
#include <bit>

#include "runtime/simt/machine.h"

namespace atelier::simt {
constinit thread_local uint3 threadIdx{};
constinit thread_local uint3 blockIdx{};
constinit thread_local dim3 blockDim{};
constinit thread_local dim3 gridDim{};
}  // namespace atelier::simt

namespace atelier::simt::executor {

constinit thread_local Thread* current_thread = nullptr;
constinit thread_local bool in_executor = false;

namespace {

constexpr unsigned kPriorityChange = 2048;  // one pick in so many changes a priority
constexpr unsigned kAtomicYield = 4;        // priority schedules: one atomic in so many lets others run
constexpr unsigned kPatience = 1024;        // other schedules: a thread that does nothing but atomics yields

unsigned first_bit(unsigned mask) {
  return static_cast<unsigned>(std::countr_zero(mask));
}
unsigned last_bit(unsigned mask) {
  return 31U - static_cast<unsigned>(std::countl_zero(mask));
}
unsigned above(unsigned mask, unsigned bit) {
  return bit == 31 ? 0U : mask & (~0U << (bit + 1));
}

unsigned nth_bit(unsigned mask, unsigned n) {
  while (n-- > 0) mask &= mask - 1;
  return first_bit(mask);
}

/// Priority schedules: the best-placed ready warp runs as far ahead as it can. Uniform random picking would
/// keep all warps within a few steps of each other and miss write-after-read races.
unsigned pick_by_priority(Block& block) {
  const auto best = [&block] {
    unsigned place = 0;
    while (((block.ready_warps >> block.priority[place]) & 1U) == 0) ++place;
    return place;
  };
  unsigned place = best();
  if ((block.random() >> 40) % kPriorityChange == 0) {
    std::rotate(block.priority.begin() + place, block.priority.begin() + place + 1,
                block.priority.begin() + static_cast<std::ptrdiff_t>(block.warps.size()));
    place = best();
  }
  return block.priority[place];
}

Thread& take(Block& block, unsigned warp, unsigned lane) {
  block.current_warp = warp;
  block.current_lane = lane;
  block.warps[warp].ready &= ~(1U << lane);
  if (block.warps[warp].ready == 0) block.ready_warps &= ~(1U << warp);
  return block.threads[warp * kLanes + lane];
}

/// The next ready thread after the current one, cyclically.
Thread* pick_in_turn(Block& block) {
  if (block.ready_warps == 0) return nullptr;
  const unsigned lanes = above(block.warps[block.current_warp].ready, block.current_lane);
  if (lanes != 0) return &take(block, block.current_warp, first_bit(lanes));
  const unsigned warps = above(block.ready_warps, block.current_warp);
  const unsigned warp = first_bit(warps != 0 ? warps : block.ready_warps);
  return &take(block, warp, first_bit(block.warps[warp].ready));
}

void enter_thread(Thread* thread) {
  current_thread = thread;
  if (thread != nullptr) threadIdx = thread->index;
}

void fiber_main();

void start_if_new(Thread& thread) {
  if (thread.started) return;
  thread.stack = thread.block->worker->stacks.take();
  thread.started = true;
  make_fiber(thread.context, *thread.stack, &fiber_main);
}

void run_kernel(Thread& thread) {
  Grid& grid = *thread.block->grid;
  try {
    in_executor = false;
    grid.invoke(grid.arguments);
  } catch (const StopThread&) {
  } catch (const std::exception& error) {  // host-only functions may throw; device code cannot
    record_failure(grid, std::string("exception in the kernel: ") + error.what() + ", " + describe(thread));
  } catch (...) {
    record_failure(grid, "exception in the kernel, " + describe(thread));
  }
  in_executor = true;
}

/// A fiber's life: one thread of the kernel, and then, as long as the next to run has not started yet, that
/// one on the same stack without a switch. Kernels without barriers become a plain loop.
void fiber_main() {
  fiber_begins();
  for (;;) {
    Thread* thread = current_thread;
    Block& block = *thread->block;
    run_kernel(*thread);
    thread_exits(*thread);
    Thread* next = block.grid->has_failed() ? nullptr : pick(block);
    Stack* stack = thread->stack;
    thread->stack = nullptr;
    if (next != nullptr && !next->started) {
      next->started = true;
      next->stack = stack;
      next->context.stack_low = stack->low;
      next->context.stack_size = stack->size;
      next->context.fake_stack = nullptr;
      enter_thread(next);
      continue;
    }
    block.worker->stacks.give_back(stack);
    enter_thread(next);
    switch_fiber(thread->context, next != nullptr ? next->context : block.worker->scheduler, true);
  }
}

void switch_to(Thread& from, Thread* next) {
  if (next == &from) return;
  if (next != nullptr) start_if_new(*next);
  enter_thread(next);
  switch_fiber(from.context, next != nullptr ? next->context : from.block->worker->scheduler, false);
}

void resume(Block& block, Thread& thread) {
  enter_thread(&thread);
  switch_fiber(block.worker->scheduler, thread.context, false);
  in_executor = true;
  current_thread = nullptr;
}

void bury_abandoned(Worker& worker) {
  Thread* thread = worker.abandoned;
  if (thread == nullptr) return;
  worker.abandoned = nullptr;
  worker.overdue.store(false);
  worker.note_progress();
  record_overdue(*thread, worker.interrupted_at);
  worker.stacks.give_back(thread->stack);
  thread->stack = nullptr;
}

/// After a failure every unfinished thread is resumed once; park() throws StopThread in it.
void unwind_all(Block& block) {
  for (unsigned number = 0; number < block.grid->threads; ++number) {
    Thread& thread = block.threads[number];
    while (thread.stack != nullptr) {
      resume(block, thread);
      bury_abandoned(*block.worker);
    }
  }
}

}  // namespace

Thread* pick(Block& block) {
  if (block.ready_warps == 0) return nullptr;
  unsigned warp = 0;
  unsigned lane = 0;
  switch (block.grid->options().schedule) {
    case Schedule::depth_first:
      warp = first_bit(block.ready_warps);
      lane = first_bit(block.warps[warp].ready);
      break;
    case Schedule::reverse:
      warp = last_bit(block.ready_warps);
      lane = last_bit(block.warps[warp].ready);
      break;
    case Schedule::round_robin:
      return pick_in_turn(block);
    case Schedule::priority: {
      warp = pick_by_priority(block);
      const unsigned ready = block.warps[warp].ready;
      const auto count = static_cast<unsigned>(std::popcount(ready));
      lane = nth_bit(ready, static_cast<unsigned>(block.random() >> 33) % count);
      break;
    }
  }
  return &take(block, warp, lane);
}

void make_all_ready(Block& block) {
  block.ready_warps = 0;
  const auto warps = static_cast<unsigned>(block.warps.size());
  if (block.grid->options().schedule == Schedule::priority && (block.random() >> 40) % 2 != 0)
    for (unsigned i = warps; i > 1; --i)
      std::swap(block.priority[i - 1], block.priority[(block.random() >> 33) % i]);
  for (unsigned warp = 0; warp < warps; ++warp) {
    block.warps[warp].ready = block.warps[warp].alive;
    if (block.warps[warp].ready != 0) block.ready_warps |= 1U << warp;
  }
}

void park(Thread& thread, bool may_throw) {
  Block& block = *thread.block;
  switch_to(thread, block.grid->has_failed() ? nullptr : pick(block));
  if (may_throw && block.grid->has_failed()) throw StopThread{};
}

void run_ready(Block& block) {
  Grid& grid = *block.grid;
  Worker& worker = *block.worker;
  blockIdx = block.index;
  blockDim = grid.launch.shape.block;
  gridDim = grid.launch.shape.grid;
  in_executor = true;
  while (!grid.has_failed()) {
    Thread* next = pick(block);
    if (next == nullptr) break;
    start_if_new(*next);
    resume(block, *next);
    bury_abandoned(worker);
  }
  if (!grid.has_failed() && block.alive != 0 && block.at_grid_barrier != block.alive)
    record_failure(grid, "deadlock in block " + std::to_string(block.number) + ":" + describe_threads(block));
  if (grid.has_failed()) unwind_all(block);
  in_executor = false;
}

void maybe_yield() {
  Thread* thread = current_thread;
  if (thread == nullptr) return;
  Block& block = *thread->block;
  const bool by_priority = block.grid->options().schedule == Schedule::priority;
  if (block.worker->overdue.load(std::memory_order_relaxed)) {
    const ExecutorScope scope;
    record_overdue(*thread, nullptr);
    throw StopThread{};
  }
  if (by_priority ? (block.random() >> 40) % kAtomicYield != 0 : ++thread->yields % kPatience != 0) return;
  const ExecutorScope scope;
  make_ready(*thread);
  if (by_priority) {
    park(*thread);
  } else {
    switch_to(*thread, pick_in_turn(block));
    if (block.grid->has_failed()) throw StopThread{};
  }
}

void memory_fence() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  maybe_yield();
}

unsigned lane_index() {
  return current_thread->lane;
}

}  // namespace atelier::simt::executor
