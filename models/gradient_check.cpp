#include "models/gradient_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <utility>

#include "kernels/noise_function.h"
#include "kernels/small_gan.h"
#include "models/double_precision_network.h"
#include "runtime/buffer.h"
#include "runtime/error.h"
#include "runtime/graph.h"

namespace atelier {
namespace {

constexpr std::uint64_t kInputStream = 1000;  // far from those of the parameters
constexpr std::uint64_t kTargetStream = 1001;
constexpr std::int64_t kRandomRows = 8;
constexpr std::int64_t kPatternsOfAKind = 8;

struct Task {
  std::vector<float> inputs;
  std::vector<float> targets;
};

float draw(std::uint64_t seed, std::uint64_t stream, std::size_t index, float low = 0.0F, float high = 1.0F) {
  return uniform_element({seed, stream}, index, low, high);
}

void append_patterns(Task& task, std::uint64_t seed, std::uint64_t stream, const PatternRange& range,
                     float target) {
  for (std::size_t i = 0; i < kPatternsOfAKind * kSmallGanPattern; ++i)
    task.inputs.push_back(
        draw(seed, stream, i, range.low[i % kSmallGanPattern], range.high[i % kSmallGanPattern]));
  task.targets.insert(task.targets.end(), kPatternsOfAKind, target);
}

void require_ends(const GradientCheckOptions& options, const NetworkDescription& network,
                  std::int64_t inputs) {
  if (network.inputs == inputs && network.outputs() == 1) return;
  throw InvalidArgument(
      fmt::format("gradient check: the task {} needs a network of {} inputs and 1 output, not {} and {}",
                  options.task, inputs, network.inputs, network.outputs()));
}

Task make_task(const GradientCheckOptions& options, const NetworkDescription& network) {
  Task task;
  if (options.task == "xor") {
    require_ends(options, network, 2);
    task = {{0, 0, 0, 1, 1, 0, 1, 1}, {0, 1, 1, 0}};
  } else if (options.task == "pattern1010") {
    require_ends(options, network, kSmallGanPattern);
    append_patterns(task, options.seed, kInputStream, kPattern1010, 1.0F);
    append_patterns(task, options.seed, kTargetStream, kPattern0101, 0.0F);
  } else if (options.task == "random") {
    task.inputs.resize(static_cast<std::size_t>(kRandomRows * network.inputs));
    task.targets.resize(static_cast<std::size_t>(kRandomRows * network.outputs()));
    for (std::size_t i = 0; i < task.inputs.size(); ++i) task.inputs[i] = draw(options.seed, kInputStream, i);
    for (std::size_t i = 0; i < task.targets.size(); ++i)
      task.targets[i] = draw(options.seed, kTargetStream, i);
  } else {
    throw InvalidArgument(fmt::format(
        "gradient check: there is no task \"{}\"; known: xor, pattern1010, random", options.task));
  }
  return task;
}

void validate(const GradientCheckOptions& options, const NetworkDescription& network) {
  if (network.parameter_count() < 1 || network.parameter_count() > kGradientCheckMostParameters)
    throw InvalidArgument(
        fmt::format("gradient check: the network has {} parameters; central differences are for 1 to {}",
                    network.parameter_count(), kGradientCheckMostParameters));
  if (options.steps < 0 || options.steps > 1'000'000)
    throw InvalidArgument(fmt::format("gradient check: {} steps; 0 to 1000000 are possible", options.steps));
  if (!std::isfinite(options.learning_rate) || options.learning_rate <= 0)
    throw InvalidArgument(fmt::format(
        "gradient check: the learning rate is {}; it must be finite and above 0", options.learning_rate));
  if (!(options.difference >= 1e-8 && options.difference <= 1.0))
    throw InvalidArgument(
        fmt::format("gradient check: the difference is {}; it must be from 1e-8 to 1", options.difference));
}

std::vector<double> as_double(const std::vector<float>& values) {
  return {values.begin(), values.end()};
}

/// The network as the engine trains it, all rows at once.
class Engine {
 public:
  Engine(Stream& stream, const NetworkDescription& description, const Task& task,
         const GradientCheckOptions& options)
      : stream_(stream),
        rows_(static_cast<std::int64_t>(task.inputs.size()) / description.inputs),
        network_(stream, description, options.seed),
        optimizer_(stream, network_, sgd(options.learning_rate)),
        pass_(stream, network_, rows_, Pass::Purpose::training),
        inputs_(stream, static_cast<std::int64_t>(task.inputs.size()), "inputs"),
        targets_(stream, static_cast<std::int64_t>(task.targets.size()), "targets"),
        losses_(stream, options.steps + 1, "losses"),
        iteration_(stream, 1, "iteration"),
        loss_(stream, 1, "loss") {
    upload<float>(stream, inputs_.view(), task.inputs);
    upload<float>(stream, targets_.view(), task.targets);
    fill_bytes(stream, iteration_.data(), 0, sizeof(std::uint64_t));
  }

  /// All parameters, tensor after tensor, and their names.
  [[nodiscard]] std::vector<double> parameters() { return flat(network_.block()); }
  [[nodiscard]] std::vector<double> gradients() {
    forward(stream_);
    pass_.backward(stream_, true);
    return flat(pass_.gradients());
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const Parameter& parameter : network_.parameters())
      for (std::int64_t i = 0; i < parameter.value.size; ++i)
        names.push_back(
            parameter.shape.size() == 2
                ? fmt::format("{}[{}, {}]", parameter.name, i / parameter.shape[1], i % parameter.shape[1])
                : fmt::format("{}[{}]", parameter.name, i));
    return names;
  }

  /// The error before each of `steps` steps and after the last.
  [[nodiscard]] std::vector<double> train(std::int64_t steps) {
    const MatrixView<float> history = losses_.matrix(steps + 1, 1);
    const auto record = [&](bool with_step) {
      stream_.begin_capture();
      forward(stream_);
      if (with_step) {
        pass_.backward(stream_, true);
        pass_.step(stream_, optimizer_, DeviceCounter{iteration_.data(), 1, 1});
      }
      finish_iteration(stream_, iteration_.data(), loss_.view(), history);
      return stream_.end_capture();
    };
    const Graph step = record(true);
    const Graph last = record(false);
    for (std::int64_t i = 0; i < steps; ++i) step.launch(stream_);
    last.launch(stream_);
    return as_double(download<float>(stream_, losses_.view()));
  }

 private:
  static OptimizerDescription sgd(double learning_rate) {
    OptimizerDescription description;
    description.learning_rate = learning_rate;
    return description;
  }
  void forward(Stream& stream) {
    pass_.forward(stream, inputs_.matrix(rows_, network_.description().inputs));
    pass_.loss(stream, Loss::mse, {targets_.matrix(rows_, network_.description().outputs()), 0.0F},
               loss_.data());
  }
  [[nodiscard]] std::vector<double> flat(VectorView<float> block) {
    std::vector<double> all;
    for (const Parameter& parameter : network_.parameters()) {
      const std::vector<float> part = download<float>(stream_, network_.in_block(block, parameter.value));
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }

  Stream& stream_;
  std::int64_t rows_;
  Network network_;
  Optimizer optimizer_;
  Pass pass_;
  Buffer<float> inputs_;
  Buffer<float> targets_;
  Buffer<float> losses_;
  Buffer<std::uint64_t> iteration_;
  Buffer<float> loss_;
};

/// Both ways to the gradient in double, on given data.
struct Reference {
  DoublePrecisionNetwork network;
  std::vector<double> inputs;
  std::vector<double> targets;
  double difference;

  [[nodiscard]] std::vector<double> by_differences(const std::vector<double>& parameters) const {
    return network.central_differences(parameters, inputs, targets, difference);
  }
  [[nodiscard]] std::vector<double> by_propagation(const std::vector<double>& parameters) const {
    return network.gradient(parameters, inputs, targets);
  }
  [[nodiscard]] double error(const std::vector<double>& parameters) const {
    return network.mean_square_error(parameters, inputs, targets);
  }

  [[nodiscard]] std::vector<double> train(std::vector<double> parameters, std::int64_t steps,
                                          double learning_rate) const {
    std::vector<double> errors{error(parameters)};
    for (std::int64_t i = 0; i < steps; ++i) {
      const std::vector<double> gradient = by_differences(parameters);
      for (std::size_t k = 0; k < parameters.size(); ++k) parameters[k] -= learning_rate * gradient[k];
      errors.push_back(error(parameters));
    }
    return errors;
  }
};

/// Seconds a call, the least of a few rounds of as many calls as last a millisecond.
template <class Call>
double seconds_of(const Call& call) {
  using Clock = std::chrono::steady_clock;
  constexpr int kRounds = 5;
  constexpr double kRound = 1e-3;
  double best = std::numeric_limits<double>::infinity();
  for (int round = 0; round < kRounds; ++round) {
    const auto start = Clock::now();
    double seconds = 0;
    int calls = 0;
    do {
      call();
      ++calls;
      seconds = std::chrono::duration<double>(Clock::now() - start).count();
    } while (seconds < kRound);
    best = std::min(best, seconds / calls);
  }
  return best;
}

// The largest element; NaN where one is NaN.
double largest(const std::vector<double>& values) {
  double result = 0;
  for (const double value : values)
    if (!(value <= result)) result = value;
  return result;
}

void compare(GradientCheckResult& result, const std::vector<std::string>& names,
             const std::vector<double>& differences, const std::vector<double>& propagated,
             const std::vector<double>& engine) {
  std::vector<double> magnitude;
  std::vector<double> of_propagation;
  std::vector<double> of_engine;
  for (std::size_t i = 0; i < names.size(); ++i) {
    result.comparisons.push_back({names[i], differences[i], propagated[i], engine[i]});
    magnitude.push_back(std::fabs(differences[i]));
    of_propagation.push_back(std::fabs(propagated[i] - differences[i]));
    of_engine.push_back(std::fabs(engine[i] - differences[i]));
  }
  const double scale = largest(magnitude) > 0 ? largest(magnitude) : 1.0;
  result.worst_of_back_propagation = largest(of_propagation) / scale;
  result.worst_of_engine = largest(of_engine) / scale;
}

}  // namespace

GradientCheckResult check_gradients(Stream& stream, const GradientCheckOptions& options) {
  GradientCheckResult result;
  result.network = network_from_text(options.network);
  validate(options, result.network);
  const Task task = make_task(options, result.network);
  result.parameters = result.network.parameter_count();
  result.rows = static_cast<std::int64_t>(task.inputs.size()) / result.network.inputs;

  Engine engine(stream, result.network, task, options);
  const std::vector<double> start = engine.parameters();
  const Reference reference{DoublePrecisionNetwork(result.network), as_double(task.inputs),
                            as_double(task.targets), options.difference};
  compare(result, engine.names(), reference.by_differences(start), reference.by_propagation(start),
          engine.gradients());

  result.learned_by_central_differences = reference.train(start, options.steps, options.learning_rate);
  result.learned_by_back_propagation = engine.train(options.steps);
  std::vector<double> gaps;
  for (std::size_t i = 0; i < result.learned_by_back_propagation.size(); ++i)
    gaps.push_back(
        std::fabs(result.learned_by_back_propagation[i] - result.learned_by_central_differences[i]));
  result.largest_gap = largest(gaps);

  result.central_differences = {2 * result.parameters,
                                seconds_of([&] { (void)reference.by_differences(start); })};
  result.back_propagation = {3, seconds_of([&] { (void)reference.by_propagation(start); })};
  return result;
}

}  // namespace atelier
