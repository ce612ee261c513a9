#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "kernels/linear.h"
#include "runtime/buffer.h"
#include "tests/devices.h"
#include "tests/kernels/activation_reference.h"
#include "tests/kernels/placed_matrix.h"

// A layer with all operands of linear_backward on a device, for its tests.
namespace atelier::testing::backward {

struct Problem {
  std::int64_t batch = 1;
  std::int64_t inputs = 1;
  std::int64_t outputs = 1;
  ActivationFunction activation{};
  bool from_output = false;  // pre_activation is not given
  bool accumulate = false;
  bool wants_input = true;
  bool wants_weight = true;
  bool wants_bias = true;
  Place place{};
  std::uint32_t seed = 1;

  [[nodiscard]] std::string text() const {
    return "batch " + std::to_string(batch) + ", inputs " + std::to_string(inputs) + ", outputs " +
           std::to_string(outputs) + ", " + std::string(activation_name(activation.kind)) +
           (from_output ? ", from the output" : "") + (accumulate ? ", accumulated" : "") + ", offset " +
           std::to_string(place.offset) + ", gap " + std::to_string(place.gap) + ", wanted " +
           std::to_string(wants_input) + std::to_string(wants_weight) + std::to_string(wants_bias);
  }
};

// The derivative at x by central differences of the definition, in double: error about 1e-10.
inline double reference_derivative(ActivationFunction activation, double x) {
  constexpr double kStep = 1e-5;
  return (reference_activation(activation, x + kStep) - reference_activation(activation, x - kStep)) /
         (2 * kStep);
}

// A layer on a device. The pre-activations are drawn, away from kinks; the outputs are theirs, rounded.
struct Layer {
  Layer(Stream& stream, const Problem& problem)
      : input(stream, problem.batch, problem.inputs, problem.place, kNan),
        weight(stream, problem.outputs, problem.inputs, {3 - problem.place.offset % 4, problem.place.gap},
               kNan),
        pre_activation(stream, problem.batch, problem.outputs, problem.place, kNan),
        output(stream, problem.batch, problem.outputs, {problem.place.gap % 4, problem.place.offset}, kNan),
        output_gradient(stream, problem.batch, problem.outputs, {1, problem.place.gap}, kNan),
        input_gradient(stream, problem.wants_input ? problem.batch : 0, problem.inputs, problem.place,
                       kCanary),
        weight_gradient(stream, problem.wants_weight ? problem.outputs : 0, problem.inputs, problem.place,
                        kCanary),
        bias_gradient(stream, 1, problem.wants_bias ? problem.outputs : 0, problem.place, kCanary),
        scratch(stream, linear_backward_scratch(problem.batch, problem.inputs, problem.outputs)) {
    std::mt19937 generator(problem.seed);
    input.randomise(generator, 1.0F);
    weight.randomise(generator, 1.0F);
    output_gradient.randomise(generator, 1.0F);
    pre_activation.randomise(generator, 2.5F);
    for (std::int64_t b = 0; b < problem.batch; ++b)
      for (std::int64_t o = 0; o < problem.outputs; ++o) {
        float& x = pre_activation.at(b, o);
        if (std::fabs(x) < 1e-3F) x = 0.5F;
        output.at(b, o) = static_cast<float>(reference_activation(problem.activation, x));
      }
    if (problem.accumulate) {
      weight_gradient.randomise(generator, 1.0F);
      bias_gradient.randomise(generator, 1.0F);
    }
    for (PlacedMatrix* matrix : {&input, &weight, &pre_activation, &output, &output_gradient, &input_gradient,
                                 &weight_gradient, &bias_gradient})
      matrix->to_device(stream);
    upload<float>(stream, scratch.view(), std::vector<float>(static_cast<std::size_t>(scratch.size()), kNan));
  }

  void backward(Stream& stream, const Problem& problem) {
    linear_backward(
        stream, input.view, weight.view, problem.activation,
        problem.from_output ? MatrixView<const float>() : MatrixView<const float>(pre_activation.view),
        problem.activation.kind == Activation::identity ? MatrixView<const float>()
                                                        : MatrixView<const float>(output.view),
        output_gradient.view,
        {input_gradient.view, weight_gradient.view, bias_gradient.view.row(0), problem.accumulate},
        scratch.view());
  }
  // All gradients, one after the other.
  std::vector<float> gradients(Stream& stream) {
    std::vector<float> all;
    for (PlacedMatrix* matrix : {&input_gradient, &weight_gradient, &bias_gradient}) {
      matrix->from_device(stream, kCanary);
      all.insert(all.end(), matrix->host.begin(), matrix->host.end());
    }
    return all;
  }

  PlacedMatrix input;
  PlacedMatrix weight;
  PlacedMatrix pre_activation;
  PlacedMatrix output;
  PlacedMatrix output_gradient;
  PlacedMatrix input_gradient;
  PlacedMatrix weight_gradient;
  PlacedMatrix bias_gradient;
  Buffer<float> scratch;
};

}  // namespace atelier::testing::backward
