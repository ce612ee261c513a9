// Compiled once for every instruction set.
#include "kernels/cpu/optimizer_vector.h"

#include "kernels/cpu/optimizer_arithmetic.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu/subnormals.h"

namespace atelier::cpu::ATELIER_INSTRUCTION_SET {
namespace {

constexpr int kLanes = Simd<float>::lanes;

}  // namespace

void sgd_elements(float* parameters, const float* gradients, std::int64_t count, float learning_rate) {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    store(parameters + i,
          sgd_update<VectorArithmetic>(load(parameters + i), load(gradients + i), learning_rate));
  for (; i < count; ++i) parameters[i] = sgd_update(parameters[i], gradients[i], learning_rate);
}

void adam_elements(float* parameters, const float* gradients, float* first_moment, float* second_moment,
                   std::int64_t count, const AdamFactors& factors) {
  const SubnormalsAsZero scope;
  const AdamFactors own = factors;  // that no store can change
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    FloatVector parameter = load(parameters + i);
    FloatVector first = load(first_moment + i);
    FloatVector second = load(second_moment + i);
    adam_update<VectorArithmetic>(own, load(gradients + i), parameter, first, second);
    store(parameters + i, parameter);
    store(first_moment + i, first);
    store(second_moment + i, second);
  }
  for (; i < count; ++i) adam_update(own, gradients[i], parameters[i], first_moment[i], second_moment[i]);
}

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET
