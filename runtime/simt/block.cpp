#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "runtime/simt/machine.h"

namespace atelier::simt::executor {
namespace {

void release_barrier(Block& block) {
  block.result[block.barrier_generation & 1] = block.accumulated;
  block.at_barrier = 0;
  ++block.barrier_generation;
  make_all_ready(block);
  check_block_barrier(block.number);
}

std::string early_exit(const Block& block, const Site& site) {
  return "barrier divergence: __syncthreads at " + describe(site) + " is reached by " +
         std::to_string(block.alive) + " of " + std::to_string(block.grid->threads) +
         " threads, the others have returned; block " + std::to_string(block.number);
}

constexpr std::size_t kPacketBytes = 16;

void wait_for_grid(Thread& thread, const char* what, const Site& site) {
  Block& block = *thread.block;
  if (!block.grid->launch.cooperative)
    stop_with(thread, std::string(what) + " at " + describe(site) + " in a launch that is not cooperative");
  ++block.at_grid_barrier;
  park(thread);
}

}  // namespace

int block_barrier(Reduction reduction, int predicate, Site site) {
  const ExecutorScope scope;
  Thread& thread = enter("__syncthreads", site);
  Block& block = *thread.block;
  const Options& options = block.grid->options();
  if (block.at_barrier == 0) {
    block.barrier_site = site;
    block.accumulated = reduction == Reduction::conjunction ? 1 : 0;
  } else if (options.detect && !same_site(site, block.barrier_site)) {
    stop_with(thread, "barrier divergence: " + describe(thread) + " waits at " + describe(site) +
                          " while others wait at " + describe(block.barrier_site));
  }
  const int vote = predicate != 0 ? 1 : 0;
  if (reduction == Reduction::count) block.accumulated += vote;
  if (reduction == Reduction::conjunction) block.accumulated &= vote;
  if (reduction == Reduction::disjunction) block.accumulated |= vote;
  const unsigned generation = block.barrier_generation;
  if (++block.at_barrier == block.alive) {
    if (options.detect && options.strict_exit && block.alive != block.grid->threads)
      stop_with(thread, early_exit(block, site));
    release_barrier(block);
  }
  park(thread);
  return block.result[generation & 1];
}

void grid_barrier(Site site) {
  const ExecutorScope scope;
  Thread& thread = enter("grid_sync", site);
  thread.block->grid->barrier_orders_memory.store(true, std::memory_order_relaxed);
  wait_for_grid(thread, "grid_sync", site);
}

void packet_barrier(Site site) {
  const ExecutorScope scope;
  wait_for_grid(enter("packets_sent", site), "packets_sent", site);
}

void send_packet(void* slot, const void* packet) {
  const ExecutorScope scope;
  check_packet(slot, kPacketBytes, true);
  std::memcpy(slot, packet, kPacketBytes);
}

void receive_packet(const void* slot, void* packet, unsigned number, Site site) {
  const ExecutorScope scope;
  check_packet(slot, kPacketBytes, false);
  std::memcpy(packet, slot, kPacketBytes);
  unsigned found = 0;
  std::memcpy(&found, static_cast<const char*>(packet) + kPacketBytes - sizeof(found), sizeof(found));
  if (found == number) return;
  Thread& thread = enter("receive_packets", site);
  stop_with(thread, "receive_packets at " + describe(site) + ": a slot holds packet " +
                        std::to_string(found) + ", not " + std::to_string(number) + "; nobody sent it; " +
                        describe(thread));
}

void thread_exits(Thread& thread) {
  Block& block = *thread.block;
  block.warps[thread.warp].alive &= ~(1U << thread.lane);
  --block.alive;
  thread.waiting = "exit";
  thread.copies.clear();
  block.worker->note_progress();
  if (block.grid->has_failed()) return;
  complete_warp_operations(block, thread.warp);
  if (block.at_barrier != 0 && block.at_barrier == block.alive) {
    const Options& options = block.grid->options();
    if (options.detect && options.strict_exit)
      record_failure(*block.grid, early_exit(block, block.barrier_site));
    release_barrier(block);
  }
}

void begin_block(Block& block, Worker& worker, Grid& grid, std::size_t number) {
  const dim3 extent = grid.launch.shape.grid;
  const dim3 shape = grid.launch.shape.block;
  block.worker = &worker;
  block.grid = &grid;
  block.number = number;
  block.index = {static_cast<unsigned>(number % extent.x),
                 static_cast<unsigned>(number / extent.x % extent.y),
                 static_cast<unsigned>(number / extent.x / extent.y)};
  block.random_state = (grid.options().seed + 0x9e3779b97f4a7c15ULL * (number + 1)) | 1U;
  for (int i = 0; i < 4; ++i) block.random();
  begin_shared_memory(block);
  if (block.threads.size() < std::size_t{grid.warps} * kLanes)
    block.threads.resize(std::size_t{grid.warps} * kLanes);
  uint3 index{0, 0, 0};
  for (unsigned t = 0; t < grid.threads; ++t) {
    Thread& thread = block.threads[t];
    thread.block = &block;
    thread.index = index;
    thread.number = t;
    thread.warp = t / kLanes;
    thread.lane = t % kLanes;
    thread.started = false;
    thread.warp_epoch = 0;
    thread.yields = 0;
    thread.waiting = "start";
    thread.copy_group = 0;
    thread.copies.clear();
    if (++index.x == shape.x) {
      index.x = 0;
      if (++index.y == shape.y) {
        index.y = 0;
        ++index.z;
      }
    }
  }
  block.warps.resize(grid.warps);
  for (unsigned w = 0; w < grid.warps; ++w) {
    const unsigned lanes = std::min(kLanes, grid.threads - kLanes * w);
    block.warps[w].alive = lanes == kLanes ? ~0U : (1U << lanes) - 1;
    block.warps[w].pending.clear();
  }
  for (unsigned i = 0; i < kMaximumWarps; ++i) block.priority[i] = static_cast<unsigned char>(i);
  block.alive = grid.threads;
  block.at_barrier = 0;
  block.at_grid_barrier = 0;
  block.barrier_generation = 0;
  block.current_warp = 0;
  block.current_lane = kLanes - 1;
  make_all_ready(block);
}

std::string describe_threads(const Block& block) {
  struct State {
    std::string words;
    unsigned threads;
  };
  std::vector<State> states;
  for (unsigned t = 0; t < block.grid->threads; ++t) {
    const Thread& thread = block.threads[t];
    std::string words;
    if (std::strcmp(thread.waiting, "exit") == 0) {
      words = "have returned";
    } else if (std::strcmp(thread.waiting, "start") == 0) {
      words = "have not started";
    } else if (std::strcmp(thread.waiting, "run") == 0) {
      words = "run";
    } else {
      words = std::string("wait in ") + thread.waiting + " at " + describe(thread.site);
    }
    const auto found =
        std::find_if(states.begin(), states.end(), [&](const State& s) { return s.words == words; });
    if (found == states.end()) {
      states.push_back({words, 1});
    } else {
      ++found->threads;
    }
  }
  std::string text;
  for (const State& state : states)
    text +=
        fmt::format(" {} {} {};", state.threads, state.threads == 1 ? "thread:" : "threads:", state.words);
  for (std::size_t w = 0; w < block.warps.size() && text.size() < 900; ++w)
    for (const PendingWarpOperation& operation : block.warps[w].pending) {
      text += fmt::format(" warp {}: mask {:08x}, arrived {:08x};", w, operation.mask, operation.arrived);
    }
  text.pop_back();
  return text;
}

}  // namespace atelier::simt::executor
