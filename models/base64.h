#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace atelier {

/// Base 64 with the alphabet A-Z a-z 0-9 + / and = padding (RFC 4648, section 4).
[[nodiscard]] std::string base64_encode(std::span<const std::byte> bytes);
/// The inverse; nullopt for anything that base64_encode does not write: other letters, line breaks, a length
/// that is no multiple of 4, missing padding, stray bits in the last letter.
[[nodiscard]] std::optional<std::vector<std::byte>> base64_decode(std::string_view text);

}  // namespace atelier
