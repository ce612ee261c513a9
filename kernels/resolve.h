#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cppn.h"
#include "runtime/stream.h"
#include "runtime/view.h"

namespace atelier {

/// What resolve_pixels makes of a network's values.
struct PixelResolve {
  int channels = 3;                    // of the network: 1 or 3
  int samples = 1;                     // points a pixel: samples x samples, 1 to kMaxResolveSamples a side
  CppnColor color = CppnColor::rgb;    // oklch needs three channels; hsv of one is grey
  CppnSample sample = CppnSample::u8;  // how the pixels' channels are stored
  bool dither = false;                 // u8 and u16 only
  /// Channels of the pixels: a palette makes three of one.
  [[nodiscard]] int output_channels() const { return color == CppnColor::palette ? 3 : channels; }
};
inline constexpr int kMaxResolveSamples = 16;

/// A palette on the device: kPaletteEntries colours evenly spaced from 0 to 1, four numbers each: red, green,
/// blue as light (linear, 0..1) and one that is not looked at. Between entries colours are interpolated.
inline constexpr int kPaletteEntries = 1024;

/// Makes pixels of the points that a network painted. `colors`: fp32 [region.height samples][region.width
/// samples][channels]; `region`: which pixels of the whole picture these are; row r of the output begins at
/// byte r row_bytes. For every pixel
///   each point's values become light (CppnColor says how; sRGB is decoded), light is averaged over the
///   samples x samples points (a box filter in linear light), and the mean is encoded as sRGB and stored
///   (CppnSample).
/// Where there is one point a pixel and the colour is rgb or hsv, values are stored as they are, without that
/// round trip; else floats are stored too as limited to 0..1. Arithmetic is fp32, absolute error of a channel
/// at most 2e-6 but for oklch's chroma, where it is cut (2^-16 of it). `dither` adds triangular noise of at
/// most one step before rounding: a hash of column, row and channel in the whole picture, so that any cut
/// into regions gives the same bytes. Black and white stay clean. Deterministic on one device and instruction
/// set. One thread a pixel on cuda. `palette`: 4 kPaletteEntries numbers for CppnColor::palette, else empty.
/// Empty regions are allowed. Throws InvalidArgument: numbers out of the ranges above, sizes that do not fit.
void resolve_pixels(Stream& stream, VectorView<const float> colors, PixelRegion region,
                    const PixelResolve& how, VectorView<const float> palette, VectorView<std::byte> output,
                    std::int64_t row_bytes);

}  // namespace atelier
