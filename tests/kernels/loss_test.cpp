#include "kernels/loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "runtime/buffer.h"
#include "runtime/error.h"
#include "runtime/graph.h"
#include "runtime/parallel.h"
#include "tests/devices.h"
#include "tests/kernels/every_instruction_set.h"
#include "tests/kernels/loss_operands.h"
#include "tests/kernels/loss_reference.h"

namespace atelier {
namespace {

using testing::kCanary;
using testing::kEveryLoss;
using testing::Loss;
using testing::loss_name;
using testing::LossOperands;
using testing::LossProblem;
using testing::PlacedMatrix;
using testing::reference_gradient;
using testing::reference_loss;
using testing::reference_sigmoid;
using testing::WorstError;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

void expect_right(Stream& stream, const LossProblem& problem) {
  SCOPED_TRACE(problem.text());
  LossOperands operands(stream, problem);
  operands.up(stream);
  operands.run(stream);
  PlacedMatrix& output = problem.in_place ? operands.input : operands.gradient;
  const PlacedMatrix before = [&] {
    PlacedMatrix copy(stream, problem.batch, problem.width, {problem.offset, problem.gap}, kNan);
    copy.host = operands.input.host;
    return copy;
  }();
  output.fetch(stream);
  operands.probability.fetch(stream);
  const float loss = download<float>(stream, operands.loss.view())[0];
  if (!problem.in_place) {
    EXPECT_EQ(operands.gradient.touched(), 0U);
  }
  EXPECT_EQ(operands.probability.touched(), 0U);

  const auto count = static_cast<double>(operands.count);
  double sum = 0;
  double magnitude = 0;
  WorstError gradient;
  WorstError probability;
  for (std::int64_t i = 0; i < operands.count; ++i) {
    double x = before.host[before.index(i)];
    const double t = operands.target_of(i);
    if (problem.loss == Loss::sigmoid_bce) {
      const double exact = reference_sigmoid(x);
      x = operands.probability[i];  // what the rest follows from, and rounds at
      probability.add(std::fabs(x - exact) / exact);
    }
    const double term = reference_loss(problem.loss, x, t);
    sum += term;
    magnitude += std::fabs(term);
    const double exact = reference_gradient(problem.loss, x, t) / count;
    const double bound = problem.loss == Loss::bce_with_logits ? 1.0 / count : std::fabs(exact);
    gradient.add(std::fabs(output[i] - exact) / (bound + 1e-36));
  }
  EXPECT_LE(std::fabs(loss - sum / count), 1e-6 * magnitude / count) << loss << " for " << sum / count;
  EXPECT_LE(gradient.value(), 6e-7);
  if (problem.loss == Loss::sigmoid_bce) {
    EXPECT_LE(probability.value(), 6e-7);
  }
}

class Losses : public testing::EveryInstructionSet {};

TEST_P(Losses, SampledShapes) {
  for_each_set([&] {
    Stream stream(GetParam());
    std::uint32_t seed = 0;
    for (const Loss loss : kEveryLoss)
      for (const std::int64_t batch : {1, 15, 16, 17, 31, 33, 127, 1000})
        for (const std::int64_t width : {1, 2, 10, 31, 33, 200, 784}) {
          ++seed;
          if (batch * width > (slow() ? 20'000 : 200'000) || (batch > 100 && seed % 3 != 0)) continue;
          expect_right(stream, {.loss = loss,
                                .batch = batch,
                                .width = width,
                                .one_target = seed % 4 == 0,
                                .constant = seed % 8 == 0 ? 0.0F : 1.0F,
                                .in_place = seed % 5 == 0,
                                .seed = seed});
        }
  });
}

TEST_P(Losses, AnyStrideAndAlignment) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const Loss loss : kEveryLoss)
      for (const std::int64_t offset : {0, 1, 2, 3})
        for (const std::int64_t gap : {0, 1, 4})
          for (const std::int64_t width : {1, 16, 100})
            expect_right(stream, {.loss = loss,
                                  .batch = 70,
                                  .width = width,
                                  .in_place = gap == 1,
                                  .offset = offset,
                                  .gap = gap});
    expect_right(stream, {.loss = Loss::bce, .batch = 3, .width = 20'000, .offset = 1, .gap = 3});
    expect_right(stream, {.loss = Loss::mse, .batch = 20'000, .width = 2, .gap = 3});
  });
}

// Across the borders between one part and several, whole parts and the rest.
TEST_P(Losses, EverySizeNearTheBorders) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (std::int64_t size = 1; size <= 70; ++size)
      for (const Loss loss : kEveryLoss) expect_right(stream, {.loss = loss, .batch = 1, .width = size});
    for (const std::int64_t border : {128, 1024, 4096, 8192, 16'384, 32'768})
      for (const std::int64_t size : {border - 1, border, border + 1})
        expect_right(stream, {.loss = Loss::sigmoid_bce, .batch = size, .width = 1});
    expect_right(stream, {.loss = Loss::mse, .batch = 65'537, .width = 3});
    expect_right(stream, {.loss = Loss::bce_with_logits, .batch = 65'536, .width = 1, .one_target = true});
  });
}

// More parts than blocks on a GPU, and a mean that a float sum would lose.
TEST_P(Losses, LargeSize) {
  for_each_set([&] {
    Stream stream(GetParam());
    const bool gpu = GetParam().kind() == DeviceKind::cuda;
    expect_right(stream, {.loss = Loss::mse, .batch = gpu ? 40'000 : slow() ? 1001 : 4001, .width = 1000});
    if (!slow()) expect_right(stream, {.loss = Loss::bce_of_sigmoid, .batch = 1500, .width = 784});
  });
}

TEST_P(Losses, EmptyBatch) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const Loss loss : kEveryLoss)
      for (const auto& [batch, width] : {std::pair{0, 7}, {7, 0}, {0, 0}}) {
        LossOperands operands(stream, {.loss = loss, .batch = batch, .width = width});
        operands.run(stream);
        EXPECT_TRUE(std::isnan(download<float>(stream, operands.loss.view())[0])) << loss_name(loss);
      }
  });
}

TEST_P(Losses, EitherResultAlone) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const Loss loss : kEveryLoss)
      for (const std::int64_t width : {5, 6000, 40'000}) {
        SCOPED_TRACE(loss_name(loss));
        LossOperands both(stream, {.loss = loss, .batch = 1, .width = width});
        both.up(stream);
        both.run(stream);
        LossOperands one(stream, {.loss = loss, .batch = 1, .width = width});
        one.up(stream);
        one.run(stream, true, false);
        EXPECT_EQ(download<float>(stream, one.loss.view()), download<float>(stream, both.loss.view()));
        EXPECT_EQ(download<float>(stream, one.gradient.buffer.view()), one.gradient.host);
        one.run(stream, false, true);
        EXPECT_EQ(download<float>(stream, one.gradient.buffer.view()),
                  download<float>(stream, both.gradient.buffer.view()));
        one.run(stream, false, false);
        stream.synchronize();
      }
  });
}

// Gradients against central differences of the mean loss, in double, with respect to the first matrix.
TEST_P(Losses, CentralDifferences) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const Loss loss : kEveryLoss) {
      SCOPED_TRACE(loss_name(loss));
      LossOperands operands(stream, {.loss = loss, .batch = 6, .width = 7, .seed = 4});
      const bool through_sigmoid = loss == Loss::bce_of_sigmoid;
      std::vector<double> logits(42);  // of bce_of_sigmoid
      for (std::int64_t i = 0; i < 42; ++i) {
        if (loss == Loss::bce) operands.input[i] = 0.1F + 0.8F * operands.input[i];
        const double p = operands.input[i];
        if (through_sigmoid) logits[static_cast<std::size_t>(i)] = std::log(p / (1 - p));
      }
      operands.up(stream);
      operands.run(stream);
      operands.gradient.fetch(stream);
      const auto term = [&](double x, double t) {
        const bool logit = through_sigmoid || loss == Loss::sigmoid_bce;
        return reference_loss(logit ? Loss::bce : loss, logit ? reference_sigmoid(x) : x, t) / 42;
      };
      WorstError worst;
      double largest = 0;
      for (std::int64_t i = 0; i < 42; ++i) {
        const double x = through_sigmoid ? logits[static_cast<std::size_t>(i)] : operands.input[i];
        const double h = 1e-5;
        const double slope = (term(x + h, operands.target[i]) - term(x - h, operands.target[i])) / (2 * h);
        largest = std::max(largest, std::fabs(slope));
        worst.add(std::fabs(operands.gradient[i] - slope));
      }
      EXPECT_LE(worst.value(), 1e-5 * largest);
    }
  });
}

TEST_P(Losses, SameBitsForAnyThreadsAndTwiceAndReplayed) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const Loss loss : kEveryLoss)
      for (const std::int64_t gap : {0, 1}) {
        const LossProblem problem{.loss = loss, .batch = 301, .width = 200, .gap = gap};
        SCOPED_TRACE(problem.text());
        LossOperands operands(stream, problem);
        const auto results = [&] {
          std::vector<float> all = download<float>(stream, operands.gradient.buffer.view());
          all.push_back(download<float>(stream, operands.loss.view())[0]);
          return all;
        };
        set_cpu_threads(1);
        operands.up(stream);
        operands.run(stream);
        const std::vector<float> one = results();
        for (const int threads : {2, 3, 0}) {
          set_cpu_threads(threads);
          operands.up(stream);
          operands.run(stream);
          EXPECT_EQ(results(), one) << threads << " threads";
        }
        stream.begin_capture();
        operands.run(stream);
        const Graph graph = stream.end_capture();
        for (int replay = 0; replay < 2; ++replay) {
          operands.up(stream);
          graph.launch(stream);
          EXPECT_EQ(results(), one);
        }
      }
    set_cpu_threads(0);
  });
}

TEST_P(Losses, RefusesShapesThatDoNotFit) {
  Stream stream(GetParam());
  Buffer<float> buffer(stream, 64);
  float* const data = buffer.data();
  const auto message = [&](MatrixView<const float> input, MatrixView<const float> target,
                           MatrixView<float> gradient, std::int64_t scratch) -> std::string {
    try {
      bce(stream, input, {target}, data, gradient, {data, scratch});
    } catch (const InvalidArgument& error) {
      return error.what();
    }
    return "nothing was thrown";
  };
  const std::string call = "bce on " + GetParam().name() + ": ";
  const auto two_by_three = matrix_view<const float>(data, 2, 3);
  EXPECT_EQ(message(two_by_three, matrix_view<const float>(data, 3, 2), {}, 64),
            call + "target is [3, 2]; probability is [2, 3], and both must have one shape");
  EXPECT_EQ(message(two_by_three, two_by_three, matrix_view(data, 2, 4), 64),
            call + "gradient is [2, 4]; probability is [2, 3], and both must have one shape");
  EXPECT_EQ(message({data, 2, 3, 2}, two_by_three, {}, 64),
            call + "probability [2, 3] has a stride of 2; at least 3 is needed");
  EXPECT_EQ(message({data, -2, 3, 3}, two_by_three, {}, 64),
            call + "probability is [-2, 3]; extents must not be negative");
  EXPECT_EQ(message(two_by_three, two_by_three, {}, 1),
            call + "scratch has 1 floats; loss_scratch(2, 3) asks for 2");
}

INSTANTIATE_TEST_SUITE_P(Devices, Losses, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

}  // namespace
}  // namespace atelier
