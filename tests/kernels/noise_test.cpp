#include "kernels/noise.h"
#include "tests/kernels/every_instruction_set.h"

#include <gtest/gtest.h>
#if defined(ATELIER_TEST_CURAND)
#include <curand.h>
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "kernels/noise_function.h"
#include "runtime/buffer.h"
#include "runtime/graph.h"
#include "runtime/instruction_set.h"
#include "runtime/parallel.h"
#include "tests/devices.h"

namespace atelier {
namespace {

using testing::WorstError;
using Words = std::array<std::uint32_t, 4>;

Words words(PhiloxBlock block) {
  return {block.word[0], block.word[1], block.word[2], block.word[3]};
}

// The known answers that Random123 publishes for philox4x32-10.
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(words(philox4x32({{0, 0, 0, 0}}, 0, 0)), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(words(philox4x32({{kOnes, kOnes, kOnes, kOnes}}, kOnes, kOnes)),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(words(philox4x32({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0xa4093822, 0x299f31d0)),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, CounterAndKeyLayout) {
  const PhiloxStream stream{0x299f31d0a4093822, 0x0370734413198a2e};
  EXPECT_EQ(words(philox_block(stream, 0x85a308d3243f6a88)),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

#if defined(ATELIER_TEST_CURAND)
// cuRAND's generator deals its sequence to 65,536 subsequences in turn, four words each time; a subsequence
// is what a stream is here: words 4c to 4c + 3 are block c / 65536 of stream c % 65536.
TEST(Philox, SameWordsAsCurand) {
  constexpr std::uint64_t kSeed = 0x123456789abcdef;
  curandGenerator_t generator{};
  ASSERT_EQ(curandCreateGeneratorHost(&generator, CURAND_RNG_PSEUDO_PHILOX4_32_10), CURAND_STATUS_SUCCESS);
  ASSERT_EQ(curandSetPseudoRandomGeneratorSeed(generator, kSeed), CURAND_STATUS_SUCCESS);
  std::vector<std::uint32_t> theirs(3 * 4 * 65536 + 400);
  ASSERT_EQ(curandGenerate(generator, theirs.data(), theirs.size()), CURAND_STATUS_SUCCESS);
  curandDestroyGenerator(generator);
  std::size_t different = 0;
  for (std::size_t i = 0; i < theirs.size(); ++i) {
    const std::uint64_t chunk = i / 4;
    different += theirs[i] != philox_block({kSeed, chunk % 65536}, chunk / 65536).word[i % 4];
  }
  EXPECT_EQ(different, 0U);
}
#endif

struct Fill {
  PhiloxStream random{42, 7};
  std::uint64_t first = 0;
  std::int64_t size = 0;
  std::int64_t offset = 0;  // of the destination from an aligned address, in floats
  bool normal = false;
  float a = 0.0F;  // low or mean
  float b = 1.0F;  // high or deviation
};

constexpr float kCanary = 1234567.0F;

// What a fill writes, with three canaries before and after, which must survive.
std::vector<float> run(Stream& stream, const Fill& fill) {
  const std::int64_t room = fill.offset + fill.size + 6;
  Buffer<float> buffer(stream, room);
  upload<float>(stream, buffer.view(), std::vector<float>(static_cast<std::size_t>(room), kCanary));
  const VectorView<float> target = buffer.view().part(fill.offset + 3, fill.size);
  if (fill.normal)
    fill_normal(stream, target, fill.random, fill.first, fill.a, fill.b);
  else
    fill_uniform(stream, target, fill.random, fill.first, fill.a, fill.b);
  const std::vector<float> all = download<float>(stream, buffer.view());
  const auto begin = all.begin() + fill.offset + 3;
  const auto end = begin + fill.size;
  EXPECT_TRUE(std::all_of(all.begin(), begin, [](float x) { return x == kCanary; }))
      << "before the destination";
  EXPECT_TRUE(std::all_of(end, all.end(), [](float x) { return x == kCanary; })) << "after the destination";
  return {begin, end};
}

std::uint32_t reference_word(PhiloxStream random, std::uint64_t index) {
  return philox_block(random, index / 4).word[index % 4];
}

// Box and Muller in double precision, log1p near u = 1 so that the reference itself is exact to 1e-15.
double reference_normal(PhiloxStream random, std::uint64_t index) {
  const std::uint64_t pair = index / 2 * 2;
  const double rest = static_cast<double>(~reference_word(random, pair)) * 0x1p-32;  // 1 - u1
  const double logarithm = rest < 0.5 ? std::log1p(-rest) : std::log(1.0 - rest);
  const long double turn = static_cast<long double>(reference_word(random, pair + 1)) * 0x1p-32L;
  const long double angle = 2.0L * 3.14159265358979323846264338327950288L * turn;
  const long double wave = index % 2 == 0 ? std::cos(angle) : std::sin(angle);
  return std::sqrt(-2.0 * logarithm) * static_cast<double>(wave);
}

std::vector<std::uint32_t> bits(const std::vector<float>& values) {
  std::vector<std::uint32_t> result;
  for (const float value : values) result.push_back(std::bit_cast<std::uint32_t>(value));
  return result;
}

class NoiseOnDevice : public atelier::testing::EveryInstructionSet {};

const std::vector<std::int64_t> kSizes{0,  1,  2,   3,   4,    5,    15,   16,   17,
                                       31, 33, 127, 256, 1000, 1024, 1027, 70001};

TEST_P(NoiseOnDevice, UniformToTheBit) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const std::int64_t size : kSizes) {
      Fill fill;
      fill.size = size;
      fill.offset = size % 4;
      fill.first = static_cast<std::uint64_t>(size * 3 % 7);
      fill.a = -2.5F;
      fill.b = 0.7F;
      const std::vector<float> got = run(stream, fill);
      const float span = fill.b - fill.a;
      std::size_t different = 0;
      for (std::size_t i = 0; i < got.size(); ++i) {
        const float u = static_cast<float>(reference_word(fill.random, fill.first + i) >> 8) * 0x1p-24F;
        different +=
            std::bit_cast<std::uint32_t>(got[i]) != std::bit_cast<std::uint32_t>(std::fma(u, span, fill.a));
      }
      EXPECT_EQ(different, 0U) << size << " elements";
    }
  });
}

TEST_P(NoiseOnDevice, NormalWithinFourUlpAndEqualOnAllDevices) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const std::int64_t size : kSizes) {
      Fill fill;
      fill.normal = true;
      fill.size = size;
      fill.offset = size % 3;
      fill.first = static_cast<std::uint64_t>(size * 5 % 9);
      const std::vector<float> got = run(stream, fill);
      if (size == 0) continue;
      WorstError worst;  // in ulp
      std::size_t different = 0;
      for (std::size_t i = 0; i < got.size(); ++i) {
        const double exact = reference_normal(fill.random, fill.first + i);
        const double ulp = std::ldexp(1.0, std::max(std::ilogb(exact), -126) - 23);
        worst.add(std::fabs(got[i] - exact) / ulp);
        different += got[i] != normal_element(fill.random, fill.first + i);
      }
      EXPECT_LE(worst.value(), 4.0) << size << " elements";
      EXPECT_EQ(different, 0U) << size << " elements";
    }
  });
}

TEST_P(NoiseOnDevice, MeanAndDeviationAreOneFusedStep) {
  Stream stream(GetParam());
  Fill fill;
  fill.normal = true;
  fill.size = 1001;
  fill.a = 3.25F;
  fill.b = 0.02F;
  const std::vector<float> got = run(stream, fill);
  for (std::size_t i = 0; i < got.size(); ++i)
    ASSERT_EQ(got[i], std::fma(fill.b, normal_element(fill.random, i), fill.a)) << i;
  fill.b = 0.0F;
  for (const float value : run(stream, fill)) ASSERT_EQ(value, 3.25F);
}

TEST_P(NoiseOnDevice, AnyCutGivesTheSameElements) {
  Stream stream(GetParam());
  for (const bool normal : {false, true}) {
    Fill whole;
    whole.normal = normal;
    whole.size = 997;
    whole.first = 5;
    const std::vector<std::uint32_t> expected = bits(run(stream, whole));
    for (const std::int64_t cut : {0, 1, 2, 3, 4, 6, 333, 995, 996, 997}) {
      Fill head = whole;
      head.size = cut;
      Fill tail = whole;
      tail.first += static_cast<std::uint64_t>(cut);
      tail.size = whole.size - cut;
      tail.offset = 1;
      std::vector<std::uint32_t> joined = bits(run(stream, head));
      const std::vector<std::uint32_t> rest = bits(run(stream, tail));
      joined.insert(joined.end(), rest.begin(), rest.end());
      EXPECT_EQ(joined, expected) << "cut at " << cut;
    }
  }
}

// Whole launches: wherever the first element lies in its block of words, the last one is written.
TEST_P(NoiseOnDevice, EveryStartInABlockOfWords) {
  Stream stream(GetParam());
  for (std::uint64_t first = 0; first < 4; ++first)
    for (const std::int64_t size : {1021, 1022, 1023, 1024}) {
      Fill fill;
      fill.size = size;
      fill.first = first;
      EXPECT_EQ(run(stream, fill).back(),
                uniform_element(fill.random, first + static_cast<std::uint64_t>(size) - 1));
    }
}

TEST_P(NoiseOnDevice, EndOfTheStream) {
  Stream stream(GetParam());
  Fill fill;
  fill.size = 6;
  fill.first = std::numeric_limits<std::uint64_t>::max() - 5;
  const std::vector<float> got = run(stream, fill);
  for (std::size_t i = 0; i < got.size(); ++i)
    EXPECT_EQ(got[i], static_cast<float>(reference_word(fill.random, fill.first + i) >> 8) * 0x1p-24F);
  fill.first += 1;
  EXPECT_THROW(run(stream, fill), InvalidArgument);
}

TEST_P(NoiseOnDevice, ThreadsAndRunsDoNotMatter) {
  Stream stream(GetParam());
  for (const bool normal : {false, true}) {
    Fill fill;
    fill.normal = normal;
    fill.size = GetParam().kind() == DeviceKind::simt ? 40001 : 300001;
    fill.first = 3;
    set_cpu_threads(1);
    const std::vector<std::uint32_t> one = bits(run(stream, fill));
    for (const int threads : {2, 3, 0}) {
      set_cpu_threads(threads);
      EXPECT_EQ(bits(run(stream, fill)), one) << threads << " threads";
    }
  }
}

TEST_P(NoiseOnDevice, ReplaysInAGraph) {
  Stream stream(GetParam());
  Buffer<float> buffer(stream, 501);
  stream.begin_capture();
  fill_uniform(stream, buffer.view().part(0, 250), {1, 2});
  fill_normal(stream, buffer.view().part(250, 251), {1, 2});
  const Graph graph = stream.end_capture();
  for (int run = 0; run < 2; ++run) {
    upload<float>(stream, buffer.view(), std::vector<float>(501, kCanary));
    graph.launch(stream);
    const std::vector<float> got = download<float>(stream, buffer.view());
    for (std::size_t i = 0; i < 250; ++i) ASSERT_EQ(got[i], uniform_element({1, 2}, i));
    for (std::size_t i = 0; i < 251; ++i) ASSERT_EQ(got[250 + i], normal_element({1, 2}, i));
  }
}

// A captured step draws new numbers each time it is replayed: `first` is count * scale + offset then.
TEST_P(NoiseOnDevice, ACounterMovesOnInAGraph) {
  for_each_set([&] {
    Stream stream(GetParam());
    constexpr std::int64_t kSize = 203;
    Buffer<float> uniform(stream, kSize);
    Buffer<float> normal(stream, kSize);
    Buffer<std::uint64_t> counter(stream, 1);
    upload<std::uint64_t>(stream, counter.view(), std::vector<std::uint64_t>{5});
    const DeviceCounter first{counter.data(), 203, 2};
    stream.begin_capture();
    fill_uniform(stream, uniform.view(), {3, 1}, first, -1.0F, 1.0F);
    fill_normal(stream, normal.view(), {3, 2}, first, 0.5F, 2.0F);
    finish_iteration(stream, counter.data(), {}, {});
    const Graph graph = stream.end_capture();
    Fill expected_uniform{{3, 1}, 0, kSize, 0, false, -1.0F, 1.0F};
    Fill expected_normal{{3, 2}, 0, kSize, 0, true, 0.5F, 2.0F};
    for (std::uint64_t count = 5; count < 10; ++count) {  // first takes every remainder of 4
      graph.launch(stream);
      expected_uniform.first = expected_normal.first = 203 * count + 2;
      EXPECT_EQ(bits(download<float>(stream, uniform.view())), bits(run(stream, expected_uniform))) << count;
      EXPECT_EQ(bits(download<float>(stream, normal.view())), bits(run(stream, expected_normal))) << count;
    }
  });
}

// Element 2^64 - 1 is followed by element 0.
TEST_P(NoiseOnDevice, ACounterWrapsAtTheEndOfTheStream) {
  for_each_set([&] {
    Stream stream(GetParam());
    const PhiloxStream random{8, 9};
    for (const std::uint64_t before : {1U, 2U, 3U, 4U, 7U, 300U}) {
      const Buffer<float> whole(stream, 400);
      for (const bool normal : {false, true}) {
        const DeviceCounter first{nullptr, 1, 0 - before};
        if (normal)
          fill_normal(stream, whole.view(), random, first);
        else
          fill_uniform(stream, whole.view(), random, first);
        const std::vector<float> got = download<float>(stream, whole.view());
        for (std::size_t i = 0; i < got.size(); ++i) {
          const std::uint64_t element = i - before;  // modulo 2^64
          ASSERT_EQ(got[i], normal ? normal_element(random, element) : uniform_element(random, element))
              << i << " after " << before;
        }
      }
    }
  });
}

TEST_P(NoiseOnDevice, RefusesWrongParameters) {
  Stream stream(GetParam());
  Buffer<float> buffer(stream, 4);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_THROW(fill_uniform(stream, buffer.view(), {}, 0, 1.0F, 0.5F), InvalidArgument);
  EXPECT_THROW(fill_uniform(stream, buffer.view(), {}, 0, nan, 0.5F), InvalidArgument);
  EXPECT_THROW(fill_uniform(stream, buffer.view(), {}, 0, 0.0F, infinity), InvalidArgument);
  EXPECT_THROW(fill_uniform(stream, buffer.view(), {}, 0, -3e38F, 3e38F), InvalidArgument);
  EXPECT_THROW(fill_normal(stream, buffer.view(), {}, 0, 0.0F, -1.0F), InvalidArgument);
  EXPECT_THROW(fill_normal(stream, buffer.view(), {}, 0, nan, 1.0F), InvalidArgument);
  EXPECT_THROW(fill_normal(stream, buffer.view(), {}, 0, 0.0F, infinity), InvalidArgument);
  EXPECT_THROW(fill_uniform(stream, {buffer.data(), -1}, {}), InvalidArgument);
  EXPECT_THROW(fill_uniform(stream, {buffer.data(), -1}, {}, DeviceCounter{}), InvalidArgument);
  EXPECT_THROW(fill_uniform(stream, buffer.view(), {}, DeviceCounter{}, nan, 0.5F), InvalidArgument);
  EXPECT_THROW(fill_normal(stream, {buffer.data(), -1}, {}, DeviceCounter{}), InvalidArgument);
  EXPECT_THROW(fill_normal(stream, buffer.view(), {}, DeviceCounter{}, 0.0F, -1.0F), InvalidArgument);
  try {
    fill_uniform(stream, buffer.view(), {}, 0, 1.0F, 0.5F);
  } catch (const InvalidArgument& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("fill_uniform on " + GetParam().name()), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, NoiseOnDevice, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

// The largest gap between the sample's distribution and the exact one (Kolmogorov and Smirnov).
template <class Distribution>
double largest_gap(std::vector<float> sample, Distribution distribution) {
  std::sort(sample.begin(), sample.end());
  const auto count = static_cast<double>(sample.size());
  WorstError worst;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const double exact = distribution(static_cast<double>(sample[i]));
    worst.add(std::fabs(exact - static_cast<double>(i) / count));
    worst.add(std::fabs(exact - static_cast<double>(i + 1) / count));
  }
  return worst.value();
}

struct Moments {
  double mean = 0, variance = 0, skewness = 0, kurtosis = 0, neighbours = 0;
};

Moments moments(const std::vector<float>& sample) {
  const auto count = static_cast<double>(sample.size());
  Moments m;
  for (const float x : sample) m.mean += x / count;
  double previous = 0;
  for (const float x : sample) {
    const double d = x - m.mean;
    m.variance += d * d / count;
    m.skewness += d * d * d / count;
    m.kurtosis += d * d * d * d / count;
    m.neighbours += d * previous / count;
    previous = d;
  }
  return m;
}

// One fixed sample: sums of n numbers stray by a few 1 / sqrt(n); the limits are four standard errors.
constexpr std::int64_t kSample = 1 << 20;
constexpr double kRoot = 1024.0;

std::vector<float> sample(bool normal) {
  Stream stream(Device{});
  Fill fill;
  fill.normal = normal;
  fill.size = kSample;
  fill.random = {2026, 11};
  return run(stream, fill);
}

TEST(NoiseStatistics, Uniform) {
  const std::vector<float> values = sample(false);
  EXPECT_GE(*std::min_element(values.begin(), values.end()), 0.0F);
  EXPECT_LT(*std::max_element(values.begin(), values.end()), 1.0F);
  const Moments m = moments(values);
  EXPECT_NEAR(m.mean, 0.5, 4 * 0.2887 / kRoot);
  EXPECT_NEAR(m.variance, 1.0 / 12, 4 * 0.0745 / kRoot);
  EXPECT_NEAR(m.neighbours, 0.0, 4 / 12.0 / kRoot);
  EXPECT_LE(largest_gap(values, [](double x) { return x; }), 1.95 / kRoot);  // 1 in 1,000 by chance
}

TEST(NoiseStatistics, Normal) {
  const std::vector<float> values = sample(true);
  const Moments m = moments(values);
  EXPECT_NEAR(m.mean, 0.0, 4 / kRoot);
  EXPECT_NEAR(m.variance, 1.0, 4 * std::sqrt(2.0) / kRoot);
  EXPECT_NEAR(m.skewness, 0.0, 4 * std::sqrt(15.0) / kRoot);
  EXPECT_NEAR(m.kurtosis, 3.0, 4 * std::sqrt(96.0) / kRoot);
  EXPECT_NEAR(m.neighbours, 0.0, 4 / kRoot);
  EXPECT_LE(largest_gap(values, [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }), 1.95 / kRoot);
  const auto beyond = [&](float limit) {
    return static_cast<double>(
        std::count_if(values.begin(), values.end(), [&](float x) { return std::fabs(x) > limit; }));
  };
  for (const float limit : {2.0F, 3.0F, 4.0F}) {
    const double expected = static_cast<double>(kSample) * std::erfc(limit / std::sqrt(2.0F));
    EXPECT_NEAR(beyond(limit), expected, 4 * std::sqrt(expected)) << limit;
  }
  EXPECT_EQ(beyond(6.67F), 0.0);
}

}  // namespace
}  // namespace atelier
