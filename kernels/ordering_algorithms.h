#pragma once

#include <thrust/for_each.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/sequence.h>
#include <thrust/sort.h>
#include <thrust/tabulate.h>
#include <thrust/transform.h>

#include <cstdint>

#include "kernels/philox.h"
#include "runtime/backend.h"
#include "runtime/view.h"

// kernels/ordering.h in terms of Thrust, for any of its systems: the execution policy says which. `keys` are
// rooms of one element for every element of the input.
namespace atelier {
inline namespace ATELIER_CODE {

/// Words 2i and 2i + 1 of a stream, the first in the upper half.
struct PermutationKey {
  PhiloxStream random;
  ATELIER_HOST_DEVICE std::uint64_t operator()(std::int64_t i) const {
    const auto index = static_cast<std::uint64_t>(i);
    const PhiloxBlock block = philox_block(random, index / 2);
    return std::uint64_t{block.word[index % 2 * 2]} << 32 | block.word[index % 2 * 2 + 1];
  }
};

/// Integers that order as floats do: -infinity is 0, -0 precedes 0, and all NaNs come last. One for each bit
/// pattern, so that FloatOfKey gives every float back.
struct KeyOfFloat {
  ATELIER_HOST_DEVICE std::uint32_t operator()(float value) const {
    const auto bits = __builtin_bit_cast(std::uint32_t, value);
    return ((bits & kSign) != 0 ? ~bits : bits | kSign) - kLowestNumber;
  }
  static constexpr std::uint32_t kSign = 0x80000000U;
  static constexpr std::uint32_t kLowestNumber = ~0xFF800000U;  // -infinity; below it lie the negative NaNs
};
struct FloatOfKey {
  ATELIER_HOST_DEVICE float operator()(std::uint32_t key) const {
    const std::uint32_t bits = key + KeyOfFloat::kLowestNumber;
    return __builtin_bit_cast(float, (bits & KeyOfFloat::kSign) != 0 ? bits & ~KeyOfFloat::kSign : ~bits);
  }
};

struct PairOfBytes {
  ATELIER_HOST_DEVICE std::uint16_t operator()(std::uint8_t upper, std::uint8_t lower) const {
    return static_cast<std::uint16_t>(upper << 8 | lower);
  }
};

/// How often `key` stands in a sorted run.
template <class T>
struct SortedRun {
  const T* values;
  std::int64_t size;

  ATELIER_HOST_DEVICE std::int64_t count(std::uint32_t key) const { return below(key + 1) - below(key); }
  ATELIER_HOST_DEVICE std::int64_t below(std::uint32_t key) const {
    std::int64_t first = 0;
    std::int64_t last = size;
    while (first < last) {
      const std::int64_t middle = first + (last - first) / 2;
      if (values[middle] < key)
        first = middle + 1;
      else
        last = middle;
    }
    return first;
  }
};

struct HistogramCell {
  SortedRun<std::uint8_t> run;
  ATELIER_HOST_DEVICE std::int64_t operator()(std::int64_t k) const {
    return k < 256 ? run.count(static_cast<std::uint32_t>(k)) : 0;
  }
};

struct ConfusionCell {
  SortedRun<std::uint16_t> run;
  MatrixView<std::int64_t> counts;
  ATELIER_HOST_DEVICE void operator()(std::int64_t cell) const {
    const std::int64_t truth = cell / counts.columns;
    const std::int64_t predicted = cell % counts.columns;
    counts(truth, predicted) =
        truth < 256 && predicted < 256 ? run.count(static_cast<std::uint32_t>(truth << 8 | predicted)) : 0;
  }
};

struct LargestColumn {
  MatrixView<const float> scores;
  ATELIER_HOST_DEVICE std::uint8_t operator()(std::int64_t row) const {
    std::int64_t best = 0;
    for (std::int64_t column = 1; column < scores.columns; ++column) {
      const float value = scores(row, column);
      const float largest = scores(row, best);
      if (largest == largest && !(value <= largest)) best = column;  // value is larger, or the first NaN
    }
    return static_cast<std::uint8_t>(best);
  }
};

template <class Policy>
void make_permutation(const Policy& policy, PhiloxStream random, std::uint64_t* keys,
                      VectorView<std::int32_t> order) {
  thrust::tabulate(policy, keys, keys + order.size, PermutationKey{random});
  thrust::sequence(policy, order.data, order.data + order.size);
  thrust::stable_sort_by_key(policy, keys, keys + order.size, order.data);
}

template <class Policy>
void sort_floats(const Policy& policy, VectorView<float> values, std::uint32_t* keys) {
  thrust::transform(policy, values.data, values.data + values.size, keys, KeyOfFloat{});
  thrust::sort(policy, keys, keys + values.size);
  thrust::transform(policy, keys, keys + values.size, values.data, FloatOfKey{});
}

template <class Policy>
void count_values(const Policy& policy, VectorView<const std::uint8_t> values, std::uint8_t* keys,
                  VectorView<std::int64_t> counts) {
  thrust::copy(policy, values.data, values.data + values.size, keys);
  thrust::sort(policy, keys, keys + values.size);
  thrust::tabulate(policy, counts.data, counts.data + counts.size, HistogramCell{{keys, values.size}});
}

template <class Policy>
void count_pairs(const Policy& policy, VectorView<const std::uint8_t> truth,
                 VectorView<const std::uint8_t> predicted, std::uint16_t* keys,
                 MatrixView<std::int64_t> counts) {
  thrust::transform(policy, truth.data, truth.data + truth.size, predicted.data, keys, PairOfBytes{});
  thrust::sort(policy, keys, keys + truth.size);
  const thrust::counting_iterator<std::int64_t> cell(0);
  thrust::for_each(policy, cell, cell + counts.rows * counts.columns,
                   ConfusionCell{{keys, truth.size}, counts});
}

template <class Policy>
void find_largest(const Policy& policy, MatrixView<const float> scores, VectorView<std::uint8_t> indices) {
  thrust::tabulate(policy, indices.data, indices.data + indices.size, LargestColumn{scores});
}

}  // namespace ATELIER_CODE
}  // namespace atelier
