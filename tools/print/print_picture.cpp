#include "tools/print/print_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "models/picture_painter.h"
#include "runtime/error.h"
#include "runtime/instruction_set.h"
#include "runtime/parallel.h"
#include "tools/interruption.h"
#include "tools/print/deep_zoom_encoder.h"
#include "tools/print/picture_output.h"
#include "tools/run_options.h"
#include "tools/usage_error.h"

namespace atelier::tools {
namespace {

constexpr double kCheckpointSeconds = 5;
constexpr double kDiskMargin = 1.05;

/// Tests shorten it by $ATELIER_CHECKPOINT_SECONDS, so that a render of moments has points to go on from.
double checkpoint_seconds() {
  const char* const chosen = std::getenv("ATELIER_CHECKPOINT_SECONDS");
  return chosen == nullptr ? kCheckpointSeconds : std::strtod(chosen, nullptr);
}

/// Everything that the file's bytes depend on.
nlohmann::ordered_json identity_of(const PrintJob& job, const std::string& recipe, Device device,
                                   std::string_view kernel) {
  return {{"format", name_of(job.kind)},
          {"recipe", recipe},
          {"pixels_per_inch", job.pixels_per_inch},
          {"pyramid", job.pyramid},
          {"device", device_kind_name(device.kind())},
          {"model", device.kind() == DeviceKind::cuda ? describe(device).model
                                                      : std::string(instruction_set_name(instruction_set()))},
          {"kernel", kernel},
          {"version", ATELIER_VERSION}};
}

/// The state to go on from; nothing to begin anew.
std::optional<RenderState> found_state(const PrintJob& job) {
  std::filesystem::path part = job.path;
  part += ".part";
  // A state alone is of a render that was killed right after its file got its name.
  std::error_code ignored;
  if (!std::filesystem::exists(part, ignored) || (job.force && !job.resume)) return std::nullopt;
  if (job.kind == PrintFormat::deep_zoom && job.force && deep_zoom_is_named(job.path)) return std::nullopt;
  if (!job.resume)
    throw UsageError(
        fmt::format("{} is what an interrupted render left: --resume goes on with it, --force "
                    "begins again",
                    part.string()));
  return read_render_state(job.path);
}

void check_identity(const PrintJob& job, const std::string& identity, const RenderState& state) {
  if (state.identity == identity) return;
  const nlohmann::json now = nlohmann::json::parse(identity);
  const nlohmann::json then = nlohmann::json::parse(state.identity, nullptr, false);
  for (const auto& [key, value] : now.items()) {
    if (then.is_object() && then.contains(key) && then[key] == value) continue;
    const bool picture = key == "recipe" || !then.is_object() || !then.contains(key);
    throw Error(
        fmt::format("{}: the interrupted render differs in its {}{}; the same command with --resume goes on "
                    "with it, --force "
                    "begins again",
                    job.path.string(), key,
                    picture ? std::string() : fmt::format(" ({}, now {})", then[key].dump(), value.dump())));
  }
}

/// Refuses a picture that the disk has no room for, before it is begun.
void check_disk(Stream& stream, PicturePainter& painter, const PrintJob& job, const PictureFormat& format,
                const PictureEncoder& encoder) {
  const std::filesystem::path folder = folder_of(job.path);
  const std::optional<std::uint64_t> space = free_disk(folder);
  if (!space) return;
  const double free = static_cast<double>(*space) + static_cast<double>(encoder.bytes_written());
  const double rows = static_cast<double>(format.row_bytes()) * static_cast<double>(format.height);
  if (rows * 1.5 < free) return;  // even unpacked and with all its levels
  const double needed = rows * packing_ratio(stream, painter, encoder) * kDiskMargin;
  if (needed <= free) return;
  throw Error(fmt::format(
      "{}x{} is too large for the disk: it takes about {}, {} has {} free", format.width, format.height,
      needed < 1e19 ? size_text(static_cast<std::uint64_t>(needed)) : fmt::format("{:.0e} bytes", needed),
      folder == "." ? std::string("this folder") : folder.string(),
      size_text(static_cast<std::uint64_t>(free))));
}

}  // namespace

std::int64_t default_memory() {
  const auto free = static_cast<std::int64_t>(describe(Device(DeviceKind::cpu)).memory_free);
  return std::max(std::int64_t{256} << 20, free / 4);
}

PictureFormat print_format(const PrintJob& job) {
  return {job.recipe.width, job.recipe.height, picture_channels(job.recipe), job.recipe.sample,
          job.pixels_per_inch};
}

std::optional<PrintJob> interrupted_job(const std::filesystem::path& path) {
  const std::optional<RenderState> state = read_render_state(path);
  if (!state) return std::nullopt;
  const nlohmann::json identity = nlohmann::json::parse(state->identity, nullptr, false);
  const std::string name = render_state_path(path).string();
  PrintJob job;
  std::string recipe;
  try {
    recipe = identity.at("recipe").get<std::string>();
    job.pixels_per_inch = identity.at("pixels_per_inch").get<double>();
    job.pyramid = identity.at("pyramid").get<bool>();
  } catch (const nlohmann::json::exception&) {
    throw Error(fmt::format("{}: it does not say which picture it is of; --force begins again", name));
  }
  job.recipe = recipe_from_json(recipe, name);
  return job;
}

PrintReport print_picture(Stream& stream, const PrintJob& job) {
  const PictureFormat format = print_format(job);
  check_print_format(job.kind, format);
  if (!job.force) require_free_name(job.path);
  const std::optional<RenderState> state = found_state(job);
  const auto start = std::chrono::steady_clock::now();

  PicturePainter painter(stream, job.recipe, format.width, format.height);
  const std::string recipe = recipe_to_json(job.recipe);
  const std::string identity = identity_of(job, recipe, stream.device(), painter.path()).dump();
  if (state) check_identity(job, identity, *state);

  const bool resumable = job.resume || format.row_bytes() >= kResumableBytes / format.height;
  PictureOutput output(job.path, {job.kind, format, recipe, job.pyramid}, job.force, resumable, state);
  PictureEncoder& encoder = output.encoder();
  check_disk(stream, painter, job, format, encoder);
  const StreamPlan plan = plan_stream(stream.device(), painter, encoder,
                                      job.memory > 0 ? job.memory : default_memory(), cpu_threads());

  PrintReport report;
  report.parts = encoder.part_count();
  report.parts_before = state ? state->parts : 0;
  if (report.parts_before > report.parts)
    throw Error(fmt::format("{}: it says that {} of {} parts are stored; --force begins again",
                            render_state_path(job.path).string(), report.parts_before, report.parts));
  std::int64_t before = 0;
  for (std::int64_t part = 0; part < report.parts_before; ++part) {
    const PixelRegion region = encoder.part(part);
    before += region.width * region.height;
  }
  {
    Progress progress(job.path.string(), format.width * format.height, job.quiet, kPixelRate, before);
    Checkpoint checkpoint;
    if (resumable) checkpoint = [&](std::int64_t parts) { output.save(identity, parts); };
    try {
      report.stream = stream_picture(stream, painter, encoder, report.parts_before, plan, progress,
                                     checkpoint, checkpoint_seconds());
    } catch (const Interrupted&) {
      if (!std::filesystem::exists(render_state_path(job.path))) throw;
      throw Interrupted(fmt::format("interrupted; --resume goes on with {}.part", job.path.string()));
    }
    encoder.finish();
  }
  output.commit();
  report.kernel = painter.path();
  report.bytes = encoder.bytes_written();
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace atelier::tools
