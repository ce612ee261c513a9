#include "kernels/linear.h"
#include "tests/kernels/every_instruction_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "runtime/buffer.h"
#include "runtime/graph.h"
#include "runtime/instruction_set.h"
#include "runtime/parallel.h"
#include "tests/devices.h"
#include "tests/kernels/activation_reference.h"
#include "tests/kernels/placed_matrix.h"

namespace atelier {
namespace {

using testing::every_activation;
using testing::reference_activation;
using testing::reference_steepness;
using testing::WorstError;

using testing::different_bits;
using testing::kCanary;
using testing::kNan;
using testing::Place;
using testing::PlacedMatrix;

struct Problem {
  std::int64_t batch = 1;
  std::int64_t inputs = 1;
  std::int64_t outputs = 1;
  ActivationFunction activation{};
  bool bias = true;
  Place input_place{};
  Place weight_place{};
  Place output_place{};
  std::uint32_t seed = 1;
  bool keep = false;     // the pre-activation
  bool scratch = false;  // is given

  [[nodiscard]] std::string text() const {
    return "batch " + std::to_string(batch) + ", inputs " + std::to_string(inputs) + ", outputs " +
           std::to_string(outputs) + ", " + std::string(activation_name(activation.kind)) +
           (bias ? ", bias" : ", no bias") + (keep ? ", kept" : "") + (scratch ? ", scratch" : "") +
           ", offsets " + std::to_string(input_place.offset) + " " + std::to_string(weight_place.offset) +
           " " + std::to_string(output_place.offset) + ", gaps " + std::to_string(input_place.gap) + " " +
           std::to_string(weight_place.gap) + " " + std::to_string(output_place.gap);
  }
};

// Inputs, weights and biases of a problem on a device; gaps hold NaN, so that reading one shows.
struct Operands {
  Operands(Stream& stream, const Problem& problem)
      : input(stream, problem.batch, problem.inputs, problem.input_place, kNan),
        weight(stream, problem.outputs, problem.inputs, problem.weight_place, kNan),
        bias(stream, 1, problem.bias ? problem.outputs : 0, {problem.weight_place.offset, 0}, kNan),
        output(stream, problem.batch, problem.outputs, problem.output_place, kCanary),
        kept(stream, problem.keep ? problem.batch : 0, problem.outputs,
             {problem.output_place.gap % 4, problem.output_place.offset}, kCanary),
        scratch(stream, problem.scratch
                            ? linear_forward_scratch(problem.batch, problem.inputs, problem.outputs)
                            : 0) {
    std::mt19937 generator(problem.seed);
    input.randomise(generator, 1.0F);
    weight.randomise(generator, 2.0F / std::sqrt(static_cast<float>(problem.inputs) + 1.0F));
    bias.randomise(generator, 1.0F);
    for (PlacedMatrix* matrix : {&input, &weight, &bias, &output, &kept}) matrix->to_device(stream);
    upload<float>(stream, scratch.view(), std::vector<float>(static_cast<std::size_t>(scratch.size()), kNan));
  }

  void forward(Stream& stream, const Problem& problem) {
    linear_forward(stream, input.view, weight.view, bias.view.row(0), problem.activation, output.view,
                   kept.view, scratch.view());
  }

  PlacedMatrix input;
  PlacedMatrix weight;
  PlacedMatrix bias;
  PlacedMatrix output;
  PlacedMatrix kept;
  Buffer<float> scratch;
};

std::vector<float> outputs_of(Stream& stream, const Problem& problem) {
  Operands operands(stream, problem);
  operands.forward(stream, problem);
  return download<float>(stream, operands.output.buffer.view());
}

// Against a sum in double. `sampled_rows` > 0 compares that many rows only, the first and the last among
// them.
void expect_right(Stream& stream, const Problem& problem, std::int64_t sampled_rows = 0) {
  SCOPED_TRACE(problem.text());
  Operands operands(stream, problem);
  operands.forward(stream, problem);
  operands.output.from_device(stream, kCanary);
  operands.kept.from_device(stream, kCanary);
  if (problem.batch == 0 || problem.outputs == 0) return;

  WorstError excess;  // of the error over its bound
  WorstError kept_excess;
  const std::int64_t rows = sampled_rows > 0 ? std::min(sampled_rows, problem.batch) : problem.batch;
  for (std::int64_t sample = 0; sample < rows; ++sample) {
    const std::int64_t b = rows == 1 ? 0 : sample * (problem.batch - 1) / (rows - 1);
    for (std::int64_t o = 0; o < problem.outputs; ++o) {
      double sum = 0;
      double magnitude = 0;
      if (problem.bias) sum = operands.bias.at(0, o);
      magnitude = std::fabs(sum);
      for (std::int64_t i = 0; i < problem.inputs; ++i) {
        const double term =
            static_cast<double>(operands.input.at(b, i)) * static_cast<double>(operands.weight.at(o, i));
        sum += term;
        magnitude += std::fabs(term);
      }
      const double error_of_sum = static_cast<double>(problem.inputs + 2) * 0x1p-24 * magnitude;
      const double exact = reference_activation(problem.activation, sum);
      const bool plain = problem.activation.kind == Activation::identity;
      const double bound =
          (reference_steepness(problem.activation, sum) - (plain ? 0.2 : 0.0)) * error_of_sum +
          (plain ? 0.0 : 1e-6 * std::fmax(1.0, std::fabs(exact))) + 1e-37;
      excess.add(std::fabs(operands.output.at(b, o) - exact) / bound);
      if (problem.keep) kept_excess.add(std::fabs(operands.kept.at(b, o) - sum) / (error_of_sum + 1e-37));
    }
  }
  EXPECT_LE(excess.value(), 1.0);
  if (problem.keep) {
    EXPECT_LE(kept_excess.value(), 1.0) << "pre-activation";
  }
}

class LinearForward : public atelier::testing::EveryInstructionSet {};

TEST_P(LinearForward, EmptyExtents) {
  for_each_set([&] {
    Stream stream(GetParam());
    expect_right(stream, {.batch = 0, .inputs = 5, .outputs = 3});
    expect_right(stream, {.batch = 3, .inputs = 5, .outputs = 0});
    expect_right(stream, {.batch = 0, .inputs = 0, .outputs = 0});
    for (const std::int64_t batch : {1, 7, 33, 200})
      for (const bool bias : {true, false})
        expect_right(
            stream,
            {.batch = batch, .inputs = 0, .outputs = 19, .activation = {Activation::cos}, .bias = bias});
  });
}

TEST_P(LinearForward, SampledShapes) {
  const std::vector<std::int64_t> sizes{1, 2, 15, 16, 17, 31, 33, 64, 127, 500, 784, 1000};
  const std::vector<std::int64_t> batches{1, 2, 3, 15, 16, 17, 31, 33, 127, 1000};
  for_each_set([&] {
    Stream stream(GetParam());
    std::mt19937 generator(12);
    const auto pick = [&](const std::vector<std::int64_t>& from) { return from[generator() % from.size()]; };
    const std::int64_t most = slow() ? 3'000'000 : 120'000'000;
    int tried = 0;
    while (tried < (slow() ? 60 : 90)) {
      Problem problem{.batch = pick(batches), .inputs = pick(sizes), .outputs = pick(sizes)};
      if (problem.batch * problem.inputs * problem.outputs > most) continue;
      problem.activation = every_activation(static_cast<int>(generator() % kActivationCount));
      if (tried % 3 == 0) problem.activation = {};
      problem.bias = generator() % 4 != 0;
      problem.seed = static_cast<std::uint32_t>(tried + 1);
      problem.keep = generator() % 3 == 0;
      problem.scratch = generator() % 2 == 0;
      expect_right(stream, problem, 40);
      ++tried;
    }
  });
}

// Every batch across the borders between the code paths: few rows, one task, several tasks; and few outputs.
TEST_P(LinearForward, EveryBatchAndWidthNearTheBorders) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (std::int64_t n = 1; n <= 36; ++n) {
      expect_right(stream, {.batch = n, .inputs = 37, .outputs = 21});
      expect_right(stream, {.batch = 35, .inputs = 70, .outputs = n});
      expect_right(stream, {.batch = 13, .inputs = n, .outputs = 52});
      expect_right(stream, {.batch = 3, .inputs = n, .outputs = 35});
    }
    for (const std::int64_t batch : {63, 64, 65, 95, 96, 97, 191, 192, 193, 385})
      expect_right(stream, {.batch = batch, .inputs = 19, .outputs = 50, .activation = {Activation::tanh}});
  });
}

// One shape a way of computing: dot products along outputs, along the batch, weights packed, input packed,
// several blocks of depth, many rows.
TEST_P(LinearForward, EveryWayKeepsThePreActivation) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const bool scratch : {false, true})
      for (const auto& [batch, inputs, outputs] : std::vector<std::array<std::int64_t, 3>>{{1, 300, 90},
                                                                                           {12, 40, 33},
                                                                                           {90, 70, 1},
                                                                                           {77, 70, 4},
                                                                                           {40, 600, 10},
                                                                                           {64, 300, 200},
                                                                                           {65, 401, 150},
                                                                                           {230, 400, 70}})
        expect_right(stream, {.batch = batch,
                              .inputs = inputs,
                              .outputs = outputs,
                              .activation = {Activation::silu},
                              .output_place = {1, 5},
                              .keep = true,
                              .scratch = scratch});
  });
}

TEST_P(LinearForward, LargeTiles) {
  Stream stream(GetParam());
  // 120 tiles of 128 x 128 and more, then of 64 x 64, none of them whole at the edges.
  expect_right(stream, {.batch = 15300, .inputs = 9, .outputs = 100, .activation = {Activation::tanh}}, 200);
  expect_right(stream, {.batch = 15300, .inputs = 24, .outputs = 40, .output_place = {1, 3}}, 200);
  expect_right(stream, {.batch = 1000, .inputs = 33, .outputs = 500, .activation = {Activation::sigmoid}},
               200);
  expect_right(stream, {.batch = 700, .inputs = 40, .outputs = 768}, 200);
  expect_right(stream, {.batch = 4001, .inputs = 600, .outputs = 41, .scratch = true},
               200);  // the sum in parts
}

TEST_P(LinearForward, TallBatch) {
  for_each_set([&] {
    Stream stream(GetParam());
    expect_right(stream, {.batch = 65537, .inputs = 3, .outputs = 5, .activation = {Activation::tanh}}, 500);
    if (!slow()) expect_right(stream, {.batch = 65537, .inputs = 16, .outputs = 16}, 500);
    if (!slow())
      expect_right(
          stream,
          {.batch = 200, .inputs = 9000, .outputs = 24, .activation = {Activation::tanh}, .keep = true}, 20);
    expect_right(stream, {.batch = 1, .inputs = 5, .outputs = 65537}, 1);
  });
}

TEST_P(LinearForward, AnyStrideAndAlignment) {
  for_each_set([&] {
    Stream stream(GetParam());
    std::mt19937 generator(5);
    const auto place = [&] {
      return Place{static_cast<std::int64_t>(generator() % 4),
                   std::vector<std::int64_t>{0, 1, 3, 4, 12}[generator() % 5]};
    };
    for (const std::int64_t batch : {1, 3, 8, 9, 40, 130})
      for (const std::int64_t inputs : {1, 4, 30, 64, 100})
        for (const std::int64_t outputs : {1, 7, 48, 65}) {
          Problem problem{.batch = batch, .inputs = inputs, .outputs = outputs};
          problem.input_place = place();
          problem.weight_place = place();
          problem.output_place = place();
          problem.activation = {Activation::leaky_relu, 0.2F};
          problem.keep = generator() % 2 == 0;
          problem.scratch = generator() % 2 == 0;
          expect_right(stream, problem);
        }
  });
}

TEST_P(LinearForward, EveryActivation) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (int i = 0; i < kActivationCount; ++i)
      for (const std::int64_t batch : {2, 19, 50})
        for (const bool bias : {true, false})
          for (const std::int64_t outputs : {3, 17})
            expect_right(stream, {.batch = batch,
                                  .inputs = 33,
                                  .outputs = outputs,
                                  .activation = every_activation(i),
                                  .bias = bias,
                                  .keep = bias});
  });
}

TEST_P(LinearForward, SameBitsForAnyThreadsAndTwice) {
  for_each_set([&] {
    Stream stream(GetParam());
    std::vector<Problem> problems{
        {.batch = 1, .inputs = 784, .outputs = 500},
        {.batch = 31, .inputs = 127, .outputs = 300},
        {.batch = 64, .inputs = 500, .outputs = 784, .keep = true, .scratch = true},
        {.batch = 900, .inputs = 500, .outputs = 3},
        {.batch = 450, .inputs = 64, .outputs = 100, .activation = {Activation::tanh}}};
    for (const Problem& problem : problems) {
      SCOPED_TRACE(problem.text());
      set_cpu_threads(1);
      const std::vector<float> one = outputs_of(stream, problem);
      for (const int threads : {1, 2, 3, 0}) {
        set_cpu_threads(threads);
        const std::vector<float> other = outputs_of(stream, problem);
        EXPECT_EQ(different_bits(one, other), 0U) << threads << " threads";
      }
      set_cpu_threads(0);
    }
  });
}

// A row of the batch and an output depend on nothing but themselves.
TEST_P(LinearForward, NanStaysInItsRow) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const std::int64_t batch : {5, 40})
      for (int i = 0; i < kActivationCount; ++i) {
        const Problem problem{.batch = batch, .inputs = 21, .outputs = 18, .activation = every_activation(i)};
        SCOPED_TRACE(problem.text());
        Operands operands(stream, problem);
        operands.input.at(2, 20) = kNan;
        upload<float>(stream, operands.input.buffer.view(), operands.input.host);
        operands.forward(stream, problem);
        const std::vector<float> got = download<float>(stream, operands.output.buffer.view());
        std::int64_t wrong = 0;
        for (std::int64_t b = 0; b < batch; ++b)
          for (std::int64_t o = 0; o < 18; ++o)
            wrong += std::isnan(got[static_cast<std::size_t>(b * 18 + o)]) != (b == 2);
        EXPECT_EQ(wrong, 0);
      }
  });
}

TEST_P(LinearForward, ReplaysInAGraph) {
  Stream stream(GetParam());
  const Problem problem{.batch = 20, .inputs = 30, .outputs = 40, .activation = {Activation::tanh}};
  Operands operands(stream, problem);
  operands.forward(stream, problem);
  const std::vector<float> expected = download<float>(stream, operands.output.buffer.view());
  stream.begin_capture();
  operands.forward(stream, problem);
  const Graph graph = stream.end_capture();
  for (int replay = 0; replay < 2; ++replay) {
    upload<float>(stream, operands.output.buffer.view(), operands.output.host);
    graph.launch(stream);
    EXPECT_EQ(download<float>(stream, operands.output.buffer.view()), expected);
  }
}

TEST_P(LinearForward, RefusesShapesThatDoNotFit) {
  Stream stream(GetParam());
  Buffer<float> buffer(stream, 64);
  float* const data = buffer.data();
  const auto message = [&](MatrixView<const float> input, MatrixView<const float> weight,
                           VectorView<const float> bias, MatrixView<float> output,
                           MatrixView<float> kept = {}, VectorView<float> scratch = {}) -> std::string {
    try {
      linear_forward(stream, input, weight, bias, {}, output, kept, scratch);
    } catch (const InvalidArgument& error) {
      return error.what();
    }
    return "nothing was thrown";
  };
  const std::string device = GetParam().name();
  EXPECT_EQ(message(matrix_view<const float>(data, 2, 3), matrix_view<const float>(data, 4, 5), {},
                    matrix_view(data, 2, 4)),
            "linear_forward on " + device +
                ": input [2, 3] and weight [4, 5] do not fit; weight must be [outputs, 3]");
  EXPECT_EQ(message(matrix_view<const float>(data, 2, 3), matrix_view<const float>(data, 4, 3), {},
                    matrix_view(data, 4, 2)),
            "linear_forward on " + device + ": output is [4, 2]; input [2, 3] and weight [4, 3] make [2, 4]");
  EXPECT_EQ(message(matrix_view<const float>(data, 2, 3), matrix_view<const float>(data, 4, 3), {data, 3},
                    matrix_view(data, 2, 4)),
            "linear_forward on " + device + ": bias has 3 elements; 4 or none are needed");
  EXPECT_EQ(message(matrix_view<const float>(data, 2, 3), matrix_view<const float>(data, 4, 3), {},
                    matrix_view(data, 2, 4), matrix_view(data, 4, 2)),
            "linear_forward on " + device + ": pre_activation is [4, 2]; [2, 4] or an empty view is needed");
  const std::int64_t needed = linear_forward_scratch(64, 5000, 40);
  ASSERT_GT(needed, 1);
  EXPECT_EQ(message({data, 64, 5000, 5000}, {data, 40, 5000, 5000}, {}, {data, 64, 40, 40}, {}, {data, 1}),
            "linear_forward on " + device + ": scratch has 1 elements; at least " + std::to_string(needed) +
                " or none are needed");
  EXPECT_EQ(message({data, 2, 3, 2}, matrix_view<const float>(data, 4, 3), {}, matrix_view(data, 2, 4)),
            "linear_forward on " + device + ": input [2, 3] has a stride of 2; at least 3 is needed");
  EXPECT_EQ(message(matrix_view<const float>(data, -2, 3), matrix_view<const float>(data, 4, 3), {},
                    matrix_view(data, 2, 4)),
            "linear_forward on " + device + ": input is [-2, 3]; extents must not be negative");
}

INSTANTIATE_TEST_SUITE_P(Devices, LinearForward, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

}  // namespace
}  // namespace atelier
