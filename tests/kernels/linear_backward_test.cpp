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
#include "tests/kernels/activation_reference.h"
#include "tests/kernels/placed_matrix.h"

namespace atelier {
namespace {

using testing::different_bits;
using testing::every_activation;
using testing::kCanary;
using testing::kNan;
using testing::Place;
using testing::PlacedMatrix;
using testing::reference_activation;
using testing::WorstError;

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
double reference_derivative(ActivationFunction activation, double x) {
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

class LinearBackward : public ::testing::TestWithParam<Device> {
 protected:
  void for_each_set(const std::function<void()>& body) {
    testing::for_each_instruction_set(GetParam(), body);
  }
  [[nodiscard]] bool slow() const { return GetParam().kind() == DeviceKind::simt; }
};

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

TEST_P(LinearBackward, SameBitsForAnyThreadsAndTwice) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const Problem& problem :
         {Problem{.batch = 1, .inputs = 784, .outputs = 500},
          Problem{.batch = 31, .inputs = 300, .outputs = 400, .activation = {Activation::silu}},
          Problem{.batch = 700,
          .inputs = 64,
          .outputs = 100,
          .activation = {Activation::tanh},
          .accumulate = true},
          Problem{.batch = 64, .inputs = 100, .outputs = 500, .activation = {Activation::leaky_relu}}}) {
      SCOPED_TRACE(problem.text());
      std::vector<float> one;
      for (const int threads : {1, 1, 2, 3, 0}) {
        set_cpu_threads(threads);
        Layer layer(stream, problem);
        layer.backward(stream, problem);
        const std::vector<float> other = layer.gradients(stream);
        if (one.empty()) one = other;
        EXPECT_EQ(different_bits(one, other), 0U) << threads << " threads";
      }
      set_cpu_threads(0);
    }
  });
}

// A NaN spreads to what depends on it and no further.
TEST_P(LinearBackward, NanStaysWhereItBelongs) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const std::int64_t batch : {5, 40}) {
      const Problem problem{.batch = batch, .inputs = 21, .outputs = 18, .activation = {Activation::tanh}};
      Layer layer(stream, problem);
      layer.output_gradient.at(2, 17) = kNan;
      layer.output_gradient.to_device(stream);
      layer.backward(stream, problem);
      layer.gradients(stream);
      std::int64_t wrong = 0;
      for (std::int64_t i = 0; i < 21; ++i) {
        for (std::int64_t b = 0; b < batch; ++b)
          wrong += std::isnan(layer.input_gradient.at(b, i)) != (b == 2);
        for (std::int64_t o = 0; o < 18; ++o)
          wrong += std::isnan(layer.weight_gradient.at(o, i)) != (o == 17);
      }
      for (std::int64_t o = 0; o < 18; ++o) wrong += std::isnan(layer.bias_gradient.at(0, o)) != (o == 17);
      EXPECT_EQ(wrong, 0);
    }
  });
}

TEST_P(LinearBackward, ReplaysInAGraph) {
  Stream stream(GetParam());
  const Problem problem{.batch = 20, .inputs = 30, .outputs = 40, .activation = {Activation::tanh}};
  Layer layer(stream, problem);
  layer.backward(stream, problem);
  const std::vector<float> expected = layer.gradients(stream);
  stream.begin_capture();
  layer.backward(stream, problem);
  const Graph graph = stream.end_capture();
  for (int replay = 0; replay < 2; ++replay) {
    for (PlacedMatrix* matrix : {&layer.input_gradient, &layer.weight_gradient, &layer.bias_gradient})
      upload<float>(stream, matrix->buffer.view(), std::vector<float>(matrix->host.size(), kCanary));
    graph.launch(stream);
    EXPECT_EQ(different_bits(layer.gradients(stream), expected), 0U);
  }
}

TEST_P(LinearBackward, RefusesShapesThatDoNotFit) {
  Stream stream(GetParam());
  Buffer<float> buffer(stream, 4096);
  float* const data = buffer.data();
  struct Call {
    MatrixView<const float> input;
    MatrixView<const float> weight;
    ActivationFunction activation;
    MatrixView<const float> pre_activation;
    MatrixView<const float> output;
    MatrixView<const float> output_gradient;
    LinearGradients gradients;
    VectorView<float> scratch;
  };
  const Call good{matrix_view<const float>(data, 2, 3),
                  matrix_view<const float>(data, 4, 3),
                  {Activation::silu},
                  matrix_view<const float>(data, 2, 4),
                  matrix_view<const float>(data, 2, 4),
                  matrix_view<const float>(data, 2, 4),
                  {matrix_view(data, 2, 3), matrix_view(data, 4, 3), {data, 4}},
                  {data, 4096}};
  const auto message = [&](const std::function<void(Call&)>& change) -> std::string {
    Call call = good;
    change(call);
    try {
      linear_backward(stream, call.input, call.weight, call.activation, call.pre_activation, call.output,
                      call.output_gradient, call.gradients, call.scratch);
    } catch (const InvalidArgument& error) {
      return error.what();
    }
    return "nothing was thrown";
  };
  const std::string start = "linear_backward on " + GetParam().name() + ": ";
  EXPECT_EQ(message([&](Call& c) { c.weight.columns = c.weight.stride = 5; }),
            start + "input [2, 3] and weight [4, 5] do not fit; weight must be [outputs, 3]");
  EXPECT_EQ(message([&](Call& c) { c.output_gradient.rows = 3; }),
            start + "output_gradient is [3, 4]; [2, 4] is needed");
  EXPECT_EQ(message([&](Call& c) { c.pre_activation = {}; }),
            start + "the derivative of silu needs pre_activation, [2, 4]");
  EXPECT_EQ(message([&](Call& c) { c.pre_activation.columns = 3; }),
            start + "pre_activation is [2, 3]; [2, 4] or an empty view is needed");
  EXPECT_EQ(message([&](Call& c) { c.output = {}; }), start + "output is [0, 0]; [2, 4] is needed");
  EXPECT_EQ(message([&](Call& c) { c.gradients.input.columns = 2; }),
            start + "gradients.input is [2, 2]; [2, 3] or an empty view is needed");
  EXPECT_EQ(message([&](Call& c) { c.gradients.weight.stride = 2; }),
            start + "gradients.weight [4, 3] has a stride of 2; at least 3 is needed");
  EXPECT_EQ(message([&](Call& c) { c.gradients.bias.size = 3; }),
            start + "gradients.bias has 3 elements; 4 or none are needed");
  EXPECT_EQ(message([&](Call& c) { c.input.rows = -1; }),
            start + "input is [-1, 3]; extents must not be negative");
  const std::int64_t needed = linear_backward_scratch(2, 3, 4);
  ASSERT_GT(needed, 0);
  EXPECT_EQ(message([&](Call& c) { c.scratch = {}; }),
            start + "scratch has 0 elements; at least " + std::to_string(needed) + " are needed");
  EXPECT_EQ(message([&](Call& c) { c.gradients = {}; }), "nothing was thrown");
}

INSTANTIATE_TEST_SUITE_P(Devices, LinearBackward, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

}  // namespace
}  // namespace atelier
