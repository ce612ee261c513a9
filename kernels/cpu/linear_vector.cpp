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

// Applies one activation to `count` vectors: a function for each, so that nothing is chosen in the loop.
template <Activation kKind>
void activate_run(float slope, FloatVector* value, int count) {
#pragma GCC unroll 2
  for (int i = 0; i < count; ++i) value[i] = activate<float>(kKind, slope, value[i]);
}

using ActivateRun = void (*)(float slope, FloatVector* value, int count);

// Entry [kind].
template <int kCount, int... kKinds>
struct ActivateRuns : ActivateRuns<kCount - 1, kCount - 1, kKinds...> {};
template <int... kKinds>
struct ActivateRuns<0, kKinds...> {
  static constexpr ActivateRun table[] = {activate_run<static_cast<Activation>(kKinds)>...};
};

void activate_all(ActivationFunction activation, FloatVector* value, int count) {
  if (activation.kind == Activation::identity) return;
  ActivateRuns<kActivationCount>::table[static_cast<int>(activation.kind)](activation.slope, value, count);
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
constexpr int kGroup = 16;

// A rectangle of `rows` rows and `vectors` vectors, kGroup vectors at most; the last vector of a row has
// `last` elements.
struct Group {
  int rows;
  int vectors;
  std::int64_t last;
};

// body(vector, its place in the rectangle, its elements), row by row.
template <class Body>
ATELIER_INLINE void for_each_vector(const Group& group, std::int64_t stride, FloatVector* value,
                                    const Body& body) {
  for (int row = 0; row < group.rows; ++row) {
    for (int v = 0; v < group.vectors - 1; ++v) body(*value++, row * stride + v * kLanes, kLanes);
    body(*value++, row * stride + (group.vectors - 1) * kLanes, group.last);
  }
}

ATELIER_INLINE void load_group(const Group& group, const float* from, std::int64_t stride,
                               FloatVector* value) {
  const auto read = [from](FloatVector & to, std::int64_t place, std::int64_t count)
      __attribute__((always_inline)) {
    to = load_part(from + place, count);
  };
  for_each_vector(group, stride, value, read);
}
ATELIER_INLINE void store_group(const Group& group, float* to, std::int64_t stride, FloatVector* value) {
  const auto write = [to](FloatVector from, std::int64_t place, std::int64_t count)
      __attribute__((always_inline)) {
    store_part(to + place, from, count);
  };
  for_each_vector(group, stride, value, write);
}

void finish(const LinearCall& call, std::int64_t row_begin, std::int64_t row_end, std::int64_t begin,
            std::int64_t end) {
  const bool keep = call.pre_activation.data != nullptr;
  if (!keep && call.activation.kind == Activation::identity) return;
  FloatVector value[kGroup];
  for (std::int64_t first = begin; first < end; first += kGroup * kLanes) {
    const std::int64_t columns = least(kGroup * kLanes, end - first);
    const int vectors = static_cast<int>((columns + kLanes - 1) / kLanes);
    const std::int64_t rows = kGroup / vectors;
    for (std::int64_t row = row_begin; row < row_end; row += rows) {
      const Group group{static_cast<int>(least(rows, row_end - row)), vectors,
                        columns - (vectors - 1) * kLanes};
      float* const output = &call.output(row, first);
      load_group(group, output, call.output.stride, value);
      if (keep) store_group(group, &call.pre_activation(row, first), call.pre_activation.stride, value);
      activate_all(call.activation, value, group.rows * vectors);
      store_group(group, output, call.output.stride, value);
    }
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

// Multiplies `count` vectors of output gradients by the activation's derivative at the values y and, unless
// it is null, the pre-activations x.
template <Activation kKind>
void derive_run(float slope, const FloatVector* x, const FloatVector* y, FloatVector* value, int count) {
  const ActivationFunction function{kKind, slope};
  if (x != nullptr)
    for (int i = 0; i < count; ++i) value[i] *= activation_derivative(function, x[i], y[i]);
  else
    for (int i = 0; i < count; ++i) value[i] *= derivative_from_value(function, y[i]);
}

using DeriveRun = void (*)(float slope, const FloatVector* x, const FloatVector* y, FloatVector* value,
                           int count);

// Entry [kind].
template <int kCount, int... kKinds>
struct DeriveRuns : DeriveRuns<kCount - 1, kCount - 1, kKinds...> {};
template <int... kKinds>
struct DeriveRuns<0, kKinds...> {
  static constexpr DeriveRun table[] = {derive_run<static_cast<Activation>(kKinds)>...};
};

// The delta of a rectangle from (row, first) on.
void derive(const LinearBackwardCall& call, const Group& group, std::int64_t row, std::int64_t first,
            FloatVector* value) {
  load_group(group, &call.output_gradient(row, first), call.output_gradient.stride, value);
  if (call.activation.kind == Activation::identity) return;
  FloatVector y[kGroup];
  FloatVector x[kGroup];
  const bool kept = call.pre_activation.data != nullptr;
  load_group(group, &call.output(row, first), call.output.stride, y);
  if (kept) load_group(group, &call.pre_activation(row, first), call.pre_activation.stride, x);
  DeriveRuns<kActivationCount>::table[static_cast<int>(call.activation.kind)](
      call.activation.slope, kept ? x : nullptr, y, value, group.rows * group.vectors);
}

void delta(const LinearBackwardCall& call, float* delta, std::int64_t stride, std::int64_t begin,
           std::int64_t end) {
  constexpr int kVectors = 4;
  const bool summed = call.bias_gradient.data != nullptr;
  const std::int64_t batch = call.output_gradient.rows;
  for (std::int64_t first = begin; first < end; first += kVectors * kLanes) {
    const std::int64_t columns = least(kVectors * kLanes, end - first);
    const int vectors = static_cast<int>((columns + kLanes - 1) / kLanes);
    const std::int64_t rows = kGroup / vectors;
    FloatVector sum[kVectors] = {};
    if (summed && call.accumulate)
      for (int v = 0; v < vectors; ++v)
        sum[v] = load_part(call.bias_gradient.data + first + v * kLanes, columns - v * kLanes);
    for (std::int64_t row = 0; row < batch; row += rows) {
      const Group group{static_cast<int>(least(rows, batch - row)), vectors,
                        columns - (vectors - 1) * kLanes};
      FloatVector value[kGroup];
      derive(call, group, row, first, value);
      if (delta != nullptr) store_group(group, delta + row * stride + first, stride, value);
      if (!summed) continue;
      for (int r = 0; r < group.rows; ++r)
        for (int v = 0; v < vectors; ++v) sum[v] += value[r * vectors + v];
    }
    if (summed)
      for (int v = 0; v < vectors; ++v)
        store_part(call.bias_gradient.data + first + v * kLanes, sum[v], columns - v * kLanes);
  }
}

void transpose_matrix(MatrixView<const float> from, float* to, std::int64_t stride, std::int64_t begin,
                      std::int64_t end) {
  for (std::int64_t column = begin; column < end; column += kLanes) {
    const std::int64_t columns = least(kLanes, end - column);
    for (std::int64_t row = 0; row < from.rows; row += kLanes) {
      const std::int64_t rows = least(kLanes, from.rows - row);
      FloatVector square[kLanes];
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i)
        square[i] = i < rows ? load_part(&from(row + i, column), columns) : FloatVector{};
      transpose<kLanes / 2>(square);
      for (std::int64_t i = 0; i < columns; ++i)
        store_part(to + (column + i) * stride + row, square[i], rows);
    }
  }
}

// kRows rows from `row` on.
template <int kRows, bool kSum, bool kProduct>
ATELIER_INLINE void single_rows(const SingleGradients& call, std::int64_t row, std::int64_t begin,
                                std::int64_t end) {
  FloatVector factor[kRows];
  const float* from[kRows];
  float* to[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    factor[r] = broadcast(call.delta[(row + r) * call.delta_step]);
    if (kSum) from[r] = &call.matrix(row + r, 0);
    if (kProduct) to[r] = &call.product(row + r, 0);
  }
  // The rows that follow are asked for while these are computed.
  const std::int64_t to_ahead = kRows * call.product.stride;
  const auto step = [&](std::int64_t i, std::int64_t count) __attribute__((always_inline)) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      if constexpr (kProduct) __builtin_prefetch(to[r] + to_ahead + i, 1);
    }
    if constexpr (kSum) {
      FloatVector sum = row > 0 || call.accumulate_sum ? load_part(call.sum + i, count) : FloatVector{};
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) sum = fma(factor[r], load_part(from[r] + i, count), sum);
      store_part(call.sum + i, sum, count);
    }
    if constexpr (kProduct) {
      const FloatVector value = load_part(call.vector + i, count);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r)
        store_part(
            to[r] + i,
            fma(factor[r], value, call.accumulate_product ? load_part(to[r] + i, count) : FloatVector{}),
            count);
    }
  };
  std::int64_t i = begin;
  for (; i + kLanes <= end; i += kLanes) step(i, kLanes);
  if (i < end) step(i, end - i);
}

template <bool kSum, bool kProduct>
void single_all(const SingleGradients& call, std::int64_t begin, std::int64_t end) {
  constexpr int kRows = 4;
  std::int64_t row = 0;
  for (; row + kRows <= call.rows; row += kRows) single_rows<kRows, kSum, kProduct>(call, row, begin, end);
  for (; row < call.rows; ++row) single_rows<1, kSum, kProduct>(call, row, begin, end);
}

void single(const SingleGradients& call, std::int64_t begin, std::int64_t end) {
  if (call.sum != nullptr && call.product.data != nullptr)
    single_all<true, true>(call, begin, end);
  else if (call.sum != nullptr)
    single_all<true, false>(call, begin, end);
  else
    single_all<false, true>(call, begin, end);
}

}  // namespace

extern const LinearKernels linear_kernels;
const LinearKernels linear_kernels{
    few, narrow, finish, finish_transposed, delta, transpose_matrix, single, kFewRows, kNarrowOutputs};

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET
