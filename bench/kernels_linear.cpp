#include "bench/kernels_linear.h"

#include <benchmark/benchmark.h>
#if defined(ATELIER_BENCH_ONEDNN)
#include <dnnl.h>
#endif
#if defined(ATELIER_BENCH_CUBLASLT)
#include <cublasLt.h>
#endif

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/kernels_report.h"
#include "kernels/activation.h"
#include "kernels/elementwise.h"
#include "kernels/linear.h"
#include "kernels/linear_step.h"
#include "kernels/noise.h"
#include "runtime/buffer.h"
#include "runtime/graph.h"
#include "runtime/stream.h"

namespace {

using atelier::Activation;
using atelier::Buffer;
using atelier::Device;
using atelier::DeviceKind;
using atelier::MatrixView;
using atelier::Stream;
using atelier::VectorView;

struct Shape {
  std::int64_t batch;
  std::int64_t outputs;
  std::int64_t inputs;
};
// The layers of the GANs and the classifier, outputs by inputs, with these batches; a CPPN's layer over a row
// of tiles; and large ones.
constexpr Shape kLayers[] = {{0, 200, 784}, {0, 500, 100}, {0, 784, 500}, {0, 10, 200}, {0, 1, 200}};
constexpr std::int64_t kBatches[] = {1, 64, 256, 1024};
constexpr Shape kLarge[] = {{65536, 16, 16}, {1024, 1024, 1024}, {4096, 1024, 1024}};

std::string shape_name(const Shape& shape) {
  return std::to_string(shape.batch) + "x" + std::to_string(shape.outputs) + "x" +
         std::to_string(shape.inputs);
}

double operations(const Shape& shape) {
  return 2.0 * static_cast<double>(shape.batch * shape.outputs * shape.inputs);
}

struct Operands {
  Operands(Stream& stream, const Shape& shape)
      : input(stream, shape.batch * shape.inputs, "input"),
        weight(stream, shape.outputs * shape.inputs, "weight"),
        bias(stream, shape.outputs, "bias"),
        output(stream, shape.batch * shape.outputs, "output"),
        output_gradient(stream, shape.batch * shape.outputs, "output gradient"),
        input_gradient(stream, shape.batch * shape.inputs, "input gradient"),
        weight_gradient(stream, shape.outputs * shape.inputs, "weight gradient"),
        bias_gradient(stream, shape.outputs, "bias gradient"),
        forward_scratch(stream, atelier::linear_forward_scratch(shape.batch, shape.inputs, shape.outputs)),
        backward_scratch(stream, atelier::linear_backward_scratch(shape.batch, shape.inputs, shape.outputs)) {
    fill_uniform(stream, input.view(), {1, 0}, 0, -1.0F, 1.0F);
    fill_uniform(stream, weight.view(), {1, 1}, 0, -0.1F, 0.1F);
    fill_uniform(stream, bias.view(), {1, 2}, 0, -0.1F, 0.1F);
    fill_uniform(stream, output_gradient.view(), {1, 3}, 0, -0.1F, 0.1F);
    fill_uniform(stream, output.view(), {1, 4}, 0, 0.1F, 0.9F);
    stream.synchronize();
  }
  Buffer<float> input;
  Buffer<float> weight;
  Buffer<float> bias;
  Buffer<float> output;
  Buffer<float> output_gradient;
  Buffer<float> input_gradient;
  Buffer<float> weight_gradient;
  Buffer<float> bias_gradient;
  Buffer<float> forward_scratch;
  Buffer<float> backward_scratch;
};

void forward(benchmark::State& state, Device device, Shape shape, Activation activation) {
  Stream stream(device);
  const Operands operands(stream, shape);
  const int calls = calls_per_iteration(operations(shape));
  for (auto step : state) {
    for (int i = 0; i < calls; ++i)
      linear_forward(stream, operands.input.matrix(shape.batch, shape.inputs),
                     operands.weight.matrix(shape.outputs, shape.inputs), operands.bias.view(), {activation},
                     operands.output.matrix(shape.batch, shape.outputs), {}, operands.forward_scratch.view());
    stream.synchronize();
  }
  report(state, operations(shape) * calls, "GFLOP/s", multiply_add_limit(device));
}

// All three gradients; a sigmoid's derivative follows from the output.
void backward(benchmark::State& state, Device device, Shape shape, Activation activation) {
  Stream stream(device);
  const Operands operands(stream, shape);
  const int calls = calls_per_iteration(2 * operations(shape));
  for (auto step : state) {
    for (int i = 0; i < calls; ++i)
      linear_backward(
          stream, operands.input.matrix(shape.batch, shape.inputs),
          operands.weight.matrix(shape.outputs, shape.inputs), {activation}, {},
          operands.output.matrix(shape.batch, shape.outputs),
          operands.output_gradient.matrix(shape.batch, shape.outputs),
          {operands.input_gradient.matrix(shape.batch, shape.inputs),
           operands.weight_gradient.matrix(shape.outputs, shape.inputs), operands.bias_gradient.view()},
          operands.backward_scratch.view());
    stream.synchronize();
  }
  report(state, 2 * operations(shape) * calls, "GFLOP/s", multiply_add_limit(device));
}

// Bytes read and written per second by copies of memory as large as a layer's weights and moments.
double copy_rate(Stream& stream, std::int64_t bytes) {
  const Buffer<std::byte> buffer(stream, bytes);
  atelier::fill_bytes(stream, buffer.data(), 1, static_cast<std::size_t>(bytes));
  stream.synchronize();
  double best = 0;
  for (int repeat = 0; repeat < 10; ++repeat) {
    const auto begin = std::chrono::steady_clock::now();
    const int calls = calls_per_iteration(static_cast<double>(bytes));
    for (int i = 0; i < calls; ++i)
      atelier::copy_bytes(stream, buffer.data(), buffer.data() + bytes / 2,
                          static_cast<std::size_t>(bytes / 2));
    stream.synchronize();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    best = std::max(best, static_cast<double>(bytes) * calls / seconds.count());
  }
  return best * 1e-9;
}

// One sample's backward pass and update. Limit: every parameter (and, for Adam, moment) read and written once
// at the rate of a copy.
void step_of_one(benchmark::State& state, Device device, Shape shape, bool adam) {
  Stream stream(device);
  const Operands operands(stream, shape);
  Buffer<float> moments(stream, 2 * shape.outputs * (shape.inputs + 1));
  Buffer<float> rate(stream, 1);
  Buffer<std::uint64_t> count(stream, 1);
  Buffer<float> scratch(stream, atelier::linear_step_scratch(shape.inputs, shape.outputs));
  atelier::fill_bytes(stream, moments.data(), 0, static_cast<std::size_t>(moments.size()) * sizeof(float));
  atelier::upload<float>(stream, rate.view(), std::vector<float>{1e-6F});
  atelier::upload<std::uint64_t>(stream, count.view(), std::vector<std::uint64_t>{1});
  const atelier::LinearStep layer{operands.input.view(),
                                  operands.weight.matrix(shape.outputs, shape.inputs),
                                  operands.bias.view(),
                                  {Activation::sigmoid},
                                  {},
                                  operands.output.view(),
                                  operands.output_gradient.view(),
                                  operands.input_gradient.view()};
  const std::int64_t weights = shape.outputs * shape.inputs;
  float* const first = moments.data();
  const atelier::LinearMoments all{atelier::matrix_view(first, shape.outputs, shape.inputs),
                                   atelier::matrix_view(first + weights, shape.outputs, shape.inputs),
                                   {first + 2 * weights, shape.outputs},
                                   {first + 2 * weights + shape.outputs, shape.outputs}};
  atelier::AdamSettings settings;
  settings.learning_rate = rate.data();
  settings.step.value = count.data();
  const double bytes = static_cast<double>(weights + shape.outputs) * (adam ? 24 : 8);
  const int calls = calls_per_iteration(bytes);
  for (auto step : state) {
    for (int i = 0; i < calls; ++i) {
      if (adam)
        linear_backward_adam(stream, layer, all, settings, scratch.view());
      else
        linear_backward_sgd(stream, layer, {rate.data()}, scratch.view());
    }
    stream.synchronize();
  }
  report(state, bytes * calls, "GB/s", copy_rate(stream, static_cast<std::int64_t>(bytes)));
}

// The linear part of the classifier's training with one sample at a time, 784-200-10 and SGD, as a captured
// step: two layers forward, two steps back. Rate in thousand samples a second.
void classifier_sample(benchmark::State& state, Device device) {
  Stream stream(device);
  const Operands hidden(stream, {1, 200, 784});
  const Operands last(stream, {1, 10, 200});
  Buffer<float> rate(stream, 1);
  Buffer<float> scratch(stream, atelier::linear_step_scratch(784, 200));
  atelier::upload<float>(stream, rate.view(), std::vector<float>{1e-6F});
  const atelier::ActivationFunction sigmoid{Activation::sigmoid};
  stream.begin_capture();
  linear_forward(stream, hidden.input.matrix(1, 784), hidden.weight.matrix(200, 784), hidden.bias.view(),
                 sigmoid, hidden.output.matrix(1, 200), {}, hidden.forward_scratch.view());
  linear_forward(stream, hidden.output.matrix(1, 200), last.weight.matrix(10, 200), last.bias.view(), sigmoid,
                 last.output.matrix(1, 10), {}, last.forward_scratch.view());
  linear_backward_sgd(stream,
                      {hidden.output.view(),
                       last.weight.matrix(10, 200),
                       last.bias.view(),
                       sigmoid,
                       {},
                       last.output.view(),
                       last.output_gradient.view(),
                       hidden.output_gradient.view()},
                      {rate.data()}, scratch.view());
  linear_backward_sgd(stream,
                      {hidden.input.view(),
                       hidden.weight.matrix(200, 784),
                       hidden.bias.view(),
                       sigmoid,
                       {},
                       hidden.output.view(),
                       hidden.output_gradient.view(),
                       {}},
                      {rate.data()}, scratch.view());
  const atelier::Graph graph = stream.end_capture();
  constexpr int kSamples = 200;
  for (auto step : state) {
    for (int i = 0; i < kSamples; ++i) graph.launch(stream);
    stream.synchronize();
  }
  report(state, 1e6 * kSamples, "ksample/s", 0);
}

#if defined(ATELIER_BENCH_ONEDNN)
void forward_onednn(benchmark::State& state, Shape shape) {
  Stream stream{Device{}};
  const Operands operands(stream, shape);
  const int calls = calls_per_iteration(operations(shape));
  for (auto step : state)
    for (int i = 0; i < calls; ++i)
      dnnl_sgemm('N', 'T', shape.batch, shape.outputs, shape.inputs, 1.0F, operands.input.data(),
                 shape.inputs, operands.weight.data(), shape.inputs, 0.0F, operands.output.data(),
                 shape.outputs);
  report(state, operations(shape) * calls, "GFLOP/s", multiply_add_limit(Device{}));
}

// The two products alone: neither the derivative nor the bias gradient.
void backward_onednn(benchmark::State& state, Shape shape) {
  Stream stream{Device{}};
  const Operands operands(stream, shape);
  const int calls = calls_per_iteration(2 * operations(shape));
  for (auto step : state)
    for (int i = 0; i < calls; ++i) {
      dnnl_sgemm('N', 'N', shape.batch, shape.inputs, shape.outputs, 1.0F, operands.output_gradient.data(),
                 shape.outputs, operands.weight.data(), shape.inputs, 0.0F, operands.input_gradient.data(),
                 shape.inputs);
      dnnl_sgemm('T', 'N', shape.outputs, shape.inputs, shape.batch, 1.0F, operands.output_gradient.data(),
                 shape.outputs, operands.input.data(), shape.inputs, 0.0F, operands.weight_gradient.data(),
                 shape.inputs);
    }
  report(state, 2 * operations(shape) * calls, "GFLOP/s", multiply_add_limit(Device{}));
}
#endif

#if defined(ATELIER_BENCH_CUBLASLT)
// A product of cuBLASLt in fp32, its own first choice of algorithm. Matrices are column-major there: what is
// [rows, columns] here is [columns, rows] there.
class LibraryProduct {
 public:
  struct Operand {
    float* data;
    std::int64_t rows;  // as here
    std::int64_t columns;
    bool transposed;
  };

  // result = left right, with `bias` added to every row unless it is null.
  LibraryProduct(Stream& stream, Operand left, Operand right, Operand result, const float* bias)
      : stream_(stream),
        left_data_(left.data),
        right_data_(right.data),
        result_data_(result.data),
        workspace_(stream, 32 << 20, "cublasLt workspace") {
    const std::size_t room = workspace_size();
    cublasLtMatmulPreference_t preference = nullptr;
    int found = 0;
    ready_ = good(cublasLtCreate(&handle_)) &&
             good(cublasLtMatmulDescCreate(&operation_, CUBLAS_COMPUTE_32F, CUDA_R_32F)) &&
             transpose(CUBLASLT_MATMUL_DESC_TRANSA, right.transposed) &&
             transpose(CUBLASLT_MATMUL_DESC_TRANSB, left.transposed) && add_bias(bias) &&
             lay_out(&right_, right) && lay_out(&left_, left) && lay_out(&result_, result) &&
             good(cublasLtMatmulPreferenceCreate(&preference)) &&
             good(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                                       &room, sizeof room)) &&
             good(cublasLtMatmulAlgoGetHeuristic(handle_, operation_, right_, left_, result_, result_,
                                                 preference, 1, &choice_, &found)) &&
             found > 0;
    if (preference != nullptr) cublasLtMatmulPreferenceDestroy(preference);
  }
  ~LibraryProduct() {
    for (cublasLtMatrixLayout_t layout : {right_, left_, result_})
      if (layout != nullptr) cublasLtMatrixLayoutDestroy(layout);
    if (operation_ != nullptr) cublasLtMatmulDescDestroy(operation_);
    if (handle_ != nullptr) cublasLtDestroy(handle_);
  }
  LibraryProduct(const LibraryProduct&) = delete;
  LibraryProduct& operator=(const LibraryProduct&) = delete;

  [[nodiscard]] bool ready() const { return ready_; }
  // False where the library refuses.
  [[nodiscard]] bool enqueue() {
    const float one = 1.0F;
    const float zero = 0.0F;
    return good(cublasLtMatmul(handle_, operation_, &one, right_data_, right_, left_data_, left_, &zero,
                               result_data_, result_, result_data_, result_, &choice_.algo, workspace_.data(),
                               workspace_size(), static_cast<cudaStream_t>(stream_.native())));
  }

 private:
  static bool good(cublasStatus_t status) { return status == CUBLAS_STATUS_SUCCESS; }
  [[nodiscard]] std::size_t workspace_size() const { return static_cast<std::size_t>(workspace_.size()); }
  bool transpose(cublasLtMatmulDescAttributes_t operand, bool transposed) {
    const cublasOperation_t form = transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    return good(cublasLtMatmulDescSetAttribute(operation_, operand, &form, sizeof form));
  }
  bool add_bias(const float* bias) {
    const cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_BIAS;
    return bias == nullptr || (good(cublasLtMatmulDescSetAttribute(operation_, CUBLASLT_MATMUL_DESC_EPILOGUE,
                                                                   &epilogue, sizeof epilogue)) &&
                               good(cublasLtMatmulDescSetAttribute(
                                   operation_, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias)));
  }
  static bool lay_out(cublasLtMatrixLayout_t* layout, const Operand& operand) {
    return good(cublasLtMatrixLayoutCreate(layout, CUDA_R_32F, static_cast<std::uint64_t>(operand.columns),
                                           static_cast<std::uint64_t>(operand.rows), operand.columns));
  }

  Stream& stream_;
  const float* left_data_;
  const float* right_data_;
  float* result_data_;
  Buffer<std::byte> workspace_;
  cublasLtHandle_t handle_ = nullptr;
  cublasLtMatmulDesc_t operation_ = nullptr;
  cublasLtMatrixLayout_t right_ = nullptr;
  cublasLtMatrixLayout_t left_ = nullptr;
  cublasLtMatrixLayout_t result_ = nullptr;
  cublasLtMatmulHeuristicResult_t choice_{};
  bool ready_ = false;
};

// The bias in the library's epilogue; then the activation, unless it is the identity, by a kernel in place.
void forward_cublaslt(benchmark::State& state, Device device, Shape shape, Activation activation) {
  Stream stream(device);
  const Operands operands(stream, shape);
  LibraryProduct product(stream, {operands.input.data(), shape.batch, shape.inputs, false},
                         {operands.weight.data(), shape.outputs, shape.inputs, true},
                         {operands.output.data(), shape.batch, shape.outputs, false}, operands.bias.data());
  bool ready = product.ready();
  const int calls = calls_per_iteration(operations(shape));
  for (auto step : state) {
    for (int i = 0; ready && i < calls; ++i) {
      ready = product.enqueue();
      if (activation != Activation::identity)
        activation_forward(stream, operands.output.matrix(shape.batch, shape.outputs), {activation},
                           operands.output.matrix(shape.batch, shape.outputs));
    }
    stream.synchronize();
  }
  if (!ready) return state.SkipWithError("cuBLASLt refused the shape");
  report(state, operations(shape) * calls, "GFLOP/s", multiply_add_limit(device));
}

// The two products alone: neither the derivative nor the bias gradient.
void backward_cublaslt(benchmark::State& state, Device device, Shape shape) {
  Stream stream(device);
  const Operands operands(stream, shape);
  LibraryProduct input_gradient(stream, {operands.output_gradient.data(), shape.batch, shape.outputs, false},
                                {operands.weight.data(), shape.outputs, shape.inputs, false},
                                {operands.input_gradient.data(), shape.batch, shape.inputs, false}, nullptr);
  LibraryProduct weight_gradient(stream, {operands.output_gradient.data(), shape.batch, shape.outputs, true},
                                 {operands.input.data(), shape.batch, shape.inputs, false},
                                 {operands.weight_gradient.data(), shape.outputs, shape.inputs, false},
                                 nullptr);
  bool ready = input_gradient.ready() && weight_gradient.ready();
  const int calls = calls_per_iteration(2 * operations(shape));
  for (auto step : state) {
    for (int i = 0; ready && i < calls; ++i) ready = input_gradient.enqueue() && weight_gradient.enqueue();
    stream.synchronize();
  }
  if (!ready) return state.SkipWithError("cuBLASLt refused the shape");
  report(state, 2 * operations(shape) * calls, "GFLOP/s", multiply_add_limit(device));
}
#endif

void register_shape(Device device, const Shape& shape) {
  const std::string end = shape_name(shape) + "/" + std::string(device_kind_name(device.kind()));
  const auto add = [&](const std::string& what, auto body) {
    benchmark::RegisterBenchmark((what + "/" + end).c_str(), body)
        ->MeasureProcessCPUTime()  // the work runs on the stream's thread
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
  };
  add("linear/identity", [=](benchmark::State& s) { forward(s, device, shape, Activation::identity); });
  add("linear/sigmoid", [=](benchmark::State& s) { forward(s, device, shape, Activation::sigmoid); });
#if defined(ATELIER_BENCH_ONEDNN)
  if (device.kind() == DeviceKind::cpu)
    add("linear/onednn", [=](benchmark::State& s) { forward_onednn(s, shape); });
#endif
#if defined(ATELIER_BENCH_CUBLASLT)
  if (device.kind() == DeviceKind::cuda) {
    add("linear/cublaslt",
        [=](benchmark::State& s) { forward_cublaslt(s, device, shape, Activation::identity); });
    add("linear/cublaslt_sigmoid",
        [=](benchmark::State& s) { forward_cublaslt(s, device, shape, Activation::sigmoid); });
    add("linear_backward/cublaslt", [=](benchmark::State& s) { backward_cublaslt(s, device, shape); });
  }
#endif
  add("linear_backward/identity",
      [=](benchmark::State& s) { backward(s, device, shape, Activation::identity); });
  add("linear_backward/sigmoid",
      [=](benchmark::State& s) { backward(s, device, shape, Activation::sigmoid); });
#if defined(ATELIER_BENCH_ONEDNN)
  if (device.kind() == DeviceKind::cpu)
    add("linear_backward/onednn", [=](benchmark::State& s) { backward_onednn(s, shape); });
#endif
  if (shape.batch != 1) return;
  add("linear_step/sgd", [=](benchmark::State& s) { step_of_one(s, device, shape, false); });
  add("linear_step/adam", [=](benchmark::State& s) { step_of_one(s, device, shape, true); });
}

}  // namespace

void register_linear_benchmarks(Device device) {
  for (const Shape& layer : kLayers)
    for (const std::int64_t batch : kBatches) register_shape(device, {batch, layer.outputs, layer.inputs});
  for (const Shape& shape : kLarge) register_shape(device, shape);
  benchmark::RegisterBenchmark(("classifier_sample/" + std::string(device_kind_name(device.kind()))).c_str(),
                               [=](benchmark::State& s) { classifier_sample(s, device); })
      ->MeasureProcessCPUTime()
      ->UseRealTime()
      ->Unit(benchmark::kMicrosecond);
}
