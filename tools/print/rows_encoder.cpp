#include "tools/print/rows_encoder.h"

#include <fmt/format.h>

#include <cstdio>
#include <vector>

#include "runtime/error.h"

namespace atelier::tools {
namespace {

constexpr std::int64_t kLongestRow = std::int64_t{2} << 20;

class Rows final : public PictureEncoder::Encoded {
 public:
  explicit Rows(std::vector<std::byte> rows) : samples(std::move(rows)) {}
  [[nodiscard]] std::uint64_t bytes() const override { return samples.size(); }
  std::vector<std::byte> samples;
};

}  // namespace

RowsEncoder::RowsEncoder(AtomicFile& file, const PictureFormat& format, std::string start)
    : file_(file),
      pixel_bytes_(format.row_bytes() / format.width),
      parts_(format, kLongestRow),
      start_(std::move(start)) {}

std::unique_ptr<PictureEncoder::Encoded> RowsEncoder::encode(std::int64_t index,
                                                             const std::byte* samples) const {
  const PixelRegion region = parts_.part(index);
  return std::make_unique<Rows>(
      std::vector<std::byte>(samples, samples + region.width * region.height * pixel_bytes_));
}

void RowsEncoder::store(std::int64_t index, std::unique_ptr<Encoded> encoded) {
  const auto& rows = static_cast<const Rows&>(*encoded);
  if (index == 0) file_.write(start_.data(), start_.size());
  file_.write(rows.samples.data(), rows.samples.size());
}

std::string RowsEncoder::state() {
  file_.sync();
  return fmt::format("rows {}", file_.bytes_written());
}

void RowsEncoder::restore(std::string_view state) {
  std::uint64_t bytes = 0;
  char rest = 0;
  const std::string text(state);
  if (std::sscanf(text.c_str(), "rows %lu%c", &bytes, &rest) != 1 || bytes > file_.bytes_written())
    throw Error(fmt::format("{}: what is there does not fit the render that it is said to be of",
                            file_.path().string()));
  file_.cut(bytes);
}

}  // namespace atelier::tools
