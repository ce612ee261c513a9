#include "tools/sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>

#include "models/pattern1010_sweep.h"
#include "runtime/stream.h"
#include "tools/concurrent_runs.h"
#include "tools/interruption.h"
#include "tools/metrics_file.h"
#include "tools/run_report.h"
#include "tools/training_loop.h"

namespace atelier::tools {
namespace {

/// One run from beginning to end; false when a signal came first.
bool train_run(Stream& stream, const TrainingConfig& config, const TrainingData& data, SweepRun& run) {
  const std::unique_ptr<Learner> learner = make_learner(stream, config, data.train, data.test);
  RequestSize size;
  while (learner->iteration() < learner->iterations()) {
    if (interruption_requested()) return false;
    const auto start = std::chrono::steady_clock::now();
    learner->train(size.iterations());
    size.took(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    (void)learner->take_metrics();  // a sweep keeps none: they must not pile up
  }
  run.summary = learner->summary();
  run.done = true;
  return true;
}

/// The numbers that the entry gives, with the names of their columns.
void add_numbers(const SummaryEntry& entry, std::vector<std::pair<std::string, double>>& numbers) {
  if (const auto* number = std::get_if<double>(&entry.value)) {
    numbers.emplace_back(entry.name, *number);
  } else if (const auto* whole = std::get_if<std::int64_t>(&entry.value)) {
    numbers.emplace_back(entry.name, static_cast<double>(*whole));
  } else if (const auto* values = std::get_if<std::vector<double>>(&entry.value)) {
    if (values->size() > kMostNumbersOfALine) return;
    for (std::size_t i = 0; i < values->size(); ++i)
      numbers.emplace_back(fmt::format("{}[{}]", entry.name, i), (*values)[i]);
  } else if (const auto* counts = std::get_if<std::vector<std::int64_t>>(&entry.value)) {
    if (counts->size() > kMostNumbersOfALine) return;
    for (std::size_t i = 0; i < counts->size(); ++i)
      numbers.emplace_back(fmt::format("{}[{}]", entry.name, i), static_cast<double>((*counts)[i]));
  }
}

/// Seeds that are trained at once: enough to fill the device, few enough that an interrupted sweep has
/// results.
constexpr std::size_t kFleetOnCpu = 2048;
constexpr std::size_t kFleetOnGpu = 131072;

/// Results of the seeds from `first` on. Those that an interrupted sweep did not come to have none.
void keep_results(const std::vector<Pattern1010Result>& results, std::int64_t iterations,
                  std::vector<SweepRun>& runs, std::size_t first) {
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Pattern1010Result& result = results[i];
    SweepRun& run = runs[first + i];
    run.done = result.iterations == iterations;
    if (run.done)
      run.summary = {
          {"mean_output", std::vector<double>(result.mean_output.begin(), result.mean_output.end())},
          {"converged", std::int64_t{result.converged ? 1 : 0}},
          {"discriminator_loss_real", static_cast<double>(result.discriminator_loss_real)},
          {"discriminator_loss_fake", static_cast<double>(result.discriminator_loss_fake)},
          {"generator_loss", static_cast<double>(result.generator_loss)},
          {"pattern_error", static_cast<double>(result.pattern_error)}};
  }
}

/// The kernel that trains every seed at once.
std::vector<SweepRun> sweep_fleet(Device device, const TrainingConfig& config,
                                  const std::vector<std::uint64_t>& seeds,
                                  const std::function<void(std::int64_t)>& at_progress) {
  Stream stream(device);
  Pattern1010Sweep sweep;
  sweep.iterations = config.iterations.value_or(sweep.iterations);
  sweep.learning_rate = config.learning_rate.value_or(sweep.learning_rate);
  std::vector<SweepRun> runs(seeds.size());
  for (std::size_t i = 0; i < seeds.size(); ++i) runs[i].seed = seeds[i];
  const std::size_t block = device.kind() == DeviceKind::cuda ? kFleetOnGpu : kFleetOnCpu;
  for (std::size_t first = 0; first < seeds.size() && !interruption_requested(); first += block) {
    const std::size_t count = std::min(block, seeds.size() - first);
    const auto begin = seeds.begin() + static_cast<std::ptrdiff_t>(first);
    sweep.seeds.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
    const std::vector<Pattern1010Result> results = sweep_pattern1010(stream, sweep, [&](double fraction) {
      at_progress(static_cast<std::int64_t>(first) +
                  static_cast<std::int64_t>(fraction * static_cast<double>(count)));
      return !interruption_requested();
    });
    keep_results(results, sweep.iterations, runs, first);
  }
  return runs;
}

}  // namespace

std::vector<SweepRun> sweep_runs(Device device, const TrainingConfig& config,
                                 const std::vector<std::uint64_t>& seeds, const TrainingData& data,
                                 int workers, const std::function<void(std::int64_t)>& at_progress) {
  if (config.preset == "pattern1010-gan") return sweep_fleet(device, config, seeds, at_progress);
  std::vector<SweepRun> runs(seeds.size());
  for (std::size_t i = 0; i < seeds.size(); ++i) runs[i].seed = seeds[i];
  const auto work = [&](std::size_t i) {
    SweepRun& run = runs[i];
    try {
      Stream stream(device);
      TrainingConfig own = config;
      own.seed = run.seed;
      return train_run(stream, own, data, run);
    } catch (const std::exception& error) {
      run.failure = error.what();
      return true;
    }
  };
  run_concurrently(runs.size(), workers, work, at_progress);
  return runs;
}

SweepTable sweep_table(const std::vector<SweepRun>& runs) {
  SweepTable table;
  std::vector<std::vector<std::pair<std::string, double>>> numbers;
  for (const SweepRun& run : runs) {
    if (!run.done) continue;
    table.seeds.push_back(run.seed);
    auto& row = numbers.emplace_back();
    for (const SummaryEntry& entry : run.summary) add_numbers(entry, row);
    for (const auto& [name, value] : row)
      if (std::find(table.names.begin(), table.names.end(), name) == table.names.end())
        table.names.push_back(name);
  }
  for (const auto& row : numbers) {
    std::vector<double>& cells =
        table.rows.emplace_back(table.names.size(), std::numeric_limits<double>::quiet_NaN());
    for (const auto& [name, value] : row) {
      const auto place = std::find(table.names.begin(), table.names.end(), name);
      cells[static_cast<std::size_t>(place - table.names.begin())] = value;
    }
  }
  return table;
}

std::string sweep_csv(const SweepTable& table) {
  std::string text = "seed";
  for (const std::string& name : table.names) text += fmt::format(",{}", name);
  text += '\n';
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    text += fmt::format("{}", table.seeds[i]);
    for (const double value : table.rows[i]) text += fmt::format(",{}", metric_text(value));
    text += '\n';
  }
  return text;
}

std::vector<ColumnStatistics> column_statistics(const SweepTable& table) {
  std::vector<ColumnStatistics> statistics;
  for (std::size_t column = 0; column < table.names.size(); ++column) {
    std::vector<double> values;
    for (const std::vector<double>& row : table.rows)
      if (std::isfinite(row[column])) values.push_back(row[column]);
    std::sort(values.begin(), values.end());
    ColumnStatistics& result = statistics.emplace_back();
    result.name = table.names[column];
    result.count = static_cast<std::int64_t>(values.size());
    if (values.empty()) {
      result.mean = result.median = result.least = result.most = std::numeric_limits<double>::quiet_NaN();
      continue;
    }
    const std::size_t middle = values.size() / 2;
    result.mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
    result.median = values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    result.least = values.front();
    result.most = values.back();
  }
  return statistics;
}

Convergence convergence_of(const SweepTable& table) {
  Convergence result;
  const auto place = std::find(table.names.begin(), table.names.end(), "converged");
  if (place == table.names.end()) return result;
  result.judged = true;
  const auto column = static_cast<std::size_t>(place - table.names.begin());
  for (std::size_t i = 0; i < table.rows.size(); ++i)
    if (table.rows[i][column] == 1) {
      ++result.converged;
    } else {
      result.others.push_back(table.seeds[i]);
    }
  return result;
}

}  // namespace atelier::tools
