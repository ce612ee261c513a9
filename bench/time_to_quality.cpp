// How long a recipe takes from the start of its process until its pictures are as near to the real ones as a
// level asks, seed by seed. README.md beside this file has the rules. The program runs itself once a seed, so
// that every seed pays for loading, memory and threads as a user's run does.
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "models/generator.h"
#include "models/judge/judge.h"
#include "models/learner.h"
#include "runtime/error.h"
#include "runtime/instruction_set.h"
#include "runtime/parallel.h"

namespace {

namespace fs = std::filesystem;
using atelier::DataSet;
using atelier::Judge;
using atelier::Judgement;
using atelier::Split;
using atelier::Stream;
using nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr double kFirstLook = 1.0;      // seconds after the start
constexpr double kLookGrowth = 1.05;    // a level's time is known to 5 %,
constexpr double kShortestPause = 0.5;  // or to this
constexpr double kRequest = 0.1;        // seconds of training between looks at the clock
constexpr std::int64_t kJudged = 10000;

struct Options {
  std::string preset = "gan-modern";
  std::string data_set = "mnist";
  std::string data_folder;
  std::string device = "cpu";
  std::vector<double> levels{50, 20, 10};  // times the floor
  std::uint64_t seeds = 10;
  double limit = 600;  // seconds a seed
  int threads = 0;
  std::optional<std::int64_t> epochs;
  std::string json;
  std::string history;
  std::optional<std::uint64_t> seed;  // of a process that the program started
  std::int64_t started = 0;           // when it did: nanoseconds of the steady clock
};

std::int64_t now_in_nanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
}

/// One seed in this process: when which level was reached, and what the pictures were at the end.
class Race {
 public:
  explicit Race(const Options& options)
      : options_(options),
        stream_(atelier::Device::parse(options.device)),
        train_(atelier::load_data_set(options.data_set, Split::train, options.data_folder)),
        test_(atelier::load_data_set(options.data_set, Split::test, options.data_folder)),
        judge_(Judge::open(stream_, train_, test_)),
        reached_(options.levels.size()) {
    atelier::TrainingConfig config;
    config.preset = options.preset;
    config.data_set = options.data_set;
    config.seed = options.seed.value();
    config.epochs = options.epochs;
    learner_ = atelier::make_learner(stream_, atelier::resolve_training(config), train_, test_);
  }

  ordered_json run() {
    double next_look = kFirstLook;
    Judgement last;
    while (true) {
      train_until(next_look);
      last = judge_.judge_quickly(stream_, pictures());
      note(last);
      const double now = seconds();
      const bool all =
          std::all_of(reached_.begin(), reached_.end(), [](const auto& time) { return time.has_value(); });
      if (all || now >= options_.limit || learner_->iteration() >= learner_->iterations()) break;
      next_look = std::max(now + kShortestPause, now * kLookGrowth);
    }
    const double took = seconds();
    const Judgement whole = judge_.judge(stream_, pictures());  // after the clock has stopped
    ordered_json times = ordered_json::array();
    for (const std::optional<double>& time : reached_)
      times.push_back(time ? ordered_json(*time) : ordered_json());
    return {{"seed", options_.seed.value()},
            {"seconds_to_levels", times},
            {"seconds", took},
            {"iterations", learner_->iteration()},
            {"frechet_to_train", whole.frechet_to_train},
            {"times_floor", whole.frechet_to_train / judge_.floor().frechet},
            {"modes", whole.modes},
            {"entropy", whole.entropy},
            {"precision", whole.precision},
            {"recall", whole.recall},
            {"extractor", judge_.hash()},
            {"floor", judge_.floor().frechet},
            {"config", ordered_json::parse(atelier::training_config_json(learner_->config()))}};
  }

 private:
  [[nodiscard]] double seconds() const {
    return static_cast<double>(now_in_nanoseconds() - options_.started) * 1e-9;
  }

  void train_until(double time) {
    const double end = std::min(time, options_.limit);
    while (seconds() < end && learner_->iteration() < learner_->iterations()) {
      const double before = seconds();
      learner_->train(request_);
      // So many iterations at once as take kRequest, however long one takes.
      const double each = (seconds() - before) / static_cast<double>(request_);
      request_ = std::clamp<std::int64_t>(std::llround(kRequest / std::max(each, 1e-9)), 1, 2 * request_);
    }
    (void)learner_->take_metrics();
  }

  DataSet pictures() {
    atelier::Generator generator(stream_, learner_->checkpoint(), "the run");
    return generator.pictures(stream_, generator.latents(kJudged, options_.seed.value()));
  }

  void note(const Judgement& judgement) {
    const double times_floor = judgement.frechet_to_train / judge_.floor().frechet;
    const auto classes = static_cast<std::int64_t>(judgement.label_share.size());
    const double now = seconds();
    for (std::size_t level = 0; level < reached_.size(); ++level)
      if (!reached_[level] && times_floor <= options_.levels[level] && judgement.modes == classes)
        reached_[level] = now;
    std::fprintf(stderr, "seed %llu  %6.1f s  iteration %lld  %.1f x floor  %lld modes  entropy %.3f\n",
                 static_cast<unsigned long long>(options_.seed.value()), now,
                 static_cast<long long>(learner_->iteration()), times_floor,
                 static_cast<long long>(judgement.modes), judgement.entropy);
  }

  Options options_;
  Stream stream_;
  DataSet train_;
  DataSet test_;
  Judge judge_;
  std::unique_ptr<atelier::Learner> learner_;
  std::vector<std::optional<double>> reached_;
  std::int64_t request_ = 1;
};

/// Runs this program again and returns what it prints.
std::string output_of(const std::vector<std::string>& arguments) {
  std::vector<char*> words;
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  pid_t process = -1;
  const int failure = posix_spawn(&process, "/proc/self/exe", &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  std::string output;
  char block[4096];
  for (ssize_t got = 0; failure == 0 && (got = read(ends[0], block, sizeof block)) != 0;) {
    if (got > 0) output.append(block, static_cast<std::size_t>(got));
    if (got < 0 && errno != EINTR) break;
  }
  close(ends[0]);
  if (failure != 0)
    throw std::system_error(failure, std::generic_category(), "the program cannot start itself");
  int status = 0;
  while (waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw atelier::Error("a seed's process failed; its message stands above");
  return output;
}

/// "50,20,10", as --levels takes it.
std::string levels_text(const std::vector<double>& levels) {
  std::string text;
  for (const double level : levels) text.append(text.empty() ? "" : ",").append(fmt::format("{}", level));
  return text;
}

ordered_json run_seed(const Options& options, std::uint64_t seed) {
  std::vector<std::string> arguments{"time_to_quality",
                                     "--seed",
                                     fmt::format("{}", seed),
                                     "--preset",
                                     options.preset,
                                     "--dataset",
                                     options.data_set,
                                     "--device",
                                     options.device,
                                     "--levels",
                                     levels_text(options.levels),
                                     "--limit",
                                     fmt::format("{}", options.limit),
                                     "--threads",
                                     fmt::format("{}", options.threads)};
  if (!options.data_folder.empty()) arguments.insert(arguments.end(), {"--data", options.data_folder});
  if (options.epochs) arguments.insert(arguments.end(), {"--epochs", fmt::format("{}", *options.epochs)});
  arguments.insert(arguments.end(), {"--started", fmt::format("{}", now_in_nanoseconds())});
  return ordered_json::parse(output_of(arguments));
}

struct LevelSummary {
  std::size_t reached = 0;
  double mean = 0;
  double deviation = 0;  // of a single seed
  double fastest = 0;
  double slowest = 0;
};

/// Of the seeds that reached the level.
LevelSummary summary_of(const ordered_json& runs, std::size_t level) {
  std::vector<double> times;
  for (const ordered_json& run : runs)
    if (const ordered_json& time = run["seconds_to_levels"][level]; !time.is_null()) times.push_back(time);
  LevelSummary summary;
  summary.reached = times.size();
  if (times.empty()) return summary;
  for (const double time : times) summary.mean += time / static_cast<double>(times.size());
  double squares = 0;
  for (const double time : times) squares += (time - summary.mean) * (time - summary.mean);
  if (times.size() > 1) summary.deviation = std::sqrt(squares / static_cast<double>(times.size() - 1));
  const auto [fastest, slowest] = std::minmax_element(times.begin(), times.end());
  summary.fastest = *fastest;
  summary.slowest = *slowest;
  return summary;
}

std::string level_text(const LevelSummary& summary, std::size_t seeds) {
  if (summary.reached == 0) return "not reached";
  std::string text = fmt::format("{:.1f} s +- {:.1f} ({:.1f} to {:.1f})", summary.mean, summary.deviation,
                                 summary.fastest, summary.slowest);
  if (summary.reached < seeds) text.append(fmt::format(", by {} of {} seeds", summary.reached, seeds));
  return text;
}

std::string processor_name() {
  std::ifstream facts("/proc/cpuinfo");
  for (std::string line; std::getline(facts, line);)
    if (line.rfind("model name", 0) == 0) return line.substr(std::min(line.size(), line.find(':') + 2));
  return "unknown processor";
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d", &utc);
  return text;
}

ordered_json machine_facts(const Options& options) {
  double load[3] = {0, 0, 0};
  (void)getloadavg(load, 3);
  return {{"date", today()},
          {"processor", processor_name()},
          {"device", options.device},
          {"instruction_set", atelier::instruction_set_name(atelier::instruction_set())},
          {"threads", atelier::cpu_threads()},
          {"load", load[0]}};
}

/// A line of the history: a table of Markdown, begun where the file is new.
/// A file that the figures go to must be one that can be written, before an hour is spent on them.
void require_writable(const std::string& path) {
  if (path.empty()) return;
  if (!std::ofstream(path, std::ios::app)) throw atelier::Error(fmt::format("{} cannot be written", path));
}

void add_to_history(const Options& options, const ordered_json& document) {
  std::error_code ignored;
  const bool is_new = !fs::exists(options.history) || fs::file_size(options.history, ignored) == 0;
  std::ofstream file(options.history, std::ios::app);
  if (is_new)
    file << "# Time to quality\n\nSeconds from process start, mean +- deviation (fastest to slowest); "
            "bench/README.md has the rules.\n\n| date | recipe, data | device, threads, load | extractor, "
            "floor "
            "| seeds | times the floor: seconds |\n|---|---|---|---|---|---|\n";
  const ordered_json& machine = document["machine"];
  file << fmt::format("| {} | {}, {}{} | {}, {}, {:.1f} | {}, {:.3f} | {} | ",
                      machine["date"].get<std::string>(), options.preset, options.data_set,
                      options.epochs ? fmt::format(", {} epochs", *options.epochs) : std::string(),
                      options.device, machine["threads"].get<int>(), machine["load"].get<double>(),
                      document["runs"][0]["extractor"].get<std::string>(),
                      document["runs"][0]["floor"].get<double>(), document["runs"].size());
  for (std::size_t level = 0; level < options.levels.size(); ++level)
    file << fmt::format("{}{}: {}", level > 0 ? "; " : "", options.levels[level],
                        level_text(summary_of(document["runs"], level), document["runs"].size()));
  file << " |\n";
  file.flush();
  if (!file) throw atelier::Error(fmt::format("{} cannot be written", options.history));
}

void run_all(const Options& options) {
  require_writable(options.json);
  require_writable(options.history);
  {
    // The judge's network is made before any clock runs, where it is not kept yet.
    Stream stream(atelier::Device::parse(options.device));
    (void)Judge::open(stream, atelier::load_data_set(options.data_set, Split::train, options.data_folder),
                      atelier::load_data_set(options.data_set, Split::test, options.data_folder));
  }
  ordered_json document{{"machine", machine_facts(options)}, {"preset", options.preset},
                        {"data_set", options.data_set},      {"levels", options.levels},
                        {"limit_seconds", options.limit},    {"runs", ordered_json::array()}};
  for (std::uint64_t seed = 0; seed < options.seeds; ++seed) {
    document["runs"].push_back(run_seed(options, seed));
    const ordered_json& run = document["runs"].back();
    std::string line = fmt::format("seed {}:", seed);
    for (std::size_t level = 0; level < options.levels.size(); ++level) {
      const ordered_json& time = run["seconds_to_levels"][level];
      line.append(fmt::format("  {} x floor {}", options.levels[level],
                              time.is_null() ? "not reached" : fmt::format("{:.1f} s", time.get<double>())));
    }
    fmt::print("{}; after {:.1f} s {:.1f} x floor, {} modes, entropy {:.3f}, recall {:.3f}\n", line,
               run["seconds"].get<double>(), run["times_floor"].get<double>(), run["modes"].get<int>(),
               run["entropy"].get<double>(), run["recall"].get<double>());
    std::fflush(stdout);
  }
  for (std::size_t level = 0; level < options.levels.size(); ++level)
    fmt::print("{} x floor: {}\n", options.levels[level],
               level_text(summary_of(document["runs"], level), options.seeds));
  if (!options.json.empty()) {
    std::ofstream file(options.json);
    file << document.dump(2) << "\n";
    file.flush();
    if (!file) throw atelier::Error(fmt::format("{} cannot be written", options.json));
  }
  if (!options.history.empty()) add_to_history(options, document);
}

}  // namespace

int main(int count, char** words) {
  Options options;
  CLI::App app("Seconds from process start until a recipe's pictures are so near to the real ones");
  app.add_option("--preset", options.preset, "What is trained (default gan-modern)");
  app.add_option("--dataset", options.data_set, "Of what, and judged by what (default mnist)");
  app.add_option("--data", options.data_folder, "Where it is");
  app.add_option("--levels", options.levels, "Distances to reach, in times the floor (default 50,20,10)")
      ->delimiter(',');
  app.add_option("--seeds", options.seeds, "0 to N - 1 (default 10)")->check(CLI::Range(1, 1000));
  app.add_option("--limit", options.limit, "Seconds after which a seed gives up (default 600)");
  app.add_option("--device", options.device, "cpu (default), cuda:0");
  app.add_option("--threads", options.threads, "Of the cpu (default: all)");
  app.add_option("--epochs", options.epochs, "Length of the run, where it is not the preset's");
  app.add_option("--json", options.json, "A file for every figure");
  app.add_option("--history", options.history, "A Markdown file that gets one line more");
  app.add_option("--seed", options.seed, "Only this one, as JSON (what the program starts itself with)");
  app.add_option("--started", options.started, "When that process was started, by the steady clock");
  CLI11_PARSE(app, count, words);
  try {
    if (options.levels.empty()) throw atelier::InvalidArgument("--levels: one or more are due");
    atelier::set_cpu_threads(options.threads);
    if (!options.seed) {
      run_all(options);
    } else {
      if (options.started == 0) options.started = now_in_nanoseconds();
      fmt::print("{}\n", Race(options).run().dump());
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "time_to_quality: %s\n", error.what());
    return 1;
  }
  return 0;
}
