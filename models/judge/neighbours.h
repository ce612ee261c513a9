#pragma once

#include <cstdint>
#include <vector>

#include "models/data_set.h"
#include "runtime/stream.h"

// Included by .cpp files of models/judge/ and by its tests only.
namespace atelier::detail {

/// The nearest picture of a set, by the distance of pixels as values from 0 to 1.
struct NearestPicture {
  std::int64_t index = 0;
  double distance = 0;  // Euclidean, exact: from the bytes
};

/// For each of some pictures its nearest in `among`, the first of equals. `left_out` is empty or has for each
/// the number of one that does not count: itself, where the pictures are of that set. Throws InvalidArgument
/// when the sizes of pictures differ or there is nothing among which to look.
[[nodiscard]] std::vector<NearestPicture> nearest_pictures(Stream& stream, const DataSet& pictures,
                                                           const DataSet& among,
                                                           const std::vector<std::int64_t>& left_out = {});

/// At most `most` pictures of a set, evenly spread over all of it in its order, with labels where it has any.
/// `indices`, if not null, receives their numbers.
[[nodiscard]] DataSet evenly_spread(const DataSet& data, std::int64_t most,
                                    std::vector<std::int64_t>* indices = nullptr);

}  // namespace atelier::detail
