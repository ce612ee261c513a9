#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "models/atomic_file.h"
#include "tools/image/encoder_process.h"
#include "tools/image/film_writer.h"

namespace atelier::tools {

/// MP4 (H.264) or WebM (VP9) through ffmpeg, 8 bits, 4:2:0 in BT.709, the description as its comment.
class FilmPipe final : public FilmWriter {
 public:
  FilmPipe(FilmFile kind, const std::string& output, bool force, const FilmFormat& format);
  void write(const std::vector<FilmFrame>& frames) override;
  void commit() override;
  [[nodiscard]] std::uint64_t bytes_written() const override { return file_.bytes_written(); }

 private:
  AtomicFile file_;
  std::size_t frame_bytes_;
  EncoderProcess process_;
};

}  // namespace atelier::tools
