// Part III's GANs: a discriminator and a generator of pictures, one of whose iterations is a step of D on
// real pictures, a step of D on forged ones, and a step of G.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "kernels/noise.h"
#include "models/generator.h"
#include "models/learners/checkpoint.h"
#include "models/learners/collapse.h"
#include "models/learners/epoch_loop.h"
#include "models/learners/factories.h"
#include "models/learners/gan_config.h"
#include "models/learners/gan_iterations.h"
#include "models/learners/mean_loss.h"
#include "models/picture_grid.h"
#include "runtime/error.h"

namespace atelier::detail {
namespace {

constexpr float kLargestByte = 255.0F;
constexpr std::int64_t kRowInterval = 100;  // iterations between rows of the metrics
constexpr std::int64_t kShown = 64;         // pictures of the sample grid
constexpr std::int64_t kShownColumns = 8;
constexpr std::int64_t kWatched = 256;  // pictures that the signs of collapse are measured on
constexpr std::uint64_t kShownNoise = Generator::kSampleStream - 1;

constexpr const char* kLosses[3] = {"loss_real", "loss_fake", "loss_generator"};

class Gan final : public Learner {
 public:
  Gan(Stream& stream, TrainingConfig config, const DataSet& real)
      : stream_(stream),
        config_(std::move(config)),
        width_(real.width),
        height_(real.height),
        plan_(gan_plan(config_, real.pixels_per_image())),
        samples_(std::min(real.count, config_.limit.value_or(real.count))),
        data_fingerprint_(fingerprint(real)),
        data_(stream, real, samples_, "training data"),
        pair_(stream, config_, plan_),
        loop_(stream,
              {samples_, config_.batch.value(), config_.epochs.value(), config_.shuffle, config_.seed}, 3),
        detector_(real, samples_),
        shown_(stream, pair_.shown(), std::max(kShown, kWatched), Pass::Purpose::inference),
        watched_(stream, pair_.discriminator, kWatched, Pass::Purpose::inference) {
    iterations_ = make_iterations();
    ArenaPlan plan;
    const auto noise = plan.reserve<float>(kWatched * plan_.generator.inputs, "shown noise");
    const auto real_pictures = plan.reserve<float>(kWatched * plan_.discriminator.inputs, "watched pictures");
    arena_.emplace(stream, plan, "watch");
    noise_ = arena_->matrix(noise, kWatched, plan_.generator.inputs);
    real_ = arena_->matrix(real_pictures, kWatched, plan_.discriminator.inputs);
    fill_normal(stream, {noise_.data, kWatched * noise_.columns}, {config_.seed, kShownNoise});
    gather_rows(stream, data_.pixels(), {}, kLargestByte, real_);
  }

  [[nodiscard]] const TrainingConfig& config() const override { return config_; }
  [[nodiscard]] std::int64_t iterations() const override { return loop_.iterations(); }
  [[nodiscard]] std::int64_t iteration() const override { return loop_.iteration(); }
  [[nodiscard]] std::int64_t samples_per_iteration() const override { return config_.batch.value(); }
  [[nodiscard]] std::int64_t iterations_per_epoch() const override { return loop_.iterations_per_epoch(); }

  void train(std::int64_t count) override {
    while (count > 0 && loop_.iteration() < loop_.iterations()) {
      // Up to the next look at the forged pictures, which the metrics' rows of that iteration hold.
      const std::int64_t before = loop_.iteration();
      const std::int64_t until_look = watch_interval() - before % watch_interval();
      const std::vector<float> losses = iterations_->run(std::min(count, until_look));
      const auto done = static_cast<std::int64_t>(losses.size() / 3);
      for (std::int64_t i = 0; i < done; ++i) note(before + i + 1, &losses[static_cast<std::size_t>(3 * i)]);
      count -= done;
    }
  }

  [[nodiscard]] std::vector<std::string> metric_names() const override {
    return {"iteration",      "epoch",          "loss_real",     "loss_fake",
            "loss_generator", "variance_ratio", "label_entropy", "saturation"};
  }
  [[nodiscard]] std::vector<std::vector<double>> take_metrics() override { return std::exchange(rows_, {}); }
  [[nodiscard]] std::vector<PlotDescription> plots() const override {
    PlotDescription loss;
    loss.file = "loss.png";
    loss.title = fmt::format("{}: mean losses of {} iterations", config_.preset, kRowInterval);
    loss.x_label = "iteration";
    loss.y_label = config_.loss.value() == "mse" ? "mean squared error" : "binary cross-entropy";
    loss.curves = {{"loss_real", "discriminator, real pictures"},
                   {"loss_fake", "discriminator, forged pictures"},
                   {"loss_generator", "generator"}};
    PlotDescription signs;
    signs.file = "signs.png";
    signs.title = fmt::format("{}: signs of collapse", config_.preset);
    signs.x_label = "iteration";
    signs.y_label = "of the forged pictures";
    signs.curves = {{"variance_ratio", "variance, real pictures: 1"},
                    {"saturation", "saturated logits, all: 1"}};
    if (detector_.has_labels())
      signs.curves.insert(signs.curves.begin() + 1, {"label_entropy", "entropy of the classes"});
    return {loss, signs};
  }

  [[nodiscard]] std::int64_t sample_interval() const override { return loop_.iterations_per_epoch(); }
  [[nodiscard]] std::vector<GrayPicture> samples() override {
    return {picture_grid(shown_pictures(), 0, kShown, kShownColumns)};
  }
  [[nodiscard]] std::int64_t checkpoint_interval() const override {
    return std::max<std::int64_t>(kRowInterval, loop_.iterations_per_epoch() / 6);
  }

  [[nodiscard]] TensorFile checkpoint() override {
    TensorFile file = begin_network_checkpoint(config_, loop_.iteration(), plan_.generator, "generator.",
                                               data_fingerprint_);
    file.metadata["generator"] = plan_.generator.text();
    file.metadata["generator_prefix"] = pair_.average ? kAveragePrefix : "generator.";
    file.metadata["discriminator"] = plan_.discriminator.text();
    file.metadata["discriminator_prefix"] = "discriminator.";
    file.metadata["width"] = std::to_string(width_);
    file.metadata["height"] = std::to_string(height_);
    file.metadata["data_set"] = config_.data_set;
    pair_.save(stream_, file);
    for (std::size_t i = 0; i < means_.size(); ++i) means_[i].save(file, kLosses[i]);
    save_count(file, "suspicious", suspicious_ ? 1 : 0);
    save_count(file, "alarmed", alarmed_ ? 1 : 0);
    save_bytes(file, "timeline", TensorType::u8, static_cast<std::int64_t>(timeline_.size()),
               bytes_from(timeline_));
    return file;
  }

  void restore(const TensorFile& file) override {
    const std::int64_t iteration = open_data_checkpoint(file, config_, loop_.iterations(), data_fingerprint_);
    std::array<MeanLoss, 3> means;
    for (std::size_t i = 0; i < means.size(); ++i) means[i] = MeanLoss::load(file, kLosses[i]);
    const std::int64_t epochs = iteration / loop_.iterations_per_epoch();
    const std::vector<std::byte>& timeline =
        bytes_of(file, "timeline", TensorType::u8, epochs * kShownColumns * width_ * height_);
    const bool suspicious = load_count(file, "suspicious") != 0;
    const bool alarmed = load_count(file, "alarmed") != 0;
    pair_.load(stream_, file);
    loop_.set_iteration(iteration);
    means_ = means;
    timeline_.resize(timeline.size());
    std::transform(timeline.begin(), timeline.end(), timeline_.begin(),
                   [](std::byte value) { return std::to_integer<std::uint8_t>(value); });
    rows_.clear();
    warnings_.clear();
    suspicious_ = suspicious;
    alarmed_ = alarmed;
  }

  [[nodiscard]] std::vector<SummaryEntry> summary() override {
    const CollapseSigns signs = look();
    const bool collapsed = !CollapseDetector::warnings(signs, detector_.has_labels()).empty();
    std::vector<SummaryEntry> entries{{"final_loss_real", means_[0].last()},
                                      {"final_loss_fake", means_[1].last()},
                                      {"final_loss_generator", means_[2].last()},
                                      {"variance_ratio", signs.variance_ratio}};
    if (detector_.has_labels()) entries.push_back({"label_entropy", signs.label_entropy});
    entries.push_back({"saturation", signs.saturation});
    entries.push_back({"collapsed", std::int64_t{collapsed ? 1 : 0}});
    return entries;
  }

  [[nodiscard]] std::vector<std::string> take_warnings() override { return std::exchange(warnings_, {}); }

  [[nodiscard]] std::vector<GrayPicture> final_pictures() override {
    const auto row = static_cast<std::size_t>(kShownColumns * width_ * height_);
    DataSet pictures;
    pictures.width = width_;
    pictures.height = height_;
    pictures.count = static_cast<std::int64_t>(timeline_.size() / row) * kShownColumns;
    pictures.pixels = timeline_;
    if (pictures.count == 0) return {};
    return {picture_grid(pictures, 0, pictures.count, kShownColumns, 1, "timeline")};
  }

 private:
  /// The loop that config_.loop asks for; "auto" becomes the one that is chosen.
  std::unique_ptr<GanIterations> make_iterations() {
    const std::string obstacle = resident_obstacle(stream_.device(), config_, plan_, pair_);
    if (config_.loop == "resident" && !obstacle.empty())
      throw InvalidArgument(
          fmt::format("{}: the resident loop is not for this run: {}", config_.preset, obstacle));
    // The executor of tests runs a launch's blocks on few threads: the small steps are quicker there.
    const bool resident = config_.loop == "resident" || (config_.loop == "auto" && obstacle.empty() &&
                                                         stream_.device().kind() != DeviceKind::simt);
    config_.loop = resident ? "resident" : "streamed";
    const auto make = resident ? make_resident_iterations : make_streamed_iterations;
    return make(stream_, config_, plan_, pair_, data_, loop_);
  }

  [[nodiscard]] std::int64_t watch_interval() const {
    return std::max<std::int64_t>(kRowInterval, loop_.iterations_per_epoch() / 10);
  }

  /// What G draws from the fixed noise now.
  std::vector<float> forged() {
    const MatrixView<float> output = shown_.forward(stream_, noise_);
    return download(stream_, VectorView<float>{output.data, output.rows * output.columns});
  }

  DataSet shown_pictures() {
    const std::vector<float> outputs = forged();
    DataSet pictures;
    pictures.count = kShown;
    pictures.width = width_;
    pictures.height = height_;
    pictures.pixels.resize(static_cast<std::size_t>(kShown * width_ * height_));
    for (std::size_t i = 0; i < pictures.pixels.size(); ++i)
      pictures.pixels[i] = pixel_of(static_cast<double>(outputs[i]));
    return pictures;
  }

  CollapseSigns look() {
    const std::vector<float> pictures = forged();
    std::vector<float> logits = logits_of(shown_.output());
    const std::vector<float> of_real = logits_of(real_);
    logits.insert(logits.end(), of_real.begin(), of_real.end());
    return detector_.measure(pictures, logits);
  }

  std::vector<float> logits_of(MatrixView<const float> pictures) {
    const MatrixView<float> output = watched_.forward(stream_, pictures);
    std::vector<float> values = download(stream_, VectorView<float>{output.data, output.rows});
    if (plan_.discriminator.layers.back().kind == Layer::Kind::activation)
      for (float& value : values) value = std::log(value / (1.0F - value));
    return values;
  }

  void note(std::int64_t iteration, const float* losses) {
    for (std::size_t i = 0; i < means_.size(); ++i) means_[i].add(losses[i]);
    const bool epoch_ends = iteration % loop_.iterations_per_epoch() == 0;
    const bool look_due = iteration % watch_interval() == 0 || epoch_ends;
    if (epoch_ends) keep_timeline();
    if (!look_due && iteration % kRowInterval != 0) return;
    constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
    CollapseSigns signs{kNone, kNone, kNone};
    if (look_due) {
      signs = look();
      judge_signs(iteration, signs);
    }
    const double epoch = static_cast<double>(iteration) / static_cast<double>(loop_.iterations_per_epoch());
    rows_.push_back({static_cast<double>(iteration), epoch, means_[0].take(), means_[1].take(),
                     means_[2].take(), signs.variance_ratio, signs.label_entropy, signs.saturation});
  }

  /// Networks begin with pictures that are all alike: an alarm is one that two looks in a row see, behind the
  /// beginning. It is raised once.
  void judge_signs(std::int64_t iteration, const CollapseSigns& signs) {
    constexpr std::int64_t kBeginning = 5000;  // pictures
    std::vector<std::string> lines = CollapseDetector::warnings(signs, detector_.has_labels());
    if (iteration * config_.batch.value() < kBeginning) return;
    if (!lines.empty() && suspicious_ && !alarmed_) {
      for (const std::string& line : lines) warnings_.push_back(line);
      alarmed_ = true;
    }
    suspicious_ = !lines.empty();
    if (lines.empty()) alarmed_ = false;
  }

  void keep_timeline() {
    const DataSet pictures = shown_pictures();
    timeline_.insert(timeline_.end(), pictures.pixels.begin(),
                     pictures.pixels.begin() + static_cast<std::ptrdiff_t>(kShownColumns * width_ * height_));
  }

  static std::vector<std::byte> bytes_from(const std::vector<std::uint8_t>& values) {
    std::vector<std::byte> bytes(values.size());
    std::transform(values.begin(), values.end(), bytes.begin(),
                   [](std::uint8_t value) { return std::byte{value}; });
    return bytes;
  }

  Stream& stream_;
  TrainingConfig config_;
  std::int64_t width_;
  std::int64_t height_;
  GanPlan plan_;
  std::int64_t samples_;
  std::string data_fingerprint_;
  DeviceData data_;
  GanPair pair_;
  EpochLoop loop_;
  CollapseDetector detector_;
  Pass shown_;
  Pass watched_;
  std::unique_ptr<GanIterations> iterations_;
  std::optional<Arena> arena_;
  MatrixView<float> noise_;
  MatrixView<float> real_;
  std::array<MeanLoss, 3> means_;
  std::vector<std::uint8_t> timeline_;  // the first shown pictures of every epoch
  std::vector<std::vector<double>> rows_;
  std::vector<std::string> warnings_;
  bool suspicious_ = false;
  bool alarmed_ = false;
};

}  // namespace

std::unique_ptr<Learner> make_gan(Stream& stream, const TrainingConfig& config, const DataSet& train,
                                  const DataSet& test) {
  const DataSet& real = config.split == "test" && test.count > 0 ? test : train;
  require_pictures(config, real, {});
  return std::make_unique<Gan>(stream, config, real);
}

}  // namespace atelier::detail
