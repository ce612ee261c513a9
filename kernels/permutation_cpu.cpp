#include "kernels/permutation_cpu.h"

#include <algorithm>
#include <array>
#include <utility>

#include "kernels/cpu/noise_vector.h"
#include "runtime/instruction_set.h"

namespace atelier::cpu {
namespace {

using SortKeys = void (*)(std::uint64_t*, std::uint64_t, std::int64_t, PhiloxStream);

SortKeys sort_keys() {
  switch (instruction_set()) {
#if defined(ATELIER_X86)
    case InstructionSet::avx512:
      return avx512::sort_keys;
    case InstructionSet::avx2:
      return avx2::sort_keys;
#endif
    default:
      return portable::sort_keys;
  }
}

// Keys are sorted first into a few large buckets, as many as there are pages that the processor knows at
// once, then within each by digits, lowest first, where all of it is in the caches.

// Buckets up to this size are sorted by insertion, those up to the next by two digits: nearly all of their
// keys differ in them, and insertion puts the others right.
constexpr std::int64_t kTiny = 48;
constexpr std::int64_t kTwoDigits = std::int64_t{1} << 17;

// A digit of the keys: the `bits` from bit `shift` on.
template <int shift, int bits>
struct Digit {
  static constexpr std::size_t kBuckets = std::size_t{1} << bits;
  std::array<std::uint32_t, kBuckets> places{};  // counts, then where the buckets' next keys go

  static std::size_t of(std::uint64_t key) { return static_cast<std::size_t>(key >> shift) % kBuckets; }
  void count(std::uint64_t key) { ++places[of(key)]; }
  void scatter(const std::uint64_t* from, std::int64_t size, std::uint64_t* to) {
    std::uint32_t begin = 0;
    for (std::uint32_t& place : places) begin += std::exchange(place, begin);
    for (std::int64_t i = 0; i < size; ++i) to[places[of(from[i])]++] = from[i];
  }
};
using FirstDigit = Digit<58, 6>;
using SecondDigit = Digit<50, 8>;
using ThirdDigit = Digit<42, 8>;
using FourthDigit = Digit<34, 8>;

// Keys in chunks that the first-level cache keeps, so that counting finds them there.
void make_keys(PhiloxStream random, std::int64_t size, std::uint64_t* keys, FirstDigit& first_digit) {
  constexpr std::int64_t kChunk = 1024;
  const SortKeys fill = sort_keys();
  for (std::int64_t first = 0; first < size; first += kChunk) {
    const std::int64_t end = std::min(first + kChunk, size);
    fill(keys + first, static_cast<std::uint64_t>(first / 2), (end - first + 1) / 2, random);
    for (std::int64_t i = first; i < end; ++i) first_digit.count(keys[i]);
  }
}

void insertion_sort(std::uint64_t* keys, std::int64_t size) {
  for (std::int64_t i = 1; i < size; ++i) {
    const std::uint64_t key = keys[i];
    if (keys[i - 1] <= key) continue;
    std::int64_t place = i;
    for (; place > 0 && keys[place - 1] > key; --place) keys[place] = keys[place - 1];
    keys[place] = key;
  }
}

// Sorts a bucket; the result is `keys` or `other`.
std::uint64_t* sort_bucket(std::uint64_t* keys, std::uint64_t* other, std::int64_t size) {
  if (size > kTwoDigits) {
    FourthDigit fourth;
    for (std::int64_t i = 0; i < size; ++i) fourth.count(keys[i]);
    fourth.scatter(keys, size, other);
    std::swap(keys, other);
  }
  if (size > kTiny) {
    ThirdDigit third;
    SecondDigit second;
    for (std::int64_t i = 0; i < size; ++i) {
      third.count(keys[i]);
      second.count(keys[i]);
    }
    third.scatter(keys, size, other);
    second.scatter(other, size, keys);
  }
  insertion_sort(keys, size);
  return keys;
}

// The second words of indices whose first are equal.
std::uint32_t second_word(PhiloxStream random, std::int32_t index) {
  const auto number = static_cast<std::uint64_t>(index);
  return philox_block(random, number / 2).word[number % 2 * 2 + 1];
}

void sort_by_second_words(PhiloxStream random, std::int32_t* order, std::int64_t size) {
  std::stable_sort(order, order + size, [random](std::int32_t a, std::int32_t b) {
    return second_word(random, a) < second_word(random, b);
  });
}

// The order of indices whose keys' upper halves are equal.
void put_equals_right(PhiloxStream random, const std::uint64_t* keys, std::int64_t size,
                      std::int32_t* order) {
  const auto equal = [keys](std::int64_t a, std::int64_t b) { return keys[a] >> 32 == keys[b] >> 32; };
  for (std::int64_t begin = 0; begin + 1 < size; ++begin) {
    if (!equal(begin, begin + 1)) continue;
    std::int64_t end = begin + 2;
    while (end < size && equal(begin, end)) ++end;
    sort_by_second_words(random, order + begin, end - begin);
    begin = end - 1;
  }
}

}  // namespace

void sort_permutation(PhiloxStream random, VectorView<std::uint64_t> room, VectorView<std::int32_t> order) {
  std::uint64_t* const unsorted = room.data;
  std::uint64_t* const keys = room.data + (order.size + 1);
  FirstDigit first_digit;
  make_keys(random, order.size, unsorted, first_digit);
  first_digit.scatter(unsorted, order.size, keys);
  std::int64_t begin = 0;
  for (const std::uint32_t bucket_end : first_digit.places) {
    const std::int64_t size = static_cast<std::int64_t>(bucket_end) - begin;
    const std::uint64_t* const sorted = sort_bucket(keys + begin, unsorted + begin, size);
    std::int32_t* const to = order.data + begin;
    for (std::int64_t i = 0; i < size; ++i) to[i] = static_cast<std::int32_t>(sorted[i] & 0xffffffffU);
    put_equals_right(random, sorted, size, to);
    begin += size;
  }
}

}  // namespace atelier::cpu
