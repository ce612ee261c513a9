#include "tools/image/label.h"

#include <fmt/format.h>
#include <ft2build.h>

#include <cstdlib>
#include FT_FREETYPE_H

#include "runtime/error.h"

namespace atelier::tools {
namespace {

constexpr std::uint32_t kReplacement = 0xFFFD;

/// The code point at `position`, which moves past it; malformed bytes become U+FFFD one by one.
std::uint32_t next_code_point(std::string_view text, std::size_t& position) {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
  };
  const std::uint32_t lead = byte(position++);
  if (lead < 0x80) return lead;
  const int extra = lead >= 0xF0 && lead < 0xF8   ? 3
                    : lead >= 0xE0 && lead < 0xF0 ? 2
                    : lead >= 0xC2 && lead < 0xE0 ? 1
                                                  : 0;
  if (extra == 0 || position + static_cast<std::size_t>(extra) > text.size()) return kReplacement;
  std::uint32_t point = lead & (0x3FU >> extra);
  for (int i = 0; i < extra; ++i) {
    const std::uint32_t next = byte(position + static_cast<std::size_t>(i));
    if ((next & 0xC0) != 0x80) return kReplacement;
    point = point << 6 | (next & 0x3F);
  }
  position += static_cast<std::size_t>(extra);
  return point;
}

}  // namespace

Canvas::Canvas(std::int64_t canvas_width, std::int64_t canvas_height, Rgb background)
    : width(canvas_width),
      height(canvas_height),
      pixels(static_cast<std::size_t>(canvas_width * canvas_height * 3)) {
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = background[i % 3];
}

struct LabelFont::Face {
  FT_Library library = nullptr;
  FT_Face face = nullptr;
  Face() = default;
  Face(const Face&) = delete;
  Face& operator=(const Face&) = delete;
  ~Face() {
    if (face != nullptr) FT_Done_Face(face);
    if (library != nullptr) FT_Done_FreeType(library);
  }
  /// Loads and renders the glyph; false where the font cannot.
  [[nodiscard]] bool load(std::uint32_t point) const {
    return FT_Load_Char(face, point, FT_LOAD_RENDER | FT_LOAD_TARGET_LIGHT) == 0;
  }
};

std::optional<std::filesystem::path> LabelFont::find() {
  std::error_code ignored;
  if (const char* chosen = std::getenv("ATELIER_FONT")) {
    if (std::filesystem::is_regular_file(chosen, ignored)) return chosen;
    return std::nullopt;
  }
  for (const char* place : {ATELIER_FONT_FILE, "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
                            "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
                            "/usr/share/fonts/TTF/DejaVuSans.ttf", "/usr/share/fonts/dejavu/DejaVuSans.ttf"})
    if (std::filesystem::is_regular_file(place, ignored)) return place;
  return std::nullopt;
}

LabelFont::LabelFont(const std::filesystem::path& path, int pixel_size) : face_(std::make_unique<Face>()) {
  if (FT_Init_FreeType(&face_->library) != 0 ||
      FT_New_Face(face_->library, path.c_str(), 0, &face_->face) != 0 ||
      FT_Set_Pixel_Sizes(face_->face, 0, static_cast<FT_UInt>(pixel_size)) != 0)
    throw Error(fmt::format("{}: not a font that FreeType reads and scales (labels; ATELIER_FONT names it)",
                            path.string()));
}
LabelFont::~LabelFont() = default;
LabelFont::LabelFont(LabelFont&&) noexcept = default;
LabelFont& LabelFont::operator=(LabelFont&&) noexcept = default;

// FreeType's metrics are in 64ths of a pixel.
int LabelFont::line_height() const {
  return static_cast<int>((face_->face->size->metrics.height + 63) / 64);
}
int LabelFont::ascent() const {
  return static_cast<int>((face_->face->size->metrics.ascender + 63) / 64);
}

int LabelFont::width(std::string_view text) const {
  long width = 0;
  for (std::size_t position = 0; position < text.size();)
    if (face_->load(next_code_point(text, position))) width += face_->face->glyph->advance.x;
  return static_cast<int>((width + 63) / 64);
}

std::string LabelFont::shortened(std::string_view text, int limit) const {
  if (width(text) <= limit) return std::string(text);
  std::string kept(text);
  while (!kept.empty()) {
    // Whole code points go: continuation bytes with their lead.
    while (kept.size() > 1 && (static_cast<unsigned char>(kept.back()) & 0xC0) == 0x80) kept.pop_back();
    kept.pop_back();
    while (!kept.empty() && (kept.back() == ' ' || kept.back() == ',' || kept.back() == ';')) kept.pop_back();
    if (std::string candidate = kept + "…"; width(candidate) <= limit) return candidate;
  }
  return {};
}

std::vector<std::string> LabelFont::wrapped(std::string_view text, int limit, int lines) const {
  std::vector<std::string> result;
  std::string line;
  std::size_t position = 0;
  while (position < text.size()) {
    const std::size_t end = std::min(text.find(' ', position), text.size());
    const std::string_view word = text.substr(position, end - position);
    const std::string longer = line.empty() ? std::string(word) : line + " " + std::string(word);
    if (!line.empty() && width(longer) > limit) {
      if (static_cast<int>(result.size()) + 1 == lines) {
        result.push_back(shortened(line + " " + std::string(text.substr(position)), limit));
        return result;
      }
      result.push_back(line);
      line = std::string(word);
    } else {
      line = longer;
    }
    position = end + 1;
  }
  if (!line.empty()) result.push_back(shortened(line, limit));
  return result;
}

void LabelFont::draw(Canvas& canvas, std::int64_t left, std::int64_t baseline, std::string_view text,
                     Rgb color) const {
  long pen = left * 64;
  for (std::size_t position = 0; position < text.size();) {
    if (!face_->load(next_code_point(text, position))) continue;
    const FT_GlyphSlot glyph = face_->face->glyph;
    const FT_Bitmap& bitmap = glyph->bitmap;
    for (unsigned y = 0; y < bitmap.rows; ++y)
      for (unsigned x = 0; x < bitmap.width; ++x) {
        const std::int64_t column = (pen + 32) / 64 + glyph->bitmap_left + x;
        const std::int64_t row = baseline - glyph->bitmap_top + y;
        if (column < 0 || column >= canvas.width || row < 0 || row >= canvas.height) continue;
        const int cover = bitmap.buffer[static_cast<long>(y) * bitmap.pitch + static_cast<long>(x)];
        std::uint8_t* const pixel = canvas.pixel(column, row);
        for (std::size_t c = 0; c < 3; ++c)
          pixel[c] = static_cast<std::uint8_t>((pixel[c] * (255 - cover) + color[c] * cover + 127) / 255);
      }
    pen += glyph->advance.x;
  }
}

}  // namespace atelier::tools
