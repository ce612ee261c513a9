#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "kernels/cppn.h"
#include "models/recipe.h"
#include "runtime/buffer.h"
#include "runtime/stream.h"
#include "runtime/view.h"

namespace atelier {

/// Channels of the picture that a recipe paints: 1 (grey) or 3; a palette makes three of a network's one.
[[nodiscard]] int picture_channels(const CppnRecipe& recipe);

/// A recipe made ready for one device and one picture size: the network packed, the palette uploaded, the
/// window computed. Where the recipe asks for nothing but the network's own colours (rgb, hsv, one sample a
/// pixel, no dither) its kernel stores the samples itself; else the network paints fp32 values of
/// samples x samples points a pixel and resolve_pixels (kernels/resolve.h) makes pixels of them.
class PicturePainter {
 public:
  /// Throws InvalidArgument where validate(recipe) and recipe_window do, OutOfMemory.
  PicturePainter(Stream& stream, const CppnRecipe& recipe, std::int64_t width, std::int64_t height);
  ~PicturePainter();
  PicturePainter(PicturePainter&&) noexcept;
  PicturePainter& operator=(PicturePainter&&) noexcept;

  [[nodiscard]] int channels() const;
  [[nodiscard]] std::int64_t pixel_bytes() const;  // channels * bytes of a sample
  [[nodiscard]] std::string_view path() const;     // the network's kernel
  /// Device memory that paint() holds beyond its output, whatever the region (at most some 32 MiB).
  [[nodiscard]] std::int64_t scratch_bytes() const;

  /// Queues the painting of `region` into `output`, as cppn_render does: region.height rows of region.width *
  /// pixel_bytes() bytes, row r from byte r * row_bytes on. A pixel depends on its own place alone, so any
  /// cut into regions gives the same bytes. Deterministic on one device and instruction set. Throws what
  /// cppn_render throws.
  void paint(Stream& stream, PixelRegion region, VectorView<std::byte> output, std::int64_t row_bytes);

  /// Another latent vector or window, in stream order, without packing the network again: frames of a film.
  void set_latent(Stream& stream, std::span<const double> latent);
  void set_window(const CppnWindow& window);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace atelier
