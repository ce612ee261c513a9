#include "tools/image/npy_writer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <bit>
#include <string>

#include "runtime/error.h"

static_assert(std::endian::native == std::endian::little, "the array's type names little-endian samples");

namespace atelier::tools {
namespace {

const char* sample_type(CppnSample sample) {
  switch (sample) {
    case CppnSample::u16:
      return "<u2";
    case CppnSample::f32:
      return "<f4";
    case CppnSample::f64:
      return "<f8";
    default:
      return "|u1";
  }
}

/// `shape` as Python writes a tuple of two or more.
std::string start_of(CppnSample sample, const std::string& shape) {
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", sample_type(sample), shape);
  // Magic, version and length take 10 bytes; the array starts at a multiple of 64.
  header.append(63 - (10 + header.size()) % 64, ' ').push_back('\n');
  std::string start("\x93NUMPY\x01\x00", 8);
  start.push_back(static_cast<char>(header.size() & 0xFF));
  start.push_back(static_cast<char>(header.size() >> 8));
  start += header;
  return start;
}

}  // namespace

void write_npy(AtomicFile& file, const std::vector<std::int64_t>& shape, std::span<const float> values) {
  std::uint64_t count = 1;
  for (const std::int64_t side : shape) count *= static_cast<std::uint64_t>(side);
  if (count != values.size())
    throw InvalidArgument(
        fmt::format("npy: {} numbers for the shape ({})", values.size(), fmt::join(shape, ", ")));
  // A tuple of one has a comma too.
  const std::string start =
      start_of(CppnSample::f32, fmt::format("{}{}", fmt::join(shape, ", "), shape.size() == 1 ? "," : ""));
  file.write(start.data(), start.size());
  file.write(values.data(), values.size_bytes());
}

std::string npy_start(const PictureFormat& format) {
  return start_of(format.sample, format.channels == 1 ? fmt::format("{}, {}", format.height, format.width)
                                                      : fmt::format("{}, {}, {}", format.height, format.width,
                                                                    format.channels));
}

NpyWriter::NpyWriter(AtomicFile& file, const PictureFormat& format)
    : file_(file), format_(format), rows_left_(format.height) {
  const std::string start = npy_start(format);
  file_.write(start.data(), start.size());
}

void NpyWriter::write_rows(const std::byte* rows, std::int64_t count) {
  if (count > rows_left_)
    throw Error(fmt::format("npy: {} rows more than the picture has", count - rows_left_));
  file_.write(rows, static_cast<std::size_t>(count * format_.row_bytes()));
  rows_left_ -= count;
}

void NpyWriter::finish() {
  if (rows_left_ != 0) throw Error(fmt::format("npy: {} rows are missing", rows_left_));
}

}  // namespace atelier::tools
