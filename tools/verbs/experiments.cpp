#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "models/learner.h"
#include "models/presets.h"
#include "tools/contact_sheet.h"
#include "tools/usage_error.h"
#include "tools/verbs/verbs.h"

namespace atelier::tools {
namespace {

/// What `atelier experiments` says of one of them.
struct Experiment {
  std::string name;
  std::string description;
};

std::string experiments_text(const char* title, const std::vector<Experiment>& experiments) {
  std::size_t widest = 0;
  for (const Experiment& experiment : experiments) widest = std::max(widest, experiment.name.size());
  std::string text = fmt::format("{}\n", title);
  for (const Experiment& experiment : experiments)
    text += fmt::format("  {:<{}}  {}\n", experiment.name, widest, experiment.description);
  return text;
}

nlohmann::ordered_json experiments_json() {
  nlohmann::ordered_json document = nlohmann::ordered_json::array();
  for (const CppnPreset& preset : cppn_presets())
    document.push_back({{"name", preset.name},
                        {"verb", "render"},
                        {"summary", preset.summary},
                        {"network", topology_text(preset.recipe.topology)},
                        {"seed", preset.recipe.origin ? preset.recipe.origin->seed : 0}});
  for (const TrainingPreset& preset : training_presets()) {
    nlohmann::ordered_json entry = {{"name", preset.name},
                                    {"verb", "train"},
                                    {"summary", preset.description},
                                    {"article", preset.article}};
    if (!preset.data_set.empty()) entry["data_set"] = preset.data_set;
    document.push_back(entry);
  }
  return document;
}

void list(const ExperimentsCommand& command) {
  if (command.run.json) return print_json(experiments_json());
  std::vector<Experiment> pictures;
  for (const CppnPreset& preset : cppn_presets())
    pictures.push_back({std::string(preset.name), std::string(preset.summary)});
  std::vector<Experiment> runs;
  for (const TrainingPreset& preset : training_presets())
    runs.push_back({preset.name, fmt::format("{} ({})", preset.description, preset.article)});
  print_text(experiments_text("Pictures: atelier render --preset NAME -o FILE.png", pictures) + "\n" +
             experiments_text("Training: atelier train NAME", runs));
}

/// The preset for a cell. Raw pixel coordinates are stretched so that the cell shows the window that the
/// article's picture showed, whatever the cell's size.
CppnRecipe cell_recipe(const CppnPreset& preset, const ExperimentsCommand& command) {
  PresetOptions options;
  options.source = command.torch_seed ? RandomSource::torch : RandomSource::philox;
  options.seed = command.torch_seed ? command.torch_seed : command.seed;
  CppnRecipe recipe = preset_recipe(preset.name, options);
  if (recipe.coordinates.convention == CoordinateConvention::pixels)
    recipe.coordinates.scale *= static_cast<double>(recipe.width) / command.cell;
  recipe.width = recipe.height = command.cell;
  return recipe;
}

void paint_all(const ExperimentsCommand& command) {
  RunOptions run = command.run;
  if (run.output.empty()) run.output = "experiments.png";
  require_sheet_name(run, "experiments --paint");
  if (command.seed && command.torch_seed) throw UsageError("--seed and --torch-seed exclude each other");
  const std::vector<CppnPreset>& presets = cppn_presets();
  const SheetLayout layout =
      sheet_layout(command.cell, command.cell, static_cast<std::int64_t>(presets.size()), 0, 3,
                   labels_possible(run.quiet));
  const std::string seed = command.torch_seed ? fmt::format(" --torch-seed {}", *command.torch_seed)
                           : command.seed     ? fmt::format(" --seed {}", *command.seed)
                                              : std::string();
  nlohmann::ordered_json names = nlohmann::ordered_json::array();
  for (const CppnPreset& preset : presets) names.push_back(preset.name);
  nlohmann::ordered_json document = {
      {"atelier_sheet", 1},
      {"command", fmt::format("atelier render --preset NAME{} --size 1024 -o FILE.png", seed)},
      {"cell", {command.cell, command.cell}},
      {"columns", layout.columns},
      {"presets", names}};
  if (command.torch_seed) document["seed_source"] = "torch";
  if (command.seed || command.torch_seed)
    document["seed"] = command.torch_seed ? *command.torch_seed : *command.seed;
  const auto cell = [&](std::int64_t index) {
    const CppnPreset& preset = presets[static_cast<std::size_t>(index)];
    return SheetCell{cell_recipe(preset, command), std::string(preset.name), std::string(preset.summary)};
  };
  const PaintedSheet painted = paint_sheet(run, layout, cell, document.dump());
  if (run.json) {
    print_json({{"file", run.output},
                {"width", layout.width()},
                {"height", layout.height()},
                {"cells", presets.size()},
                {"bytes", painted.bytes},
                {"device", painted.device.name()}});
  } else if (!run.quiet) {
    print_text(fmt::format("{}: {} experiments, {}x{}, {}\n", run.output, presets.size(), layout.width(),
                           layout.height(), device_text(painted.device)));
  }
}

}  // namespace

void experiments(const ExperimentsCommand& command) {
  if (!command.part.empty()) return run_part(command);
  if (command.paint) return paint_all(command);
  if (!command.run.output.empty() || command.seed || command.torch_seed)
    throw UsageError("-o and seeds are for --paint: experiments alone lists them");
  list(command);
}

}  // namespace atelier::tools
