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
};
/// Paints one picture into a file.
void render(const RenderCommand& command);

struct SheetCommand {
  PictureOptions picture;
  RunOptions run;
  std::string seeds;
  std::string torch_seeds;
  std::string cell = "128";
  int columns = 0;  // 1 to kMaxSheetCells; 0: chosen so that few places stay empty
};
/// Paints one cell a seed into a labelled contact sheet.
void sheet(const SheetCommand& command);

struct TrainCommand {
  TrainingOptions training;
  RunOptions run;      // output and force are not used
  std::string folder;  // of the run; empty: runs/<preset>-<seed>
  bool resume = false;
  std::string seeds;  // a sweep; empty: one run
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
};
/// Lists the articles' experiments, or paints those that are pictures on one labelled sheet.
void experiments(const ExperimentsCommand& command);

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
