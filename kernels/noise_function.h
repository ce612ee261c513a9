#pragma once

#include <cstdint>

#include "kernels/philox.h"
#include "kernels/rounding.h"
#include "runtime/backend.h"

// The elements of fill_uniform and fill_normal as pure functions, for kernels, for host code that draws a few
// numbers, and for code compiled per instruction set (only compiler built-ins are used). Every rounding is
// spelt out (rounding.h), so that every compiler makes the same bits.

namespace atelier {
inline namespace ATELIER_CODE {

/// (word >> 8) 2^-24, in [0, 1), scaled to [low, low + span]: one fused multiply-add.
[[nodiscard]] ATELIER_HOST_DEVICE inline float uniform_from_word(std::uint32_t word, float low, float span) {
  return fused_product_sum(static_cast<float>(static_cast<std::int32_t>(word >> 8)) * 0x1p-24F, span, low);
}

/// sqrt(-2 ln u) for u = (word + 1) 2^-32 in (0, 1]; from 0 to 6.66. Error at most 1.5 ulp.
///
/// word + 1 = 2^e (1 + f) with 1 + f in [sqrt 1/2, sqrt 2]: f is exact as an integer and rounded once, so
/// that ln u = (e - 32) ln 2 + ln(1 + f) keeps its relative precision as u approaches 1. ln(1 + f) is f -
/// f^2/2 + f^3 P(f), P of degree 8 by sollya's fpminimax: relative error 4.6e-9.
[[nodiscard]] ATELIER_HOST_DEVICE inline float normal_radius_from_word(std::uint32_t word) {
  // Rounding moves word + 1 to a float at most 2^-25 away, which matters to the choice of e only.
  const float rounded =
      rounded_sum(rounded_product(static_cast<float>(static_cast<std::int32_t>(word >> 16)), 65536.0F),
                  static_cast<float>(static_cast<std::int32_t>((word & 0xFFFFU) + 1U)));
  const auto bits = __builtin_bit_cast(std::uint32_t, rounded);
  const std::uint32_t exponent = ((bits + (0x3F800000U - 0x3F3504F3U)) >> 23) - 127U;  // e, 0 to 32
  const std::uint32_t power = exponent < 32U ? 1U << exponent : 0U;                    // 2^32 wraps to 0
  const float f = rounded_product(static_cast<float>(static_cast<std::int32_t>(word + 1U - power)),
                                  __builtin_bit_cast(float, (127U - exponent) << 23));
  float p = fused_product_sum(f, 0x1.2cb406p-4F, -0x1.ddb2dp-4F);
  p = fused_product_sum(p, f, 0x1.dc75eap-4F);
  p = fused_product_sum(p, f, -0x1.fbbf2ep-4F);
  p = fused_product_sum(p, f, 0x1.23de4p-3F);
  p = fused_product_sum(p, f, -0x1.556288p-3F);
  p = fused_product_sum(p, f, 0x1.999d2ap-3F);
  p = fused_product_sum(p, f, -0x1.ffffe6p-3F);
  p = fused_product_sum(p, f, 0x1.555554p-2F);
  p = fused_product_sum(p, f, -0.5F);
  const float whole = static_cast<float>(static_cast<std::int32_t>(exponent) - 32);
  const float tail = fused_product_sum(rounded_product(f, f), p, rounded_product(whole, -0x1.05c61p-29F));
  const float logarithm = fused_product_sum(whole, 0x1.62e43p-1F, rounded_sum(f, tail));
  return rounded_root(rounded_product(logarithm, -2.0F));
}

struct NormalPair {
  float first;   // the cosine
  float second;  // the sine
};

/// cos(2 pi u) and sin(2 pi u) for u = word 2^-32, to 1.5 ulp of each value (the sine's and the cosine's
/// zeros are exact). The turn is reduced to the nearest quarter in integers, exactly; the rest r, |r| <= 1/8
/// turn, goes through minimax polynomials (sollya's fpminimax; sin 4.1e-9 relative, cos 4.8e-10).
[[nodiscard]] ATELIER_HOST_DEVICE inline NormalPair cosine_and_sine_from_word(std::uint32_t word) {
  const std::uint32_t quarter = (word + 0x20000000U) >> 30;
  const float r =
      rounded_product(static_cast<float>(static_cast<std::int32_t>(word - (quarter << 30))), 0x1p-32F);
  const float square = rounded_product(r, r);
  float s = fused_product_sum(square, -0x1.2dbcdep6F, 0x1.465fc2p6F);
  s = fused_product_sum(s, square, -0x1.4abbbep5F);
  s = fused_product_sum(s, square, -0x1.777a5cp-23F);  // 2 pi = 0x1.921fb6p2 - 0x1.777a5cp-23
  const float sine = fused_product_sum(r, 0x1.921fb6p2F, rounded_product(s, r));
  float c = fused_product_sum(square, 0x1.d61e48p5F, -0x1.55b684p6F);
  c = fused_product_sum(c, square, 0x1.03c1b6p6F);
  c = fused_product_sum(c, square, -0x1.3bd3ccp4F);
  const float cosine = fused_product_sum(c, square, 1.0F);
  const bool odd = (quarter & 1U) != 0U;
  const float x = odd ? sine : cosine;
  const float y = odd ? cosine : sine;
  return {((quarter + 1U) & 2U) != 0U ? -x : x, (quarter & 2U) != 0U ? -y : y};
}

/// Two independent standard normal numbers out of two words (Box and Muller, 1958): the first word gives the
/// radius, the second the angle. Largest magnitude 6.66. Error at most 4 ulp.
[[nodiscard]] ATELIER_HOST_DEVICE inline NormalPair normal_from_words(std::uint32_t word0,
                                                                      std::uint32_t word1) {
  const float radius = normal_radius_from_word(word0);
  const NormalPair direction = cosine_and_sine_from_word(word1);
  return {rounded_product(radius, direction.first), rounded_product(radius, direction.second)};
}

/// Element `index` of what fill_uniform writes, to the bit.
[[nodiscard]] ATELIER_HOST_DEVICE inline float uniform_element(PhiloxStream random, std::uint64_t index,
                                                               float low = 0.0F, float high = 1.0F) {
  const PhiloxBlock block = philox_block(random, index / 4);
  return uniform_from_word(block.word[index % 4], low, rounded_sum(high, -low));
}

/// Element `index` of what fill_normal writes, to the bit.
[[nodiscard]] ATELIER_HOST_DEVICE inline float normal_element(PhiloxStream random, std::uint64_t index,
                                                              float mean = 0.0F, float deviation = 1.0F) {
  const PhiloxBlock block = philox_block(random, index / 4);
  const std::uint64_t pair = index % 4 / 2 * 2;
  const NormalPair normal = normal_from_words(block.word[pair], block.word[pair + 1]);
  return fused_product_sum(deviation, index % 2 == 0 ? normal.first : normal.second, mean);
}

}  // namespace ATELIER_CODE
}  // namespace atelier
