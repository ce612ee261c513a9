#pragma once

#include <cstdint>

#include "kernels/cppn.h"
#include "kernels/noise_function.h"
#include "kernels/rounding.h"
#include "runtime/backend.h"

// The Fourier features of a CPPN (CppnWave) as pure functions, for kernels and for code compiled per
// instruction set: only compiler built-ins are used, every rounding is spelt out.

namespace atelier {
inline namespace ATELIER_CODE {

/// t of CppnWave less its nearest whole number, -0.5 to 0.5: the subtraction is exact.
[[nodiscard]] ATELIER_HOST_DEVICE inline double wave_turn(const CppnWave& wave, double x, double y) {
  const double t = fused_product_sum(wave.x_cycles, x, fused_product_sum(wave.y_cycles, y, wave.phase));
  return t - nearest_whole(t);
}

/// A part of a turn, -0.5 to 0.5, in units of 2^-32 turn, modulo a turn: the lowest bits of the product once
/// it has been added to 1.5 2^52.
[[nodiscard]] ATELIER_HOST_DEVICE inline std::uint32_t word_of_turn(double turn) {
  return static_cast<std::uint32_t>(
      __builtin_bit_cast(std::uint64_t, fused_product_sum(turn, 0x1p32, 0x1.8p52)));
}

/// sin(2 pi turn) in fp32: absolute error at most 1.3e-7.
[[nodiscard]] ATELIER_HOST_DEVICE inline float sine_of_turn(double turn) {
  return cosine_and_sine_from_word(word_of_turn(turn)).second;
}

}  // namespace ATELIER_CODE
}  // namespace atelier
