// Optimisers, counters, batches, counted noise and activations in the checking build: the bits of the cpu
// device, no alarm. The same test linked with a kernel into which a bug was planted must fail
// (product_optimizer.cmake).
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "kernels/counter.h"
#include "kernels/elementwise.h"
#include "kernels/gather.h"
#include "kernels/noise.h"
#include "kernels/noise_function.h"
#include "kernels/optimizer.h"
#include "runtime/buffer.h"
#include "runtime/simt/checker.h"

namespace atelier {
namespace {

using Floats = std::vector<float>;

template <class T>
Buffer<T> to_device(Stream& stream, const std::vector<T>& values) {
  Buffer<T> buffer(stream, static_cast<std::int64_t>(values.size()));
  upload<T>(stream, buffer.view(), values);
  return buffer;
}

Floats numbers(std::int64_t count, std::uint64_t stream, float low, float high) {
  Floats result;
  for (std::int64_t i = 0; i < count; ++i)
    result.push_back(uniform_element({3, stream}, static_cast<std::uint64_t>(i), low, high));
  return result;
}

// Parameters and moments after three steps of each kind, `offset` floats from an aligned address.
std::vector<Floats> train(DeviceKind kind, std::int64_t size, std::int64_t offset) {
  Stream stream{Device(kind)};
  const std::int64_t room = size + offset;
  const auto parameters = to_device(stream, numbers(room, 1, -1.0F, 1.0F));
  const auto gradients = to_device(stream, numbers(room, 2, -1.0F, 1.0F));
  const auto first = to_device(stream, Floats(static_cast<std::size_t>(room), 0.0F));
  const auto second = to_device(stream, Floats(static_cast<std::size_t>(room), 0.0F));
  const auto rate = to_device(stream, Floats{0.01F});
  const auto counter = to_device(stream, std::vector<std::uint64_t>{0});
  const auto part = [&](const Buffer<float>& buffer) { return buffer.view().part(offset, size); };
  for (int step = 0; step < 3; ++step) {
    adam_step(stream, part(parameters), part(gradients), part(first), part(second),
              {rate.data(), 0.9, 0.999, 1e-8, {counter.data(), 1, 1}});
    sgd_step(stream, part(parameters), part(gradients), {rate.data()});
    finish_iteration(stream, counter.data(), {}, {});
  }
  return {download<float>(stream, parameters.view()), download<float>(stream, first.view()),
          download<float>(stream, second.view())};
}

TEST(ProductOptimizer, StepsOfTheCpu) {
  for (const std::int64_t size : {1, 7, 64, 1024, 1030})
    for (const std::int64_t offset : {0, 1}) {
      const auto got = train(DeviceKind::simt, size, offset);
      EXPECT_EQ(got, train(DeviceKind::cpu, size, offset)) << size << " elements, offset " << offset;
    }
}

struct Batch {
  Floats rows;
  Floats targets;
  std::vector<std::uint8_t> labels;
  friend bool operator==(const Batch&, const Batch&) = default;
};

Batch gather(DeviceKind kind, std::int64_t columns, bool ordered) {
  Stream stream{Device(kind)};
  constexpr std::int64_t kRows = 9;
  constexpr std::int64_t kBatch = 21;
  std::vector<std::uint8_t> bytes;
  for (std::int64_t i = 0; i < kRows * columns; ++i) bytes.push_back(static_cast<std::uint8_t>(i * 37));
  const auto data = to_device(stream, bytes);
  const auto labels = to_device(stream, std::vector<std::uint8_t>{4, 0, 3, 1, 1, 7, 2, 4, 0});
  const auto order = to_device(stream, std::vector<std::int32_t>{8, 2, 2, 0, 5});
  const auto counter = to_device(stream, std::vector<std::uint64_t>{4});
  const BatchOrder which{ordered ? order.view() : VectorView<std::int32_t>{}, {counter.data(), 7, 1}};
  const Buffer<float> rows(stream, kBatch * columns);
  const Buffer<float> targets(stream, kBatch * 5);
  const Buffer<std::uint8_t> marks(stream, kBatch);
  gather_rows(stream, data.matrix(kRows, columns), which, 255.0F, rows.matrix(kBatch, columns));
  gather_one_hot(stream, labels.view(), which, 0.25F, 0.75F, targets.matrix(kBatch, 5));
  gather_labels(stream, labels.view(), which, marks.view());
  return {download<float>(stream, rows.view()), download<float>(stream, targets.view()),
          download<std::uint8_t>(stream, marks.view())};
}

TEST(ProductOptimizer, BatchesOfTheCpu) {
  for (const std::int64_t columns : {1, 4, 35, 300})
    for (const bool ordered : {false, true})
      EXPECT_EQ(gather(DeviceKind::simt, columns, ordered), gather(DeviceKind::cpu, columns, ordered))
          << columns << " columns";
}

// The whole memory of a history of 3 rows with a gap after each, and the count, after five iterations.
Floats history(DeviceKind kind, std::int64_t columns) {
  Stream stream{Device(kind)};
  const auto counter = to_device(stream, std::vector<std::uint64_t>{0});
  const auto rows = to_device(stream, Floats(static_cast<std::size_t>(3 * (columns + 1)), -1.0F));
  for (std::uint64_t iteration = 0; iteration < 5; ++iteration) {
    const auto values = to_device(stream, numbers(columns, iteration, 0.0F, 1.0F));
    finish_iteration(stream, counter.data(), values.view(), {rows.data(), 3, columns, columns + 1});
  }
  Floats result = download<float>(stream, rows.view());
  result.push_back(static_cast<float>(download<std::uint64_t>(stream, counter.view())[0]));
  return result;
}

TEST(ProductOptimizer, HistoryOfTheCpu) {
  for (const std::int64_t columns : {0, 1, 3, 200})
    EXPECT_EQ(history(DeviceKind::simt, columns), history(DeviceKind::cpu, columns)) << columns << " columns";
}

Floats noise(DeviceKind kind, std::int64_t size, std::uint64_t count, bool normal) {
  Stream stream{Device(kind)};
  const auto counter = to_device(stream, std::vector<std::uint64_t>{count});
  const Buffer<float> values(stream, size);
  const DeviceCounter first{counter.data(), 501, 3};
  if (normal)
    fill_normal(stream, values.view(), {7, 1}, first);
  else
    fill_uniform(stream, values.view(), {7, 1}, first);
  return download<float>(stream, values.view());
}

TEST(ProductOptimizer, CountedNoiseOfTheCpu) {
  for (const std::uint64_t count :
       {0ULL, 1ULL, 2ULL, 3ULL, ~0ULL})  // the last runs over the end of the stream
    for (const bool normal : {false, true})
      for (const std::int64_t size : {501, 1024})
        EXPECT_EQ(noise(DeviceKind::simt, size, count, normal), noise(DeviceKind::cpu, size, count, normal))
            << size << " numbers at " << count;
}

// Value and input gradient of an activation that every device rounds alike; the gaps of the rows, and one
// float before and after them, are part of the result.
Floats activation(DeviceKind kind, std::int64_t rows, std::int64_t columns, std::int64_t gap,
                  ActivationFunction function) {
  Stream stream{Device(kind)};
  const std::int64_t stride = columns + gap;
  const std::int64_t room = rows * stride + 2;
  const auto input = to_device(stream, numbers(room, 1, -1.0F, 1.0F));
  const auto output = to_device(stream, Floats(static_cast<std::size_t>(room), 7.0F));
  const auto gradient = to_device(stream, numbers(room, 2, -1.0F, 1.0F));
  const auto matrix = [&](const Buffer<float>& buffer) {
    return MatrixView<float>{buffer.data() + 1, rows, columns, stride};
  };
  activation_forward(stream, matrix(input), function, matrix(output));
  activation_backward(stream, matrix(input), matrix(output), function, matrix(gradient), matrix(gradient));
  Floats result = download<float>(stream, output.view());
  const Floats slopes = download<float>(stream, gradient.view());
  result.insert(result.end(), slopes.begin(), slopes.end());
  return result;
}

TEST(ProductOptimizer, ActivationsOfTheCpu) {
  struct Shape {
    std::int64_t rows, columns, gap;
  };
  for (const Shape& shape :
       {Shape{1, 1, 0}, Shape{1, 300, 0}, Shape{3, 100, 0}, Shape{3, 100, 5}, Shape{70, 3, 1}})
    for (const ActivationFunction function :
         {ActivationFunction{Activation::leaky_relu, 0.02F}, ActivationFunction{Activation::square}})
      EXPECT_EQ(activation(DeviceKind::simt, shape.rows, shape.columns, shape.gap, function),
                activation(DeviceKind::cpu, shape.rows, shape.columns, shape.gap, function))
          << shape.rows << " x " << shape.columns << ", gap " << shape.gap;
}

TEST(ProductOptimizer, EveryAccessIsChecked) {
  const std::uint64_t before = simt::executor::accesses_checked();
  train(DeviceKind::simt, 64, 0);
  noise(DeviceKind::simt, 64, 1, true);
  history(DeviceKind::simt, 3);
  gather(DeviceKind::simt, 4, false);
  activation(DeviceKind::simt, 3, 4, 1, {Activation::square});
  EXPECT_GT(simt::executor::accesses_checked(), before + 100);
}

}  // namespace
}  // namespace atelier
