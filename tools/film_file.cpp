#include "tools/film_file.h"

#include <fmt/format.h>
#include <gif_lib.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string_view>

#include "tools/picture_options.h"
#include "tools/usage_error.h"

namespace atelier::tools {
namespace {

constexpr std::string_view kMark = "{\"atelier_film\":";
constexpr std::size_t kLongestDescription = std::size_t{64} << 20;

[[noreturn]] void no_description(const std::string& path) {
  throw InvalidArgument(fmt::format(
      "{}: no description inside: not painted by atelier animate, or its texts were removed", path));
}

struct CloseGif {
  void operator()(GifFileType* gif) const {
    int ignored = 0;
    DGifCloseFile(gif, &ignored);
  }
};

/// The comment under the reader's eyes, all its blocks together.
std::string gif_comment(GifFileType* gif, GifByteType* block) {
  std::string comment;
  while (block != nullptr) {
    comment.append(reinterpret_cast<const char*>(block) + 1, block[0]);
    if (comment.size() > kLongestDescription || DGifGetExtensionNext(gif, &block) != GIF_OK) break;
  }
  return comment;
}

/// Comments before the first picture.
std::string gif_description(const std::string& path) {
  int error = 0;
  const std::unique_ptr<GifFileType, CloseGif> gif(DGifOpenFileName(path.c_str(), &error));
  if (gif == nullptr) throw InvalidArgument(fmt::format("{}: no GIF that can be read", path));
  GifRecordType record = UNDEFINED_RECORD_TYPE;
  while (DGifGetRecordType(gif.get(), &record) == GIF_OK && record == EXTENSION_RECORD_TYPE) {
    int code = 0;
    GifByteType* block = nullptr;
    if (DGifGetExtension(gif.get(), &code, &block) != GIF_OK) break;
    std::string comment = gif_comment(gif.get(), block);
    if (code == COMMENT_EXT_FUNC_CODE && is_film_json(comment)) return comment;
  }
  no_description(path);
}

/// Where the description begins in the file; videos hold it as it is, at the beginning or at the end.
std::optional<std::streamoff> find_mark(std::istream& stream) {
  std::string window;
  std::streamoff first = 0;
  std::vector<char> block(std::size_t{1} << 20);
  while (stream.read(block.data(), static_cast<std::streamsize>(block.size())), stream.gcount() > 0) {
    window.append(block.data(), static_cast<std::size_t>(stream.gcount()));
    if (const std::size_t place = window.find(kMark); place != std::string::npos)
      return first + static_cast<std::streamoff>(place);
    const std::size_t kept = std::min(window.size(), kMark.size() - 1);
    first += static_cast<std::streamoff>(window.size() - kept);
    window.erase(0, window.size() - kept);
  }
  return std::nullopt;
}

std::string video_description(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  const std::optional<std::streamoff> place = find_mark(stream);
  if (!place) no_description(path);
  stream.clear();
  stream.seekg(*place);
  std::string text;
  // One JSON value ends where its brackets do; quotes hide those inside texts.
  int open = 0;
  bool quoted = false;
  for (int c = stream.get(); c >= 0 && text.size() < kLongestDescription; c = stream.get()) {
    text += static_cast<char>(c);
    if (quoted && c == '\\') {
      text += static_cast<char>(stream.get());
      continue;
    }
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    open += c == '{' ? 1 : c == '}' ? -1 : 0;
    if (open == 0) return text;
  }
  throw InvalidArgument(fmt::format("{}: its description is cut off", path));
}

/// The first bytes of a regular file; none of anything else.
std::string start_of(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return {};
  std::array<char, 12> start{};
  std::ifstream stream(path, std::ios::binary);
  stream.read(start.data(), start.size());
  return {start.data(), static_cast<std::size_t>(stream.gcount())};
}

std::optional<std::string> read_description(const std::string& path) {
  std::error_code ignored;
  if (path != "-" && std::filesystem::is_directory(path, ignored)) {
    const std::filesystem::path description = std::filesystem::path(path) / "film.json";
    if (!std::filesystem::exists(description, ignored))
      throw InvalidArgument(
          fmt::format("{}: a directory without film.json: no recipe, and no film of atelier animate", path));
    return read_bounded(description.string());
  }
  const std::string start = start_of(path);
  if (start.starts_with("GIF8")) return gif_description(path);
  if (start.size() > 8 && start.substr(4, 4) == "ftyp") return video_description(path);
  if (start.starts_with("\x1A\x45\xDF\xA3")) return video_description(path);
  if (!path.ends_with(".json") || start.empty()) return std::nullopt;
  std::string text = read_bounded(path);
  if (!is_film_json(text)) return std::nullopt;
  return text;
}

}  // namespace

std::optional<Film> load_film(const std::string& path) {
  const std::optional<std::string> description = read_description(path);
  if (!description) return std::nullopt;
  return film_from_json(*description, path);
}

CppnRecipe frame_recipe(const std::string& path, std::int64_t frame) {
  const std::optional<Film> film = load_film(path);
  if (!film)
    throw InvalidArgument(fmt::format("{}: no film; --frame takes what atelier animate painted", path));
  const Motion motion(film->motion);
  if (frame < 0 || frame >= motion.frames())
    throw UsageError(fmt::format("--frame {}: {} has frames 0 to {}", frame, path, motion.frames() - 1));
  return motion.frame(frame);
}

}  // namespace atelier::tools
