#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "models/generator.h"
#include "models/picture_grid.h"
#include "tools/gray_picture_file.h"
#include "tools/image/gif_writer.h"
#include "tools/run_checkpoint.h"
#include "tools/usage_error.h"
#include "tools/verbs/verbs.h"

namespace atelier::tools {
namespace {

constexpr std::int64_t kMostSteps = 2000;
constexpr std::int64_t kLongestDelay = 65535;  // that a GIF can hold

bool is_film(const std::string& output) {
  const std::string extension = std::filesystem::path(output).extension().string();
  return extension == ".gif" || extension == ".GIF";
}

/// Latent vectors of the way. A line: (1 - t) a + t b, both ends included. A circle: cos(2 pi t) a +
/// sin(2 pi t) b, its end left out, since that is where it began.
std::vector<float> way(const Generator& generator, const InterpolateCommand& command, std::int64_t steps) {
  const std::vector<float> a = generator.latents(1, command.from);
  const std::vector<float> b = generator.latents(1, command.to);
  std::vector<float> vectors;
  for (std::int64_t step = 0; step < steps; ++step) {
    const double t = static_cast<double>(step) / static_cast<double>(command.circle ? steps : steps - 1);
    const double of_a = command.circle ? std::cos(2.0 * std::numbers::pi * t) : 1.0 - t;
    const double of_b = command.circle ? std::sin(2.0 * std::numbers::pi * t) : t;
    for (std::size_t i = 0; i < a.size(); ++i)
      vectors.push_back(
          static_cast<float>(of_a * static_cast<double>(a[i]) + of_b * static_cast<double>(b[i])));
  }
  return vectors;
}

void write_film(const InterpolateCommand& command, const DataSet& pictures, std::int64_t scale) {
  std::vector<GrayPicture> frames;
  for (std::int64_t i = 0; i < pictures.count; ++i) frames.push_back(picture_grid(pictures, i, 1, 1, scale));
  // A line is gone back as it came, so that the film begins where it ends.
  if (!command.circle)
    for (std::int64_t i = pictures.count - 2; i > 0; --i) {
      const GrayPicture frame = frames[static_cast<std::size_t>(i)];
      frames.push_back(frame);
    }
  AtomicFile file = open_output(command.run);
  write_gif(file, frames, command.delay);
  file.commit();
}

}  // namespace

void interpolate(const InterpolateCommand& command) {
  if (command.run.output.empty())
    throw UsageError("interpolate needs -o: a strip of pictures (.png) or a film (.gif)");
  const bool film = is_film(command.run.output);
  if (!film && std::filesystem::path(command.run.output).extension() != ".png")
    throw UsageError(
        fmt::format("{}: interpolate writes a strip (.png) or a film (.gif)", command.run.output));
  const std::int64_t steps = command.steps.value_or(film ? 48 : 16);
  const std::int64_t scale = command.scale.value_or(film ? 8 : 2);
  if (steps < 2 || steps > kMostSteps)
    throw UsageError(fmt::format("--steps {}: it must be 2 to {}", steps, kMostSteps));
  if (command.delay > kLongestDelay)
    throw UsageError(fmt::format("--delay {}: it must be 1 to {}", command.delay, kLongestDelay));
  if (command.from == command.to)
    throw UsageError(
        fmt::format("--from {} --to {}: a way needs two seeds that differ", command.from, command.to));
  const RunCheckpoint checkpoint = read_run_checkpoint(command.source);
  RunOptions options = command.run;
  options.quiet = true;  // one small network: where it runs is of no interest
  Stream stream(open_device(options));
  Generator generator(stream, checkpoint.file, checkpoint.path.string());
  const DataSet pictures = generator.pictures(stream, way(generator, command, steps));
  if (film) {
    write_film(command, pictures, scale);
  } else {
    write_gray_picture(command.run, picture_grid(pictures, 0, steps, steps, scale));
  }
  const char* const kind = command.circle ? "circle" : "line";
  if (command.run.json) {
    print_json({{"file", command.run.output},
                {"way", kind},
                {"from", command.from},
                {"to", command.to},
                {"steps", steps}});
  } else if (!command.run.quiet) {
    print_text(fmt::format("{}: {} pictures on a {} through the latent vectors of seeds {} and {}\n",
                           command.run.output, steps, kind, command.from, command.to));
  }
}

}  // namespace atelier::tools
