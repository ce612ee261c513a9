#pragma once

#include <string>
#include <vector>

#include "tools/picture_options.h"

namespace atelier::tools {

/// Values that one option of a picture takes in turn: an axis of a sweep.
struct SweepAxis {
  std::string option;  // "scale"
  std::vector<std::string> values;
};
inline constexpr std::size_t kMostSweepValues = 64;

/// "scale=0.5,1,2". Throws UsageError: no such option (it lists those that can be swept), no values, too
/// many, one that stands twice.
[[nodiscard]] SweepAxis parse_sweep(const std::string& text);

/// The options with one value of the axis in place. Throws UsageError, which names --sweep, for a value that
/// the option does not take, and where the option was given already.
[[nodiscard]] PictureOptions swept(PictureOptions options, const SweepAxis& axis, const std::string& value);

}  // namespace atelier::tools
