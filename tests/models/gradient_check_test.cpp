// The central-difference tool, and the double-precision network that it stands on.
#include "models/gradient_check.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "models/double_precision_network.h"
#include "runtime/error.h"
#include "tests/devices.h"

namespace atelier {
namespace {

using testing::WorstError;

class GradientCheck : public ::testing::TestWithParam<Device> {};

TEST_P(GradientCheck, XorIsLearnedBothWaysAlike) {
  Stream stream(GetParam());
  GradientCheckOptions options;
  options.steps = GetParam().kind() == DeviceKind::simt ? 50 : 1000;
  const GradientCheckResult result = check_gradients(stream, options);
  EXPECT_EQ(result.parameters, 33);
  EXPECT_EQ(result.rows, 4);
  ASSERT_EQ(result.comparisons.size(), 33U);
  EXPECT_EQ(result.comparisons[3].parameter, "0.weight[1, 1]");
  EXPECT_EQ(result.comparisons[32].parameter, "2.bias[0]");
  EXPECT_LE(result.worst_of_back_propagation, 1e-7);
  EXPECT_LE(result.worst_of_engine, 1e-5);
  ASSERT_EQ(result.learned_by_back_propagation.size(), static_cast<std::size_t>(options.steps + 1));
  ASSERT_EQ(result.learned_by_central_differences.size(), static_cast<std::size_t>(options.steps + 1));
  EXPECT_LE(result.largest_gap, 1e-5);
  EXPECT_GT(result.learned_by_back_propagation.front(), 0.2);
  if (options.steps == 1000) {
    EXPECT_LT(result.learned_by_back_propagation.back(), 0.01);
  }
  EXPECT_EQ(result.central_differences.passes_per_step, 66);
  EXPECT_EQ(result.back_propagation.passes_per_step, 3);
  EXPECT_GT(result.central_differences.seconds_per_step, result.back_propagation.seconds_per_step);
}

TEST_P(GradientCheck, AnyNetwork) {
  Stream stream(GetParam());
  struct Case {
    std::string network;
    std::string task;
  };
  for (const Case& one : {Case{"4 linear(3, no bias) sigmoid linear(1, no bias) sigmoid", "pattern1010"},
                          Case{"5 linear(7) leaky_relu(0.02) layer_norm linear(3) sigmoid", "random"},
                          Case{"3 layer_norm linear(4) gelu linear(2)", "random"}}) {
    GradientCheckOptions options;
    options.network = one.network;
    options.task = one.task;
    options.seed = 3;
    options.steps = 10;
    options.learning_rate = 0.1;
    const GradientCheckResult result = check_gradients(stream, options);
    EXPECT_LE(result.worst_of_back_propagation, 1e-6) << one.network;
    EXPECT_LE(result.worst_of_engine, 1e-5) << one.network;
    EXPECT_LE(result.largest_gap, 1e-5) << one.network;
    EXPECT_LT(result.learned_by_back_propagation.back(), result.learned_by_back_propagation.front());
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, GradientCheck, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

TEST(GradientCheckOptions, AreChecked) {
  Stream stream{Device{}};
  const auto refused = [&](const std::string& word, auto change) {
    GradientCheckOptions options;
    options.steps = 1;
    change(options);
    try {
      (void)check_gradients(stream, options);
      ADD_FAILURE() << "accepted: " << word;
    } catch (const InvalidArgument& error) {
      const std::string message = error.what();
      EXPECT_NE(message.find(word), std::string::npos) << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
  };
  refused("2 inputs", [](auto& o) { o.network = "3 linear(1) sigmoid"; });
  refused("known: xor", [](auto& o) { o.task = "nand"; });
  refused("parameters", [](auto& o) { o.network = "2 linear(5000) tanh linear(1)"; });
  refused("steps", [](auto& o) { o.steps = -1; });
  refused("learning rate", [](auto& o) { o.learning_rate = 0; });
  refused("difference", [](auto& o) { o.difference = std::nan(""); });
  refused("linaer", [](auto& o) { o.network = "2 linaer(3)"; });
}

// A network small enough to work out by hand: y = tanh(a x + b) c, parameters a, b, c.
TEST(DoublePrecisionNetwork, ByHand) {
  const DoublePrecisionNetwork network(network_from_text("1 linear(1) tanh linear(1, no bias)"));
  ASSERT_EQ(network.parameter_count(), 3);
  const double a = 0.7, b = -0.2, c = 1.5, x = 0.9, target = 0.3;
  const std::vector<double> parameters{a, b, c};
  const double hidden = std::tanh(a * x + b);
  EXPECT_NEAR(network.forward(parameters, {x})[0], c * hidden, 1e-15);
  const double error = c * hidden - target;
  EXPECT_NEAR(network.mean_square_error(parameters, {x}, {target}), error * error, 1e-15);
  const auto gradient = network.gradient(parameters, {x}, {target});
  const double slope = 2 * error * c * (1 - hidden * hidden);
  EXPECT_NEAR(gradient[0], slope * x, 1e-14);
  EXPECT_NEAR(gradient[1], slope, 1e-14);
  EXPECT_NEAR(gradient[2], 2 * error * hidden, 1e-14);
  EXPECT_THROW((void)network.forward({a, b}, {x}), InvalidArgument);
  EXPECT_THROW((void)network.forward(parameters, {}), InvalidArgument);
  EXPECT_THROW((void)network.gradient(parameters, {x}, {target, target}), InvalidArgument);
}

TEST(DoublePrecisionNetwork, CentralDifferencesConverge) {
  const DoublePrecisionNetwork network(network_from_text("2 linear(4) silu layer_norm linear(2) softplus"));
  std::vector<double> parameters;
  for (std::int64_t i = 0; i < network.parameter_count(); ++i)
    parameters.push_back(std::sin(1.3 * static_cast<double>(i) + 0.4));
  const std::vector<double> inputs{0.3, -0.8, 1.1, 0.2, -0.5, 0.9};
  const std::vector<double> targets{0.1, 0.9, 0.5, 0.2, 0.7, 0.4};
  const auto exact = network.gradient(parameters, inputs, targets);
  const auto worst = [&](double h) {
    const auto approximate = network.central_differences(parameters, inputs, targets, h);
    WorstError error;
    for (std::size_t i = 0; i < exact.size(); ++i) error.add(std::fabs(approximate[i] - exact[i]));
    return error.value();
  };
  const double coarse = worst(1e-2);
  const double fine = worst(1e-3);
  EXPECT_GT(coarse, 50 * fine);  // quadratic in h
  EXPECT_LT(coarse, 200 * fine);
  EXPECT_LT(worst(1e-5), 1e-8);
}

}  // namespace
}  // namespace atelier
