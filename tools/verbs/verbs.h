#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/gradient_check.h"
#include "tools/picture_options.h"
#include "tools/run_options.h"
#include "tools/training_options.h"

// One function a verb. Each prints its result on stdout and throws UsageError, Error or Interrupted.
namespace atelier::tools {

struct RenderCommand {
  PictureOptions picture;
  RunOptions run;
  bool resume = false;
  std::int64_t memory = 0;           // bytes; 0: a quarter of what is free
  bool pyramid = false;              // .tif: with reduced levels
  std::optional<std::string> paper;  // of --print
  std::optional<std::string> bleed;
  std::optional<double> dots_per_inch;
  std::optional<bool> portrait;  // false: landscape
};
/// Paints one picture, of any size, into a file.
void render(const RenderCommand& command);

struct SheetCommand {
  PictureOptions picture;
  RunOptions run;
  std::string seeds;
  std::string torch_seeds;
  std::vector<std::string> sweeps;  // "scale=0.5,1,2": at most two
  std::string cell = "128";
  int columns = 0;  // 1 to kMaxSheetCells; 0: chosen so that few places stay empty
};
/// Paints one cell a seed into a labelled contact sheet.
void sheet(const SheetCommand& command);

struct VaryCommand {
  PictureOptions picture;  // the original
  RunOptions run;
  int count = 24;  // variations beside the original
  std::optional<double> strength;
  std::optional<std::string> move;  // weights or latent
  std::uint64_t variation_seed = 0;
  std::string cell = "192";
  int columns = 0;
};
/// Paints a picture's neighbours, by weights or latent vector, into a labelled contact sheet.
void vary(const VaryCommand& command);

struct AnimateCommand {
  PictureOptions picture;            // without a source of its own
  std::vector<std::string> sources;  // recipes and pictures, or one film
  std::vector<std::string> picks;    // labels of cells, where the source is a contact sheet
  RunOptions run;
  bool morph = false;
  std::optional<std::string> loop;
  std::optional<std::string> move;
  std::optional<double> radius;
  std::optional<int> points;
  std::optional<std::uint64_t> path_seed;
  std::optional<double> zoom;
  std::optional<std::string> pan;
  std::optional<double> turn;
  std::optional<std::string> ease;
  std::optional<std::string> way;
  std::optional<int> frames;  // unset: 100, or the source film's
  std::optional<double> frames_per_second;
};
/// Paints a film: loops, morphs and a moving camera; or a film again, in another way.
void animate(const AnimateCommand& command);

/// What a run does when the learner sees that it collapses.
enum class OnCollapse : std::uint8_t { warn, stop };

struct TrainCommand {
  TrainingOptions training;
  RunOptions run;      // output and force are not used
  std::string folder;  // of the run; empty: runs/<preset>-<seed>
  bool resume = false;
  std::string seeds;  // a sweep; empty: one run
  OnCollapse on_collapse = OnCollapse::warn;
};
/// Trains a preset into a run folder, goes on with a run, or trains many seeds at once.
void train(const TrainCommand& command);
/// The part of train() that --seeds asks for: a run a seed, many at once, and what they have in common.
void sweep_seeds(const TrainCommand& command);

struct ClassifyCommand {
  std::string source;  // a run folder or its checkpoint
  std::vector<std::string> pictures;
  RunOptions run;
};
/// What a trained classifier sees in pictures.
void classify(const ClassifyCommand& command);

struct SampleCommand {
  std::string source;  // a run folder or its checkpoint
  RunOptions run;      // output: .png (a grid) or .npy (count x height x width, fp32)
  std::int64_t count = 64;
  std::int64_t columns = 0;  // 0: as many as rows, or about twice as many
  std::int64_t scale = 1;    // of the grid's pictures
  std::uint64_t seed = 0;
};
/// Pictures that a trained generator draws.
void sample(const SampleCommand& command);

struct InterpolateCommand {
  std::string source;
  RunOptions run;  // output: .png (a strip) or .gif
  std::uint64_t from = 0;
  std::uint64_t to = 1;
  bool circle = false;
  std::optional<std::int64_t> steps;  // unset: 16 pictures of a strip, 48 of a film
  std::optional<std::int64_t> scale;  // unset: 2 in a strip, 8 in a film
  std::int64_t delay = 5;             // hundredths of a second a picture stays
};
/// What lies between two pictures of a trained generator.
void interpolate(const InterpolateCommand& command);

struct AblateCommand {
  std::string data_set = "mnist";
  std::string data_folder;
  std::string seeds = "0..2";          // of each of the eight cells
  std::optional<std::int64_t> epochs;  // unset: the preset's
  std::optional<std::int64_t> limit;
  std::string folder;  // unset: runs/ablation-<seeds>
  RunOptions run;      // output and force are not used
};
/// gan-v2 with and without Adam, LayerNorm and LeakyReLU: all eight cells of the article's chart, judged.
void ablate(const AblateCommand& command);

struct EvaluateCommand {
  std::vector<std::string> sources;  // run folders, checkpoints, folders of pictures, .npy and .csv files
  std::string data_set;              // real pictures; empty: what the runs learned from, else mnist
  std::string data_folder;
  std::string judge_folder;  // where the judge's extractor is kept; empty: the user's cache folder
  bool train_judge = false;  // only make the judge, where there is nothing to judge
  std::int64_t count = 10000;
  std::uint64_t seed = 0;
  RunOptions run;  // output: the memorisation picture; empty: in the run's folder
};
/// How near pictures come to the real ones: the judge's measures, beside those of the real test set.
void evaluate(const EvaluateCommand& command);

struct DataCommand {
  std::string name = "digits";
  std::string data_folder;
  std::string split = "train";
  std::int64_t first = 0;
  std::int64_t count = 200;  // pictures on the sheet
  std::int64_t columns = 0;  // 0: twice as wide as high, about
  RunOptions run;            // output: the sheet; empty: none
};
/// What a data set holds, and a sheet of its pictures.
void show_data(const DataCommand& command);

struct GradcheckCommand {
  RunOptions run;  // output: a plot of both ways of learning (.png); empty: none
  GradientCheckOptions check;
};
/// Central differences beside back-propagation: the gradients, the learning and the cost of both.
void gradcheck(const GradcheckCommand& command);

struct ExperimentsCommand {
  RunOptions run;
  bool paint = false;
  int cell = 256;  // pixels a side
  std::optional<std::uint64_t> seed;
  std::optional<std::uint64_t> torch_seed;
  std::string part;    // "part1", "part2", "part3": run that article; empty: do not
  std::string folder;  // of its results; empty: runs/<part>
  std::optional<std::string> data_set;
  std::string data_folder;
  std::optional<std::int64_t> limit;
};
/// Lists the articles' experiments, paints those that are pictures on one labelled sheet, or runs an article.
void experiments(const ExperimentsCommand& command);
/// The part of experiments() that --run asks for: every experiment of an article, and a page of the results.
/// What is finished in the folder already is not done again.
void run_part(const ExperimentsCommand& command);

struct DevicesCommand {
  bool json = false;
  bool verbose = false;
};
/// What can compute here, and why a GPU cannot.
void devices(const DevicesCommand& command);

struct ImportCommand {
  std::string source;
  RunOptions run;
  std::optional<std::string> activation;
  std::optional<std::string> output_activation;
  std::optional<std::string> inputs;
};
/// A recipe from a state_dict in a safetensors file.
void import_network(const ImportCommand& command);

struct InfoCommand {
  std::string file;
  bool json = false;
};
/// What is inside a picture or recipe.
void info(const InfoCommand& command);

}  // namespace atelier::tools
