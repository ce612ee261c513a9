#include "models/judge/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <system_error>
#include <utility>

#include "models/atomic_file.h"
#include "models/cache_folder.h"
#include "models/judge/extractor.h"
#include "models/judge/frechet.h"
#include "models/judge/neighbours.h"
#include "models/judge/precision_recall.h"
#include "models/safetensors.h"
#include "runtime/error.h"

namespace atelier {
namespace {

namespace fs = std::filesystem;
using detail::Extractor;
using detail::Features;
using detail::FeatureStatistics;
using detail::Manifold;

constexpr int kNeighbours = 3;                   // of precision and recall
constexpr std::int64_t kMostOfManifold = 10000;  // vectors a side
constexpr std::int64_t kMostCompared = 1000;     // pictures whose nearest are looked for
constexpr double kModeShare = 0.01;
constexpr double kConfident = 0.9;
constexpr double kTrainingShare = 0.9;  // of the time that making a judge takes, about
constexpr const char* kFormat = "1";
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Metadata of a judge's file.
constexpr const char* kFormatKey = "atelier_judge";
constexpr const char* kRecipeKey = "recipe";
constexpr const char* kTrainKey = "train";
constexpr const char* kTestKey = "test";
constexpr const char* kChecksumKey = "checksum";

void require_data(const DataSet& train, const DataSet& test) {
  for (const DataSet* data : {&train, &test})
    if (data->count < 4 || data->labels.size() != static_cast<std::size_t>(data->count))
      throw InvalidArgument(
          fmt::format("{}: {} pictures with {} labels; a judge needs a training and a test set of labelled "
                      "pictures, 4 or more each",
                      data->name.empty() ? "data set" : data->name, data->count, data->labels.size()));
  if (train.width != test.width || train.height != test.height)
    throw InvalidArgument(
        fmt::format("{}: its pictures are {} x {}, those of {} are {} x {}; one size is due", test.name,
                    test.width, test.height, train.name, train.width, train.height));
}

/// What a judge's file must say to be that of these data.
struct Identity {
  std::string recipe;
  std::string train;
  std::string test;
};

Identity identity_of(const DataSet& train, const DataSet& test) {
  const std::int64_t classes = std::int64_t{*std::max_element(train.labels.begin(), train.labels.end())} + 1;
  return {Extractor::recipe(train.pixels_per_image(), classes), fingerprint(train), fingerprint(test)};
}

fs::path file_of(const fs::path& cache, const Identity& identity) {
  fs::path folder = cache;
  if (folder.empty()) folder = cache_folder();
  if (folder.empty())
    throw Error(
        "judge: there is no folder to keep its extractor in: neither $XDG_CACHE_HOME nor $HOME is "
        "set; name one");
  return folder / fmt::format("judge-{}-{}.safetensors", identity.train, identity.test);
}

/// The file, where it is whole and of these data.
std::optional<TensorFile> kept_file(const fs::path& path, const Identity& identity) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return std::nullopt;
  try {
    TensorFile file = read_safetensors(path);
    const auto says = [&file](const char* key, const std::string& value) {
      const auto found = file.metadata.find(key);
      return found != file.metadata.end() && found->second == value;
    };
    if (says(kFormatKey, kFormat) && says(kRecipeKey, identity.recipe) && says(kTrainKey, identity.train) &&
        says(kTestKey, identity.test) && says(kChecksumKey, detail::tensor_hash(file, "")))
      return file;
  } catch (const InvalidArgument&) {  // damaged: made again
  }
  return std::nullopt;
}

/// Throws Error where the file could not be written.
void require_writable(const fs::path& path) {
  std::error_code failure;
  fs::create_directories(path.parent_path(), failure);
  if (failure)
    throw Error(fmt::format("{}: the folder for the judge's extractor cannot be made: {}",
                            path.parent_path().string(), failure.message()));
  const AtomicFile trial(path, AtomicFile::Existing::replace);
}

std::vector<double> label_share(const Features& features, std::int64_t classes) {
  std::vector<double> share(static_cast<std::size_t>(classes), 0.0);
  for (const std::uint8_t label : features.classes) share[label] += 1.0;
  for (double& value : share) value /= static_cast<double>(features.count);
  return share;
}

double entropy_of(const std::vector<double>& share) {
  double entropy = 0;
  for (const double p : share)
    if (p > 0) entropy -= p * std::log(p);
  return entropy;
}

double divergence_of(const std::vector<double>& share, const std::vector<double>& reference) {
  double divergence = 0;
  for (std::size_t k = 0; k < share.size(); ++k)
    if (share[k] > 0) divergence += share[k] * std::log(share[k] / reference[k]);
  return divergence;
}

/// Every measure that needs no more than features and statistics.
Judgement quick_judgement(const Features& features, const FeatureStatistics& train,
                          const FeatureStatistics& test, const std::vector<double>& train_share) {
  Judgement result;
  const FeatureStatistics statistics = detail::statistics_of(features.values, features.dimension);
  result.count = features.count;
  result.frechet_to_train = detail::frechet_distance(statistics, train);
  result.frechet_to_test = detail::frechet_distance(statistics, test);
  result.label_share = label_share(features, static_cast<std::int64_t>(train_share.size()));
  result.modes = std::count_if(result.label_share.begin(), result.label_share.end(),
                               [](double share) { return share >= kModeShare; });
  result.entropy = entropy_of(result.label_share);
  result.divergence = divergence_of(result.label_share, train_share);
  const auto count = static_cast<double>(features.count);
  result.mean_confidence =
      std::accumulate(features.confidence.begin(), features.confidence.end(), 0.0) / count;
  result.confident_share =
      static_cast<double>(std::count_if(features.confidence.begin(), features.confidence.end(),
                                        [](double confidence) { return confidence >= kConfident; })) /
      count;
  result.precision = result.recall = result.memorisation = kNan;
  return result;
}

/// Features of at most kMostOfManifold pictures, evenly spread, with their balls.
Manifold manifold_of(Stream& stream, const Features& features) {
  const std::int64_t count = std::min(features.count, kMostOfManifold);
  std::vector<float> values;
  values.reserve(static_cast<std::size_t>(count * features.dimension));
  for (std::int64_t i = 0; i < count; ++i) {
    const auto row = features.values.begin() + i * features.count / count * features.dimension;
    values.insert(values.end(), row, row + features.dimension);
  }
  return detail::make_manifold(stream, std::move(values), features.dimension, kNeighbours);
}

double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2.0;
}

/// Fills in memorisation and neighbours. `own`: the pictures are of the test set.
void compare_pixels(Stream& stream, const DataSet& pictures, const DataSet& train, const DataSet& test,
                    bool own, Judgement& result) {
  std::vector<std::int64_t> numbers;
  const DataSet some = detail::evenly_spread(pictures, kMostCompared, &numbers);
  const auto in_train = detail::nearest_pictures(stream, some, train);
  const auto in_test =
      detail::nearest_pictures(stream, some, test, own ? numbers : std::vector<std::int64_t>{});
  std::vector<double> ratios;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const Neighbour neighbour{numbers[i], in_train[i].index, in_test[i].index, in_train[i].distance,
                              in_test[i].distance};
    result.neighbours.push_back(neighbour);
    ratios.push_back(neighbour.ratio());
  }
  result.memorisation = median_of(std::move(ratios));
}

/// The floor as a tensor, label shares last.
constexpr std::size_t kFloorNumbers = 10;
std::vector<double> numbers_of(const Judge::Floor& floor) {
  std::vector<double> numbers{floor.accuracy,        floor.frechet,
                              floor.precision,       floor.recall,
                              floor.memorisation,    floor.mean_confidence,
                              floor.confident_share, floor.entropy,
                              floor.divergence,      static_cast<double>(floor.modes)};
  numbers.insert(numbers.end(), floor.label_share.begin(), floor.label_share.end());
  return numbers;
}

Judge::Floor floor_from(const std::vector<double>& numbers) {
  Judge::Floor floor;
  floor.accuracy = numbers[0];
  floor.frechet = numbers[1];
  floor.precision = numbers[2];
  floor.recall = numbers[3];
  floor.memorisation = numbers[4];
  floor.mean_confidence = numbers[5];
  floor.confident_share = numbers[6];
  floor.entropy = numbers[7];
  floor.divergence = numbers[8];
  floor.modes = std::llround(numbers[9]);
  floor.label_share.assign(numbers.begin() + kFloorNumbers, numbers.end());
  return floor;
}

}  // namespace

double Neighbour::ratio() const {
  if (test_distance > 0) return train_distance / test_distance;
  return train_distance > 0 ? std::numeric_limits<double>::infinity() : 1.0;
}

struct Judge::State {
  State(Stream& stream, const DataSet& train_set, const DataSet& test_set,
        const std::function<void(double)>& progress)
      : train(train_set), test(test_set), extractor(stream, train, progress) {
    measure_real(stream);
  }
  State(Stream& stream, const DataSet& train_set, const DataSet& test_set, const TensorFile& file,
        const std::string& source);

  /// Statistics of the real data, and the floor.
  void measure_real(Stream& stream);
  [[nodiscard]] TensorFile file(const Identity& identity) const;
  const Manifold& real_manifold(Stream& stream) {
    if (!manifold)
      manifold =
          manifold_of(stream, extractor.features(stream, detail::evenly_spread(train, kMostOfManifold)));
    return *manifold;
  }
  [[nodiscard]] Judgement judge(Stream& stream, const DataSet& pictures, bool own);

  DataSet train;
  DataSet test;
  Extractor extractor;
  FeatureStatistics train_statistics;
  FeatureStatistics test_statistics;
  std::vector<double> train_share;
  Floor floor;
  std::optional<Manifold> manifold;  // of the training set, made when first asked for
};

Judge::State::State(Stream& stream, const DataSet& train_set, const DataSet& test_set, const TensorFile& file,
                    const std::string& source)
    : train(train_set), test(test_set), extractor(stream, file, source) {
  const auto d = static_cast<std::size_t>(extractor.dimension());
  train_statistics.mean = detail::load_doubles(file, "train_mean", d, source);
  train_statistics.covariance = detail::load_doubles(file, "train_covariance", d * d, source);
  test_statistics.mean = detail::load_doubles(file, "test_mean", d, source);
  test_statistics.covariance = detail::load_doubles(file, "test_covariance", d * d, source);
  const auto classes = static_cast<std::size_t>(extractor.classes());
  train_share = detail::load_doubles(file, "train_label_share", classes, source);
  floor = floor_from(detail::load_doubles(file, "floor", kFloorNumbers + classes, source));
}

void Judge::State::measure_real(Stream& stream) {
  const Features train_features = extractor.features(stream, train);
  const Features test_features = extractor.features(stream, test);
  train_statistics = detail::statistics_of(train_features.values, train_features.dimension);
  test_statistics = detail::statistics_of(test_features.values, test_features.dimension);
  train_share = label_share(train_features, extractor.classes());
  std::int64_t right = 0;
  for (std::size_t i = 0; i < test.labels.size(); ++i) right += test_features.classes[i] == test.labels[i];
  const Judgement real = judge(stream, test, true);
  floor.accuracy = static_cast<double>(right) / static_cast<double>(test.count);
  floor.frechet = real.frechet_to_train;
  floor.precision = real.precision;
  floor.recall = real.recall;
  floor.memorisation = real.memorisation;
  floor.mean_confidence = real.mean_confidence;
  floor.confident_share = real.confident_share;
  floor.entropy = real.entropy;
  floor.divergence = real.divergence;
  floor.modes = real.modes;
  floor.label_share = real.label_share;
}

TensorFile Judge::State::file(const Identity& identity) const {
  TensorFile file;
  extractor.save(file);
  detail::save_doubles(file, "train_mean", train_statistics.mean);
  detail::save_doubles(file, "train_covariance", train_statistics.covariance);
  detail::save_doubles(file, "test_mean", test_statistics.mean);
  detail::save_doubles(file, "test_covariance", test_statistics.covariance);
  detail::save_doubles(file, "train_label_share", train_share);
  detail::save_doubles(file, "floor", numbers_of(floor));
  file.metadata.emplace(kFormatKey, kFormat);
  file.metadata[kRecipeKey] = identity.recipe;
  file.metadata[kTrainKey] = identity.train;
  file.metadata[kTestKey] = identity.test;
  file.metadata[kChecksumKey] = detail::tensor_hash(file, "");
  return file;
}

Judgement Judge::State::judge(Stream& stream, const DataSet& pictures, bool own) {
  const Features features = extractor.features(stream, pictures);
  Judgement result = quick_judgement(features, train_statistics, test_statistics, train_share);
  const detail::Coverage coverage =
      detail::precision_and_recall(stream, real_manifold(stream), manifold_of(stream, features));
  result.precision = coverage.precision;
  result.recall = coverage.recall;
  compare_pixels(stream, pictures, train, test, own, result);
  return result;
}

Judge Judge::open(Stream& stream, const DataSet& train, const DataSet& test, const fs::path& cache,
                  const std::function<void(double)>& progress) {
  require_data(train, test);
  const Identity identity = identity_of(train, test);
  const fs::path path = file_of(cache, identity);
  if (const std::optional<TensorFile> file = kept_file(path, identity)) {
    if (progress) progress(1.0);
    return Judge(std::make_unique<State>(stream, train, test, *file, path.string()));
  }
  require_writable(path);
  auto state = std::make_unique<State>(stream, train, test, [&progress](double share) {
    if (progress) progress(kTrainingShare * share);
  });
  write_safetensors(path, state->file(identity));
  if (progress) progress(1.0);
  return Judge(std::move(state));
}

bool Judge::kept(const DataSet& train, const DataSet& test, const fs::path& cache) {
  require_data(train, test);
  const Identity identity = identity_of(train, test);
  return kept_file(file_of(cache, identity), identity).has_value();
}

Judge::Judge(std::unique_ptr<State> state) : state_(std::move(state)) {}
Judge::Judge(Judge&&) noexcept = default;
Judge& Judge::operator=(Judge&&) noexcept = default;
Judge::~Judge() = default;

const std::string& Judge::hash() const {
  return state_->extractor.hash();
}
const Judge::Floor& Judge::floor() const {
  return state_->floor;
}
const DataSet& Judge::train() const {
  return state_->train;
}
const DataSet& Judge::test() const {
  return state_->test;
}

Judgement Judge::judge(Stream& stream, const DataSet& pictures) {
  return state_->judge(stream, pictures, false);
}

Judgement Judge::judge_quickly(Stream& stream, const DataSet& pictures) {
  return quick_judgement(state_->extractor.features(stream, pictures), state_->train_statistics,
                         state_->test_statistics, state_->train_share);
}

}  // namespace atelier
