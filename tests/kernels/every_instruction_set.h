#pragma once

#include <gtest/gtest.h>

#include <string>

#include "runtime/device.h"
#include "runtime/instruction_set.h"

namespace atelier::testing {

/// Tests of one device; on cpu their bodies run with every instruction set that this machine has.
class EveryInstructionSet : public ::testing::TestWithParam<Device> {
 protected:
  template <class Body>
  void for_each_set(const Body& body) {
    if (GetParam().kind() != DeviceKind::cpu) {
      body();
      return;
    }
    const InstructionSet chosen = instruction_set();
    for (const InstructionSet set : instruction_sets_present()) {
      set_instruction_set(set);
      SCOPED_TRACE(std::string(instruction_set_name(set)));
      body();
    }
    set_instruction_set(chosen);
  }
  /// Sizes must be small: simt runs every thread of a kernel by itself.
  [[nodiscard]] bool slow() const { return GetParam().kind() == DeviceKind::simt; }
};

}  // namespace atelier::testing
