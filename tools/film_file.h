#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "models/film.h"

namespace atelier::tools {

/// The film that a file or folder was painted from: its description lies in film.json (also of a folder of
/// frames), in a GIF's first comments, or in an MP4's or WebM's comment. Nothing for what is no film at all.
/// Throws InvalidArgument, in one line: a film of another program, one that lost its description, a damaged
/// one, a file that cannot be read.
[[nodiscard]] std::optional<Film> load_film(const std::string& path);

/// The recipe of one frame, from 0: what `atelier render FILM --frame N` paints. Throws InvalidArgument as
/// load_film, and for what is no film; UsageError for a frame that the film has not.
[[nodiscard]] CppnRecipe frame_recipe(const std::string& path, std::int64_t frame);

}  // namespace atelier::tools
