#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "kernels/linear.h"
#include "runtime/buffer.h"
#include "runtime/graph.h"
#include "runtime/parallel.h"
#include "tests/devices.h"
#include "tests/kernels/every_instruction_set.h"
#include "tests/kernels/linear_backward_layer.h"
#include "tests/kernels/placed_matrix.h"

namespace atelier {
namespace {

using testing::every_activation;
using testing::Place;
using testing::reference_activation;
using testing::WorstError;
using testing::backward::Layer;
using testing::backward::Problem;
using testing::backward::reference_derivative;

// A sum in double beside the size of its terms.
struct Sum {
  double value = 0;
  double magnitude = 0;
  std::int64_t terms = 0;
  void add(double term) {
    value += term;
    magnitude += std::fabs(term);
    ++terms;
  }
  // An error over what rounding allows: of the sum, and of each delta.
  [[nodiscard]] double excess(float got, double delta_error) const {
    const double bound = (static_cast<double>(terms + 3) * 0x1p-24 + delta_error) * magnitude + 1e-37;
    return std::fabs(got - value) / bound;
  }
};

// `samples` elements at most of each gradient are compared, the first and the last among them.
void expect_right(Stream& stream, const Problem& problem, std::int64_t samples = 100'000) {
  SCOPED_TRACE(problem.text());
  Layer layer(stream, problem);
  const std::vector<float> weight_start = layer.weight_gradient.host;
  const std::vector<float> bias_start = layer.bias_gradient.host;
  layer.backward(stream, problem);
  layer.gradients(stream);

  // The derivative's absolute error is bounded by 2e-6 and derivatives may be small, so delta is compared on
  // the scale of the output gradient.
  const auto delta = [&](std::int64_t b, std::int64_t o) {
    return static_cast<double>(layer.output_gradient.at(b, o)) *
           reference_derivative(problem.activation, layer.pre_activation.at(b, o));
  };
  const bool plain = problem.activation.kind == Activation::identity;
  std::vector<double> deltas(static_cast<std::size_t>(problem.batch * problem.outputs));
  for (std::int64_t b = 0; b < problem.batch; ++b)
    for (std::int64_t o = 0; o < problem.outputs; ++o)
      deltas[static_cast<std::size_t>(b * problem.outputs + o)] =
          plain ? static_cast<double>(layer.output_gradient.at(b, o)) : delta(b, o);
  const auto delta_at = [&](std::int64_t b, std::int64_t o) {
    return deltas[static_cast<std::size_t>(b * problem.outputs + o)];
  };
  const auto each = [&](std::int64_t rows, std::int64_t columns,
                        const std::function<void(std::int64_t, std::int64_t)>& body) {
    const std::int64_t all = rows * columns;
    const std::int64_t count = std::min(samples, all);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t place = count == 1 ? 0 : i * (all - 1) / (count - 1);
      body(place / columns, place % columns);
    }
  };
  WorstError input_excess;
  WorstError weight_excess;
  WorstError bias_excess;
  // The error of a delta, a share of the output gradient, weighs as much as that share in the sums.
  const double delta_error = plain ? 0.0 : 3e-6;
  if (problem.wants_input)
    each(problem.batch, problem.inputs, [&](std::int64_t b, std::int64_t i) {
      Sum sum;
      double scale = 0;
      for (std::int64_t o = 0; o < problem.outputs; ++o) {
        const double w = layer.weight.at(o, i);
        sum.add(delta_at(b, o) * w);
        scale += std::fabs(static_cast<double>(layer.output_gradient.at(b, o)) * w);
      }
      sum.magnitude = std::fmax(sum.magnitude, plain ? 0.0 : scale);
      input_excess.add(sum.excess(layer.input_gradient.at(b, i), delta_error));
    });
  if (problem.wants_weight)
    each(problem.outputs, problem.inputs, [&](std::int64_t o, std::int64_t i) {
      Sum sum;
      double scale = 0;
      if (problem.accumulate) sum.add(weight_start[layer.weight_gradient.index(o, i)]);
      for (std::int64_t b = 0; b < problem.batch; ++b) {
        const double x = layer.input.at(b, i);
        sum.add(delta_at(b, o) * x);
        scale += std::fabs(static_cast<double>(layer.output_gradient.at(b, o)) * x);
      }
      sum.magnitude = std::fmax(sum.magnitude, plain ? 0.0 : scale);
      weight_excess.add(sum.excess(layer.weight_gradient.at(o, i), delta_error));
    });
  if (problem.wants_bias)
    each(1, problem.outputs, [&](std::int64_t, std::int64_t o) {
      Sum sum;
      double scale = 0;
      if (problem.accumulate) sum.add(bias_start[layer.bias_gradient.index(0, o)]);
      for (std::int64_t b = 0; b < problem.batch; ++b) {
        sum.add(delta_at(b, o));
        scale += std::fabs(static_cast<double>(layer.output_gradient.at(b, o)));
      }
      sum.magnitude = std::fmax(sum.magnitude, plain ? 0.0 : scale);
      bias_excess.add(sum.excess(layer.bias_gradient.at(0, o), delta_error));
    });
  if (problem.wants_input && problem.batch * problem.inputs > 0) {
    EXPECT_LE(input_excess.value(), 1.0) << "input";
  }
  if (problem.wants_weight && problem.outputs * problem.inputs > 0) {
    EXPECT_LE(weight_excess.value(), 1.0) << "weight";
  }
  if (problem.wants_bias && problem.outputs > 0) {
    EXPECT_LE(bias_excess.value(), 1.0) << "bias";
  }
}

class LinearBackward : public atelier::testing::EveryInstructionSet {};

TEST_P(LinearBackward, EmptyExtents) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const bool accumulate : {false, true})
      for (const auto& [batch, inputs, outputs] : std::vector<std::array<std::int64_t, 3>>{
               {0, 5, 3}, {3, 5, 0}, {3, 0, 5}, {0, 0, 4}, {0, 0, 0}, {40, 0, 21}, {40, 33, 0}, {0, 100, 70}})
        expect_right(stream, {.batch = batch,
                              .inputs = inputs,
                              .outputs = outputs,
                              .activation = {Activation::tanh},
                              .accumulate = accumulate});
  });
}

TEST_P(LinearBackward, SampledShapes) {
  const std::vector<std::int64_t> sizes{1, 2, 10, 15, 16, 17, 31, 33, 64, 127, 200, 500, 1000};
  const std::vector<std::int64_t> batches{1, 2, 3, 15, 16, 17, 31, 33, 127, 1000};
  for_each_set([&] {
    Stream stream(GetParam());
    std::mt19937 generator(21);
    const auto pick = [&](const std::vector<std::int64_t>& from) { return from[generator() % from.size()]; };
    const std::int64_t most = slow() ? 2'000'000 : 30'000'000;
    int tried = 0;
    while (tried < (slow() ? 50 : 80)) {
      Problem problem{.batch = pick(batches), .inputs = pick(sizes), .outputs = pick(sizes)};
      if (problem.batch * problem.inputs * problem.outputs > most) continue;
      problem.activation = every_activation(static_cast<int>(generator() % kActivationCount));
      if (tried % 3 == 0) problem.activation = {};
      problem.accumulate = generator() % 3 == 0;
      problem.from_output = derivative_from_output(problem.activation) && generator() % 2 == 0;
      problem.seed = static_cast<std::uint32_t>(tried + 1);
      expect_right(stream, problem, 300);
      ++tried;
    }
  });
}

TEST_P(LinearBackward, EverySizeNearTheBorders) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (std::int64_t n = 1; n <= 36; ++n) {
      const Place place{n % 4, n % 3};
      expect_right(stream, {.batch = n, .inputs = 37, .outputs = 21, .place = place}, 200);
      expect_right(stream, {.batch = 35, .inputs = 70, .outputs = n, .place = place}, 200);
      expect_right(stream, {.batch = 14, .inputs = n, .outputs = 52, .place = place}, 200);
    }
    for (const std::int64_t n : {63, 64, 65, 95, 97, 191, 193, 385})
      expect_right(
          stream,
          {.batch = n, .inputs = 19, .outputs = 50, .activation = {Activation::tanh}, .from_output = true},
          200);
  });
}

TEST_P(LinearBackward, TallBatchAndLongRows) {
  for_each_set([&] {
    Stream stream(GetParam());
    expect_right(stream, {.batch = 65'537, .inputs = 3, .outputs = 5, .activation = {Activation::tanh}}, 100);
    expect_right(stream, {.batch = 2, .inputs = 65'537, .outputs = 3}, 100);
    expect_right(stream, {.batch = 2, .inputs = 3, .outputs = 65'537}, 100);
    if (slow()) return;
    for (const bool accumulate : {false, true})
      expect_right(stream, {.batch = 9'000, .inputs = 50, .outputs = 210, .accumulate = accumulate}, 100);
    // Rows a power of two apart.
    expect_right(stream, {.batch = 300, .inputs = 512, .outputs = 256}, 100);
  });
}

// Shapes that the GPU's kernels cut into tiles of 128 and 64, whole and with the sum in parts
// (linear_split.h).
TEST_P(LinearBackward, LargeTilesAndParts) {
  Stream stream(GetParam());
  const ActivationFunction tanh{Activation::tanh};
  expect_right(stream, {.batch = 15'301, .inputs = 99, .outputs = 9, .activation = tanh}, 5003);
  expect_right(stream, {.batch = 7'700, .inputs = 41, .outputs = 12, .wants_weight = false}, 5003);
  expect_right(stream, {.batch = 21, .inputs = 100, .outputs = 15'300, .wants_input = false}, 5003);
  expect_right(stream, {.batch = 40, .inputs = 36, .outputs = 7'700, .activation = tanh, .accumulate = true},
               5003);
  expect_right(stream, {.batch = 4'001, .inputs = 39, .outputs = 550, .wants_weight = false}, 2003);
  expect_right(stream, {.batch = 530, .inputs = 40, .outputs = 4'000, .wants_input = false}, 5003);
}

TEST_P(LinearBackward, EveryActivationAgainstCentralDifferences) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (int i = 0; i < kActivationCount; ++i)
      for (const std::int64_t batch : {1, 3, 50}) {
        const ActivationFunction activation = every_activation(i);
        expect_right(stream, {.batch = batch, .inputs = 20, .outputs = 40, .activation = activation});
        if (derivative_from_output(activation))
          expect_right(
              stream,
              {.batch = batch, .inputs = 20, .outputs = 40, .activation = activation, .from_output = true});
      }
  });
}

TEST_P(LinearBackward, AnyStrideAndAlignmentAndEveryWantedGradient) {
  for_each_set([&] {
    Stream stream(GetParam());
    std::mt19937 generator(7);
    for (int wanted = 0; wanted < 8; ++wanted)
      for (const std::int64_t batch : {1, 8, 33, 130})
        for (const std::int64_t inputs : {1, 30, 100}) {
          Problem problem{.batch = batch, .inputs = inputs, .outputs = inputs == 30 ? 65 : 7};
          problem.activation = {Activation::leaky_relu, 0.2F};
          problem.place = {static_cast<std::int64_t>(generator() % 4),
                           std::vector<std::int64_t>{0, 1, 3, 4, 12}[generator() % 5]};
          problem.accumulate = generator() % 2 == 0;
          problem.wants_input = (wanted & 1) != 0;
          problem.wants_weight = (wanted & 2) != 0;
          problem.wants_bias = (wanted & 4) != 0;
          expect_right(stream, problem);
        }
  });
}

// The whole layer, forward and backward, against central differences of its forward pass in double.
TEST_P(LinearBackward, LayerMatchesCentralDifferencesOfTheLoss) {
  Stream stream(GetParam());
  constexpr std::int64_t kBatch = 3;
  constexpr std::int64_t kInputs = 4;
  constexpr std::int64_t kOutputs = 5;
  for (int kind = 0; kind < kActivationCount; ++kind) {
    const ActivationFunction activation = every_activation(kind);
    SCOPED_TRACE(std::string(activation_name(activation.kind)));
    std::mt19937 generator(40 + static_cast<unsigned>(kind));
    std::uniform_real_distribution<float> draw(-1.0F, 1.0F);
    // input, weight, bias, and the factors of the loss sum_bo factor output.
    std::vector<float> parameters(kBatch * kInputs + kOutputs * kInputs + kOutputs);
    for (float& value : parameters) value = draw(generator);
    std::vector<float> factors(kBatch * kOutputs);
    for (float& value : factors) value = draw(generator);
    const auto loss = [&](const std::vector<double>& p) {
      double total = 0;
      for (std::size_t b = 0; b < kBatch; ++b)
        for (std::size_t o = 0; o < kOutputs; ++o) {
          double sum = p[kBatch * kInputs + kOutputs * kInputs + o];
          for (std::size_t i = 0; i < kInputs; ++i)
            sum += p[b * kInputs + i] * p[kBatch * kInputs + o * kInputs + i];
          total += static_cast<double>(factors[b * kOutputs + o]) * reference_activation(activation, sum);
        }
      return total;
    };

    Buffer<float> values(stream, static_cast<std::int64_t>(parameters.size()));
    Buffer<float> gradients(stream, values.size());
    Buffer<float> room(stream, 3 * kBatch * kOutputs);
    Buffer<float> scratch(stream, linear_backward_scratch(kBatch, kInputs, kOutputs));
    upload<float>(stream, values.view(), parameters);
    const auto cut = [&](float* data) {
      struct Cut {
        MatrixView<float> input;
        MatrixView<float> weight;
        VectorView<float> bias;
      };
      return Cut{matrix_view(data, kBatch, kInputs), matrix_view(data + kBatch * kInputs, kOutputs, kInputs),
                 VectorView<float>{data + kBatch * kInputs + kOutputs * kInputs, kOutputs}};
    };
    const auto view = cut(values.data());
    const auto gradient = cut(gradients.data());
    const MatrixView<float> pre_activation = matrix_view(room.data(), kBatch, kOutputs);
    const MatrixView<float> output = matrix_view(room.data() + kBatch * kOutputs, kBatch, kOutputs);
    const MatrixView<float> output_gradient =
        matrix_view(room.data() + 2 * kBatch * kOutputs, kBatch, kOutputs);
    upload<float>(stream, {output_gradient.data, kBatch * kOutputs}, factors);
    linear_forward(stream, view.input, view.weight, view.bias, activation, output, pre_activation);
    linear_backward(stream, view.input, view.weight, activation, pre_activation, output, output_gradient,
                    {gradient.input, gradient.weight, gradient.bias}, scratch.view());
    const std::vector<float> got = download<float>(stream, gradients.view());

    std::vector<double> point(parameters.begin(), parameters.end());
    WorstError worst;
    for (std::size_t i = 0; i < point.size(); ++i) {
      constexpr double kStep = 1e-6;
      const double middle = point[i];
      point[i] = middle + kStep;
      const double above = loss(point);
      point[i] = middle - kStep;
      const double below = loss(point);
      point[i] = middle;
      const double exact = (above - below) / (2 * kStep);
      worst.add(std::fabs(got[i] - exact) / std::fmax(1.0, std::fabs(exact)));
    }
    EXPECT_LE(worst.value(), 1e-5);
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, LinearBackward, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

}  // namespace
}  // namespace atelier
