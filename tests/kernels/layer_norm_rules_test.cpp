// Which results are written, and when they are the same: aliasing, NaN, threads, replay; refused arguments.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "kernels/layer_norm.h"
#include "runtime/buffer.h"
#include "runtime/error.h"
#include "runtime/graph.h"
#include "runtime/parallel.h"
#include "tests/devices.h"
#include "tests/kernels/every_instruction_set.h"
#include "tests/kernels/layer_norm_operands.h"

namespace atelier {
namespace {

using testing::kCanary;
using testing::LayerNormOperands;
using testing::LayerNormProblem;
using testing::PlacedMatrix;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

class LayerNormRules : public testing::EveryInstructionSet {};

TEST_P(LayerNormRules, ForwardInPlaceAndWithoutStatistics) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const std::int64_t columns : {5, 200, 784, 1600, 9001}) {
      LayerNormOperands operands(stream, {.rows = 10, .columns = columns});
      operands.up(stream);
      operands.forward(stream, false);
      operands.y.fetch(stream);
      LayerNormOperands other(stream, operands.problem);
      other.up(stream);
      layer_norm_forward(stream, other.x.view, other.gamma(), other.vectors.view.row(1), 1e-5, other.x.view,
                         {}, {});
      other.x.fetch(stream);
      std::int64_t different = 0;
      for (std::int64_t r = 0; r < 10; ++r)
        for (std::int64_t c = 0; c < columns; ++c) different += other.x.at(r, c) != operands.y.at(r, c);
      EXPECT_EQ(different, 0) << columns;
    }
  });
}

TEST_P(LayerNormRules, EachGradientAlone) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const std::int64_t columns : {30, 784, 1200, 8300})
      for (const std::int64_t rows : {3, 70}) {
        const LayerNormProblem problem{.rows = rows, .columns = columns};
        SCOPED_TRACE(problem.text());
        const auto run = [&](bool input, bool gamma, bool beta) {
          LayerNormOperands operands(stream, problem);
          operands.vectors.at(2, 0) = operands.vectors.at(3, 0) = kCanary;
          operands.up(stream);
          operands.forward(stream, false);
          operands.backward(stream, input, gamma, beta);
          operands.dx.fetch(stream);
          operands.vectors.fetch(stream);
          return operands;
        };
        LayerNormOperands all = run(true, true, true);
        for (int wanted = 0; wanted < 3; ++wanted) {
          LayerNormOperands one = run(wanted == 0, wanted == 1, wanted == 2);
          EXPECT_EQ(one.dx.at(rows - 1, 0), wanted == 0 ? all.dx.at(rows - 1, 0) : kCanary);
          EXPECT_EQ(one.vectors.at(2, 0), wanted == 1 ? all.vectors.at(2, 0) : kCanary);
          EXPECT_EQ(one.vectors.at(3, 0), wanted == 2 ? all.vectors.at(3, 0) : kCanary);
        }
      }
  });
}

TEST_P(LayerNormRules, NanStaysInItsRow) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const std::int64_t columns : {21, 784, 1300, 8500}) {
      LayerNormOperands operands(stream, {.rows = 12, .columns = columns});
      operands.x.at(5, columns - 1) = kNan;
      operands.up(stream);
      operands.forward(stream, false);
      operands.backward(stream);
      for (PlacedMatrix* matrix : {&operands.y, &operands.dx, &operands.vectors}) matrix->fetch(stream);
      std::int64_t wrong = 0;
      for (std::int64_t r = 0; r < 12; ++r)
        for (std::int64_t c = 0; c < columns; ++c) {
          wrong += std::isnan(operands.y.at(r, c)) != (r == 5);
          wrong += std::isnan(operands.dx.at(r, c)) != (r == 5);
        }
      for (std::int64_t c = 0; c < columns; ++c)
        wrong += !std::isnan(operands.vectors.at(2, c)) + std::isnan(operands.vectors.at(3, c));
      EXPECT_EQ(wrong, 0) << columns;
    }
  });
}

TEST_P(LayerNormRules, SameBitsForAnyThreadsAndTwiceAndReplayed) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const std::int64_t columns : {100, 700, 1500, 8400}) {
      LayerNormOperands operands(stream, {.rows = columns > 1000 ? 70 : 333, .columns = columns});
      const auto results = [&] {
        std::vector<float> all;
        for (const PlacedMatrix* matrix : {&operands.y, &operands.dx, &operands.vectors}) {
          const std::vector<float> part = download<float>(stream, matrix->buffer.view());
          for (const float value : part) all.push_back(std::isnan(value) ? kCanary : value);  // padding
        }
        return all;
      };
      set_cpu_threads(1);
      operands.up(stream);
      operands.forward(stream, false);
      operands.backward(stream);
      const std::vector<float> one = results();
      for (const int threads : {2, 3, 0}) {
        set_cpu_threads(threads);
        operands.up(stream);
        operands.forward(stream, false);
        operands.backward(stream);
        EXPECT_EQ(results(), one) << threads << " threads";
      }
      stream.begin_capture();
      operands.forward(stream, false);
      operands.backward(stream);
      const Graph graph = stream.end_capture();
      operands.up(stream);
      graph.launch(stream);
      EXPECT_EQ(results(), one);
    }
    set_cpu_threads(0);
  });
}

TEST_P(LayerNormRules, RefusesShapesThatDoNotFit) {
  Stream stream(GetParam());
  Buffer<float> buffer(stream, 256);
  float* const data = buffer.data();
  const auto x = matrix_view(data, 2, 3);
  const VectorView<float> three{data, 3};
  const VectorView<float> two{data, 2};
  const auto message = [&](const std::function<void()>& call) -> std::string {
    try {
      call();
    } catch (const InvalidArgument& error) {
      return error.what();
    }
    return "nothing was thrown";
  };
  const auto forward = [&](MatrixView<const float> input, VectorView<const float> gamma,
                           VectorView<const float> beta, double epsilon, MatrixView<float> output,
                           VectorView<float> mean, VectorView<float> deviation) {
    return message([&] { layer_norm_forward(stream, input, gamma, beta, epsilon, output, mean, deviation); });
  };
  const std::string call = "layer_norm_forward on " + GetParam().name() + ": ";
  EXPECT_EQ(forward(x, three, three, 1e-5, matrix_view(data, 3, 2), two, two),
            call + "output is [3, 2]; input is [2, 3], and both must have one shape");
  EXPECT_EQ(forward(x, two, three, 1e-5, x, two, two), call + "gamma has 2 elements; 3 or none are needed");
  EXPECT_EQ(forward(x, three, {}, 1e-5, x, two, two),
            call + "gamma has 3 elements and beta 0; give both or neither");
  EXPECT_EQ(forward(x, three, three, 1e-5, x, three, two),
            call + "mean has 3 elements; 2 or none are needed");
  EXPECT_EQ(forward(x, {}, {}, 0.0, x, {}, {}),
            call + "epsilon is 0; it must be positive and finite in fp32");
  EXPECT_EQ(forward(x, {}, {}, NAN, x, {}, {}),
            call + "epsilon is nan; it must be positive and finite in fp32");
  EXPECT_EQ(forward({data, 2, 0, 0}, {}, {}, 1e-5, {data, 2, 0, 0}, {}, {}),
            call + "input is [2, 0]; a row without columns has no mean");
  EXPECT_EQ(message([&] {
              layer_norm_backward(stream, x, three, two, two, x, {x, three, three, false}, {data, 1});
            }),
            "layer_norm_backward on " + GetParam().name() +
                ": scratch has 1 floats; layer_norm_backward_scratch(2, 3) asks for " +
                std::to_string(layer_norm_backward_scratch(2, 3)));
  EXPECT_EQ(
      message([&] {
        layer_norm_backward(stream, x, three, two, {}, x, {x, three, three, false}, {data, 256});
      }),
      "layer_norm_backward on " + GetParam().name() + ": reciprocal_deviation has 0 elements; 2 are needed");
}

INSTANTIATE_TEST_SUITE_P(Devices, LayerNormRules, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

}  // namespace
}  // namespace atelier
