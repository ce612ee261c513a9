// Part II: the 1010 presets, one network at a time and as a fleet.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <string>
#include <variant>
#include <vector>

#include "kernels/small_gan.h"
#include "models/learner.h"
#include "models/pattern1010_sweep.h"
#include "runtime/buffer.h"
#include "runtime/error.h"
#include "runtime/instruction_set.h"
#include "tests/devices.h"
#include "tests/models/golden_files.h"

namespace atelier {
namespace {

using testing::WorstError;

TrainingConfig configuration(const std::string& preset, std::uint64_t seed, std::int64_t iterations) {
  TrainingConfig config;
  config.preset = preset;
  config.seed = seed;
  config.iterations = iterations;
  return resolve_training(config);
}

std::unique_ptr<Learner> learner(Stream& stream, const TrainingConfig& config) {
  return make_learner(stream, config, DataSet{}, DataSet{});
}

const SummaryEntry& entry_of(const std::vector<SummaryEntry>& summary, const std::string& start) {
  const auto found = std::find_if(summary.begin(), summary.end(),
                                  [&](const SummaryEntry& entry) { return entry.name.starts_with(start); });
  if (found == summary.end()) throw std::out_of_range("no " + start);
  return *found;
}

// D's and G's weights of a checkpoint or golden file, in the order of a fleet's rows.
std::vector<float> weights_of(const TensorFile& file, const std::string& prefix = {}) {
  std::vector<float> all;
  for (const char* name : {"D.0.weight", "D.2.weight", "G.0.weight", "G.2.weight"}) {
    const std::vector<float> part = file.tensors.at(prefix + name).to_float();
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

void expect_same(const TensorFile& got, const TensorFile& expected) {
  EXPECT_EQ(got.metadata, expected.metadata);
  ASSERT_EQ(got.tensors.size(), expected.tensors.size());
  for (const auto& [name, tensor] : expected.tensors)
    EXPECT_EQ(got.tensors.at(name).bytes, tensor.bytes) << name;
}

class Pattern1010 : public ::testing::TestWithParam<Device> {};

// PyTorch's own thousand iterations, by the fleet's kernel.
TEST_P(Pattern1010, FleetRepeatsPyTorch) {
  const auto path = testing::golden_file("pattern1010_seed300.safetensors");
  if (!path) GTEST_SKIP() << "golden file pattern1010_seed300.safetensors is not here";
  const TensorFile golden = read_safetensors(*path);
  const std::vector<double> losses = golden.tensors.at("losses").to_double();
  const std::vector<float> after = weights_of(golden, "after.");
  Stream stream(GetParam());
  const auto repeat = [&] {
    constexpr std::int64_t kIterations = 1000;
    const auto rows = [&](const char* name) {
      const std::vector<float> values = golden.tensors.at(name).to_float();
      Buffer<float> buffer(stream, 4 * kIterations);
      upload<float>(stream, buffer.view(), values);
      return buffer;
    };
    const Buffer<float> real = rows("real");
    const Buffer<float> z1 = rows("z_discriminator");
    const Buffer<float> z2 = rows("z_generator");
    const Buffer<float> weights(stream, kSmallGanWeights);
    const Buffer<float> records(stream, kIterations * kSmallGanLosses);
    upload<float>(stream, weights.view(), weights_of(golden));
    SmallGanTraining training;
    training.iterations = kIterations;
    training.inputs = {real.matrix(kIterations, 4), z1.matrix(kIterations, 4), z2.matrix(kIterations, 4)};
    training.records = {records.matrix(kIterations, kSmallGanLosses), 0, 1, 1};
    train_small_gans(stream, weights.matrix(kSmallGanWeights, 1), {}, training);

    const std::vector<float> recorded = download<float>(stream, records.view());
    WorstError worst_loss;
    for (std::size_t t = 0; t < kIterations; ++t)
      for (std::size_t kind = 0; kind < 3; ++kind) {
        const double expected = losses.at(3 * t + kind);
        worst_loss.add(std::fabs(recorded[kSmallGanLosses * t + kind] - expected) / expected);
      }
    EXPECT_LE(worst_loss.value(), 1e-5);
    const std::vector<float> got = download<float>(stream, weights.view());
    WorstError worst_weight;
    for (std::size_t i = 0; i < got.size(); ++i)
      worst_weight.add(std::fabs(static_cast<double>(got[i]) - static_cast<double>(after[i])));
    EXPECT_LE(worst_weight.value(), 1e-6);
  };
  if (GetParam().kind() != DeviceKind::cpu) {
    repeat();
    return;
  }
  const InstructionSet chosen = instruction_set();
  for (const InstructionSet set : instruction_sets_present()) {
    SCOPED_TRACE(std::string(instruction_set_name(set)));
    set_instruction_set(set);
    repeat();
  }
  set_instruction_set(chosen);
}

// The golden file's start is torch.manual_seed(300), D before G.
TEST_P(Pattern1010, TorchSeedGivesPyTorchsStart) {
  const auto path = testing::golden_file("pattern1010_seed300.safetensors");
  if (!path) GTEST_SKIP() << "golden file pattern1010_seed300.safetensors is not here";
  Stream stream(GetParam());
  TrainingConfig config;
  config.preset = "pattern1010-gan";
  config.torch_seed = 300;
  const auto run = learner(stream, resolve_training(config));
  EXPECT_EQ(weights_of(run->checkpoint()), weights_of(read_safetensors(*path)));
}

// Both start with Network's weights and draw the same numbers; only the order of roundings differs.
TEST_P(Pattern1010, FleetEqualsTheLearner) {
  Stream stream(GetParam());
  const std::int64_t iterations = GetParam().kind() == DeviceKind::simt ? 60 : 400;
  for (const std::uint64_t seed : {0ULL, 1ULL, 0x1'0000'0007ULL}) {
    const auto run = learner(stream, configuration("pattern1010-gan", seed, iterations));
    Buffer<std::uint64_t> seeds(stream, 1);
    upload<std::uint64_t>(stream, seeds.view(), std::vector<std::uint64_t>{seed});
    const Buffer<float> weights(stream, kSmallGanWeights);
    const Buffer<float> records(stream, iterations * kSmallGanLosses);
    const MatrixView<float> fleet = weights.matrix(kSmallGanWeights, 1);
    initialise_small_gans(stream, fleet, seeds.view());
    EXPECT_EQ(weights_of(run->checkpoint()), download<float>(stream, weights.view()));

    SmallGanTraining training;
    training.iterations = iterations;
    training.records = {records.matrix(iterations, kSmallGanLosses), 0, 1, 1};
    train_small_gans(stream, fleet, seeds.view(), training);
    run->train(iterations);
    const std::vector<float> expected = weights_of(run->checkpoint());
    const std::vector<float> got = download<float>(stream, weights.view());
    WorstError worst;
    for (std::size_t i = 0; i < got.size(); ++i)
      worst.add(std::fabs(static_cast<double>(got[i]) - static_cast<double>(expected[i])));
    EXPECT_LE(worst.value(), 1e-6);

    const std::vector<float> recorded = download<float>(stream, records.view());
    const auto rows = run->take_metrics();
    ASSERT_EQ(rows.size(), static_cast<std::size_t>(iterations));
    WorstError worst_loss;
    for (std::size_t t = 0; t < rows.size(); ++t) {
      ASSERT_EQ(rows[t][0], static_cast<double>(t + 1));
      for (std::size_t kind = 0; kind < kSmallGanLosses; ++kind)
        worst_loss.add(std::fabs(rows[t][1 + kind] - recorded[t * kSmallGanLosses + kind]) /
                       rows[t][1 + kind]);
    }
    EXPECT_LE(worst_loss.value(), 1e-5);
  }
}

TEST_P(Pattern1010, ResumedRunsAreTheSame) {
  Stream stream(GetParam());
  const bool slow = GetParam().kind() == DeviceKind::simt;
  for (const char* preset : {"pattern1010-gan", "pattern1010-discriminator"}) {
    // Beyond the first snapshot at 1,000 where that is quick.
    const std::int64_t iterations = slow ? 60 : 1100;
    const TrainingConfig config = configuration(preset, 4, iterations);
    const auto whole = learner(stream, config);
    whole->train(iterations);
    const auto first = learner(stream, config);
    first->train(iterations - 17);
    const TensorFile file = parse_safetensors(
        [&] {
          const auto path = std::filesystem::temp_directory_path() / "atelier_pattern1010_test.safetensors";
          write_safetensors(path, first->checkpoint());
          std::vector<std::byte> bytes(std::filesystem::file_size(path));
          FILE* handle = std::fopen(path.c_str(), "rb");
          EXPECT_EQ(std::fread(bytes.data(), 1, bytes.size(), handle), bytes.size());
          std::fclose(handle);
          std::filesystem::remove(path);
          return bytes;
        }(),
        "checkpoint");
    const auto second = learner(stream, config);
    second->train(5);  // what it did before does not matter
    second->restore(file);
    EXPECT_EQ(second->iteration(), iterations - 17);
    EXPECT_TRUE(second->take_metrics().empty());
    while (second->iteration() < iterations) second->train(6);
    expect_same(second->checkpoint(), whole->checkpoint());
    const auto tail = second->take_metrics();
    auto all = whole->take_metrics();
    ASSERT_EQ(tail.size(), 17U);
    all.erase(all.begin(), all.end() - 17);
    EXPECT_EQ(tail, all);
    const auto pictures = second->samples();
    ASSERT_EQ(pictures.size(), whole->samples().size());
    if (!pictures.empty()) {
      EXPECT_EQ(pictures[0].pixels, whole->samples()[0].pixels);
    }
  }
}

TEST_P(Pattern1010, RefusesCheckpointsOfOtherRuns) {
  Stream stream(GetParam());
  const auto run = learner(stream, configuration("pattern1010-gan", 4, 20));
  run->train(20);
  const TensorFile file = run->checkpoint();
  const auto other = learner(stream, configuration("pattern1010-gan", 5, 20));
  const TensorFile before = other->checkpoint();
  EXPECT_THROW(other->restore(file), InvalidArgument);
  TensorFile without = file;
  without.tensors.erase("snapshots");
  const auto same = learner(stream, configuration("pattern1010-gan", 4, 20));
  EXPECT_THROW(same->restore(without), InvalidArgument);
  expect_same(other->checkpoint(), before);
}

INSTANTIATE_TEST_SUITE_P(Devices, Pattern1010, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

TEST(Pattern1010Gan, LearnsThePatternAndPaintsIt) {
  Stream stream{Device{}};
  const auto run = learner(stream, configuration("pattern1010-gan", 1, 10'000));
  EXPECT_EQ(run->sample_interval(), 1000);
  EXPECT_TRUE(run->samples().empty());
  run->train(10'000);
  const auto rows = run->take_metrics();
  ASSERT_EQ(rows.size(), 10'000U);
  const auto mean_of = [&](std::size_t column) {
    double sum = 0;
    for (std::size_t i = rows.size() - 500; i < rows.size(); ++i) sum += rows[i][column];
    return sum / 500;
  };
  EXPECT_NEAR(mean_of(1), 0.25, 0.03);  // D can no longer tell
  EXPECT_NEAR(mean_of(2), 0.25, 0.03);
  EXPECT_LT(mean_of(4), 0.01);
  EXPECT_NEAR(rows[0][4], 0.25, 0.2);
  const auto summary = run->summary();
  EXPECT_EQ(std::get<std::int64_t>(entry_of(summary, "converged").value), 1);
  const auto mean = std::get<std::vector<double>>(entry_of(summary, "mean_output").value);
  const auto swept = sweep_pattern1010(stream, {.seeds = {1}});
  ASSERT_EQ(swept.size(), 1U);
  ASSERT_EQ(mean.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_NEAR(mean[i], static_cast<double>(swept[0].mean_output[i]), 1e-4);

  const auto pictures = run->samples();
  ASSERT_EQ(pictures.size(), 1U);
  const GrayPicture& picture = pictures[0];
  ASSERT_EQ(picture.pixels.size(), static_cast<std::size_t>(picture.width * picture.height));
  const std::int64_t cell = picture.height / 4;
  EXPECT_EQ(picture.width, 10 * cell);
  const auto grey = [&](std::int64_t snapshot, std::int64_t number) {
    return picture.pixels[static_cast<std::size_t>((number * cell + cell / 2) * picture.width +
                                                   snapshot * cell + cell / 2)];
  };
  EXPECT_NEAR(grey(0, 0), 128, 40);                                         // indistinct at first
  for (const std::int64_t number : {0, 2}) EXPECT_LT(grey(9, number), 60);  // dark: near 1
  for (const std::int64_t number : {1, 3}) EXPECT_GT(grey(9, number), 195);
}

TEST(Pattern1010Discriminator, TellsThePatternFromItsOpposite) {
  Stream stream{Device{}};
  const auto run = learner(stream, configuration("pattern1010-discriminator", 2, 10'000));
  run->train(10'000);
  const auto summary = run->summary();
  // The notebook ends at 0.946 and 0.054.
  EXPECT_NEAR(std::get<double>(entry_of(summary, "answer_to_1010").value), 0.946, 0.02);
  EXPECT_NEAR(std::get<double>(entry_of(summary, "answer_to_0101").value), 0.054, 0.02);
  const auto rows = run->take_metrics();
  ASSERT_EQ(rows.size(), 10'000U);
  EXPECT_EQ(run->metric_names().size(), rows[0].size());
  EXPECT_NEAR(rows[0][1], 0.25, 0.2);
  EXPECT_LT(rows.back()[1], 0.01);
  EXPECT_LT(rows.back()[2], 0.01);
}

TEST(Pattern1010Presets, PlotsNameTheirColumns) {
  Stream stream{Device{}};
  for (const char* preset : {"pattern1010-gan", "pattern1010-discriminator"}) {
    const auto run = learner(stream, configuration(preset, 0, 10));
    const auto names = run->metric_names();
    EXPECT_FALSE(run->plots().empty());
    for (const PlotDescription& plot : run->plots()) {
      EXPECT_TRUE(plot.points);
      for (const auto& curve : plot.curves)
        EXPECT_NE(std::find(names.begin(), names.end(), curve.first), names.end()) << curve.first;
    }
  }
}

std::vector<std::uint64_t> first_seeds(std::size_t count) {
  std::vector<std::uint64_t> seeds(count);
  std::iota(seeds.begin(), seeds.end(), std::uint64_t{0});
  return seeds;
}

// 184 of 200 seeds of a reference run in Python's random numbers.
TEST(Pattern1010Sweeps, MostSeedsConverge) {
  Stream stream{Device{}};
  for (const bool torch : {false, true}) {
    double last = 0;
    const auto results =
        sweep_pattern1010(stream, {.seeds = first_seeds(200), .torch_weights = torch}, [&](double fraction) {
          EXPECT_GT(fraction, last);
          last = fraction;
          return true;
        });
    EXPECT_EQ(last, 1.0);
    ASSERT_EQ(results.size(), 200U);
    std::int64_t converged = 0;
    std::array<double, 4> mean{};
    for (std::size_t k = 0; k < results.size(); ++k) {
      EXPECT_EQ(results[k].seed, k);
      EXPECT_EQ(results[k].iterations, 10'000);
      EXPECT_EQ(results[k].converged, inside_pattern1010(results[k].mean_output));
      converged += results[k].converged;
      for (std::size_t i = 0; i < 4; ++i) mean[i] += static_cast<double>(results[k].mean_output[i]) / 200;
      EXPECT_NEAR(results[k].discriminator_loss_real, 0.25, 0.1);
      EXPECT_NEAR(results[k].discriminator_loss_fake, 0.25, 0.1);
    }
    EXPECT_GE(converged, 172);  // 86 %
    constexpr std::array<double, 4> kReference{0.888, 0.066, 0.885, 0.067};
    for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(mean[i], kReference[i], 0.02);
  }
}

TEST(Pattern1010Sweeps, ASeedAloneIsTheSeedAmongMany) {
  Stream stream{Device{}};
  const auto many = sweep_pattern1010(stream, {.seeds = first_seeds(40), .iterations = 300});
  const auto one = sweep_pattern1010(stream, {.seeds = {33}, .iterations = 300});
  EXPECT_EQ(one[0].mean_output, many[33].mean_output);
  EXPECT_EQ(one[0].generator_loss, many[33].generator_loss);
  EXPECT_EQ(one[0].pattern_error, many[33].pattern_error);
}

TEST(Pattern1010Sweeps, StopWhenAsked) {
  Stream stream{Device{}};
  int calls = 0;
  const auto results = sweep_pattern1010(stream, {.seeds = first_seeds(3), .iterations = 1'000'000'000},
                                         [&](double) { return ++calls < 2; });
  ASSERT_EQ(results.size(), 3U);
  EXPECT_EQ(calls, 2);
  EXPECT_GT(results[0].iterations, 0);
  EXPECT_LT(results[0].iterations, 1'000'000'000);
  EXPECT_THROW(sweep_pattern1010(stream, {}), InvalidArgument);
  EXPECT_THROW(sweep_pattern1010(stream, {.seeds = {1}, .iterations = 0}), InvalidArgument);
  EXPECT_THROW(sweep_pattern1010(stream, {.seeds = {1}, .learning_rate = std::nan("")}), InvalidArgument);
  EXPECT_THROW(sweep_pattern1010(stream, {.seeds = {1}, .learning_rate = 0}), InvalidArgument);
}

TEST(Pattern1010Sweeps, NanIsNotInside) {
  EXPECT_TRUE(inside_pattern1010({0.8F, 0.0F, 1.0F, 0.2F}));
  EXPECT_FALSE(inside_pattern1010({0.79F, 0.0F, 1.0F, 0.2F}));
  EXPECT_FALSE(inside_pattern1010({0.9F, 0.21F, 0.9F, 0.1F}));
  EXPECT_FALSE(inside_pattern1010({0.9F, 0.1F, std::nanf(""), 0.1F}));
}

}  // namespace
}  // namespace atelier
