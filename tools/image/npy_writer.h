#pragma once

#include "tools/image/picture_writer.h"

namespace atelier::tools {

/// NumPy's .npy, version 1.0 (numpy.lib.format): an array of shape (height, width, 3) or (height, width) of
/// uint8, uint16, float32 or float64 in C order, little-endian.
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
