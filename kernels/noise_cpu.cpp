#include <algorithm>
#include <cstdint>

#include "kernels/cpu/noise_vector.h"
#include "kernels/noise_launch.h"
#include "runtime/instruction_set.h"
#include "runtime/parallel.h"

namespace atelier::cpu {
namespace {

// (destination, first block, blocks, stream, two parameters of the distribution)
using FillBlocks = void (*)(float*, std::uint64_t, std::int64_t, PhiloxStream, float, float);

// Blocks of four words a range of parallel_for; some tens of microseconds.
constexpr std::int64_t kGrain = 8192;

struct Fill {
  FillBlocks blocks;
  VectorView<float> destination;
  PhiloxStream random;
  DeviceCounter counter;
  float a;
  float b;

  void operator()() const {
    const std::uint64_t first = read_counter(counter);
    const std::uint64_t first_block = first / 4;
    const auto skipped = static_cast<std::int64_t>(first % 4);  // of the first block
    const std::int64_t count = (skipped + destination.size + 3) / 4;
    parallel_for(count, kGrain, [&](std::int64_t begin, std::int64_t end) {
      if (begin == 0 && skipped != 0) partial(first_block, begin++, skipped);
      const bool cut = begin < end && 4 * end - skipped > destination.size;
      if (cut) --end;
      if (begin < end)
        blocks(destination.data + (4 * begin - skipped), first_block + static_cast<std::uint64_t>(begin),
               end - begin, random, a, b);
      if (cut) partial(first_block, end, skipped);
    });
  }

  // The part of one block that lies in the destination.
  void partial(std::uint64_t first_block, std::int64_t block, std::int64_t skipped) const {
    float value[4];
    blocks(value, first_block + static_cast<std::uint64_t>(block), 1, random, a, b);
    const std::int64_t start = 4 * block - skipped;
    for (std::int64_t i = 0; i < 4; ++i)
      if (start + i >= 0 && start + i < destination.size) destination[start + i] = value[i];
  }
};

FillBlocks uniform_blocks() {
  switch (instruction_set()) {
#if defined(ATELIER_X86)
    case InstructionSet::avx512:
      return avx512::uniform_blocks;
    case InstructionSet::avx2:
      return avx2::uniform_blocks;
#endif
    default:
      return portable::uniform_blocks;
  }
}

FillBlocks normal_blocks() {
  switch (instruction_set()) {
#if defined(ATELIER_X86)
    case InstructionSet::avx512:
      return avx512::normal_blocks;
    case InstructionSet::avx2:
      return avx2::normal_blocks;
#endif
    default:
      return portable::normal_blocks;
  }
}

}  // namespace

void fill_uniform(Stream& stream, VectorView<float> destination, PhiloxStream random, DeviceCounter first,
                  float low, float span) {
  stream.enqueue("fill_uniform", Fill{uniform_blocks(), destination, random, first, low, span});
}

void fill_normal(Stream& stream, VectorView<float> destination, PhiloxStream random, DeviceCounter first,
                 float mean, float deviation) {
  stream.enqueue("fill_normal", Fill{normal_blocks(), destination, random, first, mean, deviation});
}

}  // namespace atelier::cpu
