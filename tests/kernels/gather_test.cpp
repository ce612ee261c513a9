#include "kernels/gather.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "kernels/philox.h"
#include "runtime/buffer.h"
#include "runtime/graph.h"
#include "runtime/parallel.h"
#include "tests/devices.h"

namespace atelier {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Floats = std::vector<float>;
using Indices = std::vector<std::int32_t>;

constexpr float kCanary = 1234567.0F;

std::uint32_t random_word(std::uint64_t stream, std::int64_t i) {
  const auto index = static_cast<std::uint64_t>(i);
  return philox_block({77, stream}, index / 4).word[index % 4];
}

Bytes random_bytes(std::int64_t count, std::uint64_t stream) {
  Bytes result;
  for (std::int64_t i = 0; i < count; ++i)
    result.push_back(static_cast<std::uint8_t>(random_word(stream, i) >> 11));
  return result;
}

Indices random_order(std::int64_t count, std::int64_t rows) {
  Indices result;
  for (std::int64_t i = 0; i < count; ++i)
    result.push_back(static_cast<std::int32_t>(random_word(3, i) % static_cast<std::uint32_t>(rows)));
  return result;
}

template <class T>
Buffer<T> to_device(Stream& stream, const std::vector<T>& values) {
  Buffer<T> buffer(stream, static_cast<std::int64_t>(values.size()));
  upload<T>(stream, buffer.view(), values);
  return buffer;
}

std::int64_t expected_row(const Indices& order, std::int64_t rows, std::int64_t position) {
  if (order.empty()) return position % rows;
  return order[static_cast<std::size_t>(position) % order.size()];
}

struct Gather {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t batch = 0;
  std::int64_t first = 0;
  std::int64_t order = 0;  // its size
  std::int64_t data_gap = 0;
  std::int64_t output_gap = 0;
  std::int64_t data_offset = 0;  // in bytes
  std::int64_t output_offset = 0;
  float divisor = 255.0F;

  [[nodiscard]] std::string text() const {
    return std::to_string(rows) + " x " + std::to_string(columns) + ", batch " + std::to_string(batch) +
           " from " + std::to_string(first) + ", order of " + std::to_string(order) + ", offsets " +
           std::to_string(data_offset) + " " + std::to_string(output_offset);
  }
};

void check_rows(Device device, const Gather& gather) {
  SCOPED_TRACE(gather.text());
  Stream stream(device);
  const std::int64_t data_stride = gather.columns + gather.data_gap;
  const std::int64_t output_stride = gather.columns + gather.output_gap;
  const Bytes bytes = random_bytes(gather.rows * data_stride + gather.data_offset, 1);
  const Indices order = gather.order > 0 ? random_order(gather.order, gather.rows) : Indices{};
  const auto data = to_device(stream, bytes);
  const auto order_buffer = to_device(stream, order);
  const auto counter =
      to_device(stream, std::vector<std::uint64_t>{static_cast<std::uint64_t>(gather.first)});
  Floats expected(static_cast<std::size_t>(gather.batch * output_stride + gather.output_offset + 4), kCanary);
  const auto output = to_device(stream, expected);
  gather_rows(stream, {data.data() + gather.data_offset, gather.rows, gather.columns, data_stride},
              {order_buffer.view(), {counter.data(), 1, 0}}, gather.divisor,
              {output.data() + gather.output_offset, gather.batch, gather.columns, output_stride});
  for (std::int64_t b = 0; b < gather.batch; ++b) {
    const std::int64_t row = expected_row(order, gather.rows, gather.first + b);
    for (std::int64_t c = 0; c < gather.columns; ++c) {
      const double byte = bytes[static_cast<std::size_t>(gather.data_offset + row * data_stride + c)];
      // The quotient of two floats rounded twice, by way of double, is the correctly rounded one.
      expected[static_cast<std::size_t>(gather.output_offset + b * output_stride + c)] =
          static_cast<float>(byte / static_cast<double>(gather.divisor));
    }
  }
  EXPECT_TRUE(download<float>(stream, output.view()) == expected);
}

class GatherOnDevice : public ::testing::TestWithParam<Device> {};

TEST_P(GatherOnDevice, RowsOfAnyShape) {
  for (const std::int64_t columns : {0, 1, 3, 4, 5, 15, 16, 17, 31, 33, 127, 128, 784, 5000})
    for (const std::int64_t batch : {0, 1, 2, 9}) check_rows(GetParam(), {7, columns, batch, 3});
  check_rows(GetParam(), {60, 784, 200, 31});
  check_rows(GetParam(), {2, 100000, 3, 1});
}

TEST_P(GatherOnDevice, RowsInOrderAndAround) {
  check_rows(GetParam(), {11, 20, 30, 5});         // file order, three times around
  check_rows(GetParam(), {11, 20, 30, 1000, 11});  // far into an order, wraps
  check_rows(GetParam(), {11, 20, 13, 3, 4});      // an order shorter than the batch
  check_rows(GetParam(), {11, 20, 25, 20, 23});    // and longer than the data
  check_rows(GetParam(), {1, 20, 5, 9});
}

TEST_P(GatherOnDevice, RowsAtAnyAddress) {
  for (const std::int64_t data_offset : {0, 1, 2, 3, 4})
    for (const std::int64_t output_offset : {0, 1, 2, 3})
      for (const std::int64_t gap : {0, 1, 4})
        check_rows(GetParam(), {5, 36, 4, 2, 6, gap, gap, data_offset, output_offset});
}

TEST_P(GatherOnDevice, OneCorrectlyRoundedDivision) {
  for (const float divisor : {255.0F, 1.0F, 127.5F, -3.0F, 0.1F, 1e-38F}) {
    Gather gather{40, 100, 40, 0};
    gather.divisor = divisor;
    check_rows(GetParam(), gather);
  }
}

TEST_P(GatherOnDevice, LabelsAndOneHot) {
  Stream stream(GetParam());
  constexpr std::int64_t kRows = 37;
  Bytes bytes = random_bytes(kRows, 2);
  for (std::uint8_t& label : bytes)
    label = static_cast<std::uint8_t>(label % 12);  // 10 and 11 are no classes
  const auto labels = to_device(stream, bytes);
  const Indices order = random_order(50, kRows);
  const auto order_buffer = to_device(stream, order);
  const auto counter = to_device(stream, std::vector<std::uint64_t>{6});
  for (const bool ordered : {false, true})
    for (const std::int64_t classes : {1, 10, 33, 300})
      for (const std::int64_t batch : {0, 1, 8, 100}) {
        const BatchOrder which{ordered ? order_buffer.view() : VectorView<std::int32_t>{},
                               {counter.data(), 5, 3}};  // from 33 on
        const std::int64_t stride = classes + 2;
        Floats expected(static_cast<std::size_t>(batch * stride + 3), kCanary);
        Bytes expected_labels(static_cast<std::size_t>(batch + 3), 199);
        const auto output = to_device(stream, expected);
        const auto output_labels = to_device(stream, expected_labels);
        gather_one_hot(stream, labels.view(), which, 0.1F, 0.9F, {output.data() + 1, batch, classes, stride});
        gather_labels(stream, labels.view(), which, output_labels.view().part(1, batch));
        for (std::int64_t b = 0; b < batch; ++b) {
          const std::int64_t row = expected_row(ordered ? order : Indices{}, kRows, 33 + b);
          const std::uint8_t label = bytes[static_cast<std::size_t>(row)];
          expected_labels[static_cast<std::size_t>(1 + b)] = label;
          for (std::int64_t k = 0; k < classes; ++k)
            expected[static_cast<std::size_t>(1 + b * stride + k)] = k == label ? 0.9F : 0.1F;
        }
        EXPECT_EQ(download<float>(stream, output.view()), expected) << classes << " classes, batch " << batch;
        EXPECT_EQ(download<std::uint8_t>(stream, output_labels.view()), expected_labels) << "batch " << batch;
      }
}

TEST_P(GatherOnDevice, ACounterNearItsEnd) {
  Stream stream(GetParam());
  const auto labels = to_device(stream, Bytes{0, 1, 2, 3, 4, 5, 6});
  const auto output = to_device(stream, Bytes(9, 0));
  const std::uint64_t first = std::numeric_limits<std::uint64_t>::max() - 2;
  gather_labels(stream, labels.view(), {{}, {nullptr, 1, first}}, output.view());
  Bytes expected;
  for (std::uint64_t b = 0; b < 9; ++b) expected.push_back(static_cast<std::uint8_t>((first % 7 + b) % 7));
  EXPECT_EQ(download<std::uint8_t>(stream, output.view()), expected);
}

// One captured step, replayed: each time the next batch.
TEST_P(GatherOnDevice, AReplayedStepTakesTheNextBatch) {
  Stream stream(GetParam());
  constexpr std::int64_t kRows = 10;
  constexpr std::int64_t kBatch = 4;
  const Bytes bytes = random_bytes(kRows * 5, 4);
  const Bytes marks = random_bytes(kRows, 5);
  const auto data = to_device(stream, bytes);
  const auto labels = to_device(stream, marks);
  const Indices order = random_order(kRows, kRows);
  const auto order_buffer = to_device(stream, order);
  const auto counter = to_device(stream, std::vector<std::uint64_t>{0});
  const Buffer<float> rows(stream, kBatch * 5);
  const Buffer<float> targets(stream, kBatch * 3);
  const Buffer<std::uint8_t> batch_labels(stream, kBatch);
  const BatchOrder which{order_buffer.view(), {counter.data(), kBatch, 0}};
  stream.begin_capture();
  gather_rows(stream, data.matrix(kRows, 5), which, 255.0F, rows.matrix(kBatch, 5));
  gather_one_hot(stream, labels.view(), which, 0.0F, 1.0F, targets.matrix(kBatch, 3));
  gather_labels(stream, labels.view(), which, batch_labels.view());
  finish_iteration(stream, counter.data(), {}, {});
  const Graph graph = stream.end_capture();
  for (std::int64_t iteration = 0; iteration < 6; ++iteration) {
    graph.launch(stream);
    Floats expected;
    Bytes expected_labels;
    for (std::int64_t b = 0; b < kBatch; ++b) {
      const auto row = static_cast<std::size_t>(expected_row(order, kRows, iteration * kBatch + b));
      for (std::size_t c = 0; c < 5; ++c) expected.push_back(static_cast<float>(bytes[row * 5 + c]) / 255.0F);
      expected_labels.push_back(marks[row]);
    }
    ASSERT_EQ(download<float>(stream, rows.view()), expected) << iteration;
    ASSERT_EQ(download<std::uint8_t>(stream, batch_labels.view()), expected_labels) << iteration;
  }
}

TEST_P(GatherOnDevice, ThreadsDoNotMatter) {
  Stream stream(GetParam());
  const auto data = to_device(stream, random_bytes(100 * 300, 6));
  const Buffer<float> output(stream, 1500 * 300);
  const auto gather = [&] {
    gather_rows(stream, data.matrix(100, 300), {}, 255.0F, output.matrix(1500, 300));
    return download<float>(stream, output.view());
  };
  set_cpu_threads(1);
  const Floats one = gather();
  for (const int threads : {2, 3, 0}) {
    set_cpu_threads(threads);
    EXPECT_TRUE(gather() == one) << threads << " threads";
  }
}

TEST_P(GatherOnDevice, RefusesWrongArguments) {
  Stream stream(GetParam());
  const Buffer<std::uint8_t> data(stream, 40);
  const Buffer<float> output(stream, 40);
  const MatrixView<std::uint8_t> ten{data.data(), 10, 4, 4};
  const MatrixView<float> batch{output.data(), 2, 4, 4};
  EXPECT_THROW(gather_rows(stream, ten, {}, 255.0F, {output.data(), 2, 5, 5}), InvalidArgument);
  EXPECT_THROW(gather_rows(stream, {data.data(), 0, 4, 4}, {}, 255.0F, batch), InvalidArgument);
  EXPECT_THROW(gather_rows(stream, {data.data(), 10, 4, 3}, {}, 255.0F, batch), InvalidArgument);
  EXPECT_THROW(gather_rows(stream, ten, {}, 255.0F, {output.data(), 2, 4, 3}), InvalidArgument);
  EXPECT_THROW(gather_rows(stream, ten, {}, 255.0F, {output.data(), -1, 4, 4}), InvalidArgument);
  for (const float divisor : {0.0F, std::numeric_limits<float>::infinity(), std::nanf("")})
    EXPECT_THROW(gather_rows(stream, ten, {}, divisor, batch), InvalidArgument) << divisor;
  EXPECT_THROW(gather_one_hot(stream, {}, {}, 0.0F, 1.0F, batch), InvalidArgument);
  EXPECT_THROW(gather_one_hot(stream, data.view(), {}, 0.0F, 1.0F, {output.data(), 2, -4, 4}),
               InvalidArgument);
  EXPECT_THROW(gather_labels(stream, {}, {}, data.view()), InvalidArgument);
  EXPECT_THROW(gather_labels(stream, data.view(), {{nullptr, -1}, {}}, data.view()), InvalidArgument);
  gather_rows(stream, {data.data(), 0, 4, 4}, {}, 255.0F, {output.data(), 0, 4, 4});  // nothing from nothing
  gather_labels(stream, {}, {}, {});
  try {
    gather_rows(stream, ten, {}, 255.0F, {output.data(), 2, 5, 5});
    FAIL();
  } catch (const InvalidArgument& error) {
    EXPECT_EQ(std::string(error.what()),
              "gather_rows on " + GetParam().name() + ": output has 5 columns, the data 4; they must agree");
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, GatherOnDevice, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

}  // namespace
}  // namespace atelier
