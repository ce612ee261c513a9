#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <utility>

#include "runtime/error.h"
#include "runtime/stream.h"
#include "runtime/view.h"

namespace atelier {

/// Checks of the linear layer's arguments. `call` is the name of the function that was called; every message
/// begins with it and the device.
class LinearCheck {
 public:
  LinearCheck(const char* call, const Stream& stream) : call_(call), stream_(stream) {}

  template <class... Arguments>
  [[noreturn]] void fail(fmt::format_string<Arguments...> message, Arguments&&... arguments) const {
    throw InvalidArgument(fmt::format("{} on {}: {}", call_, stream_.device().name(),
                                      fmt::format(message, std::forward<Arguments>(arguments)...)));
  }

  template <class T>
  static std::string shape(MatrixView<T> view) {
    return fmt::format("[{}, {}]", view.rows, view.columns);
  }

  /// Extents are not negative and rows do not overlap.
  template <class T>
  void matrix(const char* name, MatrixView<T> view) const {
    if (view.rows < 0 || view.columns < 0) fail("{} is {}; extents must not be negative", name, shape(view));
    if (view.rows > 1 && view.stride < view.columns)
      fail("{} {} has a stride of {}; at least {} is needed", name, shape(view), view.stride, view.columns);
  }

  /// `view` is [rows, columns], or empty where that is allowed.
  template <class T>
  void fits(const char* name, MatrixView<T> view, std::int64_t rows, std::int64_t columns,
            bool may_be_empty) const {
    matrix(name, view);
    if (view.rows == rows && view.columns == columns) return;
    if (may_be_empty && (view.rows == 0 || view.columns == 0)) return;
    fail("{} is {}; [{}, {}]{} is needed", name, shape(view), rows, columns,
         may_be_empty ? " or an empty view" : "");
  }
  template <class T>
  void fits(const char* name, VectorView<T> view, std::int64_t size, bool may_be_empty) const {
    if (view.size == size || (may_be_empty && view.size == 0)) return;
    fail("{} has {} elements; {}{} are needed", name, view.size, size, may_be_empty ? " or none" : "");
  }

  void scratch(VectorView<float> view, std::int64_t needed, bool may_be_empty) const {
    if (view.size >= needed || (may_be_empty && view.size == 0)) return;
    fail("scratch has {} elements; at least {}{} are needed", view.size, needed,
         may_be_empty ? " or none" : "");
  }

 private:
  const char* call_;
  const Stream& stream_;
};

/// A view whose data is null where it has no elements.
template <class T>
[[nodiscard]] MatrixView<T> null_if_empty(MatrixView<T> view) {
  if (view.rows == 0 || view.columns == 0) view.data = nullptr;
  return view;
}
template <class T>
[[nodiscard]] VectorView<T> null_if_empty(VectorView<T> view) {
  if (view.size == 0) view.data = nullptr;
  return view;
}

}  // namespace atelier
