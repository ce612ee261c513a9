// LayerNorm and the losses at the GAN's shapes and at 256 MB a matrix, beside a copy of as many bytes in the
// same process. The limit is what must move: LayerNorm reads and writes 8 bytes an element forward and 12
// backward, a loss with its gradient 12. PyTorch's figures come from peers/learning_torch.py.
#include "bench/kernels_layer_norm_loss.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "bench/kernels_report.h"
#include "kernels/layer_norm.h"
#include "kernels/loss.h"
#include "kernels/noise.h"
#include "runtime/buffer.h"
#include "runtime/stream.h"

namespace {

using atelier::Buffer;
using atelier::Device;
using atelier::MatrixView;
using atelier::Stream;
using atelier::VectorView;

struct Shape {
  std::int64_t rows;
  std::int64_t columns;
};
constexpr Shape kLarge{65536, 1024};

struct Operands {
  Operands(Stream& stream, const Shape& shape)
      : input(stream, shape.rows * shape.columns, "input"),
        other(stream, shape.rows * shape.columns, "other"),
        output(stream, shape.rows * shape.columns, "output"),
        vectors(stream, 4 * shape.columns, "vectors"),
        statistics(stream, 2 * shape.rows, "statistics"),
        loss(stream, 1, "loss"),
        scratch(stream,
                std::max(atelier::layer_norm_backward_scratch(shape.rows, shape.columns),
                         atelier::loss_scratch(shape.rows, shape.columns)),
                "scratch") {
    fill_uniform(stream, input.view(), {1, 0}, 0, 0.01F, 0.99F);
    fill_uniform(stream, other.view(), {1, 1}, 0, 0.0F, 1.0F);
    fill_uniform(stream, output.view(), {1, 4}, 0, 0.0F, 1.0F);  // so that its pages are there
    fill_uniform(stream, vectors.view(), {1, 2}, 0, 0.5F, 1.5F);
    fill_uniform(stream, statistics.view(), {1, 3}, 0, 0.4F, 0.6F);
    stream.synchronize();
  }
  Buffer<float> input;
  Buffer<float> other;  // the output's gradient, or the target
  Buffer<float> output;
  Buffer<float> vectors;
  Buffer<float> statistics;
  Buffer<float> loss;
  Buffer<float> scratch;
};

// call(stream, operands, input) and what it moves.
template <class Call>
void measure(benchmark::State& state, Device device, const Shape& shape, std::int64_t bytes_an_element,
             const Call& call) {
  Stream stream(device);
  const Operands operands(stream, shape);
  const std::int64_t bytes = bytes_an_element * shape.rows * shape.columns;
  const int calls = calls_per_iteration(static_cast<double>(bytes));
  const auto matrix = [&](const Buffer<float>& buffer) { return buffer.matrix(shape.rows, shape.columns); };
  for (auto step : state) {
    for (int i = 0; i < calls; ++i)
      call(stream, operands, matrix(operands.input), matrix(operands.other), matrix(operands.output));
    stream.synchronize();
  }
  report(state, static_cast<double>(bytes) * calls, "GB/s", copy_rate(device, bytes));
}

using Matrix = MatrixView<float>;

void forward(Stream& stream, const Operands& operands, Matrix input, Matrix /*other*/, Matrix output) {
  const auto vector = [&](int i) { return operands.vectors.view().part(i * input.columns, input.columns); };
  layer_norm_forward(stream, input, vector(0), vector(1), 1e-5, output,
                     operands.statistics.view().part(0, input.rows),
                     operands.statistics.view().part(input.rows, input.rows));
}

void backward(Stream& stream, const Operands& operands, Matrix input, Matrix other, Matrix output) {
  const auto vector = [&](int i) { return operands.vectors.view().part(i * input.columns, input.columns); };
  layer_norm_backward(stream, input, vector(0), operands.statistics.view().part(0, input.rows),
                      operands.statistics.view().part(input.rows, input.rows), other,
                      {output, vector(2), vector(3), false}, operands.scratch.view());
}

using Loss = void (*)(Stream&, MatrixView<const float>, atelier::LossTarget, float*, MatrixView<float>,
                      VectorView<float>);

}  // namespace

void register_layer_norm_and_loss_benchmarks(Device device) {
  const std::string kind = std::string("/").append(device_kind_name(device.kind()));
  const auto add = [&](const std::string& what, const Shape& shape, std::int64_t bytes, auto call) {
    const std::string name =
        what + "/" + std::to_string(shape.rows) + "x" + std::to_string(shape.columns) + kind;
    benchmark::RegisterBenchmark(name.c_str(),
                                 [=](benchmark::State& s) { measure(s, device, shape, bytes, call); })
        ->MeasureProcessCPUTime()
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
  };
  const auto add_loss = [&](const std::string& what, const Shape& shape, Loss loss) {
    add(what, shape, 12,
        [=](Stream& stream, const Operands& operands, Matrix input, Matrix other, Matrix output) {
          loss(stream, input, {other}, operands.loss.data(), output, operands.scratch.view());
        });
  };
  const auto add_all = [&](const Shape& shape) {
    add("layer_norm", shape, 8, forward);
    add("layer_norm_backward", shape, 12, backward);
    add("sigmoid_bce", shape, 12,
        [](Stream& stream, const Operands& operands, Matrix input, Matrix other, Matrix output) {
          sigmoid_bce(stream, input, {other}, {}, operands.loss.data(), output, operands.scratch.view());
        });
    add_loss("bce", shape, atelier::bce);
    add_loss("bce_with_logits", shape, atelier::bce_with_logits);
    add_loss("mse", shape, atelier::mse);
  };
  for (const std::int64_t batch : {1, 64, 256, 1024})
    for (const std::int64_t width : {200, 500, 784}) add_all({batch, width});
  add_all(kLarge);
}
