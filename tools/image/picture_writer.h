#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "kernels/cppn.h"
#include "models/atomic_file.h"

namespace atelier::tools {

/// What a picture file holds.
struct PictureFormat {
  std::int64_t width = 0;
  std::int64_t height = 0;
  int channels = 3;  // 1 (grey) or 3 (RGB)
  CppnSample sample = CppnSample::u8;
  double pixels_per_inch = 0;  // 0: the file says nothing about its size on paper

  [[nodiscard]] std::int64_t row_bytes() const {
    return width * channels * static_cast<std::int64_t>(cppn_sample_bytes(sample));
  }
};

/// A named text inside a picture.
struct PictureText {
  std::string keyword;
  std::string text;
};

/// Takes a picture's rows from the top as they come; memory does not grow with the picture's height.
class PictureWriter {
 public:
  PictureWriter() = default;
  virtual ~PictureWriter() = default;
  PictureWriter(const PictureWriter&) = delete;
  PictureWriter& operator=(const PictureWriter&) = delete;
  /// `count` dense rows in native byte order. Throws Error when they cannot be written.
  virtual void write_rows(const std::byte* rows, std::int64_t count) = 0;
  /// After the last row: completes the file's contents (AtomicFile::commit names the file). Throws Error.
  virtual void finish() = 0;
};

/// The kinds of file that pictures are written to, by extension.
enum class PictureFile : std::uint8_t { png, npy };
/// Throws UsageError for another extension and lists those there are.
[[nodiscard]] PictureFile picture_file_of(const std::filesystem::path& path);
/// Throws UsageError when the kind of file cannot hold the format: PNG has 8 and 16 bits, and at most
/// 2^31 - 1 pixels a side.
void check_picture_format(PictureFile kind, const PictureFormat& format);
/// A writer into `file`. PNG carries the texts; .npy has no place for them.
[[nodiscard]] std::unique_ptr<PictureWriter> make_picture_writer(PictureFile kind, AtomicFile& file,
                                                                 const PictureFormat& format,
                                                                 const std::vector<PictureText>& texts);

}  // namespace atelier::tools
