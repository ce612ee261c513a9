// An activation that no linear layer stands before, forward and backward, at the GAN's shapes and at 256 MB a
// matrix. The limit is a copy of as many bytes: 8 an element forward, and 12 backward, since each of these
// functions takes its derivative from one of input and output. (Backward writes a third of what it moves, a
// copy half: it may go beyond 100 %.) PyTorch's figures come from peers/learning_torch.py.
#include "bench/kernels_elementwise.h"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

#include "bench/kernels_report.h"
#include "kernels/activation.h"
#include "kernels/elementwise.h"
#include "kernels/noise.h"
#include "runtime/buffer.h"
#include "runtime/stream.h"

namespace {

using atelier::Activation;
using atelier::Buffer;
using atelier::Device;
using atelier::Stream;

struct Shape {
  std::int64_t rows;
  std::int64_t columns;
};

void elementwise(benchmark::State& state, Device device, Shape shape, Activation kind, bool backward) {
  Stream stream(device);
  const std::int64_t size = shape.rows * shape.columns;
  const Buffer<float> input(stream, size, "input");
  const Buffer<float> output(stream, size, "output");
  const Buffer<float> gradient(stream, backward ? size : 0, "output gradient");
  const Buffer<float> input_gradient(stream, backward ? size : 0, "input gradient");
  for (const Buffer<float>* buffer : {&input, &gradient, &input_gradient})
    fill_uniform(stream, buffer->view(), {1, 0}, 0, -4.0F, 4.0F);
  const auto matrix = [&](const Buffer<float>& buffer) { return buffer.matrix(shape.rows, shape.columns); };
  const atelier::ActivationFunction function{kind, 0.02F};
  activation_forward(stream, matrix(input), function, matrix(output));
  stream.synchronize();
  const std::int64_t bytes = size * (backward ? 12 : 8);
  const int calls = calls_per_iteration(static_cast<double>(bytes));
  for (auto step : state) {
    for (int i = 0; i < calls; ++i) {
      if (backward)
        activation_backward(stream, matrix(input), matrix(output), function, matrix(gradient),
                            matrix(input_gradient));
      else
        activation_forward(stream, matrix(input), function, matrix(output));
    }
    stream.synchronize();
  }
  report(state, static_cast<double>(bytes) * calls, "GB/s", copy_rate(device, bytes));
}

}  // namespace

void register_elementwise_benchmarks(Device device) {
  const auto add = [&](Shape shape, Activation kind) {
    for (const bool backward : {false, true}) {
      std::string name = backward ? "elementwise_backward/" : "elementwise/";
      name.append(activation_name(kind)).append("/");
      name.append(std::to_string(shape.rows)).append("x").append(std::to_string(shape.columns)).append("/");
      name.append(device_kind_name(device.kind()));
      benchmark::RegisterBenchmark(
          name.c_str(), [=](benchmark::State& s) { elementwise(s, device, shape, kind, backward); })
          ->MeasureProcessCPUTime()
          ->UseRealTime()
          ->Unit(benchmark::kMicrosecond);
    }
  };
  for (const Activation kind :
       {Activation::leaky_relu, Activation::sigmoid, Activation::tanh, Activation::gelu}) {
    for (const std::int64_t batch : {1, 64, 256, 1024}) add({batch, 500}, kind);
    add({65536, 1024}, kind);
  }
}
