#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "models/safetensors.h"
#include "runtime/instruction_set.h"
#include "tests/devices.h"
#include "tests/kernels/cppn_reference.h"
#include "tests/models/golden_files.h"

// PyTorch's own networks of the seed article: pixels equal to PyTorch's but for a few, on every device, with
// every kernel variant of the cuda source and with every instruction set of the cpu.
namespace atelier {
namespace {

struct Golden {
  testing::TestNetwork network;
  std::int64_t size = 0;
  double share = 0;  // of channel values that may differ by a level
  std::vector<std::byte> levels;
  std::vector<double> exact;  // empty where the file has none
};

Golden read_golden(const std::filesystem::path& path) {
  const TensorFile file = read_safetensors(path);
  const int layers = std::stoi(file.metadata.at("layers"));
  Golden golden;
  golden.size = std::stoll(file.metadata.at("size"));
  golden.share = layers > 9 ? 0.005 : 0.002;
  for (int layer = 0; layer <= layers; ++layer) {
    const std::string name = "layers." + std::to_string(2 * layer);
    const Tensor& weight = file.tensors.at(name + ".weight");
    const auto bias = file.tensors.find(name + ".bias");
    const Activation activation = layer < layers ? Activation::tanh : Activation::sigmoid;
    golden.network.topology.layers.push_back(
        {static_cast<int>(weight.shape.at(0)), {activation}, bias != file.tensors.end()});
    for (const float value : weight.to_float()) golden.network.parameters.push_back(value);
    if (bias != file.tensors.end())
      for (const float value : bias->second.to_float()) golden.network.parameters.push_back(value);
  }
  golden.levels = file.tensors.at("rgb_u8_truncated").bytes;
  if (const auto exact = file.tensors.find("rgb_f64"); exact != file.tensors.end())
    golden.exact = exact->second.to_double();
  return golden;
}

class CppnGolden : public ::testing::TestWithParam<Device> {
 protected:
  Stream stream_{GetParam()};

  void expect_levels(const Golden& golden, const std::string& what) {
    const CppnProgram program(stream_, golden.network.topology, golden.network.parameters);
    const auto painted =
        testing::paint<std::uint8_t>(stream_, program, CppnWindow::seed(golden.size),
                                     {0, 0, golden.size, golden.size}, CppnSample::u8_truncate);
    ASSERT_EQ(painted.size(), golden.levels.size());
    std::size_t differing = 0;
    int largest = 0;
    for (std::size_t index = 0; index < painted.size(); ++index) {
      const int difference = std::abs(int{painted[index]} - std::to_integer<int>(golden.levels[index]));
      differing += difference != 0 ? 1 : 0;
      largest = std::max(largest, difference);
    }
    const double share = static_cast<double>(differing) / static_cast<double>(painted.size());
    EXPECT_LE(share, golden.share) << what << " " << program.path();
    EXPECT_LE(largest, 1) << what << " " << program.path();
    RecordProperty(what, std::to_string(100 * share) + " %");
  }
};

TEST_P(CppnGolden, LevelsInFp32) {
  const auto files = testing::golden_cppn_files();
  ASSERT_FALSE(files.empty()) << "no golden files: set ATELIER_GOLDEN to their folder";
  for (const auto& path : files) expect_levels(read_golden(path), path.stem().string());
}

TEST_P(CppnGolden, LevelsWithEveryKernelVariant) {
  if (GetParam().kind() == DeviceKind::cpu) GTEST_SKIP() << "the cpu device has instruction sets instead";
  for (const auto& path : testing::golden_cppn_files()) {
    const Golden golden = read_golden(path);
    if (golden.size > 64) continue;  // the executor is slow; the largest one is painted above
    const int width = golden.network.topology.layers.front().width;
    std::vector<std::string> variants{"general", "wide"};
    if (width == 16) variants.insert(variants.end(), {"staged-4", "shared-2", "shared-1"});
    // The constant bank holds 4096 numbers.
    if (width == 16 && golden.network.parameters.size() < 3000) variants.emplace_back("constant-2");
    if (width == 32) variants.insert(variants.end(), {"staged-2", "shared-1"});
    for (const std::string& variant : variants) {
      const testing::EnvironmentOverride wanted("ATELIER_CPPN_VARIANT", variant);
      expect_levels(golden, path.stem().string() + "_" + variant);
    }
  }
}

TEST_P(CppnGolden, LevelsWithEveryInstructionSet) {
  if (GetParam().kind() != DeviceKind::cpu) GTEST_SKIP() << "instruction sets are the cpu device's";
  for (const InstructionSet set : instruction_sets_present()) {
    set_instruction_set(set);
    for (const auto& path : testing::golden_cppn_files())
      expect_levels(read_golden(path), path.stem().string() + "_" + std::string(instruction_set_name(set)));
  }
  set_instruction_set(instruction_sets_present().back());
}

TEST_P(CppnGolden, DoublePrecision) {
  int compared = 0;
  for (const auto& path : testing::golden_cppn_files()) {
    const Golden golden = read_golden(path);
    if (golden.exact.empty()) continue;
    const CppnProgram program(stream_, golden.network.topology, golden.network.parameters, {},
                              CppnPrecision::fp64);
    // A band of the picture is enough for a device as slow as the executor.
    const std::int64_t rows = std::min<std::int64_t>(golden.size, 24);
    const auto painted = testing::paint<double>(stream_, program, CppnWindow::seed(golden.size),
                                                {0, 0, golden.size, rows}, CppnSample::f64);
    testing::WorstError worst;
    for (std::size_t index = 0; index < painted.size(); ++index)
      worst.add(std::abs(painted[index] - golden.exact.at(index)));
    EXPECT_LE(worst.value(), 1e-9) << path.stem();
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

INSTANTIATE_TEST_SUITE_P(Devices, CppnGolden, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

}  // namespace
}  // namespace atelier
