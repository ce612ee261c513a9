#include "kernels/resolve_launch.h"

#include "kernels/color_function.h"
#include "kernels/cppn_grid.cuh"
#include "kernels/wave_function.h"

// A thread a pixel: it reads its points' values, sums their light and stores the pixel as the painting
// kernels do. Points of neighbouring pixels adjoin in memory, so a warp's reads cover whole lines.

namespace atelier::ATELIER_DEVICE_NAMESPACE {
namespace {

using ::atelier::detail::ResolveCall;
using ::atelier::detail::resolves_light;

struct Scalar {
  using Value = float;
  using Mask = bool;
  ATELIER_HOST_DEVICE static float all(float value) { return value; }
  ATELIER_HOST_DEVICE static float fma(float a, float b, float c) { return std::fma(a, b, c); }
  ATELIER_HOST_DEVICE static float root(float a) { return std::sqrt(a); }
  ATELIER_HOST_DEVICE static float choose(bool mask, float a, float b) { return mask ? a : b; }
  ATELIER_HOST_DEVICE static bool every(bool mask) { return mask; }
  ATELIER_HOST_DEVICE static float absolute(float a) { return std::fabs(a); }
  ATELIER_HOST_DEVICE static float larger(float a, float b) { return a > b ? a : b; }
  ATELIER_HOST_DEVICE static float nearest_whole(float a) { return std::rint(a); }
  ATELIER_HOST_DEVICE static void cosine_and_sine(float turns, float& cosine, float& sine) {
    const NormalPair pair = cosine_and_sine_from_word(word_of_turn(static_cast<double>(turns)));
    cosine = pair.first;
    sine = pair.second;
  }
};
using Color = ColorFunction<Scalar>;

/// What a launch works with.
struct ResolvePlan {
  const float* colors = nullptr;
  const float4* palette = nullptr;
  int channels = 3;
  int samples = 1;
  CppnColor color = CppnColor::rgb;
  bool light = false;
  float dither_top = 0;  // steps of a sample; 0: no dither
};

__device__ inline Color::Rgb palette_light(const float4* palette, float value) {
  const float place = Color::limited(value) * static_cast<float>(kPaletteEntries - 1);
  const int entry =
      place < static_cast<float>(kPaletteEntries - 2) ? static_cast<int>(place) : kPaletteEntries - 2;
  const float part = place - static_cast<float>(entry);
  const float4 low = palette[entry];
  const float4 high = palette[entry + 1];
  return {std::fma(part, high.x - low.x, low.x), std::fma(part, high.y - low.y, low.y),
          std::fma(part, high.z - low.z, low.z)};
}

/// The light of a point; of a grey one in all channels. Without `light` its values as they are.
__device__ inline Color::Rgb point_light(const ResolvePlan& plan, const float* values) {
  if (plan.color == CppnColor::palette) return palette_light(plan.palette, values[0]);
  if (plan.channels == 1) {
    const float grey = plan.light ? Color::light_of(Color::limited(values[0])) : values[0];
    return {grey, grey, grey};
  }
  if (plan.color == CppnColor::oklch) return Color::light_of_lch(values[0], values[1], values[2]);
  float rgb[3] = {values[0], values[1], values[2]};
  if (plan.color == CppnColor::hsv) hsv_to_rgb(rgb);
  if (!plan.light) return {rgb[0], rgb[1], rgb[2]};
  return {Color::light_of(Color::limited(rgb[0])), Color::light_of(Color::limited(rgb[1])),
          Color::light_of(Color::limited(rgb[2]))};
}

__device__ inline Color::Rgb pixel_light(const ResolvePlan& plan, std::int64_t width, std::int64_t column,
                                         std::int64_t row) {
  const std::int64_t line = width * plan.samples * plan.channels;
  const float* from = plan.colors + row * plan.samples * line + column * plan.samples * plan.channels;
  if (plan.samples == 1) return point_light(plan, from);
  Color::Rgb sum = {0.0F, 0.0F, 0.0F};
  for (int down = 0; down < plan.samples; ++down) {
    for (int across = 0; across < plan.samples; ++across) {
      const Color::Rgb light = point_light(plan, from + across * plan.channels);
      sum.red += light.red;
      sum.green += light.green;
      sum.blue += light.blue;
    }
    from += line;
  }
  const float share = 1.0F / static_cast<float>(plan.samples * plan.samples);
  return {sum.red * share, sum.green * share, sum.blue * share};
}

constexpr int kResolveThreads = 128;

__global__ void __launch_bounds__(kResolveThreads) resolve(const CppnFrame frame, const ResolvePlan plan) {
  const int across = static_cast<int>(threadIdx.x) & ((1 << frame.tile_width_log2) - 1);
  const int down = static_cast<int>(threadIdx.x) >> frame.tile_width_log2;
  for (CppnTile tile = CppnTile::first(frame); tile.valid(frame); tile.next(frame)) {
    const std::int64_t column = (tile.across << frame.tile_width_log2) + across;
    const std::int64_t row = tile.down * frame.tile_height + down;
    if (column >= frame.region.width || row >= frame.region.height) continue;
    const Color::Rgb light = pixel_light(plan, frame.region.width, column, row);
    float color[1][3] = {{light.red, light.green, light.blue}};
#pragma unroll
    for (int channel = 0; channel < 3; ++channel) {
      if (plan.light) color[0][channel] = Color::value_of(Color::limited(color[0][channel]));
      if (plan.dither_top > 0.0F)
        color[0][channel] = Color::dithered(
            color[0][channel], dither_noise(frame.region.column + column, frame.region.row + row, channel),
            plan.dither_top);
    }
    store_pixels(frame, column, row, color);
  }
}

}  // namespace

void resolve_pixels(Stream& stream, const ResolveCall& call) {
  ResolvePlan plan;
  plan.colors = call.colors;
  plan.palette = reinterpret_cast<const float4*>(call.palette);
  plan.channels = call.how.channels;
  plan.samples = call.how.samples;
  plan.color = call.how.color;
  plan.light = resolves_light(call.how);
  if (call.how.dither) plan.dither_top = call.how.sample == CppnSample::u16 ? 65535.0F : 255.0F;
  CppnFrame frame = make_frame(CppnWindow{}, call.target, kResolveThreads, 1);
  constexpr int kMostBlocks = 1 << 20;
  const unsigned blocks = set_grid(frame, kMostBlocks);
  launch("resolve_pixels", stream, resolve, {dim3(blocks), dim3(kResolveThreads), 0}, frame, plan);
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
