#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "tools/image/png_reader.h"
#include "tools/interruption.h"
#include "tools/painter.h"
#include "tools/usage_error.h"
#include "tools/verbs/verbs.h"

namespace atelier::tools {
namespace {

/// Deflate packs at most 1032 to 1, and pictures far less: one whose rows are this many times what the disk
/// has left cannot end well, and had better not begin.
constexpr double kHopelessRatio = 100;

void check_space(PictureFile kind, const PictureFormat& format, const AtomicFile& file) {
  const double rows = static_cast<double>(format.row_bytes()) * static_cast<double>(format.height);
  const double free = static_cast<double>(file.free_bytes());
  if (file.free_bytes() == 0)
    throw Error(fmt::format("cannot write {}: the disk is full", file.path().string()));
  if (rows > free * (kind == PictureFile::png ? kHopelessRatio : 1.0))
    throw Error(fmt::format(
        "{}x{} is too large for the disk: its rows take {}, {} has {} free", format.width, format.height,
        rows < 1e19 ? size_text(static_cast<std::uint64_t>(rows)) : fmt::format("{:.0e} bytes", rows),
        file.path().has_parent_path() ? file.path().parent_path().string() : std::string("this folder"),
        size_text(file.free_bytes())));
}

/// Two bands on the device, two on the host and what libpng keeps: whole rows, all of them.
void check_memory(const PictureFormat& format) {
  const double needed = 8.0 * static_cast<double>(format.row_bytes());
  const double present = static_cast<double>(describe(Device(DeviceKind::cpu)).memory_total);
  if (needed > present)
    throw Error(
        fmt::format("{}x{} is too wide: rows are painted whole, which takes {} of memory, and there are {}",
                    format.width, format.height, size_text(static_cast<std::uint64_t>(needed)),
                    size_text(static_cast<std::uint64_t>(present))));
}

/// Says when neighbouring pixels are nearer to each other than numbers of the chosen precision: the picture
/// would be of blocks, or of one colour.
void warn_of_deep_zoom(const CppnRecipe& recipe) {
  const CppnWindow window = recipe_window(recipe, recipe.width, recipe.height);
  const double step = std::hypot(window.x_column, window.y_column);
  // Beside a bias of order 1 a coordinate counts only to the bias's last bit.
  const bool biased = recipe.topology.layers.front().bias;
  const double magnitude = std::max({std::abs(window.x0), std::abs(window.y0), biased ? 0.25 : 0.0});
  const bool single = recipe.precision == CppnPrecision::fp32;
  if (step == 0 || step >= magnitude * (single ? 0x1p-24 : 0x1p-53)) return;
  say(single ? "the window is finer than fp32 can tell pixels apart: --precision double paints it sharp"
             : "the window is finer than double can tell pixels apart: a larger --span is needed");
}

std::string sample_text(const PictureFormat& format) {
  const char* depth = "8-bit";
  if (format.sample == CppnSample::u16) depth = "16-bit";
  if (format.sample == CppnSample::f32) depth = "float";
  if (format.sample == CppnSample::f64) depth = "double";
  return fmt::format("{} {}", depth, format.channels == 1 ? "grey" : "RGB");
}

}  // namespace

void render(const RenderCommand& command) {
  const RunOptions& run = command.run;
  if (run.output.empty()) throw UsageError("render needs -o FILE (.png or .npy)");
  const PictureFile kind = picture_file_of(run.output);
  const PlannedPicture planned = plan_picture(command.picture);
  const CppnRecipe& recipe = planned.recipe;
  const PictureFormat format = format_of(recipe);
  check_picture_format(kind, format);

  watch_for_interruption();
  AtomicFile file = open_output(run);
  check_space(kind, format, file);
  check_memory(format);
  const Device device = open_device(run);
  const std::string origin = origin_text(recipe);
  if (run.verbose) say(fmt::format("network: {}", topology_text(recipe.topology)));
  if (!run.quiet) warn_of_deep_zoom(recipe);

  const auto start = std::chrono::steady_clock::now();
  std::string kernel;
  {
    Stream stream(device);
    const auto writer = make_picture_writer(kind, file, format, {{kRecipeKeyword, recipe_to_json(recipe)}});
    Progress progress(run.output, format.width * format.height, run.quiet);
    kernel = paint(stream, recipe, *writer, progress);
  }
  file.commit();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double rate = static_cast<double>(format.width) * static_cast<double>(format.height) / seconds / 1e6;

  if (run.json) {
    nlohmann::ordered_json result = {{"file", run.output},      {"width", format.width},
                                     {"height", format.height}, {"bytes", file.bytes_written()},
                                     {"seconds", seconds},      {"megapixels_per_second", rate},
                                     {"device", device.name()}, {"kernel", kernel}};
    if (recipe.origin) {
      result["seed"] = recipe.origin->seed;
      result["seed_source"] = recipe.origin->source == RandomSource::torch ? "torch" : "philox";
      result["seed_drawn"] = planned.seed_was_drawn;
    }
    print_json(result);
  } else if (!run.quiet) {
    print_text(fmt::format("{}: {}x{}, {}, {}, {}; {:.2f} s, {:.1f} Mpixel/s, {}\n", run.output, format.width,
                           format.height, sample_text(format), origin, device_text(device), seconds, rate,
                           size_text(file.bytes_written())));
    if (run.verbose) say(fmt::format("kernel: {}", kernel));
  }
}

}  // namespace atelier::tools
