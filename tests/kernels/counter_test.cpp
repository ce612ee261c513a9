#include "kernels/counter.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "runtime/buffer.h"
#include "runtime/error.h"
#include "tests/devices.h"

namespace atelier {
namespace {

using Floats = std::vector<float>;

constexpr float kCanary = 1234567.0F;

Buffer<std::uint64_t> counter_at(Stream& stream, std::uint64_t count) {
  Buffer<std::uint64_t> counter(stream, 1);
  upload<std::uint64_t>(stream, counter.view(), std::vector<std::uint64_t>{count});
  return counter;
}

class CounterOnDevice : public ::testing::TestWithParam<Device> {};

TEST_P(CounterOnDevice, KeepsAHistory) {
  Stream stream(GetParam());
  const Buffer<std::uint64_t> counter = counter_at(stream, 2);
  const Buffer<float> history(stream, 3 * 5);
  const Buffer<float> values(stream, 4);
  upload<float>(stream, history.view(), Floats(15, kCanary));
  const MatrixView<float> rows{history.data(), 3, 4, 5};
  Floats expected(15, kCanary);
  for (std::uint64_t iteration = 2; iteration < 6; ++iteration) {  // rows 2, 0, 1, 2
    Floats now;
    for (std::size_t i = 0; i < 4; ++i) {
      now.push_back(static_cast<float>(10 * iteration + i));
      expected[iteration % 3 * 5 + i] = now.back();
    }
    upload<float>(stream, values.view(), now);
    finish_iteration(stream, counter.data(), values.view(), rows);
  }
  EXPECT_EQ(download<float>(stream, history.view()), expected);
  finish_iteration(stream, counter.data(), values.view(), {});
  finish_iteration(stream, counter.data(), {}, {});
  EXPECT_EQ(download<float>(stream, history.view()), expected);
  EXPECT_EQ(download<std::uint64_t>(stream, counter.view()), std::vector<std::uint64_t>{8});
}

TEST_P(CounterOnDevice, OfManyValues) {
  Stream stream(GetParam());
  const Buffer<std::uint64_t> counter = counter_at(stream, 1);
  Floats values;
  for (int i = 0; i < 1000; ++i) values.push_back(static_cast<float>(3 * i + 1));
  const Buffer<float> source(stream, 1000);
  upload<float>(stream, source.view(), values);
  const Buffer<float> history(stream, 2000);
  upload<float>(stream, history.view(), Floats(2000, 0.0F));
  finish_iteration(stream, counter.data(), source.view(), history.matrix(2, 1000));
  EXPECT_EQ(download<float>(stream, history.view().part(1000, 1000)), values);
  EXPECT_EQ(download<float>(stream, history.view().part(0, 1000)), Floats(1000, 0.0F));
}

TEST_P(CounterOnDevice, RefusesWrongArguments) {
  Stream stream(GetParam());
  const Buffer<std::uint64_t> counter = counter_at(stream, 0);
  const Buffer<float> buffer(stream, 12);
  EXPECT_THROW(finish_iteration(stream, nullptr, {}, {}), InvalidArgument);
  EXPECT_THROW(finish_iteration(stream, counter.data(), buffer.view().part(0, 3), buffer.matrix(3, 4)),
               InvalidArgument);
  EXPECT_THROW(finish_iteration(stream, counter.data(), buffer.view().part(0, 4), {buffer.data(), 2, 4, 3}),
               InvalidArgument);
  EXPECT_THROW(finish_iteration(stream, counter.data(), {}, {buffer.data(), -1, 0, 0}), InvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(Devices, CounterOnDevice, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

TEST(DeviceCounter, ReadsCountTimesScalePlusOffset) {
  const std::uint64_t count = 5;
  EXPECT_EQ(read_counter({&count, 3, 2}), 17U);
  EXPECT_EQ(read_counter({nullptr, 3, 2}), 2U);
  EXPECT_EQ(read_counter({&count, ~std::uint64_t{0}, 4}), ~std::uint64_t{0});  // 4 - 5 modulo 2^64
}

}  // namespace
}  // namespace atelier
