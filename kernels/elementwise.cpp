#include "kernels/elementwise.h"

#include <fmt/format.h>

#include <initializer_list>

#include "kernels/elementwise_launch.h"
#include "runtime/error.h"

namespace atelier {
namespace {

struct Named {
  const char* name;
  MatrixView<const float> view;
};

void require_same_shape(const Stream& stream, const char* call, std::initializer_list<Named> matrices) {
  const MatrixView<const float> first = matrices.begin()->view;
  for (const Named& matrix : matrices) {
    if (matrix.view.rows != first.rows || matrix.view.columns != first.columns || first.rows < 0 ||
        first.columns < 0)
      throw InvalidArgument(fmt::format("{} on {}: {} is [{}, {}] and {} is [{}, {}]; they must be equal",
                                        call, stream.device().name(), matrices.begin()->name, first.rows,
                                        first.columns, matrix.name, matrix.view.rows, matrix.view.columns));
    if (matrix.view.rows > 1 && matrix.view.stride < matrix.view.columns)
      throw InvalidArgument(fmt::format("{} on {}: {} [{}, {}] has a stride of {}; at least {} is needed",
                                        call, stream.device().name(), matrix.name, matrix.view.rows,
                                        matrix.view.columns, matrix.view.stride, matrix.view.columns));
  }
}

/// All matrices as one row where none of them has gaps between rows.
template <class... Views>
void flatten(Views&... views) {
  if (!((views.stride == views.columns) && ...)) return;
  ((views.columns *= views.rows, views.rows = 1, views.stride = views.columns), ...);
}

}  // namespace

void activation_forward(Stream& stream, MatrixView<const float> input, ActivationFunction activation,
                        MatrixView<float> output) {
  require_same_shape(stream, "activation_forward", {{"input", input}, {"output", output}});
  if (output.rows == 0 || output.columns == 0) return;
  flatten(input, output);
  ATELIER_DISPATCH(stream, activation_forward(stream, input, activation, output));
}

void activation_backward(Stream& stream, MatrixView<const float> input, MatrixView<const float> output,
                         ActivationFunction activation, MatrixView<const float> output_gradient,
                         MatrixView<float> input_gradient) {
  require_same_shape(stream, "activation_backward",
                     {{"input", input},
                      {"output", output},
                      {"output_gradient", output_gradient},
                      {"input_gradient", input_gradient}});
  if (input.rows == 0 || input.columns == 0) return;
  flatten(input, output, output_gradient, input_gradient);
  ATELIER_DISPATCH(stream,
                   activation_backward(stream, input, output, activation, output_gradient, input_gradient));
}

}  // namespace atelier
