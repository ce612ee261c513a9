// A judge of small digits: what it learns, what it keeps, what it says of pictures of every kind.
#include "models/judge/judge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "models/digits.h"
#include "models/judge/extractor.h"
#include "runtime/error.h"
#include "runtime/parallel.h"
#include "tests/devices.h"
#include "tests/models/data_files.h"
#include "tests/models/reference_network.h"
#include "tests/models/test_folder.h"

namespace atelier {
namespace {

using testing::TestFolder;
using testing::WorstError;

/// Every second pixel across and down: a quarter of the work.
DataSet halved(const DataSet& data) {
  DataSet small = data;
  small.width = data.width / 2;
  small.height = data.height / 2;
  small.pixels.clear();
  for (std::int64_t i = 0; i < data.count; ++i)
    for (std::int64_t y = 0; y < small.height; ++y)
      for (std::int64_t x = 0; x < small.width; ++x)
        small.pixels.push_back(
            data.pixels[static_cast<std::size_t>((i * data.height + 2 * y) * data.width + 2 * x)]);
  return small;
}

const DataSet& train_digits() {
  static const DataSet data = halved(make_digits(2500, 7));
  return data;
}
const DataSet& test_digits() {
  static const DataSet data = halved(make_digits(400, 7, 2500));
  return data;
}

/// Pictures of these numbers of a set, in this order.
DataSet chosen(const DataSet& data, const std::vector<std::int64_t>& numbers) {
  DataSet some = data;
  some.count = static_cast<std::int64_t>(numbers.size());
  some.pixels.clear();
  some.labels.clear();
  for (const std::int64_t number : numbers) {
    const auto first = data.pixels.begin() + number * data.pixels_per_image();
    some.pixels.insert(some.pixels.end(), first, first + data.pixels_per_image());
    some.labels.push_back(data.labels[static_cast<std::size_t>(number)]);
  }
  return some;
}

/// The judge that all tests share, made once on the cpu and kept in a folder that ends with the program.
const std::filesystem::path& shared_cache() {
  static const TestFolder folder;
  static const bool made = [] {
    Stream stream(Device(DeviceKind::cpu));
    (void)Judge::open(stream, train_digits(), test_digits(), folder.path());
    return true;
  }();
  EXPECT_TRUE(made);
  return folder.path();
}

Judge shared_judge(Stream& stream) {
  return Judge::open(stream, train_digits(), test_digits(), shared_cache());
}

std::filesystem::path only_file(const std::filesystem::path& folder) {
  const std::filesystem::directory_iterator begin(folder);
  EXPECT_EQ(std::distance(begin, std::filesystem::directory_iterator()), 1);
  return std::filesystem::directory_iterator(folder)->path();
}

// ---- the extractor -------------------------------------------------------------------------------------

class JudgeOnDevices : public ::testing::TestWithParam<Device> {
 protected:
  Stream stream_{GetParam()};
};

TEST_P(JudgeOnDevices, FeaturesAreThoseOfTheNetworkInDouble) {
  const TensorFile file = read_safetensors(only_file(shared_cache()));
  detail::Extractor extractor(stream_, file, "test");
  constexpr std::int64_t kPictures = 30;
  std::vector<std::int64_t> numbers(kPictures);
  std::iota(numbers.begin(), numbers.end(), 5);
  const DataSet pictures = chosen(test_digits(), numbers);
  const detail::Features got = extractor.features(stream_, pictures);
  ASSERT_EQ(got.count, kPictures);

  // The whole network gives logits; without its last layer, features.
  const NetworkDescription whole = network_from_text(file.metadata.at("extractor_network"));
  NetworkDescription trunk = whole;
  trunk.layers.pop_back();
  ASSERT_EQ(got.dimension, trunk.outputs());
  std::vector<double> input;
  for (const std::uint8_t pixel : pictures.pixels) input.push_back(pixel / 255.0);
  const auto forward = [&](const NetworkDescription& description) {
    testing::ReferenceNetwork network(description);
    for (const auto& [name, tensor] : file.tensors)
      if (name.starts_with("extractor.") && !name.starts_with("extractor.feature"))
        network.set(name.substr(std::string("extractor.").size()), tensor.to_double());
    network.set_input(kPictures, input);
    return network.forward();
  };
  const std::vector<double> features = forward(trunk);
  const std::vector<double> logits = forward(whole);
  const std::vector<double> mean = file.tensors.at("extractor.feature_mean").to_double();
  const std::vector<double> scale = file.tensors.at("extractor.feature_scale").to_double();
  WorstError error;
  for (std::size_t i = 0; i < features.size(); ++i) {
    const std::size_t column = i % mean.size();
    error.add(std::fabs(double{got.values[i]} - (features[i] - mean[column]) * scale[column]));
  }
  EXPECT_LE(error.value(), 1e-4);
  const std::size_t classes = logits.size() / kPictures;
  for (std::size_t i = 0; i < kPictures; ++i) {
    const auto first = logits.begin() + static_cast<std::ptrdiff_t>(i * classes);
    const auto best = std::max_element(first, first + static_cast<std::ptrdiff_t>(classes));
    double sum = 0;
    for (std::size_t k = 0; k < classes; ++k) sum += std::exp(first[static_cast<std::ptrdiff_t>(k)]);
    EXPECT_EQ(got.classes[i], best - first);
    EXPECT_NEAR(got.confidence[i], std::exp(*best) / sum, 1e-4);
  }
}

TEST_P(JudgeOnDevices, FeaturesAreStandardised) {
  detail::Extractor extractor(stream_, read_safetensors(only_file(shared_cache())), "test");
  const detail::Features got = extractor.features(stream_, train_digits());
  const auto columns = static_cast<std::size_t>(got.dimension);
  std::vector<double> mean(columns, 0.0);
  std::vector<double> square(columns, 0.0);
  for (std::size_t i = 0; i < got.values.size(); ++i) {
    mean[i % columns] += double{got.values[i]} / static_cast<double>(got.count);
    square[i % columns] += double{got.values[i]} * double{got.values[i]} / static_cast<double>(got.count);
  }
  WorstError error;
  for (std::size_t c = 0; c < columns; ++c) {
    error.add(std::fabs(mean[c]));
    error.add(std::fabs(square[c] - 1));
  }
  EXPECT_LE(error.value(), 1e-4);
}

TEST_P(JudgeOnDevices, APicturesFeaturesDoNotDependOnTheOthers) {
  detail::Extractor extractor(stream_, read_safetensors(only_file(shared_cache())), "test");
  const detail::Features all = extractor.features(stream_, test_digits());  // 400: two batches
  const detail::Features some = extractor.features(stream_, chosen(test_digits(), {399, 3, 260}));
  const auto row = [](const detail::Features& features, std::int64_t number) {
    const auto first = features.values.begin() + number * features.dimension;
    return std::vector<float>(first, first + features.dimension);
  };
  EXPECT_EQ(row(some, 0), row(all, 399));
  EXPECT_EQ(row(some, 1), row(all, 3));
  EXPECT_EQ(row(some, 2), row(all, 260));
}

TEST_P(JudgeOnDevices, AllDevicesJudgeWithTheSameExtractor) {
  Stream cpu(Device(DeviceKind::cpu));
  Judge expected = shared_judge(cpu);
  Judge judge = shared_judge(stream_);
  EXPECT_EQ(judge.hash(), expected.hash());
  std::vector<std::int64_t> numbers(200);
  std::iota(numbers.begin(), numbers.end(), 0);
  const DataSet pictures = chosen(test_digits(), numbers);
  const Judgement a = judge.judge_quickly(stream_, pictures);
  const Judgement b = expected.judge_quickly(cpu, pictures);
  EXPECT_NEAR(a.frechet_to_train, b.frechet_to_train, 1e-4 * b.frechet_to_train);
  EXPECT_EQ(a.label_share, b.label_share);
}

INSTANTIATE_TEST_SUITE_P(Devices, JudgeOnDevices, ::testing::ValuesIn(testing::test_devices()),
                         testing::device_test_name);

// ---- what it keeps -------------------------------------------------------------------------------------

class JudgeTest : public ::testing::Test {
 protected:
  Stream stream_{Device(DeviceKind::cpu)};
};

TEST_F(JudgeTest, LearnsItsDigits) {
  const Judge judge = shared_judge(stream_);
  EXPECT_GE(judge.floor().accuracy, 0.8);
  EXPECT_GT(judge.floor().frechet, 0);
  EXPECT_EQ(judge.hash().size(), 16U);
  EXPECT_EQ(judge.hash().find_first_not_of("0123456789abcdef"), std::string::npos);
}

TEST_F(JudgeTest, IsTheSameForAnyNumberOfThreads) {
  const DataSet train =
      chosen(train_digits(), {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17});
  const auto made_with = [&](int threads) {
    const TestFolder folder;
    set_cpu_threads(threads);
    const Judge judge = Judge::open(stream_, train, test_digits(), folder.path());
    set_cpu_threads(0);
    std::ifstream file(only_file(folder.path()), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const std::string one = made_with(1);
  EXPECT_FALSE(one.empty());
  EXPECT_EQ(made_with(3), one);
}

TEST_F(JudgeTest, KeepsItsExtractor) {
  EXPECT_TRUE(Judge::kept(train_digits(), test_digits(), shared_cache()));
  std::vector<double> shares;
  Judge again = Judge::open(stream_, train_digits(), test_digits(), shared_cache(),
                            [&shares](double share) { shares.push_back(share); });
  EXPECT_EQ(shares, (std::vector<double>{1.0})) << "nothing was learned anew";
  const Judge judge = shared_judge(stream_);
  EXPECT_EQ(again.hash(), judge.hash());
  // The kept floor is what judging the test set gives.
  const Judgement real = again.judge_quickly(stream_, test_digits());
  EXPECT_DOUBLE_EQ(real.frechet_to_train, again.floor().frechet);
  EXPECT_EQ(real.label_share, again.floor().label_share);
  EXPECT_EQ(real.modes, again.floor().modes);
}

TEST_F(JudgeTest, MakesADamagedFileAnew) {
  const DataSet train = chosen(train_digits(), {0, 1, 2, 3, 4, 5, 6, 7});
  const TestFolder folder;
  const std::string hash = Judge::open(stream_, train, test_digits(), folder.path()).hash();
  const std::filesystem::path path = only_file(folder.path());
  const auto bytes = static_cast<std::streamoff>(std::filesystem::file_size(path));
  for (const bool cut : {false, true}) {
    if (cut) {
      std::filesystem::resize_file(path, static_cast<std::uintmax_t>(bytes / 2));
    } else {
      std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
      file.seekp(bytes - 40);
      file.put('\x55');
    }
    EXPECT_FALSE(Judge::kept(train, test_digits(), folder.path()));
    EXPECT_EQ(Judge::open(stream_, train, test_digits(), folder.path()).hash(), hash);
    EXPECT_TRUE(Judge::kept(train, test_digits(), folder.path()));
  }
  // Other data, another judge.
  EXPECT_FALSE(Judge::kept(chosen(train_digits(), {0, 1, 2, 3, 4, 5, 6, 8}), test_digits(), folder.path()));
  EXPECT_FALSE(Judge::kept(train, chosen(test_digits(), {0, 1, 2, 3}), folder.path()));
}

TEST_F(JudgeTest, TellsHowFarItIs) {
  const DataSet train = chosen(train_digits(), {0, 1, 2, 3, 4, 5, 6, 7});
  const TestFolder folder;
  std::vector<double> shares;
  (void)Judge::open(stream_, train, test_digits(), folder.path(),
                    [&](double share) { shares.push_back(share); });
  ASSERT_GE(shares.size(), 3U);
  EXPECT_TRUE(std::is_sorted(shares.begin(), shares.end()));
  EXPECT_EQ(shares.front(), 0);
  EXPECT_EQ(shares.back(), 1);
}

TEST_F(JudgeTest, RefusesDataThatItCannotLearnFrom) {
  const TestFolder folder;
  const auto message = [&](const DataSet& train, const DataSet& test) {
    return testing::message_of([&] { (void)Judge::open(stream_, train, test, folder.path()); });
  };
  DataSet blank = chosen(train_digits(), {0, 1, 2, 3, 4});
  blank.labels.clear();
  EXPECT_NE(message(blank, test_digits()).find("5 pictures with 0 labels"), std::string::npos);
  EXPECT_NE(message(train_digits(), DataSet{}).find("labelled pictures"), std::string::npos);
  DataSet alike = chosen(train_digits(), {0, 1, 2, 3, 4});
  std::fill(alike.labels.begin(), alike.labels.end(), std::uint8_t{3});
  EXPECT_NE(message(alike, test_digits()).find("every picture is labelled 3"), std::string::npos);
  EXPECT_NE(message(make_digits(20, 1), test_digits()).find("14 x 14"), std::string::npos);
  // A folder that cannot be made: known before the training.
  std::ofstream(folder.path() / "file") << "taken";
  const std::string closed = testing::message_of(
      [&] { (void)Judge::open(stream_, train_digits(), test_digits(), folder.path() / "file" / "inside"); });
  EXPECT_NE(closed.find("cannot be made"), std::string::npos) << closed;
}

// ---- what it says --------------------------------------------------------------------------------------

TEST_F(JudgeTest, RealPicturesAreNearTheFloor) {
  Judge judge = shared_judge(stream_);
  const Judgement real = judge.judge(stream_, halved(make_digits(400, 7, 5000)));
  EXPECT_EQ(real.count, 400);
  EXPECT_LT(real.frechet_to_train, 2 * judge.floor().frechet);
  EXPECT_EQ(real.modes, 10);
  EXPECT_GT(real.entropy, 2.25);
  EXPECT_LT(real.divergence, 0.02);
  EXPECT_GT(real.mean_confidence, 0.7);
  EXPECT_NEAR(real.precision, judge.floor().precision, 0.1);
  EXPECT_NEAR(real.recall, judge.floor().recall, 0.1);
  EXPECT_NEAR(real.memorisation, judge.floor().memorisation, 0.1);
  EXPECT_EQ(real.neighbours.size(), 400U);
  // Pictures that it knows are at no distance.
  const Judgement known = judge.judge_quickly(stream_, train_digits());
  EXPECT_LT(known.frechet_to_train, 1e-6);
  EXPECT_LT(judge.judge_quickly(stream_, test_digits()).frechet_to_test, 1e-6);
}

TEST_F(JudgeTest, SharesEntropyAndDivergenceAreThoseOfTheClasses) {
  Judge judge = shared_judge(stream_);
  detail::Extractor extractor(stream_, read_safetensors(only_file(shared_cache())), "test");
  const auto shares_of = [&](const DataSet& data) {
    std::vector<double> shares(10, 0.0);
    for (const std::uint8_t label : extractor.features(stream_, data).classes)
      shares[label] += 1.0 / static_cast<double>(data.count);
    return shares;
  };
  std::vector<std::int64_t> low;  // mostly 0 to 3
  for (std::int64_t i = 0; i < test_digits().count; ++i)
    if (test_digits().labels[static_cast<std::size_t>(i)] < 4 || i % 40 == 0) low.push_back(i);
  const DataSet pictures = chosen(test_digits(), low);
  const Judgement got = judge.judge_quickly(stream_, pictures);
  const std::vector<double> shares = shares_of(pictures);
  const std::vector<double> real = shares_of(train_digits());
  double entropy = 0;
  double divergence = 0;
  std::int64_t modes = 0;
  for (std::size_t k = 0; k < 10; ++k) {
    EXPECT_NEAR(got.label_share[k], shares[k], 1e-12);
    if (shares[k] > 0) entropy -= shares[k] * std::log(shares[k]);
    if (shares[k] > 0) divergence += shares[k] * std::log(shares[k] / real[k]);
    modes += shares[k] >= 0.01 ? 1 : 0;
  }
  EXPECT_NEAR(got.entropy, entropy, 1e-12);
  EXPECT_NEAR(got.divergence, divergence, 1e-12);
  EXPECT_EQ(got.modes, modes);
  EXPECT_GE(got.modes, 4);
  EXPECT_LT(got.modes, 10);
  EXPECT_GT(got.divergence, 0.5);
}

TEST_F(JudgeTest, RecognisesCollapse) {
  Judge judge = shared_judge(stream_);
  const Judgement got = judge.judge(stream_, chosen(test_digits(), std::vector<std::int64_t>(300, 17)));
  EXPECT_EQ(got.modes, 1);
  EXPECT_EQ(got.entropy, 0);
  EXPECT_EQ(got.recall, 0);
  EXPECT_NEAR(got.divergence, std::log(10.0), 0.1);
  EXPECT_GT(got.frechet_to_train, 10 * judge.floor().frechet);
}

TEST_F(JudgeTest, RecognisesNoise) {
  Judge judge = shared_judge(stream_);
  DataSet noise = chosen(test_digits(), std::vector<std::int64_t>(300, 0));
  std::mt19937 random(3);
  for (std::uint8_t& pixel : noise.pixels) pixel = static_cast<std::uint8_t>(random() % 256);
  const Judgement got = judge.judge(stream_, noise);
  EXPECT_LT(got.recall, 0.1);
  EXPECT_GT(got.divergence, 0.5);
  EXPECT_GT(got.frechet_to_train, 10 * judge.floor().frechet);
}

TEST_F(JudgeTest, RecognisesCopies) {
  Judge judge = shared_judge(stream_);
  const Judgement train_copies = judge.judge(stream_, chosen(train_digits(), {5, 900, 7, 999, 3, 44}));
  EXPECT_EQ(train_copies.memorisation, 0);
  ASSERT_EQ(train_copies.neighbours.size(), 6U);
  EXPECT_EQ(train_copies.neighbours[1].picture, 1);
  EXPECT_EQ(train_copies.neighbours[1].in_train, 900);
  EXPECT_EQ(train_copies.neighbours[1].train_distance, 0);
  EXPECT_GT(train_copies.neighbours[1].test_distance, 0);
  const Judgement test_copies = judge.judge(stream_, chosen(test_digits(), {5, 300, 7}));
  EXPECT_TRUE(std::isinf(test_copies.memorisation));
  EXPECT_EQ(test_copies.neighbours[1].in_test, 300);
  EXPECT_GT(judge.floor().memorisation, 0.5) << "a test picture is no copy of itself";
  EXPECT_LT(judge.floor().memorisation, 1.1);
}

TEST_F(JudgeTest, AQuickJudgementIsPartOfTheWhole) {
  Judge judge = shared_judge(stream_);
  const DataSet pictures = halved(make_digits(100, 9));
  const Judgement whole = judge.judge(stream_, pictures);
  const Judgement quick = judge.judge_quickly(stream_, pictures);
  EXPECT_EQ(quick.frechet_to_train, whole.frechet_to_train);
  EXPECT_EQ(quick.frechet_to_test, whole.frechet_to_test);
  EXPECT_EQ(quick.label_share, whole.label_share);
  EXPECT_EQ(quick.mean_confidence, whole.mean_confidence);
  EXPECT_EQ(quick.confident_share, whole.confident_share);
  EXPECT_TRUE(std::isnan(quick.precision));
  EXPECT_TRUE(std::isnan(quick.recall));
  EXPECT_TRUE(std::isnan(quick.memorisation));
  EXPECT_TRUE(quick.neighbours.empty());
}

TEST_F(JudgeTest, RefusesPicturesOfAnotherSize) {
  Judge judge = shared_judge(stream_);
  EXPECT_MESSAGE(judge.judge(stream_, make_digits(10, 1)), "28 x 28");
  EXPECT_THROW((void)judge.judge_quickly(stream_, chosen(test_digits(), {1})), InvalidArgument);
  EXPECT_THROW((void)judge.judge(stream_, chosen(test_digits(), {})), InvalidArgument);
}

// ---- MNIST ---------------------------------------------------------------------------------------------

TEST(JudgeLong, KnowsMnist) {
  DataSet train;
  DataSet test;
  try {
    train = load_data_set("mnist", Split::train);
    test = load_data_set("mnist", Split::test);
  } catch (const InvalidArgument&) {
    GTEST_SKIP() << "MNIST's files are not here";
  }
  const TestFolder folder;
  Stream stream(Device(DeviceKind::cpu));
  Judge judge = Judge::open(stream, train, test, folder.path());
  EXPECT_GE(judge.floor().accuracy, 0.985);
  EXPECT_LT(judge.floor().frechet, 1.0);
  EXPECT_GT(judge.floor().precision, 0.75);
  EXPECT_GT(judge.floor().recall, 0.75);
  EXPECT_EQ(judge.floor().modes, 10);
  EXPECT_NEAR(judge.floor().entropy, 2.301, 0.005);
}

}  // namespace
}  // namespace atelier
