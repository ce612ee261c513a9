#include <cuda_fp16.h>

#include <bit>
#include <cstring>

#include "runtime/simt/machine.h"

namespace atelier::simt::executor {
namespace {

constexpr const char* kNames[] = {
    "__syncwarp",        "__shfl_sync",       "__shfl_up_sync",    "__shfl_down_sync",  "__shfl_xor_sync",
    "__ballot_sync",     "__any_sync",        "__all_sync",        "__match_any_sync",  "__reduce_add_sync",
    "__reduce_min_sync", "__reduce_max_sync", "__reduce_min_sync", "__reduce_max_sync", "__reduce_and_sync",
    "__reduce_or_sync",  "__reduce_xor_sync", "mma_m16n8k8_tf32",  "mma_m16n8k16_f16",  "ldmatrix_x4"};

template <class Visit>
void for_each_lane(unsigned mask, Visit visit) {
  for (; mask != 0; mask &= mask - 1) visit(static_cast<unsigned>(std::countr_zero(mask)));
}

template <class T, class Combine>
void reduce(PendingWarpOperation& operation, T start, Combine combine) {
  T sum = start;
  for_each_lane(operation.arrived,
                [&](unsigned lane) { sum = combine(sum, static_cast<T>(operation.argument[lane]->value)); });
  for_each_lane(operation.arrived,
                [&](unsigned lane) { operation.argument[lane]->value = static_cast<std::uint32_t>(sum); });
}

/// The lane that `lane` reads, as the PTX manual's shfl.sync has it; itself when out of its segment.
unsigned shuffle_source(const PendingWarpOperation& operation, unsigned lane) {
  const LaneArgument& argument = *operation.argument[lane];
  const int width = argument.width;
  const int own = static_cast<int>(lane);
  const int first = own & ~(width - 1);
  const int last = first + width - 1;
  int source = own;
  switch (operation.operation) {
    case WarpOperation::shuffle:
      source = first | (argument.argument & (width - 1));
      break;
    case WarpOperation::shuffle_up:
      if (own - argument.argument >= first) source = own - argument.argument;
      break;
    case WarpOperation::shuffle_down:
      if (own + argument.argument <= last) source = own + argument.argument;
      break;
    default:
      if ((own ^ argument.argument) <= last) source = own ^ argument.argument;
  }
  return static_cast<unsigned>(source);
}

void shuffle(Block& block, PendingWarpOperation& operation) {
  std::array<std::uint64_t, kLanes> given{};
  for_each_lane(operation.arrived, [&](unsigned lane) { given[lane] = operation.argument[lane]->value; });
  for_each_lane(operation.arrived, [&](unsigned lane) {
    const unsigned source = shuffle_source(operation, lane);
    if ((operation.arrived >> source & 1U) != 0) {
      operation.argument[lane]->value = given[source];
      return;
    }
    operation.argument[lane]->value = kPoison;  // CUDA: undefined
    if (block.grid->options().strict_shuffle)
      record_failure(*block.grid, "shuffle at " + describe(operation.thread[lane]->site) + ": lane " +
                                      std::to_string(lane) + " reads lane " + std::to_string(source) +
                                      ", which does not take part; block " + std::to_string(block.number));
  });
}

void vote(PendingWarpOperation& operation) {
  unsigned votes = 0;
  for_each_lane(operation.arrived,
                [&](unsigned lane) { votes |= (operation.argument[lane]->value != 0 ? 1U : 0U) << lane; });
  for_each_lane(operation.arrived, [&](unsigned lane) {
    operation.argument[lane]->value = operation.operation == WarpOperation::ballot ? votes
                                      : operation.operation == WarpOperation::any
                                          ? unsigned{votes != 0}
                                          : unsigned{votes == operation.arrived};
  });
}

void match_any(PendingWarpOperation& operation) {
  std::array<std::uint64_t, kLanes> given{};
  for_each_lane(operation.arrived, [&](unsigned lane) { given[lane] = operation.argument[lane]->value; });
  for_each_lane(operation.arrived, [&](unsigned lane) {
    unsigned equal = 0;
    for_each_lane(operation.arrived,
                  [&](unsigned other) { equal |= (given[other] == given[lane] ? 1U : 0U) << other; });
    operation.argument[lane]->value = equal;
  });
}

// Fragment layouts: cuda_kernel.cuh documents them; tests/simt checks them against another description.
struct Fragment {
  const std::uint32_t* a;
  const std::uint32_t* b;
  const std::uint32_t* c;
  float* d;
};
Fragment fragment(const PendingWarpOperation& operation, unsigned lane) {
  const auto* registers = static_cast<const std::uint32_t*>(operation.argument[lane]->input);
  return {registers, registers + 4, registers + 6, static_cast<float*>(operation.argument[lane]->output)};
}
float from_tf32(std::uint32_t bits) {
  return std::bit_cast<float>(bits & 0xffffe000U);
}  // 13 bits are ignored
float from_half(const std::uint32_t* registers, unsigned index) {
  __half_raw raw;
  raw.x = static_cast<unsigned short>(registers[index / 2] >> (16 * (index & 1)));
  return __half2float(__half(raw));
}

template <unsigned Depth>
struct MatrixTile {
  float a[16][Depth];
  float b[Depth][8];
};

void load(MatrixTile<8>& tile, const Fragment& own, unsigned group, unsigned place) {
  for (unsigned i = 0; i < 4; ++i) tile.a[group + 8 * (i & 1)][place + 4 * (i >> 1)] = from_tf32(own.a[i]);
  for (unsigned i = 0; i < 2; ++i) tile.b[place + 4 * i][group] = from_tf32(own.b[i]);
}
void load(MatrixTile<16>& tile, const Fragment& own, unsigned group, unsigned place) {
  for (unsigned i = 0; i < 8; ++i)
    tile.a[group + 8 * (i >> 1 & 1)][2 * place + (i & 1) + 8 * (i >> 2)] = from_half(own.a, i);
  for (unsigned i = 0; i < 4; ++i) tile.b[2 * place + (i & 1) + 8 * (i >> 1)][group] = from_half(own.b, i);
}

template <unsigned Depth>
void multiply(const PendingWarpOperation& operation) {
  MatrixTile<Depth> tile;
  for (unsigned lane = 0; lane < kLanes; ++lane) load(tile, fragment(operation, lane), lane >> 2, lane & 3);
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    const Fragment own = fragment(operation, lane);
    for (unsigned i = 0; i < 4; ++i) {
      const unsigned row = (lane >> 2) + 8 * (i >> 1);
      const unsigned column = (lane & 3) * 2 + (i & 1);
      float sum = std::bit_cast<float>(own.c[i]);
      for (unsigned k = 0; k < Depth; ++k) sum += tile.a[row][k] * tile.b[k][column];
      own.d[i] = sum;
    }
  }
}

void load_matrices(Block& block, const PendingWarpOperation& operation) {
  for (unsigned lane = 0; lane < kLanes; ++lane)
    if ((reinterpret_cast<std::uintptr_t>(operation.argument[lane]->input) & 15U) != 0) {
      record_failure(*block.grid, "ldmatrix_x4 at " + describe(operation.thread[lane]->site) +
                                      ": the row's address is not aligned to 16 bytes, " +
                                      describe(*operation.thread[lane]));
      return;
    }
  for (unsigned lane = 0; lane < kLanes; ++lane)
    for (unsigned matrix = 0; matrix < 4; ++matrix) {
      const unsigned source = 8 * matrix + (lane >> 2);
      const char* address =
          static_cast<const char*>(operation.argument[source]->input) + (lane & 3) * std::size_t{4};
      check_access(address, 4, false);
      std::memcpy(static_cast<char*>(operation.argument[lane]->output) + std::size_t{4} * matrix, address, 4);
    }
}

void matrix_operation(Block& block, PendingWarpOperation& operation) {
  if (operation.arrived != ~0U) {
    const Thread& first = *operation.thread[static_cast<unsigned>(std::countr_zero(operation.arrived))];
    record_failure(*block.grid, std::string(first.waiting) + " at " + describe(first.site) +
                                    " needs all 32 lanes of the warp; " + describe(first));
    return;
  }
  if (operation.operation == WarpOperation::mma_tf32) {
    multiply<8>(operation);
  } else if (operation.operation == WarpOperation::mma_f16) {
    multiply<16>(operation);
  } else {
    load_matrices(block, operation);
  }
}

void execute(Block& block, PendingWarpOperation& operation) {
  using enum WarpOperation;
  switch (operation.operation) {
    case synchronize: {
      const unsigned epoch = check_warp_barrier();
      for_each_lane(operation.arrived, [&](unsigned lane) { operation.thread[lane]->warp_epoch = epoch; });
      break;
    }
    case shuffle:
    case shuffle_up:
    case shuffle_down:
    case shuffle_xor:
      executor::shuffle(block, operation);
      break;
    case ballot:
    case any:
    case all:
      vote(operation);
      break;
    case WarpOperation::match_any:
      executor::match_any(operation);
      break;
    case add:
      reduce(operation, std::uint32_t{0}, [](auto x, auto y) { return x + y; });
      break;
    case bit_and:
      reduce(operation, ~std::uint32_t{0}, [](auto x, auto y) { return x & y; });
      break;
    case bit_or:
      reduce(operation, std::uint32_t{0}, [](auto x, auto y) { return x | y; });
      break;
    case bit_xor:
      reduce(operation, std::uint32_t{0}, [](auto x, auto y) { return x ^ y; });
      break;
    case minimum_unsigned:
      reduce(operation, ~std::uint32_t{0}, [](auto x, auto y) { return x < y ? x : y; });
      break;
    case maximum_unsigned:
      reduce(operation, std::uint32_t{0}, [](auto x, auto y) { return x > y ? x : y; });
      break;
    case minimum_signed:
      reduce(operation, std::int32_t{INT32_MAX}, [](auto x, auto y) { return x < y ? x : y; });
      break;
    case maximum_signed:
      reduce(operation, std::int32_t{INT32_MIN}, [](auto x, auto y) { return x > y ? x : y; });
      break;
    case mma_tf32:
    case mma_f16:
    case load_matrix:
      matrix_operation(block, operation);
      break;
  }
}

void complete(Block& block, unsigned warp_number, std::size_t place) {
  Warp& warp = block.warps[warp_number];
  PendingWarpOperation operation = warp.pending[place];
  warp.pending.erase(warp.pending.begin() + static_cast<std::ptrdiff_t>(place));
  execute(block, operation);
  warp.ready |= operation.arrived;
  block.ready_warps |= 1U << warp_number;
}

/// The operation that the caller joins: same mask and kind, and not already holding its lane.
std::size_t find_or_add(Warp& warp, WarpOperation operation, unsigned mask, unsigned bit) {
  std::size_t place = 0;
  for (; place < warp.pending.size(); ++place) {
    const PendingWarpOperation& candidate = warp.pending[place];
    if (candidate.mask == mask && candidate.operation == operation && (candidate.arrived & bit) == 0)
      return place;
  }
  warp.pending.emplace_back();
  warp.pending.back().mask = mask;
  warp.pending.back().operation = operation;
  return place;
}

}  // namespace

void warp_operation(WarpOperation operation, unsigned mask, LaneArgument& lane, Site site) {
  const ExecutorScope scope;
  const char* name = kNames[static_cast<unsigned>(operation)];
  Thread& thread = enter(name, site);
  Block& block = *thread.block;
  const bool detect = block.grid->options().detect;
  const unsigned bit = 1U << thread.lane;
  if (detect && (mask & bit) == 0)
    stop_with(thread, std::string(name) + " at " + describe(site) + ": the calling lane " +
                          std::to_string(thread.lane) + " is not in its own mask; " + describe(thread));
  if (lane.width < 1 || lane.width > 32 || !std::has_single_bit(static_cast<unsigned>(lane.width)))
    stop_with(thread, std::string(name) + " at " + describe(site) + ": width " + std::to_string(lane.width) +
                          " is not a power of two up to 32; " + describe(thread));
  Warp& warp = block.warps[thread.warp];
  const std::size_t place = find_or_add(warp, operation, mask, bit);
  PendingWarpOperation& pending = warp.pending[place];
  if (detect && pending.arrived != 0 && operation != WarpOperation::synchronize) {
    const Site& first = pending.thread[static_cast<unsigned>(std::countr_zero(pending.arrived))]->site;
    if (!same_site(first, site))
      stop_with(thread, "warp divergence: lanes meet in " + std::string(name) + " from " + describe(site) +
                            " and " + describe(first) + "; " + describe(thread));
  }
  pending.arrived |= bit;
  pending.argument[thread.lane] = &lane;
  pending.thread[thread.lane] = &thread;
  if (pending.arrived == (mask & warp.alive)) complete(block, thread.warp, place);
  park(thread);
}

void complete_warp_operations(Block& block, unsigned warp_number) {
  Warp& warp = block.warps[warp_number];
  for (std::size_t place = 0; place < warp.pending.size();) {
    const PendingWarpOperation& operation = warp.pending[place];
    if (operation.arrived == (operation.mask & warp.alive)) {
      complete(block, warp_number, place);
      place = 0;
    } else {
      ++place;
    }
  }
}

}  // namespace atelier::simt::executor
