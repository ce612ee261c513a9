#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "models/data_set.h"
#include "models/network.h"
#include "models/safetensors.h"
#include "runtime/stream.h"

namespace atelier {

/// What a run is: the named experiment and everything that decides its result. Written to config.json and
/// into every checkpoint. Unset options take the preset's values (resolve_training fills them in).
struct TrainingConfig {
  std::string preset;
  std::uint64_t seed = 0;
  std::optional<std::uint64_t> torch_seed;  // parameters as PyTorch would draw them after manual_seed
  std::string data_set;                     // empty: the preset needs none
  std::optional<std::int64_t> epochs;       // of the data, or
  std::optional<std::int64_t> iterations;   // for presets without a data set
  std::optional<std::int64_t> limit;        // first so many samples of the data set
  std::optional<std::int64_t> batch;
  std::optional<double> learning_rate;
  bool shuffle = false;  // a new Philox permutation every epoch; false: file order, as the articles
  // GANs on pictures. Networks as network_from_text reads them, where the word "pixels" stands for the pixels
  // of a picture of the data set.
  std::optional<std::string> generator;
  std::optional<std::string> discriminator;
  std::optional<std::string> loss;                // "bce", "bce-logits", "mse"
  std::optional<std::string> optimizer;           // "sgd", "adam": of both networks
  std::optional<double> generator_learning_rate;  // learning_rate is D's
  std::optional<double> beta1;                    // Adam's, of both networks
  std::optional<double> beta2;
  std::optional<std::int64_t> discriminator_steps;  // 2: on real, then on forged pictures; 1: on both at once
  std::optional<double> gradient_penalty;           // weight of models/gradient_penalty.h's; 0: none
  std::optional<double>
      average;  // decay of the running average of G that draws the samples; 0: G itself does
  std::optional<std::string> split;  // "train", "test": the part of the data set that is learned from
  std::optional<std::string> loop;   // "resident", "streamed"; unset or "auto": whichever is faster here
  friend bool operator==(const TrainingConfig&, const TrainingConfig&) = default;
};

/// One number of a summary, for people (text) and for JSON (value).
struct SummaryEntry {
  std::string name;  // a column's and a JSON key: words joined by underscores
  std::variant<double, std::int64_t, std::string, std::vector<double>, std::vector<std::int64_t>> value;
};

/// A grey picture, row-major from the top.
struct GrayPicture {
  std::string name;
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::vector<std::uint8_t> pixels;
};

/// Curves of a plot: columns of the metrics.
struct PlotDescription {
  std::string file;  // "loss.png"
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<std::pair<std::string, std::string>> curves;  // metric column, legend
  std::optional<std::pair<double, double>> y_range;
  bool points = false;  // a point a row (many, faint), else lines
};

/// One training run, whatever it trains. The caller (the command line, a test) owns the loop: it asks for
/// some iterations, writes what they measured, takes checkpoints. Everything that decides the future of a run
/// is in checkpoint(): restoring it and going on gives byte-identical checkpoints, on one device, for any way
/// to cut the run into train() calls and any number of threads.
class Learner {
 public:
  virtual ~Learner() = default;
  [[nodiscard]] virtual const TrainingConfig& config() const = 0;  // resolved: no option of the preset unset
  [[nodiscard]] virtual std::int64_t iterations() const = 0;       // of the whole run
  [[nodiscard]] virtual std::int64_t iteration() const = 0;        // done
  [[nodiscard]] virtual std::int64_t samples_per_iteration() const = 0;
  [[nodiscard]] virtual std::int64_t iterations_per_epoch() const = 0;  // iterations() where there is no data

  /// Runs `count` more iterations (cut at the end of the run) and waits. Throws ExecutionError and its kin.
  virtual void train(std::int64_t count) = 0;

  /// Columns of metrics.csv; the first is "iteration".
  [[nodiscard]] virtual std::vector<std::string> metric_names() const = 0;
  /// Rows since the last call; NaN is an empty cell.
  [[nodiscard]] virtual std::vector<std::vector<double>> take_metrics() = 0;
  [[nodiscard]] virtual std::vector<PlotDescription> plots() const = 0;

  /// Iterations after which samples() is worth writing, a multiple apart; 0: only at the end.
  [[nodiscard]] virtual std::int64_t sample_interval() const = 0;
  [[nodiscard]] virtual std::vector<GrayPicture> samples() = 0;
  /// Iterations between checkpoints.
  [[nodiscard]] virtual std::int64_t checkpoint_interval() const = 0;
  [[nodiscard]] virtual TensorFile checkpoint() = 0;
  /// Throws InvalidArgument when the file is not of this run (another configuration, shapes).
  virtual void restore(const TensorFile& file) = 0;

  /// What the run achieved, at any time.
  [[nodiscard]] virtual std::vector<SummaryEntry> summary() = 0;
  /// Signs since the last call that the run goes wrong (a GAN that collapses), one line each that names the
  /// sign and its number; a GAN is watched behind its first 5,000 pictures. Empty when all is well. The
  /// caller decides whether the run goes on.
  [[nodiscard]] virtual std::vector<std::string> take_warnings() { return {}; }
  /// Pictures that only the end of a run has, as a confusion matrix.
  [[nodiscard]] virtual std::vector<GrayPicture> final_pictures() { return {}; }
};

/// A row of the table of named experiments.
struct TrainingPreset {
  std::string name;         // "classifier-book"
  std::string description;  // one line for `atelier experiments`
  std::string article;      // "Part III"
  std::string data_set;     // default; empty: none
};
[[nodiscard]] const std::vector<TrainingPreset>& training_presets();

/// Fills in what the preset decides. Throws InvalidArgument: unknown preset (with the nearest name), an
/// option that the preset does not have, a value outside its range.
[[nodiscard]] TrainingConfig resolve_training(TrainingConfig config);

/// `train` and `test` may be empty where the preset has no data set; `test` may be empty: no test figures.
/// Throws as resolve_training; InvalidArgument for data of the wrong shape (no labels, no pictures).
[[nodiscard]] std::unique_ptr<Learner> make_learner(Stream& stream, const TrainingConfig& config,
                                                    const DataSet& train, const DataSet& test);

/// JSON of a resolved configuration and back (config.json; "config" in a checkpoint's metadata).
[[nodiscard]] std::string training_config_json(const TrainingConfig& config);
[[nodiscard]] TrainingConfig training_config_from_json(const std::string& text, const std::string& source);

}  // namespace atelier
