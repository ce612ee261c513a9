#include "models/torch_generator.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <random>
#include <vector>

#include "tests/devices.h"

namespace atelier {
namespace {

TEST(TorchGenerator, IsMersenneTwister) {
  for (const std::uint64_t seed :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{5489}, std::uint64_t{0xFFFFFFFF}}) {
    TorchGenerator generator(seed);
    std::mt19937 reference(static_cast<std::uint32_t>(seed));
    for (int i = 0; i < 2000; ++i)
      ASSERT_EQ(generator.next_word(), reference()) << "seed " << seed << " word " << i;
  }
}

TEST(TorchGenerator, UsesTheLow32BitsOfTheSeed) {
  TorchGenerator whole((std::uint64_t{9} << 32) | 77);
  TorchGenerator low(77);
  for (int i = 0; i < 10; ++i) ASSERT_EQ(whole.next_word(), low.next_word());
}

TEST(TorchGenerator, UniformTakesTheLow24BitsOfOneWord) {
  std::vector<float> values(1000);
  TorchGenerator(3).fill_uniform(values, -2.0F, 6.0F);
  std::mt19937 reference(3);
  testing::WorstError worst;
  for (const float value : values) {
    const double expected = -2.0 + 8.0 * static_cast<double>(reference() & 0xFFFFFFU) / 16777216.0;
    worst.add(std::abs(static_cast<double>(value) - expected));
  }
  EXPECT_LE(worst.value(), 5e-7);
}

/// Box-Muller on one block of 16 uniforms, in double.
void reference_block(std::mt19937& words, double* block) {
  double uniform[16];
  for (double& value : uniform) value = static_cast<double>(words() & 0xFFFFFFU) / 16777216.0;
  for (int j = 0; j < 8; ++j) {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform[j]));
    block[j] = radius * std::cos(2.0 * std::numbers::pi * uniform[j + 8]);
    block[j + 8] = radius * std::sin(2.0 * std::numbers::pi * uniform[j + 8]);
  }
}

TEST(TorchGenerator, NormalFrom16ElementsOnWorksInBlocks) {
  std::vector<float> values(48);
  TorchGenerator(11).fill_normal(values, 0.0, 1.0);
  std::mt19937 words(11);
  double expected[48];
  for (int block = 0; block < 3; ++block) reference_block(words, expected + 16 * block);
  testing::WorstError worst;
  for (std::size_t i = 0; i < 48; ++i) worst.add(std::abs(static_cast<double>(values[i]) - expected[i]));
  EXPECT_LE(worst.value(), 5e-6);
}

TEST(TorchGenerator, NormalRedrawsTheLast16OfAPartialBlock) {
  // 21 = 16 + 5: 21 uniforms, one whole block, then 16 new uniforms for elements 5 to 20.
  std::vector<float> values(21);
  TorchGenerator(12).fill_normal(values, 0.0, 1.0);
  std::mt19937 words(12);
  double first[16];
  reference_block(words, first);
  for (int i = 0; i < 5; ++i) words();
  double last[16];
  reference_block(words, last);
  testing::WorstError worst;
  for (std::size_t i = 0; i < 5; ++i) worst.add(std::abs(static_cast<double>(values[i]) - first[i]));
  for (std::size_t i = 0; i < 16; ++i) worst.add(std::abs(static_cast<double>(values[5 + i]) - last[i]));
  EXPECT_LE(worst.value(), 5e-6);
}

TEST(TorchGenerator, NormalUnder16ElementsWorksInDoubleAndKeepsTheSpareValue) {
  TorchGenerator generator(13);
  std::vector<float> first(3);
  std::vector<float> middle(16);
  std::vector<float> second(2);
  generator.fill_normal(first, 0.0, 1.0);
  generator.fill_normal(middle, 0.0, 1.0);  // blocks neither use nor lose the spare
  generator.fill_normal(second, 10.0, 0.5);

  std::mt19937 words(13);
  const auto uniform = [&words] {
    const std::uint64_t high = words();
    const std::uint64_t low = words();
    return static_cast<double>(((high << 32) | low) & 0x1FFFFFFFFFFFFFU) / 9007199254740992.0;
  };
  const auto pair = [&uniform](double* values) {
    const double angle = 2.0 * std::numbers::pi * uniform();
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
    values[0] = radius * std::cos(angle);
    values[1] = radius * std::sin(angle);
  };
  double expected[6];
  pair(expected);
  pair(expected + 2);
  for (int i = 0; i < 16; ++i) words();
  pair(expected + 4);
  testing::WorstError worst;
  for (std::size_t i = 0; i < 3; ++i) worst.add(std::abs(static_cast<double>(first[i]) - expected[i]));
  worst.add(std::abs(static_cast<double>(second[0]) - (10.0 + 0.5 * expected[3])));
  worst.add(std::abs(static_cast<double>(second[1]) - (10.0 + 0.5 * expected[4])));
  EXPECT_LE(worst.value(), 1e-6);
}

}  // namespace
}  // namespace atelier
