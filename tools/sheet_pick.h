#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "models/recipe.h"

namespace atelier::tools {

/// The recipe of one cell of a contact sheet, by its label: what `atelier render SHEET.png --pick LABEL`
/// paints. Labels are what stands under the cells: a seed ("42"), a place in a sweep ("B3", either case), the
/// number of a variation ("7", the original is "0"), the name of an experiment ("mondrian"). Throws
/// UsageError: a label that the sheet has not (it says which there are); InvalidArgument: no PNG, no sheet, a
/// sheet that does not say how its cells were painted.
[[nodiscard]] CppnRecipe pick_recipe(const std::string& path, const std::string& label);

/// The recipe as a sheet keeps it: weights that were drawn are left out, since they can be drawn again.
[[nodiscard]] nlohmann::ordered_json sheet_recipe(const CppnRecipe& recipe);

/// "A" to "Z", "AA" and on: the columns of a sweep.
[[nodiscard]] std::string column_label(std::int64_t column);

}  // namespace atelier::tools
