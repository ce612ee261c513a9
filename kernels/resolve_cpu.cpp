#include <algorithm>

#include "kernels/cpu/resolve_vector.h"
#include "kernels/resolve_launch.h"
#include "runtime/instruction_set.h"
#include "runtime/parallel.h"

namespace atelier::cpu {
namespace {

ResolveVector resolve_of(InstructionSet set) {
  switch (set) {
#if defined(ATELIER_X86)
    case InstructionSet::avx512:
      return avx512::resolve;
    case InstructionSet::avx2:
      return avx2::resolve;
#endif
    default:
      return portable::resolve;
  }
}

}  // namespace

void resolve_pixels(Stream& stream, const detail::ResolveCall& call) {
  const detail::CppnTarget& target = call.target;
  ResolveVectorCall vector_call;
  vector_call.colors = call.colors;
  vector_call.palette = call.palette;
  vector_call.how = call.how;
  vector_call.light = detail::resolves_light(call.how);
  vector_call.target = {{},
                        target.region,
                        target.channels,
                        false,
                        target.sample,
                        reinterpret_cast<unsigned char*>(target.data),
                        target.row_bytes};
  stream.enqueue("resolve_pixels", [resolve = resolve_of(instruction_set()), vector_call] {
    // Whole strips of every instruction set, some hundred microseconds of one core.
    const std::int64_t pixels = vector_call.target.region.width * vector_call.target.region.height;
    const int points = vector_call.how.samples * vector_call.how.samples;
    const std::int64_t grain = std::max(64, 32768 / points / 64 * 64);
    parallel_for(pixels, grain,
                 [&](std::int64_t first, std::int64_t last) { resolve(vector_call, first, last - first); });
  });
}

}  // namespace atelier::cpu
