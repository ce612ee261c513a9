#pragma once

#include <filesystem>
#include <vector>

#include "tools/image/film_writer.h"

namespace atelier::tools {

/// A folder of PNG pictures, frame-00000.png and on, each with its own recipe inside, and film.json, the
/// film's description. It is written under another name beside and renamed when it is whole.
class FilmFolder final : public FilmWriter {
 public:
  /// `force` replaces a folder in which there is nothing but an earlier film. Throws Error.
  FilmFolder(std::filesystem::path folder, bool force, FilmFormat format);
  ~FilmFolder() override;
  void write(const std::vector<FilmFrame>& frames) override;
  void commit() override;
  [[nodiscard]] std::uint64_t bytes_written() const override { return bytes_; }

 private:
  std::filesystem::path folder_;
  std::filesystem::path temporary_;  // empty once it has its name
  bool force_;
  FilmFormat format_;
  std::int64_t frames_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace atelier::tools
