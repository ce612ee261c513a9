// Painting: pixels a second of the CPPN on every device present and, on the cpu, every instruction set.
//
// The limit of the cpu rows is arithmetic: a pixel's multiply-adds (activations not counted) at the rate of
// multiply_add_peak.cpp, measured in this process on one core, times the threads. The cuda and simt rows have
// no limit: the first depends on the clock (tools/gpu-check knows it), the second is an emulation.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "bench/multiply_add_peak.h"
#include "kernels/cppn.h"
#include "kernels/resolve.h"
#include "runtime/buffer.h"
#include "runtime/instruction_set.h"
#include "runtime/parallel.h"

namespace atelier {
namespace {

struct Network {
  std::string name;
  std::vector<int> widths;  // hidden layers
  int size;                 // of the square picture, for the cpu
  int waves = 0;            // Fourier features beside x and y
};

const std::vector<Network>& networks() {
  static const std::vector<Network> all = {
      {"seed", std::vector<int>(9, 16), 512},  // 2-16 with bias, eight 16-16, 16-3: 2128 multiply-adds, 144
                                               // tanh
      {"2-16x8-3", std::vector<int>(8, 16), 512},  // the network of the GPU figures: 1872 multiply-adds, 128
                                                   // tanh
      {"width:8", std::vector<int>(9, 8), 768},
      {"width:32", std::vector<int>(9, 32), 384},
      {"width:64", std::vector<int>(9, 64), 192},
      {"width:128", std::vector<int>(9, 128), 96},
      {"width:512", std::vector<int>(9, 512), 64},
      {"taper", {128, 64, 32, 16, 8, 4, 2}, 384},
      {"waves:32", std::vector<int>(9, 16), 384, 32},
  };
  return all;
}

CppnTopology topology_of(const Network& network) {
  CppnTopology topology;
  for (const int width : network.widths)
    topology.layers.push_back({width, {Activation::tanh}, topology.layers.empty()});
  topology.layers.push_back({3, {Activation::sigmoid}, false});
  for (int k = 0; k < network.waves; ++k) {
    topology.inputs.push_back(CppnInput::wave);
    topology.waves.push_back({0.7 * k - 9, 11 - 0.9 * k, 0.25 * (k % 2)});
  }
  return topology;
}

/// Sums of twelve uniform numbers: near enough to N(0,1), and the same everywhere.
std::vector<float> parameters_of(const CppnTopology& topology) {
  std::vector<float> parameters(static_cast<std::size_t>(topology.parameter_count()));
  std::uint32_t state = 1;
  for (float& parameter : parameters) {
    float sum = -6;
    for (int i = 0; i < 12; ++i) {
      state = state * 1664525U + 1013904223U;
      sum += static_cast<float>(state >> 8) * 0x1p-24F;
    }
    parameter = sum;
  }
  return parameters;
}

/// Operations a second of one core, the best of some tries.
double measure_peak(InstructionSet set, CppnPrecision precision) {
  using Peak = long (*)(long);
  std::pair<Peak, Peak> peaks{cpu::portable::multiply_adds_float, cpu::portable::multiply_adds_double};
#if defined(ATELIER_X86)
  if (set == InstructionSet::avx2) peaks = {cpu::avx2::multiply_adds_float, cpu::avx2::multiply_adds_double};
  if (set == InstructionSet::avx512)
    peaks = {cpu::avx512::multiply_adds_float, cpu::avx512::multiply_adds_double};
#endif
  static_cast<void>(set);
  const Peak peak = precision == CppnPrecision::fp32 ? peaks.first : peaks.second;
  double best = 0;
  for (int attempt = 0; attempt < 20; ++attempt) {
    const auto start = std::chrono::steady_clock::now();
    const auto operations = static_cast<double>(peak(100'000));
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    best = std::max(best, operations / time.count());
  }
  return best;
}
double peak_of(InstructionSet set, CppnPrecision precision) {
  static std::map<std::pair<InstructionSet, CppnPrecision>, double> known;
  const auto [place, fresh] = known.try_emplace({set, precision}, 0.0);
  if (fresh) place->second = measure_peak(set, precision);
  return place->second;
}

struct Setting {
  Device device;
  InstructionSet set = InstructionSet::portable;
  CppnPrecision precision = CppnPrecision::fp32;
  int threads = 1;
  int size = 512;
};

void paint(benchmark::State& state, const Network& network, const Setting& setting) {
  const bool on_cpu = setting.device.kind() == DeviceKind::cpu;
  if (on_cpu) {
    set_instruction_set(setting.set);
    set_cpu_threads(setting.threads);
  }
  Stream stream(setting.device);
  const CppnTopology topology = topology_of(network);
  const CppnProgram program(stream, topology, parameters_of(topology), {}, setting.precision);
  const std::int64_t size = setting.size;
  const Buffer<std::byte> picture(stream, size * size * 3, "picture");
  for (auto _ : state) {
    cppn_render(stream, program, CppnWindow::centered(size, size), {0, 0, size, size}, CppnColor::rgb,
                CppnSample::u8, picture.view(), size * 3);
    stream.synchronize();
  }
  const double pixels = static_cast<double>(state.iterations()) * static_cast<double>(size * size);
  const double operations = 2 * static_cast<double>(topology.multiply_adds());
  using benchmark::Counter;
  state.SetLabel("Mpixel/s");
  state.counters["rate"] = Counter(pixels * 1e-6, Counter::kIsRate);
  state.counters["GFLOP/s"] = Counter(pixels * operations * 1e-9, Counter::kIsRate);
  if (on_cpu) {
    const double peak = peak_of(setting.set, setting.precision) * setting.threads;
    state.counters["limit"] = peak / operations * 1e-6;
    state.counters["peak_GFLOP/s"] = peak * 1e-9;
    state.counters["percent_of_limit"] = Counter(100 * pixels * operations / peak, Counter::kIsRate);
    set_cpu_threads(0);
  }
}

/// Points to pixels (kernels/resolve.h); the rate counts points.
void resolve(benchmark::State& state, const PixelResolve& how, const Setting& setting) {
  if (setting.device.kind() == DeviceKind::cpu) {
    set_instruction_set(setting.set);
    set_cpu_threads(setting.threads);
  }
  Stream stream(setting.device);
  const std::int64_t points = setting.size;  // a side
  const std::int64_t pixels = points / how.samples;
  const Buffer<float> colors(stream, points * points * 3, "points");
  std::vector<float> values(static_cast<std::size_t>(colors.size()));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(i * 2654435761U % 4096) / 4095.0F;
  upload<float>(stream, colors.view(), values);
  const Buffer<float> palette(stream, how.color == CppnColor::palette ? 4 * kPaletteEntries : 0, "palette");
  upload<float>(stream, palette.view(), std::vector<float>(static_cast<std::size_t>(palette.size()), 0.5F));
  const Buffer<std::byte> picture(stream, pixels * pixels * 3, "picture");
  for (auto _ : state) {
    resolve_pixels(stream, colors.view(), {0, 0, pixels, pixels}, how, palette.view(), picture.view(),
                   pixels * 3);
    stream.synchronize();
  }
  state.SetLabel("Mpoint/s");
  state.counters["rate"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * static_cast<double>(points * points) * 1e-6,
      benchmark::Counter::kIsRate);
  if (setting.device.kind() == DeviceKind::cpu) set_cpu_threads(0);
}

void add_resolve(Device device) {
  struct Kind {
    const char* name;
    PixelResolve how;
  };
  static const std::array<Kind, 5> kinds{{{"samples:2", {3, 2, CppnColor::rgb, CppnSample::u8}},
                                          {"samples:4", {3, 4, CppnColor::rgb, CppnSample::u8}},
                                          {"dither", {3, 1, CppnColor::rgb, CppnSample::u8, true}},
                                          {"oklch", {3, 1, CppnColor::oklch, CppnSample::u8}},
                                          {"palette", {3, 1, CppnColor::palette, CppnSample::u8}}}};
  for (const Kind& kind : kinds) {
    const bool on_cpu = device.kind() == DeviceKind::cpu;
    const int size = on_cpu ? 512 : device.kind() == DeviceKind::cuda ? 4096 : 64;
    const std::vector<InstructionSet> sets =
        on_cpu ? instruction_sets_present() : std::vector<InstructionSet>{InstructionSet::portable};
    for (const InstructionSet set : sets) {
      const std::string name =
          fmt::format("resolve/{}{}/{}", kind.name,
                      on_cpu ? fmt::format("/{}/threads:1", instruction_set_name(set)) : "", device.name());
      const Setting setting{device, set, CppnPrecision::fp32, 1, size};
      benchmark::RegisterBenchmark(
          name.c_str(), [how = kind.how, setting](benchmark::State& state) { resolve(state, how, setting); })
          ->UseRealTime()
          ->Unit(benchmark::kMillisecond);
    }
  }
}

void add(const Network& network, const Setting& setting, const std::string& kind) {
  const std::string name =
      fmt::format("cppn/{}/{}{}/{}", network.name, setting.precision == CppnPrecision::fp32 ? "fp32" : "fp64",
                  kind, setting.device.name());
  benchmark::RegisterBenchmark(
      name.c_str(), [network, setting](benchmark::State& state) { paint(state, network, setting); })
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}

void add_cpu(const Network& network, Device device, int cores) {
  for (const InstructionSet set : instruction_sets_present())
    for (const CppnPrecision precision : {CppnPrecision::fp32, CppnPrecision::fp64})
      for (const int threads : {1, 2}) {
        const bool best = set == instruction_sets_present().back();
        if (threads > cores || (threads > 1 && !best)) continue;
        const int size = precision == CppnPrecision::fp32 ? network.size : network.size / 2;
        add(network, {device, set, precision, threads, size},
            fmt::format("/{}/threads:{}", instruction_set_name(set), threads));
      }
}

void add_all() {
  const int cores = cpu_threads();
  for (const Device device : devices_present()) {
    add_resolve(device);
    for (const Network& network : networks()) {
      if (device.kind() == DeviceKind::cpu) {
        add_cpu(network, device, cores);
      } else if (device.kind() == DeviceKind::cuda) {
        for (const CppnPrecision precision : {CppnPrecision::fp32, CppnPrecision::fp64})
          add(network, {device, InstructionSet::portable, precision, 1, network.size * 8}, "");
      } else if (network.name == "seed") {
        add(network, {device, InstructionSet::portable, CppnPrecision::fp32, 1, 64}, "");
      }
    }
  }
}

}  // namespace
}  // namespace atelier

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  atelier::add_all();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
