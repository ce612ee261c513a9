#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "models/atomic_file.h"
#include "models/learner.h"
#include "models/recipe.h"
#include "runtime/device.h"
#include "tools/image/picture_writer.h"
#include "tools/run_options.h"

namespace atelier::tools {

/// One picture of a sheet, with what stands under it.
struct SheetCell {
  CppnRecipe recipe;
  std::string title;
  std::string note;
};

/// Pixels of a sheet's parts. The title takes one line, the note `note_lines`.
struct SheetLayout {
  std::int64_t cell_width = 128;
  std::int64_t cell_height = 128;
  std::int64_t count = 0;
  std::int64_t columns = 1;
  int note_lines = 0;
  int gap = 8;
  int title_pixels = 12;
  int note_pixels = 11;
  int label_height = 0;  // of title and note together; 0 where there is no font
  int margin_left = 0;   // for the rows' headings
  int margin_top = 0;    // for the columns' headings

  [[nodiscard]] std::int64_t rows() const { return (count + columns - 1) / columns; }
  [[nodiscard]] std::int64_t width() const { return margin_left + gap + columns * (cell_width + gap); }
  [[nodiscard]] std::int64_t row_height() const { return gap + cell_height + label_height; }
  [[nodiscard]] std::int64_t height() const { return margin_top + rows() * row_height() + gap; }
  /// The left edge of a column's cells.
  [[nodiscard]] std::int64_t left(std::int64_t column) const {
    return margin_left + gap + column * (cell_width + gap);
  }
};

/// What stands above each column and left of each row of a sheet; empty for none.
struct SheetHeadings {
  std::vector<std::string> columns;
  std::vector<std::string> rows;
};

/// A layout whose sizes follow from the cell's; columns 0 picks a number that leaves few places empty.
/// Throws UsageError when the sheet would be larger than a PNG or this machine's memory allows.
[[nodiscard]] SheetLayout sheet_layout(std::int64_t cell_width, std::int64_t cell_height, std::int64_t count,
                                       std::int64_t columns, int note_lines, bool labels);

/// Makes room for headings of at most so many columns and rows, where there are labels: a line above, and on
/// the left the widest text, at most as wide as a cell. Throws UsageError like sheet_layout.
void add_headings(SheetLayout& layout, const SheetHeadings& headings);

/// Says on stderr in one line when there is no font to label with; true when there is one.
[[nodiscard]] bool labels_possible(bool quiet);

/// Throws UsageError unless --output names a PNG: `verb` is who asks.
void require_sheet_name(const RunOptions& run, const char* verb);

/// What became of a sheet.
struct PaintedSheet {
  Device device;
  double seconds = 0;
  std::uint64_t bytes = 0;
};
/// Paints the cells on the device that `run` names, a row of them at a time, into an RGB PNG with `text` as
/// the sheet's own (kSheetKeyword); it has the output's name when it is whole. `cell(i)` makes the i-th.
/// Throws Error, UsageError and Interrupted.
PaintedSheet paint_sheet(const RunOptions& run, const SheetLayout& layout,
                         const std::function<SheetCell(std::int64_t)>& cell, const std::string& text,
                         const SheetHeadings& headings = {});

/// A picture that is there already, as a cell of a sheet.
struct PictureCell {
  GrayPicture picture;
  std::string title;
  std::string note;
};
/// The same for pictures of the layout's cell size, of which all are in memory. Throws Error; InvalidArgument
/// when a picture has another size.
void write_picture_sheet(const SheetLayout& layout, const std::vector<PictureCell>& cells, AtomicFile& file,
                         const std::vector<PictureText>& texts);

}  // namespace atelier::tools
