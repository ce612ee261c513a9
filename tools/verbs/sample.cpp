#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "models/generator.h"
#include "models/picture_grid.h"
#include "tools/gray_picture_file.h"
#include "tools/image/npy_writer.h"
#include "tools/run_checkpoint.h"
#include "tools/usage_error.h"
#include "tools/verbs/verbs.h"

namespace atelier::tools {
namespace {

constexpr std::int64_t kMostPictures = 1'000'000;

/// Columns that make a grid of `count` pictures about as wide as high.
std::int64_t square_columns(std::int64_t count) {
  return static_cast<std::int64_t>(std::ceil(std::sqrt(static_cast<double>(count))));
}

void write_outputs(const SampleCommand& command, Stream& stream, Generator& generator) {
  const std::vector<float> values = generator.outputs(stream, generator.latents(command.count, command.seed));
  AtomicFile file = open_output(command.run);
  write_npy(file, {command.count, generator.height(), generator.width()}, values);
  file.commit();
}

void write_grid(const SampleCommand& command, Stream& stream, Generator& generator) {
  const DataSet pictures = generator.pictures(stream, generator.latents(command.count, command.seed));
  const std::int64_t columns =
      std::min(command.count, command.columns > 0 ? command.columns : square_columns(command.count));
  write_gray_picture(command.run, picture_grid(pictures, 0, command.count, columns, command.scale));
}

}  // namespace

void sample(const SampleCommand& command) {
  if (command.run.output.empty())
    throw UsageError("sample needs -o: a grid of pictures (.png), or the generator's outputs (.npy)");
  const PictureFile kind = picture_file_of(command.run.output);
  if (command.count > kMostPictures)
    throw UsageError(fmt::format("--count {}: at most {} at once", command.count, kMostPictures));
  const RunCheckpoint checkpoint = read_run_checkpoint(command.source);
  RunOptions options = command.run;
  options.quiet = true;  // one small network: where it runs is of no interest
  Stream stream(open_device(options));
  Generator generator(stream, checkpoint.file, checkpoint.path.string());
  if (kind == PictureFile::npy) {
    write_outputs(command, stream, generator);
  } else {
    write_grid(command, stream, generator);
  }
  if (command.run.json) {
    print_json({{"file", command.run.output},
                {"pictures", command.count},
                {"width", generator.width()},
                {"height", generator.height()},
                {"seed", command.seed}});
  } else if (!command.run.quiet) {
    print_text(fmt::format("{}: {} pictures of {} x {}, seed {}\n", command.run.output, command.count,
                           generator.width(), generator.height(), command.seed));
  }
}

}  // namespace atelier::tools
