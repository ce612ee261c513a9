#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "models/learner.h"
#include "tools/training_options.h"

namespace atelier::tools {

inline constexpr std::int64_t kMostSweepSeeds = 1'000'000;

/// How one run of a sweep ended.
struct SweepRun {
  std::uint64_t seed = 0;
  bool done = false;
  std::string failure;                // why it failed; empty when it did not
  std::vector<SummaryEntry> summary;  // of a run that was done
};

/// Trains `config` once a seed, `workers` runs at a time, each on a stream of its own: the results are those
/// of the runs alone. `at_progress` is called now and then, from the calling thread, with the number of runs
/// that are done; after a signal the runs under way are dropped and what is done is returned. A run that
/// fails does not stop the others.
[[nodiscard]] std::vector<SweepRun> sweep_runs(Device device, const TrainingConfig& config,
                                               const std::vector<std::uint64_t>& seeds,
                                               const TrainingData& data, int workers,
                                               const std::function<void(std::int64_t)>& at_progress);

/// The numbers of every run as a table: a row a run that was done, a column a number of the summaries
/// (vectors of a few numbers give a column each: "mean_output[0]").
struct SweepTable {
  std::vector<std::string> names;
  std::vector<std::uint64_t> seeds;
  std::vector<std::vector<double>> rows;  // NaN where a run has no such number
};
[[nodiscard]] SweepTable sweep_table(const std::vector<SweepRun>& runs);
/// "seed,accuracy,…" and a line a run.
[[nodiscard]] std::string sweep_csv(const SweepTable& table);

/// What a column's numbers have in common; those that are not finite are left out.
struct ColumnStatistics {
  std::string name;
  std::int64_t count = 0;  // of finite numbers
  double mean = 0;         // these four are NaN when count is 0
  double median = 0;
  double least = 0;
  double most = 0;
};
[[nodiscard]] std::vector<ColumnStatistics> column_statistics(const SweepTable& table);

/// Of the runs that were done: those whose summary says "converged" 0. `judged` is false when no summary has
/// such an entry.
struct Convergence {
  bool judged = false;
  std::int64_t converged = 0;
  std::vector<std::uint64_t> others;
};
[[nodiscard]] Convergence convergence_of(const SweepTable& table);

}  // namespace atelier::tools
