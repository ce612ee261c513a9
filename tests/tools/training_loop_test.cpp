// The loop and the run folder around a learner whose every number is known.
#include "tools/training_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <cstring>
#include <thread>

#include "tests/tools/png_pixels.h"
#include "tests/tools/process.h"
#include "tools/background_writer.h"

namespace atelier::tools {
namespace {

using atelier::testing::read_file;
using atelier::testing::read_pixels;
using atelier::testing::TemporaryFolder;
using atelier::testing::write_file;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A learner that counts: a row every 10 iterations, its checkpoint the count.
class CountingLearner final : public Learner {
 public:
  explicit CountingLearner(std::int64_t end) : end_(end) { config_.preset = "counting"; }
  const TrainingConfig& config() const override { return config_; }
  std::int64_t iterations() const override { return end_; }
  std::int64_t iteration() const override { return done_; }
  std::int64_t samples_per_iteration() const override { return 2; }
  std::int64_t iterations_per_epoch() const override { return end_; }
  void train(std::int64_t count) override {
    requests.push_back(count);
    for (std::int64_t i = 0; i < count && done_ < end_; ++i)
      if (++done_ % 10 == 0) rows_.push_back({static_cast<double>(done_), static_cast<double>(done_) / 8});
    if (done_ >= fails_at) throw Error("the device broke");
  }
  std::vector<std::string> metric_names() const override { return {"iteration", "value"}; }
  std::vector<std::vector<double>> take_metrics() override { return std::exchange(rows_, {}); }
  std::vector<PlotDescription> plots() const override { return {}; }
  std::int64_t sample_interval() const override { return 30; }
  std::vector<GrayPicture> samples() override {
    return {{"count", 2, 1, {static_cast<std::uint8_t>(done_), 255}}};
  }
  std::int64_t checkpoint_interval() const override { return 25; }
  std::vector<std::string> take_warnings() override {
    if (done_ < warns_at) return {};
    return {std::exchange(warns_at, 1 << 30) == done_ ? "it collapses" : "it has collapsed"};
  }
  TensorFile checkpoint() override {
    TensorFile file;
    file.tensors["done"] = Tensor::from_float({1}, {static_cast<float>(done_)});
    return file;
  }
  void restore(const TensorFile& file) override {
    done_ = static_cast<std::int64_t>(file.tensors.at("done").to_float()[0]);
  }
  std::vector<SummaryEntry> summary() override { return {}; }

  std::vector<std::int64_t> requests;
  std::int64_t fails_at = 1 << 30;
  std::int64_t warns_at = 1 << 30;

 private:
  TrainingConfig config_;
  std::int64_t end_;
  std::int64_t done_ = 0;
  std::vector<std::vector<double>> rows_;
};

struct Trained {
  TrainingEnd end = TrainingEnd::interrupted;
  std::vector<std::int64_t> checkpoints;
  std::vector<std::string> warnings;
};

Trained train_in(const RunFolder& folder, CountingLearner& learner, bool stop_at_warning = false) {
  Trained trained;
  if (const auto checkpoint = folder.read_checkpoint()) learner.restore(*checkpoint);
  folder.remove_samples_after(learner.iteration());
  MetricsFile metrics(folder / kMetricsFile, learner.metric_names(), learner.iteration());
  Progress progress("counting", 200, true, kSampleRate);
  TrainingEvents events;
  events.at_checkpoint = [&](std::int64_t iteration) {
    trained.checkpoints.push_back(iteration);
    // What a checkpoint stands for is on the disk before it.
    const auto last = static_cast<double>(iteration / 10 * 10);
    const MetricsTable table = read_metrics(folder / kMetricsFile);
    EXPECT_EQ(table.columns[0].empty() ? 0 : table.columns[0].back(), last);
    EXPECT_EQ(folder.read_checkpoint()->tensors.at("done").to_float()[0], static_cast<float>(iteration));
    for (std::int64_t sample = 30; sample <= iteration; sample += 30)
      EXPECT_TRUE(std::filesystem::exists(folder / fmt::format("samples/count-{:08}.png", sample)));
  };
  events.at_warning = [&](std::int64_t iteration, const std::string& warning) {
    trained.warnings.push_back(fmt::format("{} at {}", warning, iteration));
    return stop_at_warning;
  };
  trained.end = run_training(learner, folder, metrics, progress, events);
  return trained;
}

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

TEST(RunTraining, WritesMetricsSamplesAndCheckpoints) {
  const TemporaryFolder place;
  const RunFolder folder = RunFolder::create(place / "run");
  CountingLearner learner(95);
  const Trained trained = train_in(folder, learner);
  EXPECT_EQ(trained.end, TrainingEnd::finished);
  EXPECT_THAT(trained.checkpoints, ElementsAre(25, 50, 75, 95));
  EXPECT_EQ(read_file(folder / kMetricsFile),
            "iteration,value\n10,1.25\n20,2.5\n30,3.75\n40,5\n50,6.25\n60,7.5\n70,8.75\n80,10\n90,11.25\n");
  EXPECT_THAT(names_in(folder / kSampleFolder),
              ElementsAre("count-00000030.png", "count-00000060.png", "count-00000090.png"));
  const auto pixels = read_pixels((folder / "samples/count-00000060.png").string());
  EXPECT_EQ(pixels.width, 2);
  EXPECT_EQ(pixels.channels, 1);
  EXPECT_THAT(pixels.bytes, ElementsAre(60, 255));
  EXPECT_EQ(learner.requests.front(), 1);  // no request before the first tells how long an iteration takes
}

TEST(RunTraining, GoesOnFromTheCheckpointAsIfNothingHadBeen) {
  const TemporaryFolder place;
  std::string expected;
  {
    const RunFolder whole = RunFolder::create(place / "whole");
    CountingLearner learner(95);
    ASSERT_EQ(train_in(whole, learner).end, TrainingEnd::finished);
    expected = read_file(whole / kMetricsFile);
  }
  for (const std::int64_t broken : {3, 26, 31, 64, 93}) {
    const std::string path = place / ("broken" + std::to_string(broken));
    {
      const RunFolder folder = RunFolder::create(path);
      CountingLearner learner(95);
      learner.fails_at = broken;
      EXPECT_THROW((void)train_in(folder, learner), Error);
      // What the process wrote before it broke, and what it was writing.
      folder.write_sample({"count", 1, 1, {7}}, 94);
      write_file(folder / ".checkpoint.safetensors.0123abcd.part", "half");
      std::string metrics = read_file(folder / kMetricsFile);
      write_file(folder / kMetricsFile, metrics + "94,11.");
    }
    const RunFolder folder = RunFolder::open(path);
    CountingLearner learner(95);
    EXPECT_EQ(train_in(folder, learner).end, TrainingEnd::finished);
    EXPECT_EQ(read_file(folder / kMetricsFile), expected) << broken;
    EXPECT_EQ(names_in(folder.path()), names_in(place / "whole")) << broken;
    EXPECT_EQ(names_in(folder / kSampleFolder), names_in(place / "whole/samples")) << broken;
    EXPECT_EQ(read_file(folder / kCheckpointFile), read_file(place / "whole/checkpoint.safetensors"));
  }
}

TEST(RunTraining, GoesOnOrStopsWhereTheLearnerWarns) {
  const TemporaryFolder place;
  const RunFolder folder = RunFolder::create(place / "run");
  {
    CountingLearner learner(95);
    learner.warns_at = 7;
    const Trained trained = train_in(folder, learner, true);
    EXPECT_EQ(trained.end, TrainingEnd::stopped);
    EXPECT_THAT(trained.warnings, ElementsAre("it collapses at 7"));
    EXPECT_THAT(trained.checkpoints, ElementsAre(7));
    EXPECT_EQ(learner.iteration(), 7);
  }
  CountingLearner learner(95);
  learner.warns_at = 50;
  const Trained trained = train_in(folder, learner);
  EXPECT_EQ(trained.end, TrainingEnd::finished);
  EXPECT_THAT(trained.warnings, ElementsAre("it collapses at 50"));
  EXPECT_THAT(trained.checkpoints, ElementsAre(25, 50, 75, 95));
}

/// A disk that is full for the checkpoint alone: the error reaches the caller, the last checkpoint stays.
TEST(RunTraining, AFailureOfTheWriterSurfaces) {
  const TemporaryFolder place;
  const RunFolder folder = RunFolder::create(place / "run");
  CountingLearner learner(2'000'000);
  MetricsFile metrics(folder / kMetricsFile, learner.metric_names(), 0);
  Progress progress("counting", 4'000'000, true, kSampleRate);
  std::int64_t kept = 0;
  TrainingEvents events;
  events.at_checkpoint = [&](std::int64_t iteration) {
    kept = iteration;
    if (iteration < 100) return;
    // A folder of this name: nothing can be renamed to it.
    std::filesystem::rename(folder / kCheckpointFile, folder / "kept");
    std::filesystem::create_directories(folder / "checkpoint.safetensors/taken");
  };
  EXPECT_THROW((void)run_training(learner, folder, metrics, progress, events), Error);
  EXPECT_EQ(kept, 100);
  EXPECT_LT(learner.iteration(), 2'000'000);
  EXPECT_EQ(read_safetensors(folder / "kept").tensors.at("done").to_float()[0], 100.0F);
}

TEST(BackgroundWriter, KeepsTheOrderAndBoundsWhatWaits) {
  std::vector<int> order;
  std::atomic<int> given = 0;
  std::atomic<int> begun = 0;
  std::atomic<int> most_ahead = 0;
  {
    BackgroundWriter writer;
    for (int i = 0; i < 200; ++i) {
      writer.give([&, i] {
        ++begun;
        order.push_back(i);
        std::this_thread::yield();
      });
      ++given;
      most_ahead = std::max(most_ahead.load(), given - begun);
    }
    writer.finish();
    EXPECT_EQ(begun, 200);
    writer.give([&] { order.push_back(200); });
  }  // what was given is carried out
  ASSERT_EQ(order.size(), 201U);
  for (int i = 0; i <= 200; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
  EXPECT_LE(most_ahead, 2);
}

TEST(BackgroundWriter, DropsWhatComesBehindAFailure) {
  bool dropped = true;
  BackgroundWriter writer;
  writer.give([] { throw Error("the disk is full"); });
  EXPECT_THROW(
      {
        for (;;) writer.give([&] { dropped = false; });
      },
      Error);
  writer.give([&] { dropped = false; });
  writer.finish();
  writer.check();
  EXPECT_TRUE(dropped);
  BackgroundWriter other;
  other.give([] { throw Error("the disk is full"); });
  EXPECT_THROW(other.finish(), Error);
}

TEST(RequestSize, GrowsToATenthOfASecondAndShrinksAgain) {
  RequestSize size;
  for (int i = 0; i < 20; ++i) size.took(0.001);
  EXPECT_EQ(size.iterations(), 1 << 20);
  size.took(0.1);
  EXPECT_EQ(size.iterations(), 1 << 20);
  size.took(0.3);
  EXPECT_EQ(size.iterations(), 1 << 19);
  for (int i = 0; i < 40; ++i) size.took(3);
  EXPECT_EQ(size.iterations(), 1);
}

TEST(RunFolder, OneProcessAtATime) {
  const TemporaryFolder place;
  const RunFolder folder = RunFolder::create(place / "a/b/run");
  EXPECT_THROW((void)RunFolder::open(place / "a/b/run"), Error);
}

TEST(RunFolder, RefusesWhatIsNotItsOwn) {
  const TemporaryFolder place;
  write_file(place / "file", "text");
  EXPECT_THROW((void)RunFolder::create(place / "file"), Error);
  EXPECT_THROW((void)RunFolder::create(place.path()), Error);
  EXPECT_THROW((void)RunFolder::open(place / "nothing"), Error);
  EXPECT_FALSE(RunFolder::holds_run(place.path()));
  EXPECT_EQ(read_file(place / "file"), "text");
}

TEST(RunRecord, ReadsBackWhatItWrote) {
  RunRecord record;
  TrainingConfig config;
  config.preset = "classifier";
  config.seed = UINT64_MAX;
  config.limit = 7;
  record.config = resolve_training(config);
  record.device = "cpu";
  record.data_folder = "/some/where";
  record.train = DataRecord{"mnist train", 7, 28, 28, "0123456789abcdef"};
  const RunRecord read = run_record_from_json(run_record_json(record), "config.json");
  EXPECT_EQ(read.config, record.config);
  EXPECT_EQ(read.device, "cpu");
  EXPECT_EQ(read.data_folder, "/some/where");
  EXPECT_EQ(read.train, record.train);
  EXPECT_EQ(read.test, std::nullopt);
}

TEST(RunRecord, RefusesOtherFiles) {
  for (const char* text : {"", "[]", "{}", "{\"atelier_run\": 2}", "{\"atelier_run\": 1}",
                           "{\"atelier_run\": 1, \"config\": 3, \"device\": \"cpu\"}",
                           "{\"atelier_run\": 1, \"config\": {}, \"device\": \"cpu\"}"})
    EXPECT_THROW((void)run_record_from_json(text, "config.json"), InvalidArgument) << text;
}

}  // namespace
}  // namespace atelier::tools
