#include "kernels/cpu/linear_vector.h"

#include "kernels/cpu/activation_derivative_vector.h"
#include "kernels/cpu/activation_vector.h"
#include "kernels/cpu/vector_part.h"

namespace atelier::cpu::ATELIER_INSTRUCTION_SET {
namespace {

// Sums that the registers hold beside the operands.
constexpr int kSums = kVectorBytes == 64 ? 24 : 12;
constexpr int kFewRows = 12;
constexpr int kNarrowOutputs = 4;

// Applies the activation to `count` vectors. Not inlined: one copy of all activations is enough.
__attribute__((noinline)) void activate_all(ActivationFunction activation, FloatVector* value, int count) {
  if (activation.kind == Activation::identity) return;
  for (int i = 0; i < count; ++i) value[i] = activate(activation, value[i]);
}

// Lane i of the result is the sum of the lanes of row i, added in a fixed tree.
FloatVector totals(FloatVector (&row)[kLanes]) {
  transpose<kLanes / 2>(row);
  for (int half = kLanes / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) row[i] += row[i + half];
  return row[0];
}

// Dot products between the rows of two matrices of the same depth, of which one has few.
struct Dots {
  MatrixView<const float> few;
  MatrixView<const float> many;
};

// Products, lane by lane, of kMany rows with kFew rows: sums[f][m].
template <int kFew, int kMany>
ATELIER_INLINE void dot_products(const Dots& dots, std::int64_t few_row, std::int64_t many_row,
                                 FloatVector (&sums)[kFew][kLanes], int place) {
  FloatVector sum[kFew][kMany];
#pragma GCC unroll 4
  for (int f = 0; f < kFew; ++f)
#pragma GCC unroll 8
    for (int m = 0; m < kMany; ++m) sum[f][m] = FloatVector{};
  const std::int64_t depth = dots.few.columns;
  const float* const few = dots.few.data + few_row * dots.few.stride;
  const float* const many = dots.many.data + many_row * dots.many.stride;
  const auto add = [&](auto read, std::int64_t k) {
    FloatVector value[kFew];
#pragma GCC unroll 4
    for (int f = 0; f < kFew; ++f) value[f] = read(few + f * dots.few.stride + k);
#pragma GCC unroll 8
    for (int m = 0; m < kMany; ++m) {
      const FloatVector other = read(many + m * dots.many.stride + k);
#pragma GCC unroll 4
      for (int f = 0; f < kFew; ++f) sum[f][m] = fma(other, value[f], sum[f][m]);
    }
  };
  std::int64_t k = 0;
  for (; k + kLanes <= depth; k += kLanes) add([](const float* from) { return load(from); }, k);
  if (k < depth) add([left = depth - k](const float* from) { return load_part(from, left); }, k);
#pragma GCC unroll 4
  for (int f = 0; f < kFew; ++f)
#pragma GCC unroll 8
    for (int m = 0; m < kMany; ++m) sums[f][place + m] = sum[f][m];
}

// kFew rows with `count` rows, at most a vector's lanes: lane m of value[f].
template <int kFew>
ATELIER_INLINE void dot_block(const Dots& dots, std::int64_t few_row, std::int64_t many_row, int count,
                              FloatVector (&value)[kFew]) {
  constexpr int kRoom = kSums / kFew;
  constexpr int kMany = kRoom >= 8 && kLanes >= 8 ? 8 : kRoom >= 4 ? 4 : 2;
  FloatVector sums[kFew][kLanes] = {};
  int m = 0;
  for (; m + kMany <= count; m += kMany) dot_products<kFew, kMany>(dots, few_row, many_row + m, sums, m);
  for (; m < count; ++m) dot_products<kFew, 1>(dots, few_row, many_row + m, sums, m);
  for (int f = 0; f < kFew; ++f) value[f] = totals(sums[f]);
}

template <int kFew>
void few_block(const LinearCall& call, std::int64_t row, std::int64_t first, int count) {
  const FloatVector bias =
      call.bias.data != nullptr ? load_part(call.bias.data + first, count) : broadcast(0.0F);
  FloatVector value[kFew];
  dot_block<kFew>({call.input, call.weight}, row, first, count, value);
  for (int r = 0; r < kFew; ++r) {
    value[r] += bias;
    if (call.pre_activation.data != nullptr)
      store_part(&call.pre_activation(row + r, first), value[r], count);
  }
  activate_all(call.activation, value, kFew);
  for (int r = 0; r < kFew; ++r) store_part(&call.output(row + r, first), value[r], count);
}

void few(const LinearCall& call, std::int64_t begin, std::int64_t end) {
  constexpr void (*kBlocks[])(const LinearCall&, std::int64_t, std::int64_t, int) = {
      few_block<1>, few_block<2>, few_block<3>, few_block<4>};
  for (std::int64_t first = begin; first < end; first += kLanes)
    for (std::int64_t row = 0; row < call.input.rows; row += 4)
      kBlocks[least(call.input.rows - row, 4) - 1](call, row, first,
                                                   static_cast<int>(least(kLanes, end - first)));
}

template <int kFew>
void narrow_block(const LinearCall& call, std::int64_t output, std::int64_t row, int count) {
  FloatVector value[kFew];
  dot_block<kFew>({call.weight, call.input}, output, row, count, value);
  if (call.bias.data != nullptr)
    for (int o = 0; o < kFew; ++o) value[o] += call.bias[output + o];
  if (call.pre_activation.data != nullptr)
    for (int o = 0; o < kFew; ++o)
      for (int r = 0; r < count; ++r) call.pre_activation(row + r, output + o) = value[o][r];
  activate_all(call.activation, value, kFew);
  for (int o = 0; o < kFew; ++o)
    for (int r = 0; r < count; ++r) call.output(row + r, output + o) = value[o][r];
}

void narrow(const LinearCall& call, std::int64_t begin, std::int64_t end) {
  constexpr void (*kBlocks[])(const LinearCall&, std::int64_t, std::int64_t, int) = {
      narrow_block<1>, narrow_block<2>, narrow_block<3>, narrow_block<4>};
  for (std::int64_t row = begin; row < end; row += kLanes)
    for (std::int64_t output = 0; output < call.weight.rows; output += 4)
      kBlocks[least(call.weight.rows - output, 4) - 1](call, output, row,
                                                       static_cast<int>(least(kLanes, end - row)));
}

// Vectors that share a call of activate_all.
constexpr int kGroup = 8;

void finish(const LinearCall& call, std::int64_t row_begin, std::int64_t row_end, std::int64_t begin,
            std::int64_t end) {
  const bool keep = call.pre_activation.data != nullptr;
  if (!keep && call.activation.kind == Activation::identity) return;
  FloatVector value[kGroup];
  for (std::int64_t row = row_begin; row < row_end; ++row)
    for (std::int64_t first = begin; first < end; first += kGroup * kLanes) {
      float* const output = &call.output(row, first);
      const std::int64_t columns = least(kGroup * kLanes, end - first);
      const int vectors = static_cast<int>((columns + kLanes - 1) / kLanes);
      for (int v = 0; v < vectors; ++v) value[v] = load_part(output + v * kLanes, columns - v * kLanes);
      if (keep)
        for (int v = 0; v < vectors; ++v)
          store_part(&call.pre_activation(row, first) + v * kLanes, value[v], columns - v * kLanes);
      activate_all(call.activation, value, vectors);
      for (int v = 0; v < vectors; ++v) store_part(output + v * kLanes, value[v], columns - v * kLanes);
    }
}

void finish_transposed(const LinearCall& call, const float* sums, std::int64_t stride, std::int64_t row_begin,
                       std::int64_t row_end, std::int64_t begin, std::int64_t end) {
  for (std::int64_t first = begin; first < end; first += kLanes) {
    const std::int64_t outputs = least(kLanes, end - first);
    const FloatVector bias =
        call.bias.data != nullptr ? load_part(call.bias.data + first, outputs) : broadcast(0.0F);
    for (std::int64_t row = row_begin; row < row_end; row += kLanes) {
      const std::int64_t rows = least(kLanes, row_end - row);
      FloatVector value[kLanes];
      if (outputs == kLanes) {
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; ++i) value[i] = load(sums + (first + i) * stride + row);
      } else {
        for (int i = 0; i < kLanes; ++i)
          value[i] = i < outputs ? load(sums + (first + i) * stride + row) : FloatVector{};
      }
      transpose<kLanes / 2>(value);
      for (int i = 0; i < kLanes; ++i) value[i] += bias;
      if (call.pre_activation.data != nullptr)
        for (std::int64_t i = 0; i < rows; ++i)
          store_part(&call.pre_activation(row + i, first), value[i], outputs);
      activate_all(call.activation, value, static_cast<int>(rows));
      for (std::int64_t i = 0; i < rows; ++i) store_part(&call.output(row + i, first), value[i], outputs);
    }
  }
}

// `count` vectors of one row's delta. Not inlined, as activate_all.
__attribute__((noinline)) void make_delta(const LinearBackwardCall& call, std::int64_t row,
                                          std::int64_t first, std::int64_t columns, FloatVector* value,
                                          int count) {
  for (int v = 0; v < count; ++v)
    value[v] = load_part(&call.output_gradient(row, first) + v * kLanes, columns - v * kLanes);
  if (call.activation.kind == Activation::identity) return;
  for (int v = 0; v < count; ++v) {
    const FloatVector y = load_part(&call.output(row, first) + v * kLanes, columns - v * kLanes);
    value[v] *= call.pre_activation.data == nullptr
                    ? derivative_from_value(call.activation, y)
                    : activation_derivative(
                          call.activation,
                          load_part(&call.pre_activation(row, first) + v * kLanes, columns - v * kLanes), y);
  }
}

void delta(const LinearBackwardCall& call, float* delta, std::int64_t stride, std::int64_t begin,
           std::int64_t end) {
  constexpr int kVectors = 4;
  for (std::int64_t first = begin; first < end; first += kVectors * kLanes) {
    const std::int64_t columns = least(kVectors * kLanes, end - first);
    const int count = static_cast<int>((columns + kLanes - 1) / kLanes);
    FloatVector sum[kVectors] = {};
    const bool summed = call.bias_gradient.data != nullptr;
    if (summed && call.accumulate)
      for (int v = 0; v < count; ++v)
        sum[v] = load_part(call.bias_gradient.data + first + v * kLanes, columns - v * kLanes);
    FloatVector value[kVectors] = {};
    for (std::int64_t row = 0; row < call.output_gradient.rows; ++row) {
      make_delta(call, row, first, columns, value, count);
      for (int v = 0; v < kVectors; ++v) sum[v] += value[v];
      if (delta != nullptr)
        for (int v = 0; v < count; ++v)
          store_part(delta + row * stride + first + v * kLanes, value[v], columns - v * kLanes);
    }
    if (summed)
      for (int v = 0; v < count; ++v)
        store_part(call.bias_gradient.data + first + v * kLanes, sum[v], columns - v * kLanes);
  }
}

}  // namespace

extern const LinearKernels linear_kernels;
const LinearKernels linear_kernels{few, narrow, finish, finish_transposed, delta, kFewRows, kNarrowOutputs};

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET
