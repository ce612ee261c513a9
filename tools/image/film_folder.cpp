#include "tools/image/film_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <random>
#include <string>
#include <system_error>

#include "runtime/parallel.h"
#include "tools/image/png_reader.h"
#include "tools/image/png_writer.h"
#include "tools/interruption.h"

namespace atelier::tools {
namespace {

[[noreturn]] void fail(const std::filesystem::path& folder, int error_number) {
  throw Error(
      fmt::format("cannot write {}: {}", folder.string(), std::system_category().message(error_number)));
}

/// True for a name that FilmFolder gives.
bool is_of_a_film(const std::string& name) {
  return name == "film.json" || (name.starts_with("frame-") && name.ends_with(".png"));
}

/// Throws where `folder` holds anything but a film.
void require_film_alone(const std::filesystem::path& folder) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error))
    if (const std::string name = entry->path().filename().string();
        !is_of_a_film(name) || !entry->is_regular_file())
      throw Error(fmt::format("{} holds more than a film ({}): --force replaces only folders of frames",
                              folder.string(), name));
  if (error) fail(folder, error.value());
}

void require_place(const std::filesystem::path& folder, bool force) {
  std::error_code ignored;
  const std::filesystem::file_status status = std::filesystem::symlink_status(folder, ignored);
  if (!std::filesystem::exists(status)) return;
  if (!std::filesystem::is_directory(status))
    throw Error(fmt::format("{} exists already and is no folder", folder.string()));
  if (!force) throw Error(fmt::format("{} exists already; --force replaces it", folder.string()));
  require_film_alone(folder);
}

void write_text(const std::filesystem::path& path, const std::string& text) {
  AtomicFile file(path, AtomicFile::Existing::refuse);
  file.write(text.data(), text.size());
  file.commit();
}

}  // namespace

FilmFolder::FilmFolder(std::filesystem::path folder, bool force, FilmFormat format)
    : folder_(std::move(folder)), force_(force), format_(std::move(format)) {
  if (!folder_.has_filename()) folder_ = folder_.parent_path();  // "frames/"
  require_place(folder_, force_);
  std::random_device entropy;
  std::filesystem::path name;
  for (;;) {
    name = fmt::format("{}.part-{:08x}", folder_.string(), entropy());
    if (mkdir(name.c_str(), 0777) == 0) break;
    if (errno != EEXIST) fail(folder_, errno);
  }
  temporary_ = name;
}

FilmFolder::~FilmFolder() {
  std::error_code ignored;
  if (!temporary_.empty()) std::filesystem::remove_all(temporary_, ignored);
}

void FilmFolder::write(const std::vector<FilmFrame>& frames) {
  const auto count = static_cast<std::int64_t>(frames.size());
  std::atomic<std::uint64_t> bytes = 0;
  parallel_for(count, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      throw_if_interrupted();
      const FilmFrame& frame = frames[static_cast<std::size_t>(i)];
      AtomicFile file(temporary_ / fmt::format("frame-{:05}.png", frames_ + i), AtomicFile::Existing::refuse);
      const std::vector<PictureText> texts{{kRecipeKeyword, frame.recipe()}};
      PngWriter writer(file, format_.picture, texts);
      writer.write_rows(frame.samples, format_.picture.height);
      writer.finish();
      file.commit();
      bytes += file.bytes_written();
    }
  });
  frames_ += count;
  bytes_ += bytes;
}

void FilmFolder::commit() {
  write_text(temporary_ / "film.json", format_.description + "\n");
  bytes_ += format_.description.size() + 1;
  require_place(folder_, force_);
  if (std::filesystem::exists(folder_)) {
    // Both names change hands at once; the old film leaves under the temporary one.
    if (renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, folder_.c_str(), RENAME_EXCHANGE) != 0)
      fail(folder_, errno);
    return;
  }
  if (renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, folder_.c_str(), RENAME_NOREPLACE) != 0)
    fail(folder_, errno);
  temporary_.clear();
}

}  // namespace atelier::tools
