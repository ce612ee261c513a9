#include "kernels/optimizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "kernels/optimizer_function.h"
#include "runtime/buffer.h"
#include "runtime/error.h"
#include "runtime/graph.h"
#include "runtime/parallel.h"
#include "tests/devices.h"
#include "tests/kernels/every_instruction_set.h"
#include "tests/kernels/optimizer_operands.h"

namespace atelier {
namespace {

using testing::WorstError;
using namespace testing::optimizers;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

class OptimizerOnDevice : public testing::EveryInstructionSet {};

const std::vector<std::int64_t> kSizes{0, 1, 2, 3, 4, 5, 15, 16, 17, 31, 33, 127, 1000, 65537};

TEST_P(OptimizerOnDevice, SgdAgainstDouble) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const std::int64_t size : kSizes) {
      const State state = random_state(size, 1);
      const Floats got = sgd(stream, state, 0.01F);
      if (size == 0) continue;
      WorstError worst;  // relative to what is added
      std::size_t different = 0;
      for (std::size_t i = 0; i < got.size(); ++i) {
        const double p = state.parameters[i];
        const double change = static_cast<double>(0.01F) * static_cast<double>(state.gradients[i]);
        worst.add(std::fabs(static_cast<double>(got[i]) - (p - change)) / (std::fabs(p) + std::fabs(change)));
        different += got[i] != std::fma(-0.01F, state.gradients[i], state.parameters[i]);
      }
      EXPECT_LE(worst.value(), 6e-8) << size << " elements";  // half an ulp
      EXPECT_EQ(different, 0U) << size << " elements";
    }
  });
}

TEST_P(OptimizerOnDevice, AdamAgainstDouble) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const std::int64_t size : kSizes) {
      const State state = random_state(size, 2);
      const auto step = static_cast<std::uint64_t>(size % 40 + 1);
      const State got = adam(stream, state, 0.001F, step);
      if (size == 0) continue;
      const double correction1 = 1.0 - std::pow(0.9, static_cast<double>(step));
      const double correction2 = 1.0 - std::pow(0.999, static_cast<double>(step));
      WorstError worst_first;
      WorstError worst_second;
      WorstError worst_change;
      for (std::size_t i = 0; i < got.first.size(); ++i) {
        const double g = state.gradients[i];
        const double m = 0.9 * static_cast<double>(state.first[i]) + 0.1 * g;
        const double v = 0.999 * static_cast<double>(state.second[i]) + 0.001 * g * g;
        const double rate = static_cast<double>(0.001F);
        const double p = state.parameters[i];
        const double change = rate / correction1 * m / (std::sqrt(v) / std::sqrt(correction2) + 1e-8);
        worst_first.add(std::fabs(static_cast<double>(got.first[i]) - m) /
                        (std::fabs(g) + std::fabs(static_cast<double>(state.first[i]))));
        worst_second.add(std::fabs(static_cast<double>(got.second[i]) - v) / v);
        // The rounding of the parameter itself apart, which may be far larger than the change's.
        const double rounding = 6e-8 * (std::fabs(p) + std::fabs(change));
        worst_change.add((std::fabs(static_cast<double>(got.parameters[i]) - (p - change)) - rounding) /
                         (rate / correction1));
      }
      EXPECT_LE(worst_first.value(), 2e-7) << size << " elements";
      EXPECT_LE(worst_second.value(), 3e-7) << size << " elements";
      EXPECT_LE(worst_change.value(), 1e-6) << size << " elements";
    }
  });
}

TEST_P(OptimizerOnDevice, MovingAverageAgainstDouble) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const std::int64_t size : kSizes)
      for (const std::uint64_t step : {std::uint64_t{1}, std::uint64_t{30}, std::uint64_t{1'000'000}}) {
        const State state = random_state(size, 3);
        FencedFloats average(stream, state.first, size % 4);
        const FencedFloats values(stream, state.parameters, (size + 1) % 3);
        const Controls controls(stream, 0.0F, step - 1);
        moving_average(stream, average.view(), values.view(), 0.998, {controls.counter.data(), 1, 1});
        const Floats got = average.values();
        const double decay =
            std::min(0.998, (1.0 + static_cast<double>(step)) / (10.0 + static_cast<double>(step)));
        WorstError worst;
        for (std::size_t i = 0; i < got.size(); ++i) {
          const double a = state.first[i];
          const double v = state.parameters[i];
          worst.add(std::fabs(static_cast<double>(got[i]) - (decay * a + (1 - decay) * v)) /
                    (std::fabs(a) + std::fabs(v)));
        }
        if (size > 0) {
          EXPECT_LE(worst.value(), 2e-7) << size << " elements, step " << step;
        }
      }
    const Buffer<float> some(stream, 4);
    EXPECT_THROW(moving_average(stream, some.view(), some.view().part(0, 3), 0.5, {}), InvalidArgument);
    EXPECT_THROW(moving_average(stream, some.view(), some.view(), 1.0, {}), InvalidArgument);
    EXPECT_THROW(moving_average(stream, some.view(), some.view(), std::nan(""), {}), InvalidArgument);
  });
}

// The same update as one element at a time on the host: so all devices agree to the bit, wherever the four
// runs lie in memory.
TEST_P(OptimizerOnDevice, AnyAlignmentGivesTheSameBits) {
  for_each_set([&] {
    Stream stream(GetParam());
    constexpr std::int64_t kOffsets[][4] = {{0, 0, 0, 0}, {1, 1, 1, 1}, {2, 2, 2, 2}, {3, 3, 3, 3},
                                            {1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 3, 0}, {2, 2, 2, 1}};
    for (const std::int64_t size : {1, 2, 3, 4, 6, 7, 64, 1024, 1027}) {
      const State state = random_state(size, 3);
      State expected = state;
      Floats expected_sgd;
      const AdamFactors factors = adam_factors(0.9, 0.999, 1e-8, 0.001F, 3);
      for (std::size_t i = 0; i < state.first.size(); ++i) {
        adam_update(factors, state.gradients[i], expected.parameters[i], expected.first[i],
                    expected.second[i]);
        expected_sgd.push_back(sgd_update(state.parameters[i], state.gradients[i], 0.01F));
      }
      for (const auto& offset : kOffsets) {
        const State got = adam(stream, state, 0.001F, 3, offset);
        EXPECT_EQ(bits(got.parameters), bits(expected.parameters)) << size << " at " << offset[0];
        EXPECT_EQ(bits(got.first), bits(expected.first)) << size << " at " << offset[2];
        EXPECT_EQ(bits(got.second), bits(expected.second)) << size << " at " << offset[3];
        EXPECT_EQ(bits(got.gradients), bits(state.gradients)) << size << " at " << offset[1];
        EXPECT_EQ(bits(sgd(stream, state, 0.01F, {offset[0], offset[1]})), bits(expected_sgd)) << size;
      }
    }
  });
}

// Many ranges of parallel_for, many blocks.
TEST_P(OptimizerOnDevice, AMillionElements) {
  Stream stream(GetParam());
  const State state = random_state(1000003, 9);
  State expected = state;
  Floats expected_sgd;
  const AdamFactors factors = adam_factors(0.9, 0.999, 1e-8, 0.001F, 1000);
  for (std::size_t i = 0; i < state.first.size(); ++i) {
    adam_update(factors, state.gradients[i], expected.parameters[i], expected.first[i], expected.second[i]);
    expected_sgd.push_back(sgd_update(state.parameters[i], state.gradients[i], 0.01F));
  }
  const State got = adam(stream, state, 0.001F, 1000, {1, 1, 1, 1});
  EXPECT_TRUE(got.parameters == expected.parameters);
  EXPECT_TRUE(got.first == expected.first);
  EXPECT_TRUE(got.second == expected.second);
  EXPECT_TRUE(sgd(stream, state, 0.01F) == expected_sgd);
}

TEST_P(OptimizerOnDevice, NanAndInfinityStayWhereTheyAre) {
  for_each_set([&] {
    Stream stream(GetParam());
    State state = random_state(40, 4);
    state.gradients[3] = kNan;
    state.gradients[17] = kInfinity;
    state.parameters[38] = kNan;
    const Floats after_sgd = sgd(stream, state, 0.01F);
    const State after_adam = adam(stream, state, 0.01F, 1);
    for (std::size_t i = 0; i < 40; ++i) {
      const bool nan = i == 3 || i == 38;
      EXPECT_EQ(std::isnan(after_sgd[i]), nan) << i;
      EXPECT_EQ(std::isnan(after_adam.parameters[i]), nan || i == 17) << i;  // infinity / infinity
      EXPECT_EQ(std::isnan(after_adam.first[i]), i == 3) << i;
      EXPECT_EQ(std::isnan(after_adam.second[i]), i == 3) << i;
    }
    EXPECT_EQ(after_sgd[17], -kInfinity);
    EXPECT_EQ(after_adam.second[17], kInfinity);
  });
}

TEST_P(OptimizerOnDevice, ZeroGradientsAndMomentsChangeNothing) {
  Stream stream(GetParam());
  State state = random_state(100, 5);
  for (Floats* values : {&state.gradients, &state.first, &state.second}) values->assign(100, 0.0F);
  for (const std::uint64_t step : {1ULL, 2ULL, 1000000ULL})
    EXPECT_EQ(bits(adam(stream, state, 0.1F, step).parameters), bits(state.parameters)) << step;
  EXPECT_EQ(bits(sgd(stream, state, 0.1F)), bits(state.parameters));
}

// The moments of an input that is always 0 decay and end: on cpu at 2^-126, elsewhere where they round to
// themselves. The parameter stays put either way, and what is computed next to it is not disturbed.
TEST_P(OptimizerOnDevice, DecayedMoments) {
  for_each_set([&] {
    Stream stream(GetParam());
    State state = random_state(50, 10);
    for (const std::size_t dead : {0U, 7U, 20U, 49U}) {
      state.gradients[dead] = 0.0F;
      state.first[dead] = 0x1.8p-127F;
      state.second[dead] = 0x1p-140F;
    }
    const State got = adam(stream, state, 0.01F, 5000);
    for (const std::size_t dead : {0U, 7U, 20U, 49U}) {
      EXPECT_EQ(got.parameters[dead], state.parameters[dead]);
      EXPECT_EQ(got.first[dead] == 0.0F, GetParam().kind() == DeviceKind::cpu);
      EXPECT_EQ(got.second[dead] == 0.0F, GetParam().kind() == DeviceKind::cpu);
    }
    EXPECT_NE(got.parameters[1], state.parameters[1]);
  });
}

TEST_P(OptimizerOnDevice, ThreadsDoNotMatter) {
  Stream stream(GetParam());
  const State state = random_state(GetParam().kind() == DeviceKind::simt ? 20001 : 300001, 6);
  set_cpu_threads(1);
  const Floats one_sgd = sgd(stream, state, 0.01F);
  const State one = adam(stream, state, 0.001F, 5);
  for (const int threads : {2, 3, 0}) {
    set_cpu_threads(threads);
    EXPECT_EQ(bits(sgd(stream, state, 0.01F)), bits(one_sgd)) << threads << " threads";
    const State got = adam(stream, state, 0.001F, 5);
    EXPECT_EQ(bits(got.parameters), bits(one.parameters)) << threads << " threads";
    EXPECT_EQ(bits(got.second), bits(one.second)) << threads << " threads";
  }
}

// One captured step, replayed: Adam's t advances with the counter, and the rate is that of the moment.
TEST_P(OptimizerOnDevice, AReplayedStepCountsOn) {
  Stream stream(GetParam());
  const State start = random_state(77, 7);
  const Controls controls(stream, 0.01F);
  const FencedFloats parameters(stream, start.parameters);
  const FencedFloats gradients(stream, start.gradients);
  const FencedFloats first(stream, Floats(77, 0.0F));
  const FencedFloats second(stream, Floats(77, 0.0F));
  const Buffer<float> history(stream, 3 * 2);
  // Two updates an iteration, as a discriminator has them: t = 2 count + 1, then 2 count + 2.
  stream.begin_capture();
  for (const std::uint64_t offset : {1U, 2U}) {
    AdamSettings settings = controls.adam();
    settings.step = {controls.counter.data(), 2, offset};
    adam_step(stream, parameters.view(), gradients.view(), first.view(), second.view(), settings);
  }
  sgd_step(stream, parameters.view(), gradients.view(), {controls.learning_rate.data()});
  finish_iteration(stream, controls.counter.data(), gradients.view().part(0, 2), history.matrix(3, 2));
  const Graph graph = stream.end_capture();
  EXPECT_EQ(bits(parameters.values()), bits(start.parameters)) << "recorded work has run";

  State expected{start.parameters, start.gradients, Floats(77, 0.0F), Floats(77, 0.0F)};
  std::uint64_t step = 0;
  for (const float rate : {0.01F, 0.01F, 0.5F, 0.001F}) {
    upload<float>(stream, controls.learning_rate.view(), Floats{rate});
    graph.launch(stream);
    for (int update = 0; update < 2; ++update) {
      const AdamFactors factors = adam_factors(0.9, 0.999, 1e-8, rate, ++step);
      for (std::size_t i = 0; i < 77; ++i)
        adam_update(factors, expected.gradients[i], expected.parameters[i], expected.first[i],
                    expected.second[i]);
    }
    for (std::size_t i = 0; i < 77; ++i)
      expected.parameters[i] = sgd_update(expected.parameters[i], expected.gradients[i], rate);
    ASSERT_EQ(bits(parameters.values()), bits(expected.parameters)) << "after t = " << step;
  }
  EXPECT_EQ(download<std::uint64_t>(stream, controls.counter.view()), std::vector<std::uint64_t>{4});
}

TEST_P(OptimizerOnDevice, RefusesWrongArguments) {
  Stream stream(GetParam());
  const Buffer<float> buffer(stream, 16);
  const Controls controls(stream, 0.1F);
  const VectorView<float> four = buffer.view().part(0, 4);
  const VectorView<float> three = buffer.view().part(4, 3);
  const SgdSettings settings{controls.learning_rate.data()};
  EXPECT_THROW(sgd_step(stream, four, three, settings), InvalidArgument);
  EXPECT_THROW(sgd_step(stream, four, four, {}), InvalidArgument);
  EXPECT_THROW(sgd_step(stream, {buffer.data(), -1}, {buffer.data(), -1}, settings), InvalidArgument);
  EXPECT_THROW(adam_step(stream, four, three, four, four, controls.adam()), InvalidArgument);
  EXPECT_THROW(adam_step(stream, four, four, three, four, controls.adam()), InvalidArgument);
  EXPECT_THROW(adam_step(stream, four, four, four, three, controls.adam()), InvalidArgument);
  EXPECT_THROW(adam_step(stream, four, four, four, four, {}), InvalidArgument);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double beta : {-0.1, 1.0, nan}) {
    EXPECT_THROW(adam_step(stream, four, four, four, four, controls.adam(beta)), InvalidArgument) << beta;
    EXPECT_THROW(adam_step(stream, four, four, four, four, controls.adam(0.9, beta)), InvalidArgument)
        << beta;
  }
  for (const double epsilon : {-1e-8, nan, std::numeric_limits<double>::infinity()})
    EXPECT_THROW(adam_step(stream, four, four, four, four, controls.adam(0.9, 0.999, epsilon)),
                 InvalidArgument);
  try {
    adam_step(stream, four, four, three, four, controls.adam());
    FAIL();
  } catch (const InvalidArgument& error) {
    EXPECT_EQ(std::string(error.what()), "adam_step on " + GetParam().name() +
                                             ": first_moment has 3 elements for 4 parameters; one each is "
                                             "needed");
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, OptimizerOnDevice, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

TEST(AdamFactors, PowersAreThoseOfTheLibrary) {
  for (const double base : {0.0, 0.5, 0.9, 0.999, 0.999999})
    for (const std::uint64_t n : {0ULL, 1ULL, 2ULL, 3ULL, 10ULL, 127ULL, 1000ULL, 100000ULL, 1ULL << 40}) {
      const double expected = std::pow(base, static_cast<double>(n));
      EXPECT_NEAR(integer_power(base, n), expected, 1e-11 * expected + 1e-300) << base << " ^ " << n;
    }
}

TEST(AdamFactors, ReadsRateAndCounter) {
  const float rate = 0.25F;
  const std::uint64_t count = 3;
  const AdamFactors factors = adam_factors(AdamSettings{&rate, 0.9, 0.999, 1e-8, {&count, 2, 1}});  // t = 7
  EXPECT_FLOAT_EQ(factors.negative_step, static_cast<float>(-0.25 / (1.0 - std::pow(0.9, 7))));
  EXPECT_FLOAT_EQ(factors.correction_root, static_cast<float>(std::sqrt(1.0 - std::pow(0.999, 7))));
  EXPECT_EQ(factors.epsilon, 1e-8F);
}

}  // namespace
}  // namespace atelier
