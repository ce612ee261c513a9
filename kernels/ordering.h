#pragma once

#include <cstdint>

#include "kernels/philox.h"
#include "runtime/stream.h"
#include "runtime/view.h"

namespace atelier {

// Permutations, sorts and counts, made with Thrust: its CUDA system on cuda, its sequential one on cpu and
// simt, where permutations have a radix sort of their own. They may allocate: for the time between epochs and
// for metrics, not for a captured step (CaptureError). Each is deterministic and the same on every device,
// bit for bit. They queue work and return; sizes below 2^31, else InvalidArgument.

/// order becomes a permutation of 0 … size - 1: the indices sorted by (word 2i, word 2i + 1) of `random` as
/// one 64-bit key (the former the upper half), ties by index. A pure function of the stream and the size.
void permutation(Stream& stream, PhiloxStream random, VectorView<std::int32_t> order);

/// Ascending, -0 before 0, NaN last.
void sort_ascending(Stream& stream, VectorView<float> values);

/// counts[k] = number of elements equal to k; elements >= counts.size are not counted.
void histogram(Stream& stream, VectorView<const std::uint8_t> values, VectorView<std::int64_t> counts);

/// indices[r] = column of the largest element of row r, the first of equals; NaN counts as the largest, as in
/// PyTorch. columns 1 … 256.
void largest_column(Stream& stream, MatrixView<const float> scores, VectorView<std::uint8_t> indices);

/// counts(t, p) = number of i with truth[i] == t and predicted[i] == p; pairs outside are not counted.
void confusion_matrix(Stream& stream, VectorView<const std::uint8_t> truth,
                      VectorView<const std::uint8_t> predicted, MatrixView<std::int64_t> counts);

}  // namespace atelier
