#include "models/initialize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "kernels/philox.h"
#include "models/import_cppn.h"
#include "models/presets.h"
#include "tests/devices.h"
#include "tests/models/golden_files.h"

namespace atelier {
namespace {

using testing::WorstError;

TEST(InitializeTorch, RebuildsPyTorchsWeights) {
  const auto files = testing::golden_cppn_files();
  ASSERT_FALSE(files.empty()) << "no golden files: set ATELIER_GOLDEN to their folder";
  for (const auto& path : files) {
    const TensorFile file = read_safetensors(path);
    const CppnRecipe golden = import_cppn(file, {}, path.string());
    PresetOptions options;
    options.source = RandomSource::torch;
    options.seed = std::stoull(file.metadata.at("torch_seed"));
    options.width = std::stoi(file.metadata.at("width"));
    options.layers = std::stoi(file.metadata.at("layers"));
    const CppnRecipe ours = preset_recipe("seed", options);
    ASSERT_EQ(ours.topology, golden.topology) << path;
    ASSERT_EQ(ours.parameters.size(), golden.parameters.size()) << path;
    WorstError worst;
    for (std::size_t i = 0; i < ours.parameters.size(); ++i)
      worst.add(
          std::abs(static_cast<double>(ours.parameters[i]) - static_cast<double>(golden.parameters[i])));
    EXPECT_LE(worst.value(), 1e-5) << path;
  }
}

TEST(InitializeTorch, GivesThePublishedNumbersOfSeed0) {
  const std::vector<float> drawn = initialize(seed_topology(), {}, RandomSource::torch, 0);
  ASSERT_EQ(drawn.size(), 2144U);
  const auto expect = [&drawn](std::size_t first, std::initializer_list<double> values) {
    for (const double value : values) EXPECT_NEAR(drawn[first++], value, 2e-6);
  };
  expect(0, {0.001415, -1.018677, -0.948480, 0.702076});
  expect(32, {-0.458332, -0.325504, -0.494013, -0.662249});
  expect(48, {-0.052861, 0.761803, -0.761028});
  expect(48 + 8 * 256, {1.370618, -0.051042, 2.669731});
}

TEST(InitializeTorch, DefaultKeepsWhatConstructionDrew) {
  // The bias of the first layer is drawn right after its weights, whatever overwrites the weights later.
  const CppnTopology topology = seed_topology(4, 1);
  const std::vector<float> kept =
      initialize(topology, {Distribution::torch_default, 1.0, {}}, RandomSource::torch, 5);
  std::mt19937 words(5);
  WorstError worst;
  const auto compare = [&](std::size_t first, std::size_t count, double bound) {
    for (std::size_t i = 0; i < count; ++i)
      worst.add(std::abs(static_cast<double>(kept[first + i]) -
                         bound * (static_cast<double>(words() & 0xFFFFFFU) / 8388608.0 - 1.0)));
  };
  compare(0, 8, std::sqrt(0.5));
  compare(8, 4, std::sqrt(0.5));
  compare(12, 12, 0.5);
  EXPECT_LE(worst.value(), 1e-7);

  const std::vector<float> uniform =
      initialize(topology, {Distribution::uniform, 100.0, {}}, RandomSource::torch, 5);
  WorstError redrawn;
  for (std::size_t i = 0; i < 8; ++i)
    redrawn.add(std::abs(static_cast<double>(uniform[i]) -
                         100.0 * (static_cast<double>(words() & 0xFFFFFFU) / 8388608.0 - 1.0)));
  for (std::size_t i = 8; i < 12; ++i) EXPECT_EQ(uniform[i], kept[i]);
  for (std::size_t i = 12; i < 24; ++i)
    redrawn.add(std::abs(static_cast<double>(uniform[i]) -
                         100.0 * (static_cast<double>(words() & 0xFFFFFFU) / 8388608.0 - 1.0)));
  EXPECT_LE(redrawn.value(), 1e-5);
}

double word_uniform(PhiloxStream stream, std::uint64_t index) {
  return static_cast<double>(philox_block(stream, index / 4).word[index % 4] >> 8) / 16777216.0;
}

TEST(InitializePhilox, UsesOneStreamForWeightsAndOneForBiasOfEachLayer) {
  CppnTopology topology = seed_topology(7, 3);
  topology.layers[1].bias = true;
  const std::vector<float> drawn =
      initialize(topology, {Distribution::uniform, 2.0, {1, 3, 1, 0.5}}, RandomSource::philox, 42);
  std::size_t position = 0;
  WorstError worst;
  const double factors[] = {2, 6, 2, 1};
  for (std::size_t l = 0; l < topology.layers.size(); ++l) {
    const auto width = static_cast<std::size_t>(topology.layers[l].width);
    const auto fan_in = static_cast<std::size_t>(topology.fan_in(l));
    for (std::size_t i = 0; i < width * fan_in; ++i)
      worst.add(std::abs(static_cast<double>(drawn[position++]) -
                         factors[l] * (2 * word_uniform({42, 2 * l}, i) - 1)));
    if (!topology.layers[l].bias) continue;
    for (std::size_t i = 0; i < width; ++i)
      worst.add(
          std::abs(static_cast<double>(drawn[position++]) -
                   (2 * word_uniform({42, 2 * l + 1}, i) - 1) / std::sqrt(static_cast<double>(fan_in))));
  }
  EXPECT_EQ(position, drawn.size());
  EXPECT_LE(worst.value(), 5e-7);
}

TEST(InitializePhilox, DefaultIsWithinTheBoundOfEachLayer) {
  const CppnTopology topology = seed_topology();
  const std::vector<float> drawn =
      initialize(topology, {Distribution::torch_default, 1.0, {}}, RandomSource::philox, 1);
  double largest = 0;
  for (std::size_t i = 48; i < drawn.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(drawn[i])));
  EXPECT_LE(largest, 0.25);
  EXPECT_GT(largest, 0.249);
}

TEST(InitializePhilox, NormalHasTheMomentsOfANormalDistribution) {
  const std::vector<float> drawn =
      initialize(seed_topology(256, 4), {Distribution::normal, 3.0, {}}, RandomSource::philox, 2);
  double mean = 0;
  double square = 0;
  double fourth = 0;
  const std::size_t first = 256 * 3;  // past the first layer and its uniform bias
  for (std::size_t i = first; i < drawn.size(); ++i) {
    const double value = static_cast<double>(drawn[i]) / 3.0;
    mean += value;
    square += value * value;
    fourth += value * value * value * value;
  }
  const auto count = static_cast<double>(drawn.size() - first);
  EXPECT_NEAR(mean / count, 0.0, 5 / std::sqrt(count));
  EXPECT_NEAR(square / count, 1.0, 5 * std::sqrt(2 / count));
  EXPECT_NEAR(fourth / count, 3.0, 5 * std::sqrt(96 / count));
}

TEST(InitializePhilox, IsTheSameEverywhere) {
  const auto hash = [](const std::vector<float>& values) {
    std::uint64_t result = 0xCBF29CE484222325U;
    for (const float value : values) result = (result ^ std::bit_cast<std::uint32_t>(value)) * 0x100000001B3U;
    return result;
  };
  EXPECT_EQ(hash(initialize(seed_topology(), {}, RandomSource::philox, 7)), 0x85ca9a8ced9b6a58U);
  EXPECT_EQ(hash(initialize(seed_topology(), {Distribution::uniform, 100, {}}, RandomSource::philox, 7)),
            0xf92510e8dbb2b7b8U);
}

TEST(Initialize, DiffersBetweenSeedsAndLayers) {
  const CppnTopology topology = seed_topology(16, 3);
  const auto a = initialize(topology, {}, RandomSource::philox, 1);
  const auto b = initialize(topology, {}, RandomSource::philox, (std::uint64_t{1} << 40) + 1);
  EXPECT_NE(a, b);
  EXPECT_NE(std::vector<float>(a.begin() + 48, a.begin() + 304),
            std::vector<float>(a.begin() + 304, a.begin() + 560));
}

TEST(Initialize, RefusesScalesAndTopologiesThatDoNotFit) {
  const CppnTopology topology = seed_topology();
  const auto draw = [](const CppnTopology& network, const Initializer& initializer) {
    return initialize(network, initializer, RandomSource::philox, 0);
  };
  EXPECT_THROW(draw(topology, {Distribution::normal, -1, {}}), InvalidArgument);
  EXPECT_THROW(draw(topology, {Distribution::normal, std::nan(""), {}}), InvalidArgument);
  EXPECT_THROW(draw(topology, {Distribution::normal, 1e31, {}}), InvalidArgument);
  EXPECT_THROW(draw(topology, {Distribution::normal, 1e20, std::vector<double>(10, 1e20)}), InvalidArgument);
  EXPECT_THROW(draw(topology, {Distribution::normal, 1, {1, 2}}), InvalidArgument);
  EXPECT_THROW(draw(CppnTopology{}, {}), InvalidArgument);
  for (const float value : draw(topology, {Distribution::normal, 1e30, {}}))
    ASSERT_TRUE(std::isfinite(value));
  for (const float value : draw(topology, {Distribution::uniform, 1e30, {}}))
    ASSERT_TRUE(std::isfinite(value));
}

TEST(Initialize, NamesOfDistributionsReadBack) {
  for (const Distribution distribution :
       {Distribution::torch_default, Distribution::normal, Distribution::uniform})
    EXPECT_EQ(distribution_from_name(distribution_name(distribution)), distribution);
  EXPECT_EQ(distribution_from_name("cauchy"), std::nullopt);
}

}  // namespace
}  // namespace atelier
