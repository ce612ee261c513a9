// Compiled once for every instruction set.
#include "kernels/cpu/batch_one_gan_vector.h"

#include "kernels/cpu/activation_derivative_vector.h"
#include "kernels/cpu/subnormals.h"
#include "kernels/cpu/vector_part.h"

namespace atelier::cpu::ATELIER_INSTRUCTION_SET {
namespace {

#if defined(__AVX512F__)
constexpr float kRootScale = 0.5F;  // see adam_value
#else
constexpr float kRootScale = 1.0F;
#endif

/// ResidentStep in vectors, which stay in registers.
struct Factors {
  FloatVector beta1;
  FloatVector beta2;
  FloatVector root_factor;
  FloatVector epsilon;

  ATELIER_INLINE explicit Factors(const ResidentStep& step)
      : beta1(broadcast(step.beta1)),
        beta2(broadcast(step.beta2)),
        root_factor(broadcast(kRootScale * step.root_factor)),
        epsilon(broadcast(step.epsilon)) {}
};

/// value + first_moment / (sqrt(second_moment) root_factor + epsilon), the root and the quotient within 2
/// ulp. Where vectors are widest, the divider would need more time than all the rest.
ATELIER_INLINE FloatVector adam_value(FloatVector value, FloatVector first_moment, FloatVector second_moment,
                                      const Factors& factors) {
#if defined(__AVX512F__)
  // Of zero the reciprocal root would be infinite; the smallest normal number's, times zero, is zero.
  const __m512 positive = _mm512_maskz_max_ps(0xffff, (__m512)second_moment, _mm512_set1_ps(0x1p-126F));
  const auto reciprocal_root = (FloatVector)_mm512_maskz_rsqrt14_ps(0xffff, positive);
  // Newton's iterations: sqrt a = s (3 - s y) / 2 for s = a y, and 1 / d = r (2 - d r).
  const FloatVector root = second_moment * reciprocal_root;
  const FloatVector twice = negated_fma(root, reciprocal_root, broadcast(3.0F));
  const FloatVector denominator = fma(root * factors.root_factor, twice, factors.epsilon);
  const auto reciprocal = (FloatVector)_mm512_maskz_rcp14_ps(0xffff, (__m512)denominator);
  const FloatVector nearly_one = negated_fma(denominator, reciprocal, broadcast(2.0F));
  return fma(first_moment * reciprocal, nearly_one, value);
#else
  return value + first_moment / fma(square_root(second_moment), factors.root_factor, factors.epsilon);
#endif
}

/// A row of weights under a step. With SGD, `first` is the row's share of the change.
struct Row {
  float* value;
  float* first_moment;
  float* second_moment;
  FloatVector first;   // the weight of the input in the first moment
  FloatVector second;  // that of its square in the second
};

template <bool kAdam>
ATELIER_INLINE Row make_row(const ResidentMatrix& matrix, std::int64_t row, float delta,
                            const ResidentStep& step) {
  const std::int64_t start = row * matrix.pitch;
  if constexpr (kAdam)
    return {matrix.elements.value + start, matrix.elements.first_moment + start,
            matrix.elements.second_moment + start, broadcast(step.first_weight * delta),
            broadcast(step.second_weight * delta * delta)};
  else
    return {matrix.elements.value + start, nullptr, nullptr, broadcast(-step.learning_rate * delta),
            FloatVector{}};
}

/// The step of the weights at `i`, which are given; the new ones.
template <bool kAdam>
ATELIER_INLINE FloatVector step_weights(const Row& row, std::int64_t i, FloatVector weight,
                                        const ResidentInput& input, const Factors& factors) {
  if constexpr (kAdam) {
    const FloatVector first =
        fma(row.first, load(input.value + i), factors.beta1 * load(row.first_moment + i));
    const FloatVector second =
        fma(row.second, load(input.square + i), factors.beta2 * load(row.second_moment + i));
    store(row.first_moment + i, first);
    store(row.second_moment + i, second);
    weight = adam_value(weight, first, second, factors);
  } else {
    weight = fma(row.first, load(input.value + i), weight);
  }
  store(row.value + i, weight);
  return weight;
}

/// The sum of the lanes, by halves, in registers.
template <int kHalf = kLanes / 2>
ATELIER_INLINE float lane_sum(FloatVector value) {
  if constexpr (kHalf == 0) {
    return value[0];
  } else {
    Int32Vector partner;
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) partner[i] = i ^ kHalf;
    return lane_sum<kHalf / 2>(value + __builtin_shuffle(value, partner));
  }
}

// kRows rows from `row` on; every row's sum has the order of its columns, whatever kRows is.
template <int kRows, int kInputs>
ATELIER_INLINE void forward_rows(const ResidentMatrix& matrix, std::int64_t row,
                                 const ResidentProducts& products) {
  const float* weight[kRows];
  FloatVector sum[kInputs][kRows];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    weight[r] = matrix.elements.value + (row + r) * matrix.pitch;
    for (int n = 0; n < kInputs; ++n) sum[n][r] = FloatVector{};
  }
  for (std::int64_t i = 0; i < matrix.columns; i += kLanes) {
    FloatVector input[kInputs];
    for (int n = 0; n < kInputs; ++n) input[n] = load(products.input[n] + i);
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      const FloatVector w = load(weight[r] + i);
      for (int n = 0; n < kInputs; ++n) sum[n][r] = fma(w, input[n], sum[n][r]);
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r)
    for (int n = 0; n < kInputs; ++n) products.product[n][row + r] = lane_sum(sum[n][r]);
}

template <int kInputs>
void forward_all(const ResidentMatrix& matrix, std::int64_t begin, std::int64_t end,
                 const ResidentProducts& products) {
  std::int64_t row = begin;
  for (; row + 4 <= end; row += 4) forward_rows<4, kInputs>(matrix, row, products);
  for (; row < end; ++row) forward_rows<1, kInputs>(matrix, row, products);
}

void forward(const ResidentMatrix& matrix, std::int64_t begin, std::int64_t end,
             const ResidentProducts& products) {
  const SubnormalsAsZero scope;
  (products.count == 2 ? forward_all<2> : forward_all<1>)(matrix, begin, end, products);
}

template <bool kAdam, int kInputs>
void step_forward_all(const ResidentMatrix& matrix, std::int64_t begin, std::int64_t end, const float* delta,
                      const ResidentInput& input, const ResidentStep& step,
                      const ResidentProducts& products) {
  const Factors factors(step);
  const std::int64_t columns = matrix.columns;  // that no store can change
  for (std::int64_t r = begin; r < end; ++r) {
    const Row row = make_row<kAdam>(matrix, r, delta[r], step);
    FloatVector sum[kInputs] = {};
    for (std::int64_t i = 0; i < columns; i += kLanes) {
      const FloatVector w = step_weights<kAdam>(row, i, load(row.value + i), input, factors);
      for (int n = 0; n < kInputs; ++n) sum[n] = fma(w, load(products.input[n] + i), sum[n]);
    }
    for (int n = 0; n < kInputs; ++n) products.product[n][r] = lane_sum(sum[n]);
  }
}

void step_forward(const ResidentMatrix& matrix, std::int64_t begin, std::int64_t end, const float* delta,
                  const ResidentInput& input, const ResidentStep& step, const ResidentProducts& products) {
  const SubnormalsAsZero scope;
  if (matrix.elements.first_moment != nullptr)
    (products.count == 2 ? step_forward_all<true, 2> : step_forward_all<true, 1>)(matrix, begin, end, delta,
                                                                                  input, step, products);
  else
    (products.count == 2 ? step_forward_all<false, 2> : step_forward_all<false, 1>)(matrix, begin, end, delta,
                                                                                    input, step, products);
}

// A column's sum has the order of its rows, whatever kRows is.
template <int kRows>
ATELIER_INLINE void backward_rows(const ResidentMatrix& matrix, std::int64_t row, const float* delta,
                                  float* sum) {
  const float* weight[kRows];
  FloatVector row_delta[kRows];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    weight[r] = matrix.elements.value + (row + r) * matrix.pitch;
    row_delta[r] = broadcast(delta[row + r]);
  }
  for (std::int64_t i = 0; i < matrix.columns; i += kLanes) {
    FloatVector total = load(sum + i);
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) total = fma(row_delta[r], load(weight[r] + i), total);
    store(sum + i, total);
  }
}

void clear(float* values, std::int64_t count) {
  for (std::int64_t i = 0; i < count; i += kLanes) store(values + i, FloatVector{});
}

void backward(const ResidentMatrix& matrix, std::int64_t begin, std::int64_t end, const float* delta,
              float* sum) {
  const SubnormalsAsZero scope;
  clear(sum, matrix.columns);
  std::int64_t row = begin;
  for (; row + 4 <= end; row += 4) backward_rows<4>(matrix, row, delta, sum);
  for (; row < end; ++row) backward_rows<1>(matrix, row, delta, sum);
}

template <bool kAdam>
void backward_step_all(const ResidentMatrix& matrix, std::int64_t begin, std::int64_t end, const float* delta,
                       const ResidentInput& input, const ResidentStep& step, float* sum) {
  const Factors factors(step);
  const std::int64_t columns = matrix.columns;  // that no store can change
  for (std::int64_t r = begin; r < end; ++r) {
    const Row row = make_row<kAdam>(matrix, r, delta[r], step);
    const FloatVector row_delta = broadcast(delta[r]);
    for (std::int64_t i = 0; i < columns; i += kLanes) {
      const FloatVector weight = load(row.value + i);
      store(sum + i, fma(row_delta, weight, load(sum + i)));
      step_weights<kAdam>(row, i, weight, input, factors);
    }
  }
}

void backward_step(const ResidentMatrix& matrix, std::int64_t begin, std::int64_t end, const float* delta,
                   const ResidentInput& input, const ResidentStep& step, float* sum) {
  const SubnormalsAsZero scope;
  clear(sum, matrix.columns);
  (matrix.elements.first_moment != nullptr
       ? backward_step_all<true>
       : backward_step_all<false>)(matrix, begin, end, delta, input, step, sum);
}

void step_elements(const ResidentArray& elements, const float* gradient, std::int64_t begin, std::int64_t end,
                   const ResidentStep& step) {
  const SubnormalsAsZero scope;
  const Factors factors(step);
  for (std::int64_t i = begin; i < end; i += kLanes) {
    const std::int64_t count = least(kLanes, end - i);
    const FloatVector g = load_part(gradient + i, count);
    const FloatVector value = load_part(elements.value + i, count);
    if (elements.first_moment == nullptr) {
      store_part(elements.value + i, fma(broadcast(-step.learning_rate), g, value), count);
      continue;
    }
    const FloatVector first =
        fma(broadcast(step.first_weight), g, factors.beta1 * load_part(elements.first_moment + i, count));
    const FloatVector second = fma(broadcast(step.second_weight) * g, g,
                                   factors.beta2 * load_part(elements.second_moment + i, count));
    store_part(elements.first_moment + i, first, count);
    store_part(elements.second_moment + i, second, count);
    store_part(elements.value + i, adam_value(value, first, second, factors), count);
  }
}

// `value` in the lanes of a vector at `i` that lie before `width`, zero in the others.
ATELIER_INLINE FloatVector within(FloatVector value, std::int64_t i, std::int64_t width) {
  if (i + kLanes <= width) return value;
  return select(first_lanes(static_cast<int>(width > i ? width - i : 0)), value, FloatVector{});
}

void hidden_forward(const ResidentHidden& layer, const float* products, ResidentPass& pass) {
  const SubnormalsAsZero scope;
  DoubleVector sum{};
  float* const activation = layer.gamma.value == nullptr ? pass.output : pass.activation;
  for (std::int64_t i = 0; i < layer.padded; i += kLanes) {
    const FloatVector x = load(products + i) + load(layer.bias.value + i);
    const FloatVector a = within(activate(layer.activation, x), i, layer.width);
    store(pass.pre_activation + i, x);
    store(activation + i, a);
    sum += sum_of_halves(a);
  }
  if (layer.gamma.value == nullptr) return;
  const double mean = sum_of_lanes(sum) / static_cast<double>(layer.width);
  const FloatVector centre = broadcast(static_cast<float>(mean));
  sum = DoubleVector{};
  for (std::int64_t i = 0; i < layer.padded; i += kLanes) {
    const FloatVector difference = within(load(activation + i) - centre, i, layer.width);
    store(pass.normalised + i, difference);
    sum += sum_of_halves(difference * difference);
  }
  const double variance = sum_of_lanes(sum) / static_cast<double>(layer.width);
  pass.reciprocal_deviation = static_cast<float>(1.0 / __builtin_sqrt(variance + layer.epsilon));
  for (std::int64_t i = 0; i < layer.padded; i += kLanes) {
    const FloatVector normalised = load(pass.normalised + i) * pass.reciprocal_deviation;
    store(pass.normalised + i, normalised);
    store(pass.output + i, fma(normalised, load(layer.gamma.value + i), load(layer.beta.value + i)));
  }
}

void hidden_backward(const ResidentHidden& layer, const ResidentPass& pass, const float* gradient,
                     float* delta, float* gamma_gradient) {
  const SubnormalsAsZero scope;
  const bool normalised = layer.gamma.value != nullptr;
  DoubleVector sum{};
  DoubleVector weighted{};
  if (normalised)
    for (std::int64_t i = 0; i < layer.padded; i += kLanes) {
      const FloatVector n = load(pass.normalised + i);
      const FloatVector g = load(gradient + i);
      const FloatVector scaled = g * load(layer.gamma.value + i);
      sum += sum_of_halves(scaled);
      weighted += sum_of_halves(scaled * n);
      store(gamma_gradient + i, g * n);
    }
  const double width = static_cast<double>(layer.width);
  const FloatVector mean = broadcast(static_cast<float>(sum_of_lanes(sum) / width));
  const FloatVector weighted_mean = broadcast(static_cast<float>(sum_of_lanes(weighted) / width));
  const float* const activation = normalised ? pass.activation : pass.output;
  for (std::int64_t i = 0; i < layer.padded; i += kLanes) {
    FloatVector g = load(gradient + i);
    if (normalised) {
      const FloatVector rest = g * load(layer.gamma.value + i) - mean;
      g = negated_fma(load(pass.normalised + i), weighted_mean, rest) * pass.reciprocal_deviation;
    }
    const FloatVector slope =
        activation_derivative(layer.activation, load(pass.pre_activation + i), load(activation + i));
    store(delta + i, within(g * slope, i, layer.width));
  }
}

float dot(const float* a, const float* b, std::int64_t count) {
  DoubleVector sum{};
  for (std::int64_t i = 0; i < count; i += kLanes) sum += sum_of_halves(load(a + i) * load(b + i));
  return static_cast<float>(sum_of_lanes(sum));
}

void scale_elements(const float* from, float factor, float* to, std::int64_t count) {
  const SubnormalsAsZero scope;
  for (std::int64_t i = 0; i < count; i += kLanes) store(to + i, load(from + i) * factor);
}

void square_elements(const float* from, float* to, std::int64_t count) {
  const SubnormalsAsZero scope;
  for (std::int64_t i = 0; i < count; i += kLanes) {
    const FloatVector value = load(from + i);
    store(to + i, value * value);
  }
}

void sigmoid_elements(const float* sum, const float* bias, float* to, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; i += kLanes) {
    const std::int64_t count = least(kLanes, end - i);
    store_part(to + i, sigmoid(load_part(sum + i, count) + load_part(bias + i, count)), count);
  }
}

void add_parts(const float* rows, std::int64_t parts, std::int64_t pitch, const float* output, float* to,
               std::int64_t begin, std::int64_t end) {
  const SubnormalsAsZero scope;
  for (std::int64_t i = begin; i < end; i += kLanes) {
    const std::int64_t count = least(kLanes, end - i);
    FloatVector total{};
    for (std::int64_t part = 0; part < parts; ++part) total += load_part(rows + part * pitch + i, count);
    if (output != nullptr) {
      const FloatVector y = load_part(output + i, count);
      total *= y * (1 - y);
    }
    store_part(to + i, total, count);
  }
}

void picture(const std::uint8_t* pixels, float* to, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<float>(pixels[i]) / 255.0F;
}

}  // namespace

extern const BatchOneGanKernels batch_one_gan_kernels;
const BatchOneGanKernels batch_one_gan_kernels{
    forward,          step_forward,    backward, backward_step,  step_elements,
    hidden_forward,   hidden_backward, dot,      scale_elements, square_elements,
    sigmoid_elements, add_parts,       picture};

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET
