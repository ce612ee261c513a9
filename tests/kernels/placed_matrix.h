#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "runtime/buffer.h"
#include "runtime/stream.h"
#include "runtime/view.h"

namespace atelier::testing {

constexpr float kCanary = 7654321.0F;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// Where a matrix lies: its first element `offset` floats into an aligned buffer, rows `gap` floats apart.
struct Place {
  std::int64_t offset = 0;
  std::int64_t gap = 0;
};

/// A matrix in device memory, and what surrounds it: `filler` in gaps, before and after.
struct PlacedMatrix {
  PlacedMatrix(Stream& stream, std::int64_t rows, std::int64_t columns, Place place, float filler)
      : stride(columns + place.gap),
        offset(place.offset),
        host(static_cast<std::size_t>(place.offset + rows * stride + 4), filler),
        buffer(stream, static_cast<std::int64_t>(host.size())),
        view{buffer.data() + offset, rows, columns, stride} {}

  [[nodiscard]] std::size_t index(std::int64_t row, std::int64_t column) const {
    return static_cast<std::size_t>(offset + row * stride + column);
  }
  /// Of the i-th element, row by row.
  [[nodiscard]] std::size_t index(std::int64_t i) const { return index(i / view.columns, i % view.columns); }
  float& operator[](std::int64_t i) { return host[index(i)]; }
  float& at(std::int64_t row, std::int64_t column) { return host[index(row, column)]; }
  [[nodiscard]] float at(std::int64_t row, std::int64_t column) const { return host[index(row, column)]; }
  [[nodiscard]] bool inside(std::size_t place) const {
    const std::int64_t distance = static_cast<std::int64_t>(place) - offset;
    return distance >= 0 && distance < view.rows * stride && distance % stride < view.columns;
  }
  void randomise(std::mt19937& generator, float scale) {
    std::uniform_real_distribution<float> distribution(-scale, scale);
    for (std::size_t i = 0; i < host.size(); ++i)
      if (inside(i)) host[i] = distribution(generator);
  }
  void to_device(Stream& stream) { upload<float>(stream, buffer.view(), host); }
  /// Fetches what the device holds.
  void fetch(Stream& stream) { host = download<float>(stream, buffer.view()); }
  /// How many elements outside of the matrix are not `filler` any more, to the bit.
  [[nodiscard]] std::size_t touched(float filler = kCanary) const {
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < host.size(); ++i)
      wrong += !inside(i) && std::bit_cast<std::uint32_t>(host[i]) != std::bit_cast<std::uint32_t>(filler);
    return wrong;
  }
  /// Fetches what the device holds; elements outside of the matrix must still be `filler`.
  void from_device(Stream& stream, float filler) {
    fetch(stream);
    EXPECT_EQ(touched(filler), 0U) << "elements written outside of the matrix";
  }

  std::int64_t stride;
  std::int64_t offset;
  std::vector<float> host;
  Buffer<float> buffer;
  MatrixView<float> view;
};

/// How many elements differ in a bit; all where the sizes do.
inline std::size_t different_bits(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return a.size() + b.size() + 1;
  std::size_t different = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    different += std::bit_cast<std::uint32_t>(a[i]) != std::bit_cast<std::uint32_t>(b[i]);
  return different;
}

}  // namespace atelier::testing
