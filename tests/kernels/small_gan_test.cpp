#include "kernels/small_gan.h"
#include "tests/kernels/every_instruction_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "kernels/noise_function.h"
#include "runtime/buffer.h"
#include "runtime/error.h"
#include "runtime/graph.h"
#include "runtime/instruction_set.h"
#include "runtime/parallel.h"
#include "tests/devices.h"
#include "tests/kernels/small_gan_reference.h"

namespace atelier {
namespace {

using testing::ReferenceGan;
using testing::WorstError;

std::vector<std::uint64_t> seeds_from(std::uint64_t first, std::size_t count) {
  std::vector<std::uint64_t> seeds(count);
  std::iota(seeds.begin(), seeds.end(), first);
  return seeds;
}

/// A fleet on a device, in a matrix with some columns to spare.
class Fleet {
 public:
  Fleet(Stream& stream, const std::vector<std::uint64_t>& seeds, std::int64_t spare = 0)
      : stream_(stream),
        gans_(static_cast<std::int64_t>(seeds.size())),
        stride_(gans_ + spare),
        seeds_(stream, std::max<std::int64_t>(1, gans_)),
        weights_(stream, std::max<std::int64_t>(1, kSmallGanWeights * stride_)) {
    upload<std::uint64_t>(stream, seeds_.view().part(0, gans_), seeds);
    upload<float>(stream, weights_.view(),
                  std::vector<float>(static_cast<std::size_t>(weights_.size()), kCanary));
    initialise_small_gans(stream, weights(), seeds_view());
  }

  [[nodiscard]] MatrixView<float> weights() const {
    return {weights_.data(), kSmallGanWeights, gans_, stride_};
  }
  [[nodiscard]] VectorView<const std::uint64_t> seeds_view() const { return {seeds_.data(), gans_}; }

  void train(const SmallGanTraining& training) {
    train_small_gans(stream_, weights(), seeds_view(), training);
  }
  void train(std::uint64_t first, std::int64_t iterations) {
    SmallGanTraining training;
    training.first_iteration = first;
    training.iterations = iterations;
    train(training);
  }

  [[nodiscard]] std::vector<float> all() { return download<float>(stream_, weights_.view()); }
  /// Weights of GAN k.
  [[nodiscard]] std::vector<float> gan(std::int64_t k) {
    const std::vector<float> every = all();
    std::vector<float> result;
    for (std::int64_t i = 0; i < kSmallGanWeights; ++i)
      result.push_back(every[static_cast<std::size_t>(i * stride_ + k)]);
    return result;
  }

  static constexpr float kCanary = 12345.0F;

 private:
  Stream& stream_;
  std::int64_t gans_;
  std::int64_t stride_;
  Buffer<std::uint64_t> seeds_;
  Buffer<float> weights_;
};

std::vector<double> as_double(const std::vector<float>& values) {
  return {values.begin(), values.end()};
}

// Row `row` of a stream, as the header says it is drawn.
std::vector<double> drawn_row(std::uint64_t seed, std::uint64_t stream, std::uint64_t row,
                              const PatternRange& range) {
  std::vector<double> values;
  for (std::uint64_t i = 0; i < 4; ++i) {
    const float low = range.low[i];
    values.push_back(static_cast<double>(uniform_element({seed, stream}, 4 * row + i, low, range.high[i])));
  }
  return values;
}
constexpr PatternRange kUnit{{0, 0, 0, 0}, {1, 1, 1, 1}};

class SmallGanOnDevice : public atelier::testing::EveryInstructionSet {};

TEST_P(SmallGanOnDevice, InitialWeightsAreTorchsRanges) {
  Stream stream(GetParam());
  Fleet fleet(stream, {7, 1234567890123456789ULL}, 3);
  const auto expect = [&](std::int64_t gan, std::uint64_t seed) {
    const std::vector<float> weights = fleet.gan(gan);
    const auto check = [&](std::size_t first, std::size_t end, std::uint64_t number, double inputs) {
      const auto bound = static_cast<float>(1.0 / std::sqrt(inputs));
      for (std::size_t i = first; i < end; ++i)
        EXPECT_EQ(weights[i], uniform_element({seed, number}, i - first, -bound, bound)) << i;
    };
    check(0, 12, kSmallGanStreamOfD, 4);
    check(12, 15, kSmallGanStreamOfD + 4, 3);
    check(15, 31, kSmallGanStreamOfG, 4);
    check(31, 47, kSmallGanStreamOfG + 4, 4);
  };
  expect(0, 7);
  expect(1, 1234567890123456789ULL);
  const std::vector<float> all = fleet.all();
  for (std::size_t row = 0; row < kSmallGanWeights; ++row)
    for (std::size_t column = 2; column < 5; ++column) EXPECT_EQ(all[row * 5 + column], Fleet::kCanary);
}

TEST_P(SmallGanOnDevice, PatternsToTheBit) {
  Stream stream(GetParam());
  for (const std::int64_t rows : {0, 1, 31, 33, 1000}) {
    Buffer<float> buffer(stream, std::max<std::int64_t>(1, 5 * rows));
    Buffer<std::uint64_t> counter(stream, 1);
    upload<std::uint64_t>(stream, counter.view(), std::vector<std::uint64_t>{9});
    upload<float>(stream, buffer.view(),
                  std::vector<float>(static_cast<std::size_t>(buffer.size()), Fleet::kCanary));
    fill_patterns(stream, {buffer.data(), rows, 4, 5}, {3, 4}, {counter.data(), 2, 1}, kPattern1010);
    const std::vector<float> got = download<float>(stream, buffer.view());
    for (std::int64_t row = 0; row < rows; ++row) {
      const auto expected = drawn_row(3, 4, static_cast<std::uint64_t>(19 + row), kPattern1010);
      for (std::size_t i = 0; i < 5; ++i)
        ASSERT_EQ(static_cast<double>(got[static_cast<std::size_t>(5 * row) + i]),
                  i < 4 ? expected[i] : static_cast<double>(Fleet::kCanary))
            << row << ", " << i;
    }
  }
}

// 500 iterations of a few GANs with what the header says they draw.
TEST_P(SmallGanOnDevice, EqualsTheReferenceInDouble) {
  for_each_set([&] {
    Stream stream(GetParam());
    constexpr std::int64_t kIterations = 500;
    constexpr std::int64_t kGans = 37;
    constexpr std::uint64_t kFirst = 1'000'003;
    std::vector<std::uint64_t> seeds = seeds_from(1, kGans);
    for (std::uint64_t& seed : seeds) seed *= 0x9E37'79B9'7F4A'7C15;  // neighbours differ in all bits
    Fleet fleet(stream, seeds, 2);
    const std::vector<std::int64_t> looked_at{0, 1, 15, 16, 31, 36};
    std::vector<std::vector<double>> start;
    for (const std::int64_t k : looked_at) start.push_back(as_double(fleet.gan(k)));

    Buffer<float> losses(stream, kIterations * kSmallGanLosses * kGans);
    SmallGanTraining training;
    training.first_iteration = kFirst;
    training.iterations = kIterations;
    training.learning_rate = 0.5F;  // large, so that every gradient shows
    training.records = {losses.matrix(kIterations, kSmallGanLosses * kGans), 0, kGans, 1};
    fleet.train(training);
    const std::vector<float> recorded = download<float>(stream, losses.view());

    WorstError worst_weight;
    WorstError worst_loss;
    for (std::size_t n = 0; n < looked_at.size(); ++n) {
      const auto k = static_cast<std::size_t>(looked_at[n]);
      ReferenceGan gan(start[n]);
      for (std::uint64_t t = 0; t < kIterations; ++t) {
        const auto losses_now =
            gan.iterate(drawn_row(seeds[k], kSmallGanRealStream, kFirst + t, kPattern1010),
                        drawn_row(seeds[k], kSmallGanFakeNoiseStream, kFirst + t, kUnit),
                        drawn_row(seeds[k], kSmallGanGeneratorNoiseStream, kFirst + t, kUnit), 0.5);
        const double expected[] = {losses_now.real, losses_now.fake, losses_now.generator,
                                   losses_now.pattern_error};
        for (std::size_t kind = 0; kind < kSmallGanLosses; ++kind) {
          const double got = recorded[(t * kSmallGanLosses + kind) * kGans + k];
          worst_loss.add(std::fabs(got - expected[kind]) / std::max(expected[kind], 0.01));
        }
      }
      const std::vector<double> expected = gan.weights();
      const std::vector<float> got = fleet.gan(looked_at[n]);
      for (std::size_t i = 0; i < got.size(); ++i)
        worst_weight.add(std::fabs(static_cast<double>(got[i]) - expected[i]));
    }
    EXPECT_LE(worst_loss.value(), 5e-6);
    EXPECT_LE(worst_weight.value(), 1e-5);
  });
}

// The article's rate: what is left is the rounding of a thousand updates, a random walk of 6e-8 each.
TEST_P(SmallGanOnDevice, EqualsTheReferenceAtTheArticlesRate) {
  for_each_set([&] {
    Stream stream(GetParam());
    Fleet fleet(stream, {300});
    ReferenceGan gan(as_double(fleet.gan(0)));
    fleet.train(0, 1000);
    const double rate = static_cast<double>(0.01F);
    for (std::uint64_t t = 0; t < 1000; ++t)
      gan.iterate(drawn_row(300, kSmallGanRealStream, t, kPattern1010),
                  drawn_row(300, kSmallGanFakeNoiseStream, t, kUnit),
                  drawn_row(300, kSmallGanGeneratorNoiseStream, t, kUnit), rate);
    const std::vector<float> got = fleet.gan(0);
    const std::vector<double> expected = gan.weights();
    WorstError worst;
    for (std::size_t i = 0; i < got.size(); ++i)
      worst.add(std::fabs(static_cast<double>(got[i]) - expected[i]));
    EXPECT_LE(worst.value(), 3e-6);
  });
}

TEST_P(SmallGanOnDevice, AGanAloneIsTheGanInAFleet) {
  for_each_set([&] {
    Stream stream(GetParam());
    const std::vector<std::uint64_t> seeds = seeds_from(5000, 1000);
    const std::int64_t iterations = GetParam().kind() == DeviceKind::simt ? 20 : 200;
    Fleet fleet(stream, seeds);
    fleet.train(0, iterations);
    for (const std::size_t k : {0UL, 7UL, 500UL, 991UL, 992UL, 999UL}) {
      Fleet alone(stream, {seeds[k]});
      alone.train(0, iterations);
      EXPECT_EQ(alone.gan(0), fleet.gan(static_cast<std::int64_t>(k))) << k;
    }
  });
}

TEST_P(SmallGanOnDevice, CutRunsAndThreadsDoNotMatter) {
  for_each_set([&] {
    Stream stream(GetParam());
    const std::vector<std::uint64_t> seeds = seeds_from(77, 70);
    constexpr std::int64_t kIterations = 103;
    set_cpu_threads(1);
    Fleet whole(stream, seeds);
    whole.train(0, kIterations);
    const std::vector<float> expected = whole.all();
    for (const int threads : {1, 2, 3, 0}) {
      set_cpu_threads(threads);
      Fleet cut(stream, seeds);
      std::uint64_t done = 0;
      for (const std::int64_t part : {1, 0, 2, 30, 69, 1}) {
        cut.train(done, part);
        done += static_cast<std::uint64_t>(part);
      }
      EXPECT_EQ(cut.all(), expected) << threads << " threads";
    }
    set_cpu_threads(0);
  });
}

TEST_P(SmallGanOnDevice, GivenInputsTakeThePlaceOfDrawnOnes) {
  for_each_set([&] {
    Stream stream(GetParam());
    constexpr std::int64_t kIterations = 60;
    constexpr std::uint64_t kFirst = 11;
    Fleet drawn(stream, {42});
    Fleet given(stream, {42});
    drawn.train(kFirst, kIterations);
    // Rows of five with one to spare, so that strides count.
    Buffer<float> rows(stream, 3 * 5 * kIterations);
    std::vector<float> values(static_cast<std::size_t>(rows.size()), Fleet::kCanary);
    const PatternRange ranges[] = {kPattern1010, kUnit, kUnit};
    for (std::size_t kind = 0; kind < 3; ++kind)
      for (std::size_t t = 0; t < kIterations; ++t) {
        const auto row = drawn_row(42, kSmallGanRealStream + kind, kFirst + t, ranges[kind]);
        for (std::size_t i = 0; i < 4; ++i)
          values[(kind * kIterations + t) * 5 + i] = static_cast<float>(row[i]);
      }
    upload<float>(stream, rows.view(), values);
    const auto part = [&](std::int64_t kind) {
      return MatrixView<const float>{rows.data() + kind * kIterations * 5, kIterations, 4, 5};
    };
    SmallGanTraining training;
    training.iterations = kIterations;
    training.inputs = {part(0), part(1), part(2)};
    train_small_gans(stream, given.weights(), {}, training);
    EXPECT_EQ(given.gan(0), drawn.gan(0));
  });
}

TEST_P(SmallGanOnDevice, RecordsOfSomeGansAtSomeIterations) {
  for_each_set([&] {
    Stream stream(GetParam());
    const std::vector<std::uint64_t> seeds = seeds_from(1, 40);
    constexpr std::int64_t kIterations = 50;
    const auto record = [&](std::int64_t first_gan, std::int64_t gans, std::int64_t stride,
                            std::uint64_t first, std::int64_t iterations, Fleet& fleet) {
      const std::int64_t rows = small_gan_records(first, iterations, stride);
      Buffer<float> losses(stream, std::max<std::int64_t>(1, (rows + 1) * kSmallGanLosses * gans));
      upload<float>(stream, losses.view(),
                    std::vector<float>(static_cast<std::size_t>(losses.size()), Fleet::kCanary));
      SmallGanTraining training;
      training.first_iteration = first;
      training.iterations = iterations;
      training.records = {losses.matrix(rows, kSmallGanLosses * gans), first_gan, gans, stride};
      fleet.train(training);
      std::vector<float> result = download<float>(stream, losses.view());
      for (std::size_t i = static_cast<std::size_t>(rows * kSmallGanLosses * gans); i < result.size(); ++i)
        EXPECT_EQ(result[i], Fleet::kCanary);
      result.resize(static_cast<std::size_t>(rows * kSmallGanLosses * gans));
      return result;
    };
    Fleet all(stream, seeds);
    const std::vector<float> every = record(0, 40, 1, 0, kIterations, all);
    Fleet some(stream, seeds);
    std::vector<float> few = record(13, 9, 7, 0, 20, some);          // iterations 0, 7, 14
    const std::vector<float> rest = record(13, 9, 7, 20, 30, some);  // 21, 28, 35, 42, 49
    few.insert(few.end(), rest.begin(), rest.end());
    ASSERT_EQ(few.size(), std::size_t{8 * kSmallGanLosses * 9});
    for (std::size_t r = 0; r < 8; ++r)
      for (std::size_t kind = 0; kind < kSmallGanLosses; ++kind)
        for (std::size_t g = 0; g < 9; ++g)
          EXPECT_EQ(few[(r * kSmallGanLosses + kind) * 9 + g],
                    every[(7 * r * kSmallGanLosses + kind) * 40 + 13 + g])
              << r << ", " << kind << ", " << g;
    EXPECT_EQ(some.all(), all.all());
  });
}

TEST_P(SmallGanOnDevice, MeanOutputs) {
  for_each_set([&] {
    Stream stream(GetParam());
    const std::vector<std::uint64_t> seeds = seeds_from(90, 19);
    Fleet fleet(stream, seeds, 1);
    Buffer<float> mean(stream, 4 * 20);
    upload<float>(stream, mean.view(), std::vector<float>(80, Fleet::kCanary));
    small_gan_outputs(stream, fleet.weights(), fleet.seeds_view(), 30, {mean.data(), 4, 19, 20});
    const std::vector<float> got = download<float>(stream, mean.view());
    WorstError worst;
    for (std::size_t k = 0; k < 19; ++k) {
      const ReferenceGan gan(as_double(fleet.gan(static_cast<std::int64_t>(k))));
      std::vector<double> expected(4, 0.0);
      for (std::uint64_t row = 0; row < 30; ++row) {
        const auto made = gan.generate(drawn_row(seeds[k], kSmallGanJudgeNoiseStream, row, kUnit));
        for (std::size_t i = 0; i < 4; ++i) expected[i] += made[i] / 30;
      }
      for (std::size_t i = 0; i < 4; ++i)
        worst.add(std::fabs(static_cast<double>(got[i * 20 + k]) - expected[i]));
    }
    EXPECT_LE(worst.value(), 5e-7);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(got[i * 20 + 19], Fleet::kCanary);
  });
}

TEST_P(SmallGanOnDevice, NanStaysInItsGan) {
  for_each_set([&] {
    Stream stream(GetParam());
    const std::vector<std::uint64_t> seeds = seeds_from(0, 20);
    Fleet healthy(stream, seeds);
    Fleet sick(stream, seeds);
    std::vector<float> weights = sick.all();
    weights[14 * 20 + 5] = std::numeric_limits<float>::quiet_NaN();  // of D's second layer, GAN 5
    upload<float>(stream, {sick.weights().data, kSmallGanWeights * 20}, weights);
    healthy.train(0, 10);
    sick.train(0, 10);
    for (std::int64_t k = 0; k < 20; ++k) {
      const std::vector<float> got = sick.gan(k);
      if (k != 5) {
        EXPECT_EQ(got, healthy.gan(k)) << k;
      } else {
        for (const float weight : got) EXPECT_TRUE(std::isnan(weight));
      }
    }
  });
}

TEST_P(SmallGanOnDevice, ReplaysInAGraph) {
  Stream stream(GetParam());
  Fleet direct(stream, seeds_from(3, 5));
  Fleet replayed(stream, seeds_from(3, 5));
  direct.train(4, 6);
  stream.begin_capture();
  replayed.train(4, 6);
  const Graph graph = stream.end_capture();
  graph.launch(stream);
  EXPECT_EQ(replayed.all(), direct.all());
}

TEST_P(SmallGanOnDevice, RefusesWrongShapes) {
  Stream stream(GetParam());
  Fleet fleet(stream, seeds_from(0, 3));
  const auto refused = [&](const std::string& word, auto call) {
    try {
      call();
      ADD_FAILURE() << "accepted: " << word;
    } catch (const InvalidArgument& error) {
      const std::string message = error.what();
      EXPECT_NE(message.find(word), std::string::npos) << message;
      EXPECT_NE(message.find(GetParam().name()), std::string::npos) << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
  };
  const auto train_with = [&](auto change) {
    SmallGanTraining training;
    training.iterations = 2;
    change(training);
    fleet.train(training);
  };
  const MatrixView<float> weights = fleet.weights();
  refused("46 x 3", [&] { initialise_small_gans(stream, weights.rows_part(0, 46), fleet.seeds_view()); });
  refused("2 seeds", [&] { initialise_small_gans(stream, weights, fleet.seeds_view().part(0, 2)); });
  refused("iterations is -1", [&] { train_with([](auto& t) { t.iterations = -1; }); });
  refused("learning rate", [&] { train_with([](auto& t) { t.learning_rate = std::nanf(""); }); });
  refused("stride", [&] { train_with([](auto& t) { t.records.stride = 0; }); });
  refused("range of number 2", [&] { train_with([](auto& t) { t.real.low[2] = 2.0F; }); });
  refused("GANs 2 to 3", [&] {
    train_with([](auto& t) {
      t.records.first_gan = 2;
      t.records.gans = 2;
    });
  });
  refused("8 x 12", [&] {
    train_with([&](auto& t) {
      t.iterations = 8;
      t.records.gans = 3;
      t.records.values = {weights.data, 7, 12, 12};
    });
  });
  refused("inputs.fake_noise", [&] {
    train_with([&](auto& t) { t.inputs.real = {weights.data, 2, 4, 4}; });
  });
  refused("draws",
          [&] { small_gan_outputs(stream, weights, fleet.seeds_view(), 0, weights.rows_part(0, 4)); });
  refused("means",
          [&] { small_gan_outputs(stream, weights, fleet.seeds_view(), 1, weights.rows_part(0, 3)); });
  refused("destination", [&] { fill_patterns(stream, {weights.data, 1, 3, 3}, {}, {}, kPattern1010); });
  Fleet empty(stream, {});
  EXPECT_NO_THROW(empty.train(0, 5));
  EXPECT_NO_THROW(stream.synchronize());
}

INSTANTIATE_TEST_SUITE_P(Devices, SmallGanOnDevice, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

TEST(SmallGanRecords, AreTheMultiplesOfTheStride) {
  for (std::uint64_t first = 0; first < 12; ++first)
    for (std::int64_t iterations = 0; iterations < 12; ++iterations)
      for (std::int64_t stride = 1; stride < 6; ++stride) {
        std::int64_t expected = 0;
        for (std::uint64_t t = first; t < first + static_cast<std::uint64_t>(iterations); ++t)
          expected += t % static_cast<std::uint64_t>(stride) == 0;
        EXPECT_EQ(small_gan_records(first, iterations, stride), expected);
      }
}

}  // namespace
}  // namespace atelier
