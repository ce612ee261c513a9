#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "tools/image/picture_writer.h"
#include "tools/print/tiled_encoder.h"

namespace atelier::tools {

struct DeepZoomOptions {
  std::string recipe;      // JSON
  bool force = false;      // takes the place of what bears these names
  bool resumable = false;  // what has been stored stays when the process ends
};

/// A deep zoom picture: NAME.dzi (the description, in XML), NAME_files/LEVEL/COLUMN_ROW.png (tiles of all
/// levels down to 1 x 1; the level of full size is the highest), NAME_files/recipe.json and NAME.html, a
/// viewer that works from the local disk. Tiles have 512 x 512 pixels and no overlap: every pixel is painted,
/// filtered and stored once, and a quarter as many files are made as with 256; viewers that place tiles on
/// whole pixels of the screen, as this one does, show no seams. Levels are means of 2 x 2 pixels in linear
/// light (tools/print/halving.h).
///
/// All is written into the folder NAME.dzi.part beside and renamed when it is whole, NAME.dzi at last.
class DeepZoomEncoder final : public TiledEncoder {
 public:
  /// `path` ends in .dzi. Begins anew with store(0): what the temporary folder held is removed then. Throws
  /// Error with one line: the folder is missing or not writable, a name is taken (and not `force`), another
  /// process writes it; InvalidArgument for sides outside 1..2^31 - 1, channels other than 1 and 3, samples
  /// other than 8 and 16 bits.
  DeepZoomEncoder(std::filesystem::path path, const PictureFormat& format, const DeepZoomOptions& options);
  ~DeepZoomEncoder() override;

  void finish() override;
  void commit() override;
  [[nodiscard]] std::uint64_t bytes_written() const override { return bytes_; }
  [[nodiscard]] std::string state() override;
  void restore(std::string_view state) override;

 protected:
  [[nodiscard]] Packed pack(const PyramidTile& tile, const std::byte* samples) const override;
  [[nodiscard]] PackingBytes packing_bytes() const override;
  /// A file fills its last block by half.
  [[nodiscard]] std::int64_t bytes_beside() const override { return 2048; }
  void begin() override;
  void write(const PyramidTile& tile, const Packed& packed) override;

 private:
  struct Folder {
    Folder() = default;
    ~Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    int descriptor = -1;
  };
  void open_folder();
  /// Takes the names back that a process gave before it ended half-way through commit().
  void undo_commit() const;
  /// Everything written so far reaches the disk.
  void sync() const;
  void write_file(const std::filesystem::path& file, const void* data, std::size_t bytes);
  [[noreturn]] void fail(const std::filesystem::path& file, int error_number) const;

  std::filesystem::path path_;
  DeepZoomOptions options_;
  std::filesystem::path folder_;  // NAME.dzi.part
  Folder opened_;                 // that folder and its lock
  bool committed_ = false;
  std::uint64_t bytes_ = 0;
  std::string last_file_;  // the tile written last, and its size
  std::uint64_t last_bytes_ = 0;
};

/// True when a process gave a picture all its names and was killed before it had cleaned up behind itself.
[[nodiscard]] bool deep_zoom_is_named(const std::filesystem::path& path);

/// The recipe of a deep zoom picture, from NAME_files/recipe.json beside NAME.dzi. Throws InvalidArgument.
[[nodiscard]] std::string read_deep_zoom_recipe(const std::filesystem::path& path);

}  // namespace atelier::tools
