#include "kernels/layer_norm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "runtime/buffer.h"
#include "tests/devices.h"
#include "tests/kernels/every_instruction_set.h"
#include "tests/kernels/layer_norm_operands.h"

namespace atelier {
namespace {

using testing::kCanary;
using testing::LayerNormOperands;
using testing::LayerNormProblem;
using testing::PlacedMatrix;
using testing::WorstError;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// In double, from the definitions. `sampled` rows' outputs are compared, all rows count for gamma and beta.
void expect_right(Stream& stream, const LayerNormProblem& problem, std::int64_t sampled = 200) {
  SCOPED_TRACE(problem.text());
  LayerNormOperands operands(stream, problem);
  LayerNormOperands got(stream, problem);
  got.up(stream);
  got.forward(stream, false);
  got.backward(stream);
  for (PlacedMatrix* matrix : {&got.y, &got.dx, &got.dy, &got.vectors, &got.statistics})
    matrix->fetch(stream);
  PlacedMatrix& dx = problem.in_place ? got.dy : got.dx;
  EXPECT_EQ(got.y.touched(), 0U);
  EXPECT_EQ(got.statistics.touched(), 0U);
  if (!problem.in_place) {
    EXPECT_EQ(got.dx.touched(), 0U);
  }

  WorstError output;
  WorstError gradient;
  WorstError statistics;
  const auto columns = static_cast<std::size_t>(problem.columns);
  std::vector<double> d_gamma(columns, problem.accumulate ? 3.0 : 0.0);
  std::vector<double> d_beta = d_gamma;
  std::vector<double> size(columns, 1.0);
  std::vector<double> n(columns);
  std::vector<double> g(columns);
  const double count = static_cast<double>(problem.columns);
  for (std::int64_t r = 0; r < problem.rows; ++r) {
    double mean = 0;
    for (std::int64_t c = 0; c < problem.columns; ++c) mean += operands.x.at(r, c);
    mean /= count;
    double variance = 0;
    for (std::int64_t c = 0; c < problem.columns; ++c) {
      const double d = operands.x.at(r, c) - mean;
      variance += d * d;
    }
    const double deviation = 1 / std::sqrt(variance / count + problem.epsilon);
    double mean_of_g = 0;
    double mean_of_g_n = 0;
    double largest = 0;
    for (std::int64_t c = 0; c < problem.columns; ++c) {
      const auto i = static_cast<std::size_t>(c);
      const double dy = operands.dy.at(r, c);
      n[i] = (operands.x.at(r, c) - mean) * deviation;
      g[i] = problem.affine ? dy * operands.vectors.at(0, c) : dy;
      mean_of_g += g[i] / count;
      mean_of_g_n += g[i] * n[i] / count;
      d_gamma[i] += dy * n[i];
      d_beta[i] += dy;
      size[i] += std::fabs(dy) * (1 + std::fabs(n[i]));
      largest = std::max(largest, std::fabs(g[i]));
    }
    const bool sample = r < sampled / 2 || r >= problem.rows - sampled / 2;
    if (!sample) continue;
    statistics.add(std::fabs(got.statistics.at(0, r) - mean) / (std::fabs(mean) + 1 / deviation));
    statistics.add(std::fabs(got.statistics.at(1, r) - deviation) / deviation);
    for (std::int64_t c = 0; c < problem.columns; ++c) {
      const auto i = static_cast<std::size_t>(c);
      const double scale = problem.affine ? operands.vectors.at(0, c) : 1.0;
      const double shift = problem.affine ? operands.vectors.at(1, c) : 0.0;
      const double exact = n[i] * scale + shift;
      output.add(std::fabs(got.y.at(r, c) - exact) / (std::fabs(n[i] * scale) + std::fabs(shift) + 1));
      const double slope = deviation * (g[i] - mean_of_g - n[i] * mean_of_g_n);
      gradient.add(std::fabs(dx.at(r, c) - slope) / (deviation * (largest + 1)));
    }
  }
  WorstError sums;
  for (std::int64_t c = 0; c < problem.columns; ++c) {
    const auto i = static_cast<std::size_t>(c);
    sums.add(std::fabs(got.vectors.at(2, c) - d_gamma[i]) / size[i]);
    sums.add(std::fabs(got.vectors.at(3, c) - d_beta[i]) / size[i]);
  }
  EXPECT_LE(sums.value(), 1e-6);
  if (problem.rows == 0) return;
  EXPECT_LE(statistics.value(), 1e-6);
  EXPECT_LE(output.value(), 1e-6);
  EXPECT_LE(gradient.value(), 2e-6);
}

class LayerNorm : public testing::EveryInstructionSet {};

TEST_P(LayerNorm, SampledShapes) {
  for_each_set([&] {
    Stream stream(GetParam());
    std::uint32_t seed = 0;
    for (const std::int64_t rows : {0, 1, 15, 16, 17, 31, 33, 127, 1000})
      for (const std::int64_t columns : {1, 2, 31, 33, 200, 500, 784, 1000, 2000, 5000, 9000}) {
        ++seed;
        if (rows * columns > (slow() ? 100'000 : 600'000) || (rows > 30 && seed % 2 == 0)) continue;
        expect_right(stream,
                     {.rows = rows,
                      .columns = columns,
                      .affine = seed % 5 != 0,
                      .in_place = seed % 3 == 0,
                      .accumulate = seed % 4 == 0,
                      .seed = seed},
                     20);
      }
  });
}

TEST_P(LayerNorm, MoreThan65536Rows) {
  for_each_set([&] {
    Stream stream(GetParam());
    expect_right(stream, {.rows = 65'537, .columns = slow() ? 1 : 33});
    if (!slow()) expect_right(stream, {.rows = 70'000, .columns = 1});
  });
}

// More rows than the blocks of a part take at a time, in every path.
TEST_P(LayerNorm, ManyRows) {
  for_each_set([&] {
    Stream stream(GetParam());
    expect_right(stream, {.rows = 300, .columns = 1200}, 20);
    if (!slow()) expect_right(stream, {.rows = 2500, .columns = 600}, 20);
  });
}

TEST_P(LayerNorm, LongRows) {
  for_each_set([&] {
    Stream stream(GetParam());
    expect_right(stream, {.rows = 3, .columns = 8192});
    expect_right(stream, {.rows = 40, .columns = 8196, .accumulate = true}, 4);
    expect_right(stream, {.rows = 33, .columns = 2049, .in_place = true}, 4);
    expect_right(stream, {.rows = 2, .columns = slow() ? 50'001 : 300'001, .in_place = true});
    expect_right(stream, {.rows = 1, .columns = 100'000, .affine = false, .mean = 1e4});
  });
}

TEST_P(LayerNorm, AnyStrideAndAlignment) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const std::int64_t offset : {0, 1, 2, 3})
      for (const std::int64_t gap : {0, 1, 4})
        for (const std::int64_t columns : {1, 7, 40, 256, 260, 1024, 1028, 2052})
          expect_right(stream,
                       {.rows = 11, .columns = columns, .in_place = gap == 1, .offset = offset, .gap = gap},
                       6);
    expect_right(stream, {.rows = 40, .columns = 8200, .offset = 1, .gap = 3}, 4);
  });
}

// A mean far beyond the deviation, where E[x^2] - E[x]^2 would be noise and a rounded mean half a thousandth.
TEST_P(LayerNorm, LargeMeans) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const double mean : {1e4, -1e4, 1e6})
      for (const std::int64_t columns : {2, 31, 200, 500, 784, 1500, 5000, 9000})
        expect_right(stream,
                     {.rows = 9, .columns = columns, .mean = mean, .deviation = mean == 1e6 ? 30.0 : 1.0});
    expect_right(stream, {.rows = 9, .columns = 200, .mean = 3, .deviation = 1e-4, .epsilon = 1e-12});
  });
}

TEST_P(LayerNorm, ConstantRowsAndOneColumnGiveBeta) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const float value : {0.0F, 1.0F, -3.3333F, 10'000.1F, 1e20F})
      for (const std::int64_t columns : {1, 31, 784, 1100, 9000}) {
        LayerNormOperands operands(stream, {.rows = 3, .columns = columns});
        for (std::int64_t r = 0; r < 3; ++r)
          for (std::int64_t c = 0; c < columns; ++c) operands.x.at(r, c) = value;
        operands.up(stream);
        operands.forward(stream, false);
        operands.backward(stream);
        operands.y.fetch(stream);
        operands.dx.fetch(stream);
        WorstError worst;
        std::int64_t not_finite = 0;
        for (std::int64_t r = 0; r < 3; ++r)
          for (std::int64_t c = 0; c < columns; ++c) {
            // What is left is the mean's rounding error times 1 / sqrt(epsilon).
            worst.add(std::fabs(operands.y.at(r, c) - operands.vectors.at(1, c)));
            not_finite += !std::isfinite(operands.dx.at(r, c));
          }
        EXPECT_LE(worst.value(), std::max(1e-6, value < 1e5F ? 1e-4 : 1e10)) << value << " x " << columns;
        EXPECT_EQ(not_finite, 0);
      }
  });
}

// torch.nn.LayerNorm(5), PyTorch 2.15 on cpu.
TEST_P(LayerNorm, AsPyTorch) {
  constexpr float kInput[] = {1.0F, 2.0F, 4.0F, -3.0F, 0.5F};
  constexpr float kGamma[] = {1.0F, 0.5F, 2.0F, -1.0F, 1.5F};
  constexpr float kBeta[] = {0.0F, 0.1F, -0.2F, 0.3F, 0.4F};
  constexpr float kOutputGradient[] = {0.3F, -0.7F, 1.1F, 0.2F, -0.4F};
  constexpr float kOutput[] = {0.043685168F, 0.340268373F, 2.50847983F, 2.00372124F, 0.137889057F};
  constexpr float kInputGradient[] = {0.000625300221F, -0.408130825F, 0.456235528F, 0.281409919F,
                                      -0.330139816F};
  for_each_set([&] {
    Stream stream(GetParam());
    LayerNormOperands operands(stream, {.rows = 1, .columns = 5});
    for (std::int64_t c = 0; c < 5; ++c) {
      operands.x.at(0, c) = kInput[c];
      operands.dy.at(0, c) = kOutputGradient[c];
      operands.vectors.at(0, c) = kGamma[c];
      operands.vectors.at(1, c) = kBeta[c];
    }
    operands.up(stream);
    operands.forward(stream, false);
    operands.backward(stream);
    operands.y.fetch(stream);
    operands.dx.fetch(stream);
    for (std::int64_t c = 0; c < 5; ++c) {
      EXPECT_NEAR(operands.y.at(0, c), kOutput[c], 3e-7F);
      EXPECT_NEAR(operands.dx.at(0, c), kInputGradient[c], 1.5e-7F);
    }
  });
}

// The loss is the sum of outputs times fixed weights; its slopes by central differences, in double.
TEST_P(LayerNorm, CentralDifferences) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const double mean : {0.0, 1e4}) {
      constexpr std::int64_t kRows = 3;
      constexpr std::int64_t kColumns = 11;
      LayerNormOperands operands(
          stream, {.rows = kRows, .columns = kColumns, .mean = mean, .deviation = 2, .seed = 9});
      std::vector<double> inputs;
      std::vector<double> vectors;  // gamma, then beta
      for (std::int64_t r = 0; r < kRows; ++r)
        for (std::int64_t c = 0; c < kColumns; ++c) inputs.push_back(operands.x.at(r, c));
      for (std::int64_t r = 0; r < 2; ++r)
        for (std::int64_t c = 0; c < kColumns; ++c) vectors.push_back(operands.vectors.at(r, c));
      const auto loss = [&] {
        double sum = 0;
        for (std::int64_t r = 0; r < kRows; ++r) {
          const double* const x = inputs.data() + r * kColumns;
          double average = 0;
          double variance = 0;
          for (std::int64_t c = 0; c < kColumns; ++c) average += x[c] / kColumns;
          for (std::int64_t c = 0; c < kColumns; ++c) variance += std::pow(x[c] - average, 2) / kColumns;
          for (std::int64_t c = 0; c < kColumns; ++c)
            sum += operands.dy.at(r, c) *
                   ((x[c] - average) / std::sqrt(variance + 1e-5) * vectors[static_cast<std::size_t>(c)] +
                    vectors[static_cast<std::size_t>(c + kColumns)]);
        }
        return sum;
      };
      const auto slope = [&](double& parameter) {
        constexpr double kStep = 1e-4;
        const double kept = parameter;
        parameter = kept + kStep;
        const double above = loss();
        parameter = kept - kStep;
        const double below = loss();
        parameter = kept;
        return (above - below) / (2 * kStep);
      };
      operands.up(stream);
      operands.forward(stream, false);
      operands.backward(stream);
      operands.dx.fetch(stream);
      PlacedMatrix gradients(stream, 4, kColumns, {}, kNan);
      gradients.host = download<float>(stream, operands.vectors.buffer.view());
      WorstError worst;
      for (std::int64_t r = 0; r < kRows; ++r)
        for (std::int64_t c = 0; c < kColumns; ++c)
          worst.add(
              std::fabs(slope(inputs[static_cast<std::size_t>(r * kColumns + c)]) - operands.dx.at(r, c)));
      for (std::int64_t r = 0; r < 2; ++r)
        for (std::int64_t c = 0; c < kColumns; ++c)
          worst.add(
              std::fabs(slope(vectors[static_cast<std::size_t>(r * kColumns + c)]) - gradients.at(r + 2, c)));
      EXPECT_LE(worst.value(), 1e-5) << "mean " << mean;
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Devices, LayerNorm, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

}  // namespace
}  // namespace atelier
