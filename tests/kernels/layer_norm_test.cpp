#include "kernels/layer_norm.h"

#include <gtest/gtest.h>

#include <algorithm>
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

namespace atelier {
namespace {

using testing::WorstError;

constexpr float kCanary = 7654321.0F;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Problem {
  std::int64_t rows = 1;
  std::int64_t columns = 1;
  bool affine = true;
  bool in_place = false;
  bool accumulate = false;
  std::int64_t offset = 0;
  std::int64_t gap = 0;
  double mean = 0;
  double deviation = 1;
  double epsilon = 1e-5;
  std::uint32_t seed = 1;

  [[nodiscard]] std::string text() const {
    return std::string("[").append(std::to_string(rows)) + ", " + std::to_string(columns) + "]" +
           (affine ? "" : ", plain") + (in_place ? ", in place" : "") + (accumulate ? ", accumulate" : "") +
           ", offset " + std::to_string(offset) + ", gap " + std::to_string(gap) + ", mean " +
           std::to_string(mean) + ", deviation " + std::to_string(deviation);
  }
};

struct Matrix {
  Matrix(Stream& stream, std::int64_t rows, std::int64_t columns, std::int64_t offset, std::int64_t gap,
         float filler)
      : host(static_cast<std::size_t>(offset + rows * (columns + gap) + 4), filler),
        buffer(stream, static_cast<std::int64_t>(host.size())),
        view{buffer.data() + offset, rows, columns, columns + gap},
        first(offset) {}

  float& at(std::int64_t row, std::int64_t column) {
    return host[static_cast<std::size_t>(first + row * view.stride + column)];
  }
  [[nodiscard]] std::size_t touched() const {
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < host.size(); ++i) {
      const std::int64_t place = static_cast<std::int64_t>(i) - first;
      const bool inside = place >= 0 && place < view.rows * view.stride && place % view.stride < view.columns;
      wrong += !inside && host[i] != kCanary;
    }
    return wrong;
  }
  void up(Stream& stream) { upload<float>(stream, buffer.view(), host); }
  void down(Stream& stream) { host = download<float>(stream, buffer.view()); }

  std::vector<float> host;
  Buffer<float> buffer;
  MatrixView<float> view;
  std::int64_t first;
};

struct Operands {
  Operands(Stream& stream, const Problem& given)
      : problem(given),
        x(stream, given.rows, given.columns, given.offset, given.gap, kNan),
        y(stream, given.rows, given.columns, given.offset, given.gap, kCanary),
        dy(stream, given.rows, given.columns, given.offset, given.gap, kNan),
        dx(stream, given.rows, given.columns, given.offset, given.gap, kCanary),
        vectors(stream, 4, given.columns, given.offset, 0, kNan),
        statistics(stream, 2, given.rows, given.offset, 0, kCanary),
        scratch(stream, layer_norm_backward_scratch(given.rows, given.columns) + 1) {
    std::mt19937 generator(given.seed);
    std::normal_distribution<double> normal;
    for (std::int64_t r = 0; r < given.rows; ++r)
      for (std::int64_t c = 0; c < given.columns; ++c) {
        x.at(r, c) = static_cast<float>(given.mean + given.deviation * normal(generator));
        dy.at(r, c) = static_cast<float>(normal(generator));
      }
    for (std::int64_t c = 0; c < given.columns; ++c) {
      vectors.at(0, c) = static_cast<float>(1 + 0.3 * normal(generator));
      vectors.at(1, c) = static_cast<float>(normal(generator));
      vectors.at(2, c) = vectors.at(3, c) = given.accumulate ? 3.0F : kNan;
    }
  }

  void up(Stream& stream) {
    for (Matrix* matrix : {&x, &y, &dy, &dx, &vectors, &statistics}) matrix->up(stream);
    fill_bytes(stream, scratch.data(), 0xFF, static_cast<std::size_t>(scratch.size()) * sizeof(float));
  }
  [[nodiscard]] VectorView<const float> gamma() const {
    return problem.affine ? vectors.view.row(0) : VectorView<float>{};
  }

  void forward(Stream& stream, bool in_place) {
    layer_norm_forward(stream, x.view, gamma(), problem.affine ? vectors.view.row(1) : VectorView<float>{},
                       problem.epsilon, in_place ? x.view : y.view, statistics.view.row(0),
                       statistics.view.row(1));
  }
  void backward(Stream& stream, bool input = true, bool gamma_wanted = true, bool beta = true) {
    const MatrixView<float> where = problem.in_place ? dy.view : dx.view;
    layer_norm_backward(
        stream, x.view, gamma(), statistics.view.row(0), statistics.view.row(1), dy.view,
        {input ? where : MatrixView<float>{}, gamma_wanted ? vectors.view.row(2) : VectorView<float>{},
         beta ? vectors.view.row(3) : VectorView<float>{}, problem.accumulate},
        scratch.view().part(1, scratch.size() - 1));
  }

  Problem problem;
  Matrix x;
  Matrix y;
  Matrix dy;
  Matrix dx;
  Matrix vectors;  // gamma, beta, and their gradients
  Matrix statistics;
  Buffer<float> scratch;
};

// In double, from the definitions. `sampled` rows' outputs are compared, all rows count for gamma and beta.
void expect_right(Stream& stream, const Problem& problem, std::int64_t sampled = 200) {
  SCOPED_TRACE(problem.text());
  Operands operands(stream, problem);
  Operands got(stream, problem);
  got.up(stream);
  got.forward(stream, false);
  got.backward(stream);
  for (Matrix* matrix : {&got.y, &got.dx, &got.dy, &got.vectors, &got.statistics}) matrix->down(stream);
  Matrix& dx = problem.in_place ? got.dy : got.dx;
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

class LayerNorm : public ::testing::TestWithParam<Device> {
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

TEST_P(LayerNorm, ManyRows) {
  for_each_set([&] {
    Stream stream(GetParam());
    expect_right(stream, {.rows = 65'537, .columns = slow() ? 1 : 33});
    if (!slow()) expect_right(stream, {.rows = 70'000, .columns = 1});
    // More rows than the blocks of a part take at a time, in every path.
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
        Operands operands(stream, {.rows = 3, .columns = columns});
        for (std::int64_t r = 0; r < 3; ++r)
          for (std::int64_t c = 0; c < columns; ++c) operands.x.at(r, c) = value;
        operands.up(stream);
        operands.forward(stream, false);
        operands.backward(stream);
        operands.y.down(stream);
        operands.dx.down(stream);
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

TEST_P(LayerNorm, ForwardInPlaceAndWithoutStatistics) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const std::int64_t columns : {5, 200, 784, 1600, 9001}) {
      Operands operands(stream, {.rows = 10, .columns = columns});
      operands.up(stream);
      operands.forward(stream, false);
      operands.y.down(stream);
      Operands other(stream, operands.problem);
      other.up(stream);
      layer_norm_forward(stream, other.x.view, other.gamma(), other.vectors.view.row(1), 1e-5, other.x.view,
                         {}, {});
      other.x.down(stream);
      std::int64_t different = 0;
      for (std::int64_t r = 0; r < 10; ++r)
        for (std::int64_t c = 0; c < columns; ++c) different += other.x.at(r, c) != operands.y.at(r, c);
      EXPECT_EQ(different, 0) << columns;
    }
  });
}

TEST_P(LayerNorm, EachGradientAlone) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const std::int64_t columns : {30, 784, 1200, 8300})
      for (const std::int64_t rows : {3, 70}) {
        const Problem problem{.rows = rows, .columns = columns};
        SCOPED_TRACE(problem.text());
        const auto run = [&](bool input, bool gamma, bool beta) {
          Operands operands(stream, problem);
          operands.vectors.at(2, 0) = operands.vectors.at(3, 0) = kCanary;
          operands.up(stream);
          operands.forward(stream, false);
          operands.backward(stream, input, gamma, beta);
          operands.dx.down(stream);
          operands.vectors.down(stream);
          return operands;
        };
        Operands all = run(true, true, true);
        for (int wanted = 0; wanted < 3; ++wanted) {
          Operands one = run(wanted == 0, wanted == 1, wanted == 2);
          EXPECT_EQ(one.dx.at(rows - 1, 0), wanted == 0 ? all.dx.at(rows - 1, 0) : kCanary);
          EXPECT_EQ(one.vectors.at(2, 0), wanted == 1 ? all.vectors.at(2, 0) : kCanary);
          EXPECT_EQ(one.vectors.at(3, 0), wanted == 2 ? all.vectors.at(3, 0) : kCanary);
        }
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
    Operands operands(stream, {.rows = 1, .columns = 5});
    for (std::int64_t c = 0; c < 5; ++c) {
      operands.x.at(0, c) = kInput[c];
      operands.dy.at(0, c) = kOutputGradient[c];
      operands.vectors.at(0, c) = kGamma[c];
      operands.vectors.at(1, c) = kBeta[c];
    }
    operands.up(stream);
    operands.forward(stream, false);
    operands.backward(stream);
    operands.y.down(stream);
    operands.dx.down(stream);
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
      Operands operands(stream,
                        {.rows = kRows, .columns = kColumns, .mean = mean, .deviation = 2, .seed = 9});
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
      operands.dx.down(stream);
      Matrix gradients(stream, 4, kColumns, 0, 0, kNan);
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

TEST_P(LayerNorm, NanStaysInItsRow) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const std::int64_t columns : {21, 784, 1300, 8500}) {
      Operands operands(stream, {.rows = 12, .columns = columns});
      operands.x.at(5, columns - 1) = kNan;
      operands.up(stream);
      operands.forward(stream, false);
      operands.backward(stream);
      for (Matrix* matrix : {&operands.y, &operands.dx, &operands.vectors}) matrix->down(stream);
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

TEST_P(LayerNorm, SameBitsForAnyThreadsAndTwiceAndReplayed) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const std::int64_t columns : {100, 700, 1500, 8400}) {
      Operands operands(stream, {.rows = columns > 1000 ? 70 : 333, .columns = columns});
      const auto results = [&] {
        std::vector<float> all;
        for (const Matrix* matrix : {&operands.y, &operands.dx, &operands.vectors}) {
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

TEST_P(LayerNorm, RefusesShapesThatDoNotFit) {
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

INSTANTIATE_TEST_SUITE_P(Devices, LayerNorm, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

}  // namespace
}  // namespace atelier
