// The GANs of pictures as their learner trains them: the exact loop of the articles with the networks
// resident and as captured steps, and larger batches; and, for the resident loop on cpu, the walks over the
// weights that an iteration is made of. On cpu one thread, or as many as ATELIER_BENCH_THREADS says.
// PyTorch's figures come from peers/gan_torch.py.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/kernels_report.h"
#include "kernels/cpu/batch_one_gan_vector.h"
#include "kernels/noise.h"
#include "models/data_set.h"
#include "models/learner.h"
#include "runtime/buffer.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/instruction_set.h"
#include "runtime/parallel.h"
#include "runtime/stream.h"

namespace {

using atelier::Device;
using atelier::Stream;

constexpr std::int64_t kPixels = 784;
constexpr std::int64_t kJudges = 200;  // hidden units of D
constexpr std::int64_t kLatent = 100;
constexpr std::int64_t kForgers = 500;  // hidden units of G
constexpr double kHiddenOfD = kPixels * kJudges;
constexpr double kHiddenOfG = kLatent * kForgers;
constexpr double kOutputOfG = kPixels * kForgers;

/// Multiply-adds of one picture of a batch, the three updates together. Of D's hidden layer: forward and the
/// weights' gradient twice, forward and the input's gradient for G; of G's layers: both forward passes and
/// the weights' gradient, and of the second one the input's. What has a hidden layer's length is not counted.
constexpr double kMultiplyAdds = 6 * kHiddenOfD + 3 * kHiddenOfG + 4 * kOutputOfG;

/// Bytes that an iteration must move at least where the networks do not fit in a core's own cache: D's
/// parameters and moments are read and written twice and its weights read once more, G's once. The resident
/// loop reads G's weights once more, for the pictures.
double bytes_of_iteration(bool adam) {
  const double arrays = adam ? 3 : 1;
  return 4 * (kHiddenOfD * (4 * arrays + 1) + (kHiddenOfG + kOutputOfG) * 2 * arrays + kOutputOfG);
}

double floor_seconds(Device device, std::int64_t batch, bool adam) {
  const double limit = multiply_add_limit(device);
  if (limit <= 0) return 0;
  const double arrays = adam ? 3 : 1;
  const double size = 4 * arrays * (kHiddenOfD + kHiddenOfG + kOutputOfG);
  const double rate = copy_rate(device, static_cast<std::int64_t>(size)) * 1e9;
  return std::max(2 * static_cast<double>(batch) * kMultiplyAdds / (limit * 1e9),
                  bytes_of_iteration(adam) / rate);
}

const atelier::DataSet& digits() {
  static const atelier::DataSet data = [] {
    atelier::ReadLimits limits;
    limits.first_count = 10'000;
    return load_data_set("digits", atelier::Split::test, {}, limits);
  }();
  return data;
}

void learner(benchmark::State& state, Device device, const std::string& preset, const std::string& loop,
             std::int64_t batch) {
  Stream stream(device);
  atelier::TrainingConfig config;
  config.preset = preset;
  config.epochs = 100'000;
  config.batch = batch;
  config.loop = loop;
  config.data_set = "digits";
  const std::unique_ptr<atelier::Learner> learner = make_learner(stream, config, digits(), digits());
  const std::int64_t iterations = std::max<std::int64_t>(8, 512 / batch);
  learner->train(iterations);
  (void)learner->take_metrics();
  for (auto step : state) {
    learner->train(iterations);
    benchmark::DoNotOptimize(learner->take_metrics());
  }
  const auto count = static_cast<double>(iterations);
  state.SetLabel(batch == 1 ? "iteration/s" : "samples/s");
  state.counters["rate"] =
      benchmark::Counter(count * static_cast<double>(batch), benchmark::Counter::kIsIterationInvariantRate);
  const double floor = floor_seconds(device, batch, preset != "gan-v1");
  if (floor > 0)
    state.counters["percent_of_limit"] =
        benchmark::Counter(100 * count * floor, benchmark::Counter::kIsIterationInvariantRate);
}

const atelier::cpu::BatchOneGanKernels& walks() {
  switch (atelier::instruction_set()) {
#if defined(ATELIER_X86)
    case atelier::InstructionSet::avx512:
      return atelier::cpu::avx512::batch_one_gan_kernels;
    case atelier::InstructionSet::avx2:
      return atelier::cpu::avx2::batch_one_gan_kernels;
#endif
    default:
      return atelier::cpu::portable::batch_one_gan_kernels;
  }
}

enum class WalkKind : std::uint8_t { forward, step_forward, backward, backward_step };

/// One walk over a matrix with Adam's moments, as a single thread makes it, after another buffer of `between`
/// bytes has been walked over, as the other matrices are in an iteration. GB/s of what is read and written.
void walk(benchmark::State& state, WalkKind kind, std::int64_t rows, std::int64_t columns,
          std::int64_t between) {
  using atelier::cpu::ResidentMatrix;
  Stream stream(Device::parse("cpu"));
  const std::int64_t padded = (columns + atelier::cpu::kResidentLanes - 1) / atelier::cpu::kResidentLanes *
                              atelier::cpu::kResidentLanes;
  const std::int64_t size = rows * padded;
  const atelier::Buffer<float> memory(stream, 3 * size + 4 * padded + 3 * rows, "weights and vectors");
  const atelier::Buffer<float> other(stream, std::max<std::int64_t>(1, between / 4), "other weights");
  fill_uniform(stream, memory.view(), {1, 0}, 0, 1e-3F, 1e-2F);
  fill_uniform(stream, other.view(), {1, 1});
  stream.synchronize();
  const auto at = [&](std::int64_t place) { return memory.data() + place; };
  const ResidentMatrix matrix{{at(0), at(size), at(2 * size)}, rows, padded, padded};
  float* const vectors = at(3 * size);
  float* const delta = vectors + 4 * padded;
  float* const sums = delta + rows;
  const atelier::cpu::ResidentProducts products{{vectors, vectors + padded}, {sums, sums + rows}, 2};
  const atelier::cpu::ResidentStep step{0.0F, 0.9F, 0.1F, 0.999F, 0.001F, -1e4F, -1e-4F};
  const atelier::cpu::ResidentInput input{vectors + 2 * padded, vectors + 2 * padded};
  for (auto one : state) {
    state.PauseTiming();
    for (std::int64_t i = 0; i < other.size(); i += 16) other.data()[i] += 1.0F;
    state.ResumeTiming();
    switch (kind) {
      case WalkKind::forward:
        walks().forward(matrix, 0, rows, products);
        break;
      case WalkKind::step_forward:
        walks().step_forward(matrix, 0, rows, delta, input, step, products);
        break;
      case WalkKind::backward:
        walks().backward(matrix, 0, rows, delta, vectors + 3 * padded);
        break;
      case WalkKind::backward_step:
        walks().backward_step(matrix, 0, rows, delta, input, step, vectors + 3 * padded);
        break;
    }
  }
  const bool steps = kind == WalkKind::step_forward || kind == WalkKind::backward_step;
  const double bytes = static_cast<double>(size) * (steps ? 24 : 4);
  report(state, bytes, "GB/s", copy_rate(Device::parse("cpu"), 12 * size));
}

void register_walks() {
  constexpr std::int64_t kBytesOfD = 12 * kPixels * kJudges;
  constexpr std::int64_t kBytesOfG = 12 * kForgers * (kPixels + kLatent);
  const auto add = [](const char* name, WalkKind kind, std::int64_t rows, std::int64_t columns,
                      std::int64_t between) {
    benchmark::RegisterBenchmark((std::string("walk/") + name + "/cpu").c_str(),
                                 [=](benchmark::State& s) { walk(s, kind, rows, columns, between); })
        ->MeasureProcessCPUTime()
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
  };
  add("pictures:784x500", WalkKind::forward, kPixels, kForgers, kBytesOfD);
  add("step_of_D:200x784", WalkKind::step_forward, kJudges, kPixels, kBytesOfG);
  add("step_of_D_again:200x784", WalkKind::step_forward, kJudges, kPixels, 0);
  add("back_through_D:200x784", WalkKind::backward, kJudges, kPixels, 0);
  add("step_of_G_output:784x500", WalkKind::backward_step, kPixels, kForgers, kBytesOfD);
  add("step_of_G_hidden:500x100", WalkKind::step_forward, kForgers, kLatent, kBytesOfG);
}

void register_all(Device device) {
  const std::string kind = std::string("/").append(device_kind_name(device.kind()));
  const auto add = [&](const std::string& preset, const std::string& loop, std::int64_t batch) {
    const std::string name = preset + "/" + loop + "/batch:" + std::to_string(batch) + kind;
    benchmark::RegisterBenchmark(name.c_str(),
                                 [=](benchmark::State& s) { learner(s, device, preset, loop, batch); })
        ->MeasureProcessCPUTime()
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
  };
  for (const char* preset : {"gan-v1", "gan-v2"}) {
    add(preset, "resident", 1);
    for (const std::int64_t batch : {1, 64, 256}) add(preset, "streamed", batch);
  }
  if (device.kind() == atelier::DeviceKind::cpu) register_walks();
}

}  // namespace

int main(int count, char** arguments) {
  return run_benchmarks(count, arguments, register_all);
}
