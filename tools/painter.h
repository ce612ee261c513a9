#pragma once

#include <string>

#include "models/recipe.h"
#include "runtime/stream.h"
#include "tools/image/picture_writer.h"
#include "tools/progress.h"

namespace atelier::tools {

/// The format of the file that the recipe paints.
[[nodiscard]] PictureFormat format_of(const CppnRecipe& recipe);

/// Rows that are painted at a time: some 4 MiB of samples, or $ATELIER_BAND_ROWS (tests use it to show that
/// the bands leave no trace in the file).
[[nodiscard]] std::int64_t band_rows(const PictureFormat& format);

/// Paints the recipe band by band on the stream's device into the writer: while one band is being stored the
/// next is painted. Memory depends on the width alone. Returns the kernel's path. Throws what the device
/// and the writer throw, and Interrupted after Ctrl-C.
std::string paint(Stream& stream, const CppnRecipe& recipe, PictureWriter& writer, Progress& progress);

}  // namespace atelier::tools
