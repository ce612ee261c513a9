#pragma once

#include <cstdint>
#include <string>

#include "models/data_set.h"
#include "models/learner.h"

namespace atelier {

/// Pictures [first, first + count) of a set in rows of `columns`, one grey pixel between any two, each of
/// their own pixels a square of `scale`. Places behind the last picture are grey. Throws InvalidArgument for
/// pictures that the set does not have, and columns or a scale below 1.
[[nodiscard]] GrayPicture picture_grid(const DataSet& pictures, std::int64_t first, std::int64_t count,
                                       std::int64_t columns, std::int64_t scale = 1,
                                       std::string name = "grid");

/// Columns that make a grid of `count` squares about twice as wide as high.
[[nodiscard]] std::int64_t wide_grid_columns(std::int64_t count);

}  // namespace atelier
