#pragma once

#include <cstdint>
#include <string>

#include "models/atomic_file.h"
#include "tools/image/picture_writer.h"
#include "tools/print/picture_encoder.h"
#include "tools/print/row_parts.h"

namespace atelier::tools {

/// The samples themselves, row by row from the top, in native byte order, after `start`: NumPy's .npy with
/// npy_start(), a raw file with nothing.
class RowsEncoder final : public PictureEncoder {
 public:
  RowsEncoder(AtomicFile& file, const PictureFormat& format, std::string start);

  [[nodiscard]] std::int64_t part_count() const override { return parts_.count(); }
  [[nodiscard]] PixelRegion part(std::int64_t index) const override { return parts_.part(index); }
  [[nodiscard]] std::int64_t largest_part_bytes() const override { return parts_.largest_bytes(); }
  [[nodiscard]] std::int64_t encoding_bytes() const override { return parts_.largest_bytes(); }
  [[nodiscard]] std::int64_t own_bytes() const override { return static_cast<std::int64_t>(start_.size()); }

  [[nodiscard]] std::unique_ptr<Encoded> encode(std::int64_t index, const std::byte* samples) const override;
  void store(std::int64_t index, std::unique_ptr<Encoded> encoded) override;
  void finish() override {}
  void commit() override { file_.commit(); }
  [[nodiscard]] std::uint64_t bytes_written() const override { return file_.bytes_written(); }
  [[nodiscard]] std::string state() override;
  void restore(std::string_view state) override;

 private:
  AtomicFile& file_;
  std::int64_t pixel_bytes_;
  RowParts parts_;
  std::string start_;
};

}  // namespace atelier::tools
