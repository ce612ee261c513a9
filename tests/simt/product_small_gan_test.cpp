// The little GANs' kernels in the checking build: right values, no alarm. The same test linked with a kernel
// into which a bug was planted must fail (product_small_gan.cmake).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/noise_function.h"
#include "kernels/small_gan.h"
#include "runtime/buffer.h"
#include "runtime/simt/checker.h"
#include "tests/devices.h"
#include "tests/kernels/small_gan_reference.h"

namespace atelier {
namespace {

using testing::ReferenceGan;
using testing::WorstError;

constexpr std::int64_t kGans = 35;  // three beyond a block, so that the last block has threads without work
constexpr std::uint64_t kFirstSeed = 11;
constexpr std::uint64_t kFirstIteration = 5;
constexpr std::int64_t kIterations = 8;
constexpr PatternRange kUnit{{0, 0, 0, 0}, {1, 1, 1, 1}};

std::vector<double> drawn_row(std::uint64_t seed, std::uint64_t stream, std::uint64_t row,
                              const PatternRange& range) {
  std::vector<double> values;
  for (std::uint64_t i = 0; i < 4; ++i) {
    const float low = range.low[i];
    values.push_back(static_cast<double>(uniform_element({seed, stream}, 4 * row + i, low, range.high[i])));
  }
  return values;
}

/// A fleet in buffers of exactly its size, so that one GAN too many is out of bounds.
struct Fleet {
  Stream stream{Device(DeviceKind::simt)};
  Buffer<std::uint64_t> seeds{stream, kGans};
  Buffer<float> buffer{stream, kSmallGanWeights* kGans};

  Fleet() {
    std::vector<std::uint64_t> numbers;
    for (std::uint64_t k = 0; k < kGans; ++k) numbers.push_back(kFirstSeed + k);
    upload<std::uint64_t>(stream, seeds.view(), numbers);
    initialise_small_gans(stream, weights(), seeds.view());
  }
  [[nodiscard]] MatrixView<float> weights() const { return buffer.matrix(kSmallGanWeights, kGans); }
  [[nodiscard]] std::vector<double> gan(std::size_t k) {
    const std::vector<float> all = download<float>(stream, buffer.view());
    std::vector<double> result;
    for (std::size_t i = 0; i < kSmallGanWeights; ++i)
      result.push_back(static_cast<double>(all[i * kGans + k]));
    return result;
  }
};

TEST(ProductSmallGan, TrainsAndRecords) {
  Fleet fleet;
  constexpr std::size_t kRecordedGans = 4;
  constexpr std::size_t kFirstRecorded = 30;
  constexpr std::int64_t kStride = 3;  // iterations 6, 9, 12
  const std::int64_t rows = small_gan_records(kFirstIteration, kIterations, kStride);
  ASSERT_EQ(rows, 3);
  const Buffer<float> losses(fleet.stream, rows * kSmallGanLosses * kRecordedGans);
  std::vector<std::vector<double>> start;
  for (std::size_t k = 0; k < kGans; ++k) start.push_back(fleet.gan(k));
  SmallGanTraining training;
  training.first_iteration = kFirstIteration;
  training.iterations = kIterations;
  training.learning_rate = 0.5F;
  training.records = {losses.matrix(rows, kSmallGanLosses * kRecordedGans), kFirstRecorded, kRecordedGans,
                      kStride};
  train_small_gans(fleet.stream, fleet.weights(), fleet.seeds.view(), training);
  const std::vector<float> recorded = download<float>(fleet.stream, losses.view());

  WorstError worst;
  for (std::size_t k = 0; k < kGans; ++k) {
    ReferenceGan gan(start[k]);
    const std::uint64_t seed = kFirstSeed + k;
    std::size_t record = 0;
    for (std::uint64_t t = kFirstIteration; t < kFirstIteration + kIterations; ++t) {
      const auto now = gan.iterate(drawn_row(seed, kSmallGanRealStream, t, kPattern1010),
                                   drawn_row(seed, kSmallGanFakeNoiseStream, t, kUnit),
                                   drawn_row(seed, kSmallGanGeneratorNoiseStream, t, kUnit), 0.5);
      if (t % kStride != 0) continue;
      if (k >= kFirstRecorded && k < kFirstRecorded + kRecordedGans) {
        const double expected[] = {now.real, now.fake, now.generator, now.pattern_error};
        for (std::size_t kind = 0; kind < kSmallGanLosses; ++kind)
          worst.add(std::fabs(
              static_cast<double>(
                  recorded[(record * kSmallGanLosses + kind) * kRecordedGans + k - kFirstRecorded]) -
              expected[kind]));
      }
      ++record;
    }
    const std::vector<double> expected = gan.weights();
    const std::vector<double> got = fleet.gan(k);
    for (std::size_t i = 0; i < got.size(); ++i) worst.add(std::fabs(got[i] - expected[i]));
  }
  EXPECT_LE(worst.value(), 2e-6);
}

TEST(ProductSmallGan, MeanOutputs) {
  Fleet fleet;
  const Buffer<float> mean(fleet.stream, 4 * kGans);
  small_gan_outputs(fleet.stream, fleet.weights(), fleet.seeds.view(), 3, mean.matrix(4, kGans));
  const std::vector<float> got = download<float>(fleet.stream, mean.view());
  WorstError worst;
  for (std::size_t k = 0; k < kGans; ++k) {
    const ReferenceGan gan(fleet.gan(k));
    std::vector<double> expected(4, 0.0);
    for (std::uint64_t row = 0; row < 3; ++row) {
      const auto made = gan.generate(drawn_row(kFirstSeed + k, kSmallGanJudgeNoiseStream, row, kUnit));
      for (std::size_t i = 0; i < 4; ++i) expected[i] += made[i] / 3;
    }
    for (std::size_t i = 0; i < 4; ++i)
      worst.add(std::fabs(static_cast<double>(got[i * kGans + k]) - expected[i]));
  }
  EXPECT_LE(worst.value(), 1e-6);
}

TEST(ProductSmallGan, GivenInputs) {
  Fleet drawn;
  Fleet given;
  SmallGanTraining training;
  training.iterations = 2;
  train_small_gans(drawn.stream, drawn.weights(), drawn.seeds.view(), training);
  // The rows that GAN 34 draws, for all.
  const Buffer<float> rows(given.stream, 3 * 8);
  std::vector<float> values;
  const PatternRange ranges[] = {kPattern1010, kUnit, kUnit};
  for (std::uint64_t kind = 0; kind < 3; ++kind)
    for (std::uint64_t t = 0; t < 2; ++t)
      for (const double value : drawn_row(kFirstSeed + 34, kSmallGanRealStream + kind, t, ranges[kind]))
        values.push_back(static_cast<float>(value));
  upload<float>(given.stream, rows.view(), values);
  training.inputs = {{rows.data(), 2, 4, 4}, {rows.data() + 8, 2, 4, 4}, {rows.data() + 16, 2, 4, 4}};
  train_small_gans(given.stream, given.weights(), {}, training);
  EXPECT_EQ(given.gan(34), drawn.gan(34));
  EXPECT_NE(given.gan(0), drawn.gan(0));
}

TEST(ProductSmallGan, Patterns) {
  Stream stream{Device(DeviceKind::simt)};
  constexpr std::int64_t kRows = 33;
  const Buffer<float> patterns(stream, 4 * kRows);
  fill_patterns(stream, patterns.matrix(kRows, 4), {3, 9}, {nullptr, 1, 7}, kPattern1010);
  const std::vector<float> got = download<float>(stream, patterns.view());
  for (std::size_t row = 0; row < kRows; ++row) {
    const auto expected = drawn_row(3, 9, 7 + row, kPattern1010);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(static_cast<double>(got[4 * row + i]), expected[i]);
  }
}

TEST(ProductSmallGan, EveryAccessIsChecked) {
  const std::uint64_t before = simt::executor::accesses_checked();
  Fleet fleet;
  fleet.stream.synchronize();
  EXPECT_GT(simt::executor::accesses_checked(), before + kSmallGanWeights * kGans);
}

}  // namespace
}  // namespace atelier
