// What gan-modern adds to the articles' loop: the gradient penalty, one joint step of D, the running average.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "models/digits.h"
#include "models/gradient_penalty.h"
#include "models/learner.h"
#include "models/network.h"
#include "runtime/buffer.h"
#include "runtime/error.h"
#include "runtime/graph.h"
#include "runtime/parallel.h"
#include "tests/devices.h"
#include "tests/models/data_files.h"

namespace atelier {
namespace {

/// A discriminator of linear layers with slopes behind them, in double, one row at a time.
struct DoubleDiscriminator {
  struct Stage {
    std::vector<double> weight;  // [outputs, inputs]
    std::vector<double> bias;
    std::size_t inputs = 0;
    double slope = 1;  // of negative numbers; 1: nothing bends
  };
  std::vector<Stage> stages;

  /// |d D(x) / d x|^2 by the chain rule.
  [[nodiscard]] double squared_gradient(const std::vector<double>& x) const {
    std::vector<std::vector<double>> slopes;
    std::vector<double> values = x;
    for (const Stage& stage : stages) {
      std::vector<double> next(stage.bias);
      std::vector<double>& own = slopes.emplace_back(stage.bias.size(), 1.0);
      for (std::size_t o = 0; o < next.size(); ++o) {
        for (std::size_t i = 0; i < stage.inputs; ++i)
          next[o] += stage.weight[o * stage.inputs + i] * values[i];
        if (next[o] <= 0) own[o] = stage.slope;
        next[o] *= own[o];
      }
      values = next;
    }
    std::vector<double> gradient(1, 1.0);
    for (std::size_t s = stages.size(); s-- > 0;) {
      std::vector<double> below(stages[s].inputs, 0.0);
      for (std::size_t o = 0; o < gradient.size(); ++o)
        for (std::size_t i = 0; i < below.size(); ++i)
          below[i] += gradient[o] * slopes[s][o] * stages[s].weight[o * below.size() + i];
      gradient = below;
    }
    double sum = 0;
    for (const double value : gradient) sum += value * value;
    return sum;
  }
};

class GanModernOnDevice : public ::testing::TestWithParam<Device> {};

TEST_P(GanModernOnDevice, PenaltysGradientIsThatOfCentralDifferences) {
  struct Case {
    const char* network;
    std::vector<double> slopes;
    std::int64_t rows;
  };
  for (const Case& test : {Case{"7 linear(9) leaky_relu(0.2) linear(5) relu linear(1)", {0.2, 0.0, 1.0}, 4},
                           Case{"33 linear(17) leaky_relu(0.1) linear(1) sigmoid", {0.1, 1.0}, 31},
                           Case{"5 linear(1)", {1.0}, 3},
                           Case{"3 linear(4) linear(6) leaky_relu(0.5) linear(1)", {1.0, 0.5, 1.0}, 1}}) {
    SCOPED_TRACE(test.network);
    Stream stream(GetParam());
    const NetworkDescription description = network_from_text(test.network);
    const Network network(stream, description, 11);
    constexpr double kWeight = 3.0;
    GradientPenalty penalty(stream, network, test.rows + 2, kWeight);
    const Buffer<float> input(stream, test.rows * description.inputs);
    std::vector<float> x(static_cast<std::size_t>(input.size()));
    for (std::size_t i = 0; i < x.size(); ++i)
      x[i] = static_cast<float>(std::sin(1.7 * static_cast<double>(i) + 0.3));
    upload<float>(stream, input.view(), x);
    const Buffer<float> gradients(stream, network.block().size);
    upload<float>(stream, gradients.view(),
                  std::vector<float>(static_cast<std::size_t>(gradients.size()), 0.25F));
    penalty.add(stream, input.matrix(test.rows, description.inputs), gradients.view());
    const std::vector<float> got = download<float>(stream, gradients.view());

    DoubleDiscriminator reference;
    std::vector<std::size_t> places;  // of each stage's weight in the block
    std::size_t inputs = static_cast<std::size_t>(description.inputs);
    for (std::size_t l = 0; l < description.layers.size(); ++l) {
      if (description.layers[l].kind != Layer::Kind::linear) continue;
      const auto as_double = [&](VectorView<float> view) {
        const std::vector<float> values = download<float>(stream, view);
        return std::vector<double>(values.begin(), values.end());
      };
      DoubleDiscriminator::Stage stage{as_double(network.weight(l)), as_double(network.bias(l)), inputs,
                                       test.slopes[reference.stages.size()]};
      places.push_back(static_cast<std::size_t>(network.weight(l).data - network.block().data));
      inputs = stage.bias.size();
      reference.stages.push_back(stage);
    }
    const auto value = [&] {
      double sum = 0;
      for (std::int64_t r = 0; r < test.rows; ++r) {
        const auto begin = x.begin() + r * description.inputs;
        sum += reference.squared_gradient({begin, begin + description.inputs});
      }
      return kWeight / 2 * sum / static_cast<double>(test.rows);
    };
    double largest = 0;
    testing::WorstError worst;
    std::vector<bool> is_weight(got.size(), false);
    for (std::size_t s = 0; s < reference.stages.size(); ++s)
      for (std::size_t i = 0; i < reference.stages[s].weight.size(); ++i) {
        constexpr double kStep = 1e-6;
        double& weight = reference.stages[s].weight[i];
        const double before = weight;
        weight = before + kStep;
        const double above = value();
        weight = before - kStep;
        const double difference = (above - value()) / (2 * kStep);
        weight = before;
        largest = std::max(largest, std::abs(difference));
        worst.add(std::abs(static_cast<double>(got[places[s] + i]) - 0.25 - difference));
        is_weight[places[s] + i] = true;
      }
    EXPECT_GT(largest, 1e-3);
    EXPECT_LE(worst.value() / largest, 1e-5);
    for (std::size_t i = 0; i < got.size(); ++i)
      if (!is_weight[i]) {
        EXPECT_EQ(got[i], 0.25F) << "biases and gaps do not move";
      }
    // P itself, from the scaled gradients of the input.
    double sum = 0;
    const MatrixView<const float> rows = penalty.input_gradient();
    ASSERT_EQ(rows.rows, test.rows);
    std::vector<float> of_input(static_cast<std::size_t>(rows.rows * rows.columns));
    download<float>(stream, of_input, VectorView<const float>{rows.data, rows.rows * rows.columns});
    for (const float g : of_input) sum += 0.5 * static_cast<double>(g) * static_cast<double>(g);
    EXPECT_NEAR(sum / value(), 1.0, 1e-5);
  }
}

TEST_P(GanModernOnDevice, PenaltyIsCapturedAndTheSameForAnyThreads) {
  Stream stream(GetParam());
  const Network network(stream, network_from_text("40 linear(30) leaky_relu(0.2) linear(1)"), 3);
  GradientPenalty penalty(stream, network, 16, 2.0);
  const Buffer<float> input(stream, 16 * 40);
  std::vector<float> x(16 * 40);
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<float>(std::cos(0.9 * static_cast<double>(i)));
  upload<float>(stream, input.view(), x);
  const Buffer<float> gradients(stream, network.block().size);
  const std::vector<float> zero(static_cast<std::size_t>(gradients.size()), 0.0F);
  stream.begin_capture();
  penalty.add(stream, input.matrix(16, 40), gradients.view());
  const Graph graph = stream.end_capture();
  std::vector<float> first;
  for (const int threads : {1, 3, 0}) {
    set_cpu_threads(threads);
    upload<float>(stream, gradients.view(), zero);
    graph.launch(stream);
    const std::vector<float> got = download<float>(stream, gradients.view());
    if (first.empty()) first = got;
    EXPECT_TRUE(got == first) << threads;
    EXPECT_FALSE(got == zero);
  }
}

TEST_P(GanModernOnDevice, TheCutOfARunDoesNotMatter) {
  const DataSet digits = make_digits(44, 7);
  Stream stream(GetParam());
  TrainingConfig config;
  config.preset = "gan-modern";
  config.seed = 2;
  config.epochs = 2;
  config.batch = 8;
  config.discriminator = "pixels linear(12) leaky_relu(0.2) linear(1)";
  config.generator = "5 linear(9) leaky_relu(0.2) layer_norm linear(pixels) sigmoid";
  config = resolve_training(config);
  const auto whole = make_learner(stream, config, digits, {});
  EXPECT_EQ(whole->config().loop, "streamed");
  EXPECT_EQ(whole->iterations(), 12);  // five batches of 8 and one of 4, twice
  whole->train(100);
  const TensorFile expected = whole->checkpoint();
  EXPECT_EQ(expected.metadata.at("generator_prefix"), "generator_average.");
  EXPECT_FALSE(expected.tensors.at("generator_average.0.weight").bytes ==
               expected.tensors.at("generator.0.weight").bytes);

  auto cut = make_learner(stream, config, digits, {});
  for (const std::int64_t count : {1, 4, 2, 100}) {
    cut->train(count);
    const TensorFile file = cut->checkpoint();
    cut = make_learner(stream, config, digits, {});
    cut->restore(file);
  }
  const TensorFile got = cut->checkpoint();
  ASSERT_EQ(got.tensors.size(), expected.tensors.size());
  for (const auto& [name, tensor] : expected.tensors)
    EXPECT_TRUE(got.tensors.at(name).bytes == tensor.bytes) << name;
}

INSTANTIATE_TEST_SUITE_P(Devices, GanModernOnDevice, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

TEST(GradientPenalty, SaysWhatItCannotDo) {
  const auto obstacle = [](const char* network) {
    return GradientPenalty::obstacle(network_from_text(network));
  };
  EXPECT_EQ(obstacle("4 linear(3) relu linear(1)"), "");
  EXPECT_EQ(obstacle("4 linear(3) leaky_relu(0.2) linear(1) sigmoid"), "");
  EXPECT_THAT(obstacle("4 linear(3) relu linear(2)"), ::testing::HasSubstr("one output"));
  EXPECT_THAT(obstacle("4 linear(3) tanh linear(1)"), ::testing::HasSubstr("relu or leaky_relu"));
  EXPECT_THAT(obstacle("4 linear(3) leaky_relu(-1) linear(1)"), ::testing::HasSubstr("relu or leaky_relu"));
  EXPECT_THAT(obstacle("4 linear(3) relu layer_norm linear(1)"), ::testing::HasSubstr("relu or leaky_relu"));
  EXPECT_THAT(obstacle("4 linear(1) relu"), ::testing::HasSubstr("end in a linear layer"));
  Stream stream{Device(DeviceKind::cpu)};
  const Network network(stream, network_from_text("4 linear(1)"), 0);
  EXPECT_MESSAGE(GradientPenalty(stream, network, 4, 0.0), "must be positive");
  EXPECT_MESSAGE(GradientPenalty(stream, network, 4, std::nan("")), "must be positive");
  GradientPenalty penalty(stream, network, 4, 1.0);
  const Buffer<float> input(stream, 20);
  EXPECT_MESSAGE(penalty.add(stream, input.matrix(5, 4), network.block()), "[1 to 4, 4]");

  TrainingConfig config;
  config.preset = "gan-v2";
  config.gradient_penalty = 1.0;
  EXPECT_MESSAGE((void)resolve_training(config), "discriminator steps 1");
  config.discriminator_steps = 1;
  EXPECT_MESSAGE((void)resolve_training(config), "relu or leaky_relu");
  config.gradient_penalty = -1.0;
  EXPECT_MESSAGE((void)resolve_training(config), "0 (none) or more");
  config.gradient_penalty = 0.0;
  config.average = 1.0;
  EXPECT_MESSAGE((void)resolve_training(config), "average");
}

}  // namespace
}  // namespace atelier
