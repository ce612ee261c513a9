#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cppn.h"

namespace atelier::tools {

// Pictures of half the size. Samples of 8 and 16 bits are sRGB values: they become light (0..1, linear)
// first, and light is what is averaged, at every level anew, without rounding to samples in between. Floats
// are averaged as they are.
//
//   half(i, j) = (p(2i, 2j) + p(2i + 1, 2j) + p(2i, 2j + 1) + p(2i + 1, 2j + 1)) / 4
//
// Where a width or height is odd, the last column or row counts twice; so half has (width + 1) / 2 columns
// and (height + 1) / 2 rows. A flat area keeps its value exactly. Linear values are fp32, of f64 samples
// fp64.

/// Bytes of a linear value of such samples.
[[nodiscard]] std::int64_t linear_bytes(CppnSample sample);

/// Rows of pixels in memory.
struct Raster {
  CppnSample sample = CppnSample::u8;
  int channels = 3;
  std::int64_t width = 0;
  std::int64_t height = 0;
};

/// The linear values of half the picture; `samples` are dense.
void halve_samples(const Raster& picture, const std::byte* samples, std::byte* linear,
                   std::int64_t linear_row_bytes);
/// The same from linear values.
void halve_linear(const Raster& picture, const std::byte* source, std::int64_t source_row_bytes,
                  std::byte* linear, std::int64_t linear_row_bytes);
/// Dense samples of linear values: sRGB, rounded to nearest (within 0.06 of a 16-bit step); floats as they
/// are.
void samples_of_linear(const Raster& picture, const std::byte* linear, std::int64_t linear_row_bytes,
                       std::byte* samples);

}  // namespace atelier::tools
