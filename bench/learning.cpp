// Whole learning steps: a fleet of little GANs, one GAN as its learner runs it, and the classifiers of digits
// as captured graphs of a Network's Pass. On cpu one thread, or as many as ATELIER_BENCH_THREADS says.
// PyTorch's figures come from peers/learning_torch.py.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "bench/kernels_report.h"
#include "kernels/noise.h"
#include "kernels/small_gan.h"
#include "models/learner.h"
#include "models/network.h"
#include "runtime/buffer.h"
#include "runtime/device.h"
#include "runtime/graph.h"
#include "runtime/parallel.h"
#include "runtime/stream.h"

namespace {

using atelier::Activation;
using atelier::Buffer;
using atelier::Device;
using atelier::DeviceKind;
using atelier::Layer;
using atelier::Network;
using atelier::NetworkDescription;
using atelier::Stream;

/// `amount` an iteration as "rate" in `unit`, and in percent of what `floor_seconds` an iteration allow
/// (0: no floor is known).
void report_steps(benchmark::State& state, double amount, const char* unit, double floor_seconds) {
  state.SetLabel(unit);
  state.counters["rate"] = benchmark::Counter(amount, benchmark::Counter::kIsIterationInvariantRate);
  if (floor_seconds > 0)
    state.counters["percent_of_limit"] =
        benchmark::Counter(100 * floor_seconds, benchmark::Counter::kIsIterationInvariantRate);
}

/// Multiply-adds of a GAN's iteration (small_gan.h), an update fused with the outer product that it takes:
///   step 1  D forward 15, back to its hidden layer 3, update 15
///   step 2  G forward 32, and D again 33
///   step 3  G forward 32, D forward 15, back through D 15, back to G's hidden layer 16, update 32
/// The 28 sigmoids, their derivatives and the 12 random numbers come on top and are not counted, so no
/// program reaches this floor.
constexpr double kMultiplyAddsOfSmallGan = 33 + 32 + 33 + 32 + 15 + 15 + 16 + 32;

void fleet(benchmark::State& state, Device device, std::int64_t gans) {
  Stream stream(device);
  const Buffer<float> weights(stream, atelier::kSmallGanWeights * gans, "weights");
  const Buffer<std::uint64_t> seeds(stream, gans, "seeds");
  std::vector<std::uint64_t> numbers(static_cast<std::size_t>(gans));
  std::iota(numbers.begin(), numbers.end(), std::uint64_t{0});
  atelier::upload<std::uint64_t>(stream, seeds.view(), numbers);
  initialise_small_gans(stream, weights.matrix(atelier::kSmallGanWeights, gans), seeds.view());
  stream.synchronize();
  atelier::SmallGanTraining training;
  training.iterations = std::clamp<std::int64_t>(400'000 / gans, 100, 10'000);
  for (auto step : state) {
    train_small_gans(stream, weights.matrix(atelier::kSmallGanWeights, gans), seeds.view(), training);
    stream.synchronize();
    training.first_iteration += static_cast<std::uint64_t>(training.iterations);
  }
  const auto iterations = static_cast<double>(training.iterations * gans);
  const double limit = multiply_add_limit(device);
  report_steps(state, iterations * 1e-6, "Miteration/s",
               limit > 0 ? iterations * 2 * kMultiplyAddsOfSmallGan / (limit * 1e9) : 0);
}

/// The article's single GAN, its losses read back and its metrics kept, as `atelier train` runs it.
void pattern1010(benchmark::State& state, Device device) {
  Stream stream(device);
  atelier::TrainingConfig config;
  config.preset = "pattern1010-gan";
  config.iterations = 1'000'000'000;
  const std::unique_ptr<atelier::Learner> learner = make_learner(stream, config, {}, {});
  constexpr std::int64_t kIterations = 10'000;
  for (auto step : state) {
    learner->train(kIterations);
    benchmark::DoNotOptimize(learner->take_metrics());
  }
  report_steps(state, kIterations, "iteration/s", 0);
}

NetworkDescription classifier_network(bool book) {
  if (book)
    return {784,
            {Layer::linear(200), Layer::activated(Activation::leaky_relu, 0.02F), Layer::layer_norm(),
             Layer::linear(10), Layer::activated(Activation::sigmoid)}};
  return {784,
          {Layer::linear(200), Layer::activated(Activation::sigmoid), Layer::linear(10),
           Layer::activated(Activation::sigmoid)}};
}

/// Seconds that a step of the classifier takes at least: the multiply-adds at the device's peak, or what must
/// move at the rate of a copy in as much memory, whichever is slower. Products: both layers forward, both
/// weight gradients, the gradient of the hidden layer. Bytes: every parameter read for the forward pass, read
/// and written by the update, and so every moment of Adam's.
double classifier_floor(Device device, std::int64_t batch, std::int64_t parameters, bool adam) {
  const double limit = multiply_add_limit(device);
  if (limit <= 0) return 0;
  constexpr double kFirst = 784 * 200;
  constexpr double kLast = 200 * 10;
  const double operations = 2 * static_cast<double>(batch) * (2 * kFirst + 3 * kLast);
  const double bytes = static_cast<double>(parameters) * (adam ? 28 : 12);
  const double rate = copy_rate(device, parameters * (adam ? 12 : 4));
  return std::max(operations / (limit * 1e9), bytes / (rate * 1e9));
}

/// Forward, loss, backward and update of one batch as a captured graph of several steps.
void classifier(benchmark::State& state, Device device, std::int64_t batch, bool book) {
  Stream stream(device);
  Network network(stream, classifier_network(book), 1);
  atelier::OptimizerDescription description;
  description.kind = book ? atelier::OptimizerKind::adam : atelier::OptimizerKind::sgd;
  description.learning_rate = 1e-3;
  atelier::Optimizer optimizer(stream, network, description);
  atelier::Pass pass(stream, network, batch, atelier::Pass::Purpose::training);
  const Buffer<float> input(stream, batch * 784, "input");
  const Buffer<float> target(stream, batch * 10, "target");
  const Buffer<float> loss(stream, 1, "loss");
  const Buffer<std::uint64_t> count(stream, 1, "count");
  fill_uniform(stream, input.view(), {1, 0});
  fill_uniform(stream, target.view(), {1, 1});
  atelier::upload<std::uint64_t>(stream, count.view(), std::vector<std::uint64_t>{100});
  constexpr int kStepsInGraph = 8;
  stream.begin_capture();
  for (int i = 0; i < kStepsInGraph; ++i) {
    (void)pass.forward(stream, input.matrix(batch, 784));
    pass.loss(stream, atelier::Loss::bce, {target.matrix(batch, 10), 0.0F}, loss.data());
    pass.backward_and_step(stream, optimizer, {count.data(), 1, 1});
  }
  const atelier::Graph graph = stream.end_capture();
  graph.launch(stream);
  stream.synchronize();
  const int launches = static_cast<int>(std::max<std::int64_t>(1, 64 / batch));
  for (auto step : state) {
    for (int i = 0; i < launches; ++i) graph.launch(stream);
    stream.synchronize();
  }
  const double steps = launches * kStepsInGraph;
  const double floor = classifier_floor(device, batch, network.description().parameter_count(), book);
  report_steps(state, steps * static_cast<double>(batch), "samples/s", steps * floor);
}

void register_all(Device device) {
  const std::string kind = std::string("/").append(device_kind_name(device.kind()));
  const auto add = [&](const std::string& what, auto body) {
    benchmark::RegisterBenchmark((what + kind).c_str(), body)
        ->MeasureProcessCPUTime()
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
  };
  for (const std::int64_t gans : {1, 16, 1'000, 16'384})
    add("fleet/gans:" + std::to_string(gans), [=](benchmark::State& s) { fleet(s, device, gans); });
  add("learner/pattern1010-gan", [=](benchmark::State& s) { pattern1010(s, device); });
  for (const bool book : {false, true})
    for (const std::int64_t batch : {1, 64, 256, 1024})
      add(std::string(book ? "step/classifier-book" : "step/classifier") + "/batch:" + std::to_string(batch),
          [=](benchmark::State& s) { classifier(s, device, batch, book); });
}

}  // namespace

int main(int count, char** arguments) {
  return run_benchmarks(count, arguments, register_all);
}
