#include "tools/contact_sheet.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "models/picture_painter.h"
#include "runtime/buffer.h"
#include "tools/image/label.h"
#include "tools/image/png_reader.h"
#include "tools/interruption.h"
#include "tools/progress.h"
#include "tools/usage_error.h"
#include "tools/work_ends.h"

namespace atelier::tools {
namespace {

constexpr Rgb kPaper{24, 24, 27};
constexpr Rgb kTitle{236, 236, 240};
constexpr Rgb kNote{156, 156, 166};

std::int64_t chosen_columns(std::int64_t count) {
  const double root = std::sqrt(static_cast<double>(count));
  const auto low = static_cast<std::int64_t>(std::ceil(root));
  std::int64_t best = low;
  std::int64_t fewest = INT64_MAX;
  for (std::int64_t columns = low; columns <= std::max(low, static_cast<std::int64_t>(1.6 * root));
       ++columns) {
    const std::int64_t empty = (count + columns - 1) / columns * columns - count;
    if (empty < fewest) {
      fewest = empty;
      best = columns;
    }
  }
  return best;
}

/// A painted cell's samples (8 bits, one or three channels) as RGB at its place.
void place(Canvas& canvas, std::int64_t left, std::int64_t top, const std::byte* samples, int channels,
           const SheetLayout& layout) {
  for (std::int64_t y = 0; y < layout.cell_height; ++y)
    for (std::int64_t x = 0; x < layout.cell_width; ++x) {
      std::uint8_t* const pixel = canvas.pixel(left + x, top + y);
      const std::byte* const sample = samples + (y * layout.cell_width + x) * channels;
      for (int c = 0; c < 3; ++c) pixel[c] = static_cast<std::uint8_t>(sample[channels == 3 ? c : 0]);
    }
}

struct Fonts {
  LabelFont title;
  LabelFont note;
};

std::optional<Fonts> load_fonts(const SheetLayout& layout) {
  if (layout.label_height == 0) return std::nullopt;
  const std::optional<std::filesystem::path> path = LabelFont::find();
  if (!path) return std::nullopt;
  return Fonts{LabelFont(*path, layout.title_pixels), LabelFont(*path, layout.note_pixels)};
}

void label(Canvas& canvas, const Fonts& fonts, const SheetLayout& layout, std::int64_t left, std::int64_t top,
           const std::string& title, const std::string& note) {
  const int limit = static_cast<int>(std::min<std::int64_t>(layout.cell_width, 1 << 20));
  std::int64_t baseline = top + layout.title_pixels / 4 + fonts.title.ascent();
  fonts.title.draw(canvas, left, baseline, fonts.title.shortened(title, limit), kTitle);
  baseline += fonts.title.line_height() - fonts.title.ascent() + fonts.note.ascent();
  for (const std::string& line : fonts.note.wrapped(note, limit, layout.note_lines)) {
    fonts.note.draw(canvas, left, baseline, line, kNote);
    baseline += fonts.note.line_height();
  }
}

/// A heading in the middle of its row's left margin.
void row_heading(Canvas& canvas, const SheetLayout& layout, const LabelFont& font, const std::string& text) {
  const int limit = layout.margin_left - layout.gap;
  const std::int64_t middle = layout.gap + layout.cell_height / 2;
  const std::int64_t baseline = middle - font.line_height() / 2 + font.ascent();
  font.draw(canvas, layout.gap, baseline, font.shortened(text, limit), kTitle);
}

void write_canvas(PictureWriter& writer, const Canvas& canvas) {
  writer.write_rows(reinterpret_cast<const std::byte*>(canvas.pixels.data()), canvas.height);
}

/// The line above the first row.
void write_column_headings(PictureWriter& writer, const SheetLayout& layout, const LabelFont& font,
                           const std::vector<std::string>& texts) {
  Canvas canvas(layout.width(), layout.margin_top, kPaper);
  const int limit = static_cast<int>(std::min<std::int64_t>(layout.cell_width, 1 << 20));
  for (std::size_t column = 0; column < texts.size(); ++column)
    font.draw(canvas, layout.left(static_cast<std::int64_t>(column)), layout.gap + font.ascent(),
              font.shortened(texts[column], limit), kTitle);
  write_canvas(writer, canvas);
}

void finish_sheet(PictureWriter& writer, const SheetLayout& layout) {
  write_canvas(writer, Canvas(layout.width(), layout.gap, kPaper));
  writer.finish();
}

/// Throws UsageError for a sheet beyond what a PNG holds, or of rows beyond memory.
void check_layout(const SheetLayout& layout) {
  check_picture_format(PictureFile::png, {layout.width(), layout.height(), 3, CppnSample::u8});
  const double row = 8.0 * static_cast<double>(layout.width()) * static_cast<double>(layout.row_height());
  const auto memory = describe(Device(DeviceKind::cpu)).memory_total;
  if (row > static_cast<double>(memory))
    throw UsageError(fmt::format(
        "{} cells of {}x{} in a row take {} of memory, and there are {}: fewer --columns", layout.columns,
        layout.cell_width, layout.cell_height,
        row < 1e19 ? size_text(static_cast<std::uint64_t>(row)) : "more than 10 EB", size_text(memory)));
}

void paint_cells(Stream& stream, const SheetLayout& layout,
                 const std::function<SheetCell(std::int64_t)>& cell, AtomicFile& file,
                 const std::vector<PictureText>& texts, Progress& progress, const SheetHeadings& headings) {
  const PictureFormat format{layout.width(), layout.height(), 3, CppnSample::u8};
  const auto writer = make_picture_writer(PictureFile::png, file, format, texts);
  const std::optional<Fonts> fonts = load_fonts(layout);
  const std::int64_t cell_pixels = layout.cell_width * layout.cell_height;
  if (fonts && layout.margin_top > 0) write_column_headings(*writer, layout, fonts->title, headings.columns);
  const Buffer<std::byte> painted(stream, layout.columns * cell_pixels * 3, "sheet cells");

  for (std::int64_t first = 0; first < layout.count; first += layout.columns) {
    const std::int64_t count = std::min(layout.columns, layout.count - first);
    std::vector<SheetCell> cells;
    std::vector<PicturePainter> painters;  // they stay until the row is painted
    const WorkEnds ends(stream);
    for (std::int64_t i = 0; i < count; ++i) {
      throw_if_interrupted();
      SheetCell& current = cells.emplace_back(cell(first + i));
      CppnRecipe& recipe = current.recipe;
      if (recipe.sample != CppnSample::u8_truncate) recipe.sample = CppnSample::u8;
      PicturePainter& painter = painters.emplace_back(stream, recipe, layout.cell_width, layout.cell_height);
      painter.paint(stream, {0, 0, layout.cell_width, layout.cell_height},
                    painted.view().part(i * cell_pixels * 3, cell_pixels * painter.channels()),
                    layout.cell_width * painter.channels());
    }
    const std::vector<std::byte> samples = download(stream, painted.view());
    Canvas canvas(layout.width(), layout.row_height(), kPaper);
    for (std::int64_t i = 0; i < count; ++i) {
      const auto index = static_cast<std::size_t>(i);
      const std::int64_t left = layout.left(i);
      place(canvas, left, layout.gap, samples.data() + i * cell_pixels * 3, painters[index].channels(),
            layout);
      if (fonts)
        label(canvas, *fonts, layout, left, layout.gap + layout.cell_height, cells[index].title,
              cells[index].note);
    }
    const auto row = static_cast<std::size_t>(first / layout.columns);
    if (fonts && layout.margin_left > 0 && row < headings.rows.size())
      row_heading(canvas, layout, fonts->title, headings.rows[row]);
    write_canvas(*writer, canvas);
    progress.add(count * cell_pixels);
  }
  finish_sheet(*writer, layout);
}

}  // namespace

SheetLayout sheet_layout(std::int64_t cell_width, std::int64_t cell_height, std::int64_t count,
                         std::int64_t columns, int note_lines, bool labels) {
  SheetLayout layout;
  layout.cell_width = cell_width;
  layout.cell_height = cell_height;
  layout.count = count;
  layout.columns = columns == 0 ? chosen_columns(count) : std::min(columns, count);
  layout.note_lines = note_lines;
  const auto side = static_cast<int>(std::min<std::int64_t>(std::min(cell_width, cell_height), 4096));
  layout.gap = std::clamp(side / 16, 3, 48);
  layout.title_pixels = std::clamp(side / 9, 9, 64);
  layout.note_pixels = std::clamp(side / 20, 9, 48);
  if (note_lines > 0) layout.title_pixels = std::clamp(side / 16, 10, 64);
  if (labels) {
    const std::optional<Fonts> fonts = [&] {
      layout.label_height = 1;
      return load_fonts(layout);
    }();
    layout.label_height = fonts ? layout.title_pixels / 4 + fonts->title.line_height() +
                                      note_lines * fonts->note.line_height() + layout.gap / 4
                                : 0;
  }
  check_layout(layout);
  return layout;
}

void add_headings(SheetLayout& layout, const SheetHeadings& headings) {
  const std::optional<Fonts> fonts = load_fonts(layout);
  if (!fonts) return;
  if (!headings.columns.empty()) layout.margin_top = layout.gap + fonts->title.line_height();
  int widest = 0;
  for (const std::string& text : headings.rows) widest = std::max(widest, fonts->title.width(text));
  const auto limit =
      static_cast<int>(std::min<std::int64_t>(std::max<std::int64_t>(layout.cell_width, 96), 4096));
  if (!headings.rows.empty()) layout.margin_left = std::min(widest, limit) + layout.gap;
  check_layout(layout);
}

bool labels_possible(bool quiet) {
  if (LabelFont::find()) return true;
  if (quiet) return false;
  if (const char* chosen = std::getenv("ATELIER_FONT"))
    say(fmt::format("ATELIER_FONT is '{}', which is no file: the sheet has no labels", chosen));
  else
    say("no font for the labels was found, so there are none: install fonts-dejavu-core or set ATELIER_FONT");
  return false;
}

void require_sheet_name(const RunOptions& run, const char* verb) {
  if (run.output.empty()) throw UsageError(fmt::format("{} needs -o FILE.png", verb));
  if (picture_file_of(run.output) != PictureFile::png)
    throw UsageError(fmt::format("{}: a contact sheet is a .png file", run.output));
}

PaintedSheet paint_sheet(const RunOptions& run, const SheetLayout& layout,
                         const std::function<SheetCell(std::int64_t)>& cell, const std::string& text,
                         const SheetHeadings& headings) {
  watch_for_interruption();
  AtomicFile file = open_output(run);
  const Device device = open_device(run);
  const auto start = std::chrono::steady_clock::now();
  {
    Stream stream(device);
    Progress progress(run.output, layout.count * layout.cell_width * layout.cell_height, run.quiet);
    paint_cells(stream, layout, cell, file, {{kSheetKeyword, text}}, progress, headings);
  }
  file.commit();
  return {device, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
          file.bytes_written()};
}

void write_picture_sheet(const SheetLayout& layout, const std::vector<PictureCell>& cells, AtomicFile& file,
                         const std::vector<PictureText>& texts) {
  const PictureFormat format{layout.width(), layout.height(), 3, CppnSample::u8};
  const auto writer = make_picture_writer(PictureFile::png, file, format, texts);
  const std::optional<Fonts> fonts = load_fonts(layout);
  const auto count = static_cast<std::int64_t>(cells.size());
  for (std::int64_t first = 0; first < count; first += layout.columns) {
    Canvas row(layout.width(), layout.row_height(), kPaper);
    for (std::int64_t i = first; i < std::min(count, first + layout.columns); ++i) {
      const PictureCell& cell = cells[static_cast<std::size_t>(i)];
      if (cell.picture.width != layout.cell_width || cell.picture.height != layout.cell_height)
        throw InvalidArgument(fmt::format("{}: {} x {} pixels; the sheet's cells have {} x {}", cell.title,
                                          cell.picture.width, cell.picture.height, layout.cell_width,
                                          layout.cell_height));
      const std::int64_t left = layout.left(i - first);
      place(row, left, layout.gap, reinterpret_cast<const std::byte*>(cell.picture.pixels.data()), 1, layout);
      if (fonts) label(row, *fonts, layout, left, layout.gap + layout.cell_height, cell.title, cell.note);
    }
    write_canvas(*writer, row);
  }
  finish_sheet(*writer, layout);
}

}  // namespace atelier::tools
