// Part III's classifier of digits, and the one of the book that followed.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "kernels/gather.h"
#include "kernels/ordering.h"
#include "models/learners/checkpoint.h"
#include "models/learners/epoch_loop.h"
#include "models/learners/factories.h"
#include "models/learners/mean_loss.h"
#include "models/network.h"
#include "models/torch_generator.h"
#include "runtime/error.h"

namespace atelier::detail {
namespace {

constexpr std::int64_t kClasses = 10;
constexpr std::int64_t kHidden = 200;
constexpr float kLargestByte = 255.0F;
constexpr std::int64_t kRowInterval = 100;  // iterations between rows of the metrics
constexpr std::int64_t kTestBatch = 500;

NetworkDescription network_of(const TrainingConfig& config, std::int64_t inputs) {
  if (config.preset == "classifier-book")
    return {inputs,
            {Layer::linear(kHidden), Layer::activated(Activation::leaky_relu, 0.02F), Layer::layer_norm(),
             Layer::linear(kClasses), Layer::activated(Activation::sigmoid)}};
  return {inputs,
          {Layer::linear(kHidden), Layer::activated(Activation::sigmoid), Layer::linear(kClasses),
           Layer::activated(Activation::sigmoid)}};
}

OptimizerDescription optimizer_of(const TrainingConfig& config) {
  OptimizerDescription optimizer;
  optimizer.kind = config.preset == "classifier-book" ? OptimizerKind::adam : OptimizerKind::sgd;
  optimizer.learning_rate = config.learning_rate.value();
  return optimizer;
}

void require_labels(const DataSet& data) {
  if (data.labels.size() != static_cast<std::size_t>(data.count))
    throw InvalidArgument(
        fmt::format("{}: its pictures have no labels; a classifier learns from labelled ones", data.name));
  for (const std::uint8_t label : data.labels)
    if (label >= kClasses)
      throw InvalidArgument(fmt::format(
          "{}: a picture is labelled {}; the classifier knows the digits 0 to 9", data.name, label));
}

/// Answers to the pictures of a test set, on the device.
class Exam {
 public:
  Exam(Stream& stream, Network& network, const DataSet& test)
      : data_(stream, test, test.count, "test data"),
        truth_(test.labels),
        pass_(stream, network, std::min(kTestBatch, test.count), Pass::Purpose::inference) {
    ArenaPlan plan;
    const std::int64_t batch = std::min(kTestBatch, test.count);
    const auto input = plan.reserve<float>(batch * test.pixels_per_image(), "test batch");
    const auto answers = plan.reserve<std::uint8_t>(test.count, "answers");
    arena_.emplace(stream, plan, "test");
    input_ = arena_->matrix(input, batch, test.pixels_per_image());
    answers_ = arena_->view(answers);
  }

  /// The most confident class of every picture, the first of equals.
  std::vector<std::uint8_t> answers(Stream& stream) {
    for (std::int64_t first = 0; first < answers_.size; first += input_.rows) {
      const std::int64_t batch = std::min(input_.rows, answers_.size - first);
      const MatrixView<float> input = input_.rows_part(0, batch);
      gather_rows(stream, data_.pixels(), {{}, {nullptr, 1, static_cast<std::uint64_t>(first)}}, kLargestByte,
                  input);
      largest_column(stream, pass_.forward(stream, input), answers_.part(first, batch));
    }
    return download(stream, answers_);
  }
  [[nodiscard]] const std::vector<std::uint8_t>& truth() const { return truth_; }

 private:
  DeviceData data_;
  std::vector<std::uint8_t> truth_;
  Pass pass_;
  std::optional<Arena> arena_;
  MatrixView<float> input_;
  VectorView<std::uint8_t> answers_;
};

std::int64_t correct_of(const std::vector<std::uint8_t>& truth, const std::vector<std::uint8_t>& answers) {
  return std::inner_product(truth.begin(), truth.end(), answers.begin(), std::int64_t{0}, std::plus<>{},
                            [](std::uint8_t a, std::uint8_t b) { return a == b ? 1 : 0; });
}

class Classifier final : public Learner {
 public:
  Classifier(Stream& stream, TrainingConfig config, const DataSet& train, const DataSet& test)
      : stream_(stream),
        config_(std::move(config)),
        samples_(std::min(train.count, config_.limit.value_or(train.count))),
        data_fingerprint_(fingerprint(train)),
        data_(stream, train, samples_, "training data"),
        network_(stream, network_of(config_, train.pixels_per_image()), config_.seed, 0, "classifier"),
        optimizer_(stream, network_, optimizer_of(config_)),
        pass_(stream, network_, config_.batch.value(), Pass::Purpose::training),
        loop_(stream,
              {samples_, config_.batch.value(), config_.epochs.value(), config_.shuffle, config_.seed}, 1) {
    if (config_.torch_seed) {
      TorchGenerator generator(*config_.torch_seed);
      initialise_as_torch(stream, network_, generator);
    }
    ArenaPlan plan;
    const std::int64_t batch = config_.batch.value();
    const auto input = plan.reserve<float>(batch * train.pixels_per_image(), "batch");
    const auto target = plan.reserve<float>(batch * kClasses, "targets");
    arena_.emplace(stream, plan, "batch");
    input_ = arena_->matrix(input, batch, train.pixels_per_image());
    target_ = arena_->matrix(target, batch, kClasses);
    if (test.count > 0) {
      exam_.emplace(stream, network_, test);
      keep_pictures(test);
    }
    loop_.capture([this](Stream& recording, std::int64_t rows) { step(recording, rows); });
  }

  [[nodiscard]] const TrainingConfig& config() const override { return config_; }
  [[nodiscard]] std::int64_t iterations() const override { return loop_.iterations(); }
  [[nodiscard]] std::int64_t iteration() const override { return loop_.iteration(); }
  [[nodiscard]] std::int64_t samples_per_iteration() const override { return config_.batch.value(); }
  [[nodiscard]] std::int64_t iterations_per_epoch() const override { return loop_.iterations_per_epoch(); }

  void train(std::int64_t count) override {
    while (count > 0 && loop_.iteration() < loop_.iterations()) {
      const std::int64_t before = loop_.iteration();
      const std::vector<float> losses = loop_.run(count);
      for (std::size_t i = 0; i < losses.size(); ++i)
        note(before + static_cast<std::int64_t>(i) + 1, losses[i]);
      count -= static_cast<std::int64_t>(losses.size());
    }
  }

  [[nodiscard]] std::vector<std::string> metric_names() const override {
    return {"iteration", "epoch", "loss", "test_accuracy"};
  }
  [[nodiscard]] std::vector<std::vector<double>> take_metrics() override { return std::exchange(rows_, {}); }
  [[nodiscard]] std::vector<PlotDescription> plots() const override {
    PlotDescription loss;
    loss.file = "loss.png";
    loss.title = fmt::format("{}: mean loss of {} iterations", config_.preset, kRowInterval);
    loss.x_label = "iteration";
    loss.y_label = "binary cross-entropy";
    loss.curves = {{"loss", "training loss"}};
    if (!exam_) return {loss};
    PlotDescription accuracy;
    accuracy.file = "accuracy.png";
    accuracy.title = fmt::format("{}: right answers after each epoch", config_.preset);
    accuracy.x_label = "epoch";
    accuracy.y_label = "share of the test set";
    accuracy.curves = {{"test_accuracy", "test accuracy"}};
    accuracy.points = true;
    return {loss, accuracy};
  }

  [[nodiscard]] std::int64_t sample_interval() const override { return 0; }
  [[nodiscard]] std::vector<GrayPicture> samples() override;
  [[nodiscard]] std::int64_t checkpoint_interval() const override {
    return std::max<std::int64_t>(kRowInterval, loop_.iterations_per_epoch() / 6);
  }

  [[nodiscard]] TensorFile checkpoint() override {
    TensorFile file = begin_network_checkpoint(config_, loop_.iteration(), network_.description(), "network.",
                                               data_fingerprint_);
    network_.save(stream_, file, "network.");
    optimizer_.save(stream_, network_, file, "optimizer.");
    mean_.save(file, "loss");
    return file;
  }

  void restore(const TensorFile& file) override {
    const std::int64_t iteration = open_data_checkpoint(file, config_, loop_.iterations(), data_fingerprint_);
    const MeanLoss mean = MeanLoss::load(file, "loss");
    network_.load(stream_, file, "network.");
    optimizer_.load(stream_, network_, file, "optimizer.");
    loop_.set_iteration(iteration);
    mean_ = mean;
    rows_.clear();
  }

  [[nodiscard]] std::vector<SummaryEntry> summary() override {
    std::vector<SummaryEntry> entries{{"final_loss", mean_.last()}};
    if (!exam_) return entries;
    const std::vector<std::uint8_t> answers = exam_->answers(stream_);
    std::vector<std::int64_t> confusion(kClasses * kClasses, 0);
    for (std::size_t i = 0; i < answers.size(); ++i)
      confusion[static_cast<std::size_t>(exam_->truth()[i] * kClasses + answers[i])] += 1;
    const std::int64_t correct = correct_of(exam_->truth(), answers);
    entries.push_back({"test_accuracy", static_cast<double>(correct) / static_cast<double>(answers.size())});
    entries.push_back({"right_answers", correct});
    entries.push_back({"test_pictures", static_cast<std::int64_t>(answers.size())});
    entries.push_back({"confusion", std::move(confusion)});
    return entries;
  }

 private:
  void step(Stream& stream, std::int64_t rows) {
    const MatrixView<float> input = input_.rows_part(0, rows);
    const MatrixView<float> target = target_.rows_part(0, rows);
    gather_rows(stream, data_.pixels(), loop_.order(), kLargestByte, input);
    gather_one_hot(stream, data_.labels(), loop_.order(), 0.0F, 1.0F, target);
    (void)pass_.forward(stream, input);
    pass_.loss(stream, Loss::bce, {target, 0.0F}, loop_.loss(0));
    pass_.backward_and_step(stream, optimizer_, loop_.counter(1, 1));
  }

  void note(std::int64_t iteration, float loss) {
    mean_.add(loss);
    const bool epoch_ends = iteration % loop_.iterations_per_epoch() == 0;
    if (!epoch_ends && iteration % kRowInterval != 0) return;
    double accuracy = std::numeric_limits<double>::quiet_NaN();
    if (epoch_ends && exam_)
      accuracy = static_cast<double>(correct_of(exam_->truth(), exam_->answers(stream_))) /
                 static_cast<double>(exam_->truth().size());
    const double epoch = static_cast<double>(iteration) / static_cast<double>(loop_.iterations_per_epoch());
    rows_.push_back({static_cast<double>(iteration), epoch, mean_.take(), accuracy});
  }

  void keep_pictures(const DataSet& test) {
    width_ = test.width;
    height_ = test.height;
    pictures_ = test.pixels;
  }

  Stream& stream_;
  TrainingConfig config_;
  std::int64_t samples_;
  std::string data_fingerprint_;
  DeviceData data_;
  Network network_;
  Optimizer optimizer_;
  Pass pass_;
  EpochLoop loop_;
  std::optional<Arena> arena_;
  MatrixView<float> input_;
  MatrixView<float> target_;
  std::optional<Exam> exam_;
  MeanLoss mean_;
  std::vector<std::vector<double>> rows_;
  std::int64_t width_ = 0;  // of the test pictures, kept to show which answers were wrong
  std::int64_t height_ = 0;
  std::vector<std::uint8_t> pictures_;
};

/// The first wrong answers, ten by ten, with the order of the test set.
std::vector<GrayPicture> Classifier::samples() {
  if (!exam_) return {};
  constexpr std::int64_t kAcross = 10;
  constexpr std::int64_t kGap = 2;
  const std::vector<std::uint8_t> answers = exam_->answers(stream_);
  GrayPicture sheet;
  sheet.name = "wrong-answers";
  sheet.width = kAcross * (width_ + kGap) + kGap;
  sheet.height = kAcross * (height_ + kGap) + kGap;
  sheet.pixels.assign(static_cast<std::size_t>(sheet.width * sheet.height), 64);
  std::int64_t cell = 0;
  for (std::size_t i = 0; i < answers.size() && cell < kAcross * kAcross; ++i) {
    if (answers[i] == exam_->truth()[i]) continue;
    const std::int64_t left = kGap + cell % kAcross * (width_ + kGap);
    const std::int64_t top = kGap + cell / kAcross * (height_ + kGap);
    const auto* picture = pictures_.data() + static_cast<std::int64_t>(i) * width_ * height_;
    for (std::int64_t y = 0; y < height_; ++y)
      std::copy_n(picture + y * width_, width_, sheet.pixels.begin() + (top + y) * sheet.width + left);
    ++cell;
  }
  return {sheet};
}

}  // namespace

std::unique_ptr<Learner> make_classifier(Stream& stream, const TrainingConfig& config, const DataSet& train,
                                         const DataSet& test) {
  require_pictures(config, train, test);
  require_labels(train);
  if (test.count > 0) require_labels(test);
  return std::make_unique<Classifier>(stream, config, train, test);
}

}  // namespace atelier::detail
