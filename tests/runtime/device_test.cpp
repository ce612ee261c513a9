#include "runtime/device.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "runtime/instruction_set.h"
#include "runtime/parallel.h"
#include "runtime/stream.h"

namespace atelier {
namespace {

TEST(DeviceName, ParsesWhatItPrints) {
  for (const Device device : devices_present()) EXPECT_EQ(Device::parse(device.name()), device);
  EXPECT_EQ(Device(DeviceKind::cuda, 3).name(), "cuda:3");
  EXPECT_EQ(Device(DeviceKind::cpu).name(), "cpu");
  EXPECT_EQ(Device(DeviceKind::simt).name(), "simt");
}

TEST(DeviceName, OtherWordsAreRefusedWithAHint) {
  for (const char* text :
       {"", "gpu", "CPU", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "cuda:99999999999", "cpu:0", "cuda 0"}) {
    try {
      (void)Device::parse(text);
      ADD_FAILURE() << "'" << text << "' was taken for a device";
    } catch (const InvalidArgument& error) {
      EXPECT_NE(std::string(error.what()).find("cuda:N"), std::string::npos) << error.what();
    }
  }
}

TEST(DeviceName, AutoIsTheFirstGpuOrTheProcessor) {
  const Device expected = cuda_device_count() > 0 ? Device(DeviceKind::cuda, 0) : Device(DeviceKind::cpu);
  EXPECT_EQ(Device::parse("auto"), expected);
}

TEST(CudaPresence, CountAndReasonAgree) {
  EXPECT_EQ(cuda_unavailable_reason().empty(), cuda_device_count() > 0);
  EXPECT_EQ(cuda_unavailable_reason().find('\n'), std::string::npos);
}

TEST(CudaPresence, AGpuThatIsNotThereIsUnavailableWithAReason) {
  const std::string text = "cuda:" + std::to_string(cuda_device_count());
  const Device absent(DeviceKind::cuda, cuda_device_count());
  EXPECT_THROW((void)Device::parse(text), DeviceUnavailable);
  EXPECT_THROW((void)describe(absent), DeviceUnavailable);
  EXPECT_THROW(Stream{absent}, DeviceUnavailable);
  try {
    (void)Device::parse(text);
  } catch (const DeviceUnavailable& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find(text), std::string::npos) << message;
    if (cuda_device_count() == 0) {
      EXPECT_NE(message.find(cuda_unavailable_reason()), std::string::npos) << message;
    }
  }
}

TEST(DevicesPresent, StartWithTheProcessorAndCanBeDescribed) {
  const std::vector<Device> devices = devices_present();
  ASSERT_FALSE(devices.empty());
  EXPECT_EQ(devices.front(), Device(DeviceKind::cpu));
  const bool has_simt = std::count(devices.begin(), devices.end(), Device(DeviceKind::simt)) > 0;
  EXPECT_EQ(has_simt, simt_available());
  for (const Device device : devices) {
    const DeviceDescription description = describe(device);
    EXPECT_EQ(description.device, device);
    EXPECT_FALSE(description.model.empty());
    EXPECT_FALSE(description.detail.empty());
    EXPECT_GT(description.memory_total, 0U);
    EXPECT_LE(description.memory_free, description.memory_total);
    EXPECT_GT(description.multiprocessors, 0);
  }
}

TEST(DevicesPresent, IndicesOfHostDevicesAreChecked) {
  EXPECT_THROW(Stream{Device(DeviceKind::cpu, 1)}, DeviceUnavailable);
}

/// The choice is made once a process, so each case runs in a process of its own.
class InstructionSetDeathTest : public ::testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

/// Ends the process with 0 when instruction_set() is `expected`, 3 when InvalidArgument was thrown, 4 when
/// DeviceUnavailable was, else 1.
[[noreturn]] void exit_with_choice(const char* wanted, std::string_view expected) {
  ::setenv("ATELIER_ISA", wanted, 1);
  try {
    std::_Exit(instruction_set_name(instruction_set()) == expected ? 0 : 1);
  } catch (const InvalidArgument&) {
    std::_Exit(3);
  } catch (const DeviceUnavailable&) {
    std::_Exit(4);
  }
}

TEST_F(InstructionSetDeathTest, TheEnvironmentForcesOne) {
  for (const InstructionSet set : {InstructionSet::portable, InstructionSet::avx2, InstructionSet::avx512}) {
    const std::vector<InstructionSet> present = instruction_sets_present();
    const bool usable = std::count(present.begin(), present.end(), set) > 0;
    const std::string name(instruction_set_name(set));
    EXPECT_EXIT(exit_with_choice(name.c_str(), name), ::testing::ExitedWithCode(usable ? 0 : 4), "");
  }
}

TEST_F(InstructionSetDeathTest, UnknownNamesAreRefusedAndNoneMeansTheBest) {
  EXPECT_EXIT(exit_with_choice("sse9", ""), ::testing::ExitedWithCode(3), "");
  const std::string best(instruction_set_name(instruction_sets_present().back()));
  EXPECT_EXIT(exit_with_choice("", best), ::testing::ExitedWithCode(0), "");
}

TEST(InstructionSets, EachOneThatIsPresentCanBeChosen) {
  const InstructionSet before = instruction_set();
  const std::vector<InstructionSet> present = instruction_sets_present();
  ASSERT_FALSE(present.empty());
  EXPECT_EQ(present.front(), InstructionSet::portable);
  EXPECT_TRUE(std::is_sorted(present.begin(), present.end()));
  for (const InstructionSet set : {InstructionSet::portable, InstructionSet::avx2, InstructionSet::avx512}) {
    if (std::count(present.begin(), present.end(), set) > 0) {
      set_instruction_set(set);
      EXPECT_EQ(instruction_set(), set);
    } else {
      EXPECT_THROW(set_instruction_set(set), DeviceUnavailable);
    }
  }
  set_instruction_set(before);
}

}  // namespace
}  // namespace atelier
