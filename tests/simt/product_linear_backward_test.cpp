// The linear layers' kernels in the checking build: split products, small batches, the backward pass and the
// fused step. Right values, no alarm. The same test linked with a kernel into which a bug was planted must
// fail (product_linear_backward.cmake).
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "kernels/linear.h"
#include "kernels/linear_step.h"
#include "runtime/buffer.h"
#include "runtime/simt/checker.h"
#include "tests/devices.h"
#include "tests/kernels/activation_reference.h"

namespace atelier {
namespace {

using testing::reference_activation;
using testing::WorstError;

std::vector<float> random_values(std::int64_t count, unsigned seed, float scale = 1.0F) {
  std::mt19937 generator(seed);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = scale * (static_cast<float>(generator()) / 2147483648.0F - 1.0F);
  return values;
}

Buffer<float> to_device(Stream& stream, const std::vector<float>& values) {
  Buffer<float> buffer(stream, static_cast<std::int64_t>(values.size()));
  upload(stream, buffer.view(), std::span<const float>(values));
  return buffer;
}

double at(const std::vector<float>& values, std::int64_t index) {
  return static_cast<double>(values[static_cast<std::size_t>(index)]);
}

double reference_derivative(ActivationFunction function, double x) {
  constexpr double kStep = 1e-6;
  return (reference_activation(function, x + kStep) - reference_activation(function, x - kStep)) /
         (2 * kStep);
}

// A sum and the sum of its terms' magnitudes, which bounds the error of any order of additions.
struct Sum {
  double value = 0;
  double magnitude = 0;
  int terms = 0;
  void add(double term) {
    value += term;
    magnitude += std::fabs(term);
    ++terms;
  }
  [[nodiscard]] double error_of(float got) const {
    return std::fabs(static_cast<double>(got) - value) / ((terms + 2) * 0x1p-24 * magnitude + 1e-30);
  }
};

struct Layer {
  std::int64_t batch;
  std::int64_t inputs;
  std::int64_t outputs;
  ActivationFunction activation{};
  bool keep_pre_activation = true;
};

// Operands of a layer on a device, their values on the host, and delta in double.
struct Operands {
  Operands(Stream& stream, const Layer& layer_)
      : layer(layer_),
        x(random_values(layer.batch * layer.inputs, 1)),
        w(random_values(layer.outputs * layer.inputs, 2, 2.0F / std::sqrt(static_cast<float>(layer.inputs)))),
        b(random_values(layer.outputs, 3)),
        g(random_values(layer.batch * layer.outputs, 4)),
        input(to_device(stream, x)),
        weight(to_device(stream, w)),
        bias(to_device(stream, b)),
        output_gradient(to_device(stream, g)),
        output(stream, layer.batch * layer.outputs),
        pre_activation(stream, layer.batch * layer.outputs) {}

  // The layer's outputs from the host, so that only the kernels under test run on the device.
  void forward(Stream& stream) {
    for (std::int64_t row = 0; row < layer.batch; ++row)
      for (std::int64_t o = 0; o < layer.outputs; ++o) {
        const float sum = static_cast<float>(pre_activation_of(row, o).value);
        const double exact = static_cast<double>(sum);
        z.push_back(sum);
        y.push_back(static_cast<float>(reference_activation(layer.activation, exact)));
        delta.push_back(at(g, row * layer.outputs + o) * reference_derivative(layer.activation, exact));
      }
    upload(stream, pre_activation.view(), std::span<const float>(z));
    upload(stream, output.view(), std::span<const float>(y));
  }
  [[nodiscard]] Sum pre_activation_of(std::int64_t row, std::int64_t o) const {
    Sum sum;
    sum.add(at(b, o));
    for (std::int64_t i = 0; i < layer.inputs; ++i)
      sum.add(at(x, row * layer.inputs + i) * at(w, o * layer.inputs + i));
    return sum;
  }
  [[nodiscard]] MatrixView<const float> kept_pre_activation() const {
    if (!layer.keep_pre_activation) return {};
    return pre_activation.matrix(layer.batch, layer.outputs);
  }
  [[nodiscard]] double delta_at(std::int64_t row, std::int64_t output_index) const {
    return delta[static_cast<std::size_t>(row * layer.outputs + output_index)];
  }

  Layer layer;
  std::vector<float> x, w, b, g, z, y;
  std::vector<double> delta;
  Buffer<float> input, weight, bias, output_gradient, output, pre_activation;
};

void check_forward(const Layer& layer) {
  SCOPED_TRACE(::testing::Message() << layer.batch << " " << layer.inputs << " " << layer.outputs);
  Stream stream{Device(DeviceKind::simt)};
  const Operands operands(stream, layer);
  const auto [batch, inputs, outputs, activation, keep] = layer;
  const Buffer<float> scratch(stream, linear_forward_scratch(batch, inputs, outputs));
  linear_forward(stream, operands.input.matrix(batch, inputs), operands.weight.matrix(outputs, inputs),
                 operands.bias.view(), activation, operands.output.matrix(batch, outputs),
                 operands.pre_activation.matrix(batch, outputs), scratch.view());
  const auto z = download(stream, operands.pre_activation.view());
  const auto y = download(stream, operands.output.view());
  WorstError sums;
  WorstError values;
  for (std::int64_t row = 0; row < batch; ++row)
    for (std::int64_t o = 0; o < outputs; ++o) {
      const std::int64_t place = row * outputs + o;
      sums.add(operands.pre_activation_of(row, o).error_of(z[static_cast<std::size_t>(place)]));
      values.add(std::fabs(at(y, place) - reference_activation(activation, at(z, place))));
    }
  EXPECT_LE(sums.value(), 1.0);
  EXPECT_LE(values.value(), 1e-6);
}

// Relative to the bound of a sum in any order, where delta itself is right to a few times 1e-6.
constexpr double kDeltaError = 4e-6 / 0x1p-24;

void check_backward(const Layer& layer, bool accumulate) {
  SCOPED_TRACE(::testing::Message() << layer.batch << " " << layer.inputs << " " << layer.outputs);
  Stream stream{Device(DeviceKind::simt)};
  Operands operands(stream, layer);
  operands.forward(stream);
  const auto [batch, inputs, outputs, activation, keep] = layer;
  const std::vector<float> before_weight = random_values(outputs * inputs, 5);
  const std::vector<float> before_bias = random_values(outputs, 6);
  const Buffer<float> input_gradient(stream, batch * inputs);
  const Buffer<float> weight_gradient = to_device(stream, before_weight);
  const Buffer<float> bias_gradient = to_device(stream, before_bias);
  const Buffer<float> scratch(stream, linear_backward_scratch(batch, inputs, outputs));
  linear_backward(stream, operands.input.matrix(batch, inputs), operands.weight.matrix(outputs, inputs),
                  activation, operands.kept_pre_activation(), operands.output.matrix(batch, outputs),
                  operands.output_gradient.matrix(batch, outputs),
                  {input_gradient.matrix(batch, inputs), weight_gradient.matrix(outputs, inputs),
                   bias_gradient.view(), accumulate},
                  scratch.view());
  const auto got_input = download(stream, input_gradient.view());
  const auto got_weight = download(stream, weight_gradient.view());
  const auto got_bias = download(stream, bias_gradient.view());

  WorstError worst_input;
  for (std::int64_t row = 0; row < batch; ++row)
    for (std::int64_t i = 0; i < inputs; ++i) {
      Sum sum;
      for (std::int64_t o = 0; o < outputs; ++o)
        sum.add(operands.delta_at(row, o) * at(operands.w, o * inputs + i));
      worst_input.add(sum.error_of(got_input[static_cast<std::size_t>(row * inputs + i)]) /
                      (1 + kDeltaError / (sum.terms + 2)));
    }
  EXPECT_LE(worst_input.value(), 1.0);
  WorstError worst_weight;
  WorstError worst_bias;
  for (std::int64_t o = 0; o < outputs; ++o) {
    for (std::int64_t i = 0; i < inputs; ++i) {
      Sum sum;
      if (accumulate) sum.add(at(before_weight, o * inputs + i));
      for (std::int64_t row = 0; row < batch; ++row)
        sum.add(operands.delta_at(row, o) * at(operands.x, row * inputs + i));
      worst_weight.add(sum.error_of(got_weight[static_cast<std::size_t>(o * inputs + i)]) /
                       (1 + kDeltaError / (sum.terms + 2)));
    }
    Sum sum;
    if (accumulate) sum.add(at(before_bias, o));
    for (std::int64_t row = 0; row < batch; ++row) sum.add(operands.delta_at(row, o));
    worst_bias.add(sum.error_of(got_bias[static_cast<std::size_t>(o)]) / (1 + kDeltaError / (sum.terms + 2)));
  }
  EXPECT_LE(worst_weight.value(), 1.0);
  EXPECT_LE(worst_bias.value(), 1.0);
}

std::size_t different_bits(Stream& stream, const Buffer<float>& a, const Buffer<float>& b) {
  const auto left = download(stream, a.view());
  const auto right = download(stream, b.view());
  std::size_t different = left.size() == right.size() ? 0 : 1;
  for (std::size_t i = 0; i < left.size(); ++i)
    different += std::bit_cast<std::uint32_t>(left[i]) != std::bit_cast<std::uint32_t>(right[i]);
  return different;
}

// One pass over the weights leaves what linear_backward and the optimiser leave one after the other.
void check_step(const Layer& layer, bool adam) {
  SCOPED_TRACE(::testing::Message() << layer.inputs << " " << layer.outputs << (adam ? " adam" : " sgd"));
  Stream stream{Device(DeviceKind::simt)};
  Operands operands(stream, layer);
  operands.forward(stream);
  const std::int64_t inputs = layer.inputs;
  const std::int64_t outputs = layer.outputs;
  const auto views = [&](const Buffer<float>& buffer) { return buffer.matrix(outputs, inputs); };
  const auto moments = [&](unsigned seed, std::int64_t count) {
    auto values = random_values(count, seed);
    for (float& value : values) value = std::fabs(value);
    return to_device(stream, values);
  };
  const Buffer<float> weight_gradient(stream, outputs * inputs);
  const Buffer<float> bias_gradient(stream, outputs);
  const Buffer<float> scratch(
      stream, linear_backward_scratch(1, inputs, outputs) + linear_step_scratch(inputs, outputs));
  linear_backward(stream, operands.input.matrix(1, inputs), views(operands.weight), layer.activation,
                  operands.kept_pre_activation(), operands.output.matrix(1, outputs),
                  operands.output_gradient.matrix(1, outputs),
                  {{}, views(weight_gradient), bias_gradient.view(), false}, scratch.view());
  const Buffer<float> rate = to_device(stream, {0.03125F});
  const SgdSettings sgd{rate.data()};
  const AdamSettings settings{.learning_rate = rate.data(), .step = {nullptr, 1, 3}};
  const Buffer<float> weight = to_device(stream, operands.w);
  const Buffer<float> bias = to_device(stream, operands.b);
  const Buffer<float> first[2] = {moments(7, outputs * inputs), moments(7, outputs * inputs)};
  const Buffer<float> second[2] = {moments(8, outputs * inputs), moments(8, outputs * inputs)};
  const Buffer<float> bias_first[2] = {moments(9, outputs), moments(9, outputs)};
  const Buffer<float> bias_second[2] = {moments(10, outputs), moments(10, outputs)};
  const Buffer<float> input_gradient(stream, inputs);
  const LinearStep step{operands.input.view(),
                        views(weight),
                        bias.view(),
                        layer.activation,
                        layer.keep_pre_activation ? operands.pre_activation.view() : VectorView<float>{},
                        operands.output.view(),
                        operands.output_gradient.view(),
                        input_gradient.view()};
  if (adam) {
    linear_backward_adam(stream, step,
                         {views(first[0]), views(second[0]), bias_first[0].view(), bias_second[0].view()},
                         settings, scratch.view());
    adam_step(stream, operands.weight.view(), weight_gradient.view(), first[1].view(), second[1].view(),
              settings);
    adam_step(stream, operands.bias.view(), bias_gradient.view(), bias_first[1].view(), bias_second[1].view(),
              settings);
    EXPECT_EQ(different_bits(stream, first[0], first[1]), 0U);
    EXPECT_EQ(different_bits(stream, second[0], second[1]), 0U);
    EXPECT_EQ(different_bits(stream, bias_first[0], bias_first[1]), 0U);
    EXPECT_EQ(different_bits(stream, bias_second[0], bias_second[1]), 0U);
  } else {
    linear_backward_sgd(stream, step, sgd, scratch.view());
    sgd_step(stream, operands.weight.view(), weight_gradient.view(), sgd);
    sgd_step(stream, operands.bias.view(), bias_gradient.view(), sgd);
  }
  EXPECT_EQ(different_bits(stream, weight, operands.weight), 0U);
  EXPECT_EQ(different_bits(stream, bias, operands.bias), 0U);
  const auto got = download(stream, input_gradient.view());
  WorstError worst;
  for (std::int64_t i = 0; i < inputs; ++i) {
    Sum sum;
    for (std::int64_t o = 0; o < outputs; ++o)
      sum.add(operands.delta_at(0, o) * at(operands.w, o * inputs + i));
    worst.add(sum.error_of(got[static_cast<std::size_t>(i)]) / (1 + kDeltaError / (sum.terms + 2)));
  }
  EXPECT_LE(worst.value(), 1.0);
}

TEST(ProductLinear, SmallBatchForward) {
  check_forward({1, 150, 11, {Activation::sigmoid}});
  check_forward({7, 33, 9, {Activation::tanh}});
  check_forward({32, 21, 10});
  check_forward({40, 65, 5});  // few outputs
}

TEST(ProductLinear, SplitForward) {
  check_forward({40, 300, 20, {Activation::tanh}});
  check_forward({35, 129, 33, {Activation::sigmoid}});  // rows not aligned
}

TEST(ProductLinear, SmallBatchBackward) {
  check_backward({1, 130, 41, {Activation::sigmoid}, false}, false);
  check_backward({5, 37, 40, {Activation::gelu}}, true);
  check_backward({16, 12, 35, {Activation::tanh}, false}, false);
}

TEST(ProductLinear, TiledBackward) {
  check_backward({35, 36, 33, {Activation::tanh}, false}, true);
  check_backward({20, 33, 18}, false);
}

TEST(ProductLinear, SplitBackward) {
  check_backward({34, 20, 300, {Activation::sigmoid}, false}, false);  // over the outputs
  check_backward({300, 20, 18, {Activation::silu}}, true);             // over the batch, and the bias too
}

TEST(ProductLinear, StepEqualsBackwardAndOptimiser) {
  for (const bool adam : {false, true}) {
    check_step({1, 140, 37, {Activation::tanh}, false}, adam);
    check_step({1, 13, 5, {Activation::gelu}}, adam);
  }
}

TEST(ProductLinear, EveryAccessIsChecked) {
  const std::uint64_t before = simt::executor::accesses_checked();
  check_backward({20, 20, 20}, false);
  EXPECT_GT(simt::executor::accesses_checked(), before + 1000);
}

}  // namespace
}  // namespace atelier
