#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <system_error>

#include "tools/film_file.h"
#include "tools/image/png_reader.h"
#include "tools/image/tiff_reader.h"
#include "tools/picture_options.h"
#include "tools/print/deep_zoom_encoder.h"

namespace atelier::tools {
namespace {

constexpr std::size_t kDocumentLimit = std::size_t{64} << 20;

std::string shown_name(const std::string& source) {
  return source == "-" ? "standard input" : source;
}

[[noreturn]] void cannot_read(const std::string& source, int error_number) {
  throw InvalidArgument(
      fmt::format("cannot read {}: {}", shown_name(source), std::system_category().message(error_number)));
}

class Descriptor {
 public:
  explicit Descriptor(const std::string& source)
      : owned_(source != "-"), number_(owned_ ? open(source.c_str(), O_RDONLY | O_CLOEXEC) : STDIN_FILENO) {
    if (number_ < 0) cannot_read(source, errno);
  }
  ~Descriptor() {
    if (owned_) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int number() const { return number_; }

 private:
  bool owned_;
  int number_;
};

/// Files that are neither JSON nor a PNG, told apart by how they begin, so that the user hears what they are.
void refuse_other_formats(const std::string& contents, const std::string& name) {
  if (contents.empty())
    throw InvalidArgument(
        fmt::format("{} is empty: a recipe (.json) or a picture painted by Atelier (.png, .tif) "
                    "is needed",
                    name));
  if (contents.size() > 8 && contents[8] == '{' && contents[7] == '\0')
    throw InvalidArgument(
        fmt::format("{}: looks like safetensors; 'atelier import {} -o net.json' makes a recipe of it first",
                    name, name));
  if (contents.starts_with("\x93NUMPY"))
    throw InvalidArgument(fmt::format(
        "{}: a .npy file holds no recipe; one is inside every .png and .tif painted by Atelier", name));
  const std::size_t first = contents.find_first_not_of(" \t\r\n");
  const bool marked = contents.starts_with("\xEF\xBB\xBF");  // UTF-8 with its mark
  if (!marked && (first == std::string::npos || (contents[first] != '{' && contents[first] != '[')))
    throw InvalidArgument(
        fmt::format("{}: neither a recipe (JSON, {{\"atelier_recipe\": 1, ...}}) nor a PNG or TIFF", name));
}

}  // namespace

std::string read_bounded(const std::string& source) {
  const Descriptor descriptor(source);
  std::string contents;
  std::array<char, 64 * 1024> block{};
  for (;;) {
    const ssize_t got = read(descriptor.number(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) cannot_read(source, errno);
    if (got == 0) return contents;
    contents.append(block.data(), static_cast<std::size_t>(got));
    if (contents.size() > kDocumentLimit)
      throw InvalidArgument(
          fmt::format("{}: more than {} bytes; no recipe is that long", shown_name(source), kDocumentLimit));
  }
}

bool is_png_file(const std::string& path) {
  struct stat facts = {};
  if (stat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) return false;
  const Descriptor descriptor(path);
  std::array<std::byte, 8> start{};
  return read(descriptor.number(), start.data(), start.size()) == static_cast<ssize_t>(start.size()) &&
         starts_as_png(start);
}

CppnRecipe load_recipe(const std::string& source) {
  // A painted picture may be larger than memory: only its texts are read. From a pipe it must fit the bound.
  if (source != "-" && is_png_file(source)) return recipe_from_json(read_png_recipe(source), source);
  if (source != "-" && is_tiff_file(source)) return recipe_from_json(read_tiff_recipe(source), source);
  if (const std::optional<Film> film = load_film(source))
    throw InvalidArgument(fmt::format(
        "{0}: a film of {1} frames: atelier render {0} --frame N, N from 0 to {2}, paints one of them, "
        "atelier animate {0} all of them",
        source, film->motion.frames, film->motion.frames - 1));
  if (source.ends_with(".dzi")) return recipe_from_json(read_deep_zoom_recipe(source), source);
  const std::string contents = read_bounded(source);
  const std::string name = shown_name(source);
  const std::span<const std::byte> bytes = std::as_bytes(std::span(contents));
  if (starts_as_png(bytes)) return recipe_from_json(parse_png_recipe(bytes, name), name);
  refuse_other_formats(contents, name);
  return recipe_from_json(contents, name);
}

}  // namespace atelier::tools
