// linear_forward against the machine's multiply-add limit and against oneDNN or cuBLASLt; noise; the largest
// error of each activation. On cpu one thread, or as many as ATELIER_BENCH_THREADS says.
#include <benchmark/benchmark.h>
#if defined(ATELIER_BENCH_ONEDNN)
#include <dnnl.h>
#endif
#if defined(ATELIER_BENCH_CUBLASLT)
#include <cublasLt.h>
#endif

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "bench/multiply_add_peak.h"
#include "kernels/activation.h"
#include "kernels/linear.h"
#include "kernels/noise.h"
#include "runtime/buffer.h"
#include "runtime/device.h"
#include "runtime/instruction_set.h"
#include "runtime/parallel.h"

namespace {

using atelier::Activation;
using atelier::Buffer;
using atelier::Device;
using atelier::DeviceKind;
using atelier::Stream;

struct Shape {
  std::int64_t batch;
  std::int64_t outputs;
  std::int64_t inputs;
};
// The GAN's layers at batches 1 to 1024, and a CPPN's layer over a row of tiles.
constexpr Shape kShapes[] = {{64, 500, 100},   {64, 784, 500}, {64, 200, 784},  {256, 784, 500},
                             {1024, 784, 500}, {1, 784, 500},  {65536, 16, 16}, {1024, 1024, 1024}};

std::string shape_name(const Shape& shape) {
  return std::to_string(shape.batch) + "x" + std::to_string(shape.outputs) + "x" +
         std::to_string(shape.inputs);
}

// GFLOP/s of one core with the chosen instruction set, measured once in this process.
double core_peak() {
  static const double peak = [] {
    const atelier::InstructionSet set = atelier::instruction_set();
    auto multiply_adds = atelier::cpu::portable::multiply_adds_float;
#if defined(ATELIER_X86)
    if (set == atelier::InstructionSet::avx2) multiply_adds = atelier::cpu::avx2::multiply_adds_float;
    if (set == atelier::InstructionSet::avx512) multiply_adds = atelier::cpu::avx512::multiply_adds_float;
#endif
    double best = 0;
    for (int repeat = 0; repeat < 20; ++repeat) {
      const auto begin = std::chrono::steady_clock::now();
      const auto operations = static_cast<double>(multiply_adds(100'000));
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
      best = std::max(best, operations / seconds.count() * 1e-9);
    }
    return best;
  }();
  return peak;
}

void report(benchmark::State& state, double work, const char* unit, double limit) {
  const double rate = work * 1e-9;
  state.SetLabel(unit);
  state.counters["rate"] = benchmark::Counter(rate, benchmark::Counter::kIsIterationInvariantRate);
  if (limit > 0) {
    state.counters["limit"] = limit;
    state.counters["percent_of_limit"] =
        benchmark::Counter(100 * rate / limit, benchmark::Counter::kIsIterationInvariantRate);
  }
}

struct Operands {
  Operands(Stream& stream, const Shape& shape)
      : input(stream, shape.batch * shape.inputs, "input"),
        weight(stream, shape.outputs * shape.inputs, "weight"),
        bias(stream, shape.outputs, "bias"),
        output(stream, shape.batch * shape.outputs, "output") {
    fill_uniform(stream, input.view(), {1, 0}, 0, -1.0F, 1.0F);
    fill_uniform(stream, weight.view(), {1, 1}, 0, -0.1F, 0.1F);
    fill_uniform(stream, bias.view(), {1, 2}, 0, -0.1F, 0.1F);
    stream.synchronize();
  }
  Buffer<float> input;
  Buffer<float> weight;
  Buffer<float> bias;
  Buffer<float> output;
};

// Calls queued between two synchronisations, so that starting and waiting count little.
int calls_per_iteration(double work) {
  return static_cast<int>(std::clamp(2e7 / work, 1.0, 200.0));
}

double limit_of(Device device) {
  // The H200's fp32 multiply-adds are the yardstick of every GPU here; a device's own limit is not asked for.
  constexpr double kH200 = 66'900;
  if (device.kind() == DeviceKind::cuda) return kH200;
  return device.kind() == DeviceKind::cpu ? core_peak() * atelier::cpu_threads() : 0.0;
}

void linear(benchmark::State& state, Device device, Shape shape, Activation activation) {
  Stream stream(device);
  Operands operands(stream, shape);
  const double work = 2.0 * static_cast<double>(shape.batch * shape.outputs * shape.inputs);
  const int calls = calls_per_iteration(work);
  for (auto step : state) {
    for (int i = 0; i < calls; ++i)
      linear_forward(stream, operands.input.matrix(shape.batch, shape.inputs),
                     operands.weight.matrix(shape.outputs, shape.inputs), operands.bias.view(), {activation},
                     operands.output.matrix(shape.batch, shape.outputs));
    stream.synchronize();
  }
  report(state, work * calls, "GFLOP/s", limit_of(device));
}

#if defined(ATELIER_BENCH_ONEDNN)
void linear_onednn(benchmark::State& state, Shape shape) {
  Stream stream{Device{}};
  Operands operands(stream, shape);
  const double work = 2.0 * static_cast<double>(shape.batch * shape.outputs * shape.inputs);
  const int calls = calls_per_iteration(work);
  for (auto step : state)
    for (int i = 0; i < calls; ++i)
      dnnl_sgemm('N', 'T', shape.batch, shape.outputs, shape.inputs, 1.0F, operands.input.data(),
                 shape.inputs, operands.weight.data(), shape.inputs, 0.0F, operands.output.data(),
                 shape.outputs);
  report(state, work * calls, "GFLOP/s", limit_of(Device{}));
}
#endif

#if defined(ATELIER_BENCH_CUBLASLT)
// cuBLASLt in fp32 with the bias in its epilogue, its own first choice of algorithm. Matrices are
// column-major there: output^T [outputs, batch] = weight [outputs, inputs] input^T.
void linear_cublaslt(benchmark::State& state, Device device, Shape shape) {
  Stream stream(device);
  Operands operands(stream, shape);
  Buffer<std::byte> workspace(stream, 32 << 20, "cublasLt workspace");
  cublasLtHandle_t handle = nullptr;
  cublasLtMatmulDesc_t operation = nullptr;
  cublasLtMatrixLayout_t weight = nullptr;
  cublasLtMatrixLayout_t input = nullptr;
  cublasLtMatrixLayout_t output = nullptr;
  cublasLtMatmulPreference_t preference = nullptr;
  const cublasOperation_t transposed = CUBLAS_OP_T;
  const cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_BIAS;
  const float* bias = operands.bias.data();
  const std::size_t room = static_cast<std::size_t>(workspace.size());
  const auto outputs = static_cast<std::uint64_t>(shape.outputs);
  const auto inputs = static_cast<std::uint64_t>(shape.inputs);
  const auto batch = static_cast<std::uint64_t>(shape.batch);
  cublasLtMatmulHeuristicResult_t choice{};
  int found = 0;
  const bool ready =
      cublasLtCreate(&handle) == CUBLAS_STATUS_SUCCESS &&
      cublasLtMatmulDescCreate(&operation, CUBLAS_COMPUTE_32F, CUDA_R_32F) == CUBLAS_STATUS_SUCCESS &&
      cublasLtMatmulDescSetAttribute(operation, CUBLASLT_MATMUL_DESC_TRANSA, &transposed,
                                     sizeof transposed) == CUBLAS_STATUS_SUCCESS &&
      cublasLtMatmulDescSetAttribute(operation, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue) ==
          CUBLAS_STATUS_SUCCESS &&
      cublasLtMatmulDescSetAttribute(operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias) ==
          CUBLAS_STATUS_SUCCESS &&
      cublasLtMatrixLayoutCreate(&weight, CUDA_R_32F, inputs, outputs, shape.inputs) ==
          CUBLAS_STATUS_SUCCESS &&
      cublasLtMatrixLayoutCreate(&input, CUDA_R_32F, inputs, batch, shape.inputs) == CUBLAS_STATUS_SUCCESS &&
      cublasLtMatrixLayoutCreate(&output, CUDA_R_32F, outputs, batch, shape.outputs) ==
          CUBLAS_STATUS_SUCCESS &&
      cublasLtMatmulPreferenceCreate(&preference) == CUBLAS_STATUS_SUCCESS &&
      cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &room,
                                           sizeof room) == CUBLAS_STATUS_SUCCESS &&
      cublasLtMatmulAlgoGetHeuristic(handle, operation, weight, input, output, output, preference, 1, &choice,
                                     &found) == CUBLAS_STATUS_SUCCESS &&
      found > 0;
  if (!ready) state.SkipWithError("cuBLASLt refused the shape");
  const double work = 2.0 * static_cast<double>(shape.batch * shape.outputs * shape.inputs);
  const int calls = calls_per_iteration(work);
  const float one = 1.0F;
  const float zero = 0.0F;
  for (auto step : state) {
    for (int i = 0; i < calls; ++i)
      cublasLtMatmul(handle, operation, &one, operands.weight.data(), weight, operands.input.data(), input,
                     &zero, operands.output.data(), output, operands.output.data(), output, &choice.algo,
                     workspace.data(), room, static_cast<cudaStream_t>(stream.native()));
    stream.synchronize();
  }
  report(state, work * calls, "GFLOP/s", limit_of(device));
  cublasLtMatmulPreferenceDestroy(preference);
  cublasLtMatrixLayoutDestroy(output);
  cublasLtMatrixLayoutDestroy(input);
  cublasLtMatrixLayoutDestroy(weight);
  cublasLtMatmulDescDestroy(operation);
  cublasLtDestroy(handle);
}
#endif

void noise(benchmark::State& state, Device device, bool normal) {
  Stream stream(device);
  const std::int64_t size = device.kind() == DeviceKind::cuda ? std::int64_t{1} << 26 : std::int64_t{1} << 20;
  Buffer<float> values(stream, size, "noise");
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
    benchmark::RegisterBenchmark((what + name).c_str(), body)->UseRealTime()->Unit(benchmark::kMicrosecond);
  };
  for (const Shape& shape : kShapes) {
    const std::string text = shape_name(shape);
    add("linear/" + text, [=](benchmark::State& s) { linear(s, device, shape, Activation::identity); });
#if defined(ATELIER_BENCH_ONEDNN)
    if (device.kind() == DeviceKind::cpu)
      add("linear_onednn/" + text, [=](benchmark::State& s) { linear_onednn(s, shape); });
#endif
#if defined(ATELIER_BENCH_CUBLASLT)
    if (device.kind() == DeviceKind::cuda)
      add("linear_cublaslt/" + text, [=](benchmark::State& s) { linear_cublaslt(s, device, shape); });
#endif
  }
  add("linear_tanh/" + shape_name(kShapes[1]),
      [=](benchmark::State& s) { linear(s, device, kShapes[1], Activation::tanh); });
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
  const char* threads = std::getenv("ATELIER_BENCH_THREADS");
  try {
    atelier::set_cpu_threads(threads != nullptr ? std::atoi(threads) : 1);
    for (const Device device : atelier::devices_present())
      if (device.kind() != DeviceKind::simt) register_all(device);
    benchmark::AddCustomContext("instruction_set",
                                std::string(instruction_set_name(atelier::instruction_set())));
    benchmark::AddCustomContext("cpu_threads", std::to_string(atelier::cpu_threads()));
    benchmark::AddCustomContext("core_peak_gflops", std::to_string(core_peak()));
  } catch (const atelier::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  benchmark::Initialize(&count, arguments);
  if (benchmark::ReportUnrecognizedArguments(count, arguments)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
