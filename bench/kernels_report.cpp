#include "bench/kernels_report.h"

#include <algorithm>
#include <chrono>

#include "bench/multiply_add_peak.h"
#include "runtime/instruction_set.h"
#include "runtime/parallel.h"

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
