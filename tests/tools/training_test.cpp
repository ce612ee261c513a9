// Training as a user meets it: the built program, its run folders, and what remains of it after every end.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "models/digits.h"
#include "models/safetensors.h"
#include "tests/tools/png_pixels.h"
#include "tests/tools/process.h"
#include "tests/tools/training_runs.h"
#include "tools/run_folder.h"

namespace atelier::testing {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

const std::vector<std::string> kClassifier{"classifier", "--dataset", "digits", "--epochs",
                                           "1",          "--seed",    "3",      "--limit"};
const std::vector<std::string> kDigits = with(kClassifier, {"300"});
const std::vector<std::string> kPattern{"pattern1010-gan", "--seed", "3", "--iterations", "20000"};

TEST(Train, FillsTheRunFolder) {
  const TemporaryFolder folder;
  const Outcome outcome = train(with(kDigits, {"--json"}), {.folder = folder.path()});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const std::filesystem::path run = folder.path() / "runs/classifier-3";
  const auto document = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(document.at("run"), "runs/classifier-3");
  EXPECT_EQ(document.at("preset"), "classifier");
  EXPECT_EQ(document.at("seed"), 3);
  EXPECT_EQ(document.at("iterations"), 300);
  EXPECT_EQ(document.at("finished"), true);
  auto summary = nlohmann::json::parse(read_file(run / "summary.json"));
  EXPECT_EQ(summary.at("results"), document.at("results"));
  const auto& confusion = summary.at("results").at("confusion");
  EXPECT_EQ(confusion.size(), 100U);
  for (const auto& count : confusion) EXPECT_TRUE(count.is_number_integer()) << count;
  for (const auto& [name, value] : summary.at("results").items())
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), std::string::npos) << name;
  EXPECT_EQ(summary.at("resumed_at"), 0);
  const auto config = nlohmann::json::parse(read_file(run / "config.json"));
  EXPECT_EQ(config.at("config").at("limit"), 300);
  EXPECT_EQ(config.at("train").at("count"), 300);
  EXPECT_THAT(read_file(run / "metrics.csv"), StartsWith("iteration,"));
  const TensorFile checkpoint = read_safetensors(run / "checkpoint.safetensors");
  EXPECT_EQ(checkpoint.metadata.count("config"), 1U);
  const std::vector<std::string> names = names_in(run);
  if (std::system("gnuplot --version > /dev/null 2>&1") == 0) {
    EXPECT_THAT(names, Contains("loss.png"));
    EXPECT_THAT(names, Contains("confusion.png"));
    EXPECT_EQ(read_pixels((run / "loss.png").string()).width, 900);
  }
  for (const std::string& name : names_in(run / "samples"))
    EXPECT_GT(read_pixels((run / "samples" / name).string()).width, 0) << name;
}

TEST(Train, SaysWhichSeedItDrew) {
  const TemporaryFolder folder;
  const Outcome outcome = train({"nodes-gan"}, {.folder = folder.path()});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("(drawn)"));
  const std::vector<std::string> runs = names_in(folder.path() / "runs");
  ASSERT_EQ(runs.size(), 1U);
  const std::string seed = runs[0].substr(std::string("nodes-gan-").size());
  EXPECT_THAT(outcome.err, HasSubstr("seed " + seed + " (drawn)"));
  EXPECT_THAT(outcome.out, StartsWith("runs/nodes-gan-" + seed + ": 300 iterations"));
  train_quietly({"nodes-gan", "--seed", seed, "--run", "again"}, {.folder = folder.path()});
  expect_same_run(folder / "again", folder.path() / "runs" / runs[0]);
}

TEST(Train, IsTheSameForAnyNumberOfThreads) {
  const TemporaryFolder folder;
  for (const char* threads : {"1", "2", "5"})
    train_quietly(
        with(kDigits, {"--batch", "7", "--shuffle", "--threads", threads, "--run", folder / threads}));
  expect_same_run(folder / "2", folder / "1");
  expect_same_run(folder / "5", folder / "1");
}

// LongTrain kills every preset sixty times.
TEST(Train, ClassifierSurvivesKills) {
  expect_survives(with(kClassifier, {"6000"}), 20, 500, 1);
}
TEST(Train, PatternSurvivesKills) {
  expect_survives(kPattern, 5, 300, 2);
}

/// The plan of a usual run has checkpoints in its midst: what is killed there does not begin afresh.
TEST(Train, RunsOfTheUsualLengthHaveCheckpoints) {
  const TemporaryFolder folder;
  for (const char* preset :
       {"nodes-discriminator", "nodes-gan", "pattern1010-discriminator", "pattern1010-gan"}) {
    TrainingConfig config;
    config.preset = preset;
    Stream stream{Device{}};
    const auto learner = make_learner(stream, config, {}, {});
    EXPECT_LE(learner->checkpoint_interval() * 5, learner->iterations()) << preset;
    // And a run a million times as long does not spend its time on them.
    config.iterations = learner->iterations() * 1'000'000;
    EXPECT_GE(make_learner(stream, config, {}, {})->checkpoint_interval(), 50'000) << preset;
  }
}

/// A folder of pictures, one folder a class, and the blog's CSV (label first) of the same digits.
TEST(Train, LearnsFromPicturesAndFromCsvAlike) {
  const TemporaryFolder folder;
  const DataSet digits = make_digits(60, 9);
  std::string csv;
  for (std::int64_t i = 0; i < digits.count; ++i) {
    const auto first = digits.pixels.begin() + static_cast<std::ptrdiff_t>(i * 784);
    const std::string label = std::to_string(digits.labels[static_cast<std::size_t>(i)]);
    GrayPicture picture{"", 28, 28, {first, first + 784}};
    char name[16];
    std::snprintf(name, sizeof name, "%03d", static_cast<int>(i));
    picture.name = name;
    std::filesystem::create_directories(folder / ("pictures/" + label));
    tools::RunFolder::open(folder / ("pictures/" + label)).write_picture(picture);
  }
  // In the order in which the folders are read: class by class.
  for (int label = 0; label < 10; ++label)
    for (std::int64_t i = 0; i < digits.count; ++i) {
      if (digits.labels[static_cast<std::size_t>(i)] != label) continue;
      csv += std::to_string(label);
      for (std::size_t k = 0; k < 784; ++k) {
        csv += ',';
        csv += std::to_string(digits.pixels[static_cast<std::size_t>(i) * 784 + k]);
      }
      csv += "\n";
    }
  write_file(folder / "digits.csv", csv);
  for (const char* source : {"pictures", "digits.csv"})
    train_quietly({"classifier", "--dataset", folder / source, "--epochs", "2", "--seed", "1", "--run",
                   folder / (std::string("run-") + source)});
  const std::string pictures = read_file(folder / "run-pictures/metrics.csv");
  EXPECT_THAT(pictures, HasSubstr("\n120,2,"));
  EXPECT_EQ(pictures, read_file(folder / "run-digits.csv/metrics.csv"));
}

class LongTrain : public ::testing::TestWithParam<std::vector<std::string>> {};
TEST_P(LongTrain, SurvivesTwentyKills) {
  for (const std::uint32_t seed : {3U, 4U, 5U}) expect_survives(GetParam(), 20, 700, seed);
}
INSTANTIATE_TEST_SUITE_P(
    Presets, LongTrain,
    ::testing::Values(std::vector<std::string>{"nodes-gan", "--seed", "1", "--iterations", "200000"},
                      std::vector<std::string>{"pattern1010-gan", "--seed", "1", "--iterations", "200000"},
                      std::vector<std::string>{"pattern1010-discriminator", "--seed", "1", "--iterations",
                                               "200000"},
                      std::vector<std::string>{"classifier", "--dataset", "digits", "--limit", "20000",
                                               "--epochs", "2", "--seed", "1", "--shuffle"},
                      std::vector<std::string>{"classifier-book", "--dataset", "digits", "--limit", "20000",
                                               "--epochs", "1", "--seed", "1", "--batch", "4"},
                      std::vector<std::string>{"discriminator-noise", "--dataset", "digits", "--limit",
                                               "20000", "--seed", "1"}));

TEST(Train, StopsAtASignalAndGoesOn) {
  const TemporaryFolder folder;
  const std::vector<std::string> words{"pattern1010-gan", "--seed", "1",     "--iterations", "100000000",
                                       "--device",        "cpu",    "--run", "run"};
  for (const int signal : {SIGINT, SIGTERM}) {
    Process process(atelier_program(), with(with({"train"}, words), {"--resume"}), {.folder = folder.path()});
    // Any moment will do once signals are watched for; the run itself would take minutes.
    while (!std::filesystem::exists(folder / "run/config.json"))
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    process.send(signal);
    const Outcome outcome = process.wait();
    EXPECT_EQ(outcome.code, 1) << outcome.signal;
    EXPECT_THAT(outcome.err, HasSubstr("interrupted at iteration "));
    EXPECT_THAT(outcome.err, HasSubstr("to go on: atelier train --resume --run run"));
    EXPECT_TRUE(std::filesystem::exists(folder / "run/checkpoint.safetensors"));
    EXPECT_FALSE(std::filesystem::exists(folder / "run/summary.json"));
    if (std::system("gnuplot --version > /dev/null 2>&1") == 0) {
      EXPECT_TRUE(std::filesystem::remove(folder / "run/generator_loss.png"));
    }
  }
}

TEST(Train, RefusesWhatIsThereAndSaysWhatIsFinished) {
  const TemporaryFolder folder;
  const std::vector<std::string> words{"nodes-gan", "--seed", "5"};
  train_quietly(words, {.folder = folder.path()});
  const std::string checkpoint = read_file(folder / "runs/nodes-gan-5/checkpoint.safetensors");
  const Outcome again = train(words, {.folder = folder.path()});
  expect_refusal(again, 1, "holds a run of nodes-gan already, finished; --resume goes on with it");
  const Outcome finished = train(with(words, {"--resume"}), {.folder = folder.path()});
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("is finished: 300 iterations"));
  const Outcome json = train(with(words, {"--resume", "--json"}), {.folder = folder.path()});
  EXPECT_EQ(nlohmann::json::parse(json.out).at("finished"), true);
  EXPECT_EQ(read_file(folder / "runs/nodes-gan-5/checkpoint.safetensors"), checkpoint);
}

TEST(Train, OnlyOneProcessTrainsInAFolder) {
  const TemporaryFolder folder;
  const std::vector<std::string> words{"pattern1010-gan", "--seed", "3", "--run", folder / "run"};
  train_quietly(with(words, {"--iterations", "2000"}));
  const int holder = ::open((folder / "run").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ASSERT_GE(holder, 0);
  ASSERT_EQ(flock(holder, LOCK_EX), 0);
  const std::vector<std::string> longer = with(words, {"--resume", "--iterations", "4000"});
  const Outcome refused = train(longer);
  expect_refusal(refused, 1, "another process is training in " + folder / "run");

  // A lock that is given up within moments, as that of a killed process's child, is waited for.
  Process patient(atelier_program(), with(with({"train"}, longer), {"--device", "cpu", "-q"}), {});
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  close(holder);
  const Outcome outcome = patient.wait();
  EXPECT_EQ(outcome.code, 0) << outcome.err;
}

TEST(Train, ALongerRunGoesOnFromAShorterOne) {
  const TemporaryFolder folder;
  const std::vector<std::string> words{"pattern1010-gan", "--seed", "2", "--run"};
  train_quietly(with(words, {folder / "long", "--iterations", "5000"}));
  train_quietly(with(words, {folder / "run", "--iterations", "2000"}));
  train_quietly(with(words, {folder / "run", "--iterations", "5000", "--resume"}));
  expect_same_run(folder / "run", folder / "long");
  const Outcome less = train(with(words, {folder / "run", "--iterations", "100", "--resume"}));
  EXPECT_EQ(less.code, 2);
  EXPECT_THAT(less.err, HasSubstr("it can go on for more, not for less"));
}

TEST(Train, ContradictionsAreRefused) {
  const TemporaryFolder folder;
  train_quietly(with(kDigits, {"--run", folder / "run"}));
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"--seed", "4"}, "--seed 4: the run was begun with 3"},
      {{"--torch-seed", "4"}, "--torch-seed 4: the run was begun without"},
      {{"--batch", "64"}, "--batch 64: the run was begun with 1"},
      {{"--limit", "100"}, "--limit 100: the run was begun with 300"},
      {{"--learning-rate", "0.5"}, "--learning-rate 0.5: the run was begun with 0.01"},
      {{"--dataset", "mnist"}, "--dataset mnist: the run was begun with digits"},
      {{"--shuffle"}, "--shuffle: the run was begun without"},
      {{"--epochs", "1", "nodes-gan"}, "one of classifier, not of nodes-gan"}};
  for (const auto& [words, message] : cases) {
    const Outcome outcome = train(with({"--resume", "--run", folder / "run"}, words));
    expect_refusal(outcome, 2, message);
  }
}

TEST(Train, DamagedRunsAreOneLine) {
  const TemporaryFolder folder;
  train_quietly({"nodes-gan", "--seed", "5", "--run", folder / "run"});
  const auto attempt = [&](const std::string& message) {
    const Outcome outcome = train({"--resume", "--run", folder / "run", "--iterations", "400"});
    expect_refusal(outcome, 1, message);
  };
  const std::string whole = read_file(folder / "run/checkpoint.safetensors");
  write_file(folder / "run/checkpoint.safetensors", whole.substr(0, whole.size() / 2));
  attempt("checkpoint.safetensors");
  write_file(folder / "run/checkpoint.safetensors", whole);
  write_file(folder / "run/config.json", "{\"atelier_run\": 1, \"config\":");
  attempt("config.json");
  EXPECT_EQ(train({"--resume", "--run", folder / "none"}).code, 1);
}

TEST(Train, FullDiskIsOneLineAndNothingIsLost) {
  const TemporaryFolder folder;
  train_quietly(with(kPattern, {"--run", folder / "whole"}));
  const auto full = static_cast<std::uint64_t>(std::filesystem::file_size(folder / "whole/metrics.csv") / 2);
  const Outcome outcome = train(with(kPattern, {"-q", "--run", folder / "run"}), {.largest_file = full});
  expect_refusal(outcome, 1, "cannot write ");
  EXPECT_THAT(outcome.err, HasSubstr("the run stands at iteration "));
  train_quietly(with(kPattern, {"--resume", "--run", folder / "run"}));
  expect_same_run(folder / "run", folder / "whole");
}

TEST(Train, GoesOnWithoutGnuplot) {
  const TemporaryFolder folder;
  const Outcome outcome = train({"nodes-gan", "--seed", "1", "--run", folder / "run"},
                                {.environment = {{"PATH", folder.path().string()}}});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.err,
              HasSubstr("left out: gnuplot is not here (Debian and Ubuntu: apt install gnuplot-nox)"));
  EXPECT_EQ(outcome.error_lines(), 2) << outcome.err;
  EXPECT_THAT(names_in(folder / "run"), Contains("summary.json"));
  for (const std::string& name : names_in(folder / "run")) EXPECT_THAT(name, Not(HasSubstr(".png")));
}

struct TrainMisuse {
  const char* name;
  std::vector<std::string> words;
  const char* message;
};
void PrintTo(const TrainMisuse& misuse, std::ostream* stream) {
  *stream << misuse.name;
}
class TrainedWrongly : public ::testing::TestWithParam<TrainMisuse> {};
TEST_P(TrainedWrongly, SaysSoInOneLineAndLeavesNothing) {
  const TemporaryFolder folder;
  const Outcome outcome = atelier(GetParam().words, {.folder = folder.path()});
  expect_refusal(outcome, 2, GetParam().message);
  EXPECT_THAT(folder.names(), IsEmpty());
}
INSTANTIATE_TEST_SUITE_P(
    Cases, TrainedWrongly,
    ::testing::Values(
        TrainMisuse{"no_preset", {"train"}, "train needs the name of a preset"},
        TrainMisuse{"preset", {"train", "clasifier"}, "classifier"},
        TrainMisuse{"epochs_0", {"train", "classifier", "--epochs", "0"}, "--epochs '0'"},
        TrainMisuse{"epochs_of_nodes", {"train", "nodes-gan", "--epochs", "2"}, "epochs"},
        TrainMisuse{"batch", {"train", "classifier", "--batch", "-3"}, "--batch '-3'"},
        TrainMisuse{"limit", {"train", "classifier", "--limit", "many"}, "--limit 'many'"},
        TrainMisuse{"rate_nan", {"train", "classifier", "--learning-rate", "nan"}, "--learning-rate 'nan'"},
        TrainMisuse{"rate_negative", {"train", "classifier", "--learning-rate", "-1"}, "learning"},
        TrainMisuse{"seed", {"train", "nodes-gan", "--seed", "-1"}, "--seed '-1'"},
        TrainMisuse{"device", {"train", "nodes-gan", "--seed", "1", "--device", "gpu"}, "--device"},
        TrainMisuse{"resume_what", {"train", "--resume"}, "which run is to go on?"},
        TrainMisuse{
            "sweep_resume", {"train", "nodes-gan", "--seeds", "0..3", "--resume"}, "exclude each other"},
        TrainMisuse{
            "sweep_seed", {"train", "nodes-gan", "--seeds", "0..3", "--seed", "1"}, "--seeds is a sweep"},
        TrainMisuse{"sweep_torch_seed",
                    {"train", "pattern1010-gan", "--seeds", "0..3", "--torch-seed", "1"},
                    "--seeds is a sweep"},
        TrainMisuse{"verbose", {"train", "nodes-gan", "-v"}, "-v"},
        TrainMisuse{"limit_0", {"train", "classifier", "--limit", "0"}, "--limit '0'"},
        TrainMisuse{
            "epochs_huge", {"train", "classifier", "--epochs", "99999999999999999999"}, "--epochs '9"},
        TrainMisuse{"batch_huge", {"train", "classifier", "--batch", "65537"}, "must be 1 to 65536"},
        TrainMisuse{"sweep_range", {"train", "nodes-gan", "--seeds", "3..1"}, "backwards"},
        TrainMisuse{"sweep_many", {"train", "nodes-gan", "--seeds", "0..9999999"}, "at most 1000000 runs"},
        TrainMisuse{"classify_nothing", {"classify"}, "run"},
        TrainMisuse{"classify_no_picture", {"classify", "run"}, "pictures"},
        TrainMisuse{"gradcheck_task", {"gradcheck", "--device", "cpu", "--task", "or"}, "or"},
        TrainMisuse{
            "gradcheck_network", {"gradcheck", "--device", "cpu", "--network", "2 linaer(3)"}, "linaer"},
        TrainMisuse{"gradcheck_plot", {"gradcheck", "-o", "a.svg"}, ".png"}),
    [](const auto& instance) { return std::string(instance.param.name); });

TEST(Train, SweepIsTheRunsTogether) {
  const TemporaryFolder folder;
  const Outcome outcome = train({"pattern1010-discriminator", "--seeds", "3..6", "--threads", "3", "--json",
                                 "--run", folder / "sweep"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto document = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(document.at("done"), 4);
  EXPECT_EQ(document.at("finished"), true);
  EXPECT_THAT(names_in(folder / "sweep"), ::testing::ElementsAre("runs.csv", "summary.json"));
  train_quietly({"pattern1010-discriminator", "--seed", "5", "--run", folder / "one"});
  const auto one = nlohmann::json::parse(read_file(folder / "one/summary.json")).at("results");
  // The row of seed 5 holds the numbers of the run alone.
  const std::string table = read_file(folder / "sweep/runs.csv");
  const std::size_t row = table.find("\n5,");
  ASSERT_NE(row, std::string::npos);
  int numbers = 0;
  for (const auto& [name, value] : one.items()) {
    if (!value.is_number_float()) continue;
    ++numbers;
    EXPECT_GE(document.at("results").at(name).at("most").get<double>(), value.get<double>()) << name;
    EXPECT_LE(document.at("results").at(name).at("least").get<double>(), value.get<double>()) << name;
  }
  EXPECT_GT(numbers, 0);
  EXPECT_EQ(train({"pattern1010-discriminator", "--seeds", "3..6", "--run", folder / "sweep"}).code, 1);
}

TEST(Train, SweepOfTheGanCountsWhatConverges) {
  const TemporaryFolder folder;
  const Outcome outcome = train({"pattern1010-gan", "--seeds", "0..99", "--json", "--run", folder / "sweep"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto document = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(document.at("runs"), 100);
  EXPECT_GE(document.at("converged"), 80);
  EXPECT_EQ(document.at("converged").get<std::size_t>() + document.at("not_converged").size(), 100U);
  const Outcome text = train({"pattern1010-gan", "--seeds", "0..9", "--run", folder / "ten"});
  EXPECT_THAT(text.out, HasSubstr("converged "));
  EXPECT_THAT(text.out, HasSubstr("mean output[0]"));
}

/// A sweep trains block by block: a seed's row does not depend on which others are swept.
TEST(Train, SweepOfManySeedsIsThatOfFew) {
  const TemporaryFolder folder;
  const auto rows = [&](const std::string& seeds) {
    const Outcome outcome =
        train({"pattern1010-gan", "--iterations", "50", "--seeds", seeds, "-q", "--run", folder / seeds});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return read_file(folder / (seeds + "/runs.csv"));
  };
  const std::string many = rows("0..4200");
  EXPECT_EQ(std::count(many.begin(), many.end(), '\n'), 4202);
  std::string few = rows("2040..2060,4090..4200");
  few.erase(0, few.find('\n'));
  const std::size_t second = few.find("\n4090,");
  ASSERT_NE(second, std::string::npos);
  EXPECT_THAT(many, HasSubstr(few.substr(0, second)));
  EXPECT_THAT(many, ::testing::EndsWith(few.substr(second)));
}

}  // namespace
}  // namespace atelier::testing
