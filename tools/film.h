#pragma once

#include <cstdint>

#include "models/motion.h"
#include "runtime/stream.h"
#include "tools/image/film_writer.h"
#include "tools/progress.h"

namespace atelier::tools {

/// Frames of the recipe that are painted at a time: some 4 MiB of samples, and no more work than a cpu does
/// in a second or two, since what is queued is not called back by Ctrl-C; 1 to 64, at least two batches a
/// film.
[[nodiscard]] std::int64_t film_batch(const FilmFormat& format, const CppnRecipe& recipe);
/// Memory that paint_film takes for frames: two batches on the device and two beside it.
[[nodiscard]] std::int64_t film_bytes(const FilmFormat& format, const CppnRecipe& recipe);

/// Paints the motion's frames, of the size and samples of its first recipe, a batch at a time on the stream's
/// device into the writer: while one batch is encoded the next is painted. The frame is the same however many
/// are painted at a time. Throws what the device and the writer throw, and Interrupted after Ctrl-C.
void paint_film(Stream& stream, const Motion& motion, const FilmFormat& format, FilmWriter& writer,
                Progress& progress);

}  // namespace atelier::tools
