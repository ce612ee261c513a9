// Compiled once for every instruction set.
#include "kernels/cpu/optimizer_vector.h"

#include "kernels/cpu/optimizer_arithmetic.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu/subnormals.h"

namespace atelier::cpu::ATELIER_INSTRUCTION_SET {
namespace {

constexpr int kLanes = Simd<float>::lanes;

template <class Arithmetic>
ATELIER_INLINE void adam_vector(const AdamFactors& factors, float* parameters, const float* gradients,
                                float* first_moment, float* second_moment) {
  FloatVector parameter = load(parameters);
  FloatVector first = load(first_moment);
  FloatVector second = load(second_moment);
  adam_update<Arithmetic>(factors, load(gradients), parameter, first, second);
  store(parameters, parameter);
  store(first_moment, first);
  store(second_moment, second);
}

}  // namespace

void sgd_elements(float* parameters, const float* gradients, std::int64_t count, float learning_rate) {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    store(parameters + i,
          sgd_update<VectorArithmetic>(load(parameters + i), load(gradients + i), learning_rate));
  for (; i < count; ++i) parameters[i] = sgd_update(parameters[i], gradients[i], learning_rate);
}

void average_elements(float* average, const float* values, std::int64_t count, float weight) {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    store(average + i, average_update<VectorArithmetic>(load(average + i), load(values + i), weight));
  for (; i < count; ++i) average[i] = average_update(average[i], values[i], weight);
}

void adam_elements(float* parameters, const float* gradients, float* first_moment, float* second_moment,
                   std::int64_t count, const AdamFactors& factors) {
  const SubnormalsAsZero scope;
  const AdamFactors own = factors;  // that no store can change
  std::int64_t i = 0;
  // The divider and the multipliers take turns, to the same bits.
  for (; i + 2 * kLanes <= count; i += 2 * kLanes) {
    adam_vector<VectorArithmetic>(own, parameters + i, gradients + i, first_moment + i, second_moment + i);
    const std::int64_t next = i + kLanes;
    adam_vector<VectorArithmeticByProducts>(own, parameters + next, gradients + next, first_moment + next,
                                            second_moment + next);
  }
  for (; i + kLanes <= count; i += kLanes)
    adam_vector<VectorArithmetic>(own, parameters + i, gradients + i, first_moment + i, second_moment + i);
  for (; i < count; ++i) adam_update(own, gradients[i], parameters[i], first_moment[i], second_moment[i]);
}

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET
