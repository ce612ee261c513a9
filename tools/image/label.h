#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace atelier::tools {

using Rgb = std::array<std::uint8_t, 3>;

/// A picture in memory: 8-bit RGB, dense rows from the top.
struct Canvas {
  Canvas(std::int64_t canvas_width, std::int64_t canvas_height, Rgb background);
  [[nodiscard]] std::uint8_t* pixel(std::int64_t column, std::int64_t row) {
    return pixels.data() + (row * width + column) * 3;
  }
  std::int64_t width;
  std::int64_t height;
  std::vector<std::uint8_t> pixels;
};

/// Text in pictures, drawn by FreeType.
class LabelFont {
 public:
  /// The font that labels are set in: $ATELIER_FONT, else DejaVu Sans where the build or the system has it.
  [[nodiscard]] static std::optional<std::filesystem::path> find();

  /// Throws Error when the file is no font that FreeType reads.
  LabelFont(const std::filesystem::path& path, int pixel_size);
  ~LabelFont();
  LabelFont(LabelFont&&) noexcept;
  LabelFont& operator=(LabelFont&&) noexcept;

  /// Pixels from one line's baseline to the next, and from a line's top to its baseline.
  [[nodiscard]] int line_height() const;
  [[nodiscard]] int ascent() const;
  /// Pixels that the UTF-8 text takes in one line.
  [[nodiscard]] int width(std::string_view text) const;
  /// The text with its end replaced by "…" where it would be wider than `limit` pixels.
  [[nodiscard]] std::string shortened(std::string_view text, int limit) const;
  /// Broken at spaces into at most `lines` lines of `limit` pixels; the last is shortened.
  [[nodiscard]] std::vector<std::string> wrapped(std::string_view text, int limit, int lines) const;
  /// Draws with the line's left end at `left` and its baseline at `baseline`; parts outside are left out.
  void draw(Canvas& canvas, std::int64_t left, std::int64_t baseline, std::string_view text, Rgb color) const;

 private:
  struct Face;
  std::unique_ptr<Face> face_;
};

}  // namespace atelier::tools
