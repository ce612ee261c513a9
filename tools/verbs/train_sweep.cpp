#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tools/concurrent_runs.h"
#include "tools/interruption.h"
#include "tools/picture_options.h"
#include "tools/progress.h"
#include "tools/run_folder.h"
#include "tools/run_report.h"
#include "tools/sweep.h"
#include "tools/usage_error.h"
#include "tools/verbs/verbs.h"

namespace atelier::tools {
namespace {

/// Failing seeds that are named in the text; all are in summary.json.
constexpr std::size_t kNamedSeeds = 20;

std::string seeds_text(const std::vector<std::uint64_t>& seeds) {
  const std::vector<std::uint64_t> first(
      seeds.begin(), seeds.begin() + static_cast<std::ptrdiff_t>(std::min(seeds.size(), kNamedSeeds)));
  const std::size_t more = seeds.size() - first.size();
  return fmt::format("{}{}", fmt::join(first, ", "), more > 0 ? fmt::format(" and {} more", more) : "");
}

nlohmann::ordered_json sweep_json(const TrainingConfig& config, const std::string& seeds, Device device,
                                  const std::vector<SweepRun>& runs, const SweepTable& table,
                                  double seconds) {
  const auto done = static_cast<std::int64_t>(table.rows.size());
  nlohmann::ordered_json failures = nlohmann::ordered_json::array();
  for (const SweepRun& run : runs)
    if (!run.failure.empty()) failures.push_back({{"seed", run.seed}, {"failure", run.failure}});
  nlohmann::ordered_json json = {
      {"atelier_sweep", 1},
      {"preset", config.preset},
      {"seeds", seeds},
      {"runs", runs.size()},
      {"done", done},
      {"finished",
       done + static_cast<std::int64_t>(failures.size()) == static_cast<std::int64_t>(runs.size())},
      {"device", device.name()},
      {"seconds", seconds},
      {"runs_per_second", seconds > 0 ? static_cast<double>(done) / seconds : 0.0}};
  if (const Convergence judged = convergence_of(table); judged.judged) {
    json["converged"] = judged.converged;
    json["converged_share"] =
        done > 0 ? static_cast<double>(judged.converged) / static_cast<double>(done) : 0.0;
    json["not_converged"] = judged.others;
  }
  json["failures"] = failures;
  nlohmann::ordered_json results = nlohmann::ordered_json::object();
  for (const ColumnStatistics& column : column_statistics(table))
    results[column.name] = {{"count", column.count},
                            {"mean", column.mean},
                            {"median", column.median},
                            {"least", column.least},
                            {"most", column.most}};
  json["results"] = results;
  nlohmann::ordered_json own = nlohmann::ordered_json::parse(training_config_json(config));
  own.erase("seed");
  json["config"] = own;
  return json;
}

std::string sweep_text(const std::filesystem::path& folder, Device device, const std::vector<SweepRun>& runs,
                       const SweepTable& table, double seconds) {
  std::string text = fmt::format("{}: {} of {} runs, {}; {:.2f} s, {:.1f} runs/s\n", folder.string(),
                                 table.rows.size(), runs.size(), device_text(device), seconds,
                                 seconds > 0 ? static_cast<double>(table.rows.size()) / seconds : 0.0);
  if (const Convergence judged = convergence_of(table); judged.judged && !table.rows.empty()) {
    text +=
        fmt::format("  converged {} of {} ({:.1f} %)", judged.converged, table.rows.size(),
                    100.0 * static_cast<double>(judged.converged) / static_cast<double>(table.rows.size()));
    text += judged.others.empty() ? "\n" : fmt::format("; not: {}\n", seeds_text(judged.others));
  }
  std::vector<std::uint64_t> failed;
  std::string reason;
  for (const SweepRun& run : runs) {
    if (run.failure.empty()) continue;
    failed.push_back(run.seed);
    if (reason.empty()) reason = run.failure;
  }
  if (!failed.empty()) text += fmt::format("  failed: {} ({})\n", seeds_text(failed), reason);
  const std::vector<ColumnStatistics> columns = column_statistics(table);
  std::size_t widest = 4;
  for (const ColumnStatistics& column : columns) widest = std::max(widest, column.name.size());
  text += fmt::format("  {:<{}}  {:>10}  {:>10}  {:>10}  {:>10}\n", "", widest, "mean", "median", "least",
                      "most");
  for (const ColumnStatistics& column : columns)
    if (column.name != "converged")
      text += fmt::format("  {:<{}}  {:>10.4g}  {:>10.4g}  {:>10.4g}  {:>10.4g}\n", words_of(column.name),
                          widest, column.mean, column.median, column.least, column.most);
  return text;
}

void check_options(const TrainCommand& command) {
  if (command.resume) throw UsageError("--seeds and --resume exclude each other: a sweep starts afresh");
  if (command.training.seed || command.training.torch_seed)
    throw UsageError("--seeds is a sweep over many seeds: --seed and --torch-seed have no place beside it");
}

}  // namespace

void sweep_seeds(const TrainCommand& command) {
  check_options(command);
  const std::vector<std::uint64_t> seeds =
      parse_seeds(command.seeds, "--seeds", kMostSweepSeeds, "runs are a sweep");
  TrainingOptions options = command.training;
  options.seed = seeds.front();
  const TrainingConfig config = planned_training(options);
  const std::filesystem::path path =
      command.folder.empty()
          ? std::filesystem::path("runs") / fmt::format("{}-{}", config.preset, command.seeds.substr(0, 60))
          : std::filesystem::path(command.folder);
  watch_for_interruption();
  const Device device = open_device(command.run);
  const TrainingData data = load_training_data(config, options.data_folder);
  const RunFolder folder = RunFolder::create(path);
  const int workers = concurrent_workers(device, seeds.size());
  const bool fleet = config.preset == "pattern1010-gan";
  std::vector<SweepRun> runs;
  double seconds = 0;
  {
    const OneThreadEach one_thread(fleet ? 1 : workers);
    Progress progress(path.string(), static_cast<std::int64_t>(seeds.size()), command.run.quiet, kRunRate);
    runs = sweep_runs(device, config, seeds, data, workers,
                      [&](std::int64_t done) { progress.add(done - progress.added()); });
    seconds = progress.seconds();
  }
  const SweepTable table = sweep_table(runs);
  folder.write_text("runs.csv", sweep_csv(table));
  const nlohmann::ordered_json json = sweep_json(config, command.seeds, device, runs, table, seconds);
  folder.write_text(kSummaryFile, json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  if (!json["finished"].get<bool>())
    throw Interrupted(fmt::format("interrupted after {} of {} runs; {} has their numbers", table.rows.size(),
                                  runs.size(), path.string()));
  if (command.run.json) {
    nlohmann::ordered_json document = {{"run", path.string()}};
    document.update(json);
    print_json(document);
  } else if (!command.run.quiet) {
    print_text(sweep_text(path, device, runs, table, seconds));
  }
  if (table.rows.empty()) throw Error(fmt::format("no run of the sweep was done: {}", runs.front().failure));
}

}  // namespace atelier::tools
