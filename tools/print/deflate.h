#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace atelier::tools {

/// A zlib stream (RFC 1950) of `data`, packed for speed. The same bytes on processors of the same kind.
[[nodiscard]] std::vector<unsigned char> deflated(std::span<const unsigned char> data);
/// Bytes of the longest zlib stream that so many bytes can become.
[[nodiscard]] std::int64_t deflate_bound(std::int64_t bytes);
/// Bytes that deflated() holds meanwhile, beside its result.
[[nodiscard]] std::int64_t deflate_bytes();

}  // namespace atelier::tools
