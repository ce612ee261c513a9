#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tools/image/picture_writer.h"

namespace atelier::tools {

/// The kinds of film, by the name: .gif, .mp4, .webm, and a folder of PNG pictures ("frames/", or a name
/// without an extension).
enum class FilmFile : std::uint8_t { gif, mp4, webm, folder };
/// Throws UsageError for another extension and lists those there are.
[[nodiscard]] FilmFile film_file_of(const std::string& output);

struct FilmFormat {
  PictureFormat picture;  // u8 or u16 (folder only)
  double frames_per_second = 25;
  std::int64_t frames = 1;
  std::string description;  // of the whole film, JSON
};
/// Throws UsageError when the kind of file cannot hold the film: a GIF has sides to 65535 and at most 50
/// frames a second, videos have even sides to 16384; 16 bits are for folders.
void check_film_format(FilmFile kind, const FilmFormat& format);

/// One frame on its way.
struct FilmFrame {
  const std::byte* samples = nullptr;        // dense rows in native byte order
  std::function<std::string()> recipe = {};  // JSON; asked only by kinds that keep one for every frame
};

/// Takes a film's frames in order; nothing has the film's name before commit(), and what was begun is removed
/// when the writer dies before. The bytes are the same however the frames are grouped.
class FilmWriter {
 public:
  FilmWriter() = default;
  virtual ~FilmWriter() = default;
  FilmWriter(const FilmWriter&) = delete;
  FilmWriter& operator=(const FilmWriter&) = delete;

  /// The next frames. Throws Error when they cannot be written, Interrupted.
  virtual void write(const std::vector<FilmFrame>& frames) = 0;
  /// After the last frame. Throws Error.
  virtual void commit() = 0;
  [[nodiscard]] virtual std::uint64_t bytes_written() const = 0;
};

/// Throws Error with one line: the name is taken and not `force`, the folder is missing, ffmpeg is not
/// installed (.mp4, .webm).
[[nodiscard]] std::unique_ptr<FilmWriter> make_film_writer(FilmFile kind, const std::string& output,
                                                           bool force, const FilmFormat& format);

}  // namespace atelier::tools
