#include "tools/print/tiff_predictor.h"

#include <vector>

namespace atelier::tools {
namespace {

/// From the end, so that every sample still sees the one before it as it was.
template <class Sample>
void subtract_left(Sample* row, std::int64_t count, std::int64_t distance) {
  for (std::int64_t i = count - 1; i >= distance; --i)
    row[i] = static_cast<Sample>(row[i] - row[i - distance]);
}

template <std::int64_t bytes>
void sort_by_weight(const unsigned char* samples, std::int64_t count, unsigned char* sorted) {
  for (std::int64_t byte = 0; byte < bytes; ++byte)
    for (std::int64_t i = 0; i < count; ++i)
      sorted[(bytes - 1 - byte) * count + i] = samples[bytes * i + byte];
}

template <std::int64_t bytes>
void predict_floats(unsigned char* row, std::int64_t count, int channels) {
  std::vector<unsigned char> sorted(static_cast<std::size_t>(bytes * count));
  sort_by_weight<bytes>(row, count, sorted.data());
  for (std::int64_t i = 0; i < bytes * count; ++i)
    row[i] = static_cast<unsigned char>(sorted[static_cast<std::size_t>(i)] -
                                        (i < channels ? 0 : sorted[static_cast<std::size_t>(i - channels)]));
}

}  // namespace

void predict_tiff_row(CppnSample sample, int channels, std::int64_t width, unsigned char* row) {
  const std::int64_t count = width * channels;
  switch (sample) {
    case CppnSample::u8:
    case CppnSample::u8_truncate:
      return subtract_left(row, count, channels);
    case CppnSample::u16:
      return subtract_left(reinterpret_cast<std::uint16_t*>(row), count, channels);
    case CppnSample::f32:
      return predict_floats<4>(row, count, channels);
    case CppnSample::f64:
      return predict_floats<8>(row, count, channels);
  }
}

}  // namespace atelier::tools
