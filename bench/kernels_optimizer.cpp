// sgd_step and adam_step at the sizes of the GAN's networks and at 64 Mi parameters, beside a copy of as many
// bytes in the same process; batches, noise and orderings at training's sizes. PyTorch's figures come from
// peers/learning_torch.py.
#include "bench/kernels_optimizer.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

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
using atelier::DeviceKind;
using atelier::Stream;
using atelier::VectorView;

constexpr std::int64_t kImage = 784;
constexpr std::int64_t kImages = 60000;

// Calls queued between two synchronisations, so that starting and waiting count little.
int calls_for(double bytes) {
  return static_cast<int>(std::clamp(2e7 / bytes, 1.0, 200.0));
}

// Bytes read and written per second by a copy that moves `bytes` in all; best of ten, once a process.
double copy_rate(Device device, std::int64_t bytes) {
  static std::map<std::pair<DeviceKind, std::int64_t>, double> rates;
  const auto [found, fresh] = rates.try_emplace({device.kind(), bytes}, 0.0);
  if (!fresh) return found->second;
  Stream stream(device);
  const Buffer<std::byte> buffer(stream, bytes / 2 * 2);
  atelier::fill_bytes(stream, buffer.data(), 1, static_cast<std::size_t>(buffer.size()));
  stream.synchronize();
  const int calls = calls_for(static_cast<double>(bytes));
  for (int repeat = 0; repeat < 10; ++repeat) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; ++i)
      atelier::copy_bytes(stream, buffer.data(), buffer.data() + bytes / 2,
                          static_cast<std::size_t>(bytes / 2));
    stream.synchronize();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    found->second = std::max(found->second, static_cast<double>(bytes) * calls / seconds.count());
  }
  return found->second;
}

// Runs `call` and reports GB/s, and percent of a copy of as many bytes.
template <class Call>
void measure(benchmark::State& state, Stream& stream, std::int64_t bytes, Call call) {
  const int calls = calls_for(static_cast<double>(bytes));
  for (auto step : state) {
    for (int i = 0; i < calls; ++i) call();
    stream.synchronize();
  }
  const double moved = static_cast<double>(bytes) * calls;
  const double limit = copy_rate(stream.device(), bytes);
  const auto kind = benchmark::Counter::kIsIterationInvariantRate;
  state.SetLabel("GB/s");
  state.counters["rate"] = benchmark::Counter(moved * 1e-9, kind);
  state.counters["limit"] = limit * 1e-9;
  state.counters["percent_of_limit"] = benchmark::Counter(100 * moved / limit, kind);
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
  measure(state, stream, 12 * size, [&] {
    sgd_step(stream, training.parameters.view(), training.gradients.view(), {training.rate.data()});
  });
}

void adam(benchmark::State& state, Device device, std::int64_t size) {
  Stream stream(device);
  const Training training(stream, size);
  measure(state, stream, 28 * size, [&] {
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
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
  };
  // The GAN's discriminator, its generator, both; and what no cache holds.
  for (const std::int64_t size : {157'601, 444'284, 601'885, 64 << 20}) {
    add("sgd", size, sgd);
    add("adam", size, adam);
  }
  for (const std::int64_t batch : {1, 64, 1024}) add("gather", batch, gather);
  for (const std::int64_t size : {100, 6400, 1 << 20}) {
    add("counted_noise/uniform", size, counted_noise, false);
    add("counted_noise/normal", size, counted_noise, true);
  }
  for (const std::int64_t size : {60'000, 1 << 20}) {
    add("permutation", size, shuffle);
    add("sort", size, sort);
  }
  add("confusion", 10'000, confusion);
}
