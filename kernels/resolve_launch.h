#pragma once

#include "kernels/cppn_program.h"
#include "kernels/dispatch.h"
#include "kernels/resolve.h"

namespace atelier::detail {

/// What a backend gets; all checked, the region not empty.
struct ResolveCall {
  const float* colors = nullptr;
  const float* palette = nullptr;
  PixelResolve how;
  CppnTarget target;  // its channels are the output's, its colour is rgb
};

/// Whether values go through light: where they are averaged, or are light already.
[[nodiscard]] constexpr bool resolves_light(const PixelResolve& how) {
  return how.samples > 1 || how.color >= CppnColor::oklch;
}

}  // namespace atelier::detail

ATELIER_DECLARE_BACKENDS(void resolve_pixels(Stream& stream, const ::atelier::detail::ResolveCall& call))
