#pragma once

#include <cstdint>

#include "kernels/counter.h"
#include "kernels/philox.h"
#include "runtime/stream.h"
#include "runtime/view.h"

namespace atelier {

/// destination[i] = low + (high - low) * u(first + i), with u(k) = (word k of the stream >> 8) * 2^-24 in
/// [0, 1). Computed as one fp32 fused multiply-add of the exactly rounded (high - low): bit-equal on all
/// devices and for any way to cut the work. Rounding may give `high` itself where low is not 0. Any size, any
/// alignment. Queues work and returns. Throws InvalidArgument when low > high, when low, high or high - low
/// is not finite, or when first + size exceeds 2^64.
void fill_uniform(Stream& stream, VectorView<float> destination, PhiloxStream random, std::uint64_t first = 0,
                  float low = 0.0F, float high = 1.0F);

/// destination[i] = mean + deviation * n(first + i), n from Box-Muller on pairs of words:
///   u1 = ((word 2k) + 1) * 2^-32 in (0, 1], u2 = (word 2k+1) * 2^-32,
///   n(2k) = sqrt(-2 ln u1) cos(2 pi u2), n(2k+1) = sqrt(-2 ln u1) sin(2 pi u2).
/// ln, sin and cos are polynomials of our own in fp32 with explicit fused multiply-adds (noise_function.h),
/// so that devices agree to 2 ulp (in fact bit for bit wherever fma and sqrt round correctly, which cuda and
/// every cpu path do). n is within 4 ulp of exact arithmetic; largest |n| is 6.66. Any size, any alignment.
/// Queues work and returns. Throws InvalidArgument when deviation < 0, when mean or deviation is not finite,
/// or when first + size exceeds 2^64.
void fill_normal(Stream& stream, VectorView<float> destination, PhiloxStream random, std::uint64_t first = 0,
                 float mean = 0.0F, float deviation = 1.0F);

/// The same with `first` read from device memory when the work runs: a replayed step draws new numbers. A
/// count that wraps beyond 2^64 goes on at 0.
void fill_uniform(Stream& stream, VectorView<float> destination, PhiloxStream random, DeviceCounter first,
                  float low = 0.0F, float high = 1.0F);
void fill_normal(Stream& stream, VectorView<float> destination, PhiloxStream random, DeviceCounter first,
                 float mean = 0.0F, float deviation = 1.0F);

}  // namespace atelier
