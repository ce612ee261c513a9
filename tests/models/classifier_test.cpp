// The learners that look at pictures: classifier, classifier-book, discriminator-noise.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <numeric>

#include "kernels/ordering.h"
#include "models/digits.h"
#include "models/learner.h"
#include "runtime/buffer.h"
#include "runtime/parallel.h"
#include "tests/devices.h"
#include "tests/models/data_files.h"

namespace atelier {
namespace {

namespace fs = std::filesystem;

TrainingConfig config_of(const std::string& preset, std::int64_t batch, std::int64_t epochs) {
  TrainingConfig config;
  config.preset = preset;
  config.seed = 11;
  config.data_set = "digits";
  config.batch = batch;
  config.epochs = epochs;
  return resolve_training(config);
}

/// The last `left` rows and columns cut off, so that a picture is small and simt is quick.
DataSet small_digits(std::int64_t count, std::int64_t first, std::int64_t side = 28) {
  const DataSet whole = make_digits(count, 3, first);
  DataSet data = whole;
  data.width = data.height = side;
  data.pixels.clear();
  const std::int64_t edge = (28 - side) / 2;
  for (std::int64_t i = 0; i < count; ++i)
    for (std::int64_t y = edge; y < edge + side; ++y)
      for (std::int64_t x = edge; x < edge + side; ++x)
        data.pixels.push_back(whole.pixels[static_cast<std::size_t>((i * 28 + y) * 28 + x)]);
  return data;
}

/// A number of a summary; NaN where there is none.
double number(const std::vector<SummaryEntry>& summary, const std::string& name) {
  for (const SummaryEntry& entry : summary)
    if (entry.name == name) {
      if (const auto* value = std::get_if<double>(&entry.value)) return *value;
      if (const auto* value = std::get_if<std::int64_t>(&entry.value)) return static_cast<double>(*value);
    }
  return std::numeric_limits<double>::quiet_NaN();
}

/// Equal to the last bit, and every name with it.
bool same(const TensorFile& a, const TensorFile& b) {
  return a.metadata == b.metadata && a.tensors.size() == b.tensors.size() &&
         std::equal(a.tensors.begin(), a.tensors.end(), b.tensors.begin(), [](const auto& x, const auto& y) {
           return x.first == y.first && x.second.type == y.second.type && x.second.shape == y.second.shape &&
                  x.second.bytes == y.second.bytes;
         });
}

/// Rows of metrics as text of their bits: NaN equals NaN.
std::vector<std::vector<std::uint64_t>> bits_of(const std::vector<std::vector<double>>& rows) {
  std::vector<std::vector<std::uint64_t>> bits;
  for (const std::vector<double>& row : rows) {
    bits.emplace_back(row.size());
    std::memcpy(bits.back().data(), row.data(), row.size() * sizeof(double));
  }
  return bits;
}

class PictureLearners : public ::testing::TestWithParam<Device> {};
INSTANTIATE_TEST_SUITE_P(Devices, PictureLearners, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

/// Part III's classifier in double precision, sample by sample, written from the article.
struct ReferenceClassifier {
  std::size_t inputs = 0;
  std::vector<double> w1, b1, w2, b2;

  static double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

  /// One SGD step on the mean over the batch and the outputs; returns the loss.
  double step(const std::vector<std::vector<double>>& batch, const std::vector<int>& labels, double rate) {
    std::vector<double> g1(w1.size()), gb1(b1.size()), g2(w2.size()), gb2(b2.size());
    double loss = 0;
    const double terms = 10.0 * static_cast<double>(batch.size());
    for (std::size_t s = 0; s < batch.size(); ++s) {
      std::vector<double> hidden(b1);
      for (std::size_t h = 0; h < b1.size(); ++h) {
        for (std::size_t i = 0; i < inputs; ++i) hidden[h] += w1[h * inputs + i] * batch[s][i];
        hidden[h] = sigmoid(hidden[h]);
      }
      std::vector<double> back(b1.size());
      for (std::size_t o = 0; o < 10; ++o) {
        double y = b2[o];
        for (std::size_t h = 0; h < b1.size(); ++h) y += w2[o * b1.size() + h] * hidden[h];
        y = sigmoid(y);
        const bool hit = static_cast<std::size_t>(labels[s]) == o;
        loss -= std::log(hit ? y : 1 - y) / terms;
        const double delta = (y - (hit ? 1 : 0)) / terms;
        gb2[o] += delta;
        for (std::size_t h = 0; h < b1.size(); ++h) {
          g2[o * b1.size() + h] += delta * hidden[h];
          back[h] += delta * w2[o * b1.size() + h];
        }
      }
      for (std::size_t h = 0; h < b1.size(); ++h) {
        const double delta = back[h] * hidden[h] * (1 - hidden[h]);
        gb1[h] += delta;
        for (std::size_t i = 0; i < inputs; ++i) g1[h * inputs + i] += delta * batch[s][i];
      }
    }
    const auto descend = [rate](std::vector<double>& values, const std::vector<double>& gradient) {
      for (std::size_t i = 0; i < values.size(); ++i) values[i] -= rate * gradient[i];
    };
    descend(w1, g1);
    descend(b1, gb1);
    descend(w2, g2);
    descend(b2, gb2);
    return loss;
  }
};

/// The samples of an epoch in the order in which they are learnt.
std::vector<std::int32_t> order_of(Stream& stream, std::int64_t samples, bool shuffle, std::uint64_t epoch) {
  std::vector<std::int32_t> order(static_cast<std::size_t>(samples));
  std::iota(order.begin(), order.end(), 0);
  if (!shuffle) return order;
  const Buffer<std::int32_t> shuffled(stream, samples);
  permutation(stream, {11, (std::uint64_t{1} << 32) + epoch}, shuffled.view());
  return download(stream, shuffled.view());
}

TEST_P(PictureLearners, ClassifierFollowsTheArticle) {
  Stream stream(GetParam());
  const DataSet train = small_digits(12, 0, 12);
  for (const auto& [batch, shuffle] : {std::pair<std::int64_t, bool>{1, false},
                                       {4, false},
                                       {12, false},
                                       {64, false},
                                       {1, true},
                                       {4, true}}) {
    TrainingConfig config = config_of("classifier", batch, 3);
    config.shuffle = shuffle;
    config.limit = 10;  // with batch 4: two batches of four and one of two
    config.learning_rate = 0.5;
    const std::unique_ptr<Learner> learner = make_learner(stream, config, train, {});
    const TensorFile start = learner->checkpoint();
    ReferenceClassifier reference;
    reference.inputs = 144;
    reference.w1 = start.tensors.at("network.0.weight").to_double();
    reference.b1 = start.tensors.at("network.0.bias").to_double();
    reference.w2 = start.tensors.at("network.2.weight").to_double();
    reference.b2 = start.tensors.at("network.2.bias").to_double();
    double last_epoch = 0;
    std::int64_t iterations = 0;
    for (std::uint64_t epoch = 0; epoch < 3; ++epoch) {
      const std::vector<std::int32_t> order = order_of(stream, 10, shuffle, epoch);
      last_epoch = 0;
      iterations = 0;
      for (std::int64_t first = 0; first < 10; first += batch, ++iterations) {
        std::vector<std::vector<double>> pictures;
        std::vector<int> labels;
        for (std::int64_t place = first; place < std::min<std::int64_t>(10, first + batch); ++place) {
          const std::int64_t s = order[static_cast<std::size_t>(place)];
          pictures.emplace_back();
          for (std::int64_t p = 0; p < 144; ++p)
            pictures.back().push_back(train.pixels[static_cast<std::size_t>(s * 144 + p)] / 255.0);
          labels.push_back(train.labels[static_cast<std::size_t>(s)]);
        }
        last_epoch += reference.step(pictures, labels, 0.5);
      }
    }
    EXPECT_EQ(learner->iterations(), 3 * iterations);
    EXPECT_EQ(learner->iterations_per_epoch(), iterations);
    learner->train(1000);
    EXPECT_EQ(learner->iteration(), 3 * iterations);
    const std::vector<std::vector<double>> rows = learner->take_metrics();
    ASSERT_EQ(rows.size(), 3U) << "one row an epoch";
    EXPECT_NEAR(rows.back().at(2), last_epoch / static_cast<double>(iterations), 1e-5);
    const TensorFile end = learner->checkpoint();
    testing::WorstError error;
    const auto compare = [&](const std::string& name, const std::vector<double>& values) {
      const std::vector<double> found = end.tensors.at("network." + name).to_double();
      ASSERT_EQ(found.size(), values.size());
      for (std::size_t i = 0; i < values.size(); ++i) error.add(std::abs(found[i] - values[i]));
    };
    compare("0.weight", reference.w1);
    compare("0.bias", reference.b1);
    compare("2.weight", reference.w2);
    compare("2.bias", reference.b2);
    EXPECT_LT(error.value(), 2e-6) << "batch " << batch;
  }
}

/// Everything a run leaves: its last checkpoint and all rows of metrics.
struct Outcome {
  TensorFile checkpoint;
  std::vector<std::vector<double>> rows;
};

void run_to(Learner& learner, std::int64_t iteration, Outcome& outcome) {
  learner.train(iteration - learner.iteration());
  for (auto& row : learner.take_metrics()) outcome.rows.push_back(std::move(row));
  outcome.checkpoint = learner.checkpoint();
}

TEST_P(PictureLearners, ResumedAnywhereIsTheSameRun) {
  Stream stream(GetParam());
  const DataSet train = small_digits(13, 0, 8);
  const DataSet test = small_digits(9, 13, 8);
  for (const char* preset : {"classifier", "classifier-book", "discriminator-noise"})
    for (const bool shuffle : {false, true}) {
      TrainingConfig config = config_of(preset, 4, 3);
      config.shuffle = shuffle;
      const auto fresh = [&] { return make_learner(stream, config, train, test); };
      Outcome whole;
      const std::unique_ptr<Learner> uncut = fresh();
      run_to(*uncut, 12, whole);
      EXPECT_EQ(whole.rows.size(), 3U);
      for (std::int64_t cut = 0; cut <= 12; cut += GetParam().kind() == DeviceKind::cpu ? 1 : 5) {
        Outcome pieces;
        const std::unique_ptr<Learner> before = fresh();
        run_to(*before, cut, pieces);
        const std::unique_ptr<Learner> after = fresh();
        if (cut % 2 == 0) after->train(5);  // what it did before must not matter
        after->restore(pieces.checkpoint);
        EXPECT_EQ(after->iteration(), cut);
        EXPECT_TRUE(same(after->checkpoint(), pieces.checkpoint));
        run_to(*after, 12, pieces);
        EXPECT_TRUE(same(pieces.checkpoint, whole.checkpoint)) << preset << ", cut at " << cut;
        EXPECT_EQ(bits_of(pieces.rows), bits_of(whole.rows)) << preset << ", cut at " << cut;
      }
      TrainingConfig other_seed = config;
      other_seed.seed = 12;
      Outcome other;
      run_to(*make_learner(stream, other_seed, train, test), 12, other);
      EXPECT_FALSE(other.checkpoint.tensors.at("iteration").bytes.empty());
      EXPECT_NE(bits_of(other.rows), bits_of(whole.rows));
    }
}

TEST_P(PictureLearners, RestoreRefusesAnotherRun) {
  Stream stream(GetParam());
  const DataSet train = small_digits(13, 0, 8);
  const TrainingConfig config = config_of("classifier", 4, 3);
  const std::unique_ptr<Learner> learner = make_learner(stream, config, train, {});
  learner->train(2);
  const TensorFile good = learner->checkpoint();
  const auto refused = [&](const TensorFile& file) {
    return testing::message_of([&] { learner->restore(file); });
  };
  TrainingConfig other = config;
  other.seed = 12;
  EXPECT_FALSE(refused(make_learner(stream, other, train, {})->checkpoint()).empty());
  EXPECT_FALSE(
      refused(make_learner(stream, config_of("classifier-book", 4, 3), train, {})->checkpoint()).empty());
  DataSet changed = train;
  changed.pixels[5] ^= 1U;
  EXPECT_NE(refused(make_learner(stream, config, changed, {})->checkpoint()).find("other training data"),
            std::string::npos);
  TensorFile without = good;
  without.tensors.erase("loss.sum");
  EXPECT_NE(refused(without).find("loss.sum"), std::string::npos);
  EXPECT_TRUE(same(learner->checkpoint(), good)) << "a refusal leaves the learner as it was";
}

TEST(Classifier, RefusesDataOfTheWrongShape) {
  Stream stream(Device(DeviceKind::cpu));
  const TrainingConfig config = config_of("classifier", 4, 3);
  const DataSet train = small_digits(13, 0, 8);
  EXPECT_MESSAGE(make_learner(stream, config, {}, {}), "needs pictures to train on");
  DataSet bare = train;
  bare.labels.clear();
  EXPECT_MESSAGE(make_learner(stream, config, bare, {}), "have no labels");
  DataSet eleven = train;
  eleven.labels[3] = 10;
  EXPECT_MESSAGE(make_learner(stream, config, eleven, {}), "a picture is labelled 10");
  EXPECT_MESSAGE(make_learner(stream, config, train, small_digits(5, 20, 10)), "10 x 10");
  TrainingConfig noise = config_of("discriminator-noise", 4, 1);
  EXPECT_EQ(make_learner(stream, noise, bare, {})->iterations(), 4);  // needs no labels
  EXPECT_MESSAGE(make_learner(stream, noise, train, small_digits(5, 20, 10)), "10 x 10");
}

TEST(Classifier, AnyNumberOfThreads) {
  const DataSet train = small_digits(200, 0);
  for (const char* preset : {"classifier", "classifier-book", "discriminator-noise"}) {
    std::vector<TensorFile> ends;
    for (const int threads : {1, 2, 5}) {
      set_cpu_threads(threads);
      Stream stream(Device(DeviceKind::cpu));
      const std::unique_ptr<Learner> learner = make_learner(stream, config_of(preset, 64, 2), train, {});
      learner->train(1000);
      ends.push_back(learner->checkpoint());
    }
    set_cpu_threads(0);
    EXPECT_TRUE(same(ends[0], ends[1]));
    EXPECT_TRUE(same(ends[0], ends[2]));
  }
}

TEST(Classifier, LearnsDigitsAndCountsItsErrors) {
  Stream stream(Device(DeviceKind::cpu));
  const DataSet train = small_digits(3000, 0);
  const DataSet test = small_digits(500, 3000);
  const std::unique_ptr<Learner> learner =
      make_learner(stream, config_of("classifier-book", 1, 2), train, test);
  learner->train(learner->iterations());
  const std::vector<SummaryEntry> summary = learner->summary();
  EXPECT_GE(number(summary, "test_accuracy"), 0.85);
  EXPECT_EQ(number(summary, "test_pictures"), 500);
  const auto entry =
      std::find_if(summary.begin(), summary.end(), [](const auto& e) { return e.name == "confusion"; });
  ASSERT_NE(entry, summary.end());
  const auto& confusion = std::get<std::vector<std::int64_t>>(entry->value);
  ASSERT_EQ(confusion.size(), 100U);
  std::int64_t diagonal = 0;
  for (std::size_t row = 0; row < 10; ++row) {
    diagonal += confusion[row * 11];
    EXPECT_EQ(
        std::accumulate(confusion.begin() + static_cast<std::ptrdiff_t>(row * 10),
                        confusion.begin() + static_cast<std::ptrdiff_t>(row * 10 + 10), std::int64_t{0}),
        50);
  }
  EXPECT_EQ(static_cast<double>(diagonal), number(summary, "right_answers"));
  const std::vector<std::vector<double>> rows = learner->take_metrics();
  ASSERT_EQ(rows.size(), 60U);
  EXPECT_EQ(rows[0].at(0), 100);
  EXPECT_TRUE(std::isnan(rows[0].at(3)));
  EXPECT_EQ(rows[59].at(1), 2);
  EXPECT_EQ(rows[59].at(3), number(summary, "test_accuracy"));
  EXPECT_LT(rows[59].at(2), 0.5 * rows[0].at(2));
  const std::vector<GrayPicture> wrong = learner->samples();
  ASSERT_EQ(wrong.size(), 1U);
  EXPECT_EQ(wrong[0].pixels.size(), static_cast<std::size_t>(wrong[0].width * wrong[0].height));
}

TEST(DiscriminatorNoise, TellsPicturesFromNoise) {
  Stream stream(Device(DeviceKind::cpu));
  const std::unique_ptr<Learner> learner = make_learner(stream, config_of("discriminator-noise", 1, 1),
                                                        small_digits(1500, 0), small_digits(200, 1500));
  const double before = number(learner->summary(), "mean_output_on_real_pictures");
  learner->train(learner->iterations());
  const std::vector<SummaryEntry> summary = learner->summary();
  EXPECT_GE(number(summary, "mean_output_on_real_pictures"), 0.95);
  EXPECT_LE(number(summary, "mean_output_on_noise"), 0.05);
  EXPECT_LT(before, 0.9);
  EXPECT_EQ(learner->take_metrics().size(), 15U);
}

/// MNIST where its files are at hand.
std::unique_ptr<Learner> mnist_learner(Stream& stream, TrainingConfig config) {
  config.data_set = "mnist";
  const fs::path beside = fs::path(ATELIER_SOURCE_FOLDER) / ".." / "shared" / "data";
  const fs::path data = fs::exists(beside / "mnist") ? beside : fs::path{};
  try {
    return make_learner(stream, config, load_data_set("mnist", Split::train, data),
                        load_data_set("mnist", Split::test, data));
  } catch (const InvalidArgument&) {
    return nullptr;
  }
}

TEST(Classifier, LearnsAPieceOfMnist) {
  Stream stream(Device(DeviceKind::cpu));
  TrainingConfig config = config_of("classifier-book", 1, 1);
  config.limit = 3000;
  const std::unique_ptr<Learner> learner = mnist_learner(stream, config);
  if (!learner) GTEST_SKIP() << "MNIST's files are not here";
  learner->train(learner->iterations());
  EXPECT_GE(number(learner->summary(), "test_accuracy"), 0.85);
}

TEST(ClassifierLong, TheArticlesAccuracy) {
  Stream stream(Device(DeviceKind::cpu));
  const std::unique_ptr<Learner> article = mnist_learner(stream, config_of("classifier", 1, 3));
  if (!article) GTEST_SKIP() << "MNIST's files are not here";
  article->train(article->iterations());
  EXPECT_NEAR(number(article->summary(), "test_accuracy"), 0.904, 0.005);
  const std::unique_ptr<Learner> book = mnist_learner(stream, config_of("classifier-book", 1, 3));
  book->train(book->iterations());
  EXPECT_GE(number(book->summary(), "test_accuracy"), 0.970);
}

TEST(ClassifierLong, DigitsAreReadable) {
  Stream stream(Device(DeviceKind::cpu));
  const std::unique_ptr<Learner> learner =
      make_learner(stream, config_of("classifier-book", 1, 3), load_data_set("digits", Split::train),
                   load_data_set("digits", Split::test));
  learner->train(learner->iterations());
  const double accuracy = number(learner->summary(), "test_accuracy");
  EXPECT_GE(accuracy, 0.970);
  EXPECT_LE(accuracy, 0.998) << "digits that are too easy";
}

}  // namespace
}  // namespace atelier
