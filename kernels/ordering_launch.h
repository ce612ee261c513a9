#pragma once

#include <cstdint>

#include "kernels/dispatch.h"
#include "kernels/philox.h"
#include "runtime/stream.h"
#include "runtime/view.h"

// Each backend's half of kernels/ordering.h. Arguments are checked, results are not empty, and the stream is
// not capturing.
ATELIER_DECLARE_BACKENDS(
    void permutation(Stream& stream, PhiloxStream random, VectorView<std::int32_t> order);
    void sort_ascending(Stream& stream, VectorView<float> values);
    void histogram(Stream& stream, VectorView<const std::uint8_t> values, VectorView<std::int64_t> counts);
    void largest_column(Stream& stream, MatrixView<const float> scores, VectorView<std::uint8_t> indices);
    void confusion_matrix(Stream& stream, VectorView<const std::uint8_t> truth,
                          VectorView<const std::uint8_t> predicted, MatrixView<std::int64_t> counts))
