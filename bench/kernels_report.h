#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>
#include <functional>

#include "runtime/device.h"

// What the rows of bench_kernels and bench_learning have in common.

/// GFLOP/s of one core with the chosen instruction set, measured once in this process.
[[nodiscard]] double core_peak();
/// Multiply-add limit of a device in GFLOP/s; 0 where none is known.
[[nodiscard]] double multiply_add_limit(atelier::Device device);
/// GB/s read and written by a copy that moves `bytes` in all: the best of ten, measured once a process.
[[nodiscard]] double copy_rate(atelier::Device device, std::int64_t bytes);
/// Calls queued between two synchronisations, so that starting and waiting count little; `work` is one call's
/// floating-point operations or its like.
[[nodiscard]] int calls_per_iteration(double work);
/// `work` (operations or bytes) an iteration, as "rate" in `unit` (1e9 a second) and, where limit > 0, in
/// percent of it.
void report(benchmark::State& state, double work, const char* unit, double limit);
/// The program of a benchmark binary: the rows that `add_rows` registers for each device present but simt. On
/// cpu one thread, or as many as ATELIER_BENCH_THREADS says; the report's context has them, the instruction
/// set and core_peak(). Returns main's result.
[[nodiscard]] int run_benchmarks(int count, char** arguments,
                                 const std::function<void(atelier::Device)>& add_rows);
