#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include "kernels/cpu/linear_vector.h"
#include "kernels/linear_launch.h"
#include "runtime/instruction_set.h"
#include "runtime/parallel.h"

namespace atelier::cpu {
namespace {

const LinearKernels& kernels() {
  switch (instruction_set()) {
#if defined(ATELIER_X86)
    case InstructionSet::avx512:
      return avx512::linear_kernels;
    case InstructionSet::avx2:
      return avx2::linear_kernels;
#endif
    default:
      return portable::linear_kernels;
  }
}

// Room for packed weights that belongs to the calling thread and only ever grows: a step
// that is run again allocates nothing.
float* packing_room(std::size_t count) {
  struct Release {
    void operator()(float* data) const { ::operator delete (data, std::align_val_t{64}); }
  };
  thread_local std::unique_ptr<float, Release> room;
  thread_local std::size_t size = 0;
  if (count > size) {
    room.reset();
    size = 0;
    room.reset(static_cast<float*>(::operator new (count * sizeof(float), std::align_val_t{64})));
    size = count;
  }
  return room.get();
}

// Multiply-adds that make a range of work worth handing to a thread: some 20 microseconds.
constexpr std::int64_t kWorthwhile = 1'000'000;
// Batch rows of a task: a multiple of every rectangle's rows.
constexpr std::int64_t kTaskRows = 192;

std::int64_t divide_up(std::int64_t count, std::int64_t size) {
  return (count + size - 1) / size;
}

// Items of `work` multiply-adds each that make a range.
std::int64_t grain_for(std::int64_t work) {
  return std::max<std::int64_t>(1, kWorthwhile / std::max<std::int64_t>(1, work));
}

void multiply_few(const LinearCall& call, const LinearKernels& set) {
  constexpr std::int64_t kOutputs = 16;  // of an item: whole vectors on every instruction set
  const std::int64_t items = divide_up(call.weight.rows, kOutputs);
  // Reading a weight costs about as much as four multiply-adds.
  const std::int64_t grain = grain_for((call.input.rows + 4) * kOutputs * call.input.columns);
  parallel_for(items, grain, [&](std::int64_t begin, std::int64_t end) {
    set.multiply_few(call, begin * kOutputs, std::min(end * kOutputs, call.weight.rows));
  });
}

// A panel at a time: packed weights are used while they are in the cache.
void multiply_by_panels(const LinearCall& call, const LinearKernels& set) {
  const std::int64_t panels = divide_up(call.weight.rows, set.panel_columns);
  const std::int64_t panel_size = (call.weight.columns + 1) * set.panel_columns;
  parallel_for(panels, grain_for(panel_size * call.input.rows), [&](std::int64_t begin, std::int64_t end) {
    float* const packed = packing_room(static_cast<std::size_t>(panel_size));
    for (std::int64_t panel = begin; panel < end; ++panel) {
      set.pack(call, panel, packed);
      set.multiply(call, panel, packed, 0, call.input.rows);
    }
  });
}

// All weights are packed first, then shared by tasks of kTaskRows batch rows.
void multiply_packed(const LinearCall& call, const LinearKernels& set) {
  const std::int64_t panels = divide_up(call.weight.rows, set.panel_columns);
  const std::int64_t panel_size = (call.weight.columns + 1) * set.panel_columns;
  float* const packed = packing_room(static_cast<std::size_t>(panels * panel_size));
  parallel_for(panels, grain_for(4 * panel_size), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t panel = begin; panel < end; ++panel) set.pack(call, panel, packed + panel * panel_size);
  });
  const std::int64_t parts = divide_up(call.input.rows, kTaskRows);
  parallel_for(panels * parts, grain_for(panel_size * kTaskRows), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t panel = task % panels;  // the rows of a part stay in the cache
      const std::int64_t row = task / panels * kTaskRows;
      set.multiply(call, panel, packed + panel * panel_size, row, std::min(row + kTaskRows, call.input.rows));
    }
  });
}

}  // namespace

void linear_forward(Stream& stream, const LinearCall& call) {
  stream.enqueue("linear_forward", [call, &set = kernels()] {
    if (call.input.rows <= set.few_rows)
      multiply_few(call, set);
    else if (call.input.rows <= kTaskRows)
      multiply_by_panels(call, set);
    else
      multiply_packed(call, set);
  });
}

}  // namespace atelier::cpu
