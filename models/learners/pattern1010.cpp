#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "kernels/loss.h"
#include "kernels/noise.h"
#include "kernels/small_gan.h"
#include "models/learners/checkpoint.h"
#include "models/learners/factories.h"
#include "models/learners/step_loop.h"
#include "models/pattern1010_sweep.h"
#include "models/torch_generator.h"
#include "runtime/buffer.h"

// Part II: networks that learn the pattern 1010, one at a time, as any network is trained.
// kernels/small_gan.h trains many such GANs at once; random numbers and order are the same.
namespace atelier::detail {
namespace {

constexpr std::uint64_t kFalseStream = 36;      // 0101 patterns, row t in iteration t
constexpr std::uint64_t kJudgeRealStream = 37;  // what a trained D is asked at the end
constexpr std::uint64_t kJudgeFalseStream = 38;
constexpr std::int64_t kSnapshotInterval = 1000;  // iterations
constexpr std::int64_t kCell = 32;                // pixels of a number's side in a picture

NetworkDescription discriminator_description() {
  return {kSmallGanPattern,
          {Layer::linear(kSmallGanHiddenOfD, false), Layer::activated(Activation::sigmoid),
           Layer::linear(1, false), Layer::activated(Activation::sigmoid)}};
}
NetworkDescription generator_description() {
  return {kSmallGanNoise,
          {Layer::linear(kSmallGanHiddenOfG, false), Layer::activated(Activation::sigmoid),
           Layer::linear(kSmallGanPattern, false), Layer::activated(Activation::sigmoid)}};
}
OptimizerDescription sgd(const TrainingConfig& config) {
  OptimizerDescription description;
  description.learning_rate = config.learning_rate.value();
  return description;
}

std::vector<double> column_means(const std::vector<float>& values, std::size_t columns) {
  std::vector<double> means(columns, 0.0);
  for (std::size_t i = 0; i < values.size(); ++i) means[i % columns] += static_cast<double>(values[i]);
  const std::size_t rows = values.size() / columns;
  for (double& mean : means) mean /= static_cast<double>(rows);
  return means;
}

/// What both presets have: a discriminator, real patterns and a captured step.
class Pattern1010 : public Learner {
 public:
  Pattern1010(Stream& stream, TrainingConfig config, std::int64_t losses)
      : stream_(stream),
        config_(std::move(config)),
        iterations_(config_.iterations.value()),
        loop_(stream, losses),
        d_(stream, discriminator_description(), config_.seed, kSmallGanStreamOfD, "discriminator"),
        d_optimizer_(stream, d_, sgd(config_)),
        d_pass_(stream, d_, 1, Pass::Purpose::training),
        d_judge_(stream, d_, kPattern1010Draws, Pass::Purpose::inference),
        pattern_(stream, kSmallGanPattern, "pattern"),
        judged_(stream, kPattern1010Draws * kSmallGanPattern, "judged patterns") {}

  [[nodiscard]] const TrainingConfig& config() const override { return config_; }
  [[nodiscard]] std::int64_t iterations() const override { return iterations_; }
  [[nodiscard]] std::int64_t iteration() const override { return loop_.iteration(); }
  [[nodiscard]] std::int64_t samples_per_iteration() const override { return 2; }
  [[nodiscard]] std::int64_t iterations_per_epoch() const override { return iterations_; }
  [[nodiscard]] std::vector<std::vector<double>> take_metrics() override {
    return std::exchange(metrics_, {});
  }
  [[nodiscard]] std::int64_t checkpoint_interval() const override {
    // A fraction of a second's work, and ten in a run of the usual length.
    return std::clamp<std::int64_t>(iterations_ / 10, kSnapshotInterval, 50'000);
  }

 protected:
  /// Queues the draw of this iteration's pattern and a step of D on it.
  void train_discriminator(Stream& stream, PhiloxStream random, const PatternRange& range, float target,
                           float* loss) {
    const auto pattern = pattern_.matrix(1, kSmallGanPattern);
    fill_patterns(stream, pattern, random, loop_.counter(), range);
    train_discriminator(stream, pattern, target, loss);
  }
  void train_discriminator(Stream& stream, MatrixView<const float> pattern, float target, float* loss) {
    d_pass_.forward(stream, pattern);
    d_pass_.loss(stream, Loss::mse, {{}, target}, loss);
    d_pass_.backward_and_step(stream, d_optimizer_, loop_.counter(1, 1));
  }

  /// Runs `count` iterations and keeps their losses as rows of metrics.
  void run(std::int64_t count) {
    const std::int64_t first = loop_.iteration();
    const std::vector<float> losses = loop_.run(count);
    const std::size_t columns = losses.size() / static_cast<std::size_t>(count);
    for (std::int64_t i = 0; i < count; ++i) {
      std::vector<double> row{static_cast<double>(first + i + 1)};
      const auto begin = losses.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(i) * columns);
      row.insert(row.end(), begin, begin + static_cast<std::ptrdiff_t>(columns));
      metrics_.push_back(std::move(row));
    }
  }

  /// D's mean answer to fresh patterns.
  [[nodiscard]] double judge(std::uint64_t stream_number, const PatternRange& range) {
    const auto patterns = judged_.matrix(kPattern1010Draws, kSmallGanPattern);
    fill_patterns(stream_, patterns, {config_.seed, stream_number}, DeviceCounter{}, range);
    const MatrixView<float> answers = d_judge_.forward(stream_, patterns);
    return column_means(download<float>(stream_, VectorView<float>{answers.data, answers.rows}), 1)[0];
  }

  [[nodiscard]] TensorFile begin_file() {
    TensorFile file = begin_checkpoint(config_, loop_.iteration());
    d_.save(stream_, file, "D.");
    d_optimizer_.save(stream_, d_, file, "D.optimizer.");
    return file;
  }
  void restore_discriminator(const TensorFile& file) {
    d_.load(stream_, file, "D.");
    d_optimizer_.load(stream_, d_, file, "D.optimizer.");
  }
  void restore_iteration(std::int64_t iteration) {
    loop_.set_iteration(iteration);
    metrics_.clear();
  }

  Stream& stream_;
  TrainingConfig config_;
  std::int64_t iterations_;
  StepLoop loop_;
  Network d_;
  Optimizer d_optimizer_;
  Pass d_pass_;
  Pass d_judge_;
  Buffer<float> pattern_;
  Buffer<float> judged_;
  std::vector<std::vector<double>> metrics_;
};

/// D alone, told 1010 (target 1) from 0101 (target 0) in turn.
class Pattern1010Discriminator final : public Pattern1010 {
 public:
  Pattern1010Discriminator(Stream& stream, const TrainingConfig& config) : Pattern1010(stream, config, 2) {
    if (config.torch_seed) {
      TorchGenerator generator(*config.torch_seed);
      initialise_as_torch(stream, d_, generator);
    }
    loop_.capture([this](Stream& s) {
      train_discriminator(s, {config_.seed, kSmallGanRealStream}, kPattern1010, 1.0F, loop_.loss(0));
      train_discriminator(s, {config_.seed, kFalseStream}, kPattern0101, 0.0F, loop_.loss(1));
    });
  }

  void train(std::int64_t count) override {
    count = std::min(count, iterations_ - iteration());
    if (count > 0) run(count);
  }

  [[nodiscard]] std::vector<std::string> metric_names() const override {
    return {"iteration", "loss_real", "loss_false"};
  }
  [[nodiscard]] std::vector<PlotDescription> plots() const override {
    return {{"loss.png",
             "Discriminator's loss on 1010 and 0101",
             "iteration",
             "mean squared error",
             {{"loss_real", "1010, target 1"}, {"loss_false", "0101, target 0"}},
             std::pair{0.0, 0.5},
             true}};
  }
  [[nodiscard]] std::int64_t sample_interval() const override { return 0; }
  [[nodiscard]] std::vector<GrayPicture> samples() override { return {}; }

  [[nodiscard]] TensorFile checkpoint() override { return begin_file(); }
  void restore(const TensorFile& file) override {
    const std::int64_t iteration = open_checkpoint(file, config_, iterations_);
    restore_discriminator(file);
    restore_iteration(iteration);
  }

  [[nodiscard]] std::vector<SummaryEntry> summary() override {
    return {{"iterations", iteration()},
            {"answer_to_1010", judge(kJudgeRealStream, kPattern1010)},
            {"answer_to_0101", judge(kJudgeFalseStream, kPattern0101)}};
  }
};

/// G against D.
class Pattern1010Gan final : public Pattern1010 {
 public:
  Pattern1010Gan(Stream& stream, const TrainingConfig& config)
      : Pattern1010(stream, config, kSmallGanLosses),
        g_(stream, generator_description(), config.seed, kSmallGanStreamOfG, "generator"),
        g_optimizer_(stream, g_, sgd(config)),
        g_pass_(stream, g_, 1, Pass::Purpose::training),
        g_judge_(stream, g_, kPattern1010Draws, Pass::Purpose::inference),
        noise_(stream, kSmallGanNoise, "noise"),
        centre_(stream, kSmallGanPattern, "pattern's centre"),
        scratch_(stream, std::max<std::int64_t>(1, loss_scratch(1, kSmallGanPattern)), "loss scratch"),
        judge_noise_(stream, kPattern1010Draws * kSmallGanNoise, "judge's noise") {
    if (config.torch_seed) {
      TorchGenerator generator(*config.torch_seed);
      initialise_as_torch(stream, d_, generator);
      initialise_as_torch(stream, g_, generator);
    }
    upload<float>(stream, centre_.view(), kPattern1010Centre);
    loop_.capture([this](Stream& s) { step(s); });
  }

  void train(std::int64_t count) override {
    count = std::min(count, iterations_ - iteration());
    while (count > 0) {
      const std::int64_t part = std::min(count, kSnapshotInterval - iteration() % kSnapshotInterval);
      run(part);
      count -= part;
      if (iteration() % kSnapshotInterval == 0) take_snapshot();
    }
  }

  [[nodiscard]] std::vector<std::string> metric_names() const override {
    return {"iteration", "discriminator_loss_real", "discriminator_loss_fake", "generator_loss",
            "generator_pattern_error"};
  }
  [[nodiscard]] std::vector<PlotDescription> plots() const override {
    constexpr std::pair kRange{0.0, 0.5};
    return {{"discriminator_loss.png",
             "Discriminator's loss",
             "iteration",
             "mean squared error",
             {{"discriminator_loss_real", "real, target 1"}, {"discriminator_loss_fake", "forged, target 0"}},
             kRange,
             true},
            {"generator_pattern_error.png",
             "Generator's distance from (0.9, 0, 0.9, 0): plotted only, no part of the training",
             "iteration",
             "mean squared error",
             {{"generator_pattern_error", "G(z) against (0.9, 0, 0.9, 0)"}},
             kRange,
             true},
            {"generator_loss.png",
             "Generator's training loss",
             "iteration",
             "mean squared error",
             {{"generator_loss", "D(G(z)), target 1"}},
             std::nullopt,
             true}};
  }

  [[nodiscard]] std::int64_t sample_interval() const override { return kSnapshotInterval; }
  /// As in the notebook: a column for every 1,000 iterations, G's four outputs in it; 0 is white, 1 black.
  [[nodiscard]] std::vector<GrayPicture> samples() override {
    const auto columns = static_cast<std::int64_t>(snapshots_.size()) / kSmallGanPattern;
    if (columns == 0) return {};
    GrayPicture picture{"generator", columns * kCell, kSmallGanPattern * kCell, {}};
    picture.pixels.reserve(static_cast<std::size_t>(picture.width * picture.height));
    for (std::int64_t y = 0; y < picture.height; ++y)
      for (std::int64_t x = 0; x < picture.width; ++x) {
        const float value = snapshots_[static_cast<std::size_t>(x / kCell * kSmallGanPattern + y / kCell)];
        const float shade = std::isnan(value) ? 0.5F : 1.0F - std::clamp(value, 0.0F, 1.0F);
        picture.pixels.push_back(static_cast<std::uint8_t>(std::lround(255.0F * shade)));
      }
    return {picture};
  }

  [[nodiscard]] TensorFile checkpoint() override {
    TensorFile file = begin_file();
    g_.save(stream_, file, "G.");
    g_optimizer_.save(stream_, g_, file, "G.optimizer.");
    file.tensors["snapshots"] = Tensor::from_float({snapshot_rows(), kSmallGanPattern}, snapshots_);
    return file;
  }
  void restore(const TensorFile& file) override {
    const std::int64_t iteration = open_checkpoint(file, config_, iterations_);
    std::vector<float> snapshots = load_snapshots(file, iteration / kSnapshotInterval);
    restore_discriminator(file);
    g_.load(stream_, file, "G.");
    g_optimizer_.load(stream_, g_, file, "G.optimizer.");
    snapshots_ = std::move(snapshots);
    restore_iteration(iteration);
  }

  [[nodiscard]] std::vector<SummaryEntry> summary() override {
    const auto noise = judge_noise_.matrix(kPattern1010Draws, kSmallGanNoise);
    fill_uniform(stream_, judge_noise_.view(), {config_.seed, kSmallGanJudgeNoiseStream}, std::uint64_t{0});
    const MatrixView<float> outputs = g_judge_.forward(stream_, noise);
    const std::vector<double> mean = column_means(
        download<float>(stream_, VectorView<float>{outputs.data, outputs.rows * outputs.columns}),
        kSmallGanPattern);
    std::array<float, kSmallGanPattern> rounded{};
    std::transform(mean.begin(), mean.end(), rounded.begin(),
                   [](double value) { return static_cast<float>(value); });
    return {{"iterations", iteration()},
            {"mean_output", mean},
            // Whether the mean output lies inside the real patterns' ranges.
            {"converged", std::int64_t{inside_pattern1010(rounded)}},
            {"discriminator_answer_to_1010", judge(kJudgeRealStream, kPattern1010)}};
  }

 private:
  void step(Stream& s) {
    train_discriminator(s, {config_.seed, kSmallGanRealStream}, kPattern1010, 1.0F,
                        loop_.loss(kSmallGanLossReal));
    train_discriminator(s, generate(s, kSmallGanFakeNoiseStream), 0.0F, loop_.loss(kSmallGanLossFake));

    const MatrixView<float> generated = generate(s, kSmallGanGeneratorNoiseStream);
    mse(s, generated, {centre_.matrix(1, kSmallGanPattern), 0.0F}, loop_.loss(kSmallGanPatternError), {},
        scratch_.view());
    d_pass_.forward(s, generated);
    d_pass_.loss(s, Loss::mse, {{}, 1.0F}, loop_.loss(kSmallGanLossGenerator));
    d_pass_.backward(s, false, g_pass_.output_gradient());
    g_pass_.backward_and_step(s, g_optimizer_, loop_.counter(1, 1));
  }

  MatrixView<float> generate(Stream& s, std::uint64_t stream_number) {
    fill_uniform(s, noise_.view(), {config_.seed, stream_number}, loop_.counter(kSmallGanNoise));
    return g_pass_.forward(s, noise_.matrix(1, kSmallGanNoise));
  }

  // What G made in the last iteration, before its update: what the notebook keeps.
  void take_snapshot() {
    const std::vector<float> output =
        download<float>(stream_, VectorView<float>{g_pass_.output().data, kSmallGanPattern});
    snapshots_.insert(snapshots_.end(), output.begin(), output.end());
  }
  [[nodiscard]] std::int64_t snapshot_rows() const {
    return static_cast<std::int64_t>(snapshots_.size()) / kSmallGanPattern;
  }
  static std::vector<float> load_snapshots(const TensorFile& file, std::int64_t rows) {
    const auto found = file.tensors.find("snapshots");
    if (found == file.tensors.end() || found->second.type != TensorType::f32 ||
        found->second.shape != std::vector<std::int64_t>{rows, kSmallGanPattern})
      throw InvalidArgument(
          "checkpoint: tensor \"snapshots\" must be a row of 4 numbers for every 1,000 iterations");
    return found->second.to_float();
  }

  Network g_;
  Optimizer g_optimizer_;
  Pass g_pass_;
  Pass g_judge_;
  Buffer<float> noise_;
  Buffer<float> centre_;
  Buffer<float> scratch_;
  Buffer<float> judge_noise_;
  std::vector<float> snapshots_;  // [iterations / 1,000, 4]
};

}  // namespace

std::unique_ptr<Learner> make_pattern1010(Stream& stream, const TrainingConfig& config) {
  if (config.preset == "pattern1010-discriminator")
    return std::make_unique<Pattern1010Discriminator>(stream, config);
  return std::make_unique<Pattern1010Gan>(stream, config);
}

}  // namespace atelier::detail
