#include "kernels/activation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "kernels/activation_function.h"
#include "kernels/linear.h"
#include "runtime/buffer.h"
#include "runtime/instruction_set.h"
#include "tests/devices.h"
#include "tests/kernels/activation_reference.h"

namespace atelier {
namespace {

using testing::every_activation;
using testing::reference_activation;
using testing::WorstError;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Small and large arguments of both signs: a dense grid near zero, then powers.
std::vector<float> arguments() {
  std::vector<float> result{0.0F, -0.0F};
  for (int i = -40000; i <= 40000; ++i) result.push_back(static_cast<float>(i) * 0.00091F);
  for (float x = 40.0F; x < 1e18F; x *= 1.37F) result.insert(result.end(), {x, -x});
  for (float x = 1e-3F; x > 1e-37F; x *= 0.11F) result.insert(result.end(), {x, -x});
  return result;
}

// The documented bound of an fp32 activation with the exact value y at x.
double bound(ActivationFunction function, double x, double y) {
  switch (function.kind) {
    case Activation::identity:
    case Activation::relu:
    case Activation::abs:
      return 0;
    case Activation::tanh:
    case Activation::gaussian:
      return 4e-7;
    case Activation::sigmoid:
      return 2.5e-7;
    case Activation::sin:
    case Activation::cos:
      return 1.2e-7;
    case Activation::silu:
      return 2.5e-7 * std::fmax(1.0, std::fabs(x));
    case Activation::gelu:
      return 8e-6 * std::fabs(y) + 1e-30;
    default:
      return 5e-7 * std::fabs(y) + 1e-37;
  }
}

TEST(Activation, NamesAndBack) {
  ASSERT_EQ(activation_names().size(), static_cast<std::size_t>(kActivationCount));
  for (int i = 0; i < kActivationCount; ++i) {
    const auto kind = static_cast<Activation>(i);
    EXPECT_EQ(activation_name(kind), activation_names()[static_cast<std::size_t>(i)]);
    ASSERT_TRUE(activation_from_name(activation_name(kind)).has_value());
    EXPECT_EQ(*activation_from_name(activation_name(kind)), kind);
  }
  EXPECT_EQ(activation_name(Activation::identity), "identity");
  EXPECT_EQ(activation_name(Activation::leaky_relu), "leaky_relu");
  EXPECT_EQ(activation_name(Activation::softsign), "softsign");
  EXPECT_FALSE(activation_from_name("Tanh").has_value());
  EXPECT_FALSE(activation_from_name("").has_value());
}

TEST(Activation, SinglePrecisionKeepsItsBound) {
  for (int i = 0; i < kActivationCount; ++i) {
    const ActivationFunction function = every_activation(i);
    WorstError excess;  // over the bound, relative to it
    for (const float x : arguments()) {
      // The largest argument for which sin and cos promise accuracy is 2^45.
      if ((function.kind == Activation::sin || function.kind == Activation::cos) && std::fabs(x) > 0x1p45F)
        continue;
      const double exact = reference_activation(function, x);
      const double error = std::fabs(static_cast<double>(activate(function, x)) - exact);
      const double allowed = bound(function, x, exact);
      excess.add(allowed == 0 ? (error == 0 ? 0.0 : 2.0) : error / allowed);
    }
    EXPECT_LE(excess.value(), 1.0) << activation_name(function.kind);
  }
}

TEST(Activation, DoublePrecision) {
  for (int i = 0; i < kActivationCount; ++i) {
    const ActivationFunction function = every_activation(i);
    WorstError worst;
    for (const float x : arguments()) {
      const double exact = reference_activation(function, x);
      worst.add(std::fabs(activate(function, double{x}) - exact) / std::fmax(1.0, std::fabs(exact)));
    }
    EXPECT_LE(worst.value(), 1e-15) << activation_name(function.kind);
  }
}

TEST(Activation, NanStaysNan) {
  for (int i = 0; i < kActivationCount; ++i) {
    const ActivationFunction function = every_activation(i);
    EXPECT_TRUE(std::isnan(activate(function, kNan))) << activation_name(function.kind);
    EXPECT_TRUE(std::isnan(activate(function, double{kNan}))) << activation_name(function.kind);
    EXPECT_TRUE(std::isnan(activation_derivative(function, kNan, kNan))) << activation_name(function.kind);
  }
}

TEST(Activation, LimitsAtInfinityAndNoOverflow) {
  EXPECT_EQ(tanh_activation(kInfinity), 1.0F);
  EXPECT_EQ(tanh_activation(-kInfinity), -1.0F);
  EXPECT_EQ(tanh_activation(0.0F), 0.0F);
  EXPECT_EQ(sigmoid_activation(kInfinity), 1.0F);
  EXPECT_EQ(sigmoid_activation(-kInfinity), 0.0F);
  EXPECT_EQ(gaussian_activation(kInfinity), 0.0F);
  EXPECT_EQ(softplus_activation(-kInfinity), 0.0F);
  EXPECT_EQ(softplus_activation(kInfinity), kInfinity);
  EXPECT_EQ(elu_activation(-kInfinity, 0.5F), -0.5F);
  EXPECT_TRUE(std::isnan(sin_activation(kInfinity)));
  EXPECT_TRUE(std::isnan(gelu_activation(-kInfinity)));
  EXPECT_EQ(sin_activation(0x1p60F), 0.0F);
  EXPECT_EQ(cos_activation(-0x1p60F), 1.0F);
  for (int i = 0; i < kActivationCount; ++i) {
    const ActivationFunction function = every_activation(i);
    if (function.kind == Activation::square) continue;  // its value is past the largest float
    for (const float x : {3e38F, -3e38F})
      EXPECT_TRUE(std::isfinite(activate(function, x))) << activation_name(function.kind) << " at " << x;
  }
}

TEST(Activation, DerivativesAgreeWithDifferences) {
  for (int i = 0; i < kActivationCount; ++i) {
    const ActivationFunction function = every_activation(i);
    WorstError in_double;
    WorstError in_single;
    for (int step = -3000; step <= 3000; ++step) {
      const double x = step * 0.0031 + 0.0007;  // never within a step of a kink
      const double h = 1e-5;
      const double slope =
          (reference_activation(function, x + h) - reference_activation(function, x - h)) / (2 * h);
      const double y = activate(function, x);
      in_double.add(std::fabs(activation_derivative(function, x, y) - slope));
      const auto single = static_cast<float>(x);
      const double exact =
          activation_derivative(function, double{single}, activate(function, double{single}));
      in_single.add(std::fabs(activation_derivative(function, single, activate(function, single)) - exact) /
                    std::fmax(1.0, std::fabs(exact)));
    }
    EXPECT_LE(in_double.value(), 2e-9) << activation_name(function.kind);
    EXPECT_LE(in_single.value(), 2e-6) << activation_name(function.kind);
  }
}

TEST(Activation, WhichDerivativesFollowFromTheOutput) {
  std::string names;
  for (const std::string_view name : activation_names())
    if (derivative_from_output({*activation_from_name(name), 0.0F})) names.append(name).append(" ");
  EXPECT_EQ(names, "identity relu leaky_relu sigmoid tanh elu softsign ");
  // With a negative slope, two inputs of different derivatives have one output.
  EXPECT_FALSE(derivative_from_output({Activation::leaky_relu, -0.1F}));
  EXPECT_FALSE(derivative_from_output({Activation::elu, -0.1F}));
  EXPECT_FALSE(derivative_from_output({Activation::elu, std::nanf("")}));
}

TEST(Activation, DerivativesAtKinks) {
  const auto at_zero = [](Activation kind) {
    const ActivationFunction function{kind, 0.25F};
    return activation_derivative(function, 0.0F, activate(function, 0.0F));
  };
  EXPECT_EQ(at_zero(Activation::relu), 0.0F);
  EXPECT_EQ(at_zero(Activation::leaky_relu), 0.25F);
  EXPECT_EQ(at_zero(Activation::elu), 0.25F);
  EXPECT_EQ(at_zero(Activation::abs), 0.0F);
}

// On every device: a linear layer of one input and the weight 1 applies the activation to exact arguments.
// simt runs, a thread at a time, the code that SinglePrecisionKeepsItsBound tries at all of them: a few do.
class ActivationOnDevice : public ::testing::TestWithParam<Device> {};

void expect_bound_on(Device device, const std::string& what) {
  Stream stream(device);
  std::vector<float> x;
  const std::vector<float> all = arguments();
  for (std::size_t i = 0; i < all.size(); i += device.kind() == DeviceKind::simt ? 11 : 1)
    if (std::fabs(all[i]) < 3e7F) x.push_back(all[i]);
  const auto count = static_cast<std::int64_t>(x.size());
  Buffer<float> input(stream, count);
  Buffer<float> weight(stream, 1);
  Buffer<float> output(stream, count);
  upload<float>(stream, input.view(), x);
  upload<float>(stream, weight.view(), std::vector<float>{1.0F});
  for (int i = 0; i < kActivationCount; ++i) {
    const ActivationFunction function = every_activation(i);
    linear_forward(stream, input.matrix(count, 1), weight.matrix(1, 1), {}, function,
                   output.matrix(count, 1));
    const std::vector<float> y = download<float>(stream, output.view());
    WorstError worst;
    for (std::size_t k = 0; k < x.size(); ++k) {
      const double exact = reference_activation(function, x[k]);
      worst.add(std::fabs(y[k] - exact) / std::fmax(1.0, std::fabs(exact)));
    }
    EXPECT_LE(worst.value(), function.kind == Activation::tanh ? 4e-7 : 1e-6)
        << activation_name(function.kind) << " on " << what;
  }
}

TEST_P(ActivationOnDevice, KeepsItsBound) {
  if (GetParam().kind() != DeviceKind::cpu) {
    expect_bound_on(GetParam(), GetParam().name());
    return;
  }
  const InstructionSet chosen = instruction_set();
  for (const InstructionSet set : instruction_sets_present()) {
    set_instruction_set(set);
    expect_bound_on(GetParam(), "cpu with " + std::string(instruction_set_name(set)));
  }
  set_instruction_set(chosen);
}

INSTANTIATE_TEST_SUITE_P(Devices, ActivationOnDevice, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

}  // namespace
}  // namespace atelier
