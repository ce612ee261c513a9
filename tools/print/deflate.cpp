#include "tools/print/deflate.h"

#include <fmt/format.h>
#include <isa-l/igzip_lib.h>

#include "runtime/error.h"

namespace atelier::tools {
namespace {

// ISA-L's level 3. Level 1 takes half the time, but what it and level 2 make of the same data
// depends, one time in some 8,000, on where in memory their state lies (ISA-L 2.30): no resume would be safe.
constexpr std::uint32_t kLevel = 3;
constexpr std::size_t kLevelBytes = ISAL_DEF_LVL3_DEFAULT;

std::vector<unsigned char> packed(std::span<const unsigned char> data, bool whole) {
  std::vector<unsigned char> level(kLevelBytes);
  std::vector<unsigned char> result(static_cast<std::size_t>(deflate_bound(std::ssize(data))));
  isal_zstream stream{};
  isal_deflate_init(&stream);
  stream.level = kLevel;
  stream.level_buf = level.data();
  stream.level_buf_size = static_cast<std::uint32_t>(level.size());
  if (whole) {
    stream.gzip_flag = IGZIP_ZLIB;
    stream.end_of_stream = 1;
  } else {
    stream.flush = FULL_FLUSH;
  }
  stream.next_in = const_cast<unsigned char*>(data.data());
  stream.avail_in = static_cast<std::uint32_t>(data.size());
  stream.next_out = result.data();
  stream.avail_out = static_cast<std::uint32_t>(result.size());
  const int code = isal_deflate(&stream);
  if (code != COMP_OK || stream.avail_out == 0)
    throw Error(fmt::format("ISA-L cannot pack {} bytes ({})", data.size(), code));
  result.resize(stream.total_out);
  result.shrink_to_fit();
  return result;
}

}  // namespace

std::vector<unsigned char> deflated(std::span<const unsigned char> data) {
  return packed(data, true);
}

std::vector<unsigned char> deflated_part(std::span<const unsigned char> data) {
  return packed(data, false);
}

std::int64_t deflate_bound(std::int64_t bytes) {
  // Blocks of what cannot be packed are stored as they are, a few bytes longer.
  return bytes + bytes / 16 + 4096;
}

std::int64_t deflate_bytes() {
  return static_cast<std::int64_t>(kLevelBytes + sizeof(isal_zstream));
}

}  // namespace atelier::tools
