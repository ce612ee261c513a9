#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "kernels/philox.h"
#include "models/learners/checkpoint.h"
#include "models/learners/factories.h"

// Part I: networks of one parameter. D answers d x, G makes g. Both are nothing but a number, so the host
// trains them, in double, as the article's Python does; there is no work here that a device could take.
namespace atelier::detail {
namespace {

constexpr double kStart = 0.1;             // both parameters
constexpr std::uint64_t kRealStream = 32;  // real numbers, U(0.9, 1.1); row t is drawn in iteration t

double draw_real(std::uint64_t seed, std::int64_t iteration) {
  const auto index = static_cast<std::uint64_t>(iteration);
  const std::uint32_t word = philox_block({seed, kRealStream}, index / 4).word[index % 4];
  return 0.9 + (1.1 - 0.9) * (static_cast<double>(word) * 0x1p-32);
}

/// A parameter and what its last update logged: the error before, the parameter after.
struct Node {
  double parameter = kStart;
  double error = std::numeric_limits<double>::quiet_NaN();

  void train(double output, double target, double input, double learning_rate) {
    error = target - output;
    parameter += learning_rate * error * input;
  }
};

class Nodes final : public Learner {
 public:
  explicit Nodes(TrainingConfig config)
      : config_(std::move(config)),
        adversarial_(config_.preset == "nodes-gan"),
        iterations_(config_.iterations.value()),
        learning_rate_(config_.learning_rate.value()) {}

  [[nodiscard]] const TrainingConfig& config() const override { return config_; }
  [[nodiscard]] std::int64_t iterations() const override { return iterations_; }
  [[nodiscard]] std::int64_t iteration() const override { return iteration_; }
  [[nodiscard]] std::int64_t samples_per_iteration() const override { return adversarial_ ? 2 : 1; }
  [[nodiscard]] std::int64_t iterations_per_epoch() const override { return iterations_; }

  void train(std::int64_t count) override {
    for (const std::int64_t end = iteration_ + std::min(count, iterations_ - iteration_); iteration_ < end;)
      step();
  }

  [[nodiscard]] std::vector<std::string> metric_names() const override {
    if (!adversarial_) return {"iteration", "error", "parameter"};
    return {"iteration",
            "discriminator_error_real",
            "discriminator_parameter_real",
            "discriminator_error_fake",
            "discriminator_parameter_fake",
            "generator_error",
            "generator_parameter"};
  }
  [[nodiscard]] std::vector<std::vector<double>> take_metrics() override {
    return std::exchange(metrics_, {});
  }

  [[nodiscard]] std::vector<PlotDescription> plots() const override {
    PlotDescription d{"discriminator.png",
                      "Discriminator: error and parameter",
                      "iteration",
                      "error, parameter",
                      {},
                      {},
                      false};
    if (!adversarial_) {
      d.curves = {{"error", "error"}, {"parameter", "parameter"}};
      return {d};
    }
    d.curves = {{"discriminator_error_real", "error, real"},
                {"discriminator_parameter_real", "parameter after real"},
                {"discriminator_error_fake", "error, fake"},
                {"discriminator_parameter_fake", "parameter after fake"}};
    return {d,
            {"generator.png",
             "Generator: error and parameter",
             "iteration",
             "error, parameter",
             {{"generator_error", "error"}, {"generator_parameter", "parameter"}},
             {},
             false}};
  }

  [[nodiscard]] std::int64_t sample_interval() const override { return 0; }
  [[nodiscard]] std::vector<GrayPicture> samples() override { return {}; }
  [[nodiscard]] std::int64_t checkpoint_interval() const override {
    // A tenth of a second's work at the most is lost, and a run of the usual length has some checkpoints too.
    return std::clamp<std::int64_t>(iterations_ / 6, 50, 1'000'000);
  }

  [[nodiscard]] TensorFile checkpoint() override {
    TensorFile file = begin_checkpoint(config_, iteration_);
    // The errors do not decide the future, but summary() of a finished run tells them.
    save_numbers(file, "discriminator", discriminator_);
    if (adversarial_) save_numbers(file, "generator", generator_);
    return file;
  }

  void restore(const TensorFile& file) override {
    const std::int64_t iteration = open_checkpoint(file, config_, iterations_);
    const Node discriminator = load_numbers(file, "discriminator");
    if (adversarial_) generator_ = load_numbers(file, "generator");
    discriminator_ = discriminator;
    iteration_ = iteration;
    metrics_.clear();
  }

  [[nodiscard]] std::vector<SummaryEntry> summary() override {
    std::vector<SummaryEntry> entries{{"iterations", iteration_},
                                      {"discriminator_parameter", discriminator_.parameter}};
    if (!adversarial_) {
      entries.push_back({"discriminator_error", discriminator_.error});
      return entries;
    }
    // The update g += r (1 - g) makes 1 - g shrink by 1 - r an iteration.
    const double exact =
        1.0 - (1.0 - kStart) * std::pow(1.0 - learning_rate_, static_cast<double>(iteration_));
    entries.push_back({"generator_parameter", generator_.parameter});
    entries.push_back({"generator_parameter_by_closed_form", exact});
    return entries;
  }

 private:
  void step() {
    const double real = draw_real(config_.seed, iteration_);
    std::vector<double> row{static_cast<double>(iteration_ + 1)};
    const auto log = [&row](const Node& node) { row.insert(row.end(), {node.error, node.parameter}); };
    discriminator_.train(discriminator_.parameter * real, 1.0, real, learning_rate_);
    log(discriminator_);
    if (adversarial_) {
      // The article trains D on what D itself answers to G's number, not on the number.
      const double fake = generator_.parameter * discriminator_.parameter;
      discriminator_.train(discriminator_.parameter * fake, 0.0, fake, learning_rate_);
      log(discriminator_);
      generator_.train(generator_.parameter, 1.0, 1.0, learning_rate_);
      log(generator_);
    }
    metrics_.push_back(std::move(row));
    ++iteration_;
  }

  static void save_numbers(TensorFile& file, const std::string& name, const Node& node) {
    const std::array<double, 2> numbers{node.parameter, node.error};
    std::vector<std::byte> bytes(sizeof numbers);
    std::memcpy(bytes.data(), numbers.data(), sizeof numbers);
    save_bytes(file, name, TensorType::f64, 2, std::move(bytes));
  }
  static Node load_numbers(const TensorFile& file, const std::string& name) {
    std::array<double, 2> numbers{};
    std::memcpy(numbers.data(), bytes_of(file, name, TensorType::f64, 2).data(), sizeof numbers);
    return {numbers[0], numbers[1]};
  }

  TrainingConfig config_;
  bool adversarial_;
  std::int64_t iterations_;
  double learning_rate_;
  std::int64_t iteration_ = 0;
  Node discriminator_;
  Node generator_;
  std::vector<std::vector<double>> metrics_;
};

}  // namespace

std::unique_ptr<Learner> make_nodes(Stream& /*stream*/, const TrainingConfig& config) {
  return std::make_unique<Nodes>(config);
}

}  // namespace atelier::detail
