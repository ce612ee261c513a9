#include "kernels/cpu/linear_vector.h"

#include "kernels/cpu/activation_vector.h"
#include "kernels/cpu/simd.h"

namespace atelier::cpu::ATELIER_INSTRUCTION_SET {
namespace {

constexpr int kLanes = Simd<float>::lanes;
constexpr int kPanelVectors = 3;
constexpr int kPanelColumns = kPanelVectors * kLanes;
// Sums that the registers hold beside the panel's vectors and a broadcast.
constexpr int kSums = kVectorBytes == 64 ? 24 : 12;
constexpr int kFewRows = 12;

// The first `count` of a vector's lanes, zeros in the others; count <= kLanes.
FloatVector load_part(const float* from, std::int64_t count) {
  float lane[kLanes] = {};
  for (std::int64_t i = 0; i < count; ++i) lane[i] = from[i];
  return load(lane);
}

void store_part(float* to, FloatVector value, std::int64_t count) {
  if (count >= kLanes) {
    store(to, value);
    return;
  }
  float lane[kLanes];
  store(lane, value);
  for (std::int64_t i = 0; i < count; ++i) to[i] = lane[i];
}

// Applies the activation to `count` vectors. Not inlined: one copy of all activations is enough.
__attribute__((noinline)) void finish(ActivationFunction activation, FloatVector* value, int count) {
  if (activation.kind == Activation::identity) return;
  for (int i = 0; i < count; ++i) value[i] = activate(activation, value[i]);
}

std::int64_t least(std::int64_t a, std::int64_t b) {
  return a < b ? a : b;
}

// Exchanges the off-diagonal squares of kSquare x kSquare between two rows that lie kSquare apart: one step
// of a transposition. The compiler turns the constant lane choices into shuffles.
template <int kSquare>
ATELIER_INLINE void exchange(FloatVector& upper, FloatVector& lower) {
  Int32Vector choose_upper;
  Int32Vector choose_lower;
  for (int i = 0; i < kLanes; ++i) {
    choose_upper[i] = (i & kSquare) != 0 ? kLanes + i - kSquare : i;
    choose_lower[i] = (i & kSquare) != 0 ? kLanes + i : i + kSquare;
  }
  const FloatVector first = __builtin_shuffle(upper, lower, choose_upper);
  lower = __builtin_shuffle(upper, lower, choose_lower);
  upper = first;
}

template <int kSquare>
ATELIER_INLINE void transpose(FloatVector (&row)[kLanes]) {
  if constexpr (kSquare > 0) {
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i)
      if ((i & kSquare) == 0) exchange<kSquare>(row[i], row[i + kSquare]);
    transpose<kSquare / 2>(row);
  }
}

// Vectors that a panel needs: all but in the last one kPanelVectors.
int panel_vectors(const LinearCall& call, std::int64_t panel) {
  const std::int64_t left = call.weight.rows - panel * kPanelColumns;
  return static_cast<int>(least(kPanelVectors, (left + kLanes - 1) / kLanes));
}

void pack(const LinearCall& call, std::int64_t panel, float* packed) {
  const int vectors = panel_vectors(call, panel);
  const std::int64_t width = std::int64_t{vectors} * kLanes;
  const std::int64_t depth = call.weight.columns;
  for (int v = 0; v < vectors; ++v) {
    const std::int64_t first = panel * kPanelColumns + v * kLanes;
    const std::int64_t outputs = least(kLanes, call.weight.rows - first);
    float* to = packed + v * kLanes;
    store(to, call.bias.data != nullptr ? load_part(call.bias.data + first, outputs) : broadcast(0.0F));
    to += width;
    const float* from = call.weight.data + first * call.weight.stride;
    for (std::int64_t k = 0; k < depth; k += kLanes) {
      const std::int64_t inputs = least(kLanes, depth - k);
      FloatVector row[kLanes];
      for (int i = 0; i < kLanes; ++i) {
        if (i >= outputs)
          row[i] = broadcast(0.0F);
        else if (inputs == kLanes)
          row[i] = load(from + i * call.weight.stride + k);
        else
          row[i] = load_part(from + i * call.weight.stride + k, inputs);
      }
      transpose<kLanes / 2>(row);
      for (std::int64_t i = 0; i < inputs; ++i) store(to + (k + i) * width, row[i]);
    }
  }
}

// One rectangle of sums: kRows batch rows by kVectors vectors of outputs.
template <int kRows, int kVectors>
void multiply_rectangle(const LinearCall& call, const float* packed, std::int64_t row, std::int64_t column) {
  float* output = call.output.data + row * call.output.stride + column;
  const std::int64_t columns = call.output.columns - column;
  FloatVector sum[kRows][kVectors];
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kVectors; ++v) sum[r][v] = load(packed + v * kLanes);
  packed += kVectors * kLanes;
  const std::int64_t depth = call.input.columns;
  const std::int64_t stride = call.input.stride;
  const float* input = call.input.data + row * stride;
  for (std::int64_t k = 0; k < depth; ++k) {
    FloatVector weight[kVectors];
    for (int v = 0; v < kVectors; ++v) weight[v] = load(packed + v * kLanes);
    packed += kVectors * kLanes;
#pragma GCC unroll 24
    for (int r = 0; r < kRows; ++r) {
      const FloatVector value = broadcast(input[r * stride + k]);
      for (int v = 0; v < kVectors; ++v) sum[r][v] = fma(value, weight[v], sum[r][v]);
    }
  }
  finish(call.activation, &sum[0][0], kRows * kVectors);
  if (columns >= kVectors * kLanes) {
    for (int r = 0; r < kRows; ++r)
      for (int v = 0; v < kVectors; ++v) store(output + r * call.output.stride + v * kLanes, sum[r][v]);
  } else {
    for (int r = 0; r < kRows; ++r)
      for (int v = 0; v < kVectors; ++v)
        store_part(output + r * call.output.stride + v * kLanes, sum[r][v], columns - v * kLanes);
  }
}

template <int kVectors>
void multiply_rows(const LinearCall& call, const float* packed, std::int64_t column, std::int64_t row,
                   std::int64_t row_end) {
  constexpr int kRows = kSums / kVectors;
  for (; row + kRows <= row_end; row += kRows) multiply_rectangle<kRows, kVectors>(call, packed, row, column);
  if constexpr (kRows > 8)
    for (; row + 8 <= row_end; row += 8) multiply_rectangle<8, kVectors>(call, packed, row, column);
  if constexpr (kRows > 4)
    for (; row + 4 <= row_end; row += 4) multiply_rectangle<4, kVectors>(call, packed, row, column);
  for (; row + 2 <= row_end; row += 2) multiply_rectangle<2, kVectors>(call, packed, row, column);
  for (; row < row_end; ++row) multiply_rectangle<1, kVectors>(call, packed, row, column);
}

void multiply(const LinearCall& call, std::int64_t panel, const float* packed, std::int64_t row_begin,
              std::int64_t row_end) {
  const std::int64_t column = panel * kPanelColumns;
  switch (panel_vectors(call, panel)) {
    case 1:
      multiply_rows<1>(call, packed, column, row_begin, row_end);
      break;
    case 2:
      multiply_rows<2>(call, packed, column, row_begin, row_end);
      break;
    default:
      multiply_rows<3>(call, packed, column, row_begin, row_end);
      break;
  }
}

// Lane i of the result is the sum of the lanes of row i, added in a fixed tree.
FloatVector totals(FloatVector (&row)[kLanes]) {
  transpose<kLanes / 2>(row);
  for (int half = kLanes / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) row[i] += row[i + half];
  return row[0];
}

// Products, lane by lane, of kOutputs rows of the weights with kRows batch rows: sums[r][o].
template <int kRows, int kOutputs>
ATELIER_INLINE void dot_products(const LinearCall& call, std::int64_t row, std::int64_t output,
                                 FloatVector (&sums)[kRows][kLanes]) {
  FloatVector sum[kRows][kOutputs] = {};
  const std::int64_t depth = call.input.columns;
  const float* weight = call.weight.data + output * call.weight.stride;
  const float* inputs = call.input.data + row * call.input.stride;
  const auto add = [&](auto read, std::int64_t k) {
    FloatVector input[kRows];
    for (int r = 0; r < kRows; ++r) input[r] = read(inputs + r * call.input.stride + k);
#pragma GCC unroll 8
    for (int o = 0; o < kOutputs; ++o) {
      const FloatVector value = read(weight + o * call.weight.stride + k);
      for (int r = 0; r < kRows; ++r) sum[r][o] = fma(value, input[r], sum[r][o]);
    }
  };
  std::int64_t k = 0;
  for (; k + kLanes <= depth; k += kLanes) add([](const float* from) { return load(from); }, k);
  if (k < depth) {
    const std::int64_t left = depth - k;
    if (depth >= kLanes) {  // the row's last whole vector without the lanes that are counted already
      Int32Vector keep;
      for (int i = 0; i < kLanes; ++i) keep[i] = i >= kLanes - left ? -1 : 0;
      add([left, keep](const float* from) { return from_bits(bits(load(from + left - kLanes)) & keep); }, k);
    } else {
      add([left](const float* from) { return load_part(from, left); }, k);
    }
  }
  for (int r = 0; r < kRows; ++r)
    for (int o = 0; o < kOutputs; ++o) sums[r][o] = sum[r][o];
}

// `count` outputs, at most a vector's lanes, of kRows batch rows.
template <int kRows>
void multiply_few_rows(const LinearCall& call, std::int64_t row, std::int64_t first, std::int64_t count) {
  constexpr int kRoom = kSums / kRows;
  constexpr int kOutputs = kRoom >= 8 && kLanes >= 8 ? 8 : kRoom >= 4 ? 4 : 2;
  FloatVector sums[kRows][kLanes] = {};
  FloatVector part[kRows][kLanes];
  std::int64_t o = 0;
  for (; o + kOutputs <= count; o += kOutputs) {
    dot_products<kRows, kOutputs>(call, row, first + o, part);
    for (int r = 0; r < kRows; ++r)
      for (int i = 0; i < kOutputs; ++i) sums[r][o + i] = part[r][i];
  }
  for (; o < count; ++o) {
    dot_products<kRows, 1>(call, row, first + o, part);
    for (int r = 0; r < kRows; ++r) sums[r][o] = part[r][0];
  }
  const FloatVector bias =
      call.bias.data != nullptr ? load_part(call.bias.data + first, count) : broadcast(0.0F);
  FloatVector value[kRows];
  for (int r = 0; r < kRows; ++r) value[r] = totals(sums[r]) + bias;
  finish(call.activation, value, kRows);
  for (int r = 0; r < kRows; ++r)
    store_part(call.output.data + (row + r) * call.output.stride + first, value[r], count);
}

void multiply_few(const LinearCall& call, std::int64_t output_begin, std::int64_t output_end) {
  for (std::int64_t first = output_begin; first < output_end; first += kLanes) {
    const std::int64_t count = least(kLanes, output_end - first);
    for (std::int64_t row = 0; row < call.input.rows; row += 4) {
      switch (call.input.rows - row) {
        case 1:
          multiply_few_rows<1>(call, row, first, count);
          break;
        case 2:
          multiply_few_rows<2>(call, row, first, count);
          break;
        case 3:
          multiply_few_rows<3>(call, row, first, count);
          break;
        default:
          multiply_few_rows<4>(call, row, first, count);
          break;
      }
    }
  }
}

}  // namespace

extern const LinearKernels linear_kernels;
const LinearKernels linear_kernels{kPanelColumns, pack, multiply, multiply_few, kFewRows};

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET
