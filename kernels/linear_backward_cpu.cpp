#include <algorithm>

#include "kernels/cpu/linear_vector.h"
#include "kernels/linear_launch.h"
#include "kernels/matrix_product_cpu.h"
#include "runtime/parallel.h"

namespace atelier::cpu {
namespace {

// Outputs of one range of work on delta: a part of a row that is some cache lines.
constexpr std::int64_t kRun = 64;

std::int64_t divide_up(std::int64_t count, std::int64_t size) {
  return (count + size - 1) / size;
}

// Rows that lie a multiple of this many floats apart share few sets of the caches.
constexpr std::int64_t kBadStride = 256;

std::int64_t good_stride(std::int64_t columns) {
  const std::int64_t stride = divide_up(columns, 16) * 16;
  return stride % kBadStride == 0 ? stride + 16 : stride;
}

// delta[b, o], in the caller's room unless it is the output gradient itself; and the bias gradient.
MatrixView<const float> make_delta(const LinearBackwardCall& call) {
  const LinearKernels& set = linear_kernels();
  const std::int64_t batch = call.output_gradient.rows;
  const std::int64_t outputs = call.output_gradient.columns;
  const bool products = call.input_gradient.data != nullptr || call.weight_gradient.data != nullptr;
  MatrixView<float> delta{nullptr, batch, outputs, good_stride(outputs)};
  if (products && call.activation.kind != Activation::identity)
    delta.data = thread_room(Room::delta, std::max<std::int64_t>(batch * delta.stride, 1));
  if (delta.data != nullptr || call.bias_gradient.data != nullptr)
    parallel_for(divide_up(outputs, kRun), worthwhile_grain(4 * kRun * batch),
                 [&](std::int64_t begin, std::int64_t end) {
                   set.delta(call, delta.data, delta.stride, begin * kRun, std::min(end * kRun, outputs));
                 });
  return delta.data != nullptr ? MatrixView<const float>(delta) : call.output_gradient;
}

void single_backward(const SingleGradients& gradients, std::int64_t columns) {
  if (gradients.sum == nullptr && gradients.product.data == nullptr) return;
  constexpr std::int64_t kColumns = 256;
  parallel_for(divide_up(columns, kColumns), worthwhile_grain(4 * kColumns * gradients.rows),
               [&](std::int64_t begin, std::int64_t end) {
                 linear_kernels().single(gradients, begin * kColumns, std::min(end * kColumns, columns));
               });
}

void input_gradient(const LinearBackwardCall& call, MatrixView<const float> delta) {
  matrix_product({.rows = delta.rows,
                  .columns = call.weight.columns,
                  .depth = delta.columns,
                  .a = delta.data,
                  .a_row = delta.stride,
                  .a_depth = 1,
                  .b = call.weight.data,
                  .b_depth = call.weight.stride,
                  .b_column = 1,
                  .c = call.input_gradient.data,
                  .c_row = call.input_gradient.stride,
                  .column_start = nullptr,
                  .accumulate = false},
                 {});
}

void weight_gradient(const LinearBackwardCall& call, MatrixView<const float> delta) {
  MatrixProduct product{.rows = delta.columns,
                        .columns = call.input.columns,
                        .depth = delta.rows,
                        .a = delta.data,
                        .a_row = 1,
                        .a_depth = delta.stride,
                        .b = call.input.data,
                        .b_depth = call.input.stride,
                        .b_column = 1,
                        .c = call.weight_gradient.data,
                        .c_row = call.weight_gradient.stride,
                        .column_start = nullptr,
                        .accumulate = call.accumulate};
  // A tile walks down some columns of delta, on another page at every step. Where that is far, and the
  // product is worth it, delta is transposed.
  constexpr std::int64_t kFar = 100;
  constexpr std::int64_t kTall = 512;
  constexpr std::int64_t kWide = 256;
  if (delta.rows >= kTall && delta.stride >= kFar && call.input.columns >= kWide) {
    product.a_row = good_stride(delta.rows);
    product.a_depth = 1;
    float* const transposed = thread_room(Room::transposed, delta.columns * product.a_row);
    product.a = transposed;
    parallel_for(divide_up(delta.columns, kRun), worthwhile_grain(4 * kRun * delta.rows),
                 [&](std::int64_t begin, std::int64_t end) {
                   linear_kernels().transpose(delta, transposed, product.a_row, begin * kRun,
                                              std::min(end * kRun, delta.columns));
                 });
  }
  matrix_product(product, {});
}

void backward(const LinearBackwardCall& call) {
  const MatrixView<const float> delta = make_delta(call);
  if (delta.rows == 1)
    return single_backward({delta.data, 1, delta.columns, call.weight, call.input_gradient.data, false,
                            call.input.data, call.weight_gradient, call.accumulate},
                           call.weight.columns);
  if (delta.columns == 1)
    return single_backward({delta.data, delta.stride, delta.rows, call.input, call.weight_gradient.data,
                            call.accumulate, call.weight.data, call.input_gradient, false},
                           call.weight.columns);
  if (call.input_gradient.data != nullptr) input_gradient(call, delta);
  if (call.weight_gradient.data != nullptr) weight_gradient(call, delta);
}

}  // namespace

void linear_backward(Stream& stream, const LinearBackwardCall& call) {
  stream.enqueue("linear_backward", [call] { backward(call); });
}

}  // namespace atelier::cpu
