#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "kernels/cppn.h"
#include "tests/devices.h"
#include "tests/kernels/cppn_reference.h"
#include "tests/kernels/every_instruction_set.h"

// Fourier features among a network's inputs.
namespace atelier {
namespace {

using testing::make_network;
using testing::NetworkOptions;
using testing::paint;
using testing::TestNetwork;

class CppnWaves : public testing::EveryInstructionSet {
 protected:
  Stream stream_{GetParam()};

  double worst(const TestNetwork& network, const CppnWindow& window, const PixelRegion& region,
               CppnPrecision precision) {
    const CppnProgram program(stream_, network.topology, network.parameters, network.latent, precision);
    const auto painted = paint<double>(stream_, program, window, region, CppnSample::f64);
    const auto expected = reference_picture(network, window, region, precision == CppnPrecision::fp32);
    EXPECT_EQ(painted.size(), expected.size());
    testing::WorstError worst;
    for (std::size_t i = 0; i < expected.size(); ++i)
      worst.add(std::fabs(painted[i] - expected[i]) / std::max(1.0, std::fabs(expected[i])));
    return worst.value();
  }
};

NetworkOptions with_inputs(std::vector<CppnInput> inputs, int waves) {
  NetworkOptions options;
  inputs.insert(inputs.end(), static_cast<std::size_t>(waves), CppnInput::wave);
  options.inputs = std::move(inputs);
  options.output = Activation::identity;
  return options;
}

TEST_P(CppnWaves, AgreeWithTheReference) {
  for_each_set([&] {
    using enum CppnInput;
    const std::vector<std::vector<CppnInput>> first{{}, {x, y}, {wave, radius, latent, one, x}, {y, wave}};
    for (const auto& inputs : first)
      for (const int waves : {1, 5, 40})
        for (const std::vector<int>& hidden : {std::vector<int>{}, {16, 16}, {9, 40}}) {
          const TestNetwork network = make_network(hidden, with_inputs(inputs, waves));
          const CppnWindow window = CppnWindow::centered(37, 11, 0.2, -0.1, 2, 0.3);
          EXPECT_LE(worst(network, window, {0, 0, 37, 11}, CppnPrecision::fp32), 1e-5);
          EXPECT_LE(worst(network, window, {0, 0, 37, 11}, CppnPrecision::fp64), 1e-9);
        }
  });
}

TEST_P(CppnWaves, MostInputsThatThereCanBe) {
  for_each_set([&] {
    const TestNetwork network = make_network({3}, with_inputs({}, kCppnMaxInputs));
    EXPECT_LE(worst(network, CppnWindow::centered(9, 3), {0, 0, 9, 3}, CppnPrecision::fp32), 1e-5);
    EXPECT_LE(worst(network, CppnWindow::centered(9, 3), {0, 0, 9, 3}, CppnPrecision::fp64), 1e-9);
  });
}

// The wave alone, far out and at a zoom where neighbouring pixels are one value in fp32.
TEST_P(CppnWaves, StayExactFarOutAndDeepIn) {
  for_each_set([&] {
    TestNetwork network;
    network.topology.inputs = {CppnInput::wave};
    network.topology.layers = {{1, {Activation::identity}, false}};
    network.parameters = {1};
    network.topology.waves = {{3, -7, 0.125}};
    // Whole cycles a pixel: only the fraction counts, 2^31 pixels out.
    CppnWindow window;
    window.x_column = 1.0 + 0x1p-12;
    window.y_row = 2.0;
    EXPECT_LE(worst(network, window, {2147483000, 2147483600, 20, 2}, CppnPrecision::fp32), 5e-7);
    network.topology.waves = {{1e9, 0, 0.25}};
    window = CppnWindow::centered(1000, 1000, 0.25, 0, 1e-8);
    EXPECT_LE(worst(network, window, {400, 400, 30, 2}, CppnPrecision::fp32), 1e-6);
    EXPECT_LE(worst(network, window, {400, 400, 30, 2}, CppnPrecision::fp64), 2e-7);
  });
}

TEST_P(CppnWaves, AnyCutGivesTheSameBytes) {
  for_each_set([&] {
    const TestNetwork network = make_network({20}, with_inputs({CppnInput::x, CppnInput::radius}, 7));
    const CppnProgram program(stream_, network.topology, network.parameters);
    const CppnWindow window = CppnWindow::centered(50, 20);
    const auto whole = paint<std::uint16_t>(stream_, program, window, {0, 0, 50, 20}, CppnSample::u16);
    const auto part = paint<std::uint16_t>(stream_, program, window, {13, 7, 31, 9}, CppnSample::u16);
    for (std::size_t row = 0; row < 9; ++row)
      for (std::size_t i = 0; i < 31 * 3; ++i)
        ASSERT_EQ(part[row * 31 * 3 + i], whole[((row + 7) * 50 + 13) * 3 + i]);
  });
}

TEST_P(CppnWaves, LatentVectorIsReplaced) {
  TestNetwork network = make_network({20}, with_inputs({CppnInput::latent}, 3));
  CppnProgram program(stream_, network.topology, network.parameters, network.latent);
  network.latent = {-0.7};
  program.set_latent(stream_, network.latent);
  const CppnWindow window = CppnWindow::centered(9, 9);
  const auto painted = paint<double>(stream_, program, window, {0, 0, 9, 9}, CppnSample::f64);
  const auto expected = reference_picture(network, window, {0, 0, 9, 9}, true);
  testing::WorstError worst;
  for (std::size_t i = 0; i < expected.size(); ++i) worst.add(std::fabs(painted[i] - expected[i]));
  EXPECT_LE(worst.value(), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Devices, CppnWaves, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

std::string complaint(const CppnTopology& topology) {
  try {
    topology.validate();
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "";
}

TEST(CppnWaveRules, CountsAndRanges) {
  CppnTopology topology;
  topology.inputs = {CppnInput::x, CppnInput::wave};
  topology.layers = {{1, {Activation::identity}, false}};
  EXPECT_NE(complaint(topology).find("0 waves for 1 inputs"), std::string::npos);
  topology.waves = {{1, 2, 0}};
  EXPECT_EQ(complaint(topology), "");
  for (const double wrong : {1.1e15, std::numeric_limits<double>::quiet_NaN()}) {
    for (double CppnWave::*number : {&CppnWave::x_cycles, &CppnWave::y_cycles, &CppnWave::phase}) {
      topology.waves = {{}};
      topology.waves[0].*number = wrong;
      EXPECT_NE(complaint(topology).find("they end at 1e+15"), std::string::npos);
    }
    topology.waves = {{1, 1, 0, wrong}};
    EXPECT_NE(complaint(topology).find("an amplitude of"), std::string::npos);
  }
  topology.inputs = {CppnInput::x};
  topology.waves = {{}};
  EXPECT_NE(complaint(topology).find("1 waves for 0 inputs"), std::string::npos);
}

}  // namespace
}  // namespace atelier
