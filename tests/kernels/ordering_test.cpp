#include "kernels/ordering.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "kernels/noise_function.h"
#include "runtime/buffer.h"
#include "runtime/graph.h"
#include "tests/devices.h"

namespace atelier {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Counts = std::vector<std::int64_t>;
using Floats = std::vector<float>;
using Indices = std::vector<std::int32_t>;

constexpr std::int32_t kCanary = 123456789;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

template <class T>
Buffer<T> to_device(Stream& stream, const std::vector<T>& values) {
  Buffer<T> buffer(stream, static_cast<std::int64_t>(values.size()));
  upload<T>(stream, buffer.view(), values);
  return buffer;
}

Bytes random_bytes(std::size_t count, std::uint64_t stream, std::uint32_t limit = 256) {
  Bytes result;
  for (std::size_t i = 0; i < count; ++i)
    result.push_back(static_cast<std::uint8_t>(philox_block({9, stream}, i).word[1] % limit));
  return result;
}

class OrderingOnDevice : public ::testing::TestWithParam<Device> {};

Indices make_permutation_of(Stream& stream, PhiloxStream random, std::int64_t size) {
  const auto buffer = to_device(stream, Indices(static_cast<std::size_t>(size) + 2, kCanary));
  permutation(stream, random, buffer.view().part(1, size));
  const Indices all = download<std::int32_t>(stream, buffer.view());
  EXPECT_EQ(all.front(), kCanary);
  EXPECT_EQ(all.back(), kCanary);
  return {all.begin() + 1, all.end() - 1};
}

// The definition, word by word.
Indices expected_permutation(PhiloxStream random, std::int64_t size) {
  const auto word = [&](std::uint64_t i) { return philox_block(random, i / 4).word[i % 4]; };
  std::vector<std::pair<std::pair<std::uint32_t, std::uint32_t>, std::int32_t>> keyed;
  for (std::int32_t i = 0; i < size; ++i) {
    const auto index = static_cast<std::uint64_t>(i);
    keyed.push_back({{word(2 * index), word(2 * index + 1)}, i});
  }
  std::sort(keyed.begin(), keyed.end());
  Indices result;
  for (const auto& [key, i] : keyed) result.push_back(i);
  return result;
}

TEST_P(OrderingOnDevice, PermutationAsDefined) {
  Stream stream(GetParam());
  for (const std::int64_t size : {0, 1, 2, 3, 15, 16, 17, 31, 33, 127, 1000, 65537})
    for (const PhiloxStream random : {PhiloxStream{42, 7}, PhiloxStream{0, 0}, PhiloxStream{42, 8}}) {
      const Indices got = make_permutation_of(stream, random, size);
      EXPECT_TRUE(got == expected_permutation(random, size)) << size;
      Indices sorted = got;
      std::sort(sorted.begin(), sorted.end());
      Indices all(static_cast<std::size_t>(size));
      std::iota(all.begin(), all.end(), 0);
      EXPECT_TRUE(sorted == all) << size << ": not a permutation";
    }
}

// Among a million keys, more than a hundred pairs agree in their first words.
TEST_P(OrderingOnDevice, PermutationWithEqualFirstWords) {
  Stream stream(GetParam());
  constexpr std::int64_t kSize = 1000003;
  EXPECT_TRUE(make_permutation_of(stream, {42, 7}, kSize) == expected_permutation({42, 7}, kSize));
}

TEST_P(OrderingOnDevice, PermutationOfMnist) {
  Stream stream(GetParam());
  const Indices got = make_permutation_of(stream, {2026, 1}, 60000);
  std::uint64_t checksum = 14695981039346656037ULL;  // FNV-1a over the indices
  for (const std::int32_t index : got)
    checksum = (checksum ^ static_cast<std::uint32_t>(index)) * 1099511628211ULL;
  EXPECT_EQ(checksum, 10901228031344668343ULL);
  const Indices start(got.begin(), got.begin() + 6);
  EXPECT_EQ(start, (Indices{55241, 3514, 20941, 46301, 5402, 8852}));
}

std::vector<std::uint32_t> sorted_bits(Device device, const Floats& values) {
  Stream stream(device);
  const auto buffer = to_device(stream, values);
  sort_ascending(stream, buffer.view());
  std::vector<std::uint32_t> result;
  for (const float value : download<float>(stream, buffer.view()))
    result.push_back(std::bit_cast<std::uint32_t>(value));
  return result;
}

TEST_P(OrderingOnDevice, SortsAscending) {
  for (const std::uint64_t size : {0, 1, 2, 15, 16, 17, 31, 33, 127, 1000, 65537}) {
    Floats values;
    for (std::uint64_t i = 0; i < size; ++i) {
      // Any finite bit pattern, subnormal ones included, with repetitions.
      const std::uint32_t bits = philox_block({5, size}, i / 2).word[0] & 0xFF7FFFFFU;
      values.push_back(std::bit_cast<float>(bits));
    }
    Floats expected = values;
    std::sort(expected.begin(), expected.end());
    std::vector<std::uint32_t> expected_bits;
    for (const float value : expected) expected_bits.push_back(std::bit_cast<std::uint32_t>(value));
    EXPECT_TRUE(sorted_bits(GetParam(), values) == expected_bits) << size;
  }
}

TEST_P(OrderingOnDevice, SortsWhatIsNoNumberLast) {
  const Floats values{kNan,  1.0F,      -kInfinity, 0.0F,   std::copysign(kNan, -1.0F),
                      -0.0F, kInfinity, -1.0F,      1e-45F, -1e-45F,
                      kNan,  0.0F,      -0.0F};
  const std::vector<std::uint32_t> got = sorted_bits(GetParam(), values);
  const Floats numbers{-kInfinity, -1.0F, -1e-45F, -0.0F, -0.0F, 0.0F, 0.0F, 1e-45F, 1.0F, kInfinity};
  ASSERT_EQ(got.size(), values.size());
  for (std::size_t i = 0; i < numbers.size(); ++i)
    EXPECT_EQ(got[i], std::bit_cast<std::uint32_t>(numbers[i])) << i;
  for (std::size_t i = numbers.size(); i < got.size(); ++i)
    EXPECT_TRUE(std::isnan(std::bit_cast<float>(got[i]))) << i;
  EXPECT_EQ(got.back(), std::bit_cast<std::uint32_t>(std::copysign(kNan, -1.0F)));  // no bit is lost
}

TEST_P(OrderingOnDevice, CountsValues) {
  Stream stream(GetParam());
  for (const std::size_t size : {0, 1, 17, 1000, 65537})
    for (const std::int64_t bins : {0, 1, 10, 256, 300}) {
      const Bytes values = random_bytes(size, 1, bins == 10 ? 14 : 256);
      Counts expected(static_cast<std::size_t>(bins) + 2, 0);
      expected.front() = expected.back() = kCanary;
      const auto counts = to_device(stream, Counts(expected.size(), kCanary));
      for (const std::uint8_t value : values)
        if (value < bins) ++expected[value + 1U];
      const auto buffer = to_device(stream, values);
      histogram(stream, buffer.view(), counts.view().part(1, bins));
      EXPECT_EQ(download<std::int64_t>(stream, counts.view()), expected) << size << " values, " << bins;
      EXPECT_EQ(download<std::uint8_t>(stream, buffer.view()), values);
    }
}

TEST_P(OrderingOnDevice, CountsValuesThatAreAllTheSame) {
  Stream stream(GetParam());
  for (const std::uint8_t value : Bytes{0, 9, 255}) {
    const auto buffer = to_device(stream, Bytes(70001, value));
    const Buffer<std::int64_t> counts(stream, 256);
    histogram(stream, buffer.view(), counts.view());
    Counts expected(256, 0);
    expected[value] = 70001;
    EXPECT_EQ(download<std::int64_t>(stream, counts.view()), expected);
  }
}

Bytes largest(Device device, const Floats& scores, std::int64_t rows, std::int64_t columns,
              std::int64_t stride) {
  Stream stream(device);
  const auto buffer = to_device(stream, scores);
  const auto indices = to_device(stream, Bytes(static_cast<std::size_t>(rows) + 1, 77));
  largest_column(stream, {buffer.data(), rows, columns, stride}, indices.view().part(0, rows));
  Bytes result = download<std::uint8_t>(stream, indices.view());
  EXPECT_EQ(result.back(), 77);
  result.pop_back();
  return result;
}

TEST_P(OrderingOnDevice, LargestColumn) {
  for (const std::int64_t columns : {1, 2, 10, 255, 256})
    for (const std::int64_t rows : {0, 1, 33, 1000}) {
      const std::int64_t stride = columns + 3;
      Floats scores;
      for (std::int64_t i = 0; i < rows * stride; ++i)  // few values, so that many are equal
        scores.push_back(std::round(normal_element({4, 4}, static_cast<std::uint64_t>(i), 0.0F, 2.0F)));
      Bytes expected;
      for (std::int64_t row = 0; row < rows; ++row) {
        const auto begin = scores.begin() + row * stride;
        expected.push_back(static_cast<std::uint8_t>(std::max_element(begin, begin + columns) - begin));
      }
      EXPECT_EQ(largest(GetParam(), scores, rows, columns, stride), expected) << rows << " x " << columns;
    }
}

TEST_P(OrderingOnDevice, LargestColumnOfOddRows) {
  EXPECT_EQ(largest(GetParam(), {1.0F,       1.0F,       1.0F,        //
                                 0.0F,       kNan,       kInfinity,   //
                                 kNan,       kNan,       1.0F,        //
                                 -kInfinity, -kInfinity, -kInfinity,  //
                                 -0.0F,      0.0F,       -0.0F,       //
                                 -kInfinity, -3.0F,      -kInfinity,  //
                                 1.0F,       2.0F,       kNan},
                    7, 3, 3),
            (Bytes{0, 1, 0, 0, 0, 1, 2}));
}

TEST_P(OrderingOnDevice, ConfusionMatrix) {
  Stream stream(GetParam());
  for (const std::size_t size : {0, 1, 1000, 65537})
    for (const auto& [rows, columns] : std::vector<std::pair<std::int64_t, std::int64_t>>{
             {10, 10}, {3, 12}, {1, 1}, {256, 256}, {2, 300}, {300, 2}}) {
      const Bytes truth = random_bytes(size, 2, rows == 256 ? 256 : 12);
      const Bytes predicted = random_bytes(size, 3, rows == 256 ? 256 : 12);
      const std::int64_t stride = columns + 1;
      Counts expected(static_cast<std::size_t>(rows * stride), kCanary);
      const auto counts = to_device(stream, expected);
      for (std::int64_t row = 0; row < rows; ++row) std::fill_n(expected.begin() + row * stride, columns, 0);
      for (std::size_t i = 0; i < size; ++i)
        if (truth[i] < rows && predicted[i] < columns)
          ++expected[static_cast<std::size_t>(truth[i] * stride + predicted[i])];
      const auto truth_buffer = to_device(stream, truth);
      const auto predicted_buffer = to_device(stream, predicted);
      confusion_matrix(stream, truth_buffer.view(), predicted_buffer.view(),
                       {counts.data(), rows, columns, stride});
      EXPECT_TRUE(download<std::int64_t>(stream, counts.view()) == expected)
          << size << " pairs, " << rows << " x " << columns;
    }
}

TEST_P(OrderingOnDevice, CannotBeCaptured) {
  Stream stream(GetParam());
  const Buffer<std::int32_t> order(stream, 8);
  const Buffer<float> values(stream, 8);
  const Buffer<std::uint8_t> bytes(stream, 8);
  const Buffer<std::int64_t> counts(stream, 8);
  stream.begin_capture();
  EXPECT_THROW(permutation(stream, {}, order.view()), CaptureError);
  EXPECT_THROW(sort_ascending(stream, values.view()), CaptureError);
  EXPECT_THROW(histogram(stream, bytes.view(), counts.view()), CaptureError);
  EXPECT_THROW(largest_column(stream, values.matrix(8, 1), bytes.view()), CaptureError);
  EXPECT_THROW(confusion_matrix(stream, bytes.view(), bytes.view(), counts.matrix(2, 4)), CaptureError);
  static_cast<void>(stream.end_capture());
  stream.synchronize();
}

TEST_P(OrderingOnDevice, TemporaryMemoryIsCountedAndGivenBack) {
  Stream stream(GetParam());
  const Buffer<std::int32_t> order(stream, 1000);
  const std::uint64_t held = memory_held(GetParam());
  permutation(stream, {1, 1}, order.view());
  stream.synchronize();
  EXPECT_EQ(memory_held(GetParam()), held);
  {
    const AllocationFailure failure(GetParam(), 0);
    EXPECT_THROW(permutation(stream, {1, 1}, order.view()), OutOfMemory);
  }
  permutation(stream, {1, 1}, order.view());
  EXPECT_TRUE(download<std::int32_t>(stream, order.view()) == expected_permutation({1, 1}, 1000));
}

TEST_P(OrderingOnDevice, RefusesWrongArguments) {
  Stream stream(GetParam());
  const Buffer<float> scores(stream, 600);
  const Buffer<std::uint8_t> bytes(stream, 8);
  const Buffer<std::int64_t> counts(stream, 16);
  constexpr std::int64_t kTooMany = std::int64_t{1} << 31;
  EXPECT_THROW(permutation(stream, {}, {nullptr, -1}), InvalidArgument);
  EXPECT_THROW(permutation(stream, {}, {nullptr, kTooMany}), InvalidArgument);
  EXPECT_THROW(sort_ascending(stream, {nullptr, kTooMany}), InvalidArgument);
  EXPECT_THROW(histogram(stream, {nullptr, kTooMany}, counts.view()), InvalidArgument);
  EXPECT_THROW(histogram(stream, bytes.view(), {nullptr, -1}), InvalidArgument);
  EXPECT_THROW(largest_column(stream, scores.matrix(2, 257), bytes.view().part(0, 2)), InvalidArgument);
  EXPECT_THROW(largest_column(stream, scores.matrix(2, 0), bytes.view().part(0, 2)), InvalidArgument);
  EXPECT_THROW(largest_column(stream, scores.matrix(3, 10), bytes.view()), InvalidArgument);
  EXPECT_THROW(largest_column(stream, {scores.data(), 8, 10, 9}, bytes.view()), InvalidArgument);
  EXPECT_THROW(confusion_matrix(stream, bytes.view(), bytes.view().part(0, 7), counts.matrix(4, 4)),
               InvalidArgument);
  EXPECT_THROW(confusion_matrix(stream, bytes.view(), bytes.view(), {counts.data(), 4, 4, 3}),
               InvalidArgument);
  try {
    permutation(stream, {}, {nullptr, kTooMany});
    FAIL();
  } catch (const InvalidArgument& error) {
    EXPECT_EQ(std::string(error.what()), "permutation on " + GetParam().name() +
                                             ": order has 2147483648 elements; 0 to 2^31 - 1 are possible");
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, OrderingOnDevice, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

}  // namespace
}  // namespace atelier
