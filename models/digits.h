#pragma once

#include <cstdint>

#include "models/data_set.h"

namespace atelier {

/// Handwriting-like digits, 28 x 28, made of strokes with random warp, thickness, slant and jitter, centred
/// as MNIST's are. Picture i is a pure function of (seed, i), the same on every machine. Labels are 0…9; each
/// ten pictures from a multiple of ten on hold each once, in a seeded order. Picture `first` is the first of
/// the draw: disjoint ranges give disjoint draws. Threads: cpu_threads(). Throws InvalidArgument for a
/// negative number, or more than 2^31 pictures.
[[nodiscard]] DataSet make_digits(std::int64_t count, std::uint64_t seed, std::int64_t first = 0);

}  // namespace atelier
