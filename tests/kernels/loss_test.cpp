#include "kernels/loss.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "runtime/buffer.h"
#include "runtime/error.h"
#include "runtime/graph.h"
#include "runtime/instruction_set.h"
#include "runtime/parallel.h"
#include "tests/devices.h"
#include "tests/kernels/loss_reference.h"

namespace atelier {
namespace {

using testing::kEveryLoss;
using testing::Loss;
using testing::loss_name;
using testing::reference_gradient;
using testing::reference_loss;
using testing::reference_sigmoid;
using testing::WorstError;

constexpr float kCanary = 7654321.0F;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Problem {
  Loss loss = Loss::bce;
  std::int64_t batch = 1;
  std::int64_t width = 1;
  bool one_target = false;  // a constant instead of a matrix
  float constant = 1.0F;
  bool in_place = false;
  std::int64_t offset = 0;
  std::int64_t gap = 0;
  std::uint32_t seed = 1;

  [[nodiscard]] std::string text() const {
    return loss_name(loss) + " [" + std::to_string(batch) + ", " + std::to_string(width) + "]" +
           (one_target ? ", one target" : "") + (in_place ? ", in place" : "") + ", offset " +
           std::to_string(offset) + ", gap " + std::to_string(gap);
  }
};

// Rows of `width` floats with `gap` between, the first `offset` floats into a buffer that is otherwise
// filled.
struct Matrix {
  Matrix(Stream& stream, const Problem& problem, std::int64_t offset, float filler)
      : first(offset),
        host(static_cast<std::size_t>(offset + problem.batch * (problem.width + problem.gap) + 4), filler),
        buffer(stream, static_cast<std::int64_t>(host.size())),
        view{buffer.data() + offset, problem.batch, problem.width, problem.width + problem.gap} {}

  [[nodiscard]] std::size_t index(std::int64_t i) const {
    return static_cast<std::size_t>(first + i / view.columns * view.stride + i % view.columns);
  }
  float& operator[](std::int64_t i) { return host[index(i)]; }
  [[nodiscard]] bool inside(std::size_t place) const {
    const std::int64_t at = static_cast<std::int64_t>(place) - first;
    return at >= 0 && at < view.rows * view.stride && at % view.stride < view.columns;
  }
  void up(Stream& stream) { upload<float>(stream, buffer.view(), host); }
  void down(Stream& stream) { host = download<float>(stream, buffer.view()); }

  std::int64_t first;
  std::vector<float> host;
  Buffer<float> buffer;
  MatrixView<float> view;
};

struct Operands {
  Operands(Stream& stream, const Problem& given)
      : problem(given),
        count(given.batch * given.width),
        input(stream, given, given.offset, kNan),
        target(stream, given, given.offset, kNan),
        gradient(stream, given, (given.offset + 1) % 4 * (given.offset > 0 ? 1 : 0), kCanary),
        probability(stream, given, given.offset, kCanary),
        loss(stream, 1),
        scratch(stream, loss_scratch(given.batch, given.width) + 1) {
    std::mt19937 generator(given.seed);
    std::uniform_real_distribution<float> unit(0.0F, 1.0F);
    const bool probabilities = given.loss == Loss::bce || given.loss == Loss::bce_of_sigmoid;
    for (std::int64_t i = 0; i < count; ++i) {
      input[i] =
          probabilities ? std::clamp(unit(generator), 1e-6F, 0.999999F) : 12.0F * unit(generator) - 6.0F;
      const float t = unit(generator);
      target[i] = t < 0.3F ? 0.0F : t > 0.7F ? 1.0F : t;
    }
  }

  void up(Stream& stream) {
    for (Matrix* matrix : {&input, &target, &gradient, &probability}) matrix->up(stream);
    fill_bytes(stream, scratch.data(), 0xFF, static_cast<std::size_t>(scratch.size()) * sizeof(float));
  }

  // Scratch memory begins 4 bytes into its buffer.
  void run(Stream& stream, bool loss_wanted = true, bool gradient_wanted = true) {
    LossTarget to{problem.one_target ? MatrixView<const float>{} : target.view, problem.constant};
    float* const sum = loss_wanted ? loss.data() : nullptr;
    const MatrixView<float> where =
        gradient_wanted ? (problem.in_place ? input.view : gradient.view) : MatrixView<float>{};
    const VectorView<float> room = scratch.view().part(1, scratch.size() - 1);
    switch (problem.loss) {
      case Loss::bce:
        return bce(stream, input.view, to, sum, where, room);
      case Loss::bce_of_sigmoid:
        return bce_of_sigmoid(stream, input.view, to, sum, where, room);
      case Loss::sigmoid_bce:
        return sigmoid_bce(stream, input.view, to, probability.view, sum, where, room);
      case Loss::bce_with_logits:
        return bce_with_logits(stream, input.view, to, sum, where, room);
      case Loss::mse:
        return mse(stream, input.view, to, sum, where, room);
    }
  }

  [[nodiscard]] float target_of(std::int64_t i) { return problem.one_target ? problem.constant : target[i]; }

  Problem problem;
  std::int64_t count;
  Matrix input;
  Matrix target;
  Matrix gradient;
  Matrix probability;
  Buffer<float> loss;
  Buffer<float> scratch;
};

std::size_t touched(const Matrix& matrix) {
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < matrix.host.size(); ++i)
    wrong += !matrix.inside(i) && matrix.host[i] != kCanary;
  return wrong;
}

void expect_right(Stream& stream, const Problem& problem) {
  SCOPED_TRACE(problem.text());
  Operands operands(stream, problem);
  operands.up(stream);
  operands.run(stream);
  Matrix& output = problem.in_place ? operands.input : operands.gradient;
  const Matrix before = [&] {
    Matrix copy(stream, problem, problem.offset, kNan);
    copy.host = operands.input.host;
    return copy;
  }();
  output.down(stream);
  operands.probability.down(stream);
  const float loss = download<float>(stream, operands.loss.view())[0];
  if (!problem.in_place) {
    EXPECT_EQ(touched(operands.gradient), 0U);
  }
  EXPECT_EQ(touched(operands.probability), 0U);

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

class Losses : public ::testing::TestWithParam<Device> {
 protected:
  void for_each_set(const std::function<void()>& body) {
    if (GetParam().kind() != DeviceKind::cpu) {
      body();
      return;
    }
    const InstructionSet chosen = instruction_set();
    for (const InstructionSet set : instruction_sets_present()) {
      set_instruction_set(set);
      SCOPED_TRACE(std::string(instruction_set_name(set)));
      body();
    }
    set_instruction_set(chosen);
  }
  [[nodiscard]] bool slow() const { return GetParam().kind() == DeviceKind::simt; }
};

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
        Operands operands(stream, {.loss = loss, .batch = batch, .width = width});
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
        Operands both(stream, {.loss = loss, .batch = 1, .width = width});
        both.up(stream);
        both.run(stream);
        Operands one(stream, {.loss = loss, .batch = 1, .width = width});
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

// torch.nn.Sigmoid and BCELoss, BCEWithLogitsLoss, PyTorch 2.15 on cpu, element by element.
struct Known {
  float logit;
  float target;
  float loss;
  float gradient;
  float loss_of_logits;
  float gradient_of_logits;
};
constexpr Known kKnown[] = {
    {0.5F, 1.0F, 0.474076957F, -0.377540648F, 0.474076986F, -0.377540648F},
    {-1.25F, 0.9F, 1.37692893F, -0.677299857F, 1.37692904F, -0.677299857F},
    {3.0F, 0.0F, 3.04858756F, 0.952574074F, 3.04858732F, 0.952574134F},
    {20.0F, 1.0F, 0.0F, 0.0F, 2.06115369e-09F, 0.0F},
    {20.0F, 0.0F, 100.0F, 0.0F, 20.0F, 1.0F},
    {20.0F, 0.9F, 10.0000019F, 0.0F, 2.00000048F, 0.100000024F},
    {-20.0F, 1.0F, 20.0F, -1.0F, 20.0F, -1.0F},
    {-20.0F, 0.0F, 2.06115369e-09F, 2.06115369e-09F, 0.0F, 2.06115369e-09F},
    {100.0F, 1.0F, 0.0F, 0.0F, 3.9236357e-44F, 0.0F},
    {100.0F, 0.0F, 100.0F, 0.0F, 100.0F, 1.0F},
    {-100.0F, 1.0F, 100.0F, 0.0F, 100.0F, -1.0F},
    {-100.0F, 0.9F, 90.0F, 0.0F, 90.0F, -0.899999976F},
    {-100.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.0F},
    {-200.0F, 1.0F, 100.0F, 0.0F, 200.0F, -1.0F},
    {16.5F, 0.0F, 15.9423847F, 0.999999881F, 16.5F, 0.999999881F},
    {17.5F, 0.0F, 100.0F, 0.0F, 17.5F, 1.0F},
    {-88.0F, 1.0F, 88.0F, -6.05460143e-27F, 88.0F, -1.0F},
    {-87.5F, 1.0F, 87.5F, -9.98235144e-27F, 87.5F, -1.0F},
    {-50.0F, 1.0F, 50.0F, -1.92874994e-10F, 50.0F, -1.0F},
};

TEST_P(Losses, LogitsAsPyTorchAndSaturation) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const Known& known : kKnown) {
      SCOPED_TRACE("logit " + std::to_string(known.logit) + ", target " + std::to_string(known.target));
      for (const bool through_sigmoid : {true, false})
        for (const std::int64_t copies : {1, 37}) {
          Operands operands(stream, {.loss = through_sigmoid ? Loss::sigmoid_bce : Loss::bce_with_logits,
                                     .batch = copies,
                                     .width = 1});
          for (std::int64_t i = 0; i < copies; ++i) {
            operands.input[i] = known.logit;
            operands.target[i] = known.target;
          }
          operands.up(stream);
          operands.run(stream);
          const float loss = through_sigmoid ? known.loss : known.loss_of_logits;
          const float gradient = through_sigmoid ? known.gradient : known.gradient_of_logits;
          // Of logits PyTorch's loss cancels to 0 at -20 and its gradient at 20: the true values are 2e-9.
          EXPECT_NEAR(download<float>(stream, operands.loss.view())[0], loss,
                      1e-6F * loss + (through_sigmoid ? 0.0F : 3e-9F));
          operands.gradient.down(stream);
          const float got = operands.gradient[copies - 1] * static_cast<float>(copies);
          EXPECT_NEAR(got, gradient, through_sigmoid ? 1e-6F * std::fabs(gradient) : 1.3e-7F);
          if (through_sigmoid && gradient == 0.0F) {
            EXPECT_EQ(got, 0.0F);
          }
        }
    }
  });
}

// BCELoss on given probabilities, PyTorch 2.15 on cpu: {probability, target, loss, gradient}.
TEST_P(Losses, ProbabilitiesAsPyTorch) {
  constexpr float kCases[][4] = {
      {0.0F, 1.0F, 100.0F, -999999996000.0F},        {0.0F, 0.0F, 0.0F, 0.0F},
      {0.0F, 0.3F, 30.0000019F, -300000018000.0F},   {1.0F, 1.0F, 0.0F, 0.0F},
      {1.0F, 0.0F, 100.0F, 999999996000.0F},         {1.0F, 0.3F, 70.0F, 699999977000.0F},
      {0.25F, 0.0F, 0.287682056F, 1.33333337F},      {1e-7F, 1.0F, 16.1180954F, -10000000.0F},
      {1e-7F, 0.0F, 1.00000008e-07F, 1.00000012F},   {0.9999999F, 1.0F, 1.1920929e-07F, -1.00000012F},
      {0.9999999F, 0.0F, 15.9423847F, 8388608.0F},   {1e-13F, 1.0F, 29.9336071F, -999999996000.0F},
      {1e-13F, 0.0F, 9.99999982e-14F, 0.100000001F}, {0.6F, 0.3F, 0.794651151F, 1.25000012F}};
  for_each_set([&] {
    Stream stream(GetParam());
    for (const auto& [p, t, loss, gradient] : kCases) {
      SCOPED_TRACE("probability " + std::to_string(p) + ", target " + std::to_string(t));
      Operands operands(stream, {.loss = Loss::bce, .one_target = true, .constant = t});
      operands.input[0] = p;
      operands.up(stream);
      operands.run(stream);
      EXPECT_NEAR(download<float>(stream, operands.loss.view())[0], loss, 2e-6F * loss);
      operands.gradient.down(stream);
      EXPECT_NEAR(operands.gradient[0], gradient, 1e-6F * std::fabs(gradient));
    }
    Operands operands(stream, {.loss = Loss::mse, .batch = 4, .width = 1});
    constexpr float kOutputs[] = {0.1F, 0.9F, -2.0F, 5.0F};
    constexpr float kTargets[] = {0.0F, 1.0F, 0.5F, -1.0F};
    constexpr float kGradients[] = {0.0500000007F, -0.0500000119F, -1.25F, 3.0F};
    for (std::int64_t i = 0; i < 4; ++i) operands.input[i] = kOutputs[i], operands.target[i] = kTargets[i];
    operands.up(stream);
    operands.run(stream);
    EXPECT_FLOAT_EQ(download<float>(stream, operands.loss.view())[0], 10.5675001F);
    operands.gradient.down(stream);
    for (std::int64_t i = 0; i < 4; ++i) EXPECT_FLOAT_EQ(operands.gradient[i], kGradients[i]);
  });
}

// The logarithms to the last bits over all magnitudes: losses of one element.
TEST_P(Losses, LogarithmsOverAllMagnitudes) {
  for_each_set([&] {
    Stream stream(GetParam());
    WorstError worst;
    std::mt19937 generator(3);
    for (int i = 0; i < (slow() ? 300 : 2000); ++i) {
      const float p = std::ldexp(1.0F + static_cast<float>(generator() >> 9) * 0x1p-23F,
                                 -1 - static_cast<int>(generator() % 148));
      for (const float t : {0.0F, 1.0F}) {
        Operands operands(stream, {.loss = Loss::bce, .one_target = true, .constant = t});
        operands.input[0] = p;
        operands.up(stream);
        operands.run(stream, true, false);
        const double exact = reference_loss(Loss::bce, p, t);
        const double got = download<float>(stream, operands.loss.view())[0];
        worst.add(std::fabs(got - exact) / (exact + 1e-37));
      }
    }
    EXPECT_LE(worst.value(), 2.5e-7);
  });
}

TEST_P(Losses, NanPropagates) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const Loss loss : kEveryLoss)
      for (const bool in_target : {false, true})
        for (const std::int64_t size : {3, 100, 50'000}) {
          SCOPED_TRACE(loss_name(loss) + (in_target ? ", target" : ", input"));
          Operands operands(stream, {.loss = loss, .batch = size, .width = 1});
          operands.target[size - 2] = size == 3 ? 0.0F : 1.0F;
          (in_target ? operands.target : operands.input)[size - 2] = kNan;
          operands.up(stream);
          operands.run(stream);
          EXPECT_TRUE(std::isnan(download<float>(stream, operands.loss.view())[0]));
          operands.gradient.down(stream);
          std::int64_t wrong = 0;
          for (std::int64_t i = 0; i < size; ++i)
            wrong += std::isnan(operands.gradient[i]) != (i == size - 2);
          EXPECT_EQ(wrong, 0);
        }
    // No probability: NaN, not a number that looks right. An infinite sum stays one.
    for (const float p : {-0.5F, 1.5F}) {
      Operands operands(stream, {.loss = Loss::bce, .one_target = true, .constant = 0.5F});
      operands.input[0] = p;
      operands.up(stream);
      operands.run(stream);
      EXPECT_TRUE(std::isnan(download<float>(stream, operands.loss.view())[0]));
    }
    Operands operands(stream, {.loss = Loss::mse, .batch = 50'000, .width = 1});
    operands.input[4] = kInfinity;
    operands.up(stream);
    operands.run(stream);
    EXPECT_EQ(download<float>(stream, operands.loss.view())[0], kInfinity);
  });
}

// Gradients against central differences of the mean loss, in double, with respect to the first matrix.
TEST_P(Losses, CentralDifferences) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const Loss loss : kEveryLoss) {
      SCOPED_TRACE(loss_name(loss));
      Operands operands(stream, {.loss = loss, .batch = 6, .width = 7, .seed = 4});
      const bool through_sigmoid = loss == Loss::bce_of_sigmoid;
      std::vector<double> logits(42);  // of bce_of_sigmoid
      for (std::int64_t i = 0; i < 42; ++i) {
        if (loss == Loss::bce) operands.input[i] = 0.1F + 0.8F * operands.input[i];
        const double p = operands.input[i];
        if (through_sigmoid) logits[static_cast<std::size_t>(i)] = std::log(p / (1 - p));
      }
      operands.up(stream);
      operands.run(stream);
      operands.gradient.down(stream);
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
        const Problem problem{.loss = loss, .batch = 301, .width = 200, .gap = gap};
        SCOPED_TRACE(problem.text());
        Operands operands(stream, problem);
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
