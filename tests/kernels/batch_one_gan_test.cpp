#include "kernels/batch_one_gan.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "runtime/buffer.h"
#include "runtime/error.h"
#include "runtime/graph.h"
#include "runtime/parallel.h"
#include "tests/devices.h"
#include "tests/kernels/batch_one_gan_operands.h"
#include "tests/kernels/every_instruction_set.h"
#if defined(ATELIER_WITH_SIMT)
#include "runtime/simt/options.h"
#endif

namespace atelier {
namespace {

using testing::GanKind;
using testing::GanOnDevice;
using testing::NetworkKind;
using testing::WorstError;

constexpr NetworkKind kV1{{Activation::sigmoid}, false, false};
constexpr NetworkKind kV2{{Activation::leaky_relu, 0.2F}, true, true};

// On simt few blocks, of several units each: every block costs time. Tests that are about blocks set their
// own.
class BatchOneGanOnDevice : public testing::EveryInstructionSet {
 protected:
#if defined(ATELIER_WITH_SIMT)
  static simt::Options with_blocks(int blocks) {
    simt::Options options = simt::options();
    options.multiprocessors = blocks;
    return options;
  }
  simt::OptionsOverride few_blocks_{with_blocks(5)};
#endif

  struct Tolerance {
    double loss = 5e-6;  // relative
    double parameter = 2e-6;
    double moment = 2e-5;  // relative to the largest
  };

  void expect_reference(const GanKind& kind, std::uint64_t first, std::int64_t iterations, bool ordered,
                        bool given_noise, const Tolerance& tolerance) {
    for_each_set([&] {
      Stream stream(GetParam());
      GanOnDevice gan(stream, kind);
      gan.ordered = ordered;
      gan.given_noise = given_noise;
      ASSERT_EQ(batch_one_gan_obstacle(stream.device(), gan.gan()), "");
      auto reference = gan.reference();
      const std::vector<float> losses = gan.train(first, iterations);
      WorstError loss_error;
      WorstError parameter_error;
      WorstError moment_error;
      moment_error.add(0.0);  // plain SGD has none
      for (std::int64_t i = 0; i < iterations; ++i) {
        const std::uint64_t t = first + static_cast<std::uint64_t>(i);
        const auto expected =
            reference.iterate(static_cast<double>(t), gan.picture(t), gan.noise(testing::kFakeNoise, t),
                              gan.noise(testing::kGeneratorNoise, t));
        for (std::size_t k = 0; k < 3; ++k)
          loss_error.add(
              std::fabs(static_cast<double>(losses[3 * static_cast<std::size_t>(i) + k]) - expected[k]) /
              expected[k]);
      }
      gan.d().compare(reference.d, parameter_error, moment_error);
      gan.g().compare(reference.g, parameter_error, moment_error);
      EXPECT_LE(loss_error.value(), tolerance.loss);
      EXPECT_LE(parameter_error.value(), tolerance.parameter);
      EXPECT_LE(moment_error.value(), tolerance.moment);
      EXPECT_EQ(gan.d().damaged_gaps(), 0);
      EXPECT_EQ(gan.g().damaged_gaps(), 0);
    });
  }
};

TEST_P(BatchOneGanOnDevice, TheArticlesFirstGan) {
  expect_reference({5, 17, 33, 9, kV1, kV1, AdversarialLoss::bce}, 0, 12, false, false, {});
}

TEST_P(BatchOneGanOnDevice, TheArticlesSecondGan) {
  expect_reference({5, 17, 33, 9, kV2, kV2, AdversarialLoss::bce}, 0, 12, false, false, {});
}

TEST_P(BatchOneGanOnDevice, NormalizationWithoutAdamAndAdamWithout) {
  const NetworkKind normalized{{Activation::tanh}, true, false};
  const NetworkKind plain{{Activation::relu}, false, true};
  expect_reference({4, 21, 40, 12, normalized, plain, AdversarialLoss::bce_with_logits}, 0, 10, true, false,
                   {});
  expect_reference({4, 21, 40, 12, plain, normalized, AdversarialLoss::mse}, 0, 10, true, false, {});
}

TEST_P(BatchOneGanOnDevice, EveryActivationInBothNetworks) {
  for (const Activation kind :
       {Activation::relu, Activation::leaky_relu, Activation::sigmoid, Activation::tanh})
    for (const bool normalized : {false, true}) {
      SCOPED_TRACE(std::string(activation_name(kind)) + (normalized ? ", normalized" : ""));
      const NetworkKind network{{kind, 0.1F}, normalized, true};
      expect_reference({3, 8, 12, 6, network, network, AdversarialLoss::mse}, 0, 4, false, true, {});
    }
}

TEST_P(BatchOneGanOnDevice, OddWidths) {
  const std::vector<std::vector<std::int64_t>> widths{{1, 1, 1, 1},   {3, 1, 17, 33},   {17, 33, 3, 1},
                                                      {1, 100, 5, 3}, {33, 3, 100, 17}, {2, 65, 129, 64}};
  for (const auto& width : widths)
    for (const NetworkKind& network : {kV1, NetworkKind{{Activation::leaky_relu, 0.01F}, true, true}}) {
      SCOPED_TRACE(::testing::PrintToString(width) + (network.adam ? " Adam" : " SGD"));
      // Without normalisation where a single feature would make it constant.
      NetworkKind d = network;
      NetworkKind g = network;
      d.normalized = network.normalized && width[3] > 1;
      g.normalized = network.normalized && width[1] > 1;
      expect_reference({width[0], width[1], width[2], width[3], d, g, AdversarialLoss::bce}, 3, 5, true,
                       false, {});
    }
}

// A beta1 below 1/2: the moment then starts from the gradient.
TEST_P(BatchOneGanOnDevice, ShortMemory) {
  NetworkKind network = kV2;
  network.beta1 = 0.3;
  network.beta2 = 0.9;
  expect_reference({5, 17, 33, 9, network, network, AdversarialLoss::bce_with_logits}, 0, 6, false, false,
                   {});
}

// Steps late in training: corrections close to 1, noise far into its stream.
TEST_P(BatchOneGanOnDevice, FarIntoTraining) {
  expect_reference({5, 17, 33, 9, kV1, kV2, AdversarialLoss::bce}, 60'000'000'019ULL, 6, true, false, {});
}

// The articles' widths, where every share of every block counts.
TEST_P(BatchOneGanOnDevice, TheArticlesWidths) {
#if defined(ATELIER_WITH_SIMT)
  const simt::OptionsOverride scope(with_blocks(132));
#endif
  expect_reference({100, 500, 784, 200, kV2, kV2, AdversarialLoss::bce}, 0, 3, false, false,
                   {5e-6, 2e-6, 2e-5});
}

TEST_P(BatchOneGanOnDevice, CutsDoNotMatter) {
  for_each_set([&] {
    for (const NetworkKind& network : {kV1, kV2}) {
      Stream stream(GetParam());
      const GanKind kind{6, 19, 35, 10, network, network, AdversarialLoss::bce};
      GanOnDevice whole(stream, kind);
      GanOnDevice cut(stream, kind);
      const std::vector<float> expected = whole.train(5, 9);
      std::vector<float> got;
      std::uint64_t first = 5;
      for (const std::int64_t iterations : {1, 3, 0, 2, 2, 1}) {
        const std::vector<float> losses = cut.train(first, iterations);
        got.insert(got.end(), losses.begin(), losses.end());
        first += static_cast<std::uint64_t>(iterations);
      }
      EXPECT_EQ(got, expected);
      EXPECT_EQ(cut.contents(), whole.contents());
    }
  });
}

TEST_P(BatchOneGanOnDevice, ThreadsDoNotMatter) {
  if (GetParam().kind() != DeviceKind::cpu) GTEST_SKIP() << "threads of the host are the cpu device's";
  for_each_set([&] {
    const int before = cpu_threads();
    std::vector<float> expected;
    for (const int threads : {1, 2, 3}) {
      set_cpu_threads(threads);
      Stream stream(GetParam());
      GanOnDevice gan(stream, {20, 70, 111, 37, kV2, kV2, AdversarialLoss::bce});
      gan.train(0, 8);
      if (threads == 1) expected = gan.contents();
      EXPECT_EQ(gan.contents(), expected) << threads << " threads";
    }
    set_cpu_threads(before);
  });
}

#if defined(ATELIER_WITH_SIMT)
TEST_P(BatchOneGanOnDevice, BlocksDoNotMatter) {
  if (GetParam().kind() != DeviceKind::simt) GTEST_SKIP() << "the GPU's multiprocessors are what they are";
  for (const NetworkKind& network : {kV1, kV2}) {
    std::vector<float> expected;
    for (const int blocks : {1, 2, 3, 7, 20, 132}) {
      const simt::OptionsOverride scope(with_blocks(blocks));
      Stream stream(GetParam());
      GanOnDevice gan(stream, {10, 29, 70, 13, network, network, AdversarialLoss::bce});
      gan.train(0, 3);
      if (blocks == 1) expected = gan.contents();
      EXPECT_EQ(gan.contents(), expected) << blocks << " blocks";
    }
  }
}

TEST_P(BatchOneGanOnDevice, NetworksThatDoNotFitAreNamed) {
  if (GetParam().kind() != DeviceKind::simt) GTEST_SKIP() << "sizes are an H200's";
  const simt::OptionsOverride scope(with_blocks(132));
  Stream stream(GetParam());
  const GanOnDevice wide(stream, {100, 1500, 784, 900, kV2, kV2, AdversarialLoss::bce});
  EXPECT_EQ(batch_one_gan_obstacle(GetParam(), wide.gan()),
            "the networks and their moments need 476 KiB on each of 131 multiprocessors, which have 227 KiB");
  BatchOneGan small = GanOnDevice(stream, {}).gan();
  small.generator.epsilon = 0.0;
  EXPECT_EQ(batch_one_gan_obstacle(GetParam(), small),
            "G: Adam's epsilon is below 1e-12, the least that this kernel divides by");
}
#endif

TEST_P(BatchOneGanOnDevice, AGraphRepeatsIt) {
  Stream stream(GetParam());
  GanOnDevice twice(stream, {});
  GanOnDevice captured(stream, {});
  twice.train(twice.training(2, 3));
  twice.train(twice.training(2, 3));
  const Buffer<float> scratch(stream, batch_one_gan_scratch(stream.device(), captured.gan()));
  stream.begin_capture();
  train_batch_one_gan(stream, captured.gan(), captured.training(2, 3), scratch.view());
  Graph graph = stream.end_capture();
  graph.launch(stream);
  graph.launch(stream);
  EXPECT_EQ(captured.contents(), twice.contents());
}

TEST_P(BatchOneGanOnDevice, NanShowsInTheLosses) {
  for_each_set([&] {
    Stream stream(GetParam());
    GanOnDevice gan(stream, {5, 17, 33, 9, kV2, kV2, AdversarialLoss::bce});
    gan.g().set(4, std::nanf(""));
    const std::vector<float> losses = gan.train(0, 2);
    EXPECT_FALSE(std::isnan(losses[0]));  // the first picture
    for (std::size_t i = 1; i < losses.size(); ++i) EXPECT_TRUE(std::isnan(losses[i])) << i;
  });
}

void expect_refusal(Stream& stream, const BatchOneGan& gan, const BatchOneGanTraining& training,
                    const std::string& words, std::int64_t scratch_size = -1) {
  SCOPED_TRACE(words);
  const Buffer<float> scratch(stream, 1 << 16);
  try {
    train_batch_one_gan(stream, gan, training,
                        scratch.view().part(0, scratch_size < 0 ? scratch.size() : scratch_size));
    ADD_FAILURE() << "not refused";
  } catch (const InvalidArgument& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find(words), std::string::npos) << message;
    EXPECT_EQ(message.rfind("train_batch_one_gan on " + stream.device().name(), 0), 0U) << message;
  }
}

TEST_P(BatchOneGanOnDevice, RefusesNetworksThatDoNotFitTogether) {
  Stream stream(GetParam());
  GanOnDevice whole(stream, {});
  const BatchOneGanTraining training = whole.training(0, 2);
  const auto refuse = [&](const std::string& words, const std::function<void(BatchOneGan&)>& change) {
    BatchOneGan gan = whole.gan();
    change(gan);
    expect_refusal(stream, gan, training, words);
  };
  refuse("discriminator.hidden_bias has 8 elements; 9",
         [](auto& gan) { --gan.discriminator.hidden_bias.size; });
  refuse("generator.gamma has 0 elements; 17", [](auto& gan) { gan.generator.gamma = {}; });
  refuse("generator.output_bias has 32", [](auto& gan) { --gan.generator.output_bias.size; });
  refuse("generator.output_weight is [33, 16]", [](auto& gan) { --gan.generator.output_weight.columns; });
  refuse("the generator makes 32 pixels and the discriminator takes 33", [](auto& gan) {
    --gan.generator.output_weight.rows;
    --gan.generator.output_bias.size;
  });
  refuse("discriminator.beta does not lie in discriminator.parameters",
         [](auto& gan) { gan.discriminator.beta.data = gan.generator.beta.data; });
  refuse("generator.second_moment has", [](auto& gan) { gan.generator.second_moment = {}; });
  refuse("generator.beta2 is 1", [](auto& gan) { gan.generator.beta2 = 1.0; });
  refuse("discriminator.epsilon is nan", [](auto& gan) { gan.discriminator.epsilon = std::nan(""); });
  refuse("discriminator.learning_rate is null", [](auto& gan) { gan.discriminator.learning_rate = nullptr; });
  refuse("generator.normalization_epsilon is -1",
         [](auto& gan) { gan.generator.normalization_epsilon = -1; });
  refuse("G's activation is gelu; relu, leaky_relu, sigmoid and tanh are possible",
         [](auto& gan) { gan.generator.activation.kind = Activation::gelu; });
  refuse("D's leaky_relu has slope -0.5", [](auto& gan) {
    gan.discriminator.activation = {Activation::leaky_relu, -0.5F};
  });
}

TEST_P(BatchOneGanOnDevice, RefusesInputsThatDoNotFit) {
  Stream stream(GetParam());
  GanOnDevice whole(stream, {});
  const BatchOneGan gan = whole.gan();
  const auto refuse = [&](const std::string& words, const std::function<void(BatchOneGanTraining&)>& change) {
    BatchOneGanTraining training = whole.training(0, 2);
    change(training);
    expect_refusal(stream, gan, training, words);
  };
  const Buffer<float> room(stream, 64);
  refuse("iterations is -1", [](auto& training) { training.iterations = -1; });
  refuse("first_iteration is 2199023255552", [](auto& training) { training.first_iteration = 1ULL << 41; });
  refuse("pictures is [0, 33]", [](auto& training) { training.pictures.rows = 0; });
  refuse("pictures is [7, 32]", [](auto& training) { --training.pictures.columns; });
  refuse("both or none", [&](auto& training) { training.given_fake_noise = {room.data(), 2, 5, 5}; });
  refuse("given_generator_noise is [1, 5]", [&](auto& training) {
    training.given_fake_noise = {room.data(), 2, 5, 5};
    training.given_generator_noise = {room.data(), 1, 5, 5};
  });
  refuse("losses is [3, 3]; [2, 3]", [&](auto& training) { training.losses = {room.data(), 3, 3, 3}; });
  const std::int64_t needed = batch_one_gan_scratch(stream.device(), gan);
  if (needed > 0) expect_refusal(stream, gan, whole.training(0, 2), "scratch has", needed - 1);
}

INSTANTIATE_TEST_SUITE_P(Devices, BatchOneGanOnDevice, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

}  // namespace
}  // namespace atelier
