#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/atomic_file.h"
#include "tools/image/picture_writer.h"
#include "tools/print/picture_encoder.h"
#include "tools/print/row_parts.h"

namespace atelier::tools {

/// PNG of any size (RFC 2083: sides up to 2^31 - 1), 8 or 16 bits: rows in bands, each deflated by itself
/// (tools/print/deflate.h) and ended by a full flush, so that bands are packed in parallel and joined as they
/// are; one IDAT chunk a band. Filter 1 (the difference to the pixel on the left), which needs no other row;
/// on CPPN pictures it packs as well as any. Rows of more than 64 MiB are cut too, and stay unfiltered.
class PngEncoder final : public PictureEncoder {
 public:
  /// `file` is empty, unless restore() follows. Texts as in PngInformation. Throws Error.
  PngEncoder(AtomicFile& file, const PictureFormat& format, const std::vector<PictureText>& texts);

  [[nodiscard]] std::int64_t part_count() const override { return parts_.count(); }
  [[nodiscard]] PixelRegion part(std::int64_t index) const override { return parts_.part(index); }
  [[nodiscard]] std::int64_t largest_part_bytes() const override { return parts_.largest_bytes(); }
  [[nodiscard]] std::int64_t encoding_bytes() const override;
  [[nodiscard]] std::int64_t own_bytes() const override { return static_cast<std::int64_t>(start_.size()); }

  [[nodiscard]] std::unique_ptr<Encoded> encode(std::int64_t index, const std::byte* samples) const override;
  void store(std::int64_t index, std::unique_ptr<Encoded> encoded) override;
  void finish() override;
  void commit() override { file_.commit(); }
  [[nodiscard]] std::uint64_t bytes_written() const override { return file_.bytes_written(); }
  [[nodiscard]] std::string state() override;
  void restore(std::string_view state) override;

 private:
  void write_data(const void* data, std::size_t bytes);

  AtomicFile& file_;
  PictureFormat format_;
  RowParts parts_;
  std::string start_;           // written with the first part
  std::uint32_t checksum_ = 1;  // Adler-32 of all filtered rows so far
};

}  // namespace atelier::tools
