#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <numeric>
#include <optional>
#include <string_view>

#include "models/json_document.h"
#include "models/learner.h"
#include "models/learners/factories.h"
#include "models/learners/gan_config.h"
#include "runtime/error.h"

namespace atelier {
namespace {

enum class Family : std::uint8_t { nodes, pattern1010, classifier, discriminator_noise, gan };

/// What a preset of a GAN on pictures decides beside.
struct GanDefaults {
  const char* discriminator = "";
  const char* generator = "";
  const char* optimizer = "";
  const char* split = "";
  // What gan-modern adds to the articles' loop.
  const char* loss = "bce";
  std::int64_t discriminator_steps = 2;
  double gradient_penalty = 0;
  double average = 0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  bool shuffle = false;
};

/// What a preset decides when nobody says otherwise. An option without a value here is one that it does not
/// have; `limit` and `shuffle` belong to data.
struct Row {
  TrainingPreset preset;
  Family family;
  bool torch_seed;  // it draws parameters
  std::optional<std::int64_t> epochs;
  std::optional<std::int64_t> iterations;
  std::optional<std::int64_t> batch;
  double learning_rate;
  GanDefaults gan = {};
};

const std::vector<Row>& rows() {
  static const std::vector<Row> table{
      {{"nodes-discriminator", "one parameter learns to tell 1.0 from noise", "Part I", ""},
       Family::nodes,
       false,
       {},
       300,
       {},
       0.05},
      {{"nodes-gan", "one parameter forges, one judges", "Part I", ""},
       Family::nodes,
       false,
       {},
       300,
       {},
       0.05},
      {{"pattern1010-discriminator", "4-3-1 learns to tell 1010 from 0101", "Part II", ""},
       Family::pattern1010,
       true,
       {},
       10000,
       {},
       0.01},
      {{"pattern1010-gan", "4-4-4 learns to forge 1010 against 4-3-1", "Part II", ""},
       Family::pattern1010,
       true,
       {},
       10000,
       {},
       0.01},
      {{"classifier", "784-200-10 sigmoid classifier, BCE, SGD", "Part III", "mnist"},
       Family::classifier,
       true,
       3,
       {},
       1,
       0.01},
      {{"classifier-book", "784-200-10 with LeakyReLU, LayerNorm and Adam", "Book", "mnist"},
       Family::classifier,
       true,
       3,
       {},
       1,
       0.001},
      {{"discriminator-noise", "784-200-1 learns to tell pictures from noise", "Part III", "mnist"},
       Family::discriminator_noise,
       true,
       1,
       {},
       1,
       0.01},
      // The notebooks read the 10,000 pictures of the test file.
      {{"gan-v1", "the first GAN on digits, sigmoids and SGD: it collapses", "Part III", "mnist"},
       Family::gan,
       true,
       1,
       {},
       1,
       0.01,
       {"pixels linear(200) sigmoid linear(1) sigmoid", "100 linear(500) sigmoid linear(pixels) sigmoid",
        "sgd", "test"}},
      {{"gan-v2", "the second, with LeakyReLU, LayerNorm and Adam: it forges", "Part III", "mnist"},
       Family::gan,
       true,
       4,
       {},
       1,
       0.0001,
       {"pixels linear(200) leaky_relu(0.01) layer_norm linear(1) sigmoid",
        "100 linear(500) leaky_relu(0.2) layer_norm linear(pixels) sigmoid", "adam", "test"}},
      {{"gan-book", "the book's GAN, smaller, on all 60,000 pictures", "Book", "mnist"},
       Family::gan,
       true,
       4,
       {},
       1,
       0.0001,
       {"pixels linear(200) leaky_relu(0.02) layer_norm linear(1) sigmoid",
        "100 linear(200) leaky_relu(0.02) layer_norm linear(pixels) sigmoid", "adam", "train"}},
      {{"gan-modern", "our own recipe: mini-batches, a gradient penalty, a running average", "Atelier",
        "mnist"},
       Family::gan,
       true,
       10,
       {},
       64,
       0.0006,
       {"pixels linear(512) leaky_relu(0.2) linear(256) leaky_relu(0.2) linear(1)",
        "64 linear(256) leaky_relu(0.2) layer_norm linear(512) leaky_relu(0.2) layer_norm linear(pixels) "
        "sigmoid",
        "adam", "train", "bce-logits", 1, 2, 0.998, 0.5, 0.99, true}},
  };
  return table;
}

/// Levenshtein's distance, letter by letter.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

const Row& find_row(const std::string& name) {
  constexpr std::size_t kLongestName = 64;
  const Row* nearest = nullptr;
  std::size_t smallest = std::numeric_limits<std::size_t>::max();
  std::string names;
  for (const Row& row : rows()) {
    if (row.preset.name == name) return row;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", row.preset.name);
    const std::size_t distance = edit_distance(name.substr(0, kLongestName), row.preset.name);
    if (distance < smallest) {
      smallest = distance;
      nearest = &row;
    }
  }
  const bool close = smallest <= std::max<std::size_t>(2, nearest->preset.name.size() / 3);
  throw InvalidArgument(fmt::format("there is no training preset {}{}; known: {}", detail::excerpt(name),
                                    close ? fmt::format(": did you mean {}?", nearest->preset.name) : "",
                                    names));
}

[[noreturn]] void refuse(const Row& row, const char* option, const char* reason) {
  throw InvalidArgument(fmt::format("{} has no {}: {}", row.preset.name, option, reason));
}

/// The value that counts: what was asked, within its range, or the preset's own.
void resolve_count(const Row& row, const char* option, std::optional<std::int64_t>& value,
                   std::optional<std::int64_t> own, std::int64_t largest) {
  if (!value) value = own;
  if (value && (*value < 1 || *value > largest))
    throw InvalidArgument(
        fmt::format("{}: {} is {}; it must be 1 to {}", row.preset.name, option, *value, largest));
}

constexpr std::int64_t kMaxEpochs = 1'000'000;
constexpr std::int64_t kMaxIterations = 1'000'000'000'000;
constexpr std::int64_t kMaxBatch = 65536;

void resolve_data(const Row& row, TrainingConfig& config) {
  constexpr const char* kNoData = "it makes its own samples";
  if (row.preset.data_set.empty()) {
    if (!config.data_set.empty()) refuse(row, "data set", kNoData);
    if (config.limit) refuse(row, "limit", kNoData);
    if (config.shuffle) refuse(row, "shuffle", kNoData);
    if (config.epochs) refuse(row, "epochs", "it has no data set; say how many iterations");
  } else {
    if (config.data_set.empty()) config.data_set = row.preset.data_set;
    if (config.iterations) refuse(row, "iterations", "say how many epochs of the data set");
  }
  if (config.batch && !row.batch) refuse(row, "batch", "it trains on one sample at a time");
  if (config.torch_seed && !row.torch_seed) refuse(row, "torch seed", "it draws no parameters");
}

/// The options that only GANs on pictures have.
void resolve_gan(const Row& row, TrainingConfig& config) {
  if (row.family != Family::gan) {
    constexpr const char* kNoGan = "it is no GAN on pictures";
    if (config.generator) refuse(row, "generator", kNoGan);
    if (config.discriminator) refuse(row, "discriminator", kNoGan);
    if (config.loss) refuse(row, "loss", kNoGan);
    if (config.optimizer) refuse(row, "optimizer", kNoGan);
    if (config.generator_learning_rate) refuse(row, "generator learning rate", kNoGan);
    if (config.beta1 || config.beta2) refuse(row, "betas", kNoGan);
    if (config.discriminator_steps) refuse(row, "discriminator steps", kNoGan);
    if (config.gradient_penalty) refuse(row, "gradient penalty", kNoGan);
    if (config.average) refuse(row, "average", kNoGan);
    if (config.split) refuse(row, "split", kNoGan);
    if (config.loop) refuse(row, "loop", kNoGan);
    return;
  }
  const auto fill = [](std::optional<std::string>& option, const char* own) {
    if (!option) option = own;
  };
  fill(config.discriminator, row.gan.discriminator);
  fill(config.generator, row.gan.generator);
  fill(config.optimizer, row.gan.optimizer);
  fill(config.split, row.gan.split);
  fill(config.loss, row.gan.loss);
  if (!config.beta1) config.beta1 = row.gan.beta1;
  if (!config.beta2) config.beta2 = row.gan.beta2;
  if (!config.gradient_penalty) config.gradient_penalty = row.gan.gradient_penalty;
  if (!config.average) config.average = row.gan.average;
  config.shuffle = config.shuffle || row.gan.shuffle;
  resolve_count(row, "discriminator steps", config.discriminator_steps, row.gan.discriminator_steps, 2);
  fill(config.loop, "auto");
  const auto choice = [&](const char* option, const std::string& word,
                          std::initializer_list<const char*> words) {
    if (std::find(words.begin(), words.end(), word) == words.end())
      throw InvalidArgument(fmt::format("{}: {} is {}; it must be {}", row.preset.name, option,
                                        detail::excerpt(word), fmt::join(words, " or ")));
  };
  choice("split", *config.split, {"train", "test"});
  choice("loop", *config.loop, {"auto", "resident", "streamed"});
  // What does not depend on the data is wrong now or never: 28 x 28 stands for any size.
  (void)detail::gan_plan(config, 784);
}

}  // namespace

const std::vector<TrainingPreset>& training_presets() {
  static const std::vector<TrainingPreset> presets = [] {
    std::vector<TrainingPreset> list;
    for (const Row& row : rows()) list.push_back(row.preset);
    return list;
  }();
  return presets;
}

TrainingConfig resolve_training(TrainingConfig config) {
  const Row& row = find_row(config.preset);
  resolve_data(row, config);
  resolve_count(row, "epochs", config.epochs, row.epochs, kMaxEpochs);
  resolve_count(row, "iterations", config.iterations, row.iterations, kMaxIterations);
  resolve_count(row, "limit", config.limit, {}, std::numeric_limits<std::int64_t>::max());
  resolve_count(row, "batch", config.batch, row.batch, kMaxBatch);
  if (!config.learning_rate) config.learning_rate = row.learning_rate;
  const double rate = *config.learning_rate;
  if (!(rate > 0 && rate <= static_cast<double>(std::numeric_limits<float>::max())))
    throw InvalidArgument(fmt::format(
        "{}: the learning rate is {}; it must be a positive number that fp32 holds", row.preset.name, rate));
  resolve_gan(row, config);
  return config;
}

std::unique_ptr<Learner> make_learner(Stream& stream, const TrainingConfig& config, const DataSet& train,
                                      const DataSet& test) {
  const TrainingConfig resolved = resolve_training(config);
  const Row& row = find_row(resolved.preset);
  if (!row.preset.data_set.empty() && train.count < 1 && test.count < 1)
    throw InvalidArgument(fmt::format("{} needs pictures to train on; the data set {} has none",
                                      row.preset.name, detail::excerpt(train.name)));
  switch (row.family) {
    case Family::nodes:
      return detail::make_nodes(stream, resolved);
    case Family::pattern1010:
      return detail::make_pattern1010(stream, resolved);
    case Family::classifier:
      return detail::make_classifier(stream, resolved, train, test);
    case Family::discriminator_noise:
      return detail::make_discriminator_noise(stream, resolved, train, test);
    case Family::gan:
      return detail::make_gan(stream, resolved, train, test);
  }
  throw InvalidArgument(fmt::format("{}: no such family", row.preset.name));
}

}  // namespace atelier
