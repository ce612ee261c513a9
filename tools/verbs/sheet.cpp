#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "tools/contact_sheet.h"
#include "tools/image/png_reader.h"
#include "tools/interruption.h"
#include "tools/usage_error.h"
#include "tools/verbs/verbs.h"

namespace atelier::tools {
namespace {

/// What the sheet says of itself: the command behind each cell.
std::string sheet_json(const SheetCommand& command, const SheetLayout& layout,
                       const std::vector<std::uint64_t>& seeds, bool torch) {
  const std::string options = typed_options(command.picture);
  const nlohmann::ordered_json document = {
      {"atelier_sheet", 1},
      {"command", fmt::format("atelier render {}{}{} SEED --size 2048 -o FILE.png", options,
                              options.empty() ? "" : " ", torch ? "--torch-seed" : "--seed")},
      {"seed_source", torch ? "torch" : "philox"},
      {"cell", {layout.cell_width, layout.cell_height}},
      {"columns", layout.columns},
      {"seeds", seeds}};
  return document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

void sheet(const SheetCommand& command) {
  const RunOptions& run = command.run;
  if (run.output.empty()) throw UsageError("sheet needs -o FILE.png");
  if (picture_file_of(run.output) != PictureFile::png)
    throw UsageError(fmt::format("{}: a contact sheet is a .png file", run.output));
  if (command.picture.seed || command.picture.torch_seed)
    throw UsageError("a sheet has many seeds: --seeds 0..99 or --torch-seeds 0..99");
  if (command.seeds.empty() == command.torch_seeds.empty())
    throw UsageError("sheet needs either --seeds or --torch-seeds: 0..99, or a list such as 1,5,9..12");
  const bool torch = !command.torch_seeds.empty();
  const std::vector<std::uint64_t> seeds =
      torch ? parse_seeds(command.torch_seeds, "--torch-seeds") : parse_seeds(command.seeds);
  const auto [cell_width, cell_height] = parse_size(command.cell, "--cell");

  // The first cell's plan checks every option once; the others differ in the seed alone.
  PictureOptions picture = command.picture;
  picture.size = command.cell;
  (torch ? picture.torch_seed : picture.seed) = seeds.front();
  const CppnRecipe first = plan_picture(picture).recipe;

  const SheetLayout layout = sheet_layout(cell_width, cell_height, static_cast<std::int64_t>(seeds.size()),
                                          command.columns, 0, labels_possible(run.quiet));
  watch_for_interruption();
  AtomicFile file = open_output(run);
  const Device device = open_device(run);
  const auto start = std::chrono::steady_clock::now();
  {
    Stream stream(device);
    Progress progress(run.output, layout.count * cell_width * cell_height, run.quiet);
    const auto cell = [&](std::int64_t index) {
      SheetCell result{first, std::to_string(seeds[static_cast<std::size_t>(index)]), ""};
      redraw(result.recipe, torch ? RandomSource::torch : RandomSource::philox,
             seeds[static_cast<std::size_t>(index)]);
      return result;
    };
    paint_sheet(stream, layout, cell, file, {{kSheetKeyword, sheet_json(command, layout, seeds, torch)}},
                progress);
  }
  file.commit();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (run.json) {
    print_json({{"file", run.output},
                {"width", layout.width()},
                {"height", layout.height()},
                {"cells", seeds.size()},
                {"columns", layout.columns},
                {"bytes", file.bytes_written()},
                {"seconds", seconds},
                {"device", device.name()}});
  } else if (!run.quiet) {
    print_text(fmt::format("{}: {} cells of {}x{} in {} columns, {}; {:.2f} s, {}\n", run.output,
                           seeds.size(), cell_width, cell_height, layout.columns, device_text(device),
                           seconds, size_text(file.bytes_written())));
  }
}

}  // namespace atelier::tools
