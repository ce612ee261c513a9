// The product's kernels in the checking build: right values, no alarm. The same test linked with a kernel
// into which a bug was planted must fail (CMakeLists.txt).
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "kernels/linear.h"
#include "kernels/noise.h"
#include "runtime/buffer.h"
#include "runtime/simt/checker.h"
#include "tests/devices.h"

namespace atelier {
namespace {

std::vector<float> random_values(std::size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(generator()) / 2147483648.0F - 1.0F;
  return values;
}

Buffer<float> to_device(Stream& stream, const std::vector<float>& values) {
  Buffer<float> buffer(stream, static_cast<std::int64_t>(values.size()));
  upload(stream, buffer.view(), std::span<const float>(values));
  return buffer;
}

void check_linear(std::int64_t batch, std::int64_t inputs, std::int64_t outputs) {
  Stream stream{Device(DeviceKind::simt)};
  const auto x = random_values(static_cast<std::size_t>(batch * inputs), 1);
  const auto w = random_values(static_cast<std::size_t>(outputs * inputs), 2);
  const auto b = random_values(static_cast<std::size_t>(outputs), 3);
  const auto input = to_device(stream, x);
  const auto weight = to_device(stream, w);
  const auto bias = to_device(stream, b);
  const Buffer<float> output(stream, batch * outputs);
  linear_forward(stream, input.matrix(batch, inputs), weight.matrix(outputs, inputs), bias.view(), {},
                 output.matrix(batch, outputs));
  const auto y = download(stream, output.view());
  testing::WorstError worst;
  for (std::int64_t row = 0; row < batch; ++row)
    for (std::int64_t column = 0; column < outputs; ++column) {
      double sum = static_cast<double>(b[static_cast<std::size_t>(column)]);
      for (std::int64_t i = 0; i < inputs; ++i)
        sum += static_cast<double>(x[static_cast<std::size_t>(row * inputs + i)]) *
               static_cast<double>(w[static_cast<std::size_t>(column * inputs + i)]);
      worst.add(std::fabs(static_cast<double>(y[static_cast<std::size_t>(row * outputs + column)]) - sum) /
                (static_cast<double>(inputs) + 1.0));
    }
  EXPECT_LE(worst.value(), 1e-6);
}

TEST(ProductKernels, LinearTiles) {
  check_linear(70, 70, 70);
  check_linear(33, 35, 131);  // three columns beyond a whole quad
}
TEST(ProductKernels, LinearFewRows) {
  check_linear(3, 301, 5);
  check_linear(1, 64, 100);
}

TEST(ProductKernels, NoiseEqualsThatOfTheCpu) {
  const auto draw = [](DeviceKind kind, std::int64_t count, std::uint64_t first) {
    Stream stream{Device(kind)};
    const Buffer<float> values(stream, count);
    fill_uniform(stream, values.view(), {7, 1}, first);
    return download(stream, values.view());
  };
  for (const std::int64_t count : {1, 5, 1000})
    for (const std::uint64_t first : {0U, 3U})
      EXPECT_EQ(draw(DeviceKind::simt, count, first), draw(DeviceKind::cpu, count, first));
}

TEST(ProductKernels, EveryAccessIsChecked) {
  const std::uint64_t before = simt::executor::accesses_checked();
  check_linear(20, 20, 20);
  EXPECT_GT(simt::executor::accesses_checked(), before + 400);
}

}  // namespace
}  // namespace atelier
