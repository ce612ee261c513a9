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

using testing::different_bits;
using testing::kCanary;
using testing::kNan;
using testing::PlacedMatrix;
using testing::backward::Layer;
using testing::backward::Problem;

class LinearBackwardRules : public atelier::testing::EveryInstructionSet {};
TEST_P(LinearBackwardRules, SameBitsForAnyThreadsAndTwice) {
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
TEST_P(LinearBackwardRules, NanStaysWhereItBelongs) {
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

TEST_P(LinearBackwardRules, ReplaysInAGraph) {
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

TEST_P(LinearBackwardRules, RefusesShapesThatDoNotFit) {
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

INSTANTIATE_TEST_SUITE_P(Devices, LinearBackwardRules, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

}  // namespace
}  // namespace atelier
