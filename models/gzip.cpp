#include "models/gzip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "runtime/error.h"

namespace atelier::detail {
namespace {

constexpr int kGzipOnly = 15 + 16;                    // inflateInit2: window of 32 KiB, gzip wrapper
constexpr std::uint64_t kBestRatio = 1032;            // a deflate block packs 258 bytes into 2 bits at best
constexpr std::size_t kPiece = std::size_t{1} << 30;  // zlib counts in 32 bits

}  // namespace

struct ByteReader::Inflater {
  z_stream stream = {};
  bool ended = false;
};

bool is_gzip(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1F} && bytes[1] == std::byte{0x8B};
}

ByteReader::ByteReader(std::span<const std::byte> bytes, std::string source)
    : left_(bytes), source_(std::move(source)) {
  if (!is_gzip(bytes)) return;
  inflater_ = std::make_unique<Inflater>();
  if (inflateInit2(&inflater_->stream, kGzipOnly) != Z_OK)
    throw Error(fmt::format("{}: zlib cannot start", source_));
}

ByteReader::~ByteReader() {
  if (inflater_) inflateEnd(&inflater_->stream);
}

std::uint64_t ByteReader::most_left() const {
  const std::uint64_t bytes = left_.size();
  if (!inflater_) return bytes;
  // Some bytes may wait inside zlib's window: 64 KiB is more than it holds.
  constexpr std::uint64_t kInside = 1 << 16;
  return bytes > (std::numeric_limits<std::uint64_t>::max() - kInside) / kBestRatio
             ? std::numeric_limits<std::uint64_t>::max()
             : bytes * kBestRatio + kInside;
}

std::size_t ByteReader::read(std::span<std::byte> target) {
  if (inflater_) return read_packed(target);
  const std::size_t count = std::min(target.size(), left_.size());
  if (count > 0) std::memcpy(target.data(), left_.data(), count);
  left_ = left_.subspan(count);
  return count;
}

std::size_t ByteReader::read_packed(std::span<std::byte> target) {
  z_stream& stream = inflater_->stream;
  std::size_t done = 0;
  while (done < target.size() && !inflater_->ended) {
    const auto in = static_cast<uInt>(std::min(left_.size(), kPiece));
    const auto out = static_cast<uInt>(std::min(target.size() - done, kPiece));
    // zlib only reads what next_in points to.
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(left_.data()));
    stream.avail_in = in;
    stream.next_out = reinterpret_cast<Bytef*>(target.data() + done);
    stream.avail_out = out;
    const int status = inflate(&stream, Z_NO_FLUSH);
    left_ = left_.subspan(in - stream.avail_in);
    done += out - stream.avail_out;
    if (status == Z_STREAM_END) {
      inflater_->ended = left_.empty();
      if (!left_.empty() && (!is_gzip(left_) || inflateReset(&stream) != Z_OK))
        throw InvalidArgument(
            fmt::format("{}: {} bytes that are not gzip follow the packed data", source_, left_.size()));
    } else if (status == Z_BUF_ERROR || (status == Z_OK && left_.empty() && stream.avail_out > 0)) {
      throw InvalidArgument(
          fmt::format("{}: the gzip data are cut off; copy or fetch the file again", source_));
    } else if (status != Z_OK) {
      throw InvalidArgument(fmt::format("{}: the gzip data are damaged ({}); copy or fetch the file again",
                                        source_,
                                        stream.msg != nullptr ? stream.msg : "zlib gives no reason"));
    }
  }
  return done;
}

}  // namespace atelier::detail
