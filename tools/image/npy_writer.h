#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tools/image/picture_writer.h"

namespace atelier::tools {

/// An array of float32 of any shape, in the format below. Throws InvalidArgument when `values` are not as
/// many as the shape has, Error when they cannot be written.
void write_npy(AtomicFile& file, const std::vector<std::int64_t>& shape, std::span<const float> values);

/// The first bytes of a picture's .npy, version 1.0 (numpy.lib.format): an array of shape (height, width, 3)
/// or (height, width) of uint8, uint16, float32 or float64 in C order, little-endian.
[[nodiscard]] std::string npy_start(const PictureFormat& format);

/// That file, row by row.
class NpyWriter final : public PictureWriter {
 public:
  NpyWriter(AtomicFile& file, const PictureFormat& format);
  void write_rows(const std::byte* rows, std::int64_t count) override;
  void finish() override;

 private:
  AtomicFile& file_;
  PictureFormat format_;
  std::int64_t rows_left_;
};

}  // namespace atelier::tools
