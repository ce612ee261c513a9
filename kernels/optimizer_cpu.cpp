#include <cstdint>

#include "kernels/cpu/optimizer_vector.h"
#include "kernels/optimizer_launch.h"
#include "runtime/instruction_set.h"
#include "runtime/parallel.h"

namespace atelier::cpu {
namespace {

struct Optimizers {
  void (*sgd)(float*, const float*, std::int64_t, float);
  void (*adam)(float*, const float*, float*, float*, std::int64_t, const AdamFactors&);
  void (*average)(float*, const float*, std::int64_t, float);
};

Optimizers optimizers() {
  switch (instruction_set()) {
#if defined(ATELIER_X86)
    case InstructionSet::avx512:
      return {avx512::sgd_elements, avx512::adam_elements, avx512::average_elements};
    case InstructionSet::avx2:
      return {avx2::sgd_elements, avx2::adam_elements, avx2::average_elements};
#endif
    default:
      return {portable::sgd_elements, portable::adam_elements, portable::average_elements};
  }
}

// Elements a range of parallel_for: some tens of microseconds.
constexpr std::int64_t kSgdGrain = 131072;
constexpr std::int64_t kAdamGrain = 65536;

}  // namespace

void sgd_step(Stream& stream, const SgdCall& call) {
  stream.enqueue("sgd_step", [call, sgd = optimizers().sgd] {
    const float learning_rate = *call.settings.learning_rate;
    parallel_for(call.parameters.size, kSgdGrain, [&](std::int64_t begin, std::int64_t end) {
      sgd(call.parameters.data + begin, call.gradients.data + begin, end - begin, learning_rate);
    });
  });
}

void adam_step(Stream& stream, const AdamCall& call) {
  stream.enqueue("adam_step", [call, adam = optimizers().adam] {
    const AdamFactors factors = adam_factors(call.settings);
    parallel_for(call.parameters.size, kAdamGrain, [&](std::int64_t begin, std::int64_t end) {
      adam(call.parameters.data + begin, call.gradients.data + begin, call.first_moment.data + begin,
           call.second_moment.data + begin, end - begin, factors);
    });
  });
}

void moving_average(Stream& stream, const AverageCall& call) {
  stream.enqueue("moving_average", [call, average = optimizers().average] {
    const float weight = average_weight(call.decay, read_counter(call.step));
    parallel_for(call.average.size, kSgdGrain, [&](std::int64_t begin, std::int64_t end) {
      average(call.average.data + begin, call.values.data + begin, end - begin, weight);
    });
  });
}

}  // namespace atelier::cpu
