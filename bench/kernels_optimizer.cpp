// sgd_step and adam_step at the sizes of the GAN's networks and at 64 Mi parameters, beside a copy of as many
// bytes in the same process; batches, noise and orderings at training's sizes. PyTorch's figures come from
// peers/learning_torch.py.
#include "bench/kernels_optimizer.h"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "bench/kernels_report.h"
#include "kernels/counter.h"
#include "kernels/gather.h"
#include "kernels/noise.h"
#include "kernels/optimizer.h"
#include "kernels/ordering.h"
#include "runtime/buffer.h"
#include "runtime/stream.h"

namespace {

using atelier::Buffer;
using atelier::Device;
using atelier::Stream;

constexpr std::int64_t kImage = 784;
constexpr std::int64_t kImages = 60000;

// Runs `call`, which moves `bytes`, and reports GB/s, and percent of a copy's rate in as much memory as the
// call works in: what is read and written in place counts twice in `bytes` and once in `memory`.
template <class Call>
void measure(benchmark::State& state, Stream& stream, std::int64_t bytes, std::int64_t memory, Call call) {
  const int calls = calls_per_iteration(static_cast<double>(bytes));
  call();  // so that the results' pages are there
  stream.synchronize();
  for (auto step : state) {
    for (int i = 0; i < calls; ++i) call();
    stream.synchronize();
  }
  report(state, static_cast<double>(bytes) * calls, "GB/s", copy_rate(stream.device(), memory));
}
template <class Call>
void measure(benchmark::State& state, Stream& stream, std::int64_t bytes, Call call) {
  measure(state, stream, bytes, bytes, call);
}

struct Training {
  Training(Stream& stream, std::int64_t size)
      : parameters(stream, size),
        gradients(stream, size),
        first(stream, size),
        second(stream, size),
        rate(stream, 1),
        counter(stream, 1) {
    fill_uniform(stream, parameters.view(), {1, 0}, 0, -0.1F, 0.1F);
    fill_normal(stream, gradients.view(), {1, 1}, 0, 0.0F, 0.01F);
    fill_uniform(stream, first.view(), {1, 2}, 0, -0.01F, 0.01F);
    fill_uniform(stream, second.view(), {1, 3}, 0, 1e-6F, 1e-4F);
    atelier::upload<float>(stream, rate.view(), std::vector<float>{1e-4F});
    atelier::upload<std::uint64_t>(stream, counter.view(), std::vector<std::uint64_t>{1000});
    stream.synchronize();
  }
  Buffer<float> parameters;
  Buffer<float> gradients;
  Buffer<float> first;
  Buffer<float> second;
  Buffer<float> rate;
  Buffer<std::uint64_t> counter;
};

void sgd(benchmark::State& state, Device device, std::int64_t size) {
  Stream stream(device);
  const Training training(stream, size);
  measure(state, stream, 12 * size, 8 * size, [&] {
    sgd_step(stream, training.parameters.view(), training.gradients.view(), {training.rate.data()});
  });
}

void adam(benchmark::State& state, Device device, std::int64_t size) {
  Stream stream(device);
  const Training training(stream, size);
  measure(state, stream, 28 * size, 16 * size, [&] {
    adam_step(stream, training.parameters.view(), training.gradients.view(), training.first.view(),
              training.second.view(),
              {training.rate.data(), 0.9, 0.999, 1e-8, {training.counter.data(), 1, 1}});
  });
}

void gather(benchmark::State& state, Device device, std::int64_t batch) {
  Stream stream(device);
  const Buffer<std::uint8_t> data(stream, kImages * kImage);
  atelier::fill_bytes(stream, data.data(), 100, static_cast<std::size_t>(data.size()));
  const Buffer<std::int32_t> order(stream, kImages);
  permutation(stream, {1, 1}, order.view());
  const Buffer<float> output(stream, batch * kImage);
  const Buffer<std::uint64_t> counter(stream, 1);
  atelier::upload<std::uint64_t>(stream, counter.view(), std::vector<std::uint64_t>{0});
  const auto scale = static_cast<std::uint64_t>(batch);
  measure(state, stream, 5 * batch * kImage, [&] {
    gather_rows(stream, data.matrix(kImages, kImage), {order.view(), {counter.data(), scale, 0}}, 255.0F,
                output.matrix(batch, kImage));
  });
}

void counted_noise(benchmark::State& state, Device device, std::int64_t size, bool normal) {
  Stream stream(device);
  const Buffer<float> values(stream, size);
  const Buffer<std::uint64_t> counter(stream, 1);
  atelier::upload<std::uint64_t>(stream, counter.view(), std::vector<std::uint64_t>{3});
  const atelier::DeviceCounter first{counter.data(), static_cast<std::uint64_t>(size), 0};
  measure(state, stream, 4 * size, [&] {
    if (normal)
      fill_normal(stream, values.view(), {1, 0}, first);
    else
      fill_uniform(stream, values.view(), {1, 0}, first);
  });
}

void shuffle(benchmark::State& state, Device device, std::int64_t size) {
  Stream stream(device);
  const Buffer<std::int32_t> order(stream, size);
  measure(state, stream, 4 * size, [&] { permutation(stream, {1, 1}, order.view()); });
}

void sort(benchmark::State& state, Device device, std::int64_t size) {
  Stream stream(device);
  const Buffer<float> source(stream, size);
  const Buffer<float> values(stream, size);
  fill_normal(stream, source.view(), {1, 1});
  measure(state, stream, 8 * size, [&] {
    atelier::copy<float>(stream, values.view(), source.view());
    sort_ascending(stream, values.view());
  });
}

void confusion(benchmark::State& state, Device device, std::int64_t size) {
  Stream stream(device);
  const Buffer<float> scores(stream, size * 10);
  const Buffer<std::uint8_t> truth(stream, size);
  const Buffer<std::uint8_t> predicted(stream, size);
  const Buffer<std::int64_t> counts(stream, 100);
  fill_normal(stream, scores.view(), {1, 1});
  atelier::fill_bytes(stream, truth.data(), 3, static_cast<std::size_t>(size));
  measure(state, stream, 43 * size, [&] {
    largest_column(stream, scores.matrix(size, 10), predicted.view());
    confusion_matrix(stream, truth.view(), predicted.view(), counts.matrix(10, 10));
  });
}

}  // namespace

void register_optimizer_benchmarks(Device device) {
  const std::string name = std::string("/").append(device_kind_name(device.kind()));
  const auto add = [&](const std::string& what, std::int64_t size, auto body, auto... arguments) {
    benchmark::RegisterBenchmark((what + "/" + std::to_string(size) + name).c_str(),
                                 [=](benchmark::State& state) { body(state, device, size, arguments...); })
        ->MeasureProcessCPUTime()
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
  };
  // The GAN's discriminator, its generator, both; and what no cache holds.
  for (const std::int64_t size : {157'601, 444'284, 601'885, 64 << 20}) {
    add("sgd", size, sgd);
    add("adam", size, adam);
  }
  for (const std::int64_t batch : {1, 64, 256, 1024}) add("gather", batch, gather);
  for (const std::int64_t size : {100, 6400, 25'600, 102'400, 1 << 20}) {
    add("counted_noise/uniform", size, counted_noise, false);
    add("counted_noise/normal", size, counted_noise, true);
  }
  for (const std::int64_t size : {60'000, 1 << 20}) {
    add("permutation", size, shuffle);
    add("sort", size, sort);
  }
  add("confusion", 10'000, confusion);
}
