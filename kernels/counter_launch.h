#pragma once

#include <cstdint>

#include "kernels/counter.h"
#include "kernels/dispatch.h"
#include "runtime/stream.h"
#include "runtime/view.h"

// Each backend's half of kernels/counter.h. Arguments are checked.
ATELIER_DECLARE_BACKENDS(void finish_iteration(Stream& stream, std::uint64_t* counter,
                                               VectorView<const float> values, MatrixView<float> history))
