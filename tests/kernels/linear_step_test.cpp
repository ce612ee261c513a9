#include "kernels/linear_step.h"
#include "tests/kernels/every_instruction_set.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "kernels/linear.h"
#include "kernels/optimizer.h"
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
using testing::PlacedMatrix;
using testing::reference_activation;
using testing::WorstError;

struct Problem {
  std::int64_t inputs = 1;
  std::int64_t outputs = 1;
  bool adam = false;
  ActivationFunction activation{};
  bool from_output = false;
  bool bias = true;
  bool wants_input = true;
  std::int64_t offset = 0;  // of every tensor, in floats, and the gap between rows of the weights
  std::uint32_t seed = 1;

  [[nodiscard]] std::string text() const {
    return std::string(adam ? "adam" : "sgd") + ", inputs " + std::to_string(inputs) + ", outputs " +
           std::to_string(outputs) + ", " + std::string(activation_name(activation.kind)) +
           (from_output ? ", from the output" : "") + (bias ? "" : ", no bias") +
           (wants_input ? "" : ", no input gradient") + ", offset " + std::to_string(offset);
  }
};

constexpr float kLearningRate = 0.03F;
constexpr std::uint64_t kStep = 7;

// A layer and its moments on a device; what lies around them is kCanary.
struct Layer {
  Layer(Stream& stream, const Problem& problem)
      : input(stream, 1, problem.inputs, {problem.offset, 0}, kNan),
        weight(stream, problem.outputs, problem.inputs, {problem.offset, problem.offset}, kCanary),
        bias(stream, 1, problem.bias ? problem.outputs : 0, {problem.offset, 0}, kCanary),
        weight_first(stream, problem.outputs, problem.inputs, {1, problem.offset}, kCanary),
        weight_second(stream, problem.outputs, problem.inputs, {problem.offset, 2}, kCanary),
        bias_first(stream, 1, bias.view.columns, {2, 0}, kCanary),
        bias_second(stream, 1, bias.view.columns, {problem.offset, 0}, kCanary),
        pre_activation(stream, 1, problem.outputs, {problem.offset, 0}, kNan),
        output(stream, 1, problem.outputs, {1, 0}, kNan),
        output_gradient(stream, 1, problem.outputs, {problem.offset, 0}, kNan),
        input_gradient(stream, 1, problem.wants_input ? problem.inputs : 0, {problem.offset, 0}, kCanary),
        learning_rate(stream, 1),
        counter(stream, 1),
        scratch(stream, linear_step_scratch(problem.inputs, problem.outputs)),
        backward_scratch(stream, linear_backward_scratch(1, problem.inputs, problem.outputs)) {
    std::mt19937 generator(problem.seed);
    for (PlacedMatrix* matrix :
         {&input, &weight, &bias, &weight_first, &bias_first, &output_gradient, &pre_activation})
      matrix->randomise(generator, 1.0F);
    for (PlacedMatrix* matrix : {&weight_second, &bias_second}) {
      matrix->randomise(generator, 1.0F);
      for (std::size_t i = 0; i < matrix->host.size(); ++i)
        if (matrix->inside(i)) matrix->host[i] = std::fabs(matrix->host[i]);
    }
    for (std::int64_t o = 0; o < problem.outputs; ++o) {
      float& x = pre_activation.at(0, o);
      if (std::fabs(x) < 1e-3F) x = 0.5F;
      output.at(0, o) = static_cast<float>(reference_activation(problem.activation, x));
    }
    for (PlacedMatrix* matrix : {&input, &weight, &bias, &weight_first, &weight_second, &bias_first,
                                 &bias_second, &pre_activation, &output, &output_gradient, &input_gradient})
      matrix->to_device(stream);
    upload<float>(stream, learning_rate.view(), std::vector<float>{kLearningRate});
    upload<std::uint64_t>(stream, counter.view(), std::vector<std::uint64_t>{kStep - 2});
    upload<float>(stream, scratch.view(), std::vector<float>(static_cast<std::size_t>(scratch.size()), kNan));
  }

  [[nodiscard]] AdamSettings adam_settings() const {
    return {learning_rate.data(), 0.9, 0.999, 1e-8, {counter.data(), 1, 2}};
  }
  [[nodiscard]] LinearStep layer(const Problem& problem) const {
    return {
        input.view.row(0),
        weight.view,
        bias.view.row(0),
        problem.activation,
        problem.from_output ? VectorView<const float>() : VectorView<const float>(pre_activation.view.row(0)),
        problem.activation.kind == Activation::identity ? VectorView<const float>()
                                                        : VectorView<const float>(output.view.row(0)),
        output_gradient.view.row(0),
        input_gradient.view.row(0)};
  }
  void step(Stream& stream, const Problem& problem) const {
    if (problem.adam)
      linear_backward_adam(
          stream, layer(problem),
          {weight_first.view, weight_second.view, bias_first.view.row(0), bias_second.view.row(0)},
          adam_settings(), scratch.view());
    else
      linear_backward_sgd(stream, layer(problem), {learning_rate.data()}, scratch.view());
  }
  // The same by linear_backward and sgd_step or adam_step, a row at a time.
  void step_apart(Stream& stream, const Problem& problem) const {
    const Buffer<float> gradient(stream, problem.outputs * problem.inputs);
    const Buffer<float> bias_gradient(stream, bias.view.columns);
    const LinearStep all = layer(problem);
    const auto matrix = [&](VectorView<const float> row) {
      return MatrixView<const float>{row.data, row.empty() ? 0 : 1, row.size, row.size};
    };
    linear_backward(
        stream, {input.view.data, 1, problem.inputs, problem.inputs}, weight.view, problem.activation,
        matrix(all.pre_activation), matrix(all.output),
        {output_gradient.view.data, 1, problem.outputs, problem.outputs},
        {input_gradient.view, gradient.matrix(problem.outputs, problem.inputs), bias_gradient.view()},
        backward_scratch.view());
    const auto update = [&](VectorView<float> parameters, VectorView<const float> gradients,
                            VectorView<float> first, VectorView<float> second) {
      if (problem.adam)
        adam_step(stream, parameters, gradients, first, second, adam_settings());
      else
        sgd_step(stream, parameters, gradients, {learning_rate.data()});
    };
    for (std::int64_t o = 0; o < problem.outputs; ++o)
      update(weight.view.row(o), gradient.view().part(o * problem.inputs, problem.inputs),
             weight_first.view.row(o), weight_second.view.row(o));
    if (problem.bias)
      update(bias.view.row(0), bias_gradient.view(), bias_first.view.row(0), bias_second.view.row(0));
    stream.synchronize();
  }
  std::vector<float> result(Stream& stream) {
    std::vector<float> all;
    for (PlacedMatrix* matrix :
         {&weight, &bias, &weight_first, &weight_second, &bias_first, &bias_second, &input_gradient}) {
      matrix->from_device(stream, kCanary);
      all.insert(all.end(), matrix->host.begin(), matrix->host.end());
    }
    return all;
  }

  PlacedMatrix input;
  PlacedMatrix weight;
  PlacedMatrix bias;
  PlacedMatrix weight_first;
  PlacedMatrix weight_second;
  PlacedMatrix bias_first;
  PlacedMatrix bias_second;
  PlacedMatrix pre_activation;
  PlacedMatrix output;
  PlacedMatrix output_gradient;
  PlacedMatrix input_gradient;
  Buffer<float> learning_rate;
  Buffer<std::uint64_t> counter;
  Buffer<float> scratch;
  Buffer<float> backward_scratch;
};

class LinearStepTest : public atelier::testing::EveryInstructionSet {};

// One parameter's step in double, from the definitions in optimizer.h.
struct Reference {
  double parameter;
  double first;
  double second;
};
Reference reference_step(bool adam, double p, double m, double v, double gradient) {
  const double rate = kLearningRate;
  if (!adam) return {p - rate * gradient, m, v};
  constexpr double kBeta1 = 0.9;
  constexpr double kBeta2 = 0.999;
  m = kBeta1 * m + (1 - kBeta1) * gradient;
  v = kBeta2 * v + (1 - kBeta2) * gradient * gradient;
  const auto t = static_cast<double>(kStep);
  p -= rate / (1 - std::pow(kBeta1, t)) * m / (std::sqrt(v) / std::sqrt(1 - std::pow(kBeta2, t)) + 1e-8);
  return {p, m, v};
}

void expect_right(Stream& stream, const Problem& problem) {
  SCOPED_TRACE(problem.text());
  Layer layer(stream, problem);
  const Layer before(stream, problem);
  layer.step(stream, problem);
  layer.result(stream);

  const auto delta = [&](std::int64_t o) {
    const double gradient = before.output_gradient.at(0, o);
    if (problem.activation.kind == Activation::identity) return gradient;
    const double x = before.pre_activation.at(0, o);
    constexpr double kSmall = 1e-5;
    return gradient *
           (reference_activation(problem.activation, x + kSmall) -
            reference_activation(problem.activation, x - kSmall)) /
           (2 * kSmall);
  };
  WorstError parameter;
  WorstError moment;
  WorstError input_error;
  const auto compare = [&](double gradient, float p, float m, float v, float got_p, float got_m,
                           float got_v) {
    const Reference exact = reference_step(problem.adam, p, m, v, gradient);
    parameter.add(std::fabs(got_p - exact.parameter) / std::fmax(1.0, std::fabs(exact.parameter)));
    moment.add(std::fabs(got_m - exact.first));
    moment.add(std::fabs(got_v - exact.second));
  };
  for (std::int64_t o = 0; o < problem.outputs; ++o) {
    const double d = delta(o);
    for (std::int64_t i = 0; i < problem.inputs; ++i)
      compare(d * static_cast<double>(before.input.at(0, i)), before.weight.at(o, i),
              before.weight_first.at(o, i), before.weight_second.at(o, i), layer.weight.at(o, i),
              layer.weight_first.at(o, i), layer.weight_second.at(o, i));
    if (problem.bias)
      compare(d, before.bias.at(0, o), before.bias_first.at(0, o), before.bias_second.at(0, o),
              layer.bias.at(0, o), layer.bias_first.at(0, o), layer.bias_second.at(0, o));
  }
  if (problem.wants_input)
    for (std::int64_t i = 0; i < problem.inputs; ++i) {
      double sum = 0;
      double scale = 0;
      for (std::int64_t o = 0; o < problem.outputs; ++o) {
        const double w = before.weight.at(o, i);  // before the step
        sum += delta(o) * w;
        scale += std::fabs(before.output_gradient.at(0, o) * w);
      }
      const double allowed = (static_cast<double>(problem.outputs + 3) * 0x1p-24 + 3e-6) * scale + 1e-37;
      input_error.add(std::fabs(layer.input_gradient.at(0, i) - sum) / allowed);
    }
  if (problem.outputs > 0 && (problem.inputs > 0 || problem.bias)) {
    // Adam divides by the root of v, here rarely small.
    EXPECT_LE(parameter.value(), problem.adam ? 3e-6 : 1e-6);
    EXPECT_LE(moment.value(), 2e-6);
  }
  if (problem.wants_input && problem.inputs > 0) {
    EXPECT_LE(input_error.value(), 1.0);
  }
}

TEST_P(LinearStepTest, EveryShape) {
  for_each_set([&] {
    Stream stream(GetParam());
    const std::vector<std::int64_t> sizes{0, 1, 2, 3, 4, 5, 15, 16, 17, 31, 33, 127};
    std::uint32_t seed = 1;
    for (const std::int64_t inputs : sizes)
      for (const std::int64_t outputs : sizes) {
        ++seed;
        expect_right(stream, {.inputs = inputs,
                              .outputs = outputs,
                              .adam = seed % 2 == 0,
                              .activation = {Activation::sigmoid},
                              .from_output = seed % 3 == 0,
                              .bias = seed % 5 != 0,
                              .wants_input = seed % 7 != 0,
                              .offset = seed % 4,
                              .seed = seed});
      }
    expect_right(stream, {.inputs = 1000, .outputs = 10});
    expect_right(stream, {.inputs = 10, .outputs = 1000, .adam = true});
    expect_right(stream, {.inputs = 2, .outputs = 65'537});
    expect_right(stream, {.inputs = 65'537, .outputs = 3, .adam = true});
  });
}

TEST_P(LinearStepTest, EveryActivation) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (int i = 0; i < kActivationCount; ++i)
      for (const bool adam : {false, true}) {
        const ActivationFunction activation = every_activation(i);
        expect_right(stream, {.inputs = 20, .outputs = 19, .adam = adam, .activation = activation});
        if (derivative_from_output(activation))
          expect_right(
              stream,
              {.inputs = 20, .outputs = 19, .adam = adam, .activation = activation, .from_output = true});
      }
  });
}

// The pass over the weights is a matter of speed alone.
TEST_P(LinearStepTest, SameBitsAsBackwardAndStepApart) {
  for_each_set([&] {
    Stream stream(GetParam());
    std::uint32_t seed = 90;
    for (const bool adam : {false, true})
      for (const auto& [inputs, outputs] : std::vector<std::array<std::int64_t, 2>>{
               {1, 1}, {784, 20}, {200, 10}, {33, 7}, {100, 50}, {15, 65}, {5, 1}}) {
        ++seed;
        const Problem problem{.inputs = inputs,
                              .outputs = outputs,
                              .adam = adam,
                              .activation = {Activation::tanh},
                              .from_output = seed % 2 == 0,
                              .offset = seed % 3,
                              .seed = seed};
        SCOPED_TRACE(problem.text());
        Layer together(stream, problem);
        together.step(stream, problem);
        Layer apart(stream, problem);
        apart.step_apart(stream, problem);
        EXPECT_EQ(different_bits(together.result(stream), apart.result(stream)), 0U);
      }
  });
}

// Moments that decay leave the normal numbers; quotients of tiny and of huge ones leave the range in which
// products can stand for a division. Both ways must treat all of them alike, on every instruction set.
TEST_P(LinearStepTest, SameBitsFromMomentsOfEverySize) {
  std::vector<float> first_set;
  for_each_set([&] {
    Stream stream(GetParam());
    // Nothing but the update: multiply-adds elsewhere round as each set does.
    const Problem problem{.inputs = 300, .outputs = 12, .adam = true, .wants_input = false};
    const auto place_moments = [&](Layer& layer) {
      std::mt19937 generator(7);
      std::uniform_real_distribution<float> significand(-2.0F, 2.0F);
      for (std::int64_t o = 0; o < problem.outputs; ++o) {
        const bool every = o < 4;  // else no quotient is out of the ordinary, so that none needs a division
        std::uniform_int_distribution<int> first_exponent(every ? -149 : -40, every ? 60 : 20);
        std::uniform_int_distribution<int> second_exponent(every ? -149 : -60, every ? 100 : 20);
        if (o % 3 == 0) layer.output_gradient.at(0, o) = 0.0F;  // where they stay as small as they are
        for (std::int64_t i = 0; i < problem.inputs; ++i) {
          layer.weight_first.at(o, i) = std::ldexp(significand(generator), first_exponent(generator));
          layer.weight_second.at(o, i) =
              std::fabs(std::ldexp(significand(generator), second_exponent(generator)));
          if (i % 7 == 0) layer.weight_first.at(o, i) = i % 2 == 0 ? 0.0F : -0.0F;
          if (i % 11 == 0) layer.weight.at(o, i) = i % 2 == 0 ? 0.0F : -0.0F;
          if (i % 13 == 0) layer.weight_second.at(o, i) = 0.0F;
          if (i % 17 == 1) layer.weight_second.at(o, i) = std::numeric_limits<float>::infinity();
        }
      }
      for (PlacedMatrix* matrix :
           {&layer.output_gradient, &layer.weight, &layer.weight_first, &layer.weight_second})
        matrix->to_device(stream);
    };
    Layer together(stream, problem);
    place_moments(together);
    Layer apart(stream, problem);
    place_moments(apart);
    for (int step = 0; step < 3; ++step) {
      together.step(stream, problem);
      apart.step_apart(stream, problem);
      EXPECT_EQ(different_bits(together.result(stream), apart.result(stream)), 0U) << "step " << step;
    }
    if (first_set.empty()) first_set = together.result(stream);
    EXPECT_EQ(different_bits(together.result(stream), first_set), 0U);
  });
}

TEST_P(LinearStepTest, SameBitsForAnyThreadsAndTwice) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const bool adam : {false, true}) {
      const Problem problem{
          .inputs = slow() ? 900 : 5000, .outputs = 150, .adam = adam, .activation = {Activation::tanh}};
      std::vector<float> one;
      for (const int threads : {1, 1, 2, 3, 0}) {
        set_cpu_threads(threads);
        Layer layer(stream, problem);
        layer.step(stream, problem);
        const std::vector<float> other = layer.result(stream);
        if (one.empty()) one = other;
        EXPECT_EQ(different_bits(one, other), 0U) << threads << " threads";
      }
      set_cpu_threads(0);
    }
  });
}

// A captured step reads the learning rate and Adam's count when it runs.
TEST_P(LinearStepTest, ReplaysInAGraphWithAnotherRateAndCount) {
  Stream stream(GetParam());
  const Problem problem{.inputs = 40, .outputs = 30, .adam = true, .activation = {Activation::tanh}};
  Layer captured(stream, problem);
  stream.begin_capture();
  captured.step(stream, problem);
  const Graph graph = stream.end_capture();
  Layer direct(stream, problem);
  for (const float rate : {0.1F, 0.2F, 0.4F}) {
    for (Layer* layer : {&captured, &direct}) {
      upload<float>(stream, layer->learning_rate.view(), std::vector<float>{rate});
      upload<std::uint64_t>(stream, layer->counter.view(),
                            std::vector<std::uint64_t>{static_cast<std::uint64_t>(100 * rate)});
    }
    graph.launch(stream);
    direct.step(stream, problem);
    EXPECT_EQ(different_bits(captured.result(stream), direct.result(stream)), 0U) << rate;
  }
}

TEST_P(LinearStepTest, RefusesShapesThatDoNotFit) {
  Stream stream(GetParam());
  Buffer<float> buffer(stream, 4096);
  float* const data = buffer.data();
  struct Call {
    LinearStep layer;
    LinearMoments moments;
    AdamSettings settings;
    VectorView<float> scratch;
  };
  Call good{{{data, 3},
             matrix_view(data, 4, 3),
             {data, 4},
             {Activation::silu},
             {data, 4},
             {data, 4},
             {data, 4},
             {data, 3}},
            {matrix_view(data, 4, 3), matrix_view(data, 4, 3), {data, 4}, {data, 4}},
            {},
            {data, 4096}};
  good.settings.learning_rate = data;
  const auto message = [&](bool adam, const std::function<void(Call&)>& change) -> std::string {
    Call call = good;
    change(call);
    try {
      if (adam)
        linear_backward_adam(stream, call.layer, call.moments, call.settings, call.scratch);
      else
        linear_backward_sgd(stream, call.layer, {call.settings.learning_rate}, call.scratch);
    } catch (const InvalidArgument& error) {
      return error.what();
    }
    return "nothing was thrown";
  };
  for (const bool adam : {false, true}) {
    const std::string start = std::string(adam ? "linear_backward_adam" : "linear_backward_sgd") + " on " +
                              GetParam().name() + ": ";
    EXPECT_EQ(message(adam, [](Call& c) { c.layer.input.size = 5; }),
              start + "input has 5 elements and weight is [4, 3]; weight must be [outputs, 5]");
    EXPECT_EQ(message(adam, [](Call& c) { c.layer.weight.stride = 2; }),
              start + "weight [4, 3] has a stride of 2; at least 3 is needed");
    EXPECT_EQ(message(adam, [](Call& c) { c.layer.bias.size = 2; }),
              start + "bias has 2 elements; 4 or none are needed");
    EXPECT_EQ(message(adam, [](Call& c) { c.layer.output_gradient.size = 3; }),
              start + "output_gradient has 3 elements; 4 are needed");
    EXPECT_EQ(message(adam, [](Call& c) { c.layer.output = {}; }),
              start + "output has 0 elements; 4 are needed");
    EXPECT_EQ(message(adam, [](Call& c) { c.layer.pre_activation = {}; }),
              start + "the derivative of silu needs pre_activation, 4 elements");
    EXPECT_EQ(message(adam, [](Call& c) { c.layer.input_gradient.size = 2; }),
              start + "input_gradient has 2 elements; 3 or none are needed");
    EXPECT_EQ(message(adam, [](Call& c) { c.settings.learning_rate = nullptr; }),
              start + "learning_rate is null; it must point to device memory");
    const std::int64_t needed = linear_step_scratch(3, 4);
    if (needed > 0) {
      EXPECT_EQ(message(adam, [](Call& c) { c.scratch = {}; }),
                start + "scratch has 0 elements; at least " + std::to_string(needed) + " are needed");
    }
  }
  const std::string start = "linear_backward_adam on " + GetParam().name() + ": ";
  EXPECT_EQ(message(true, [](Call& c) { c.moments.weight_second.rows = 3; }),
            start + "moments.weight_second is [3, 3]; [4, 3] is needed");
  EXPECT_EQ(message(true, [](Call& c) { c.moments.bias_first = {}; }),
            start + "moments.bias_first has 0 elements; 4 are needed");
  EXPECT_EQ(message(true, [](Call& c) { c.settings.beta2 = 1.0; }),
            start + "beta1 is 0.9 and beta2 1; both must be at least 0 and below 1");
  EXPECT_EQ(message(true, [](Call& c) { c.settings.epsilon = -1.0; }),
            start + "epsilon is -1; it must not be negative");
}

INSTANTIATE_TEST_SUITE_P(Devices, LinearStepTest, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

}  // namespace
}  // namespace atelier
