#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "models/generator.h"
#include "models/judge/judge.h"
#include "tools/gray_picture_file.h"
#include "tools/image/picture_writer.h"
#include "tools/interruption.h"
#include "tools/judge_report.h"
#include "tools/progress.h"
#include "tools/run_checkpoint.h"
#include "tools/run_folder.h"
#include "tools/usage_error.h"
#include "tools/verbs/verbs.h"

namespace atelier::tools {
namespace {

namespace files = std::filesystem;

constexpr const char* kEvaluationFile = "evaluation.json";
constexpr const char* kMemorisationFile = "memorisation.png";
constexpr std::int64_t kMostPictures = 1'000'000;
constexpr std::int64_t kDrawnAtOnce = 1000;

/// Something to judge: a trained generator, or pictures from anywhere.
struct Source {
  std::string name;
  bool is_run_folder = false;
  std::optional<RunCheckpoint> checkpoint;  // of a generator
  DataSet pictures;                         // of the others
  std::string data_set;                     // that a generator learned from
  std::string data_folder;                  // where its run found that
  Split split = Split::train;               // the part of it that it learned from
};

bool is_folder(const std::string& path) {
  std::error_code ignored;
  return files::is_directory(path, ignored);
}

Source run_source(const std::string& name) {
  Source source;
  source.name = name;
  source.is_run_folder = is_folder(name);
  source.checkpoint = read_run_checkpoint(name);
  const auto& metadata = source.checkpoint->file.metadata;
  if (const auto found = metadata.find("data_set"); found != metadata.end()) source.data_set = found->second;
  if (const auto found = metadata.find("config"); found != metadata.end()) {
    const auto config = nlohmann::json::parse(found->second, nullptr, false);
    if (config.is_object() && config.value("split", nlohmann::json()) == "test") source.split = Split::test;
  }
  if (source.is_run_folder) source.data_folder = read_run_record(name).data_folder;
  return source;
}

Source source_of(const std::string& name) {
  const std::string extension = files::path(name).extension().string();
  if (is_folder(name) ? RunFolder::holds_run(name) : extension == ".safetensors") return run_source(name);
  Source source;
  source.name = name;
  if (is_folder(name))
    source.pictures = read_image_folder(name);
  else if (extension == ".npy")
    source.pictures = read_npy(name);
  else if (extension == ".csv")
    source.pictures = read_csv(name);
  else
    throw UsageError(fmt::format(
        "{}: a run's folder or checkpoint, a folder of .png pictures, a .npy or a .csv file is due", name));
  return source;
}

/// The data set that the judge learns from: the one asked for, or that of the runs.
std::string data_set_of(const EvaluateCommand& command, const std::vector<Source>& sources) {
  if (!command.data_set.empty()) return command.data_set;
  std::string data_set;
  for (const Source& source : sources) {
    if (source.data_set.empty() || source.data_set == data_set) continue;
    if (!data_set.empty())
      throw UsageError(
          fmt::format("{} learned from {}, a run before it from {}: --dataset says which real "
                      "pictures the judge learns from",
                      source.name, source.data_set, data_set));
    data_set = source.data_set;
  }
  return data_set.empty() ? "mnist" : data_set;
}

std::string data_folder_of(const EvaluateCommand& command, const std::vector<Source>& sources) {
  if (!command.data_folder.empty()) return command.data_folder;
  for (const Source& source : sources)
    if (!source.data_folder.empty()) return source.data_folder;
  return {};
}

Judge open_judge(const EvaluateCommand& command, Stream& stream, const std::vector<Source>& sources) {
  const std::string name = data_set_of(command, sources);
  const std::string folder = data_folder_of(command, sources);
  const DataSet train = load_data_set(name, Split::train, folder);
  const DataSet test = load_data_set(name, Split::test, folder);
  constexpr std::int64_t kSteps = 1000;
  constexpr ProgressUnit kShareRate{"%/s", 10, 1};
  Progress progress(fmt::format("a judge learns from {}", train.name), kSteps, command.run.quiet, kShareRate);
  return Judge::open(stream, train, test, command.judge_folder, [&progress](double share) {
    throw_if_interrupted();
    progress.add(static_cast<std::int64_t>(share * kSteps) - progress.added());
  });
}

DataSet drawn(Stream& stream, const Source& source, const EvaluateCommand& command) {
  Generator generator(stream, source.checkpoint->file, source.checkpoint->path.string());
  DataSet all;
  for (std::int64_t first = 0; first < command.count; first += kDrawnAtOnce) {
    const std::int64_t count = std::min(kDrawnAtOnce, command.count - first);
    DataSet some =
        generator.pictures(stream, generator.latents(count, command.seed, static_cast<std::uint64_t>(first)));
    if (first == 0) {
      all = std::move(some);
    } else {
      all.pixels.insert(all.pixels.end(), some.pixels.begin(), some.pixels.end());
      all.count += some.count;
    }
    throw_if_interrupted();
  }
  all.name = source.name;
  return all;
}

nlohmann::ordered_json document_of(const EvaluateCommand& command, const Judge& judge,
                                   const std::vector<JudgedPictures>& judged) {
  nlohmann::ordered_json document{
      {"judge", judge_json(judge)}, {"seed", command.seed}, {"evaluations", nlohmann::ordered_json::array()}};
  for (const JudgedPictures& set : judged) document["evaluations"].push_back(judgement_json(judge, set));
  return document;
}

/// Judges one source; a run's folder keeps the result.
JudgedPictures evaluate_source(const EvaluateCommand& command, Stream& stream, Judge& judge,
                               const Source& source) {
  const DataSet pictures = source.checkpoint ? drawn(stream, source, command) : source.pictures;
  JudgedPictures judged{source.name, judge.judge(stream, pictures)};
  RunOptions picture = command.run;
  if (picture.output.empty() && source.is_run_folder) {
    picture.output = (files::path(source.name) / kMemorisationFile).string();
    picture.force = true;
  }
  if (!picture.output.empty())
    write_gray_picture(picture, memorisation_picture(judge, source.split, pictures, judged.judgement));
  if (source.is_run_folder)
    write_whole(files::path(source.name) / kEvaluationFile,
                document_of(command, judge, {judged}).dump(2) + "\n");
  return judged;
}

}  // namespace

void evaluate(const EvaluateCommand& command) {
  if (command.sources.empty() && !command.train_judge)
    throw UsageError(
        "evaluate needs something to judge: a run's folder, a folder of pictures, a .npy file; or "
        "--train-judge");
  if (!command.run.output.empty()) {
    if (command.sources.size() != 1)
      throw UsageError("-o takes the picture of one source; a run's folder gets its own without it");
    (void)picture_file_of(command.run.output);  // refuses a wrong name before the work
  }
  if (command.count < 2 || command.count > kMostPictures)
    throw UsageError(fmt::format("--count {}: it must be from 2 to {}", command.count, kMostPictures));
  std::vector<Source> sources;
  for (const std::string& name : command.sources) sources.push_back(source_of(name));
  watch_for_interruption();
  Stream stream(open_device(command.run));
  Judge judge = open_judge(command, stream, sources);
  std::vector<JudgedPictures> judged;
  for (const Source& source : sources) {
    throw_if_interrupted();
    judged.push_back(evaluate_source(command, stream, judge, source));
  }
  if (command.run.json)
    print_json(document_of(command, judge, judged));
  else if (!command.run.quiet)
    print_text(judge_text(judge) + judgement_table(judge, judged));
}

}  // namespace atelier::tools
