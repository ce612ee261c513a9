// The learner of GANs on pictures: both loops, any cut of a run, resuming, what it refuses, what it warns of.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "models/digits.h"
#include "models/learner.h"
#include "models/learners/collapse.h"
#include "runtime/error.h"
#include "runtime/parallel.h"
#include "tests/devices.h"
#include "tests/models/data_files.h"

namespace atelier {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Small pictures, so that simt has little to do: digits of which every other pixel of the middle is left.
DataSet small_pictures(std::int64_t count, std::uint64_t seed) {
  const DataSet digits = make_digits(count, seed);
  DataSet small{"small digits", count, 6, 6, {}, digits.labels};
  for (std::int64_t i = 0; i < count; ++i)
    for (std::int64_t y = 0; y < 6; ++y)
      for (std::int64_t x = 0; x < 6; ++x)
        small.pixels.push_back(
            digits.pixels[static_cast<std::size_t>((i * 28 + 4 + 4 * y) * 28 + 4 + 4 * x)]);
  return small;
}

TrainingConfig small_gan(const std::string& preset, const std::string& loop, std::int64_t batch = 1) {
  TrainingConfig config;
  config.preset = preset;
  config.seed = 5;
  config.epochs = 2;
  config.batch = batch;
  config.loop = loop;
  config.split = "train";
  const std::string hidden = preset == "gan-v1" ? "sigmoid" : "leaky_relu(0.1) layer_norm";
  config.discriminator = "pixels linear(9) " + hidden + " linear(1) sigmoid";
  config.generator = "7 linear(11) " + hidden + " linear(pixels) sigmoid";
  return resolve_training(config);
}

/// Everything that decides the future of a run.
std::string bytes_of(Learner& learner) {
  const TensorFile file = learner.checkpoint();
  std::string all;
  for (const auto& [key, value] : file.metadata) all.append(key).append("=").append(value).append("\n");
  for (const auto& [name, tensor] : file.tensors)
    all.append(name).append(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
  return all;
}

class GanOnDevice : public ::testing::TestWithParam<Device> {};

TEST_P(GanOnDevice, TheCutOfARunAndThreadsDoNotMatter) {
  const DataSet pictures = small_pictures(61, 1);
  Stream stream(GetParam());
  for (const auto& [preset, loop, batch] :
       std::vector<std::tuple<const char*, const char*, std::int64_t>>{{"gan-v2", "resident", 1},
                                                                       {"gan-v1", "resident", 1},
                                                                       {"gan-v2", "streamed", 1},
                                                                       {"gan-v2", "streamed", 8}}) {
    SCOPED_TRACE(std::string(preset) + " " + loop + " batch " + std::to_string(batch));
    TrainingConfig config = small_gan(preset, loop, batch);
    config.shuffle = batch > 1;
    const auto whole = make_learner(stream, config, pictures, {});
    EXPECT_EQ(whole->config().loop, loop);
    EXPECT_EQ(whole->iterations(), batch == 1 ? 122 : 16);
    whole->train(1000);
    EXPECT_EQ(whole->iteration(), whole->iterations());
    const auto rows = whole->take_metrics();
    ASSERT_FALSE(rows.empty());
    EXPECT_EQ(rows.back().size(), whole->metric_names().size());
    for (std::size_t c = 0; c < rows.back().size(); ++c) EXPECT_TRUE(std::isfinite(rows.back()[c])) << c;

    set_cpu_threads(3);
    const auto cut = make_learner(stream, config, pictures, {});
    std::vector<std::vector<double>> cut_rows;
    for (const std::int64_t count : {1, 2, 5, 13, 400}) {
      cut->train(count);
      for (auto& row : cut->take_metrics()) cut_rows.push_back(row);
      // A new learner takes over.
      const TensorFile file = cut->checkpoint();
      const auto heir = make_learner(stream, config, pictures, {});
      heir->restore(file);
      EXPECT_TRUE(bytes_of(*heir) == bytes_of(*cut)) << count;
      if (count == 13) cut->restore(file);
    }
    set_cpu_threads(0);
    EXPECT_TRUE(bytes_of(*cut) == bytes_of(*whole));
    ASSERT_EQ(cut_rows.size(), rows.size());
    for (std::size_t r = 0; r < rows.size(); ++r)
      for (std::size_t c = 0; c < rows[r].size(); ++c)
        EXPECT_TRUE(rows[r][c] == cut_rows[r][c] || (std::isnan(rows[r][c]) && std::isnan(cut_rows[r][c])))
            << r << " " << c;
    EXPECT_EQ(whole->final_pictures().at(0).pixels, cut->final_pictures().at(0).pixels);
    EXPECT_EQ(whole->samples().at(0).width, 8 * 7 - 1);
  }
}

// Sums differ in their order between the loops, nothing else: the same pictures, noise and steps.
TEST_P(GanOnDevice, BothLoopsLearnTheSame) {
  const DataSet pictures = small_pictures(40, 2);
  Stream stream(GetParam());
  for (const char* preset : {"gan-v1", "gan-v2"})
    for (const char* loss : {"bce", "mse"}) {
      SCOPED_TRACE(std::string(preset) + " " + loss);
      std::vector<std::unique_ptr<Learner>> learners;
      for (const char* loop : {"resident", "streamed"}) {
        TrainingConfig config = small_gan(preset, loop);
        config.epochs = 1;
        config.loss = loss;
        config.shuffle = true;
        config.learning_rate = 0.01;
        learners.push_back(make_learner(stream, resolve_training(config), pictures, {}));
        learners.back()->train(40);
      }
      const TensorFile resident = learners[0]->checkpoint();
      const TensorFile streamed = learners[1]->checkpoint();
      testing::WorstError worst;
      std::size_t compared = 0;
      for (const auto& [name, tensor] : streamed.tensors) {
        if (name.rfind("generator.", 0) != 0 && name.rfind("discriminator.", 0) != 0) continue;
        const std::vector<double> expected = tensor.to_double();
        const std::vector<double> got = resident.tensors.at(name).to_double();
        ASSERT_EQ(got.size(), expected.size()) << name;
        for (std::size_t i = 0; i < got.size(); ++i) worst.add(std::abs(got[i] - expected[i]));
        compared += got.size();
      }
      EXPECT_EQ(compared, 36U * 9 + 9 + 9 + 1 + 7 * 11 + 11 + 11 * 36 + 36 +
                              (std::string(preset) == "gan-v2" ? 2U * 9 + 2 * 11 : 0U));
      EXPECT_LE(worst.value(), 2e-4);
    }
}

TEST_P(GanOnDevice, ChoosesItsLoop) {
  const DataSet pictures = small_pictures(20, 3);
  Stream stream(GetParam());
  const auto chosen = [&](TrainingConfig config) {
    return make_learner(stream, resolve_training(std::move(config)), pictures, {})->config().loop.value();
  };
  TrainingConfig config = small_gan("gan-v2", "auto");
  EXPECT_EQ(chosen(config), GetParam().kind() == DeviceKind::simt ? "streamed" : "resident");
  config.batch = 2;
  EXPECT_EQ(chosen(config), "streamed");
  config.loop = "resident";
  EXPECT_MESSAGE((void)chosen(config), "it trains one picture a step");
  config.batch = 1;
  config.generator = "7 linear(11) leaky_relu(0.1) linear(5) leaky_relu(0.1) linear(pixels) sigmoid";
  EXPECT_MESSAGE((void)chosen(config), "the resident loop is not for this run");
  config.loop = "auto";
  EXPECT_EQ(chosen(config), "streamed");
}

INSTANTIATE_TEST_SUITE_P(Devices, GanOnDevice, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

TEST(GanConfig, RefusesWhatDoesNotFit) {
  const auto attempt = [](const auto& change, const std::string& message) {
    TrainingConfig config;
    config.preset = "gan-v2";
    change(config);
    EXPECT_MESSAGE((void)resolve_training(config), message);
  };
  attempt([](auto& c) { c.loss = "hinge"; }, "it must be bce, bce-logits or mse");
  attempt([](auto& c) { c.loss = "bce-logits"; }, "does not end in a sigmoid");
  attempt([](auto& c) { c.discriminator = "pixels linear(1)"; }, "ends in a sigmoid");
  attempt([](auto& c) { c.optimizer = "rmsprop"; }, "sgd or adam");
  attempt([](auto& c) { c.split = "validation"; }, "train or test");
  attempt([](auto& c) { c.loop = "fast"; }, "auto or resident or streamed");
  attempt([](auto& c) { c.beta1 = 1.0; }, "below 1");
  attempt([](auto& c) { c.generator = "100 linear(500) sigmoid"; }, "the generator has 500 outputs");
  attempt([](auto& c) { c.discriminator = "pixels linear(2) sigmoid"; }, "one output");
  attempt([](auto& c) { c.generator = "100 linear(pixel) sigmoid"; }, "generator");
  TrainingConfig classifier;
  classifier.preset = "classifier";
  classifier.generator = "1 linear(1)";
  EXPECT_MESSAGE((void)resolve_training(classifier), "classifier has no generator");
}

TEST(GanConfig, SurvivesJson) {
  TrainingConfig config;
  config.preset = "gan-v2";
  config.generator_learning_rate = 2e-4;
  config.beta1 = 0.5;
  config = resolve_training(config);
  EXPECT_EQ(config.split, "test");
  EXPECT_EQ(training_config_from_json(training_config_json(config), "here"), config);
}

TEST(Gan, LearnsFromThePartOfTheDataThatItShould) {
  Stream stream{Device(DeviceKind::cpu)};
  const DataSet train = small_pictures(50, 1);
  const DataSet test = small_pictures(30, 2);
  TrainingConfig config = small_gan("gan-v2", "auto");
  EXPECT_EQ(make_learner(stream, config, train, test)->iterations_per_epoch(), 50);
  config.split = "test";
  EXPECT_EQ(make_learner(stream, config, train, test)->iterations_per_epoch(), 30);
  EXPECT_EQ(make_learner(stream, config, train, {})->iterations_per_epoch(),
            50);  // a set without test pictures
  config.limit = 10;
  EXPECT_EQ(make_learner(stream, config, train, test)->iterations_per_epoch(), 10);
}

TEST(Gan, RestoresNothingOfAnotherRun) {
  Stream stream{Device(DeviceKind::cpu)};
  const DataSet pictures = small_pictures(30, 1);
  const TrainingConfig config = small_gan("gan-v2", "resident");
  const auto learner = make_learner(stream, config, pictures, {});
  learner->train(7);
  const std::string before = bytes_of(*learner);
  TrainingConfig other = config;
  other.loop = "streamed";
  EXPECT_MESSAGE(learner->restore(make_learner(stream, other, pictures, {})->checkpoint()), "loop");
  other = config;
  other.generator = "7 linear(12) leaky_relu(0.1) layer_norm linear(pixels) sigmoid";
  EXPECT_MESSAGE(learner->restore(make_learner(stream, resolve_training(other), pictures, {})->checkpoint()),
                 "generator");
  EXPECT_MESSAGE(learner->restore(make_learner(stream, config, small_pictures(30, 2), {})->checkpoint()),
                 "other training data");
  TensorFile damaged = learner->checkpoint();
  damaged.tensors.erase("generator_optimizer.second_moment.0.weight");
  EXPECT_THROW(learner->restore(damaged), InvalidArgument);
  damaged = learner->checkpoint();
  damaged.tensors.erase("timeline");
  EXPECT_MESSAGE(learner->restore(damaged), "timeline");
  EXPECT_TRUE(bytes_of(*learner) == before);
}

// The two articles in small: the first attempt collapses and says so, the second does not.
TEST(Gan, WarnsOfACollapse) {
  Stream stream{Device(DeviceKind::cpu)};
  const DataSet digits = make_digits(3000, 4);
  const auto run = [&](const char* preset) {
    TrainingConfig config;
    config.preset = preset;
    config.seed = 1;
    config.epochs = 3;
    const auto learner = make_learner(stream, resolve_training(config), {}, digits);
    std::vector<std::string> warnings;
    while (learner->iteration() < learner->iterations()) {
      learner->train(300);
      for (const std::string& line : learner->take_warnings()) warnings.push_back(line);
    }
    return warnings;
  };
  const std::vector<std::string> first = run("gan-v1");
  ASSERT_FALSE(first.empty());
  EXPECT_THAT(first[0], HasSubstr("the generator collapses: its pictures are all alike"));
  EXPECT_THAT(run("gan-v2"), IsEmpty());
}

TEST(CollapseDetector, MeasuresWhatItSays) {
  // Two classes of two pixels: (0, 0) and (255, 255), and (255, 0) and (0, 255).
  const DataSet real{"real", 4, 2, 1, {0, 0, 255, 255, 255, 0, 0, 255}, {3, 3, 8, 8}};
  const detail::CollapseDetector detector(real, 4);
  // The variance of each real pixel is 1/4. Class means are both (1/2, 1/2): the first is taken.
  const auto same = detector.measure({0.5F, 0.5F, 0.5F, 0.5F}, {16.0F, -14.0F, -15.5F, std::nanf("")});
  EXPECT_DOUBLE_EQ(same.variance_ratio, 0.0);
  EXPECT_DOUBLE_EQ(same.label_entropy, 0.0);
  EXPECT_DOUBLE_EQ(same.saturation, 0.75);
  EXPECT_EQ(detail::CollapseDetector::warnings(same, true).size(), 2U);
  EXPECT_EQ(detail::CollapseDetector::warnings(same, false).size(), 1U);
  const auto spread = detector.measure({0.0F, 1.0F, 1.0F, 0.0F}, {0.0F});
  EXPECT_DOUBLE_EQ(spread.variance_ratio, 1.0);

  const DataSet two{"two", 2, 2, 1, {0, 0, 255, 255}, {0, 1}};
  const detail::CollapseDetector halves(two, 2);
  EXPECT_NEAR(halves.measure({0.1F, 0.0F, 0.9F, 1.0F}, {0.0F}).label_entropy, std::log(2.0), 1e-12);
  const double entropy = -0.25 * std::log(0.25) - 0.75 * std::log(0.75);
  const auto uneven = halves.measure({0.1F, 0.0F, 0.9F, 1.0F, 0.8F, 0.9F, 1.0F, 1.0F}, {0.0F});
  EXPECT_NEAR(uneven.label_entropy, entropy, 1e-12);
  const auto broken = halves.measure({std::nanf(""), 0.0F, 0.9F, 1.0F}, {0.0F});
  EXPECT_FALSE(detail::CollapseDetector::warnings(broken, true).empty());

  DataSet unlabelled = two;
  unlabelled.labels.clear();
  const detail::CollapseDetector blind(unlabelled, 2);
  EXPECT_FALSE(blind.has_labels());
  EXPECT_TRUE(std::isnan(blind.measure({0.1F, 0.0F}, {0.0F}).label_entropy));
}

}  // namespace
}  // namespace atelier
