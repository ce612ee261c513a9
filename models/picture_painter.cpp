#include "models/picture_painter.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/resolve.h"
#include "models/palette.h"

namespace atelier {
namespace {

/// Of the values between the network and the pixels.
constexpr std::int64_t kScratchBytes = std::int64_t{32} << 20;     // cuda
constexpr std::int64_t kHostScratchBytes = std::int64_t{8} << 20;  // fits the outermost cache

/// The network's kernel stores what it paints; nothing has to come after it.
bool painted_directly(const CppnRecipe& recipe) {
  return recipe.color <= CppnColor::hsv && recipe.samples == 1 && !recipe.dither;
}

/// The same plane with samples x samples points for every pixel, evenly spaced around the pixel's own point.
CppnWindow with_samples(const CppnWindow& window, int samples) {
  const double count = samples;
  const double shift = 0.5 / count - 0.5;  // of the first point, in pixels
  CppnWindow finer;
  finer.x0 = window.x0 + (window.x_column + window.x_row) * shift;
  finer.x_column = window.x_column / count;
  finer.x_row = window.x_row / count;
  finer.y0 = window.y0 + (window.y_column + window.y_row) * shift;
  finer.y_column = window.y_column / count;
  finer.y_row = window.y_row / count;
  return finer;
}

/// The whole output, before any piece of it is queued.
void check_output(const PixelRegion& region, std::int64_t pixel_bytes, VectorView<std::byte> output,
                  std::int64_t row_bytes) {
  constexpr std::int64_t kMostPixels = std::int64_t{1} << 48;
  if (region.column < 0 || region.row < 0 || region.column > kMostPixels || region.row > kMostPixels ||
      region.width > kMostPixels || region.height > kMostPixels)
    throw InvalidArgument(
        fmt::format("PicturePainter: region of {} x {} pixels at column {}, row {}; 0 to 2^48 are possible",
                    region.width, region.height, region.column, region.row));
  std::int64_t needed = 0;
  if (row_bytes < region.width * pixel_bytes ||
      __builtin_mul_overflow(region.height - 1, row_bytes, &needed) ||
      output.size - region.width * pixel_bytes < needed)
    throw InvalidArgument(
        fmt::format("PicturePainter: output of {} bytes for {} rows, {} bytes apart, of {} bytes each",
                    output.size, region.height, row_bytes, region.width * pixel_bytes));
}

}  // namespace

struct PicturePainter::Parts {
  Parts(Stream& stream, const CppnRecipe& recipe, std::int64_t width, std::int64_t height)
      : program(stream, recipe.topology, recipe.parameters, recipe.latent, recipe.precision),
        direct(painted_directly(recipe)),
        how{program.channels(), recipe.samples, recipe.color, recipe.sample, recipe.dither} {
    if (direct) return;
    // No more than the picture has; in double, where no size overflows.
    const double points =
        static_cast<double>(width) * static_cast<double>(height) * how.channels * how.samples * how.samples;
    const std::int64_t most =
        (stream.device().kind() == DeviceKind::cuda ? kScratchBytes : kHostScratchBytes) /
        std::int64_t{sizeof(float)};
    values =
        Buffer<float>(stream, points < static_cast<double>(most) ? static_cast<std::int64_t>(points) : most,
                      "picture points");
    if (recipe.color != CppnColor::palette) return;
    const std::vector<float> table = palette_table(recipe.palette);
    palette = Buffer<float>(stream, static_cast<std::int64_t>(table.size()), "palette");
    upload<float>(stream, palette.view(), table);
  }

  void paint(Stream& stream, PixelRegion region, VectorView<std::byte> output, std::int64_t row_bytes) {
    const PixelRegion points{region.column * how.samples, region.row * how.samples,
                             region.width * how.samples, region.height * how.samples};
    const std::int64_t line = points.width * how.channels;
    const std::int64_t count = points.height * line;
    constexpr std::int64_t kBytes = sizeof(float);
    cppn_render(stream, program, with_samples(window, how.samples), points, CppnColor::rgb, CppnSample::f32,
                {reinterpret_cast<std::byte*>(values.data()), count * kBytes}, line * kBytes);
    resolve_pixels(stream, values.view().part(0, count), region, how, palette.view(), output, row_bytes);
  }

  CppnProgram program;
  CppnWindow window;
  bool direct;
  PixelResolve how;
  Buffer<float> values;
  Buffer<float> palette;
};

int picture_channels(const CppnRecipe& recipe) {
  return recipe.color == CppnColor::palette || recipe.topology.layers.back().width != 1 ? 3 : 1;
}

PicturePainter::PicturePainter(Stream& stream, const CppnRecipe& recipe, std::int64_t width,
                               std::int64_t height) {
  validate(recipe);
  const CppnWindow window = recipe_window(recipe, width, height);
  parts_ = std::make_unique<Parts>(stream, recipe, width, height);
  parts_->window = window;
}
PicturePainter::~PicturePainter() = default;
PicturePainter::PicturePainter(PicturePainter&&) noexcept = default;
PicturePainter& PicturePainter::operator=(PicturePainter&&) noexcept = default;

int PicturePainter::channels() const {
  return parts_->how.output_channels();
}
std::int64_t PicturePainter::pixel_bytes() const {
  return channels() * static_cast<std::int64_t>(cppn_sample_bytes(parts_->how.sample));
}
std::string_view PicturePainter::path() const {
  return parts_->program.path();
}
std::int64_t PicturePainter::scratch_bytes() const {
  return parts_->values.size() * static_cast<std::int64_t>(sizeof(float));
}

void PicturePainter::paint(Stream& stream, PixelRegion region, VectorView<std::byte> output,
                           std::int64_t row_bytes) {
  Parts& parts = *parts_;
  if (parts.direct || region.width <= 0 || region.height <= 0)
    return cppn_render(stream, parts.program, parts.window, region,
                       parts.direct ? parts.how.color : CppnColor::rgb, parts.how.sample, output, row_bytes);
  check_output(region, pixel_bytes(), output, row_bytes);
  // Pieces of as many whole rows as the scratch holds, or of a part of one.
  const std::int64_t pixels =
      parts.values.size() / (std::int64_t{parts.how.samples} * parts.how.samples * parts.how.channels);
  const std::int64_t columns = std::min(region.width, pixels);
  const std::int64_t rows = std::max<std::int64_t>(1, pixels / columns);
  for (std::int64_t row = 0; row < region.height; row += rows)
    for (std::int64_t column = 0; column < region.width; column += columns) {
      const PixelRegion piece{region.column + column, region.row + row,
                              std::min(columns, region.width - column), std::min(rows, region.height - row)};
      const std::int64_t first = row * row_bytes + column * pixel_bytes();
      parts.paint(stream, piece, output.part(first, output.size - first), row_bytes);
    }
}

void PicturePainter::set_latent(Stream& stream, std::span<const double> latent) {
  parts_->program.set_latent(stream, latent);
}
void PicturePainter::set_window(const CppnWindow& window) {
  parts_->window = window;
}

}  // namespace atelier
