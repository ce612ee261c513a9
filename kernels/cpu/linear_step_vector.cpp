#include "kernels/cpu/linear_step_vector.h"

#include "kernels/cpu/optimizer_arithmetic.h"
#include "kernels/cpu/subnormals.h"
#include "kernels/cpu/vector_part.h"
#include "kernels/optimizer_function.h"

namespace atelier::cpu::ATELIER_INSTRUCTION_SET {
namespace {

// The parameters that lie at one place of the weights or the bias, and their moments.
struct Place {
  float* parameter;
  float* first_moment;
  float* second_moment;
};

Place weight_row(const LinearStepCall& call, std::int64_t output) {
  Place row{&call.layer.weight(output, 0), nullptr, nullptr};
  if (call.optimizer == LinearOptimizer::adam) {
    row.first_moment = &call.moments.weight_first(output, 0);
    row.second_moment = &call.moments.weight_second(output, 0);
  }
  return row;
}

// Updates the vector at `index` (its first `count` lanes), whose parameters are given.
template <LinearOptimizer kOptimizer, class Arithmetic = VectorArithmetic>
ATELIER_INLINE void update(const LinearStepFactors& factors, const Place& place, std::int64_t index,
                           std::int64_t count, FloatVector parameter, FloatVector gradient) {
  if constexpr (kOptimizer == LinearOptimizer::sgd) {
    parameter = sgd_update<Arithmetic>(parameter, gradient, factors.learning_rate);
  } else {
    FloatVector first = load_part(place.first_moment + index, count);
    FloatVector second = load_part(place.second_moment + index, count);
    adam_update<Arithmetic>(factors.adam, gradient, parameter, first, second);
    store_part(place.first_moment + index, first, count);
    store_part(place.second_moment + index, second, count);
  }
  store_part(place.parameter + index, parameter, count);
}

// kRows rows of the weights from `output` on. The input gradient grows row by row, as in linear_backward; a
// gradient is a sum of one term, which starts at 0 there.
template <LinearOptimizer kOptimizer, int kRows, bool kInputGradient>
void step_rows(const LinearStepCall& call, const float* delta, const LinearStepFactors& all_factors,
               std::int64_t output, std::int64_t begin, std::int64_t end) {
  const LinearStepFactors factors = all_factors;  // that no store can change
  Place row[kRows];
  FloatVector row_delta[kRows];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    row[r] = weight_row(call, output + r);
    row_delta[r] = broadcast(delta[output + r]);
  }
  // The rows that follow are asked for while these are computed.
  const std::int64_t ahead = kRows * call.layer.weight.stride;
  const std::int64_t moment_ahead[2] = {kRows * call.moments.weight_first.stride,
                                        kRows * call.moments.weight_second.stride};
  const float* const input = call.layer.input.data;
  float* const input_gradient = call.layer.input_gradient.data;
  const auto step = [&](std::int64_t i, std::int64_t count) __attribute__((always_inline)) {
    const FloatVector x = load_part(input + i, count);
    FloatVector sum{};
    if (kInputGradient && output > 0) sum = load_part(input_gradient + i, count);
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      const FloatVector weight = load_part(row[r].parameter + i, count);
      if constexpr (kInputGradient) sum = fma(row_delta[r], weight, sum);
      __builtin_prefetch(row[r].parameter + ahead + i, 1);
      if constexpr (kOptimizer == LinearOptimizer::adam) {
        __builtin_prefetch(row[r].first_moment + moment_ahead[0] + i, 1);
        __builtin_prefetch(row[r].second_moment + moment_ahead[1] + i, 1);
      }
      const FloatVector gradient = fma(row_delta[r], x, FloatVector{});
      if (r % 2 == 0)
        update<kOptimizer>(factors, row[r], i, count, weight, gradient);
      else
        update<kOptimizer, VectorArithmeticByProducts>(factors, row[r], i, count, weight, gradient);
    }
    if constexpr (kInputGradient) store_part(input_gradient + i, sum, count);
  };
  std::int64_t i = begin;
  for (; i + kLanes <= end; i += kLanes) step(i, kLanes);
  if (i < end) step(i, end - i);
}

template <LinearOptimizer kOptimizer, bool kInputGradient>
void step_all(const LinearStepCall& call, const float* delta, const LinearStepFactors& factors,
              std::int64_t begin, std::int64_t end) {
  constexpr int kRows = kOptimizer == LinearOptimizer::sgd ? 4 : 2;
  const std::int64_t outputs = call.layer.weight.rows;
  std::int64_t output = 0;
  for (; output + kRows <= outputs; output += kRows)
    step_rows<kOptimizer, kRows, kInputGradient>(call, delta, factors, output, begin, end);
  for (; output < outputs; ++output)
    step_rows<kOptimizer, 1, kInputGradient>(call, delta, factors, output, begin, end);
  if (kInputGradient && outputs == 0)
    for (std::int64_t i = begin; i < end; ++i) call.layer.input_gradient[i] = 0.0F;
}

void weights(const LinearStepCall& call, const float* delta, const LinearStepFactors& factors,
             std::int64_t begin, std::int64_t end) {
  const bool gradient = call.layer.input_gradient.data != nullptr;
  if (call.optimizer == LinearOptimizer::sgd) {
    (gradient ? step_all<LinearOptimizer::sgd, true>
              : step_all<LinearOptimizer::sgd, false>)(call, delta, factors, begin, end);
  } else {
    const SubnormalsAsZero scope;
    (gradient ? step_all<LinearOptimizer::adam, true>
              : step_all<LinearOptimizer::adam, false>)(call, delta, factors, begin, end);
  }
}

template <LinearOptimizer kOptimizer>
void step_bias(const LinearStepCall& call, const float* delta, const LinearStepFactors& factors) {
  const Place place{call.layer.bias.data, call.moments.bias_first.data, call.moments.bias_second.data};
  const std::int64_t outputs = call.layer.bias.size;
  for (std::int64_t o = 0; o < outputs; o += kLanes) {
    const std::int64_t count = least(kLanes, outputs - o);
    update<kOptimizer>(factors, place, o, count, load_part(place.parameter + o, count),
                       FloatVector{} + load_part(delta + o, count));
  }
}

void bias(const LinearStepCall& call, const float* delta, const LinearStepFactors& factors) {
  if (call.optimizer == LinearOptimizer::sgd) {
    step_bias<LinearOptimizer::sgd>(call, delta, factors);
  } else {
    const SubnormalsAsZero scope;
    step_bias<LinearOptimizer::adam>(call, delta, factors);
  }
}

}  // namespace

extern const LinearStepKernels linear_step_kernels;
const LinearStepKernels linear_step_kernels{weights, bias};

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET
