#include <algorithm>

#include "kernels/cpu/linear_vector.h"
#include "kernels/linear_launch.h"
#include "kernels/matrix_product_cpu.h"
#include "runtime/instruction_set.h"
#include "runtime/parallel.h"

namespace atelier::cpu {
namespace {

std::int64_t divide_up(std::int64_t count, std::int64_t size) {
  return (count + size - 1) / size;
}

// Items are runs of 16 outputs (of batch rows, for narrow layers): whole vectors on every instruction set.
// Reading a weight costs about as much as four multiply-adds.
void multiply_by_dots(const LinearCall& call, bool by_outputs, const LinearKernels& set) {
  constexpr std::int64_t kRun = 16;
  const std::int64_t many = by_outputs ? call.weight.rows : call.input.rows;
  const std::int64_t few = by_outputs ? call.input.rows : call.weight.rows;
  parallel_for(divide_up(many, kRun), worthwhile_grain((few + 4) * kRun * call.input.columns),
               [&](std::int64_t begin, std::int64_t end) {
                 (by_outputs ? set.few : set.narrow)(call, begin * kRun, std::min(end * kRun, many));
               });
}

// Sums with outputs along the vectors: the weights are packed, transposed.
void multiply(const LinearCall& call, const LinearKernels& set) {
  const MatrixProduct product{.rows = call.input.rows,
                              .columns = call.weight.rows,
                              .depth = call.input.columns,
                              .a = call.input.data,
                              .a_row = call.input.stride,
                              .a_depth = 1,
                              .b = call.weight.data,
                              .b_depth = 1,
                              .b_column = call.weight.stride,
                              .c = call.output.data,
                              .c_row = call.output.stride,
                              .column_start = call.bias.data,
                              .accumulate = false};
  if (call.activation.kind == Activation::identity && call.pre_activation.data == nullptr)
    return matrix_product(product, {});
  matrix_product(product,
                 [&call, &set](std::int64_t row_begin, std::int64_t row_end, std::int64_t begin,
                               std::int64_t end) { set.finish(call, row_begin, row_end, begin, end); });
}

// Sums with batch rows along the vectors: the input is packed, transposed, and the weights are read where
// they lie; the sums are transposed back.
void multiply_transposed(const LinearCall& call, const LinearKernels& set) {
  constexpr std::int64_t kMostLanes = 16;
  const std::int64_t stride = divide_up(call.input.rows, kMostLanes) * kMostLanes;
  float* const sums = thread_room(Room::result, call.weight.rows * stride);
  const MatrixProduct product{.rows = call.weight.rows,
                              .columns = call.input.rows,
                              .depth = call.input.columns,
                              .a = call.weight.data,
                              .a_row = call.weight.stride,
                              .a_depth = 1,
                              .b = call.input.data,
                              .b_depth = 1,
                              .b_column = call.input.stride,
                              .c = sums,
                              .c_row = stride,
                              .column_start = nullptr,
                              .accumulate = false};
  matrix_product(product,
                 [&](std::int64_t begin, std::int64_t end, std::int64_t row_begin, std::int64_t row_end) {
                   set.finish_transposed(call, sums, stride, row_begin, row_end, begin, end);
                 });
}

void forward(const LinearCall& call) {
  const LinearKernels& set = linear_kernels();
  const std::int64_t batch = call.input.rows;
  const std::int64_t inputs = call.input.columns;
  const std::int64_t outputs = call.weight.rows;
  if (batch <= set.few_rows) return multiply_by_dots(call, true, set);
  if (outputs <= set.narrow_outputs) return multiply_by_dots(call, false, set);
  // Transposing costs the weights, outputs * inputs, or the input and, there and back, the output.
  if (batch * (inputs + 2 * outputs) < inputs * outputs) return multiply_transposed(call, set);
  multiply(call, set);
}

}  // namespace

const LinearKernels& linear_kernels() {
  switch (instruction_set()) {
#if defined(ATELIER_X86)
    case InstructionSet::avx512:
      return avx512::linear_kernels;
    case InstructionSet::avx2:
      return avx2::linear_kernels;
#endif
    default:
      return portable::linear_kernels;
  }
}

void linear_forward(Stream& stream, const LinearCall& call) {
  stream.enqueue("linear_forward", [call] { forward(call); });
}

}  // namespace atelier::cpu
