#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

// Included by .cpp files of models/ only.
namespace atelier::detail {

struct JsonLimits {
  std::size_t bytes = std::size_t{64} << 20;
  std::size_t depth = 32;         // open objects and arrays
  std::size_t values = 1U << 16;  // of any kind, keys included: bounds the memory of the document
};

/// A document from bytes of unknown origin. Throws InvalidArgument, one line that begins with `source`: too
/// large, too deep, too many values, not JSON (with the byte where it ends to be), text that is not UTF-8, a
/// number out of range, a key that stands twice in one object.
[[nodiscard]] nlohmann::json parse_json(std::string_view text, const std::string& source,
                                        const JsonLimits& limits);

/// `text` cut to a length that fits a message, quoted, without control characters.
[[nodiscard]] std::string excerpt(std::string_view text);

}  // namespace atelier::detail
