#include <cstdint>

#include "kernels/activation_function.h"
#include "kernels/elementwise_launch.h"
#include "runtime/kernel.cuh"

namespace atelier::ATELIER_DEVICE_NAMESPACE {
namespace {

constexpr int kThreads = 256;

struct Place {
  std::int64_t row;
  std::int64_t column;
};

// Of the calling thread: one element each, rows one behind the other.
__device__ Place place_of_thread(std::int64_t rows, std::int64_t columns) {
  const std::int64_t index = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  return rows == 1 ? Place{index < columns ? 0 : 1, index} : Place{index / columns, index % columns};
}

__global__ void __launch_bounds__(kThreads)
    forward_kernel(MatrixView<const float> input, ActivationFunction activation, MatrixView<float> output) {
  const Place at = place_of_thread(input.rows, input.columns);
  if (at.row < input.rows) output(at.row, at.column) = activate(activation, input(at.row, at.column));
}

__global__ void __launch_bounds__(kThreads)
    backward_kernel(MatrixView<const float> input, MatrixView<const float> output,
                    ActivationFunction activation, MatrixView<const float> output_gradient,
                    MatrixView<float> input_gradient) {
  const Place at = place_of_thread(input.rows, input.columns);
  if (at.row < input.rows)
    input_gradient(at.row, at.column) =
        output_gradient(at.row, at.column) *
        activation_derivative(activation, input(at.row, at.column), output(at.row, at.column));
}

LaunchShape shape_for(MatrixView<const float> matrix) {
  const std::int64_t blocks = (matrix.rows * matrix.columns + kThreads - 1) / kThreads;
  return {dim3(static_cast<unsigned>(blocks)), dim3(kThreads)};
}

}  // namespace

void activation_forward(Stream& stream, MatrixView<const float> input, ActivationFunction activation,
                        MatrixView<float> output) {
  launch("activation_forward", stream, forward_kernel, shape_for(input), input, activation, output);
}

void activation_backward(Stream& stream, MatrixView<const float> input, MatrixView<const float> output,
                         ActivationFunction activation, MatrixView<const float> output_gradient,
                         MatrixView<float> input_gradient) {
  launch("activation_backward", stream, backward_kernel, shape_for(input), input, output, activation,
         output_gradient, input_gradient);
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
