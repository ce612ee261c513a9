#pragma once

#include <cstdint>
#include <type_traits>

#include "runtime/backend.h"

namespace atelier {

/// A non-owning run of `size` elements in some device's memory. Trivially copyable: a kernel parameter.
/// No alignment beyond that of T may be assumed.
template <class T>
struct VectorView {
  T* data = nullptr;
  std::int64_t size = 0;

  [[nodiscard]] ATELIER_HOST_DEVICE constexpr bool empty() const { return size == 0; }
  [[nodiscard]] ATELIER_HOST_DEVICE constexpr T& operator[](std::int64_t index) const { return data[index]; }
  /// Elements [first, first + count).
  [[nodiscard]] ATELIER_HOST_DEVICE constexpr VectorView part(std::int64_t first, std::int64_t count) const {
    return {data + first, count};
  }
  // A view of const elements from a view of mutable ones.
  template <class U>
  requires(std::is_same_v<U, const T> && !std::is_const_v<T>) ATELIER_HOST_DEVICE constexpr
  operator VectorView<U>() const {
    return {data, size};
  }
};

/// A non-owning row-major matrix: element (row, column) is data[row * stride + column], stride >= columns.
template <class T>
struct MatrixView {
  T* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t stride = 0;  // elements from one row to the next

  [[nodiscard]] ATELIER_HOST_DEVICE constexpr T& operator()(std::int64_t row, std::int64_t column) const {
    return data[row * stride + column];
  }
  [[nodiscard]] ATELIER_HOST_DEVICE constexpr VectorView<T> row(std::int64_t index) const {
    return {data + index * stride, columns};
  }
  /// Rows [first, first + count).
  [[nodiscard]] ATELIER_HOST_DEVICE constexpr MatrixView rows_part(std::int64_t first,
                                                                   std::int64_t count) const {
    return {data + first * stride, count, columns, stride};
  }
  template <class U>
  requires(std::is_same_v<U, const T> && !std::is_const_v<T>) ATELIER_HOST_DEVICE constexpr
  operator MatrixView<U>() const {
    return {data, rows, columns, stride};
  }
};

/// A dense matrix over contiguous memory.
template <class T>
[[nodiscard]] ATELIER_HOST_DEVICE constexpr MatrixView<T> matrix_view(T* data, std::int64_t rows,
                                                                      std::int64_t columns) {
  return {data, rows, columns, columns};
}

}  // namespace atelier
