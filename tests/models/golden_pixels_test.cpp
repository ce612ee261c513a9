#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "models/import_cppn.h"
#include "models/presets.h"
#include "tests/devices.h"
#include "tests/models/golden_files.h"
#include "tests/models/painting.h"

// What PyTorch painted, painted again from the seed alone: --preset seed --torch-seed N, on every device.

namespace atelier {
namespace {

class GoldenPixels : public ::testing::TestWithParam<Device> {};

CppnRecipe rebuilt(const TensorFile& file) {
  PresetOptions options;
  options.source = RandomSource::torch;
  options.seed = std::stoull(file.metadata.at("torch_seed"));
  options.width = std::stoi(file.metadata.at("width"));
  options.layers = std::stoi(file.metadata.at("layers"));
  return preset_recipe("seed", options);
}

/// At most this share of channel values may differ, and those by one level.
double share_allowed(const TensorFile& file) {
  return std::stoi(file.metadata.at("layers")) > 9 ? 0.005 : 0.002;
}

void expect_levels(const TensorFile& file, const CppnRecipe& recipe, Device device, const std::string& what) {
  const std::int64_t size = std::stoll(file.metadata.at("size"));
  const std::vector<std::byte>& golden = file.tensors.at("rgb_u8_truncated").bytes;
  const auto painted = testing::paint<std::uint8_t>(device, recipe, size, size, CppnSample::u8_truncate);
  ASSERT_EQ(painted.size(), golden.size());
  std::size_t differing = 0;
  int largest = 0;
  for (std::size_t i = 0; i < golden.size(); ++i) {
    const int difference = std::abs(static_cast<int>(painted[i]) - std::to_integer<int>(golden[i]));
    differing += difference != 0 ? 1 : 0;
    largest = std::max(largest, difference);
  }
  const double share = static_cast<double>(differing) / static_cast<double>(golden.size());
  EXPECT_LE(largest, 1) << what;
  EXPECT_LE(share, share_allowed(file)) << what;
  ::testing::Test::RecordProperty("share_differing " + what, std::to_string(share));
}

TEST_P(GoldenPixels, FromTheSeedAloneInFp32) {
  const auto files = testing::golden_cppn_files();
  ASSERT_FALSE(files.empty()) << "no golden files: set ATELIER_GOLDEN to their folder";
  for (const auto& path : files) {
    const TensorFile file = read_safetensors(path);
    expect_levels(file, rebuilt(file), GetParam(), path.filename().string() + " from its seed");
  }
}

TEST_P(GoldenPixels, FromImportedWeightsInFp32) {
  for (const auto& path : testing::golden_cppn_files()) {
    const TensorFile file = read_safetensors(path);
    expect_levels(file, import_cppn(file, {}, path.string()), GetParam(),
                  path.filename().string() + " imported");
  }
}

TEST_P(GoldenPixels, FromImportedWeightsInDouble) {
  int compared = 0;
  for (const auto& path : testing::golden_cppn_files()) {
    const TensorFile file = read_safetensors(path);
    const auto golden = file.tensors.find("rgb_f64");
    if (golden == file.tensors.end()) continue;
    CppnRecipe recipe = import_cppn(file, {}, path.string());
    recipe.precision = CppnPrecision::fp64;
    const auto painted =
        testing::paint<double>(GetParam(), recipe, recipe.width, recipe.height, CppnSample::f64);
    const std::vector<double> expected = golden->second.to_double();
    ASSERT_EQ(painted.size(), expected.size());
    testing::WorstError worst;
    for (std::size_t i = 0; i < expected.size(); ++i) worst.add(std::abs(painted[i] - expected[i]));
    EXPECT_LE(worst.value(), 1e-9) << path;
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

INSTANTIATE_TEST_SUITE_P(Devices, GoldenPixels, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

}  // namespace
}  // namespace atelier
