#pragma once

#include <cstdint>

#include "runtime/backend.h"

// Colours as pure functions, written once for scalars (kernels, host) and for vectors (code compiled per
// instruction set). `Arithmetic` names the number type and what the language does not give it:
//
//   Value, Mask                     a number or a vector of them; what a comparison yields
//   all(float)                      the same number in every lane
//   fma(a, b, c), root(a)           a b + c rounded once where that is to be had; square root
//   choose(mask, a, b), every(mask) a where the mask holds, else b; whether it holds in all lanes
//   absolute(a), larger(a, b)
//   cosine_and_sine(t, c, s)        of t turns, -0.5 <= t <= 0.5
//   nearest_whole(a)                |a| < 2^22

namespace atelier {

inline constexpr float kMostChroma = 0.4F;       // of oklch's second output; sRGB ends at 0.3226
inline constexpr int kGamutBisections = 16;      // chroma is found to 2^-16 of itself
inline constexpr float kGamutTolerance = 1e-6F;  // what rounding may add to a channel

inline namespace ATELIER_CODE {

template <class Arithmetic>
struct ColorFunction {
  using A = Arithmetic;
  using Value = typename A::Value;
  using Mask = typename A::Mask;
  struct Rgb {
    Value red;
    Value green;
    Value blue;
  };

  /// v in 0..1; NaN becomes 0.
  [[nodiscard]] ATELIER_HOST_DEVICE static inline Value limited(Value v) {
    const Value positive = A::choose(v > A::all(0.0F), v, A::all(0.0F));
    return A::choose(positive < A::all(1.0F), positive, A::all(1.0F));
  }

  /// The light of an sRGB value in 0..1 (IEC 61966-2-1): v / 12.92 up to 0.04045, else ((v + 0.055)
  /// / 1.055)^2.4. The power is a polynomial of sqrt(v + 0.055), minimax 8e-9. Absolute error at most 6e-7.
  [[nodiscard]] ATELIER_HOST_DEVICE static inline Value light_of(Value v) {
    const Value s = A::root(v + A::all(0.055F));
    Value p = A::all(0.008070352487266064F);
    p = A::fma(p, s, A::all(-0.06773991137742996F));
    p = A::fma(p, s, A::all(0.7800654172897339F));
    p = A::fma(p, s, A::all(0.2031308114528656F));
    p = A::fma(p, s, A::all(-0.055052533745765686F));
    p = A::fma(p, s, A::all(0.012621734291315079F));
    p = A::fma(p, s, A::all(-0.0017948109889402986F));
    p = A::fma(p, s, A::all(0.00011442100367275998F));
    return A::choose(v <= A::all(0.04045F), v * A::all(1.0F / 12.92F), p);
  }

  /// The sRGB value of a light in 0..1: 12.92 l up to 0.0031308, else 1.055 l^(1 / 2.4) - 0.055. The power is
  /// a polynomial of l^(1/4), minimax 8e-8. Absolute error at most 4e-7.
  [[nodiscard]] ATELIER_HOST_DEVICE static inline Value value_of(Value light) {
    const Value x = A::fma(A::root(A::root(light)), A::all(2.6185155F), A::all(-1.6187775F));
    Value p = A::all(4.1594386857468635e-05F);
    p = A::fma(p, x, A::all(-8.537195390090346e-05F));
    p = A::fma(p, x, A::all(0.00011825165711343288F));
    p = A::fma(p, x, A::all(-0.00038206836325116456F));
    p = A::fma(p, x, A::all(0.0014279292663559318F));
    p = A::fma(p, x, A::all(-0.0068954238668084145F));
    p = A::fma(p, x, A::all(0.10034272074699402F));
    p = A::fma(p, x, A::all(0.4873054325580597F));
    p = A::fma(p, x, A::all(0.41830286383628845F));
    return A::choose(light <= A::all(0.0031308F), light * A::all(12.92F), p);
  }

  /// OKLab (Ottosson, 2020) to light.
  [[nodiscard]] ATELIER_HOST_DEVICE static inline Rgb light_of_lab(Value lightness, Value a, Value b) {
    const Rgb root = roots(lightness, a, b);
    return mixed(root.red * root.red * root.red, root.green * root.green * root.green,
                 root.blue * root.blue * root.blue);
  }

  /// Lightness and chroma in 0..1 (of 1 and kMostChroma), hue in turns, to light in 0..1. A colour beyond
  /// sRGB keeps its hue and lightness and gives up as much chroma as it must, found by kGamutBisections
  /// bisections.
  [[nodiscard]] ATELIER_HOST_DEVICE static inline Rgb light_of_lch(Value lightness, Value chroma,
                                                                   Value turns) {
    const Value bounded =
        A::choose((turns > A::all(-2097152.0F)) & (turns < A::all(2097152.0F)), turns, A::all(0.0F));
    Value cosine;
    Value sine;
    A::cosine_and_sine(bounded - A::nearest_whole(bounded), cosine, sine);
    const Value level = limited(lightness);
    const Value distance = limited(chroma) * A::all(kMostChroma);
    const Value a = distance * cosine;
    const Value b = distance * sine;
    const Rgb whole = light_of_lab(level, a, b);
    const Mask inside = in_gamut(whole);
    if (A::every(inside)) return limited(whole);
    const Value low = chroma_part(level, a, b);
    const Value part = A::choose(inside, A::all(1.0F), low);
    return limited(light_of_lab(level, a * part, b * part));
  }

  /// v and the noise (in steps, -1..1) of a sample with `top` steps. Within half a step of black and of white
  /// the noise fades, so that these stay clean; elsewhere the mean of the rounded samples is v.
  [[nodiscard]] ATELIER_HOST_DEVICE static inline Value dithered(Value v, Value noise, float top) {
    const Value steps = limited(v) * A::all(top);
    const Value rest = A::all(top) - steps;
    const Value nearer = A::choose(steps < rest, steps, rest);
    const Value amount = limited(nearer + nearer);
    return A::fma(amount * noise, A::all(1.0F / top), limited(v));
  }

 private:
  /// Cube roots of the responses of the eye's three cones.
  [[nodiscard]] ATELIER_HOST_DEVICE static inline Rgb roots(Value lightness, Value a, Value b) {
    return {A::fma(b, A::all(0.2158037573F), A::fma(a, A::all(0.3963377774F), lightness)),
            A::fma(b, A::all(-0.0638541728F), A::fma(a, A::all(-0.1055613458F), lightness)),
            A::fma(b, A::all(-1.2914855480F), A::fma(a, A::all(-0.0894841775F), lightness))};
  }
  [[nodiscard]] ATELIER_HOST_DEVICE static inline Rgb mixed(Value l, Value m, Value s) {
    return {A::fma(l, A::all(4.0767416621F), A::fma(m, A::all(-3.3077115913F), s * A::all(0.2309699292F))),
            A::fma(l, A::all(-1.2684380046F), A::fma(m, A::all(2.6097574011F), s * A::all(-0.3413193965F))),
            A::fma(l, A::all(-0.0041960863F), A::fma(m, A::all(-0.7034186147F), s * A::all(1.7076147010F)))};
  }
  [[nodiscard]] ATELIER_HOST_DEVICE static inline Rgb scaled(const Rgb& color, Value factor) {
    return {color.red * factor, color.green * factor, color.blue * factor};
  }
  [[nodiscard]] ATELIER_HOST_DEVICE static inline Rgb limited(const Rgb& color) {
    return {limited(color.red), limited(color.green), limited(color.blue)};
  }
  /// The part of the chroma that sRGB can show, by bisection. Along it every channel is a cubic polynomial:
  /// the roots of the cone responses are linear in it.
  [[nodiscard]] ATELIER_HOST_DEVICE static inline Value chroma_part(Value lightness, Value a, Value b) {
    const Value none = A::all(0.0F);
    const Rgb slope = roots(none, a, b);
    const Value l2 = slope.red * slope.red;
    const Value m2 = slope.green * slope.green;
    const Value s2 = slope.blue * slope.blue;
    const Value thrice = A::all(3.0F) * lightness;
    const Rgb first = scaled(mixed(slope.red, slope.green, slope.blue), thrice * lightness);
    const Rgb second = scaled(mixed(l2, m2, s2), thrice);
    const Rgb third = mixed(l2 * slope.red, m2 * slope.green, s2 * slope.blue);
    // Grey, less the middle of the range: a channel shows while it stays within half of it.
    const Value grey = A::fma(lightness * lightness, lightness, A::all(-0.5F));
    const auto shows = [&](Value t) {
      const Value red = A::fma(t, A::fma(t, A::fma(t, third.red, second.red), first.red), grey);
      const Value green = A::fma(t, A::fma(t, A::fma(t, third.green, second.green), first.green), grey);
      const Value blue = A::fma(t, A::fma(t, A::fma(t, third.blue, second.blue), first.blue), grey);
      const Value largest = A::larger(A::larger(A::absolute(red), A::absolute(green)), A::absolute(blue));
      return largest <= A::all(0.5F + kGamutTolerance);
    };
    // Two bisections a round: the three places they may ask for are looked at side by side.
    Value low = none;
    float quarter = 1.0F;
    for (int count = 0; count < kGamutBisections; count += 2) {
      quarter *= 0.25F;
      const Value one = low + A::all(quarter);
      const Value two = low + A::all(2.0F * quarter);
      const Value three = low + A::all(3.0F * quarter);
      low = A::choose(shows(two), A::choose(shows(three), three, two), A::choose(shows(one), one, low));
    }
    return low;
  }
  [[nodiscard]] ATELIER_HOST_DEVICE static inline Mask in_gamut(const Rgb& color) {
    const Value low = A::all(-kGamutTolerance);
    const Value high = A::all(1.0F + kGamutTolerance);
    return (color.red >= low) & (color.red <= high) & (color.green >= low) & (color.green <= high) &
           (color.blue >= low) & (color.blue <= high);
  }
};

/// A bijection of 32-bit words whose every output bit depends on every input bit (multipliers and shifts:
/// Wellons, "Prospecting for hash functions", 2018).
[[nodiscard]] ATELIER_HOST_DEVICE constexpr std::uint32_t mixed_word(std::uint32_t word) {
  word = (word ^ (word >> 16)) * 0x7FEB352DU;
  word = (word ^ (word >> 15)) * 0x846CA68BU;
  return word ^ (word >> 16);
}

/// The noise that dithers a sample: triangular on (-1, 1) in steps of 2^-16, a function of the sample's place
/// in the whole picture.
[[nodiscard]] ATELIER_HOST_DEVICE constexpr float dither_noise(std::int64_t column, std::int64_t row,
                                                               int channel) {
  const auto low_row = static_cast<std::uint32_t>(static_cast<std::uint64_t>(row));
  const auto high_row = static_cast<std::uint32_t>(static_cast<std::uint64_t>(row) >> 32);
  const auto low_column = static_cast<std::uint32_t>(static_cast<std::uint64_t>(column));
  const auto high_column = static_cast<std::uint32_t>(static_cast<std::uint64_t>(column) >> 32);
  const std::uint32_t line =
      mixed_word(low_row + 0x9E3779B9U * (3U * high_row + static_cast<std::uint32_t>(channel) + 1U));
  const std::uint32_t word = mixed_word(line ^ mixed_word(low_column + 0x85EBCA6BU * high_column));
  return static_cast<float>(static_cast<std::int32_t>(word & 0xFFFFU) -
                            static_cast<std::int32_t>(word >> 16)) *
         0x1p-16F;
}

}  // namespace ATELIER_CODE
}  // namespace atelier
