#include "bench/kernels_report.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>

#include "bench/multiply_add_peak.h"
#include "runtime/buffer.h"
#include "runtime/error.h"
#include "runtime/instruction_set.h"
#include "runtime/parallel.h"
#include "runtime/stream.h"

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

double multiply_add_limit(atelier::Device device) {
  // The H200's fp32 multiply-adds are the yardstick of every GPU here; a device's own limit is not asked for.
  constexpr double kH200 = 66'900;
  if (device.kind() == atelier::DeviceKind::cuda) return kH200;
  return device.kind() == atelier::DeviceKind::cpu ? core_peak() * atelier::cpu_threads() : 0.0;
}

double copy_rate(atelier::Device device, std::int64_t bytes) {
  static std::map<std::pair<atelier::DeviceKind, std::int64_t>, double> rates;
  const auto [rate, fresh] = rates.try_emplace({device.kind(), bytes}, 0.0);
  if (!fresh) return rate->second;
  atelier::Stream stream(device);
  const std::int64_t half = bytes / 2;
  const atelier::Buffer<std::byte> buffer(stream, 2 * half);
  atelier::fill_bytes(stream, buffer.data(), 1, static_cast<std::size_t>(buffer.size()));
  stream.synchronize();
  const int calls = calls_per_iteration(static_cast<double>(bytes));
  for (int repeat = 0; repeat < 10; ++repeat) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; ++i)
      atelier::copy_bytes(stream, buffer.data(), buffer.data() + half, static_cast<std::size_t>(half));
    stream.synchronize();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    rate->second = std::max(rate->second, static_cast<double>(bytes) * calls / seconds.count() * 1e-9);
  }
  return rate->second;
}

int calls_per_iteration(double work) {
  return static_cast<int>(std::clamp(2e7 / work, 1.0, 200.0));
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

int run_benchmarks(int count, char** arguments, const std::function<void(atelier::Device)>& add_rows) {
  const char* threads = std::getenv("ATELIER_BENCH_THREADS");
  try {
    atelier::set_cpu_threads(threads != nullptr ? std::atoi(threads) : 1);
    for (const atelier::Device device : atelier::devices_present())
      if (device.kind() != atelier::DeviceKind::simt) add_rows(device);
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
