#include "kernels/counter.h"

#include <fmt/format.h>

#include "kernels/counter_launch.h"
#include "runtime/error.h"

namespace atelier {

void finish_iteration(Stream& stream, std::uint64_t* counter, VectorView<const float> values,
                      MatrixView<float> history) {
  if (counter == nullptr)
    throw InvalidArgument(
        fmt::format("finish_iteration on {}: counter is null; it must point to one std::uint64_t in the "
                    "device's memory",
                    stream.device().name()));
  if (history.rows < 0 || history.columns < 0 || (history.rows > 1 && history.stride < history.columns))
    throw InvalidArgument(fmt::format(
        "finish_iteration on {}: history is [{}, {}] with a stride of {}; extents must not be negative and "
        "the stride no less than the columns",
        stream.device().name(), history.rows, history.columns, history.stride));
  if (history.rows > 0 && values.size != history.columns)
    throw InvalidArgument(
        fmt::format("finish_iteration on {}: {} values for a history of {} columns; one "
                    "value a column is needed",
                    stream.device().name(), values.size, history.columns));
  ATELIER_DISPATCH(stream, finish_iteration(stream, counter, values, history));
}

}  // namespace atelier
