#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/device.h"

namespace atelier::testing {

/// The devices a suite runs on: all that are present, or the one named by ATELIER_TEST_DEVICE.
inline std::vector<Device> test_devices() {
  if (const char* only = std::getenv("ATELIER_TEST_DEVICE")) return {Device::parse(only)};
  return devices_present();
}

/// For INSTANTIATE_TEST_SUITE_P: "cpu", "simt", "cuda_0".
inline std::string device_test_name(const ::testing::TestParamInfo<Device>& info) {
  std::string name = info.param.name();
  for (char& letter : name)
    if (letter == ':') letter = '_';
  return name;
}

/// The worst of a series of errors. NaN counts as infinite, so a run of NaNs cannot pass.
class WorstError {
 public:
  void add(double error) {
    ++count_;
    if (!(error <= worst_)) worst_ = error == error ? error : 1.0 / 0.0;
  }
  [[nodiscard]] double value() const { return count_ ? worst_ : 1.0 / 0.0; }  // nothing compared: not a pass

 private:
  double worst_ = 0.0;
  long count_ = 0;
};

}  // namespace atelier::testing
