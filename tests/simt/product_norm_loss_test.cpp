// LayerNorm and the losses in the checking build: right values, no alarm. The same test linked with a kernel
// into which a bug was planted must fail (product_norm_loss.cmake).
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "kernels/layer_norm.h"
#include "kernels/loss.h"
#include "runtime/buffer.h"
#include "runtime/simt/checker.h"
#include "tests/devices.h"

namespace atelier {
namespace {

std::vector<float> random_values(std::int64_t count, unsigned seed, float low = -1.0F, float high = 1.0F) {
  std::mt19937 generator(seed);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = low + (high - low) * static_cast<float>(generator() >> 8) * 0x1p-24F;
  return values;
}

Buffer<float> to_device(Stream& stream, const std::vector<float>& values) {
  Buffer<float> buffer(stream, static_cast<std::int64_t>(values.size()));
  upload(stream, buffer.view(), std::span<const float>(values));
  return buffer;
}

// Both passes; the input's and output's exact sizes, so that one element beyond is outside of a buffer.
void check_layer_norm(std::int64_t rows, std::int64_t columns) {
  SCOPED_TRACE(std::to_string(rows) + " x " + std::to_string(columns));
  Stream stream{Device(DeviceKind::simt)};
  const auto x = random_values(rows * columns, 1);
  const auto dy = random_values(rows * columns, 2);
  const auto gamma = random_values(columns, 3, 0.5F, 1.5F);
  const auto beta = random_values(columns, 4);
  const auto input = to_device(stream, x);
  const auto output_gradient = to_device(stream, dy);
  const auto scale = to_device(stream, gamma);
  const auto shift = to_device(stream, beta);
  const Buffer<float> output(stream, rows * columns);
  const Buffer<float> mean(stream, rows);
  const Buffer<float> deviation(stream, rows);
  const Buffer<float> input_gradient(stream, rows * columns);
  const Buffer<float> sums(stream, 2 * columns);
  const Buffer<float> scratch(stream, layer_norm_backward_scratch(rows, columns));
  layer_norm_forward(stream, input.matrix(rows, columns), scale.view(), shift.view(), 1e-5,
                     output.matrix(rows, columns), mean.view(), deviation.view());
  layer_norm_backward(stream, input.matrix(rows, columns), scale.view(), mean.view(), deviation.view(),
                      output_gradient.matrix(rows, columns),
                      {input_gradient.matrix(rows, columns), sums.view().part(0, columns),
                       sums.view().part(columns, columns), false},
                      scratch.view());
  const auto y = download(stream, output.view());
  const auto dx = download(stream, input_gradient.view());
  const auto parts = download(stream, sums.view());

  testing::WorstError worst;
  std::vector<double> d_gamma(gamma.size());
  std::vector<double> d_beta(gamma.size());
  for (std::int64_t r = 0; r < rows; ++r) {
    const auto at = [&](std::int64_t c) { return static_cast<std::size_t>(r * columns + c); };
    double average = 0;
    double variance = 0;
    for (std::int64_t c = 0; c < columns; ++c) average += x[at(c)] / static_cast<double>(columns);
    for (std::int64_t c = 0; c < columns; ++c)
      variance += std::pow(x[at(c)] - average, 2) / static_cast<double>(columns);
    const double reciprocal = 1 / std::sqrt(variance + 1e-5);
    double mean_g = 0;
    double mean_g_n = 0;
    for (std::int64_t c = 0; c < columns; ++c) {
      const auto i = static_cast<std::size_t>(c);
      const double n = (x[at(c)] - average) * reciprocal;
      const double g = static_cast<double>(dy[at(c)]) * static_cast<double>(gamma[i]);
      mean_g += g / static_cast<double>(columns);
      mean_g_n += g * n / static_cast<double>(columns);
      d_gamma[i] += dy[at(c)] * n;
      d_beta[i] += dy[at(c)];
      worst.add(std::fabs(y[at(c)] - (n * gamma[i] + beta[i])));
    }
    for (std::int64_t c = 0; c < columns; ++c) {
      const auto i = static_cast<std::size_t>(c);
      const double n = (x[at(c)] - average) * reciprocal;
      const double g = static_cast<double>(dy[at(c)]) * static_cast<double>(gamma[i]);
      worst.add(std::fabs(dx[at(c)] - reciprocal * (g - mean_g - n * mean_g_n)) / reciprocal);
    }
  }
  for (std::size_t c = 0; c < gamma.size(); ++c) {
    worst.add(std::fabs(parts[c] - d_gamma[c]) / static_cast<double>(rows));
    worst.add(std::fabs(parts[gamma.size() + c] - d_beta[c]) / static_cast<double>(rows));
  }
  EXPECT_LE(worst.value(), 3e-6);
}

TEST(ProductNorm, WarpARow) {
  check_layer_norm(20, 200);
  check_layer_norm(9, 500);
  check_layer_norm(17, 784);
  check_layer_norm(9, 33);
}
TEST(ProductNorm, BlockARow) {
  check_layer_norm(3, 1100);
  check_layer_norm(3, 1101);
  check_layer_norm(2, 4100);
}
TEST(ProductNorm, WideRows) {
  check_layer_norm(2, 8196);
  check_layer_norm(35, 2049);
}

void check_bce(std::int64_t count) {
  SCOPED_TRACE(count);
  Stream stream{Device(DeviceKind::simt)};
  const auto p = random_values(count, 5, 0.05F, 0.95F);
  const auto t = random_values(count, 6, 0.0F, 1.0F);
  const auto probability = to_device(stream, p);
  const auto target = to_device(stream, t);
  const Buffer<float> gradient(stream, count);
  const Buffer<float> loss(stream, 1);
  const Buffer<float> scratch(stream, loss_scratch(1, count));
  bce(stream, probability.matrix(1, count), {target.matrix(1, count)}, loss.data(), gradient.matrix(1, count),
      scratch.view());
  const auto slopes = download(stream, gradient.view());
  testing::WorstError worst;
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double x = p[i];
    const double to = t[i];
    sum -= to * std::log(x) + (1 - to) * std::log1p(-x);
    worst.add(std::fabs(slopes[i] * static_cast<double>(count) - (x - to) / (x * (1 - x))));
  }
  EXPECT_LE(worst.value(), 1e-5);
  EXPECT_NEAR(download(stream, loss.view())[0], sum / static_cast<double>(count),
              1e-6 * sum / static_cast<double>(count));
}

TEST(ProductLoss, OneBlockAndSeveral) {
  check_bce(37);
  check_bce(4096);
  check_bce(9000);
}

TEST(ProductLoss, SaturatedProbabilities) {
  Stream stream{Device(DeviceKind::simt)};
  const auto logits = to_device(stream, {-200.0F, 200.0F, 0.0F, -3.0F});
  const Buffer<float> gradient(stream, 4);
  const Buffer<float> probability(stream, 4);
  const Buffer<float> loss(stream, 1);
  const Buffer<float> scratch(stream, loss_scratch(1, 4));
  sigmoid_bce(stream, logits.matrix(1, 4), {{}, 1.0F}, probability.matrix(1, 4), loss.data(),
              gradient.matrix(1, 4), scratch.view());
  EXPECT_NEAR(download(stream, loss.view())[0], (100 + std::log(2.0) + std::log1p(std::exp(3.0))) / 4, 1e-5);
  const auto slopes = download(stream, gradient.view());
  EXPECT_EQ(slopes[0], 0.0F);
  EXPECT_EQ(slopes[1], 0.0F);
  EXPECT_FLOAT_EQ(slopes[2], -0.125F);
}

TEST(ProductNormLoss, EveryAccessIsChecked) {
  const std::uint64_t before = simt::executor::accesses_checked();
  check_bce(100);
  check_layer_norm(2, 40);
  EXPECT_GT(simt::executor::accesses_checked(), before + 500);
}

}  // namespace
}  // namespace atelier
