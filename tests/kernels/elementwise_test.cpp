#include "kernels/elementwise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "runtime/buffer.h"
#include "runtime/graph.h"
#include "runtime/parallel.h"
#include "tests/devices.h"
#include "tests/kernels/activation_reference.h"

namespace atelier {
namespace {

using testing::WorstError;

constexpr float kCanary = 1234567.0F;

/// A matrix whose rows have gaps, away from aligned addresses; the gaps hold canaries.
class GappedMatrix {
 public:
  GappedMatrix(Stream& stream, std::int64_t rows, std::int64_t columns, std::int64_t gap)
      : rows_(rows), columns_(columns), stride_(columns + gap), buffer_(stream, rows * stride_ + 3) {
    upload<float>(stream, buffer_.view(),
                  std::vector<float>(static_cast<std::size_t>(buffer_.size()), kCanary));
  }
  [[nodiscard]] MatrixView<float> view() const { return {buffer_.data() + 1, rows_, columns_, stride_}; }
  void fill(Stream& stream, const std::vector<float>& values) const {
    std::vector<float> all = download(stream, buffer_.view());
    for (std::size_t i = 0; i < values.size(); ++i) all[place(i)] = values[i];
    upload<float>(stream, buffer_.view(), all);
  }
  /// The elements; fails where a canary is gone.
  [[nodiscard]] std::vector<float> values(Stream& stream) const {
    std::vector<float> all = download(stream, buffer_.view());
    std::vector<float> result;
    for (std::size_t i = 0; i < static_cast<std::size_t>(rows_ * columns_); ++i) {
      result.push_back(all[place(i)]);
      all[place(i)] = kCanary;
    }
    for (const float value : all) EXPECT_EQ(value, kCanary) << "outside of the matrix";
    return result;
  }

 private:
  [[nodiscard]] std::size_t place(std::size_t index) const {
    const auto columns = static_cast<std::size_t>(columns_);
    return 1 + index / columns * static_cast<std::size_t>(stride_) + index % columns;
  }
  std::int64_t rows_;
  std::int64_t columns_;
  std::int64_t stride_;
  Buffer<float> buffer_;
};

std::vector<float> random_values(std::int64_t count, unsigned seed, float width) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-width, width);
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(uniform(random));
  return values;
}

/// d/dx by a central difference of the definition in double.
double reference_derivative(ActivationFunction function, double x) {
  constexpr double kStep = 1e-5;
  return (testing::reference_activation(function, x + kStep) -
          testing::reference_activation(function, x - kStep)) /
         (2 * kStep);
}

class Elementwise : public ::testing::TestWithParam<Device> {};

TEST_P(Elementwise, ForwardAndBackwardAreRightForEveryActivation) {
  Stream stream(GetParam());
  struct Shape {
    std::int64_t rows, columns, gap;
  };
  for (const Shape& shape : {Shape{1, 1, 0}, Shape{1, 333, 0}, Shape{7, 33, 0}, Shape{5, 17, 3},
                             Shape{0, 4, 0}, Shape{4, 0, 0}, Shape{300, 3, 1}})
    for (int index = 0; index < kActivationCount; ++index) {
      const ActivationFunction function = testing::every_activation(index);
      SCOPED_TRACE(std::string(activation_name(function.kind)) + ", " + std::to_string(shape.rows) + " x " +
                   std::to_string(shape.columns));
      const std::int64_t count = shape.rows * shape.columns;
      const std::vector<float> input = random_values(count, 3, 4.0F);
      const std::vector<float> gradient = random_values(count, 4, 1.0F);
      const GappedMatrix x(stream, shape.rows, shape.columns, shape.gap);
      const GappedMatrix y(stream, shape.rows, shape.columns, 0);
      const GappedMatrix dy(stream, shape.rows, shape.columns, shape.gap);
      x.fill(stream, input);
      dy.fill(stream, gradient);
      activation_forward(stream, x.view(), function, y.view());
      activation_backward(stream, x.view(), y.view(), function, dy.view(), dy.view());  // in place
      const std::vector<float> output = y.values(stream);
      const std::vector<float> input_gradient = dy.values(stream);
      WorstError worst;
      WorstError worst_gradient;
      for (std::size_t i = 0; i < input.size(); ++i) {
        const auto at = static_cast<double>(input[i]);
        const double expected = testing::reference_activation(function, at);
        worst.add(std::abs(static_cast<double>(output[i]) - expected) / std::fmax(1.0, std::abs(expected)));
        const double slope = reference_derivative(function, at) * static_cast<double>(gradient[i]);
        worst_gradient.add(std::abs(static_cast<double>(input_gradient[i]) - slope) /
                           std::fmax(1.0, std::abs(slope)));
      }
      if (input.empty()) continue;
      EXPECT_LE(worst.value(), 1e-6);
      EXPECT_LE(worst_gradient.value(), 5e-6);
      activation_forward(stream, x.view(), function, x.view());  // in place
      EXPECT_EQ(x.values(stream), output);
    }
}

TEST_P(Elementwise, LargeMatricesAreTheSameForAnyNumberOfThreads) {
  const std::int64_t rows = GetParam().kind() == DeviceKind::simt ? 37 : 1037;
  const std::vector<float> input = random_values(rows * 131, 5, 3.0F);
  std::vector<float> first;
  for (const int threads : {1, 3}) {
    set_cpu_threads(threads);
    Stream stream(GetParam());
    const GappedMatrix x(stream, rows, 131, 2);
    const GappedMatrix y(stream, rows, 131, 0);
    x.fill(stream, input);
    activation_forward(stream, x.view(), {Activation::gelu}, y.view());
    activation_backward(stream, x.view(), y.view(), {Activation::gelu}, y.view(), x.view());
    const std::vector<float> values = x.values(stream);
    if (first.empty()) first = values;
    EXPECT_EQ(values, first);
  }
  set_cpu_threads(0);
}

TEST_P(Elementwise, NanStaysWhereItIs) {
  Stream stream(GetParam());
  for (int index = 0; index < kActivationCount; ++index) {
    std::vector<float> input = random_values(50, 6, 2.0F);
    input[20] = std::numeric_limits<float>::quiet_NaN();
    const GappedMatrix x(stream, 1, 50, 0);
    const GappedMatrix y(stream, 1, 50, 0);
    const GappedMatrix dx(stream, 1, 50, 0);
    x.fill(stream, input);
    const ActivationFunction function = testing::every_activation(index);
    activation_forward(stream, x.view(), function, y.view());
    dx.fill(stream, std::vector<float>(50, 1.0F));
    activation_backward(stream, x.view(), y.view(), function, dx.view(), dx.view());
    const std::vector<float> output = y.values(stream);
    const std::vector<float> gradient = dx.values(stream);
    for (std::size_t i = 0; i < 50; ++i) {
      EXPECT_EQ(std::isnan(output[i]), i == 20) << activation_name(function.kind);
      EXPECT_EQ(std::isnan(gradient[i]), i == 20) << activation_name(function.kind);
    }
  }
}

TEST_P(Elementwise, ReplaysInAGraphAndRefusesOtherShapes) {
  Stream stream(GetParam());
  const GappedMatrix x(stream, 2, 5, 0);
  const GappedMatrix y(stream, 2, 5, 1);
  stream.begin_capture();
  activation_forward(stream, x.view(), {Activation::square}, y.view());
  const Graph graph = stream.end_capture();
  for (const float value : {2.0F, 3.0F}) {
    x.fill(stream, std::vector<float>(10, value));
    graph.launch(stream);
    EXPECT_EQ(y.values(stream), std::vector<float>(10, value * value));
  }
  const auto message = [&](const auto& call) -> std::string {
    try {
      call();
    } catch (const InvalidArgument& error) {
      return error.what();
    }
    return "nothing was thrown";
  };
  const std::string device = GetParam().name();
  EXPECT_EQ(message([&] { activation_forward(stream, x.view(), {}, y.view().rows_part(0, 1)); }),
            "activation_forward on " + device + ": input is [2, 5] and output is [1, 5]; they must be equal");
  MatrixView<float> narrow = y.view();
  narrow.stride = 4;
  EXPECT_EQ(message([&] { activation_backward(stream, x.view(), x.view(), {}, narrow, x.view()); }),
            "activation_backward on " + device +
                ": output_gradient [2, 5] has a stride of 4; at least 5 is needed");
}

INSTANTIATE_TEST_SUITE_P(Devices, Elementwise, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

}  // namespace
}  // namespace atelier
