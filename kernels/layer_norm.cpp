#include "kernels/layer_norm.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "kernels/layer_norm_launch.h"
#include "runtime/error.h"

namespace atelier {
namespace {

template <class T>
std::string shape(MatrixView<T> view) {
  return fmt::format("[{}, {}]", view.rows, view.columns);
}

template <class T>
bool absent(MatrixView<T> view) {
  return view.data == nullptr || view.rows == 0 || view.columns == 0;
}
template <class T>
bool absent(VectorView<T> view) {
  return view.data == nullptr || view.size == 0;
}
template <class View>
View or_null(View view) {
  return absent(view) ? View{} : view;
}

class Check {
 public:
  Check(const char* call, const Stream& stream) : call_(call), stream_(stream) {}

  template <class... Arguments>
  [[noreturn]] void refuse(fmt::format_string<Arguments...> text, Arguments&&... arguments) const {
    throw InvalidArgument(fmt::format("{} on {}: {}", call_, stream_.device().name(),
                                      fmt::format(text, std::forward<Arguments>(arguments)...)));
  }

  template <class T>
  void strides(const char* name, MatrixView<T> view) const {
    if (view.rows < 0 || view.columns < 0)
      refuse("{} is {}; extents must not be negative", name, shape(view));
    if (view.rows > 1 && view.stride < view.columns)
      refuse("{} {} has a stride of {}; at least {} is needed", name, shape(view), view.stride, view.columns);
  }

  void input(MatrixView<const float> input) const {
    strides("input", input);
    if (input.columns == 0 && input.rows > 0)
      refuse("input is {}; a row without columns has no mean", shape(input));
  }

  template <class T>
  void alike(const char* name, MatrixView<T> view, MatrixView<const float> input) const {
    strides(name, view);
    if (view.rows != input.rows || view.columns != input.columns)
      refuse("{} is {}; input is {}, and both must have one shape", name, shape(view), shape(input));
  }

  template <class T>
  void size(const char* name, VectorView<T> view, std::int64_t size) const {
    if (view.size != size) refuse("{} has {} elements; {} are needed", name, view.size, size);
  }
  template <class T>
  void size_or_none(const char* name, VectorView<T> view, std::int64_t size) const {
    if (view.size != size && view.size != 0)
      refuse("{} has {} elements; {} or none are needed", name, view.size, size);
  }

 private:
  const char* call_;
  const Stream& stream_;
};

}  // namespace

void layer_norm_forward(Stream& stream, MatrixView<const float> input, VectorView<const float> gamma,
                        VectorView<const float> beta, double epsilon, MatrixView<float> output,
                        VectorView<float> mean, VectorView<float> reciprocal_deviation) {
  const Check check("layer_norm_forward", stream);
  check.input(input);
  check.alike("output", output, input);
  check.size_or_none("gamma", gamma, input.columns);
  check.size_or_none("beta", beta, input.columns);
  if (gamma.empty() != beta.empty())
    check.refuse("gamma has {} elements and beta {}; give both or neither", gamma.size, beta.size);
  check.size_or_none("mean", mean, input.rows);
  check.size_or_none("reciprocal_deviation", reciprocal_deviation, input.rows);
  if (mean.empty() != reciprocal_deviation.empty())
    check.refuse("mean has {} elements and reciprocal_deviation {}; give both or neither", mean.size,
                 reciprocal_deviation.size);
  const auto epsilon_used = static_cast<float>(epsilon);
  if (!(epsilon_used > 0.0F) || !std::isfinite(epsilon_used))
    check.refuse("epsilon is {}; it must be positive and finite in fp32", epsilon);
  if (input.rows == 0) return;
  ATELIER_DISPATCH(stream,
                   layer_norm_forward(stream, {input, or_null(gamma), or_null(beta), epsilon_used, output,
                                               or_null(mean), or_null(reciprocal_deviation)}));
}

void layer_norm_backward(Stream& stream, MatrixView<const float> input, VectorView<const float> gamma,
                         VectorView<const float> mean, VectorView<const float> reciprocal_deviation,
                         MatrixView<const float> output_gradient, LayerNormGradients gradients,
                         VectorView<float> scratch) {
  const Check check("layer_norm_backward", stream);
  check.input(input);
  check.alike("output_gradient", output_gradient, input);
  check.size_or_none("gamma", gamma, input.columns);
  check.size("mean", mean, input.rows);
  check.size("reciprocal_deviation", reciprocal_deviation, input.rows);
  if (!absent(gradients.input)) check.alike("the input's gradient", gradients.input, input);
  check.size_or_none("gamma's gradient", gradients.gamma, input.columns);
  check.size_or_none("beta's gradient", gradients.beta, input.columns);
  const std::int64_t needed = layer_norm_backward_scratch(input.rows, input.columns);
  if (scratch.size < needed)
    check.refuse("scratch has {} floats; layer_norm_backward_scratch({}, {}) asks for {}", scratch.size,
                 input.rows, input.columns, needed);
  const LayerNormBackwardCall call{input,
                                   or_null(gamma),
                                   mean,
                                   reciprocal_deviation,
                                   output_gradient,
                                   or_null(gradients.input),
                                   or_null(gradients.gamma),
                                   or_null(gradients.beta),
                                   gradients.accumulate,
                                   scratch};
  if (call.input_gradient.data == nullptr && call.gamma_gradient.data == nullptr &&
      call.beta_gradient.data == nullptr)
    return;
  ATELIER_DISPATCH(stream, layer_norm_backward(stream, call));
}

std::int64_t layer_norm_backward_scratch(std::int64_t rows, std::int64_t columns) {
  if (rows <= 0 || columns <= 0) return 0;
  const std::int64_t part_rows = layer_norm_part_rows(rows, columns);
  const std::int64_t parts =
      std::max({layer_norm_blocks(rows, columns, true), layer_norm_blocks(rows, columns, false),
                (rows + part_rows - 1) / part_rows});
  return 2 * columns * parts + (columns > kLayerNormBlockSingles ? kLayerNormRowSums * rows : 0);
}

}  // namespace atelier
