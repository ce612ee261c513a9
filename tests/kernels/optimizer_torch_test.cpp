// Steps as torch.optim.SGD and torch.optim.Adam take them, to the bit.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/optimizer.h"
#include "tests/devices.h"
#include "tests/kernels/every_instruction_set.h"
#include "tests/kernels/optimizer_operands.h"
#include "tests/kernels/optimizer_vectors.h"

namespace atelier {
namespace {

using testing::WorstError;
using namespace testing::optimizers;

class OptimizerAsPyTorch : public testing::EveryInstructionSet {};

State known_start() {
  State state;
  for (std::uint32_t i = 0; i < 24; ++i) state.parameters.push_back(testing::start_of(i));
  state.first.assign(24, 0.0F);
  state.second.assign(24, 0.0F);
  return state;
}

Floats known_gradients(std::uint32_t step) {
  Floats result;
  for (std::uint32_t i = 0; i < 24; ++i) result.push_back(testing::gradient_of(step, i));
  return result;
}

// What Adam keeps of moments on a device: nothing below the normal numbers on cpu.
Floats kept(Device device, Floats moments) {
  if (device.kind() == DeviceKind::cpu)
    for (float& moment : moments)
      if (std::fpclassify(moment) == FP_SUBNORMAL) moment = 0.0F;
  return moments;
}

struct AdamCase {
  float rate;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
};

// Ten steps; `look` sees the parameters after each.
template <class Look>
State ten_adam_steps(Stream& stream, const AdamCase& setup, Look look) {
  const State start = known_start();
  const Controls controls(stream, setup.rate);
  const FencedFloats parameters(stream, start.parameters, 1);
  const FencedFloats first(stream, start.first, 1);
  const FencedFloats second(stream, start.second, 1);
  for (std::uint32_t step = 1; step <= 10; ++step) {
    const FencedFloats gradients(stream, known_gradients(step), 1);
    AdamSettings settings = controls.adam(setup.beta1, setup.beta2, setup.epsilon);
    settings.step.offset = step;
    adam_step(stream, parameters.view(), gradients.view(), first.view(), second.view(), settings);
    look(step, parameters.values());
  }
  return {parameters.values(), {}, first.values(), second.values()};
}
State ten_adam_steps(Stream& stream, const AdamCase& setup) {
  return ten_adam_steps(stream, setup, [](std::uint32_t, const Floats&) {});
}

TEST_P(OptimizerAsPyTorch, AdamToTheBit) {
  for_each_set([&] {
    Stream stream(GetParam());
    const State got = ten_adam_steps(stream, {0x1p-10F}, [](std::uint32_t step, const Floats& parameters) {
      EXPECT_EQ(bits(parameters), bits(from_bits(testing::kAdam[step - 1]))) << "step " << step;
    });
    EXPECT_EQ(bits(got.first), bits(kept(GetParam(), from_bits(testing::kAdamMoments[0]))));
    EXPECT_EQ(bits(got.second), bits(kept(GetParam(), from_bits(testing::kAdamMoments[1]))));

    const State half = ten_adam_steps(stream, {0x1p-12F, 0.5});
    EXPECT_EQ(bits(half.parameters), bits(from_bits(testing::kAdamHalf[0])));
    EXPECT_EQ(bits(half.first), bits(kept(GetParam(), from_bits(testing::kAdamHalf[1]))));
    EXPECT_EQ(bits(half.second), bits(kept(GetParam(), from_bits(testing::kAdamHalf[2]))));

    const State without = ten_adam_steps(stream, {0x1p-4F, 0.0, 0.0, 0.25});
    EXPECT_EQ(bits(without.parameters), bits(from_bits(testing::kAdamNoMemory[0])));
    EXPECT_EQ(bits(without.first), bits(kept(GetParam(), from_bits(testing::kAdamNoMemory[1]))));
    EXPECT_EQ(bits(without.second), bits(kept(GetParam(), from_bits(testing::kAdamNoMemory[2]))));
  });
}

// PyTorch keeps the rate in double; here it is a float, which moves a result by its last bit at most.
TEST_P(OptimizerAsPyTorch, AdamWithARateThatNoFloatHolds) {
  Stream stream(GetParam());
  const State got = ten_adam_steps(stream, {0.001F});
  const Floats expected = from_bits(testing::kAdamThousandth[0]);
  WorstError worst;
  for (std::size_t i = 0; i < expected.size(); ++i)
    worst.add(std::fabs(static_cast<double>(got.parameters[i]) - static_cast<double>(expected[i])) /
              std::ldexp(1.0, std::ilogb(expected[i]) - 23));
  EXPECT_LE(worst.value(), 1.0);
}

TEST_P(OptimizerAsPyTorch, SgdToTheBit) {
  for_each_set([&] {
    Stream stream(GetParam());
    State state = known_start();
    for (std::uint32_t step = 1; step <= 10; ++step) {
      state.gradients = known_gradients(step);
      state.parameters = sgd(stream, state, 0.01F);
      EXPECT_EQ(bits(state.parameters), bits(from_bits(testing::kSgd[step - 1]))) << "step " << step;
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Devices, OptimizerAsPyTorch, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

}  // namespace
}  // namespace atelier
