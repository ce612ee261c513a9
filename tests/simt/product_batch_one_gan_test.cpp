// The resident GAN trainer in the checking build: right values, no alarm. The same test linked with a kernel
// into which a bug was planted must fail (product_batch_one_gan.cmake).
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/batch_one_gan.h"
#include "runtime/simt/checker.h"
#include "runtime/simt/options.h"
#include "tests/devices.h"
#include "tests/kernels/batch_one_gan_operands.h"

namespace atelier {
namespace {

using testing::GanKind;
using testing::GanOnDevice;
using testing::NetworkKind;
using testing::WorstError;

constexpr NetworkKind kV1{{Activation::sigmoid}, false, false};
constexpr NetworkKind kV2{{Activation::leaky_relu, 0.2F}, true, true};

simt::Options three_multiprocessors() {
  simt::Options options = simt::options();
  options.multiprocessors = 3;
  return options;
}

void expect_reference(const GanKind& kind, bool ordered) {
  const simt::OptionsOverride scope(three_multiprocessors());
  Stream stream{Device(DeviceKind::simt)};
  GanOnDevice gan(stream, kind);
  gan.ordered = ordered;
  auto reference = gan.reference();
  WorstError losses;
  WorstError parameters;
  WorstError moments;
  moments.add(0.0);
  std::uint64_t t = 4;
  for (const std::int64_t iterations : {2, 3}) {
    const std::vector<float> got = gan.train(t, iterations);
    for (std::size_t i = 0; i < got.size(); i += 3, ++t) {
      const auto expected =
          reference.iterate(static_cast<double>(t), gan.picture(t), gan.noise(testing::kFakeNoise, t),
                            gan.noise(testing::kGeneratorNoise, t));
      for (std::size_t k = 0; k < 3; ++k)
        losses.add(std::fabs(static_cast<double>(got[i + k]) - expected[k]) / expected[k]);
    }
  }
  gan.d().compare(reference.d, parameters, moments);
  gan.g().compare(reference.g, parameters, moments);
  EXPECT_LE(losses.value(), 5e-6);
  EXPECT_LE(parameters.value(), 2e-6);
  EXPECT_LE(moments.value(), 2e-5);
  EXPECT_EQ(gan.d().damaged_gaps(), 0);
  EXPECT_EQ(gan.g().damaged_gaps(), 0);
}

// Widths that leave the last block a part of its share, and warps and segments tails.
TEST(ProductBatchOneGan, AdamAndNormalization) {
  expect_reference({5, 37, 70, 41, kV2, kV2, AdversarialLoss::bce}, true);
}

TEST(ProductBatchOneGan, PlainDescent) {
  expect_reference({5, 37, 70, 41, kV1, kV1, AdversarialLoss::mse}, false);
}

TEST(ProductBatchOneGan, EveryAccessIsChecked) {
  const std::uint64_t before = simt::executor::accesses_checked();
  const simt::OptionsOverride scope(three_multiprocessors());
  Stream stream{Device(DeviceKind::simt)};
  GanOnDevice gan(stream, {});
  gan.train(0, 1);
  EXPECT_GT(simt::executor::accesses_checked(), before + 3 * 17 * 33);
}

}  // namespace
}  // namespace atelier
