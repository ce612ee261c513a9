#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "kernels/cpu/matrix_product_vector.h"

namespace atelier::cpu {

/// Computes a product on up to cpu_threads() threads; small ones stay on the calling thread. `finish`, where
/// there is one, is called once for every element, in rectangles whose sums are complete, on the thread that
/// completed them. The bits do not depend on the number of threads.
using FinishRectangle = std::function<void(std::int64_t row_begin, std::int64_t row_end,
                                           std::int64_t column_begin, std::int64_t column_end)>;
void matrix_product(const MatrixProduct& product, const FinishRectangle& finish);

/// What a thread keeps between calls, so that a step that is run again allocates nothing.
enum class Room : std::uint8_t { packed, result, delta, transposed };
inline constexpr int kRooms = 4;
/// At least `count` floats that belong to the calling thread, at a multiple of 64 bytes; they only ever grow,
/// and lose their contents when they do.
[[nodiscard]] float* thread_room(Room room, std::int64_t count);

/// Items of `work` multiply-adds each that make a range worth handing to a thread: some 20 microseconds.
[[nodiscard]] std::int64_t worthwhile_grain(std::int64_t work);

}  // namespace atelier::cpu
