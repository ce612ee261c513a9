// GANs on pictures as a user trains them: their options, what they leave behind, and what no end can break.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>

#include "models/safetensors.h"
#include "tests/tools/png_pixels.h"
#include "tests/tools/process.h"
#include "tests/tools/training_runs.h"
#include "tools/training_options.h"
#include "tools/usage_error.h"

namespace atelier::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using tools::planned_training;
using tools::resumed_training;
using tools::TrainingOptions;
using tools::UsageError;

/// A gan-v2 of the built-in digits, small enough for seconds: 400 iterations an epoch.
std::vector<std::string> small(const std::string& epochs) {
  return {"gan-v2", "--dataset", "digits", "--limit", "400", "--epochs",
          epochs,   "--seed",    "3",      "--width", "24"};
}

TrainingOptions options_of(const std::string& preset) {
  TrainingOptions options;
  options.preset = preset;
  options.seed = 1;
  return options;
}

TEST(GanOptions, ReachTheRun) {
  TrainingOptions options = options_of("gan-v2");
  options.loss = "mse";
  options.optimizer = "sgd";
  options.learning_rate = 0.25;
  options.generator_learning_rate = 0.5;
  options.beta1 = 0.4;
  options.beta2 = 0.8;
  options.loop = "streamed";
  options.split = "train";
  options.discriminator_steps = 1;
  options.gradient_penalty = 0;
  options.average = 0.99;
  options.batch = 16;
  const TrainingConfig config = planned_training(options);
  EXPECT_EQ(config.loss, "mse");
  EXPECT_EQ(config.optimizer, "sgd");
  EXPECT_EQ(config.learning_rate, 0.25);
  EXPECT_EQ(config.generator_learning_rate, 0.5);
  EXPECT_EQ(config.discriminator_steps, 1);
  EXPECT_EQ(config.gradient_penalty, 0);
  EXPECT_EQ(config.average, 0.99);
  EXPECT_EQ(config.beta1, 0.4);
  EXPECT_EQ(config.beta2, 0.8);
  EXPECT_EQ(config.loop, "streamed");
  EXPECT_EQ(config.split, "train");
  EXPECT_EQ(config.batch, 16);
}

TEST(GanOptions, ShorthandsChangeThePresetsNetworks) {
  const TrainingConfig plain = planned_training(options_of("gan-v2"));
  ASSERT_EQ(plain.generator, "100 linear(500) leaky_relu(0.2) layer_norm linear(pixels) sigmoid");
  ASSERT_EQ(plain.discriminator, "pixels linear(200) leaky_relu(0.01) layer_norm linear(1) sigmoid");
  TrainingOptions options = options_of("gan-v2");
  options.width = 32;
  options.slope = 0.125;
  options.latent = 7;
  const TrainingConfig config = planned_training(options);
  EXPECT_EQ(config.generator, "7 linear(32) leaky_relu(0.125) layer_norm linear(pixels) sigmoid");
  EXPECT_EQ(config.discriminator, "pixels linear(32) leaky_relu(0.125) layer_norm linear(1) sigmoid");
  // And networks that are given, of any depth.
  options.generator = "3 linear(4, no bias) leaky_relu linear(5) tanh linear(pixels) sigmoid";
  options.discriminator = "pixels linear(1) sigmoid";
  const TrainingConfig given = planned_training(options);
  EXPECT_EQ(given.generator,
            "7 linear(32, no bias) leaky_relu(0.125) linear(32) tanh linear(pixels) sigmoid");
  EXPECT_EQ(given.discriminator, "pixels linear(1) sigmoid");
}

TEST(GanOptions, MayBeRepeatedByAResumeButNotContradict) {
  TrainingOptions options = options_of("gan-v2");
  options.width = 32;
  options.loss = "mse";
  const TrainingConfig begun = planned_training(options);
  EXPECT_EQ(resumed_training(options, begun), begun);
  EXPECT_EQ(resumed_training({}, begun), begun);
  TrainingOptions repeated = options_of("gan-v2");
  repeated.generator = begun.generator;
  repeated.loop = "auto";
  EXPECT_EQ(resumed_training(repeated, begun), begun);
  const auto refuses = [&](const auto& change, const std::string& message) {
    TrainingOptions other;
    change(other);
    try {
      (void)resumed_training(other, begun);
      ADD_FAILURE() << "accepted: " << message;
    } catch (const UsageError& error) {
      EXPECT_THAT(error.what(), HasSubstr(message));
    }
  };
  refuses([](auto& other) { other.width = 33; }, "the generator");
  refuses([](auto& other) { other.slope = 0.5; }, "leaky_relu(0.5)");
  refuses([](auto& other) { other.latent = 99; }, "99 linear(32)");
  refuses([](auto& other) { other.discriminator = "pixels linear(1) sigmoid"; }, "the discriminator");
  refuses([](auto& other) { other.loss = "bce"; }, "--loss bce: the run was begun with mse");
  refuses([](auto& other) { other.optimizer = "sgd"; }, "--optimizer sgd");
  refuses([](auto& other) { other.beta1 = 0.5; }, "--beta1 0.5");
  refuses([](auto& other) { other.beta2 = 0.5; }, "--beta2 0.5");
  refuses([](auto& other) { other.generator_learning_rate = 0.5; }, "--generator-learning-rate 0.5");
  refuses([](auto& other) { other.split = "train"; }, "--split train: the run was begun with test");
  refuses([](auto& other) { other.loop = "resident"; }, "--loop resident");
}

TEST(TrainGan, FillsTheRunFolder) {
  const TemporaryFolder folder;
  const Outcome outcome = train(with(small("3"), {"--json", "-q", "--run", folder / "run"}));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(names_in(folder / "run/samples"),
              ElementsAre("grid-00000400.png", "grid-00000800.png", "grid-00001200.png"));
  const Pixels grid = read_pixels(folder / "run/samples/grid-00001200.png");
  EXPECT_EQ(grid.width, 8 * 29 - 1);
  EXPECT_EQ(grid.height, 8 * 29 - 1);
  // A row an epoch.
  EXPECT_EQ(read_pixels(folder / "run/timeline.png").height, 3 * 29 - 1);
  EXPECT_THAT(read_file(folder / "run/metrics.csv"),
              ::testing::StartsWith("iteration,epoch,loss_real,loss_fake,loss_generator,"));
  if (std::system("gnuplot --version > /dev/null 2>&1") == 0) {
    EXPECT_EQ(read_pixels(folder / "run/loss.png").width, 900);
  }
  const auto summary = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(summary.at("iterations"), 1200);
  EXPECT_EQ(summary.at("data"), "digits test");
  // What the device decides is decided once: the record says which loop it is.
  const auto config = nlohmann::json::parse(read_file(folder / "run/config.json")).at("config");
  EXPECT_THAT(config.at("loop"), ::testing::AnyOf("resident", "streamed"));
  EXPECT_EQ(config.at("generator"), "100 linear(24) leaky_relu(0.2) layer_norm linear(pixels) sigmoid");
  EXPECT_EQ(config, summary.at("config"));
  const TensorFile checkpoint = read_safetensors(folder / "run/checkpoint.safetensors");
  EXPECT_EQ(checkpoint.metadata.at("generator_prefix"), "generator.");
  const Outcome again = train(with(small("3"), {"--resume", "--run", folder / "run"}));
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("is finished: 1200 iterations"));
}

TEST(TrainGan, LearnsFromThePartThatIsSaid) {
  const TemporaryFolder folder;
  const std::vector<std::string> words{"gan-v1", "--dataset", "digits", "--limit", "50", "--epochs",
                                       "1",      "--seed",    "1",      "--width", "8"};
  for (const char* split : {"train", "test"}) {
    train_quietly(with(words, {"--split", split, "--run", folder / split}));
    const auto record = nlohmann::json::parse(read_file(folder / (std::string(split) + "/config.json")));
    EXPECT_EQ(record.at(split).at("name"), std::string("digits ") + split);
    EXPECT_EQ(record.at(split).at("count"), 50);
    EXPECT_EQ(record.count(split == std::string("test") ? "train" : "test"), 0U);
  }
  EXPECT_NE(read_file(folder / "train/checkpoint.safetensors"),
            read_file(folder / "test/checkpoint.safetensors"));
}

class BothLoops : public ::testing::TestWithParam<const char*> {
 protected:
  [[nodiscard]] std::vector<std::string> words(const std::string& epochs) const {
    return with(small(epochs), {"--loop", GetParam()});
  }
};

TEST_P(BothLoops, AreTheSameForAnyNumberOfThreads) {
  const TemporaryFolder folder;
  for (const char* threads : {"1", "2", "5"})
    train_quietly(with(words("1"), {"--threads", threads, "--run", folder / threads}));
  expect_same_run(folder / "2", folder / "1");
  expect_same_run(folder / "5", folder / "1");
}

TEST_P(BothLoops, SurviveKills) {
  expect_survives(words("6"), 6, 700, 1);
}

/// Ctrl-C, twice in one run: the checkpoint is of the moment, and nothing of the run changes.
TEST_P(BothLoops, StopAtASignalAndGoOn) {
  const TemporaryFolder folder;
  train_quietly(with(words("12"), {"--run", folder / "whole"}));
  const std::vector<std::string> resumed =
      with(with({"train"}, words("12")), {"--device", "cpu", "--resume", "--run", folder / "run"});
  for (const int signal : {SIGINT, SIGTERM}) {
    Process process(atelier_program(), resumed, {});
    for (int i = 0; i < 4000 && !std::filesystem::exists(folder / "run/config.json"); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    process.send(signal);
    const Outcome outcome = process.wait();
    // On a quick machine the run has come to its end, on a slow one signals were not watched for yet.
    if (outcome.code == 0) break;
    if (outcome.signal == signal) continue;
    ASSERT_EQ(outcome.code, 1) << outcome.err << outcome.signal;
    EXPECT_THAT(outcome.err, HasSubstr("interrupted"));
  }
  train_quietly(with(words("12"), {"--resume", "--run", folder / "run"}));
  expect_same_run(folder / "run", folder / "whole");
}

/// The timeline grows the checkpoint by a row an epoch: room for all but the last.
TEST_P(BothLoops, FullDiskIsOneLineAndNothingIsLost) {
  const TemporaryFolder folder;
  train_quietly(with(words("3"), {"--run", folder / "whole"}));
  const auto room =
      static_cast<std::uint64_t>(std::filesystem::file_size(folder / "whole/checkpoint.safetensors")) - 1;
  const Outcome outcome = train(with(words("3"), {"-q", "--run", folder / "run"}), {.largest_file = room});
  expect_refusal(outcome, 1, "checkpoint.safetensors");
  EXPECT_THAT(outcome.err, HasSubstr("the run stands at iteration 1"));  // 1100: the last but one
  train_quietly(with(words("3"), {"--resume", "--run", folder / "run"}));
  expect_same_run(folder / "run", folder / "whole");
}

INSTANTIATE_TEST_SUITE_P(Loops, BothLoops, ::testing::Values("streamed", "resident"),
                         [](const auto& instance) { return std::string(instance.param); });

/// What the notebooks train, killed at fifty moments in each loop.
class LongTrainGan : public ::testing::TestWithParam<const char*> {};
TEST_P(LongTrainGan, SurvivesFiftyKills) {
  expect_survives({"gan-v2", "--dataset", "digits", "--limit", "6000", "--epochs", "2", "--seed", "1",
                   "--loop", GetParam()},
                  50, 1200, 7);
}
INSTANTIATE_TEST_SUITE_P(Loops, LongTrainGan, ::testing::Values("streamed", "resident"),
                         [](const auto& instance) { return std::string(instance.param); });

TEST(TrainGan, WarnsOfCollapseAndStopsWhereItIsAsked) {
  const TemporaryFolder folder;
  const std::vector<std::string> words{"gan-v1", "--dataset", "digits", "--limit", "7500", "--epochs",
                                       "1",      "--seed",    "1",      "--width", "40"};
  const Outcome warned = train(with(words, {"--run", folder / "warned"}));
  ASSERT_EQ(warned.code, 0) << warned.err;
  EXPECT_THAT(warned.err, HasSubstr("the generator collapses"));
  const auto summary = nlohmann::json::parse(read_file(folder / "warned/summary.json"));
  ASSERT_GE(summary.at("warnings").size(), 1U);
  EXPECT_THAT(summary.at("warnings")[0].get<std::string>(), HasSubstr("variance"));
  // Quiet is quiet.
  EXPECT_EQ(train(with(words, {"-q", "--run", folder / "quiet"})).err, "");

  const Outcome stopped = train(with(words, {"-q", "--on-collapse", "stop", "--run", folder / "stopped"}));
  expect_refusal(stopped, 1, "stopped at iteration ");
  EXPECT_THAT(stopped.err, HasSubstr("the generator collapses: its pictures are all alike"));
  EXPECT_THAT(stopped.err, HasSubstr("to go on all the same: atelier train --resume --run "));
  EXPECT_FALSE(std::filesystem::exists(folder / "stopped/summary.json"));
  train_quietly(with(words, {"--resume", "--run", folder / "stopped"}));
  expect_same_run(folder / "stopped", folder / "warned");
}

struct GanMisuse {
  const char* name;
  std::vector<std::string> words;
  const char* message;
};
void PrintTo(const GanMisuse& misuse, std::ostream* stream) {
  *stream << misuse.name;
}
class GanTrainedWrongly : public ::testing::TestWithParam<GanMisuse> {};
TEST_P(GanTrainedWrongly, SaysSoInOneLineAndLeavesNothing) {
  const TemporaryFolder folder;
  const Outcome outcome = train(GetParam().words, {.folder = folder.path()});
  expect_refusal(outcome, 2, GetParam().message);
  EXPECT_THAT(folder.names(), ::testing::IsEmpty());
}
INSTANTIATE_TEST_SUITE_P(
    Cases, GanTrainedWrongly,
    ::testing::Values(
        GanMisuse{"loss", {"gan-v2", "--loss", "hinge"}, "bce, bce-logits or mse"},
        GanMisuse{"loss_without_its_network", {"gan-v2", "--loss", "bce-logits"}, "sigmoid"},
        GanMisuse{"optimizer", {"gan-v2", "--optimizer", "rmsprop"}, "sgd or adam"},
        GanMisuse{"beta1", {"gan-v2", "--beta1", "1"}, "beta1"},
        GanMisuse{"beta2", {"gan-v2", "--beta2", "-0.1"}, "beta2"},
        GanMisuse{"beta_nan", {"gan-v2", "--beta2", "nan"}, "--beta2 'nan'"},
        GanMisuse{"rate", {"gan-v2", "--generator-learning-rate", "-1"}, "learning rate"},
        GanMisuse{"loop", {"gan-v2", "--loop", "spiral"}, "spiral"},
        GanMisuse{"split", {"gan-v2", "--split", "both"}, "train or test"},
        GanMisuse{"width_0", {"gan-v2", "--width", "0"}, "--width '0'"},
        GanMisuse{"width_huge", {"gan-v2", "--width", "1048577"}, "1048577"},
        GanMisuse{"slope", {"gan-v2", "--slope", "steep"}, "--slope 'steep'"},
        GanMisuse{"generator", {"gan-v2", "--generator", "100 linaer(pixels)"}, "linaer"},
        GanMisuse{"generator_outputs", {"gan-v2", "--generator", "100 linear(10) sigmoid"}, "10 outputs"},
        GanMisuse{"discriminator_empty", {"gan-v2", "--discriminator", ""}, "discriminator"},
        GanMisuse{"on_collapse", {"gan-v2", "--on-collapse", "cry"}, "--on-collapse"},
        GanMisuse{"loss_of_a_classifier", {"classifier", "--loss", "bce"}, "loss"},
        GanMisuse{"width_of_a_classifier", {"classifier", "--width", "3"}, "--width: classifier is no GAN"},
        GanMisuse{"beta_of_a_classifier", {"classifier-book", "--beta1", "0.5"}, "beta"}),
    [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace atelier::testing
