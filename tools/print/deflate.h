#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace atelier::tools {

// Packing for speed, by ISA-L. The same data give the same bytes on processors of the same kind.

/// A zlib stream (RFC 1950) of `data`. Throws Error when ISA-L refuses.
[[nodiscard]] std::vector<unsigned char> deflated(std::span<const unsigned char> data);
/// Deflate blocks (RFC 1951) of `data` that end at a byte, refer to nothing before them and are not the last
/// ones: a part of a stream. Throws Error when ISA-L refuses.
[[nodiscard]] std::vector<unsigned char> deflated_part(std::span<const unsigned char> data);
/// Bytes of the longest result of both that so many bytes can become.
[[nodiscard]] std::int64_t deflate_bound(std::int64_t bytes);
/// Bytes that they hold meanwhile, beside their result.
[[nodiscard]] std::int64_t deflate_bytes();

}  // namespace atelier::tools
