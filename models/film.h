#pragma once

#include <string>
#include <string_view>

#include "models/motion.h"

namespace atelier {

inline constexpr double kFilmMaxFramesPerSecond = 1000;

/// Everything that paints a film again, frame by frame to the bit.
struct Film {
  MotionOptions motion;  // the recipes have the film's width, height and samples
  double frames_per_second = 25;
};

/// A film as JSON in one line of ASCII, as it stands in film.json, in a GIF's comment and in a video's:
///   {"atelier_film": 1, "frames": 100, "frames_per_second": 25, "seamless": true,
///    "motion": {"way": "loop", "ease": "linear", "loop": "circle", "move": "latent", "radius": 0.5,
///               "points": 4, "path_seed": 0, "zoom": 1, "pan": [0, 0], "turn": 0},
///    "recipes": [ … ]}
/// What a motion does not have is left out. Throws InvalidArgument for recipes that are not valid.
[[nodiscard]] std::string film_to_json(const Film& film);

/// True for a text that says of itself that it is a film: an object with the key "atelier_film".
[[nodiscard]] bool is_film_json(std::string_view text);

/// Reads what film_to_json wrote, or a person: "recipes" alone must be there. Throws InvalidArgument with one
/// line, which begins with `source`: no film, unknown keys, values out of range, recipes that do not fit
/// each other or the motion.
[[nodiscard]] Film film_from_json(std::string_view text, std::string_view source);

}  // namespace atelier
