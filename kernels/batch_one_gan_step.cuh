#pragma once

#include <cstdint>

#include "kernels/batch_one_gan_plan.cuh"
#include "kernels/optimizer_function.h"
#include "kernels/rounding.h"
#include "runtime/kernel.cuh"

// A block's work on matrices in its shared memory: products with vectors, and the optimiser's step of every
// parameter. Roundings of a step are spelt out: both copies of a parameter stay equal to the bit.

namespace atelier::ATELIER_DEVICE_NAMESPACE {
namespace {

/// What the steps of all parameters share; made from AdamFactors, with the division by the correction's root
/// turned into a product.
struct StepFactors {
  float negative_step;  // plain SGD: -learning rate
  float first_weight;
  float beta2;
  float second_weight;
  float inverse_root;  // 1 / sqrt(1 - beta2^t)
  float epsilon;
  float first_from_gradient;  // not 0: lerp starts at the gradient
  float unused;
};
static_assert(sizeof(StepFactors) == kFactorFloats * sizeof(float));

__device__ inline StepFactors step_factors(const TwoLayerNetwork& network, std::uint64_t step) {
  StepFactors factors{};
  if (network.first_moment.data == nullptr) {
    factors.negative_step = -__ldg(network.learning_rate);
    return factors;
  }
  const AdamFactors adam =
      adam_factors(network.beta1, network.beta2, network.epsilon, __ldg(network.learning_rate), step);
  factors.negative_step = adam.negative_step;
  factors.first_weight = adam.first_weight;
  factors.beta2 = adam.beta2;
  factors.second_weight = adam.second_weight;
  factors.inverse_root = rounded_quotient(1.0F, adam.correction_root);
  factors.epsilon = adam.epsilon;
  factors.first_from_gradient = adam.first_from_gradient ? 1.0F : 0.0F;
  return factors;
}

/// A step of parameter `index` of an owned array that begins at `values`; the parameter after it. Adam's root
/// and quotient are the special function unit's: the change of a parameter is off by 2^-20 of itself at most.
template <bool adam>
__device__ inline float step_parameter(float* values, int size, int index, float gradient,
                                       const StepFactors& factors) {
  float parameter = values[index];
  if constexpr (adam) {
    const float old = values[size + index];
    const float first = fused_product_sum(factors.first_weight, rounded_sum(gradient, -old),
                                          factors.first_from_gradient != 0.0F ? gradient : old);
    const float second = fused_product_sum(rounded_product(factors.second_weight, gradient), gradient,
                                           rounded_product(factors.beta2, values[2 * size + index]));
    const float denominator =
        fused_product_sum(square_root_approximate(second), factors.inverse_root, factors.epsilon);
    parameter = fused_product_sum(rounded_product(factors.negative_step, first),
                                  reciprocal_approximate(denominator), parameter);
    values[size + index] = first;
    values[2 * size + index] = second;
  } else {
    parameter = fused_product_sum(factors.negative_step, gradient, parameter);
  }
  values[index] = parameter;
  return parameter;
}

/// A step of `rows` rows of `length` parameters along the gradient left(row) right(column).
template <bool adam>
__device__ inline void step_matrix(float* values, int size, int rows, int length, const float* left,
                                   const float* right, const StepFactors& factors) {
  const int thread = static_cast<int>(threadIdx.x);
  int row = thread / length;
  int column = thread % length;
#pragma unroll 2
  for (int index = thread; index < rows * length; index += kThreads) {
    step_parameter<adam>(values, size, index, rounded_product(left[row], right[column]), factors);
    row += kThreads / length;
    column += kThreads % length;
    if (column >= length) {
      column -= length;
      ++row;
    }
  }
}

/// The same in every lane, in a fixed order.
__device__ inline float warp_sum(float value) {
#pragma unroll
  for (int distance = kWarp / 2; distance > 0; distance /= 2)
    value += __shfl_xor_sync(0xFFFFFFFFU, value, distance);
  return value;
}

/// Sums of the segments of each row's products with one or two vectors, to part[(row segments + segment)
/// vectors + vector]. weight(row, column) gives the matrix's element, after its step where one is taken.
template <int segments, int vectors, class Weight>
__device__ inline void multiply_rows(float* part, int rows, int length, const float* first,
                                     const float* second, Weight weight) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll 1
  for (int job = static_cast<int>(threadIdx.x) / kWarp; job < rows * segments; job += kWarps) {
    const int row = job / segments;
    float sums[2] = {0.0F, 0.0F};
    for (int column = job % segments * kWarp + lane; column < length; column += segments * kWarp) {
      const float w = weight(row, column);
      sums[0] = fused_product_sum(w, first[column], sums[0]);
      if constexpr (vectors == 2) sums[1] = fused_product_sum(w, second[column], sums[1]);
    }
#pragma unroll
    for (int v = 0; v < vectors; ++v) {
      const float sum = warp_sum(sums[v]);
      if (lane == 0) part[job * vectors + v] = sum;
    }
  }
}

/// The sum of a row's segments.
template <int segments, int vectors>
__device__ inline float row_product(const float* part, int row, int vector) {
  float sum = part[row * segments * vectors + vector];
#pragma unroll
  for (int segment = 1; segment < segments; ++segment)
    sum += part[(row * segments + segment) * vectors + vector];
  return sum;
}

}  // namespace
}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
