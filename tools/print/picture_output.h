#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "models/atomic_file.h"
#include "tools/image/picture_writer.h"
#include "tools/print/picture_encoder.h"
#include "tools/print/print_format.h"
#include "tools/print/render_state.h"

namespace atelier::tools {

/// What a file is to hold beside the samples.
struct PictureContents {
  PrintFormat kind = PrintFormat::png;
  PictureFormat format;
  std::string recipe;    // JSON
  bool pyramid = false;  // tiff: reduced levels too
};

/// A picture's file or files on their way: under temporary names until commit().
class PictureOutput {
 public:
  /// `resumable`: what has been stored stays when the process ends, under PATH.part, and save() writes down
  /// how far it came. `from`: goes on behind that state, which is of the same contents; else begins anew.
  /// What no state knows of is removed again. Throws Error with one line: the folder is missing or not
  /// writable, the name is taken and not `force`.
  PictureOutput(const std::filesystem::path& path, const PictureContents& contents, bool force,
                bool resumable, const std::optional<RenderState>& from);
  ~PictureOutput();
  PictureOutput(const PictureOutput&) = delete;
  PictureOutput& operator=(const PictureOutput&) = delete;

  [[nodiscard]] PictureEncoder& encoder() { return *encoder_; }
  /// Writes down that the first `parts` parts are stored. Throws Error.
  void save(const std::string& identity, std::int64_t parts);
  /// After encoder().finish(): gives the file its name and removes what save() or an earlier render left.
  void commit();

 private:
  void remove_leftovers() const;

  std::filesystem::path path_;
  std::unique_ptr<AtomicFile> file_;  // none of a deep zoom: it is many
  std::unique_ptr<PictureEncoder> encoder_;
  bool worth_keeping_;  // there is a state that knows of what is stored
};

/// The folder that a file is in.
[[nodiscard]] std::filesystem::path folder_of(const std::filesystem::path& path);
/// Bytes that this user may still write there; nothing where the file system does not say.
[[nodiscard]] std::optional<std::uint64_t> free_disk(const std::filesystem::path& folder);

}  // namespace atelier::tools
