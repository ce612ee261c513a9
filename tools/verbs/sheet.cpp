#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "tools/contact_sheet.h"
#include "tools/picture_sweep.h"
#include "tools/progress.h"
#include "tools/sheet_pick.h"
#include "tools/usage_error.h"
#include "tools/verbs/verbs.h"

namespace atelier::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLongestText = std::size_t{60} << 20;  // read_png unpacks no more than 64 MiB

/// What a sheet shows: recipes row by row (one, where nothing is swept), and the seeds that each is drawn
/// again for.
struct SheetPlan {
  std::vector<SweepAxis> axes;  // the first across, the second down
  std::vector<CppnRecipe> recipes;
  std::vector<std::uint64_t> seeds;  // may be empty where there are axes
  bool torch = false;

  [[nodiscard]] RandomSource source() const { return torch ? RandomSource::torch : RandomSource::philox; }
  [[nodiscard]] std::int64_t seed_count() const {
    return seeds.empty() ? 1 : static_cast<std::int64_t>(seeds.size());
  }
  [[nodiscard]] std::int64_t cells() const {
    return static_cast<std::int64_t>(recipes.size()) * seed_count();
  }
  /// Columns of a sweep.
  [[nodiscard]] std::int64_t columns() const { return static_cast<std::int64_t>(axes.front().values.size()); }
};

/// Every row of the second axis is there once a seed: a seed's row stands under the same row's other seeds.
SheetCell sweep_cell(const SheetPlan& plan, std::int64_t index) {
  const std::int64_t column = index % plan.columns();
  const std::int64_t row = index / plan.columns();
  SheetCell cell{plan.recipes[static_cast<std::size_t>(row / plan.seed_count() * plan.columns() + column)],
                 fmt::format("{}{}", column_label(column), row + 1), ""};
  if (!plan.seeds.empty())
    redraw(cell.recipe, plan.source(), plan.seeds[static_cast<std::size_t>(row % plan.seed_count())]);
  return cell;
}

SheetCell seed_cell(const SheetPlan& plan, std::int64_t index) {
  const std::uint64_t seed = plan.seeds[static_cast<std::size_t>(index)];
  SheetCell cell{plan.recipes.front(), std::to_string(seed), ""};
  redraw(cell.recipe, plan.source(), seed);
  return cell;
}

/// The recipe of every place of the sweep; each is planned by itself, so that what fits no network is said at
/// once.
std::vector<CppnRecipe> swept_recipes(const PictureOptions& picture, const std::vector<SweepAxis>& axes) {
  std::vector<CppnRecipe> recipes;
  const std::vector<std::string> one_row{""};
  for (const std::string& down : axes.size() > 1 ? axes[1].values : one_row)
    for (const std::string& across : axes[0].values) {
      PictureOptions options = swept(picture, axes[0], across);
      if (axes.size() > 1) options = swept(std::move(options), axes[1], down);
      recipes.push_back(plan_picture(options).recipe);
    }
  return recipes;
}

SheetPlan planned_sheet(const SheetCommand& command) {
  SheetPlan plan;
  if (command.picture.seed || command.picture.torch_seed)
    throw UsageError("a sheet has many seeds: --seeds 0..99 or --torch-seeds 0..99");
  const bool seeded = !command.seeds.empty() || !command.torch_seeds.empty();
  if (!command.seeds.empty() && !command.torch_seeds.empty())
    throw UsageError("--seeds and --torch-seeds exclude each other");
  if (!seeded && command.sweeps.empty())
    throw UsageError(
        "sheet needs --seeds, --torch-seeds (0..99, or a list such as 1,5,9..12) or --sweep (scale=0.5,1,2)");
  if (command.sweeps.size() > 2)
    throw UsageError(fmt::format("--sweep: {} options; a sheet has two directions", command.sweeps.size()));
  for (const std::string& sweep : command.sweeps) plan.axes.push_back(parse_sweep(sweep));
  if (!plan.axes.empty() && command.columns != 0)
    throw UsageError("--columns: a sweep has a column for each value");
  plan.torch = !command.torch_seeds.empty();
  if (seeded)
    plan.seeds = plan.torch ? parse_seeds(command.torch_seeds, "--torch-seeds") : parse_seeds(command.seeds);

  // One seed for all places: without any, what the recipe has, or one that is drawn.
  PictureOptions picture = command.picture;
  picture.size = command.cell;
  if (seeded)
    (plan.torch ? picture.torch_seed : picture.seed) = plan.seeds.front();
  else if (picture.source.empty() && !picture.preset)
    picture.seed = drawn_seed();
  plan.recipes =
      plan.axes.empty() ? std::vector{plan_picture(picture).recipe} : swept_recipes(picture, plan.axes);
  if (plan.cells() > kMaxSheetCells)
    throw UsageError(fmt::format("{} cells; at most {} fit on a sheet", plan.cells(), kMaxSheetCells));
  return plan;
}

SheetHeadings sweep_headings(const SheetPlan& plan) {
  SheetHeadings headings;
  const auto name = [](const SweepAxis& axis, const std::string& value) {
    return fmt::format("{} {}", axis.option, value);
  };
  for (const std::string& value : plan.axes[0].values) headings.columns.push_back(name(plan.axes[0], value));
  const std::size_t downs = plan.axes.size() > 1 ? plan.axes[1].values.size() : 1;
  for (std::size_t down = 0; down < downs; ++down)
    for (std::size_t k = 0; k < static_cast<std::size_t>(plan.seed_count()); ++k) {
      std::string text = plan.axes.size() > 1 ? name(plan.axes[1], plan.axes[1].values[down]) : std::string();
      if (plan.seeds.size() > 1) text += fmt::format("{}seed {}", text.empty() ? "" : ", ", plan.seeds[k]);
      headings.rows.push_back(text);
    }
  return headings;
}

/// What the sheet says of itself: the command behind each cell, and what pick_recipe() needs.
std::string sheet_json(const SheetCommand& command, const SheetLayout& layout, const SheetPlan& plan) {
  Json document = {{"atelier_sheet", 1}};
  const std::string options = typed_options(command.picture);
  document["command"] = plan.axes.empty()
                            ? fmt::format("atelier render {}{}{} SEED --size 2048 -o FILE.png", options,
                                          options.empty() ? "" : " ", plan.torch ? "--torch-seed" : "--seed")
                            : std::string("atelier render SHEET.png --pick LABEL --size 2048 -o FILE.png");
  document["seed_source"] = plan.torch ? "torch" : "philox";
  document["cell"] = {layout.cell_width, layout.cell_height};
  document["columns"] = layout.columns;
  if (!plan.seeds.empty()) document["seeds"] = plan.seeds;
  if (plan.axes.empty()) {
    document["recipe"] = sheet_recipe(plan.recipes.front());
  } else {
    document["column_option"] = plan.axes[0].option;
    document["column_values"] = plan.axes[0].values;
    if (plan.axes.size() > 1) {
      document["row_option"] = plan.axes[1].option;
      document["row_values"] = plan.axes[1].values;
    }
    document["recipes"] = Json::array();
    for (const CppnRecipe& recipe : plan.recipes) document["recipes"].push_back(sheet_recipe(recipe));
  }
  std::string text = document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (text.size() > kLongestText)
    throw UsageError(
        fmt::format("the recipes of this sheet take {} of text, and {} are possible: fewer values to sweep",
                    size_text(text.size()), size_text(kLongestText)));
  return text;
}

}  // namespace

void sheet(const SheetCommand& command) {
  const RunOptions& run = command.run;
  require_sheet_name(run, "sheet");
  const auto [cell_width, cell_height] = parse_size(command.cell, "--cell");
  const SheetPlan plan = planned_sheet(command);
  const bool sweeps = !plan.axes.empty();
  SheetLayout layout = sheet_layout(cell_width, cell_height, plan.cells(),
                                    sweeps ? plan.columns() : static_cast<std::int64_t>(command.columns), 0,
                                    labels_possible(run.quiet));
  SheetHeadings headings;
  if (sweeps) {
    headings = sweep_headings(plan);
    add_headings(layout, headings);
  }

  const auto cell = [&](std::int64_t index) {
    return sweeps ? sweep_cell(plan, index) : seed_cell(plan, index);
  };
  const PaintedSheet painted = paint_sheet(run, layout, cell, sheet_json(command, layout, plan), headings);
  if (run.json) {
    print_json({{"file", run.output},
                {"width", layout.width()},
                {"height", layout.height()},
                {"cells", plan.cells()},
                {"columns", layout.columns},
                {"bytes", painted.bytes},
                {"seconds", painted.seconds},
                {"device", painted.device.name()}});
  } else if (!run.quiet) {
    print_text(fmt::format("{}: {} cells of {}x{} in {} columns, {}; {:.2f} s, {}\n", run.output,
                           plan.cells(), cell_width, cell_height, layout.columns, device_text(painted.device),
                           painted.seconds, size_text(painted.bytes)));
  }
}

}  // namespace atelier::tools
