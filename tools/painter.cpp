#include "tools/painter.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "runtime/buffer.h"
#include "runtime/event.h"
#include "tools/interruption.h"
#include "tools/usage_error.h"
#include "tools/work_ends.h"

namespace atelier::tools {
namespace {

constexpr std::int64_t kBandBytes = std::int64_t{4} << 20;

/// One of two places where a band waits: on the device, and copied to the host.
struct Band {
  Band(Stream& stream, std::int64_t bytes)
      : device(stream, bytes, "picture band"),
        host(Buffer<std::byte>::host(stream, bytes, "picture band (host)")),
        copied(stream.device()) {}
  Buffer<std::byte> device;
  Buffer<std::byte> host;
  Event copied;
  std::int64_t rows = 0;
};

}  // namespace

PictureFormat format_of(const CppnRecipe& recipe) {
  return {recipe.width, recipe.height, recipe.topology.layers.back().width == 1 ? 1 : 3, recipe.sample};
}

std::int64_t band_rows(const PictureFormat& format) {
  std::int64_t rows = std::max<std::int64_t>(1, kBandBytes / format.row_bytes());
  if (const char* chosen = std::getenv("ATELIER_BAND_ROWS")) {
    const auto [end, error] = std::from_chars(chosen, chosen + std::strlen(chosen), rows);
    if (error != std::errc() || *end != '\0' || rows < 1)
      throw UsageError(std::string("ATELIER_BAND_ROWS '") + chosen + "': a whole number above 0 is needed");
  }
  // A picture of few bands still overlaps painting with storing.
  return std::min(rows, std::max<std::int64_t>(1, (format.height + 3) / 4));
}

std::string paint(Stream& stream, const CppnRecipe& recipe, PictureWriter& writer, Progress& progress) {
  const PictureFormat format = format_of(recipe);
  const std::int64_t rows = band_rows(format);
  const std::int64_t row_bytes = format.row_bytes();
  const CppnWindow window = recipe_window(recipe, format.width, format.height);
  const CppnProgram program(stream, recipe.topology, recipe.parameters, recipe.latent, recipe.precision);
  std::array<Band, 2> bands{Band(stream, rows * row_bytes), Band(stream, rows * row_bytes)};
  const WorkEnds ends(stream);

  std::int64_t painted = 0;
  const auto paint_next = [&](Band& band) {
    band.rows = std::min(rows, format.height - painted);
    if (band.rows == 0) return;
    const std::int64_t bytes = band.rows * row_bytes;
    cppn_render(stream, program, window, {0, painted, format.width, band.rows}, recipe.color, recipe.sample,
                band.device.view().part(0, bytes), row_bytes);
    copy<std::byte>(stream, band.host.view().part(0, bytes), band.device.view().part(0, bytes));
    band.copied.record(stream);
    painted += band.rows;
  };
  paint_next(bands[0]);
  for (std::size_t k = 0;; ++k) {
    Band& band = bands[k % 2];
    if (band.rows == 0) break;
    paint_next(bands[(k + 1) % 2]);
    band.copied.synchronize();
    throw_if_interrupted();
    writer.write_rows(band.host.data(), band.rows);
    progress.add(band.rows * format.width);
  }
  stream.synchronize();
  writer.finish();
  return std::string(program.path());
}

}  // namespace atelier::tools
