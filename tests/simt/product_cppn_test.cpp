// The CPPN kernels in the checking build: right values, no alarm. The same test linked with kernels into
// which a bug was planted must fail (CMakeLists.txt).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "runtime/simt/checker.h"
#include "runtime/simt/options.h"
#include "tests/devices.h"
#include "tests/kernels/cppn_reference.h"

namespace atelier {
namespace {

using testing::Biases;
using testing::NetworkOptions;
using testing::TestNetwork;

NetworkOptions all_inputs() {
  NetworkOptions options;
  options.inputs = {CppnInput::x, CppnInput::y, CppnInput::radius, CppnInput::one, CppnInput::latent};
  options.biases = Biases::all;
  return options;
}

/// Paints the network by the kernel of that name (empty: the one that is chosen) and compares with the
/// reference. `expected_path` is a part of the kernel's own description.
void check_cppn(const TestNetwork& network, const std::string& variant, const std::string& expected_path,
                const PixelRegion& region = {0, 0, 13, 5}, CppnPrecision precision = CppnPrecision::fp32) {
  const testing::EnvironmentOverride wanted("ATELIER_CPPN_VARIANT", variant);
  Stream stream{Device(DeviceKind::simt)};
  const CppnProgram program(stream, network.topology, network.parameters, network.latent, precision);
  EXPECT_NE(program.path().find(expected_path), std::string::npos) << program.path();
  const auto width = static_cast<double>(region.width);
  const auto height = static_cast<double>(region.height);
  const CppnWindow window{-0.9, 2.0 / width, 0.1 / height, -1.1, 0.2 / width, 2.0 / height};
  const auto painted = testing::paint<double>(stream, program, window, region, CppnSample::f64);
  const auto expected = reference_picture(network, window, region, precision == CppnPrecision::fp32);
  ASSERT_EQ(painted.size(), expected.size());
  testing::WorstError worst;
  for (std::size_t index = 0; index < expected.size(); ++index)
    worst.add(std::fabs(painted[index] - expected[index]) / std::max(1.0, std::fabs(expected[index])));
  EXPECT_LE(worst.value(), precision == CppnPrecision::fp32 ? 1e-5 : 1e-9) << program.path();
}

TEST(ProductCppn, ResidentWeights) {
  check_cppn(make_network({16, 16, 16}, all_inputs()), "shared-4", "weights shared");
  check_cppn(make_network({7}, all_inputs()), "shared-4", "weights shared");
  check_cppn(make_network({}, all_inputs()), "shared-4", "weights shared");
}

TEST(ProductCppn, StagedWeights) {
  check_cppn(make_network({16, 16, 16}, all_inputs()), "staged-4", "weights staged");
  check_cppn(make_network({}, all_inputs()), "staged-4", "weights staged");
}

TEST(ProductCppn, AnyActivation) {
  NetworkOptions options = all_inputs();
  options.hidden = Activation::sin;
  check_cppn(make_network({16, 9}, options), "", "any activation");
  check_cppn(make_network({16, 9}, options), "", "fp64", {0, 0, 13, 5}, CppnPrecision::fp64);
}

TEST(ProductCppn, WideLayers) {
  check_cppn(make_network({40, 70}, all_inputs()), "wide", "tiles of 64 pixels by 96 units");
  check_cppn(make_network({5, 3}, all_inputs()), "wide", "tiles of 64 pixels by 32 units", {0, 0, 9, 2});
  check_cppn(make_network({3, 520}, all_inputs()), "", "tiles of 32 pixels", {0, 0, 5, 2});
  check_cppn(make_network({40, 70}, all_inputs()), "wide", "fp64", {0, 0, 13, 5}, CppnPrecision::fp64);
}

TEST(ProductCppn, Waves) {
  NetworkOptions options = all_inputs();
  options.inputs.insert(options.inputs.end(), 5, CppnInput::wave);
  check_cppn(make_network({9, 40}, options), "", "tiles of 64 pixels by 64 units, 5 waves");
  check_cppn(make_network({9}, options), "", "fp64", {0, 0, 13, 5}, CppnPrecision::fp64);
  options.inputs.assign(70, CppnInput::wave);  // more than the widest layer has units
  check_cppn(make_network({3}, options), "", "70 waves");
  check_cppn(make_network({}, options), "", "70 waves");
}

// Far from the origin, where a place in fp32 says nothing of the wave any more.
TEST(ProductCppn, WavesFarOut) {
  TestNetwork network;
  network.topology.inputs = {CppnInput::wave};
  network.topology.waves = {{1, -3, 0.1}};
  network.topology.layers = {{1, {Activation::identity}, false}};
  network.parameters = {1};
  check_cppn(network, "", "1 waves", {4000000000, 3000000000, 13, 5});
}

// On a GPU with room for two blocks each has several tiles to paint: three across, so that steps pass the
// ends of rows of tiles, and one across.
TEST(ProductCppn, MoreTilesThanBlocks) {
  simt::Options small = simt::options();
  small.multiprocessors = 1;
  small.blocks_per_multiprocessor = 2;
  const simt::OptionsOverride scope(small);
  const TestNetwork network = make_network({8, 8}, all_inputs());
  for (const PixelRegion region : {PixelRegion{0, 0, 1300, 2}, PixelRegion{0, 0, 50, 50}}) {
    check_cppn(network, "shared-4", "weights shared", region);
    check_cppn(network, "staged-4", "weights staged", region);
  }
  for (const PixelRegion region : {PixelRegion{0, 0, 650, 2}, PixelRegion{0, 0, 30, 40}})
    check_cppn(network, "general", "any activation", region);
  for (const PixelRegion region : {PixelRegion{0, 0, 170, 2}, PixelRegion{0, 0, 20, 20}})
    check_cppn(network, "wide", "tiles of", region);
}

TEST(ProductCppn, LatentVectorIsReplaced) {
  for (const std::string variant : {"shared-4", "general", "wide"}) {
    const testing::EnvironmentOverride wanted("ATELIER_CPPN_VARIANT", variant);
    TestNetwork network = make_network({16}, all_inputs());
    Stream stream{Device(DeviceKind::simt)};
    CppnProgram program(stream, network.topology, network.parameters, network.latent);
    network.latent = {0.75};
    program.set_latent(stream, network.latent);
    const CppnWindow window = CppnWindow::centered(6, 6);
    const auto painted = testing::paint<double>(stream, program, window, {0, 0, 6, 6}, CppnSample::f64);
    const auto expected = reference_picture(network, window, {0, 0, 6, 6}, true);
    testing::WorstError worst;
    for (std::size_t index = 0; index < expected.size(); ++index)
      worst.add(std::fabs(painted[index] - expected[index]));
    EXPECT_LE(worst.value(), 1e-5) << variant;
  }
}

/// The worst distance of integer samples from the reference, in steps; 0.5 is what rounding costs.
template <class T>
double worst_code(CppnSample sample, const PixelRegion& region, double top, const std::string& variant) {
  const testing::EnvironmentOverride wanted("ATELIER_CPPN_VARIANT", variant);
  const TestNetwork network = make_network({8}, all_inputs());
  Stream stream{Device(DeviceKind::simt)};
  const CppnProgram program(stream, network.topology, network.parameters, network.latent);
  const CppnWindow window = CppnWindow::centered(13, 7);
  const auto painted = testing::paint<T>(stream, program, window, region, sample);
  const auto expected = reference_picture(network, window, region, true);
  testing::WorstError worst;
  for (std::size_t index = 0; index < expected.size(); ++index)
    worst.add(std::fabs(static_cast<double>(painted[index]) - top * expected[index]));
  return worst.value();
}

// Rows of whole words and rows that end inside one.
TEST(ProductCppn, IntegerSamples) {
  for (const std::string variant : {"shared-4", "wide"})
    for (const std::int64_t width : {12, 13, 15}) {
      EXPECT_LE(worst_code<std::uint8_t>(CppnSample::u8, {0, 0, width, 3}, 255.0, variant), 0.51);
      EXPECT_LE(worst_code<std::uint16_t>(CppnSample::u16, {0, 0, width, 3}, 65535.0, variant), 1.5);
    }
}

TEST(ProductCppn, EveryAccessIsChecked) {
  const std::uint64_t before = simt::executor::accesses_checked();
  check_cppn(make_network({16, 16}, all_inputs()), "shared-4", "weights shared");
  EXPECT_GT(simt::executor::accesses_checked(), before + 10000);
}

}  // namespace
}  // namespace atelier
