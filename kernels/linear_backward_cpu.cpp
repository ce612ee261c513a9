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

// delta[b, o], in the caller's room unless it is the output gradient itself; and the bias gradient.
MatrixView<const float> make_delta(const LinearBackwardCall& call) {
  const LinearKernels& set = linear_kernels();
  const std::int64_t batch = call.output_gradient.rows;
  const std::int64_t outputs = call.output_gradient.columns;
  const bool products = call.input_gradient.data != nullptr || call.weight_gradient.data != nullptr;
  // The weight gradient walks down its columns.
  const bool badly_placed =
      call.weight_gradient.data != nullptr && batch > 32 && call.output_gradient.stride % kBadStride == 0;
  MatrixView<float> delta{nullptr, batch, outputs, divide_up(outputs, 16) * 16};
  if (products && (call.activation.kind != Activation::identity || badly_placed)) {
    if (delta.stride % kBadStride == 0) delta.stride += 16;
    delta.data = thread_room(Room::delta, std::max<std::int64_t>(batch * delta.stride, 1));
  }
  if (delta.data != nullptr || call.bias_gradient.data != nullptr)
    parallel_for(divide_up(outputs, kRun), worthwhile_grain(4 * kRun * batch),
                 [&](std::int64_t begin, std::int64_t end) {
                   set.delta(call, delta.data, delta.stride, begin * kRun, std::min(end * kRun, outputs));
                 });
  return delta.data != nullptr ? MatrixView<const float>(delta) : call.output_gradient;
}

void backward(const LinearBackwardCall& call) {
  const MatrixView<const float> delta = make_delta(call);
  if (call.input_gradient.data != nullptr)
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
  if (call.weight_gradient.data != nullptr)
    matrix_product({.rows = delta.columns,
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
                    .accumulate = call.accumulate},
                   {});
}

}  // namespace

void linear_backward(Stream& stream, const LinearBackwardCall& call) {
  stream.enqueue("linear_backward", [call] { backward(call); });
}

}  // namespace atelier::cpu
