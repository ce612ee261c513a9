#include "tools/print/deep_zoom_encoder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "runtime/error.h"
#include "tools/picture_options.h"
#include "tools/print/deep_zoom_page.h"
#include "tools/print/deflate.h"
#include "tools/print/png_tile.h"
#include "tools/print/print_format.h"

namespace atelier::tools {
namespace {

using std::filesystem::path;

constexpr const char* kRecipeName = "recipe.json";

std::string reason(int error_number) {
  return std::system_category().message(error_number);
}

/// NAME_files of NAME.dzi.
path tiles_of(const path& picture) {
  path tiles = picture;
  tiles.replace_extension();
  return tiles += "_files";
}
path page_of(const path& picture) {
  path page = picture;
  return page.replace_extension(".html");
}

bool is_taken(const path& name) {
  struct stat facts = {};
  return lstat(name.c_str(), &facts) == 0;
}

/// Refuses names that are taken by something that this picture must not or cannot replace.
void check_names(const path& picture, bool force) {
  if (print_format_of(picture) != PrintFormat::deep_zoom)
    throw InvalidArgument(fmt::format("{}: a deep zoom picture is named NAME.dzi", picture.string()));
  for (const path& name : {picture, tiles_of(picture), page_of(picture)}) {
    struct stat facts = {};
    if (lstat(name.c_str(), &facts) != 0) continue;
    if (!force) throw Error(fmt::format("{} exists already", name.string()));
    if (name != tiles_of(picture)) {
      if (!S_ISREG(facts.st_mode) && !S_ISLNK(facts.st_mode))
        throw Error(fmt::format("cannot write {}: it is not a regular file", name.string()));
    } else if (!S_ISDIR(facts.st_mode) || (!is_taken(name / kRecipeName) && !is_taken(picture))) {
      // A web browser names what belongs to a saved page in the same way.
      throw Error(
          fmt::format("cannot replace {}: it is not a folder of deep zoom tiles; remove it or choose "
                      "another name",
                      name.string()));
    }
  }
}

/// Renames in turn; undoes everything when one fails.
class Renames {
 public:
  /// Returns 0 or the number of the error. The new name must be free.
  [[nodiscard]] int add(const path& from, const path& to) {
    int result = renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE);
    if (result != 0 && errno == EINVAL) {  // a file system that cannot refuse by itself
      if (is_taken(to)) return EEXIST;
      result = rename(from.c_str(), to.c_str());
    }
    if (result != 0) return errno;
    done_.emplace_back(from, to);
    return 0;
  }
  void undo() {
    for (; !done_.empty(); done_.pop_back()) rename(done_.back().second.c_str(), done_.back().first.c_str());
  }

 private:
  std::vector<std::pair<path, path>> done_;
};

}  // namespace

DeepZoomEncoder::DeepZoomEncoder(std::filesystem::path path, const PictureFormat& format,
                                 const DeepZoomOptions& options)
    : TiledEncoder(PyramidShape(format, PyramidShape::levels_down_to(format, 1))),
      path_(std::move(path)),
      options_(options),
      folder_(path_) {
  if (cppn_sample_bytes(format.sample) > 2)
    throw InvalidArgument(fmt::format("{}: a deep zoom picture has 8 or 16 bits a channel", path_.string()));
  folder_ += ".part";
  if (is_taken(folder_)) {
    open_folder();
    undo_commit();
  }
  check_names(path_, options_.force);
  if (opened_.descriptor < 0) open_folder();
}

void DeepZoomEncoder::undo_commit() const {
  const path name = path_.filename();
  // The description is there but not its tiles: a process ended while it gave the names.
  if (!is_taken(folder_ / name) || is_taken(folder_ / tiles_of(name))) return;
  Renames renames;
  for (const auto& [temporary, final_name] :
       {std::pair{tiles_of(name), tiles_of(path_)}, {page_of(name), page_of(path_)}})
    if (!is_taken(folder_ / temporary) && is_taken(final_name))
      if (const int error_number = renames.add(final_name, folder_ / temporary); error_number != 0)
        fail(final_name, error_number);
}

void DeepZoomEncoder::open_folder() {
  // Two renders at a time would mix their tiles.
  if (mkdir(folder_.c_str(), 0777) != 0 && errno != EEXIST)
    throw Error(fmt::format("cannot write {}: {}: {}", path_.string(), folder_.string(), reason(errno)));
  opened_.descriptor = open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (opened_.descriptor < 0)
    throw Error(fmt::format("cannot write {}: {}: {}", path_.string(), folder_.string(), reason(errno)));
  if (flock(opened_.descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    close(std::exchange(opened_.descriptor, -1));
    throw Error(fmt::format("another process is writing {}", folder_.string()));
  }
}

DeepZoomEncoder::~DeepZoomEncoder() {
  std::error_code ignored;
  if (!committed_) {
    if (options_.resumable)
      rmdir(folder_.c_str());  // if nothing was written
    else
      std::filesystem::remove_all(folder_, ignored);
  }
}

DeepZoomEncoder::Folder::~Folder() {
  if (descriptor >= 0) close(descriptor);
}

void DeepZoomEncoder::fail(const std::filesystem::path& file, int error_number) const {
  throw Error(fmt::format(
      "cannot write {}: {}: {} (after {} bytes; {})", path_.string(), file.string(), reason(error_number),
      bytes_, options_.resumable && is_taken(folder_) ? "they can be resumed" : "nothing was kept"));
}

void DeepZoomEncoder::write_file(const std::filesystem::path& file, const void* data, std::size_t bytes) {
  const int descriptor = open(file.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0666);
  if (descriptor < 0) fail(file, errno);
  const char* rest = static_cast<const char*>(data);
  for (std::size_t left = bytes; left > 0;) {
    const ssize_t moved = ::write(descriptor, rest, left);
    if (moved < 0 && errno == EINTR) continue;
    if (moved <= 0) {
      const int error_number = moved < 0 ? errno : ENOSPC;
      close(descriptor);
      fail(file, error_number);
    }
    rest += moved;
    left -= static_cast<std::size_t>(moved);
  }
  if (close(descriptor) != 0) fail(file, errno);
  bytes_ += bytes;
}

TiledEncoder::PackingBytes DeepZoomEncoder::packing_bytes() const {
  constexpr std::int64_t kSide = PyramidShape::kTileSide;
  const std::int64_t packed = png_tile_bound(kSide, kSide, shape().pixel_bytes());
  return {packed, 3 * packed + deflate_bytes()};
}

TiledEncoder::Packed DeepZoomEncoder::pack(const PyramidTile& tile, const std::byte* samples) const {
  return png_tile(shape().raster(tile), samples);
}

void DeepZoomEncoder::begin() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, error))
    std::filesystem::remove_all(entry.path(), error);
  if (error) fail(folder_, error.value());
  bytes_ = 0;
  const path tiles = folder_ / tiles_of(path_.filename());
  if (mkdir(tiles.c_str(), 0777) != 0) fail(tiles, errno);
  for (int level = 0; level < shape().levels; ++level) {
    const path level_folder = tiles / std::to_string(level);
    if (mkdir(level_folder.c_str(), 0777) != 0) fail(level_folder, errno);
  }
}

void DeepZoomEncoder::write(const PyramidTile& tile, const Packed& packed) {
  // Deep zoom counts levels from the smallest.
  last_file_ = fmt::format("{}/{}_{}.png", shape().levels - 1 - tile.level, tile.column, tile.row);
  last_bytes_ = packed.size();
  write_file(folder_ / tiles_of(path_.filename()) / last_file_, packed.data(), packed.size());
}

void DeepZoomEncoder::finish() {
  const PictureFormat& format = shape().format;
  const std::string description = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<Image xmlns=\"http://schemas.microsoft.com/deepzoom/2008\" Format=\"png\" Overlap=\"0\" "
      "TileSize=\"{}\">\n  <Size Width=\"{}\" Height=\"{}\"/>\n</Image>\n",
      PyramidShape::kTileSide, format.width, format.height);
  const path name = path_.filename();
  const std::string page = deep_zoom_page({name.stem().string(), format.width, format.height, shape().levels,
                                           PyramidShape::kTileSide, format.pixels_per_inch, options_.recipe});
  write_file(folder_ / tiles_of(name) / kRecipeName, options_.recipe.data(), options_.recipe.size());
  write_file(folder_ / page_of(name), page.data(), page.size());
  write_file(folder_ / name, description.data(), description.size());
}

void DeepZoomEncoder::commit() {
  sync();
  const path name = path_.filename();
  // The description is last to come and first to go: where it is, everything else is.
  const std::array<std::pair<path, path>, 3> names{
      {{tiles_of(name), tiles_of(path_)}, {page_of(name), page_of(path_)}, {name, path_}}};
  Renames renames;
  const auto move = [&](const path& from, const path& to) {
    const int error_number = renames.add(from, to);
    if (error_number == 0) return;
    renames.undo();
    fail(to, error_number);
  };
  const path replaced = folder_ / "replaced";
  if (options_.force) {
    if (mkdir(replaced.c_str(), 0777) != 0 && errno != EEXIST) fail(replaced, errno);
    for (auto entry = names.rbegin(); entry != names.rend(); ++entry)
      if (is_taken(entry->second)) move(entry->second, replaced / entry->first);
  }
  for (const auto& [temporary, final_name] : names) move(folder_ / temporary, final_name);
  committed_ = true;
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
  // The names reach the disk; some file systems cannot sync folders, which is no loss.
  const path parent = path_.has_parent_path() ? path_.parent_path() : path(".");
  if (const int parent_descriptor = open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      parent_descriptor >= 0) {
    fsync(parent_descriptor);
    close(parent_descriptor);
  }
}

void DeepZoomEncoder::sync() const {
  if (syncfs(opened_.descriptor) != 0) fail(folder_, errno);
}

std::string DeepZoomEncoder::state() {
  sync();
  return fmt::format("dzi {} {} {}\n", bytes_, last_bytes_, last_file_) + levels_state();
}

void DeepZoomEncoder::restore(std::string_view state) {
  const std::size_t end = std::min(state.find('\n'), state.size());
  const std::string head(state.substr(0, end));
  std::uint64_t bytes = 0;
  std::uint64_t last_bytes = 0;
  int used = 0;
  const bool read = std::sscanf(head.c_str(), "dzi %lu %lu %n", &bytes, &last_bytes, &used) == 2 && used > 0;
  const std::string last_file = read ? head.substr(static_cast<std::size_t>(used)) : std::string();
  std::error_code error;
  const auto found =
      std::filesystem::file_size(folder_ / tiles_of(path_.filename()) / path(last_file), error);
  if (!read || error || found != last_bytes || end == state.size() || !restore_levels(state.substr(end + 1)))
    throw Error(fmt::format("{}: what is in {} does not fit the render that it is said to be of",
                            path_.string(), folder_.string()));
  bytes_ = bytes;
  last_bytes_ = last_bytes;
  last_file_ = last_file;
}

bool deep_zoom_is_named(const std::filesystem::path& picture) {
  path folder = picture;
  folder += ".part";
  const path name = picture.filename();
  return is_taken(picture) && is_taken(folder) && !is_taken(folder / name) &&
         !is_taken(folder / tiles_of(name));
}

std::string read_deep_zoom_recipe(const std::filesystem::path& picture) {
  const path recipe = tiles_of(picture) / kRecipeName;
  if (!is_taken(recipe))
    throw InvalidArgument(fmt::format("{}: no recipe in {}", picture.string(), recipe.string()));
  return read_bounded(recipe.string());
}

}  // namespace atelier::tools
