#include "kernels/resolve.h"

#include <fmt/format.h>

#include "kernels/resolve_launch.h"
#include "runtime/error.h"

namespace atelier {
namespace {

void check_how(const PixelResolve& how) {
  if (how.channels != 1 && how.channels != 3)
    throw InvalidArgument(fmt::format("resolve_pixels: {} channels; a network has 1 or 3", how.channels));
  if (how.samples < 1 || how.samples > kMaxResolveSamples)
    throw InvalidArgument(
        fmt::format("resolve_pixels: {} samples; 1 to {} are possible", how.samples, kMaxResolveSamples));
  if (how.color > CppnColor::palette)
    throw InvalidArgument(
        fmt::format("resolve_pixels: unknown colour model {}", static_cast<int>(how.color)));
  if (how.channels == 1 && how.color == CppnColor::oklch)
    throw InvalidArgument("resolve_pixels: oklch needs three channels, there is one");
  if (how.dither && how.sample != CppnSample::u8 && how.sample != CppnSample::u16)
    throw InvalidArgument("resolve_pixels: dither is for samples of u8 and u16");
}

/// count = product of the factors; false where that overflows or a factor is negative.
template <class... Factors>
bool multiply(std::int64_t& count, Factors... factors) {
  count = 1;
  return ((factors >= 0 && !__builtin_mul_overflow(count, std::int64_t{factors}, &count)) && ...);
}

void check_sizes(VectorView<const float> colors, const PixelRegion& region, const PixelResolve& how,
                 VectorView<const float> palette, VectorView<std::byte> output, std::int64_t row_bytes) {
  constexpr std::int64_t kMaxPixelIndex = std::int64_t{1} << 53;
  if (region.column < 0 || region.row < 0 || region.width < 0 || region.height < 0 ||
      region.column > kMaxPixelIndex - region.width || region.row > kMaxPixelIndex - region.height)
    throw InvalidArgument(
        fmt::format("resolve_pixels: region of {} x {} pixels at column {}, row {}; none may be negative or "
                    "end beyond 2^53",
                    region.width, region.height, region.column, region.row));
  std::int64_t points = 0;
  if (!multiply(points, region.width, region.height, how.samples, how.samples, how.channels) ||
      colors.size < points)
    throw InvalidArgument(
        fmt::format("resolve_pixels: {} values for {} x {} pixels of {} x {} points with {} channels",
                    colors.size, region.width, region.height, how.samples, how.samples, how.channels));
  if (how.color == CppnColor::palette && palette.size != 4 * kPaletteEntries)
    throw InvalidArgument(fmt::format("resolve_pixels: a palette of {} numbers; there must be {}",
                                      palette.size, 4 * kPaletteEntries));
  if (reinterpret_cast<std::uintptr_t>(palette.data) % 16 != 0)
    throw InvalidArgument("resolve_pixels: the palette does not begin at a multiple of 16 bytes");
  std::int64_t used = 0;
  std::int64_t needed = 0;
  if (!multiply(used, region.width, how.output_channels(),
                static_cast<std::int64_t>(cppn_sample_bytes(how.sample))) ||
      row_bytes < used)
    throw InvalidArgument(fmt::format("resolve_pixels: row_bytes is {}, {} pixels of {} channels need more",
                                      row_bytes, region.width, how.output_channels()));
  if (region.height > 0 && (!multiply(needed, region.height - 1, row_bytes) ||
                            __builtin_add_overflow(needed, used, &needed) || output.size < needed))
    throw InvalidArgument(
        fmt::format("resolve_pixels: output of {} bytes for {} rows, {} bytes apart, of {} bytes each",
                    output.size, region.height, row_bytes, used));
}

void dispatch(Stream& stream, const detail::ResolveCall& call) {
  ATELIER_DISPATCH(stream, resolve_pixels(stream, call))
}

}  // namespace

void resolve_pixels(Stream& stream, VectorView<const float> colors, PixelRegion region,
                    const PixelResolve& how, VectorView<const float> palette, VectorView<std::byte> output,
                    std::int64_t row_bytes) {
  check_how(how);
  check_sizes(colors, region, how, palette, output, row_bytes);
  if (region.width == 0 || region.height == 0) return;
  detail::ResolveCall call;
  call.colors = colors.data;
  call.palette = palette.data;
  call.how = how;
  call.target.region = region;
  call.target.channels = how.output_channels();
  call.target.sample = how.sample;
  call.target.data = output.data;
  call.target.row_bytes = row_bytes;
  dispatch(stream, call);
}

}  // namespace atelier
