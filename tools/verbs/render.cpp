#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "models/native_detail.h"
#include "tools/interruption.h"
#include "tools/print/print_picture.h"
#include "tools/print/print_size.h"
#include "tools/usage_error.h"
#include "tools/verbs/verbs.h"
#include "tools/window_precision.h"

namespace atelier::tools {
namespace {

std::string sample_text(const PictureFormat& format) {
  const char* depth = "8-bit";
  if (format.sample == CppnSample::u16) depth = "16-bit";
  if (format.sample == CppnSample::f32) depth = "float";
  if (format.sample == CppnSample::f64) depth = "double";
  return fmt::format("{} {}", depth, format.channels == 1 ? "grey" : "RGB");
}

/// False when the command says nothing about the picture: --resume alone knows which it is.
bool picture_is_named(const RenderCommand& command) {
  const PictureOptions& picture = command.picture;
  return !picture.source.empty() || picture.preset || picture.seed || picture.torch_seed || picture.size ||
         !typed_options(picture).empty() || command.paper || command.dots_per_inch || command.pyramid;
}

/// The picture's size on paper, where one was asked for.
void plan_print(const RenderCommand& command, PrintJob& job) {
  if (!command.paper) {
    if (command.bleed || command.portrait)
      throw UsageError("--bleed, --portrait and --landscape go with --print PAPER");
    if (!command.dots_per_inch) return;
    if (!(*command.dots_per_inch > 0 && *command.dots_per_inch <= kMaxDotsPerInch))
      throw UsageError(fmt::format("--dpi {}: it must be above 0 and at most {}", *command.dots_per_inch,
                                   kMaxDotsPerInch));
    job.pixels_per_inch = *command.dots_per_inch;
    return;
  }
  if (command.picture.size) throw UsageError("--print and --size exclude each other: --print sets the size");
  PrintOptions options;
  options.paper = *command.paper;
  options.bleed = command.bleed.value_or("");
  options.dots_per_inch = command.dots_per_inch.value_or(options.dots_per_inch);
  if (command.portrait)
    options.orientation = *command.portrait ? Orientation::portrait : Orientation::landscape;
  const PrintSize size = print_size(options);
  job.recipe = recipe_for_print(job.recipe, size);
  job.pixels_per_inch = size.pixels_per_inch;
  if (!command.run.quiet) say(print_size_text(options, size));
}

/// Pictures from this side on are worth a look at how much there is to see in them.
constexpr std::int64_t kLargeSide = 4000;

void say_native_detail(const CppnRecipe& recipe) {
  const std::int64_t side = std::min(recipe.width, recipe.height);
  if (side < kLargeSide) return;
  const std::optional<NativeDetail> detail = measure_native_detail(recipe);
  if (detail && detail->pixels_8_bit < static_cast<double>(side))
    say(fmt::format("its native detail is about {} pixels a side; beyond that only smoothness is added",
                    rough_text(detail->pixels_8_bit)));
}

nlohmann::ordered_json report_json(const PrintJob& job, bool seed_was_drawn, const PrintReport& report,
                                   Device device) {
  const CppnRecipe& recipe = job.recipe;
  const double pixels = static_cast<double>(recipe.width) * static_cast<double>(recipe.height);
  nlohmann::ordered_json result = {{"file", job.path.string()},
                                   {"width", recipe.width},
                                   {"height", recipe.height},
                                   {"bytes", report.bytes},
                                   {"seconds", report.seconds},
                                   {"megapixels_per_second", pixels / report.seconds / 1e6},
                                   {"device", device.name()},
                                   {"kernel", report.kernel},
                                   {"paint_seconds", report.stream.paint_seconds},
                                   {"copy_seconds", report.stream.copy_seconds},
                                   {"encode_processor_seconds", report.stream.encode_seconds},
                                   {"store_processor_seconds", report.stream.store_seconds},
                                   {"processor_seconds", report.stream.processor_seconds},
                                   {"planned_bytes", report.stream.planned_bytes},
                                   {"parts", report.parts},
                                   {"parts_resumed", report.parts_before}};
  if (recipe.origin) {
    result["seed"] = recipe.origin->seed;
    result["seed_source"] = recipe.origin->source == RandomSource::torch ? "torch" : "philox";
    result["seed_drawn"] = seed_was_drawn;
  }
  return result;
}

}  // namespace

void render(const RenderCommand& command) {
  const RunOptions& run = command.run;
  if (run.output.empty()) throw UsageError("render needs -o FILE (.png, .tif, .dzi, .npy or .raw)");
  const PrintFormat kind = print_format_of(run.output);
  PrintJob job;
  bool seed_was_drawn = false;
  const std::optional<PrintJob> interrupted =
      command.resume && !picture_is_named(command) ? interrupted_job(run.output) : std::nullopt;
  if (interrupted) {
    job = *interrupted;
  } else {
    PlannedPicture planned = plan_picture(command.picture);
    job.recipe = std::move(planned.recipe);
    seed_was_drawn = planned.seed_was_drawn;
    job.pyramid = command.pyramid;
    plan_print(command, job);
  }
  job.path = run.output;
  job.kind = kind;
  if (job.pyramid && job.kind != PrintFormat::tiff) throw UsageError("--pyramid goes with a .tif file");
  job.force = run.force;
  job.resume = command.resume;
  job.memory = command.memory;
  job.quiet = run.quiet;
  const PictureFormat format = print_format(job);
  check_print_format(job.kind, format);

  watch_for_interruption();
  const Device device = open_device(run);
  if (run.verbose) say(fmt::format("network: {}", topology_text(job.recipe.topology)));
  if (!run.quiet)
    if (const std::optional<std::string> warning = window_warning(job.recipe)) say(*warning);
  Stream stream(device);
  const PrintReport report = print_picture(stream, job);

  if (run.json) return print_json(report_json(job, seed_was_drawn, report, device));
  if (run.quiet) return;
  const double pixels = static_cast<double>(format.width) * static_cast<double>(format.height);
  print_text(fmt::format("{}: {}x{}, {}, {}, {}; {:.2f} s, {:.1f} Mpixel/s, {}\n", run.output, format.width,
                         format.height, sample_text(format), origin_text(job.recipe), device_text(device),
                         report.seconds, pixels / report.seconds / 1e6, size_text(report.bytes)));
  say_native_detail(job.recipe);
  if (!run.verbose) return;
  say(fmt::format("kernel: {}", report.kernel));
  say(
      fmt::format("{} parts; painting {:.2f} s, copying {:.2f} s; processor time {:.2f} s, of which encoding "
                  "{:.2f} s and storing {:.2f} s; {} planned",
                  report.parts, report.stream.paint_seconds, report.stream.copy_seconds,
                  report.stream.processor_seconds, report.stream.encode_seconds, report.stream.store_seconds,
                  size_text(static_cast<std::uint64_t>(report.stream.planned_bytes))));
}

}  // namespace atelier::tools
