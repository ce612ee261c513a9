// Losses at single points: PyTorch's values, saturation, all magnitudes, NaN and infinity.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>

#include "kernels/loss.h"
#include "runtime/buffer.h"
#include "tests/devices.h"
#include "tests/kernels/every_instruction_set.h"
#include "tests/kernels/loss_operands.h"
#include "tests/kernels/loss_reference.h"

namespace atelier {
namespace {

using testing::kEveryLoss;
using testing::Loss;
using testing::loss_name;
using testing::LossOperands;
using testing::reference_loss;
using testing::WorstError;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

class LossValues : public testing::EveryInstructionSet {};

// torch.nn.Sigmoid and BCELoss, BCEWithLogitsLoss, PyTorch 2.15 on cpu, element by element.
struct Known {
  float logit;
  float target;
  float loss;
  float gradient;
  float loss_of_logits;
  float gradient_of_logits;
};
constexpr Known kKnown[] = {
    {0.5F, 1.0F, 0.474076957F, -0.377540648F, 0.474076986F, -0.377540648F},
    {-1.25F, 0.9F, 1.37692893F, -0.677299857F, 1.37692904F, -0.677299857F},
    {3.0F, 0.0F, 3.04858756F, 0.952574074F, 3.04858732F, 0.952574134F},
    {20.0F, 1.0F, 0.0F, 0.0F, 2.06115369e-09F, 0.0F},
    {20.0F, 0.0F, 100.0F, 0.0F, 20.0F, 1.0F},
    {20.0F, 0.9F, 10.0000019F, 0.0F, 2.00000048F, 0.100000024F},
    {-20.0F, 1.0F, 20.0F, -1.0F, 20.0F, -1.0F},
    {-20.0F, 0.0F, 2.06115369e-09F, 2.06115369e-09F, 0.0F, 2.06115369e-09F},
    {100.0F, 1.0F, 0.0F, 0.0F, 3.9236357e-44F, 0.0F},
    {100.0F, 0.0F, 100.0F, 0.0F, 100.0F, 1.0F},
    {-100.0F, 1.0F, 100.0F, 0.0F, 100.0F, -1.0F},
    {-100.0F, 0.9F, 90.0F, 0.0F, 90.0F, -0.899999976F},
    {-100.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.0F},
    {-200.0F, 1.0F, 100.0F, 0.0F, 200.0F, -1.0F},
    {16.5F, 0.0F, 15.9423847F, 0.999999881F, 16.5F, 0.999999881F},
    {17.5F, 0.0F, 100.0F, 0.0F, 17.5F, 1.0F},
    {-88.0F, 1.0F, 88.0F, -6.05460143e-27F, 88.0F, -1.0F},
    {-87.5F, 1.0F, 87.5F, -9.98235144e-27F, 87.5F, -1.0F},
    {-50.0F, 1.0F, 50.0F, -1.92874994e-10F, 50.0F, -1.0F},
};

TEST_P(LossValues, LogitsAsPyTorchAndSaturation) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const Known& known : kKnown) {
      SCOPED_TRACE("logit " + std::to_string(known.logit) + ", target " + std::to_string(known.target));
      for (const bool through_sigmoid : {true, false})
        for (const std::int64_t copies : {1, 37}) {
          LossOperands operands(stream, {.loss = through_sigmoid ? Loss::sigmoid_bce : Loss::bce_with_logits,
                                         .batch = copies,
                                         .width = 1});
          for (std::int64_t i = 0; i < copies; ++i) {
            operands.input[i] = known.logit;
            operands.target[i] = known.target;
          }
          operands.up(stream);
          operands.run(stream);
          const float loss = through_sigmoid ? known.loss : known.loss_of_logits;
          const float gradient = through_sigmoid ? known.gradient : known.gradient_of_logits;
          // Of logits PyTorch's loss cancels to 0 at -20 and its gradient at 20: the true values are 2e-9.
          EXPECT_NEAR(download<float>(stream, operands.loss.view())[0], loss,
                      1e-6F * loss + (through_sigmoid ? 0.0F : 3e-9F));
          operands.gradient.fetch(stream);
          const float got = operands.gradient[copies - 1] * static_cast<float>(copies);
          EXPECT_NEAR(got, gradient, through_sigmoid ? 1e-6F * std::fabs(gradient) : 1.3e-7F);
          if (through_sigmoid && gradient == 0.0F) {
            EXPECT_EQ(got, 0.0F);
          }
        }
    }
  });
}

// BCELoss on given probabilities, PyTorch 2.15 on cpu: {probability, target, loss, gradient}.
TEST_P(LossValues, ProbabilitiesAsPyTorch) {
  constexpr float kCases[][4] = {
      {0.0F, 1.0F, 100.0F, -999999996000.0F},        {0.0F, 0.0F, 0.0F, 0.0F},
      {0.0F, 0.3F, 30.0000019F, -300000018000.0F},   {1.0F, 1.0F, 0.0F, 0.0F},
      {1.0F, 0.0F, 100.0F, 999999996000.0F},         {1.0F, 0.3F, 70.0F, 699999977000.0F},
      {0.25F, 0.0F, 0.287682056F, 1.33333337F},      {1e-7F, 1.0F, 16.1180954F, -10000000.0F},
      {1e-7F, 0.0F, 1.00000008e-07F, 1.00000012F},   {0.9999999F, 1.0F, 1.1920929e-07F, -1.00000012F},
      {0.9999999F, 0.0F, 15.9423847F, 8388608.0F},   {1e-13F, 1.0F, 29.9336071F, -999999996000.0F},
      {1e-13F, 0.0F, 9.99999982e-14F, 0.100000001F}, {0.6F, 0.3F, 0.794651151F, 1.25000012F}};
  for_each_set([&] {
    Stream stream(GetParam());
    for (const auto& [p, t, loss, gradient] : kCases) {
      SCOPED_TRACE("probability " + std::to_string(p) + ", target " + std::to_string(t));
      LossOperands operands(stream, {.loss = Loss::bce, .one_target = true, .constant = t});
      operands.input[0] = p;
      operands.up(stream);
      operands.run(stream);
      EXPECT_NEAR(download<float>(stream, operands.loss.view())[0], loss, 2e-6F * loss);
      operands.gradient.fetch(stream);
      EXPECT_NEAR(operands.gradient[0], gradient, 1e-6F * std::fabs(gradient));
    }
    LossOperands operands(stream, {.loss = Loss::mse, .batch = 4, .width = 1});
    constexpr float kOutputs[] = {0.1F, 0.9F, -2.0F, 5.0F};
    constexpr float kTargets[] = {0.0F, 1.0F, 0.5F, -1.0F};
    constexpr float kGradients[] = {0.0500000007F, -0.0500000119F, -1.25F, 3.0F};
    for (std::int64_t i = 0; i < 4; ++i) operands.input[i] = kOutputs[i], operands.target[i] = kTargets[i];
    operands.up(stream);
    operands.run(stream);
    EXPECT_FLOAT_EQ(download<float>(stream, operands.loss.view())[0], 10.5675001F);
    operands.gradient.fetch(stream);
    for (std::int64_t i = 0; i < 4; ++i) EXPECT_FLOAT_EQ(operands.gradient[i], kGradients[i]);
  });
}

// The logarithms to the last bits over all magnitudes: losses of one element.
TEST_P(LossValues, LogarithmsOverAllMagnitudes) {
  for_each_set([&] {
    Stream stream(GetParam());
    WorstError worst;
    std::mt19937 generator(3);
    for (int i = 0; i < (slow() ? 300 : 2000); ++i) {
      const float p = std::ldexp(1.0F + static_cast<float>(generator() >> 9) * 0x1p-23F,
                                 -1 - static_cast<int>(generator() % 148));
      for (const float t : {0.0F, 1.0F}) {
        LossOperands operands(stream, {.loss = Loss::bce, .one_target = true, .constant = t});
        operands.input[0] = p;
        operands.up(stream);
        operands.run(stream, true, false);
        const double exact = reference_loss(Loss::bce, p, t);
        const double got = download<float>(stream, operands.loss.view())[0];
        worst.add(std::fabs(got - exact) / (exact + 1e-37));
      }
    }
    EXPECT_LE(worst.value(), 2.5e-7);
  });
}

TEST_P(LossValues, NanPropagates) {
  for_each_set([&] {
    Stream stream(GetParam());
    for (const Loss loss : kEveryLoss)
      for (const bool in_target : {false, true})
        for (const std::int64_t size : {3, 100, 50'000}) {
          SCOPED_TRACE(loss_name(loss) + (in_target ? ", target" : ", input"));
          LossOperands operands(stream, {.loss = loss, .batch = size, .width = 1});
          operands.target[size - 2] = size == 3 ? 0.0F : 1.0F;
          (in_target ? operands.target : operands.input)[size - 2] = kNan;
          operands.up(stream);
          operands.run(stream);
          EXPECT_TRUE(std::isnan(download<float>(stream, operands.loss.view())[0]));
          operands.gradient.fetch(stream);
          std::int64_t wrong = 0;
          for (std::int64_t i = 0; i < size; ++i)
            wrong += std::isnan(operands.gradient[i]) != (i == size - 2);
          EXPECT_EQ(wrong, 0);
        }
    // No probability: NaN, not a number that looks right. An infinite sum stays one.
    for (const float p : {-0.5F, 1.5F}) {
      LossOperands operands(stream, {.loss = Loss::bce, .one_target = true, .constant = 0.5F});
      operands.input[0] = p;
      operands.up(stream);
      operands.run(stream);
      EXPECT_TRUE(std::isnan(download<float>(stream, operands.loss.view())[0]));
    }
    LossOperands operands(stream, {.loss = Loss::mse, .batch = 50'000, .width = 1});
    operands.input[4] = kInfinity;
    operands.up(stream);
    operands.run(stream);
    EXPECT_EQ(download<float>(stream, operands.loss.view())[0], kInfinity);
  });
}

INSTANTIATE_TEST_SUITE_P(Devices, LossValues, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

}  // namespace
}  // namespace atelier
