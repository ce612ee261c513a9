#include "tools/print/tiff_encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <cstring>

#include "runtime/error.h"
#include "tools/print/deflate.h"
#include "tools/print/tiff_directory.h"
#include "tools/print/tiff_predictor.h"

namespace atelier::tools {
namespace {

static_assert(std::endian::native == std::endian::little, "tiles are written in native byte order");

constexpr std::int64_t kTileStep = 16;  // TIFF's tiles have multiples of that many pixels a side

std::int64_t tile_side(std::int64_t side) {
  return std::min(PyramidShape::kTileSide, (side + kTileStep - 1) / kTileStep * kTileStep);
}

bool floating(CppnSample sample) {
  return sample == CppnSample::f32 || sample == CppnSample::f64;
}

/// Whether the file could pass what 32-bit offsets reach, even if nothing in it can be packed.
bool needs_big(const PyramidShape& shape, std::int64_t tile_bytes, std::size_t recipe_bytes) {
  constexpr double kReach = 4294967295.0;
  constexpr double kTableBytes = 8;
  double bytes = 65536.0 + static_cast<double>(recipe_bytes);
  for (int level = 0; level < shape.levels; ++level)
    bytes += static_cast<double>(shape.columns(level)) * static_cast<double>(shape.rows(level)) *
             (static_cast<double>(deflate_bound(tile_bytes)) + kTableBytes);
  return bytes > kReach;
}

TiffDirectory directory_of(const PyramidShape& shape, int level, std::int64_t tile_width,
                           std::int64_t tile_height, const std::string& recipe) {
  const PictureFormat& format = shape.format;
  const auto word = [](std::int64_t value) { return std::vector{static_cast<std::uint64_t>(value)}; };
  const auto each_channel = [&](std::int64_t value) {
    return std::vector(static_cast<std::size_t>(format.channels), static_cast<std::uint64_t>(value));
  };
  const std::int64_t bits = 8 * static_cast<std::int64_t>(cppn_sample_bytes(format.sample));
  const bool numbers = floating(format.sample);

  TiffDirectory directory;
  directory.add(TiffTag::new_subfile_type, TiffType::word, word(level > 0 ? 1 : 0));
  directory.add(TiffTag::image_width, TiffType::word, word(shape.width(level)));
  directory.add(TiffTag::image_length, TiffType::word, word(shape.height(level)));
  directory.add(TiffTag::bits_per_sample, TiffType::half, each_channel(bits));
  directory.add(TiffTag::compression, TiffType::half, word(8));                             // deflate
  directory.add(TiffTag::photometric, TiffType::half, word(format.channels == 1 ? 1 : 2));  // black is 0; RGB
  if (level == 0 && !recipe.empty()) directory.add_text(TiffTag::image_description, recipe);
  directory.add(TiffTag::samples_per_pixel, TiffType::half, word(format.channels));
  if (level == 0 && format.pixels_per_inch > 0) {
    directory.add_ratio(TiffTag::x_resolution, format.pixels_per_inch);
    directory.add_ratio(TiffTag::y_resolution, format.pixels_per_inch);
  }
  directory.add(TiffTag::planar_configuration, TiffType::half, word(1));  // a pixel's samples together
  if (level == 0 && format.pixels_per_inch > 0)
    directory.add(TiffTag::resolution_unit, TiffType::half, word(2));  // inch
  directory.add_text(TiffTag::software, "Atelier " ATELIER_VERSION);
  directory.add(TiffTag::predictor, TiffType::half, word(numbers ? 3 : 2));
  directory.add(TiffTag::tile_width, TiffType::word, word(tile_width));
  directory.add(TiffTag::tile_length, TiffType::word, word(tile_height));
  directory.add_tables(static_cast<std::uint64_t>(shape.columns(level) * shape.rows(level)));
  directory.add(TiffTag::sample_format, TiffType::half, each_channel(numbers ? 3 : 1));  // float; unsigned
  return directory;
}

}  // namespace

TiffEncoder::TiffEncoder(AtomicFile& file, const PictureFormat& format, const TiffOptions& options)
    : TiledEncoder(PyramidShape(
          format, options.pyramid ? PyramidShape::levels_down_to(format, PyramidShape::kTileSide) : 1)),
      file_(file),
      format_(format),
      tile_width_(tile_side(format.width)),
      tile_height_(tile_side(format.height)),
      big_(needs_big(shape(), tile_bytes(), options.recipe.size())) {
  // All directories, one behind the other, each followed by its tables.
  std::uint64_t position = TiffDirectory::header_bytes(big_);
  start_.push_back({TiffDirectory::header(big_), 0});
  for (int level = 0; level < shape().levels; ++level) {
    const TiffDirectory directory = directory_of(shape(), level, tile_width_, tile_height_, options.recipe);
    const bool last = level + 1 == shape().levels;
    TiffDirectory::Written written = directory.written(big_, position, last);
    tables_.push_back({written.offsets, written.byte_counts});
    position += written.bytes.size() + written.table_bytes;
    start_.push_back({std::move(written.bytes), written.table_bytes});
  }
}

std::int64_t TiffEncoder::tile_bytes() const {
  return tile_width_ * tile_height_ * shape().pixel_bytes();
}

TiledEncoder::PackingBytes TiffEncoder::packing_bytes() const {
  const std::int64_t packed = deflate_bound(tile_bytes());
  return {packed, tile_bytes() + packed + deflate_bytes()};
}

TiledEncoder::Packed TiffEncoder::pack(const PyramidTile& tile, const std::byte* samples) const {
  // Tiles at the edges are filled up with their last column and row, which pack to nearly nothing.
  std::vector<unsigned char> full(static_cast<std::size_t>(tile_bytes()));
  const std::int64_t pixel_bytes = shape().pixel_bytes();
  const std::int64_t row_bytes = tile_width_ * pixel_bytes;
  unsigned char* row = full.data();
  for (std::int64_t r = 0; r < tile.height; ++r, row += row_bytes) {
    std::memcpy(row, samples + r * tile.width * pixel_bytes,
                static_cast<std::size_t>(tile.width * pixel_bytes));
    for (std::int64_t byte = tile.width * pixel_bytes; byte < row_bytes; ++byte)
      row[byte] = row[byte - pixel_bytes];
    predict_tiff_row(format_.sample, format_.channels, tile_width_, row);
  }
  for (std::int64_t r = tile.height; r < tile_height_; ++r, row += row_bytes)
    std::memcpy(row, row - row_bytes, static_cast<std::size_t>(row_bytes));
  return deflated(full);
}

void TiffEncoder::begin() {
  static constexpr std::array<char, 65536> kZeros{};
  for (const Start& start : start_) {
    file_.write(start.bytes.data(), start.bytes.size());
    for (std::uint64_t left = start.zeros; left > 0;) {
      const std::size_t count = std::min<std::uint64_t>(left, kZeros.size());
      file_.write(kZeros.data(), count);
      left -= count;
    }
  }
}

void TiffEncoder::write(const PyramidTile& tile, const Packed& packed) {
  const std::uint64_t offset = file_.bytes_written();
  const auto bytes = static_cast<std::uint32_t>(packed.size());
  file_.write(packed.data(), packed.size());
  const Tables& tables = tables_[static_cast<std::size_t>(tile.level)];
  const auto index = static_cast<std::uint64_t>(tile.row * shape().columns(tile.level) + tile.column);
  if (big_) {
    file_.patch(tables.offsets + 8 * index, &offset, sizeof(offset));
  } else {
    const auto short_offset = static_cast<std::uint32_t>(offset);
    file_.patch(tables.offsets + 4 * index, &short_offset, sizeof(short_offset));
  }
  file_.patch(tables.byte_counts + 4 * index, &bytes, sizeof(bytes));
}

std::string TiffEncoder::state() {
  file_.sync();
  return fmt::format("tiff {}\n", file_.bytes_written()) + levels_state();
}

void TiffEncoder::restore(std::string_view state) {
  const std::size_t end = std::min(state.find('\n'), state.size());
  const std::string head(state.substr(0, end));
  std::uint64_t bytes = 0;
  int used = 0;
  if (std::sscanf(head.c_str(), "tiff %lu%n", &bytes, &used) != 1 ||
      static_cast<std::size_t>(used) != head.size() || bytes > file_.bytes_written() || end == state.size() ||
      !restore_levels(state.substr(end + 1)))
    throw Error(fmt::format("{}: what is there does not fit the render that it is said to be of",
                            file_.path().string()));
  file_.cut(bytes);
}

}  // namespace atelier::tools
