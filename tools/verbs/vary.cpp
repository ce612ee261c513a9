#include "models/vary.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "tools/contact_sheet.h"
#include "tools/option_text.h"
#include "tools/progress.h"
#include "tools/usage_error.h"
#include "tools/verbs/verbs.h"

namespace atelier::tools {
namespace {

constexpr double kUsualStrength = 0.1;        // shares of a layer's root mean square
constexpr double kUsualLatentStrength = 0.5;  // latent numbers
constexpr double kMostStrength = 1000;

}  // namespace

void vary(const VaryCommand& command) {
  const RunOptions& run = command.run;
  require_sheet_name(run, "vary");
  const bool latent = command.move && parse_choice("--move", *command.move, {"weights", "latent"}) == 1;
  const VariedPart part = latent ? VariedPart::latent : VariedPart::weights;
  const double strength = command.strength.value_or(latent ? kUsualLatentStrength : kUsualStrength);
  if (!(strength > 0 && strength <= kMostStrength))
    throw UsageError(
        fmt::format("--strength {}: it must be above 0 and at most {}", strength, kMostStrength));
  const auto [cell_width, cell_height] = parse_size(command.cell, "--cell");
  const CppnRecipe original = plan_picture(command.picture).recipe;
  if (latent && original.latent.empty())
    throw UsageError(
        "--move latent: this picture has no latent vector; --inputs x,y,r,z would give its network one");

  const std::int64_t count = command.count + 1;
  const SheetLayout layout =
      sheet_layout(cell_width, cell_height, count, command.columns, 0, labels_possible(run.quiet));
  const nlohmann::ordered_json document = {
      {"atelier_sheet", 1},
      {"command", "atelier render SHEET.png --pick NUMBER --size 2048 -o FILE.png"},
      {"cell", {cell_width, cell_height}},
      {"columns", layout.columns},
      {"variation",
       {{"part", latent ? "latent" : "weights"},
        {"strength", strength},
        {"seed", command.variation_seed},
        {"count", command.count}}},
      {"recipe", nlohmann::ordered_json::parse(recipe_to_json(original, -1))}};

  const auto cell = [&](std::int64_t index) {
    return SheetCell{
        varied(original, part, strength, command.variation_seed, static_cast<std::uint64_t>(index)),
        index == 0 ? "0 original" : std::to_string(index), ""};
  };
  const PaintedSheet painted = paint_sheet(run, layout, cell, document.dump());
  if (run.json) {
    print_json({{"file", run.output},
                {"width", layout.width()},
                {"height", layout.height()},
                {"variations", command.count},
                {"strength", strength},
                {"columns", layout.columns},
                {"bytes", painted.bytes},
                {"seconds", painted.seconds},
                {"device", painted.device.name()}});
  } else if (!run.quiet) {
    print_text(fmt::format("{}: the original and {} variations of {}x{}, {}; {:.2f} s, {}\n", run.output,
                           command.count, cell_width, cell_height, device_text(painted.device),
                           painted.seconds, size_text(painted.bytes)));
  }
}

}  // namespace atelier::tools
