#pragma once

#include <limits>
#include <optional>

#include "models/recipe.h"

namespace atelier {

/// How much two neighbouring pixels differ: the largest difference of a channel, of 0..1, between a pixel and
/// the one to its right or below it.
struct PixelStep {
  double nearly_all = 0;  // 99.9 % of the pixels have a step of at most this
  double steepest = 0;    // of the pixels looked at
};

/// How large a picture's shorter side must be, in pixels, for neighbours to differ by less than one level:
/// painted larger, it only becomes smoother. Edges that stay hard however near one looks count until they
/// cover less than a thousandth of the picture (`steepest` then says nothing of use). Infinite beyond 2^40.
struct NativeDetail {
  double pixels_8_bit = std::numeric_limits<double>::infinity();    // 99.9 % of the steps are below 1/255
  double pixels_16_bit = std::numeric_limits<double>::infinity();   // 99.9 % of the steps are below 1/65535
  double steepest_8_bit = std::numeric_limits<double>::infinity();  // all steps looked at are below 1/255
};

/// The steps of the recipe's picture, of the recipe's proportions, with a shorter side of `side` pixels (any
/// number > 0). Measured, whatever `side`, on 58,081 points (fewer, down to 1,089, for networks of more
/// than 68,000 multiply-adds a pixel) of one grid, tilted so that no two share a column or row: the recipe is
/// painted there and one pixel to the right and below, in fp64 on the cpu, one sample a pixel, without
/// dither. One run gives the same bits as another on the same instruction set. Throws InvalidArgument where
/// validate(recipe) does, or when `side` is not positive and finite.
[[nodiscard]] PixelStep measure_pixel_step(const CppnRecipe& recipe, double side);

/// Solves measure_pixel_step(side) = one level for `side`, to half a per cent, up to a side of 2^40: what 58
/// of the points decide, so that for networks like the seed's, whose steepest places are rare, other points
/// would say up to a tenth more or less. Steps of smooth pictures fall as 1 / side, so some ten paintings are
/// enough: tenths of a second for networks of the seed's size. Nothing for coordinates that are raw pixels:
/// there every pixel adds to the picture. Throws InvalidArgument where validate(recipe) does.
[[nodiscard]] std::optional<NativeDetail> measure_native_detail(const CppnRecipe& recipe);

}  // namespace atelier
