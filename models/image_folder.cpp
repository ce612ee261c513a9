// Pictures in a folder, with the names of sub-folders as labels.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <system_error>

#include "models/data_set.h"
#include "models/file_contents.h"
#include "models/png_image.h"
#include "runtime/error.h"

namespace atelier {
namespace {

namespace fs = std::filesystem;

bool has_png_name(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return extension == ".png";
}

/// 0…255 without leading zeros or signs; nullopt for any other name.
std::optional<std::uint8_t> label_of(const std::string& name) {
  unsigned value = 256;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), value);
  if (error != std::errc{} || value > 255 || fmt::format("{}", value) != name) return std::nullopt;
  return static_cast<std::uint8_t>(value);
}

/// The entries of a folder, in order of name.
std::vector<fs::path> entries_of(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> entries;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    entries.push_back(entry->path());
  if (error) throw Error(fmt::format("cannot read the folder {}: {}", folder.string(), error.message()));
  std::sort(entries.begin(), entries.end());
  return entries;
}

class FolderReader {
 public:
  FolderReader(const fs::path& folder, const ReadLimits& limits) : folder_(folder), limits_(limits) {
    data_.name = folder.string();
  }

  DataSet run() {
    std::vector<std::pair<int, fs::path>> labelled;
    std::vector<fs::path> pictures;
    for (const fs::path& entry : entries_of(folder_)) {
      std::error_code ignored;
      const std::optional<std::uint8_t> label = label_of(entry.filename().string());
      if (label && fs::is_directory(entry, ignored)) labelled.emplace_back(*label, entry);
      if (has_png_name(entry)) pictures.push_back(entry);
    }
    if (!labelled.empty() && !pictures.empty())
      throw InvalidArgument(fmt::format(
          "{}: pictures lie beside folders of labelled pictures ({} and {}); one or the other is due",
          folder_.string(), pictures.front().filename().string(),
          labelled.front().second.filename().string()));
    for (const fs::path& picture : pictures) add(picture, std::nullopt);
    std::sort(labelled.begin(), labelled.end());
    for (const auto& [label, folder] : labelled)
      for (const fs::path& entry : entries_of(folder))
        if (has_png_name(entry)) add(entry, static_cast<std::uint8_t>(label));
    if (data_.count == 0 && limits_.first_count != 0)
      throw InvalidArgument(
          fmt::format("{}: no pictures; .png files are due, or folders named 0 to 255 with .png files inside",
                      folder_.string()));
    return std::move(data_);
  }

 private:
  void add(const fs::path& path, std::optional<std::uint8_t> label) {
    if (data_.count == limits_.first_count) return;
    PngLimits limits;
    limits.largest_pixels = std::min<std::int64_t>(
        limits.largest_pixels,
        static_cast<std::int64_t>(std::min<std::uint64_t>(limits_.largest_bytes, std::uint64_t{1} << 62)));
    const PngImage image = read_png_image(path, limits);
    if (data_.count == 0) {
      data_.width = image.width;
      data_.height = image.height;
      first_ = path.string();
    }
    if (image.width != data_.width || image.height != data_.height)
      throw InvalidArgument(
          fmt::format("{}: {} x {} pixels, but {} has {} x {}; all pictures of a folder need one size",
                      path.string(), image.width, image.height, first_, data_.width, data_.height));
    if (data_.pixels.size() + image.pixels.size() > limits_.largest_bytes)
      throw InvalidArgument(
          fmt::format("{}: more than {} bytes of pixels with this picture; at most so many are read",
                      path.string(), limits_.largest_bytes));
    data_.pixels.insert(data_.pixels.end(), image.pixels.begin(), image.pixels.end());
    if (label) data_.labels.push_back(*label);
    ++data_.count;
  }

  const fs::path& folder_;
  const ReadLimits& limits_;
  std::string first_;
  DataSet data_;
};

}  // namespace

DataSet read_image_folder(const fs::path& path, const ReadLimits& limits) {
  return FolderReader(path, limits).run();
}

}  // namespace atelier
