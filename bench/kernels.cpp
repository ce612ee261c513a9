// Noise; the largest error of each activation; and the rows of kernels_linear.cpp, kernels_elementwise.cpp,
// kernels_layer_norm_loss.cpp and kernels_optimizer.cpp. On cpu one thread, or as many as
// ATELIER_BENCH_THREADS says.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/kernels_elementwise.h"
#include "bench/kernels_layer_norm_loss.h"
#include "bench/kernels_linear.h"
#include "bench/kernels_optimizer.h"
#include "bench/kernels_report.h"
#include "kernels/activation.h"
#include "kernels/linear.h"
#include "kernels/noise.h"
#include "runtime/buffer.h"
#include "runtime/device.h"

namespace {

using atelier::Activation;
using atelier::Buffer;
using atelier::Device;
using atelier::DeviceKind;
using atelier::Stream;

void noise(benchmark::State& state, Device device, bool normal) {
  Stream stream(device);
  const std::int64_t size = device.kind() == DeviceKind::cuda ? std::int64_t{1} << 26 : std::int64_t{1} << 20;
  Buffer<float> values(stream, size, "noise");
  atelier::fill_bytes(stream, values.data(), 0, static_cast<std::size_t>(values.size()) * sizeof(float));
  stream.synchronize();
  for (auto step : state) {
    if (normal)
      fill_normal(stream, values.view(), {1, 0});
    else
      fill_uniform(stream, values.view(), {1, 0});
    stream.synchronize();
  }
  // A GPU's limit is its memory (H200: 4,800 GB/s).
  report(state, 4.0 * static_cast<double>(size), "GB/s", device.kind() == DeviceKind::cuda ? 4800.0 : 0.0);
}

double exact_activation(Activation kind, double x) {
  switch (kind) {
    case Activation::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Activation::tanh:
      return std::tanh(x);
    case Activation::sin:
      return std::sin(x);
    case Activation::cos:
      return std::cos(x);
    case Activation::gaussian:
      return std::exp(-x * x);
    case Activation::softplus:
      return std::fmax(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
    case Activation::gelu:
      return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    case Activation::silu:
      return x / (1 + std::exp(-x));
    default:
      return x;
  }
}

// Rate of a layer of one input, and the largest absolute error over [-9, 9] in "error".
void activation_error(benchmark::State& state, Device device, Activation kind) {
  Stream stream(device);
  constexpr std::int64_t kCount = 1 << 17;
  Buffer<float> input(stream, kCount);
  Buffer<float> weight(stream, 1);
  Buffer<float> output(stream, kCount);
  fill_uniform(stream, input.view(), {3, 0}, 0, -9.0F, 9.0F);
  upload<float>(stream, weight.view(), std::vector<float>{1.0F});
  stream.synchronize();
  for (auto step : state) {
    linear_forward(stream, input.matrix(kCount, 1), weight.matrix(1, 1), {}, {kind},
                   output.matrix(kCount, 1));
    stream.synchronize();
  }
  const std::vector<float> x = download<float>(stream, input.view());
  const std::vector<float> y = download<float>(stream, output.view());
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    worst = std::fmax(worst, std::fabs(static_cast<double>(y[i]) - exact_activation(kind, x[i])));
  state.counters["error"] = worst;
  report(state, static_cast<double>(kCount), "Gelement/s", 0);
}

void register_all(Device device) {
  const std::string name = std::string("/").append(device_kind_name(device.kind()));
  const auto add = [&](const std::string& what, auto body) {
    benchmark::RegisterBenchmark((what + name).c_str(), body)
        ->MeasureProcessCPUTime()
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
  };
  add("noise/uniform", [=](benchmark::State& s) { noise(s, device, false); });
  add("noise/normal", [=](benchmark::State& s) { noise(s, device, true); });
  for (const Activation kind :
       {Activation::sigmoid, Activation::tanh, Activation::sin, Activation::cos, Activation::gaussian,
        Activation::softplus, Activation::gelu, Activation::silu})
    add(std::string("activation/").append(activation_name(kind)),
        [=](benchmark::State& s) { activation_error(s, device, kind); });
}

}  // namespace

int main(int count, char** arguments) {
  return run_benchmarks(count, arguments, [](Device device) {
    register_linear_benchmarks(device);
    register_elementwise_benchmarks(device);
    register_layer_norm_and_loss_benchmarks(device);
    register_optimizer_benchmarks(device);
    register_all(device);
  });
}
