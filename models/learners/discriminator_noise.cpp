// Part III's first test of a discriminator: real pictures against pictures of noise.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "kernels/gather.h"
#include "kernels/noise.h"
#include "models/learners/checkpoint.h"
#include "models/learners/epoch_loop.h"
#include "models/learners/factories.h"
#include "models/learners/mean_loss.h"
#include "models/network.h"
#include "models/torch_generator.h"
#include "runtime/error.h"

namespace atelier::detail {
namespace {

constexpr std::int64_t kHidden = 200;
constexpr float kLargestByte = 255.0F;
constexpr std::int64_t kRowInterval = 100;  // iterations between rows of the metrics
constexpr std::int64_t kShown = 1000;       // pictures that the final outputs are averaged over
constexpr std::uint64_t kTrainingNoise = std::uint64_t{1} << 33;  // Philox streams
constexpr std::uint64_t kShownNoise = kTrainingNoise + 1;

NetworkDescription discriminator_of(std::int64_t inputs) {
  return {inputs,
          {Layer::linear(kHidden), Layer::activated(Activation::sigmoid), Layer::linear(1),
           Layer::activated(Activation::sigmoid)}};
}

OptimizerDescription sgd_of(const TrainingConfig& config) {
  OptimizerDescription optimizer;
  optimizer.kind = OptimizerKind::sgd;
  optimizer.learning_rate = config.learning_rate.value();
  return optimizer;
}

class DiscriminatorNoise final : public Learner {
 public:
  DiscriminatorNoise(Stream& stream, TrainingConfig config, const DataSet& train, const DataSet& shown)
      : stream_(stream),
        config_(std::move(config)),
        samples_(std::min(train.count, config_.limit.value_or(train.count))),
        data_fingerprint_(fingerprint(train)),
        data_(stream, train, samples_, "training data"),
        shown_(stream, shown, std::min(kShown, shown.count), "shown pictures"),
        network_(stream, discriminator_of(train.pixels_per_image()), config_.seed, 0, "discriminator"),
        optimizer_(stream, network_, sgd_of(config_)),
        pass_(stream, network_, config_.batch.value(), Pass::Purpose::training),
        shown_pass_(stream, network_, shown_.pixels().rows, Pass::Purpose::inference),
        loop_(stream,
              {samples_, config_.batch.value(), config_.epochs.value(), config_.shuffle, config_.seed}, 2) {
    if (config_.torch_seed) {
      TorchGenerator generator(*config_.torch_seed);
      initialise_as_torch(stream, network_, generator);
    }
    ArenaPlan plan;
    const std::int64_t pixels = train.pixels_per_image();
    const auto input = plan.reserve<float>(config_.batch.value() * pixels, "batch");
    const auto shown_input = plan.reserve<float>(shown_.pixels().rows * pixels, "shown pictures");
    arena_.emplace(stream, plan, "batch");
    input_ = arena_->matrix(input, config_.batch.value(), pixels);
    shown_input_ = arena_->matrix(shown_input, shown_.pixels().rows, pixels);
    loop_.capture([this](Stream& recording, std::int64_t rows) { step(recording, rows); });
  }

  [[nodiscard]] const TrainingConfig& config() const override { return config_; }
  [[nodiscard]] std::int64_t iterations() const override { return loop_.iterations(); }
  [[nodiscard]] std::int64_t iteration() const override { return loop_.iteration(); }
  [[nodiscard]] std::int64_t samples_per_iteration() const override { return config_.batch.value(); }
  [[nodiscard]] std::int64_t iterations_per_epoch() const override { return loop_.iterations_per_epoch(); }

  void train(std::int64_t count) override {
    while (count > 0 && loop_.iteration() < loop_.iterations()) {
      std::int64_t iteration = loop_.iteration();
      const std::vector<float> losses = loop_.run(count);
      for (std::size_t i = 0; i < losses.size(); i += 2) note(++iteration, losses[i], losses[i + 1]);
      count -= static_cast<std::int64_t>(losses.size() / 2);
    }
  }

  [[nodiscard]] std::vector<std::string> metric_names() const override {
    return {"iteration", "epoch", "loss_real", "loss_noise"};
  }
  [[nodiscard]] std::vector<std::vector<double>> take_metrics() override { return std::exchange(rows_, {}); }
  [[nodiscard]] std::vector<PlotDescription> plots() const override {
    PlotDescription loss;
    loss.file = "loss.png";
    loss.title = fmt::format("{}: mean losses of {} iterations", config_.preset, kRowInterval);
    loss.x_label = "iteration";
    loss.y_label = "binary cross-entropy";
    loss.curves = {{"loss_real", "real pictures, target 1"}, {"loss_noise", "noise, target 0"}};
    return {loss};
  }
  [[nodiscard]] std::int64_t sample_interval() const override { return 0; }
  [[nodiscard]] std::vector<GrayPicture> samples() override { return {}; }
  [[nodiscard]] std::int64_t checkpoint_interval() const override {
    return std::max<std::int64_t>(kRowInterval, loop_.iterations_per_epoch() / 6);
  }

  [[nodiscard]] TensorFile checkpoint() override {
    TensorFile file = begin_network_checkpoint(config_, loop_.iteration(), network_.description(),
                                               "discriminator.", data_fingerprint_);
    network_.save(stream_, file, "discriminator.");
    optimizer_.save(stream_, network_, file, "optimizer.");
    real_.save(file, "loss_real");
    noise_.save(file, "loss_noise");
    return file;
  }

  void restore(const TensorFile& file) override {
    const std::int64_t iteration = open_data_checkpoint(file, config_, loop_.iterations(), data_fingerprint_);
    const MeanLoss real = MeanLoss::load(file, "loss_real");
    const MeanLoss noise = MeanLoss::load(file, "loss_noise");
    network_.load(stream_, file, "discriminator.");
    optimizer_.load(stream_, network_, file, "optimizer.");
    loop_.set_iteration(iteration);
    real_ = real;
    noise_ = noise;
    rows_.clear();
  }

  [[nodiscard]] std::vector<SummaryEntry> summary() override {
    gather_rows(stream_, shown_.pixels(), {}, kLargestByte, shown_input_);
    const std::vector<double> real = outputs();
    fill_normal(stream_, {shown_input_.data, shown_input_.rows * shown_input_.columns},
                {config_.seed, kShownNoise});
    const std::vector<double> noise = outputs();
    const auto mean = [](const std::vector<double>& values) {
      return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
    };
    const auto first_four = [](const std::vector<double>& values) {
      return std::vector<double>(
          values.begin(),
          values.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(4, values.size())));
    };
    return {{"final_loss_on_real_pictures", real_.last()},  {"final_loss_on_noise", noise_.last()},
            {"mean_output_on_real_pictures", mean(real)},   {"mean_output_on_noise", mean(noise)},
            {"outputs_on_real_pictures", first_four(real)}, {"outputs_on_noise", first_four(noise)}};
  }

 private:
  void step(Stream& stream, std::int64_t rows) {
    const MatrixView<float> input = input_.rows_part(0, rows);
    gather_rows(stream, data_.pixels(), loop_.order(), kLargestByte, input);
    learn(stream, input, 1.0F, 0);
    const std::int64_t count = input_.rows * input_.columns;  // of a whole batch: streams do not overlap
    fill_normal(stream, {input.data, rows * input.columns}, {config_.seed, kTrainingNoise},
                loop_.counter(static_cast<std::uint64_t>(count)));
    learn(stream, input, 0.0F, 1);
  }

  /// One step of the discriminator's own optimiser.
  void learn(Stream& stream, MatrixView<const float> input, float target, std::int64_t update) {
    (void)pass_.forward(stream, input);
    pass_.loss(stream, Loss::bce, {{}, target}, loop_.loss(update));
    pass_.backward_and_step(stream, optimizer_, loop_.counter(2, static_cast<std::uint64_t>(update) + 1));
  }

  std::vector<double> outputs() {
    const MatrixView<float> output = shown_pass_.forward(stream_, shown_input_);
    const std::vector<float> values =
        download(stream_, VectorView<float>{output.data, output.rows * output.columns});
    return {values.begin(), values.end()};
  }

  void note(std::int64_t iteration, float real, float noise) {
    real_.add(real);
    noise_.add(noise);
    if (iteration % loop_.iterations_per_epoch() != 0 && iteration % kRowInterval != 0) return;
    const double epoch = static_cast<double>(iteration) / static_cast<double>(loop_.iterations_per_epoch());
    rows_.push_back({static_cast<double>(iteration), epoch, real_.take(), noise_.take()});
  }

  Stream& stream_;
  TrainingConfig config_;
  std::int64_t samples_;
  std::string data_fingerprint_;
  DeviceData data_;
  DeviceData shown_;
  Network network_;
  Optimizer optimizer_;
  Pass pass_;
  Pass shown_pass_;
  EpochLoop loop_;
  std::optional<Arena> arena_;
  MatrixView<float> input_;
  MatrixView<float> shown_input_;
  MeanLoss real_;
  MeanLoss noise_;
  std::vector<std::vector<double>> rows_;
};

}  // namespace

std::unique_ptr<Learner> make_discriminator_noise(Stream& stream, const TrainingConfig& config,
                                                  const DataSet& train, const DataSet& test) {
  require_pictures(config, train, test);
  return std::make_unique<DiscriminatorNoise>(stream, config, train, test.count > 0 ? test : train);
}

}  // namespace atelier::detail
