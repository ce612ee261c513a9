#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "runtime/parallel.h"
#include "tools/interruption.h"
#include "tools/picture_options.h"
#include "tools/plot.h"
#include "tools/run_report.h"
#include "tools/sweep.h"
#include "tools/training_loop.h"
#include "tools/usage_error.h"
#include "tools/verbs/verbs.h"

namespace atelier::tools {
namespace {

namespace files = std::filesystem;
using Clock = std::chrono::steady_clock;

/// Plots are drawn again in the midst of a run no more often than this.
constexpr std::chrono::seconds kPlotPause{30};

files::path default_folder(const std::string& preset, const std::string& seed) {
  return files::path("runs") / fmt::format("{}-{}", preset, seed);
}

std::string resume_command(const files::path& folder) {
  return fmt::format("atelier train --resume --run {}", folder.string());
}

/// A run that is about to be trained, with everything that it needs.
struct Run {
  RunRecord record;
  TrainingData data;
  Device device;
};

std::string data_text(const Run& run) {
  const DataSet& learned = run.data.train.count > 0 ? run.data.train : run.data.test;
  if (learned.count == 0) return {};
  return fmt::format(", {} pictures of {} x {} ({})", learned.count, learned.width, learned.height,
                     learned.name);
}

/// The plots of a run, drawn from its metrics.csv. Where gnuplot is missing it says so once.
class Plots {
 public:
  Plots(const Learner& learner, const RunFolder& folder, bool quiet)
      : plots_(learner.plots()), title_(learner.config().preset), folder_(folder), quiet_(quiet) {}

  void draw_curves() {
    drawn_ = Clock::now();
    if (failed_ || plots_.empty()) return;
    const MetricsTable table = read_metrics(folder_ / kMetricsFile);
    for (const PlotDescription& plot : plots_) write(plot.file, curves_script(plot, table));
  }
  void draw_curves_now_and_then() {
    if (Clock::now() - drawn_ >= kPlotPause) draw_curves();
  }
  void draw_confusion(const std::vector<SummaryEntry>& summary) {
    const SummaryEntry* entry = find_entry(summary, "confusion");
    if (entry == nullptr) return;
    const auto* counts = std::get_if<std::vector<std::int64_t>>(&entry->value);
    if (counts != nullptr && !counts->empty())
      write("confusion.png", confusion_script(*counts, title_ + ": confusion matrix"));
  }

 private:
  void write(const std::string& file, const std::string& script) {
    if (failed_) return;
    const Drawing drawing = draw(script);
    if (!drawing.png.empty()) return folder_.write_text(file, drawing.png);
    failed_ = true;
    if (!quiet_)
      say(fmt::format("{} and other plots are left out: {}; their numbers are in {}", file, drawing.problem,
                      (folder_ / kMetricsFile).string()));
  }

  // Kept, not asked for: plots are drawn while the learner trains on another thread.
  std::vector<PlotDescription> plots_;
  std::string title_;
  const RunFolder& folder_;
  bool quiet_;
  bool failed_ = false;
  Clock::time_point drawn_ = Clock::now();
};

/// What happened while a run was trained by this process.
struct Course {
  TrainingEnd end = TrainingEnd::finished;
  double seconds = 0;
  std::vector<std::string> warnings;
};

/// Time, samples, rate and warnings are of this process alone, which trained from iteration `resumed_at` on.
nlohmann::ordered_json result_json(const Run& run, const Learner& learner, std::int64_t resumed_at,
                                   const Course& course, const std::vector<SummaryEntry>& summary) {
  const std::int64_t samples = (learner.iteration() - resumed_at) * learner.samples_per_iteration();
  nlohmann::ordered_json json = {
      {"preset", learner.config().preset},
      {"seed", learner.config().seed},
      {"finished", true},
      {"iterations", learner.iteration()},
      {"device", run.device.name()},
      {"resumed_at", resumed_at},
      {"seconds", course.seconds},
      {"samples", samples},
      {"samples_per_second", course.seconds > 0 ? static_cast<double>(samples) / course.seconds : 0.0}};
  if (!course.warnings.empty()) json["warnings"] = course.warnings;
  const std::optional<DataRecord>& data = run.record.train ? run.record.train : run.record.test;
  if (data) json["data"] = data->name;
  json["results"] = summary_json(summary);
  json["config"] = nlohmann::ordered_json::parse(training_config_json(learner.config()));
  return json;
}

void print_result(const TrainCommand& command, const files::path& folder, const Learner& learner,
                  const nlohmann::ordered_json& json, const std::vector<SummaryEntry>& summary,
                  Device device) {
  if (command.run.json) {
    nlohmann::ordered_json document = {{"run", folder.string()}};
    document.update(json);
    print_json(document);
  } else if (!command.run.quiet) {
    print_text(fmt::format("{}: {} iterations, {}; {:.2f} s, {:.0f} samples/s\n{}", folder.string(),
                           learner.iteration(), device_text(device), json["seconds"].get<double>(),
                           json["samples_per_second"].get<double>(), summary_text(summary)));
  }
}

/// What only the end has: last samples, pictures, plots, and, behind all of them, the summary.
void finish(const TrainCommand& command, const Run& run, Learner& learner, const RunFolder& folder,
            Plots& plots, std::int64_t begun_at, const Course& course) {
  const std::int64_t interval = learner.sample_interval();
  if (interval == 0 || learner.iteration() % interval != 0)
    for (const GrayPicture& picture : learner.samples()) folder.write_sample(picture, learner.iteration());
  for (const GrayPicture& picture : learner.final_pictures()) folder.write_picture(picture);
  const std::vector<SummaryEntry> summary = learner.summary();
  plots.draw_curves();
  plots.draw_confusion(summary);
  const nlohmann::ordered_json json = result_json(run, learner, begun_at, course, summary);
  folder.write_text(kSummaryFile, json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  print_result(command, folder.path(), learner, json, summary, run.device);
}

/// From where the learner stands to the end, to the next signal, or to a warning that stops the run.
Course train_on(const TrainCommand& command, Learner& learner, const RunFolder& folder, Plots& plots) {
  const std::int64_t begun_at = learner.iteration();
  const std::int64_t end = learner.iterations();
  std::int64_t kept = begun_at;
  Course course;
  try {
    folder.remove_samples_after(begun_at);
    MetricsFile metrics(folder / kMetricsFile, learner.metric_names(), begun_at);
    const std::int64_t each = learner.samples_per_iteration();
    Progress progress(folder.path().string(), end * each, command.run.quiet, kSampleRate, begun_at * each);
    TrainingEvents events;
    events.at_checkpoint = [&](std::int64_t iteration) {
      kept = iteration;
      if (iteration < end && !interruption_requested()) plots.draw_curves_now_and_then();
    };
    events.at_warning = [&](std::int64_t iteration, const std::string& warning) {
      course.warnings.push_back(fmt::format("iteration {}: {}", iteration, warning));
      progress.tell(course.warnings.back());
      return command.on_collapse == OnCollapse::stop;
    };
    course.end = run_training(learner, folder, metrics, progress, events);
    course.seconds = progress.seconds();
    metrics.flush();
  } catch (const Error& error) {
    throw Error(fmt::format("{}; the run stands at iteration {}: {}", error.what(), kept,
                            resume_command(folder.path())));
  }
  return course;
}

void go_on(const TrainCommand& command, const Run& run, Learner& learner, const RunFolder& folder) {
  const std::int64_t begun_at = learner.iteration();
  Plots plots(learner, folder, command.run.quiet);
  const Course course = train_on(command, learner, folder, plots);
  if (course.end != TrainingEnd::finished) {
    plots.draw_curves();
    const std::string place = fmt::format("at iteration {} of {}", learner.iteration(), learner.iterations());
    if (course.end == TrainingEnd::interrupted)
      throw Interrupted(fmt::format("interrupted {}; to go on: {}", place, resume_command(folder.path())));
    throw Error(fmt::format("stopped {} ({}); to go on all the same: {} --on-collapse warn", place,
                            course.warnings.front(), resume_command(folder.path())));
  }
  finish(command, run, learner, folder, plots, begun_at, course);
}

std::unique_ptr<Learner> make(Stream& stream, const Run& run) {
  return make_learner(stream, run.record.config, run.data.train, run.data.test);
}

void load_data(Run& run) {
  run.data = load_training_data(run.record.config, run.record.data_folder);
  if (run.data.train.count > 0) run.record.train = record_of(run.data.train);
  if (run.data.test.count > 0) run.record.test = record_of(run.data.test);
}

/// What a folder's run has come to, for the refusal to begin another one in it.
std::string standing_text(const files::path& folder) {
  try {
    const RunFolder run = RunFolder::open(folder);
    const RunRecord record = run.read_record();
    return fmt::format("{} holds a run of {} already{}", folder.string(), record.config.preset,
                       run.read_summary() ? ", finished" : "");
  } catch (const Error&) {
    return fmt::format("{} holds a run already", folder.string());
  }
}

void begin(const TrainCommand& command) {
  Run run;
  run.record.config = planned_training(command.training);
  const TrainingConfig config = run.record.config;
  const files::path path = command.folder.empty() ? default_folder(config.preset, std::to_string(config.seed))
                                                  : files::path(command.folder);
  if (RunFolder::holds_run(path))
    throw Error(fmt::format("{}; --resume goes on with it, --run or another --seed begins another",
                            standing_text(path)));
  watch_for_interruption();
  run.device = open_device(command.run);
  run.record.device = run.device.name();
  if (!command.training.data_folder.empty())
    run.record.data_folder = files::absolute(command.training.data_folder).lexically_normal().string();
  load_data(run);
  Stream stream(run.device);
  const std::unique_ptr<Learner> learner = make(stream, run);
  throw_if_interrupted();
  run.record.config = learner->config();  // what was left to choose by device and data is chosen now
  const RunFolder folder = RunFolder::create(path);
  folder.write_record(run.record);
  const bool drawn = !command.training.seed && !command.training.torch_seed;
  if (!command.run.quiet)
    say(fmt::format("{}: {}, seed {}{}, {} iterations{}", path.string(), config.preset, config.seed,
                    drawn ? " (drawn)" : "", learner->iterations(), data_text(run)));
  go_on(command, run, *learner, folder);
}

/// The summary of a run that has come to the end that `config` asks for.
std::optional<nlohmann::ordered_json> finished_summary(const RunFolder& folder,
                                                       const TrainingConfig& config) {
  const std::optional<std::string> text = folder.read_summary();
  if (!text) return {};
  const nlohmann::ordered_json json = nlohmann::ordered_json::parse(*text, nullptr, false);
  const nlohmann::ordered_json wanted = nlohmann::ordered_json::parse(training_config_json(config));
  if (!json.is_object() || !json.contains("finished") || json["finished"] != true ||
      !json.contains("config") || json["config"] != wanted)
    return {};
  return json;
}

void check_same_data(const std::optional<DataRecord>& begun, const std::optional<DataRecord>& found,
                     const files::path& folder) {
  if (begun == found) return;
  const auto text = [](const std::optional<DataRecord>& data) {
    return data ? fmt::format("{}, {} pictures, fingerprint {}", data->name, data->count, data->fingerprint)
                : std::string("none");
  };
  throw Error(
      fmt::format("{} was begun on other data ({}) than there are now ({}); --data says where to look",
                  folder.string(), text(begun), text(found)));
}

void resume_in(const TrainCommand& command, const files::path& path) {
  const RunFolder folder = RunFolder::open(path);
  const RunRecord begun = folder.read_record();
  Run run{begun, {}, {}};
  run.record.config = resumed_training(command.training, begun.config);
  if (const auto summary = finished_summary(folder, run.record.config)) {
    if (command.run.json) {
      nlohmann::ordered_json document = {{"run", path.string()}};
      document.update(*summary);
      print_json(document);
    } else if (!command.run.quiet) {
      print_text(fmt::format("{} is finished: {} iterations of {}; --{} with a larger number goes on\n",
                             path.string(), summary->value("iterations", std::int64_t{0}),
                             begun.config.preset, begun.config.epochs ? "epochs" : "iterations"));
    }
    return;
  }
  watch_for_interruption();
  run.device = open_device(command.run);
  if (!command.training.data_folder.empty())
    run.record.data_folder = files::absolute(command.training.data_folder).lexically_normal().string();
  load_data(run);
  check_same_data(begun.train, run.record.train, path);
  check_same_data(begun.test, run.record.test, path);
  Stream stream(run.device);
  const std::unique_ptr<Learner> learner = make(stream, run);
  if (const std::optional<TensorFile> checkpoint = folder.read_checkpoint()) learner->restore(*checkpoint);
  throw_if_interrupted();
  if (begun.device != run.device.name() && !command.run.quiet)
    say(fmt::format("the run was begun on {} and goes on on {}: last digits may differ from here on",
                    begun.device, run.device.name()));
  if (run.record.config != begun.config) {
    folder.remove(kSummaryFile);
    folder.write_record(run.record);
  }
  if (!command.run.quiet)
    say(fmt::format("{}: {}, seed {}, goes on at iteration {} of {}", path.string(), begun.config.preset,
                    begun.config.seed, learner->iteration(), learner->iterations()));
  go_on(command, run, *learner, folder);
}

void resume(const TrainCommand& command) {
  const TrainingOptions& options = command.training;
  const std::optional<std::uint64_t> seed = options.seed ? options.seed : options.torch_seed;
  if (command.folder.empty() && (options.preset.empty() || !seed))
    throw UsageError("which run is to go on? --run DIR says so, or the preset with its --seed");
  const files::path path = command.folder.empty() ? default_folder(options.preset, std::to_string(*seed))
                                                  : files::path(command.folder);
  if (RunFolder::holds_run(path)) return resume_in(command, path);
  if (options.preset.empty())
    throw Error(fmt::format("{} holds no run (there is no {})", path.string(), kConfigFile));
  if (!command.run.quiet) say(fmt::format("{} holds no run yet: beginning one", path.string()));
  begin(command);
}

}  // namespace

void train(const TrainCommand& command) {
  if (!command.seeds.empty()) return sweep_seeds(command);
  if (command.resume) return resume(command);
  begin(command);
}

}  // namespace atelier::tools
