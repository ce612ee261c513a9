// `atelier experiments --run`: an article's experiments one after the other, and a page of what came out.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "models/file_contents.h"
#include "tools/experiment_page.h"
#include "tools/interruption.h"
#include "tools/run_folder.h"
#include "tools/run_report.h"
#include "tools/usage_error.h"
#include "tools/verbs/verbs.h"

namespace atelier::tools {
namespace {

namespace files = std::filesystem;

constexpr const char* kPageFile = "index.html";
constexpr const char* kAblationFolder = "ablation";
constexpr const char* kSweepFolder = "pattern1010-gan-sweep";

/// One run of an article. Everything that is not said here is the preset's.
struct Step {
  const char* part;
  const char* folder;
  const char* preset;
  std::int64_t epochs;  // 0: the preset's
  const char* split;    // "": the preset's
  const char* title;
  const char* text;
  std::vector<std::int64_t> shown_epochs;  // whose sample grids the page shows; empty: the last samples
  bool judged;                             // by the judge of GANs
};

const std::vector<Step>& steps() {
  static const std::vector<Step> table{
      {"part1",
       "nodes-discriminator",
       "nodes-discriminator",
       0,
       "",
       "A discriminator of one parameter",
       "It learns to tell 1.0 from noise: its parameter and its error, update by update.",
       {},
       false},
      {"part1",
       "nodes-gan",
       "nodes-gan",
       0,
       "",
       "A GAN of two parameters",
       "One parameter forges 1.0, the other judges. The forger's way follows from a formula: 1 - 0.9 * "
       "0.95^n.",
       {},
       false},
      {"part2",
       "pattern1010-discriminator",
       "pattern1010-discriminator",
       0,
       "",
       "A discriminator for the pattern 1010",
       "4-3-1, trained on the pattern and on its opposite.",
       {},
       false},
      {"part2",
       "pattern1010-gan",
       "pattern1010-gan",
       0,
       "",
       "A GAN that learns to forge 1010",
       "Losses of both networks, and the generator's output on the way.",
       {},
       false},
      {"part3",
       "classifier",
       "classifier",
       0,
       "",
       "A classifier of digits, to begin with",
       "784-200-10 with sigmoids, three epochs of plain gradient descent, one picture a step.",
       {},
       false},
      {"part3",
       "discriminator-noise",
       "discriminator-noise",
       0,
       "",
       "Can it tell pictures from noise?",
       "The discriminator alone, real pictures against pictures of noise.",
       {},
       false},
      {"part3",
       "gan-v1",
       "gan-v1",
       6,
       "",
       "The first attempt: total collapse",
       "Sigmoids everywhere and plain gradient descent. After 1, 2 and 6 epochs every picture is the same.",
       {1, 2, 6},
       true},
      {"part3",
       "gan-v2",
       "gan-v2",
       8,
       "",
       "LeakyReLU, LayerNorm and Adam: digits",
       "The improved networks after 1, 2, 4 and 8 epochs of the 10,000 pictures of the test file.",
       {1, 2, 4, 8},
       true},
      {"part3",
       "gan-v2-60k",
       "gan-v2",
       2,
       "train",
       "The same on 60,000 pictures",
       "Two epochs of the training file.",
       {1, 2},
       true}};
  return table;
}

TrainCommand command_of(const Step& step, const ExperimentsCommand& command, const files::path& root) {
  TrainCommand train;
  train.training.preset = step.preset;
  if (step.epochs > 0) train.training.epochs = step.epochs;
  if (*step.split != '\0') train.training.split = step.split;
  const bool on_data = std::string(step.part) == "part3";
  if (on_data) {
    train.training.data_set = command.data_set;
    train.training.data_folder = command.data_folder;
    train.training.limit = command.limit;
  }
  train.training.seed = command.seed.value_or(1);
  train.run = command.run;
  train.run.quiet = true;
  train.run.json = false;
  train.folder = (root / step.folder).string();
  train.resume = true;  // what a run before did is not done again
  return train;
}

/// What a user types for the same.
std::string typed(const TrainCommand& train) {
  const TrainingOptions& options = train.training;
  std::string text = fmt::format("atelier train {}", options.preset);
  if (options.data_set) text += fmt::format(" --dataset {}", *options.data_set);
  if (options.split) text += fmt::format(" --split {}", *options.split);
  if (options.epochs) text += fmt::format(" --epochs {}", *options.epochs);
  if (options.limit) text += fmt::format(" --limit {}", *options.limit);
  return text + fmt::format(" --seed {}", options.seed.value_or(0));
}

std::string text_of(const files::path& path) {
  constexpr std::uint64_t kLargest = std::uint64_t{1} << 24;
  const std::vector<std::byte> bytes = detail::file_contents(path, kLargest);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string value_text(const nlohmann::ordered_json& value) {
  if (value.is_number_integer()) return fmt::format("{}", value.get<std::int64_t>());
  if (value.is_number()) return fmt::format("{:.4g}", value.get<double>());
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return "-";
  if (!value.is_array() || value.size() > kMostNumbersOfALine) return {};
  std::string text;
  for (const auto& element : value) {
    if (!text.empty()) text += ", ";
    text += value_text(element);
  }
  return text;
}

/// The numbers of a run's summary.json, with how long it took.
std::vector<std::pair<std::string, std::string>> numbers_of(const RunFolder& folder) {
  std::vector<std::pair<std::string, std::string>> numbers;
  const auto json = nlohmann::ordered_json::parse(folder.read_summary().value_or("{}"), nullptr, false);
  if (!json.is_object()) return numbers;
  for (const char* name : {"iterations", "seconds", "samples_per_second"})
    if (json.contains(name)) numbers.emplace_back(words_of(name), value_text(json[name]));
  if (json.contains("results") && json["results"].is_object())
    for (const auto& [name, value] : json["results"].items())
      if (const std::string text = value_text(value); !text.empty())
        numbers.emplace_back(words_of(name), text);
  return numbers;
}

/// The judge's table of a run, from its evaluation.json.
void add_judgement(const files::path& folder, std::vector<std::pair<std::string, std::string>>& numbers) {
  std::error_code ignored;
  if (!files::exists(folder / "evaluation.json", ignored)) return;
  const auto json = nlohmann::ordered_json::parse(text_of(folder / "evaluation.json"), nullptr, false);
  if (!json.is_object() || !json.contains("evaluations") || json["evaluations"].empty()) return;
  for (const auto& [name, value] : json["evaluations"][0].items())
    if (const std::string text = value_text(value); !text.empty()) numbers.emplace_back(words_of(name), text);
}

std::vector<std::string> pictures_in(const files::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : files::directory_iterator(folder, ignored))
    if (entry.path().extension() == ".png") names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

/// Sample pictures of the epochs that the page shows; of the last iteration where it names none.
std::vector<PagePicture> samples_of(const Step& step, const files::path& root, std::int64_t per_epoch) {
  std::vector<PagePicture> pictures;
  const files::path samples = root / step.folder / kSampleFolder;
  const std::vector<std::string> names = pictures_in(samples);
  const auto add = [&](const std::string& name, const std::string& caption) {
    pictures.push_back({fmt::format("{}/{}/{}", step.folder, kSampleFolder, name), caption});
  };
  if (step.shown_epochs.empty()) {
    if (!names.empty()) add(names.back(), files::path(names.back()).stem().string());
    return pictures;
  }
  for (const std::int64_t epoch : step.shown_epochs)
    for (const std::string& name : names) {
      const std::string stem = files::path(name).stem().string();
      const std::size_t dash = stem.rfind('-');
      if (dash == std::string::npos ||
          std::stoll(fmt::format("0{}", stem.substr(dash + 1))) != epoch * per_epoch)
        continue;
      add(name, fmt::format("after {} epoch{}", epoch, epoch == 1 ? "" : "s"));
    }
  return pictures;
}

PageSection section_of(const Step& step, const TrainCommand& train, const files::path& root) {
  const RunFolder folder = RunFolder::open(root / step.folder);
  PageSection section{step.title, step.text, typed(train), numbers_of(folder), {}, {}};
  if (step.judged) add_judgement(folder.path(), section.numbers);
  std::int64_t per_epoch = 0;
  const auto json = nlohmann::ordered_json::parse(folder.read_summary().value_or("{}"), nullptr, false);
  if (json.is_object() && step.epochs > 0)
    per_epoch = json.value("iterations", std::int64_t{0}) / step.epochs;
  section.pictures = samples_of(step, root, per_epoch);
  for (const std::string& name : pictures_in(folder.path()))
    section.pictures.push_back({fmt::format("{}/{}", step.folder, name), files::path(name).stem().string()});
  return section;
}

PageSection sweep_section(const ExperimentsCommand& command, const files::path& root) {
  const files::path path = root / kSweepFolder;
  TrainCommand sweep;
  sweep.training.preset = "pattern1010-gan";
  sweep.seeds = "0..199";
  sweep.run = command.run;
  sweep.run.quiet = true;
  sweep.run.json = false;
  sweep.folder = path.string();
  std::error_code ignored;
  if (!files::exists(path / kSummaryFile, ignored)) train(sweep);
  const auto json = nlohmann::ordered_json::parse(text_of(path / kSummaryFile), nullptr, false);
  PageSection section{"How many seeds converge?",
                      "Two hundred GANs at once: how many end with an output inside the pattern's ranges.",
                      "atelier train pattern1010-gan --seeds 0..199",
                      {},
                      {},
                      {}};
  if (json.is_object())
    for (const char* name : {"runs", "converged", "converged_share", "seconds"})
      if (json.contains(name)) section.numbers.emplace_back(words_of(name), value_text(json[name]));
  return section;
}

PageSection ablation_section(const ExperimentsCommand& command, const files::path& root) {
  const files::path path = root / kAblationFolder;
  AblateCommand ablation;
  ablation.data_set = command.data_set.value_or(ablation.data_set);
  ablation.data_folder = command.data_folder;
  ablation.limit = command.limit;
  ablation.folder = path.string();
  ablation.run = command.run;
  ablation.run.quiet = true;
  ablation.run.json = false;
  std::error_code ignored;
  if (!files::exists(path / kSummaryFile, ignored)) ablate(ablation);
  PageSection section{
      "Which of the three means matters?",
      "All eight combinations of Adam, LayerNorm and LeakyReLU, three seeds each.",
      fmt::format("atelier ablate --dataset {}", ablation.data_set),
      {},
      text_of(path / "table.txt"),
      {{fmt::format("{}/ablation.png", kAblationFolder), "pictures of each cell's first seed"}}};
  return section;
}

std::vector<Step> steps_of(const std::string& part) {
  std::vector<Step> chosen;
  for (const Step& step : steps())
    if (part == step.part) chosen.push_back(step);
  if (chosen.empty())
    throw UsageError(fmt::format("--run {}: part1, part2 and part3 are the articles that can be run", part));
  return chosen;
}

void judge_run(const ExperimentsCommand& command, const files::path& folder) {
  std::error_code ignored;
  if (files::exists(folder / "evaluation.json", ignored)) return;
  EvaluateCommand evaluation;
  evaluation.sources = {folder.string()};
  evaluation.data_folder = command.data_folder;
  evaluation.run = command.run;
  evaluation.run.quiet = true;
  evaluation.run.json = false;
  evaluation.count = command.limit
                         ? std::min<std::int64_t>(10'000, std::max<std::int64_t>(100, *command.limit))
                         : evaluation.count;
  evaluate(evaluation);
}

}  // namespace

void run_part(const ExperimentsCommand& command) {
  const std::vector<Step> chosen = steps_of(command.part);
  if (!command.run.output.empty()) throw UsageError("--run fills a folder: --folder DIR says which");
  const files::path root =
      command.folder.empty() ? files::path("runs") / command.part : files::path(command.folder);
  watch_for_interruption();
  const auto tell = [&](const std::string& what) {
    if (!command.run.quiet) say(fmt::format("{}: {}", root.string(), what));
  };
  std::vector<PageSection> sections;
  for (const Step& step : chosen) {
    throw_if_interrupted();
    const TrainCommand training = command_of(step, command, root);
    tell(typed(training));
    train(training);
    if (step.judged) judge_run(command, root / step.folder);
    sections.push_back(section_of(step, training, root));
  }
  if (command.part == "part2") {
    tell("atelier train pattern1010-gan --seeds 0..199");
    sections.push_back(sweep_section(command, root));
  }
  if (command.part == "part3") {
    tell("atelier ablate");
    sections.push_back(ablation_section(command, root));
  }
  const files::path page = root / kPageFile;
  write_whole(page, experiment_page(fmt::format("Atelier: the experiments of part {}", command.part.back()),
                                    "Each experiment of the article with the command that repeats it, its "
                                    "numbers and its pictures.",
                                    sections));
  if (command.run.json)
    print_json({{"page", page.string()}, {"experiments", sections.size()}});
  else if (!command.run.quiet)
    print_text(fmt::format("{}\n", page.string()));
}

}  // namespace atelier::tools
