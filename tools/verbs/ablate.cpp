// The article's question to its second GAN: which of Adam, LayerNorm and LeakyReLU keeps it from collapsing?
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>

#include "models/generator.h"
#include "models/judge/judge.h"
#include "models/picture_grid.h"
#include "tools/concurrent_runs.h"
#include "tools/contact_sheet.h"
#include "tools/interruption.h"
#include "tools/metrics_file.h"
#include "tools/picture_options.h"
#include "tools/progress.h"
#include "tools/run_folder.h"
#include "tools/training_loop.h"
#include "tools/usage_error.h"
#include "tools/verbs/verbs.h"

namespace atelier::tools {
namespace {

namespace files = std::filesystem;

constexpr std::int64_t kMostSeeds = 1000;
constexpr std::int64_t kJudged = 10'000;  // pictures a run
constexpr std::int64_t kShown = 25;       // of the first seed, a cell of the chart
constexpr std::int64_t kShownColumns = 5;
/// Below this share of the real pictures' variance all pictures are alike.
constexpr double kCollapsedVariance = 0.01;

/// A cell of the chart: gan-v2 with or without each of its three means. None of them is gan-v1.
struct Variant {
  bool adam = false;
  bool layer_norm = false;
  bool leaky_relu = false;

  [[nodiscard]] std::string name() const {
    std::vector<const char*> means;
    if (adam) means.push_back("Adam");
    if (layer_norm) means.push_back("LayerNorm");
    if (leaky_relu) means.push_back("LeakyReLU");
    return means.empty() ? "none (gan-v1)" : fmt::format("{}", fmt::join(means, " + "));
  }
};

std::array<Variant, 8> variants() {
  std::array<Variant, 8> all;
  for (unsigned i = 0; i < all.size(); ++i) all[i] = {(i & 4U) != 0, (i & 2U) != 0, (i & 1U) != 0};
  return all;
}

TrainingConfig config_of(const Variant& variant, const AblateCommand& command, std::uint64_t seed) {
  const auto hidden = [&](const char* slope) {
    return fmt::format("{}{}", variant.leaky_relu ? fmt::format("leaky_relu({})", slope) : "sigmoid",
                       variant.layer_norm ? " layer_norm" : "");
  };
  TrainingConfig config;
  config.preset = "gan-v2";
  config.seed = seed;
  config.data_set = command.data_set;
  config.epochs = command.epochs;
  config.discriminator = fmt::format("pixels linear(200) {} linear(1) sigmoid", hidden("0.01"));
  config.generator = fmt::format("100 linear(500) {} linear(pixels) sigmoid", hidden("0.2"));
  config.optimizer = variant.adam ? "adam" : "sgd";
  config.learning_rate = variant.adam ? 1e-4 : 0.01;
  return resolve_training(config);
}

/// The sum over pixels of their variance over the pictures, pixels from 0 to 1.
double summed_variance(const DataSet& pictures) {
  const auto pixels = static_cast<std::size_t>(pictures.pixels_per_image());
  const auto count = static_cast<double>(pictures.count);
  double sum = 0;
  for (std::size_t p = 0; p < pixels; ++p) {
    double first = 0;
    double second = 0;
    for (std::size_t i = p; i < pictures.pixels.size(); i += pixels) {
      const double value = pictures.pixels[i];
      first += value;
      second += value * value;
    }
    // Whole numbers below 2^53: no digit is lost before the difference.
    sum += (second - first * first / count) / count;
  }
  return sum / (255.0 * 255.0);
}

/// One run of the chart.
struct AblationRun {
  Variant variant;
  std::uint64_t seed = 0;
  bool done = false;
  std::string failure;
  std::int64_t iterations = 0;
  double variance = 0;  // summed_variance of its pictures
  Judgement judgement;
};

/// What all runs share. The judge is one: its turn is short beside a training run.
struct Ablation {
  const AblateCommand& command;
  Device device;
  DataSet train;
  DataSet test;
  std::optional<Judge> judge;
  std::vector<AblationRun> runs;
  std::vector<DataSet> shown;  // pictures of each variant's first seed
  std::mutex mutex;
};

/// From beginning to judgement; false when a signal came first.
bool run_one(Ablation& ablation, std::size_t index) {
  AblationRun& run = ablation.runs[index];
  Stream stream(ablation.device);
  const TrainingConfig config = config_of(run.variant, ablation.command, run.seed);
  TensorFile checkpoint;
  {
    const std::unique_ptr<Learner> learner = make_learner(stream, config, ablation.train, ablation.test);
    RequestSize size;
    while (learner->iteration() < learner->iterations()) {
      if (interruption_requested()) return false;
      const auto start = std::chrono::steady_clock::now();
      learner->train(size.iterations());
      size.took(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
      (void)learner->take_metrics();  // not kept: they must not pile up
      (void)learner->take_warnings();
    }
    run.iterations = learner->iterations();
    checkpoint = learner->checkpoint();
  }
  Generator generator(stream, checkpoint, run.variant.name());
  const DataSet pictures = generator.pictures(stream, generator.latents(kJudged, run.seed));
  run.variance = summed_variance(pictures);
  const std::lock_guard lock(ablation.mutex);
  run.judgement = ablation.judge->judge_quickly(stream, pictures);
  const std::size_t seeds = ablation.runs.size() / variants().size();
  if (index % seeds == 0) {
    DataSet& shown = ablation.shown[index / seeds];
    shown = pictures;
    shown.count = kShown;
    shown.pixels.resize(static_cast<std::size_t>(kShown * pictures.pixels_per_image()));
  }
  run.done = true;
  return true;
}

/// A number of every run of a variant, as "9, 9, 9"; a dash for one that was not done.
template <class Number>
std::string listed(const std::vector<AblationRun>& runs, std::size_t first, std::size_t count,
                   const char* format, const Number& number) {
  std::vector<std::string> texts;
  for (std::size_t i = first; i < first + count; ++i)
    texts.push_back(runs[i].done ? fmt::format(fmt::runtime(format), number(runs[i])) : "-");
  return fmt::format("{}", fmt::join(texts, ", "));
}

struct RealPictures {
  double variance = 0;
  double entropy = 0;
};

std::string table_text(const Ablation& ablation, const RealPictures& real) {
  const std::size_t seeds = ablation.runs.size() / variants().size();
  std::vector<std::array<std::string, 5>> rows{{"means", "digits", "entropy", "variance", "MNIST-FD"}};
  for (std::size_t v = 0; v < variants().size(); ++v) {
    const auto list = [&](const char* format, const auto& number) {
      return listed(ablation.runs, v * seeds, seeds, format, number);
    };
    rows.push_back({variants()[v].name(),
                    list("{}", [](const AblationRun& run) { return run.judgement.modes; }),
                    list("{:.2f}", [](const AblationRun& run) { return run.judgement.entropy; }),
                    list("{:.3g}", [](const AblationRun& run) { return run.variance; }),
                    list("{:.3g}", [](const AblationRun& run) { return run.judgement.frechet_to_train; })});
  }
  rows.push_back({"real pictures", "10", fmt::format("{:.2f}", real.entropy),
                  fmt::format("{:.3g}", real.variance),
                  fmt::format("{:.3g}", ablation.judge->floor().frechet)});
  std::array<std::size_t, 5> widest{};
  for (const auto& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c) widest[c] = std::max(widest[c], row[c].size());
  std::string text;
  for (const auto& row : rows) {
    std::string line = " ";
    for (std::size_t c = 0; c < row.size(); ++c) line += fmt::format(" {:<{}} ", row[c], widest[c]);
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string runs_csv(const std::vector<AblationRun>& runs) {
  std::string text = "adam,layer_norm,leaky_relu,seed,modes,entropy,variance,frechet_to_train\n";
  for (const AblationRun& run : runs)
    if (run.done)
      text += fmt::format("{:d},{:d},{:d},{},{},{},{},{}\n", run.variant.adam, run.variant.layer_norm,
                          run.variant.leaky_relu, run.seed, run.judgement.modes,
                          metric_text(run.judgement.entropy), metric_text(run.variance),
                          metric_text(run.judgement.frechet_to_train));
  return text;
}

nlohmann::ordered_json ablation_json(const Ablation& ablation, const RealPictures& real, double seconds) {
  nlohmann::ordered_json runs = nlohmann::ordered_json::array();
  std::int64_t iterations = 0;
  for (const AblationRun& run : ablation.runs) {
    nlohmann::ordered_json entry = {{"adam", run.variant.adam},
                                    {"layer_norm", run.variant.layer_norm},
                                    {"leaky_relu", run.variant.leaky_relu},
                                    {"seed", run.seed}};
    if (run.done) {
      entry.update({{"modes", run.judgement.modes},
                    {"entropy", run.judgement.entropy},
                    {"variance", run.variance},
                    {"collapsed", run.variance < kCollapsedVariance * real.variance},
                    {"frechet_to_train", run.judgement.frechet_to_train}});
      iterations += run.iterations;
    }
    if (!run.failure.empty()) entry["failure"] = run.failure;
    runs.push_back(entry);
  }
  return {{"atelier_ablation", 1},
          {"data", ablation.train.name},
          {"device", ablation.device.name()},
          {"seconds", seconds},
          {"iterations_per_second", seconds > 0 ? static_cast<double>(iterations) / seconds : 0.0},
          {"extractor", ablation.judge->hash()},
          {"real",
           {{"entropy", real.entropy},
            {"variance", real.variance},
            {"frechet_to_train", ablation.judge->floor().frechet}}},
          {"runs", runs}};
}

/// The chart: pictures of each variant's first seed, and some real ones.
void write_chart(const Ablation& ablation, const files::path& path, bool quiet) {
  const std::size_t seeds = ablation.runs.size() / variants().size();
  std::vector<PictureCell> cells;
  for (std::size_t v = 0; v < variants().size(); ++v) {
    if (ablation.shown[v].count == 0) continue;
    const auto digits = listed(ablation.runs, v * seeds, seeds, "{}",
                               [](const AblationRun& run) { return run.judgement.modes; });
    const auto variance = listed(ablation.runs, v * seeds, seeds, "{:.2g}",
                                 [](const AblationRun& run) { return run.variance; });
    cells.push_back({picture_grid(ablation.shown[v], 0, kShown, kShownColumns, 2), variants()[v].name(),
                     fmt::format("digits {}; variance {}", digits, variance)});
  }
  if (ablation.train.count >= kShown)
    cells.push_back({picture_grid(ablation.train, 0, kShown, kShownColumns, 2), "real pictures", ""});
  if (cells.empty()) return;
  const GrayPicture& first = cells.front().picture;
  const SheetLayout layout = sheet_layout(first.width, first.height, static_cast<std::int64_t>(cells.size()),
                                          3, 2, labels_possible(quiet));
  AtomicFile file(path, AtomicFile::Existing::replace);
  write_picture_sheet(layout, cells, file, {});
  file.commit();
}

void check(const AblateCommand& command) {
  if (!command.run.output.empty()) throw UsageError("ablate fills a folder: --run DIR says which");
}

}  // namespace

void ablate(const AblateCommand& command) {
  check(command);
  const std::vector<std::uint64_t> seeds =
      parse_seeds(command.seeds, "--seeds", kMostSeeds, "a cell are many");
  try {
    (void)config_of({}, command, seeds.front());
  } catch (const InvalidArgument& error) {
    throw UsageError(error.what());
  }
  const files::path path = command.folder.empty()
                               ? files::path("runs") / ("ablation-" + command.seeds.substr(0, 60))
                               : files::path(command.folder);
  watch_for_interruption();
  const Device device = open_device(command.run);
  ReadLimits limits;
  limits.first_count = command.limit.value_or(limits.first_count);
  Ablation ablation{command,
                    device,
                    load_data_set(command.data_set, Split::train, command.data_folder, limits),
                    load_data_set(command.data_set, Split::test, command.data_folder, limits),
                    {},
                    {},
                    {},
                    {}};
  const RunFolder folder = RunFolder::create(path);
  Stream stream(device);
  if (!command.run.quiet && !Judge::kept(ablation.train, ablation.test))
    say(fmt::format("training the judge on {} first", ablation.train.name));
  ablation.judge.emplace(Judge::open(stream, ablation.train, ablation.test));
  throw_if_interrupted();
  const RealPictures real{summed_variance(ablation.train), ablation.judge->floor().entropy};
  for (const Variant& variant : variants())
    for (const std::uint64_t seed : seeds) ablation.runs.push_back({variant, seed, false, {}, 0, 0, {}});
  ablation.shown.resize(variants().size());

  double seconds = 0;
  {
    const int workers = concurrent_workers(device, ablation.runs.size());
    const OneThreadEach one_thread(workers);
    Progress progress(path.string(), static_cast<std::int64_t>(ablation.runs.size()), command.run.quiet,
                      kRunRate);
    const auto work = [&](std::size_t i) {
      try {
        return run_one(ablation, i);
      } catch (const std::exception& error) {
        ablation.runs[i].failure = error.what();
        return true;
      }
    };
    run_concurrently(ablation.runs.size(), workers, work,
                     [&](std::int64_t done) { progress.add(done - progress.added()); });
    seconds = progress.seconds();
  }
  const auto done = std::count_if(ablation.runs.begin(), ablation.runs.end(),
                                  [](const AblationRun& run) { return run.done; });
  folder.write_text("runs.csv", runs_csv(ablation.runs));
  folder.write_text("table.txt", table_text(ablation, real));
  const nlohmann::ordered_json json = ablation_json(ablation, real, seconds);
  folder.write_text(kSummaryFile, json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  write_chart(ablation, folder / "ablation.png", command.run.quiet);
  if (interruption_requested())
    throw Interrupted(fmt::format("interrupted after {} of {} runs; {} has their numbers", done,
                                  ablation.runs.size(), path.string()));
  for (const AblationRun& run : ablation.runs)
    if (!run.failure.empty())
      throw Error(fmt::format("{}, seed {}: {}; {} has the others", run.variant.name(), run.seed, run.failure,
                              path.string()));
  if (command.run.json) {
    nlohmann::ordered_json document = {{"run", path.string()}};
    document.update(json);
    print_json(document);
  } else if (!command.run.quiet) {
    print_text(fmt::format("{}: {} runs, {}; {:.1f} s, {:.0f} iterations/s; extractor {}\n{}", path.string(),
                           done, device_text(device), seconds, json["iterations_per_second"].get<double>(),
                           ablation.judge->hash(), table_text(ablation, real)));
  }
}

}  // namespace atelier::tools
