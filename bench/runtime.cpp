// What the runtime itself costs on every device present: allocation, launch, events, graph replay, copies.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/buffer.h"
#include "runtime/event.h"
#include "runtime/graph.h"
#include "runtime/parallel.h"
#include "runtime/stream.h"

namespace atelier {
namespace {

constexpr int batch = 256;  // operations queued between two synchronisations

/// Shown by tools/bench: `per_iteration` times the iterations, a second, in `unit`.
void report_rate(benchmark::State& state, double per_iteration, const char* unit) {
  state.SetLabel(unit);
  state.counters["rate"] = benchmark::Counter(per_iteration * static_cast<double>(state.iterations()),
                                              benchmark::Counter::kIsRate);
}

/// An operation that does nothing to speak of: an empty task, on cuda a fill of 4 bytes.
void queue_smallest(Stream& stream, Buffer<int>& target) {
  if (stream.device().kind() == DeviceKind::cuda)
    fill_bytes(stream, target.data(), 0, sizeof(int));
  else
    stream.enqueue("empty", [] {});
}

/// An allocation and its release, while the stream is idle.
void allocate_and_free(benchmark::State& state, Device device) {
  Stream stream(device);
  for (auto _ : state) {
    Buffer<std::byte> buffer(stream, state.range(0), "bench");
    benchmark::DoNotOptimize(buffer.data());
  }
  stream.synchronize();
  report_rate(state, 1e-6, "million blocks/s");
}

/// The caller's cost of queueing one operation, with the stream busy serving them.
void queue_operation(benchmark::State& state, Device device) {
  Stream stream(device);
  Buffer<int> target(stream, 1, "bench");
  while (state.KeepRunningBatch(batch)) {
    for (int i = 0; i < batch; ++i) queue_smallest(stream, target);
    state.PauseTiming();
    stream.synchronize();
    state.ResumeTiming();
  }
  report_rate(state, 1e-6, "million operations/s");
}

/// Operations from queueing to completion, many under way.
void run_operations(benchmark::State& state, Device device) {
  Stream stream(device);
  Buffer<int> target(stream, 1, "bench");
  while (state.KeepRunningBatch(batch)) {
    for (int i = 0; i < batch; ++i) queue_smallest(stream, target);
    stream.synchronize();
  }
  report_rate(state, 1e-6, "million operations/s");
}

/// One operation there and back: queue it, wait for it.
void launch_and_wait(benchmark::State& state, Device device) {
  Stream stream(device);
  Buffer<int> target(stream, 1, "bench");
  for (auto _ : state) {
    queue_smallest(stream, target);
    stream.synchronize();
  }
  report_rate(state, 1e-6, "million operations/s");
}

/// A record in one stream and a wait in another.
void record_and_wait(benchmark::State& state, Device device) {
  Stream first(device);
  Stream second(device);
  Event event(device);
  while (state.KeepRunningBatch(batch)) {
    for (int i = 0; i < batch; ++i) {
      event.record(first);
      second.wait(event);
    }
    second.synchronize();
  }
  report_rate(state, 1e-6, "million pairs/s");
}

/// Replays of a graph of 16 of the smallest operations, many under way.
void replay_16(benchmark::State& state, Device device) {
  Stream stream(device);
  Buffer<int> target(stream, 1, "bench");
  stream.begin_capture();
  for (int i = 0; i < 16; ++i) queue_smallest(stream, target);
  const Graph graph = stream.end_capture();
  while (state.KeepRunningBatch(batch)) {
    for (int i = 0; i < batch; ++i) graph.launch(stream);
    stream.synchronize();
  }
  report_rate(state, 1e-6, "million replays/s");
}

enum class Direction { host_to_device, device_to_host, device_to_device };

/// Copies of page-locked or device memory, one at a time; bytes are counted once.
void copy_rate(benchmark::State& state, Device device, Direction direction) {
  Stream stream(device);
  const std::int64_t bytes = state.range(0);
  const auto make = [&](bool host) {
    return host ? Buffer<std::byte>::host(stream, bytes, "bench") : Buffer<std::byte>(stream, bytes, "bench");
  };
  Buffer<std::byte> source = make(direction == Direction::host_to_device);
  Buffer<std::byte> destination = make(direction == Direction::device_to_host);
  fill_bytes(stream, source.data(), 1, static_cast<std::size_t>(bytes));
  fill_bytes(stream, destination.data(), 2, static_cast<std::size_t>(bytes));
  stream.synchronize();
  for (auto _ : state) {
    copy(stream, destination.view(), source.view());
    stream.synchronize();
  }
  state.SetBytesProcessed(state.iterations() * bytes);
  report_rate(state, static_cast<double>(bytes) * 1e-9, "GB/s");
}

/// 64 ranges of nothing over the threads of the cpu device.
void parallel_for_64(benchmark::State& state) {
  for (auto _ : state)
    parallel_for(64, 1, [](std::int64_t first, std::int64_t) { benchmark::DoNotOptimize(first); });
  report_rate(state, 1e-6, "million calls/s");
}

void register_device(Device device) {
  const std::string suffix = std::string("/").append(device.name());
  const auto add = [&](const std::string& name, void (*body)(benchmark::State&, Device)) {
    return benchmark::RegisterBenchmark((name + suffix).c_str(), body, device)->UseRealTime();
  };
  add("allocate_and_free", allocate_and_free)->Arg(256)->Arg(1 << 16)->Arg(1 << 22)->Arg(1 << 28);
  add("queue_operation", queue_operation);
  add("run_operations", run_operations);
  add("launch_and_wait", launch_and_wait);
  add("record_and_wait", record_and_wait);
  add("replay_16", replay_16);
  const std::pair<const char*, Direction> directions[] = {{"copy_h2d", Direction::host_to_device},
                                                          {"copy_d2h", Direction::device_to_host},
                                                          {"copy_d2d", Direction::device_to_device}};
  for (const auto& [name, direction] : directions)
    benchmark::RegisterBenchmark((name + suffix).c_str(), copy_rate, device, direction)
        ->UseRealTime()
        ->RangeMultiplier(16)
        ->Range(1 << 12, 1 << 28);
}

}  // namespace
}  // namespace atelier

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  for (const atelier::Device device : atelier::devices_present()) {
    const atelier::DeviceDescription description = atelier::describe(device);
    benchmark::AddCustomContext(device.name(), description.model + "; " + description.detail);
    atelier::register_device(device);
  }
  benchmark::RegisterBenchmark("parallel_for_64/cpu", atelier::parallel_for_64)->UseRealTime();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
