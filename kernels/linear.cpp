#include "kernels/linear.h"

#include <fmt/format.h>

#include <string>

#include "kernels/linear_launch.h"
#include "runtime/error.h"

namespace atelier {
namespace {

template <class T>
std::string shape(MatrixView<T> view) {
  return fmt::format("[{}, {}]", view.rows, view.columns);
}

template <class T>
void check_matrix(const Stream& stream, const char* name, MatrixView<T> view) {
  if (view.rows < 0 || view.columns < 0)
    throw InvalidArgument(fmt::format("linear_forward on {}: {} is {}; extents must not be negative",
                                      stream.device().name(), name, shape(view)));
  if (view.rows > 1 && view.stride < view.columns)
    throw InvalidArgument(fmt::format("linear_forward on {}: {} {} has a stride of {}; at least {} is needed",
                                      stream.device().name(), name, shape(view), view.stride, view.columns));
}

}  // namespace

void linear_forward(Stream& stream, MatrixView<const float> input, MatrixView<const float> weight,
                    VectorView<const float> bias, ActivationFunction activation, MatrixView<float> output) {
  check_matrix(stream, "input", input);
  check_matrix(stream, "weight", weight);
  check_matrix(stream, "output", output);
  if (weight.columns != input.columns)
    throw InvalidArgument(
        fmt::format("linear_forward on {}: input {} and weight {} do not fit; weight must be [outputs, {}]",
                    stream.device().name(), shape(input), shape(weight), input.columns));
  if (output.rows != input.rows || output.columns != weight.rows)
    throw InvalidArgument(fmt::format(
        "linear_forward on {}: output is {}; input {} and weight {} make [{}, {}]", stream.device().name(),
        shape(output), shape(input), shape(weight), input.rows, weight.rows));
  if (!bias.empty() && bias.size != weight.rows)
    throw InvalidArgument(fmt::format("linear_forward on {}: bias has {} elements; {} or none are needed",
                                      stream.device().name(), bias.size, weight.rows));
  if (output.rows == 0 || output.columns == 0) return;
  if (bias.empty()) bias.data = nullptr;
  ATELIER_DISPATCH(stream, linear_forward(stream, LinearCall{input, weight, bias, output, activation}));
}

}  // namespace atelier
