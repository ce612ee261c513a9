#include "kernels/cpu/resolve_vector.h"

#include "kernels/color_function.h"
#include "kernels/cpu/elementary.h"
#include "kernels/cpu/pixel_writer.h"
#include "kernels/cpu/trigonometry.h"

// A strip of neighbouring pixels at a time, a pixel a lane: a point's values are gathered from all of the
// strip's pixels, turned into light and added.
namespace atelier::cpu::ATELIER_INSTRUCTION_SET {
namespace {

constexpr int kVectors = 2;
constexpr int kPixels = kVectors * Simd<float>::lanes;

struct Vectors {
  using Value = FloatVector;
  using Mask = Int32Vector;
  static ATELIER_INLINE FloatVector all(float value) { return broadcast(value); }
  static ATELIER_INLINE FloatVector fma(FloatVector a, FloatVector b, FloatVector c) {
    return atelier::cpu::ATELIER_INSTRUCTION_SET::fma(a, b, c);
  }
  static ATELIER_INLINE FloatVector root(FloatVector a) { return square_root(a); }
  static ATELIER_INLINE FloatVector choose(Int32Vector mask, FloatVector a, FloatVector b) {
    return select(mask, a, b);
  }
  static ATELIER_INLINE bool every(Int32Vector mask) {
    return atelier::cpu::ATELIER_INSTRUCTION_SET::every(mask);
  }
  static ATELIER_INLINE FloatVector absolute(FloatVector a) {
    return atelier::cpu::ATELIER_INSTRUCTION_SET::absolute(a);
  }
  static ATELIER_INLINE FloatVector larger(FloatVector a, FloatVector b) { return maximum(a, b); }
  static ATELIER_INLINE FloatVector nearest_whole(FloatVector a) {
    Int32Vector integer;
    return round_to_integer(a, integer);
  }
  static ATELIER_INLINE void cosine_and_sine(FloatVector turns, FloatVector& cosine_of,
                                             FloatVector& sine_of) {
    const FloatVector angle = turns * 6.2831853071795865F;
    // At most pi: the reduction is exact on every set.
    cosine_of = circular_within_limit<true>(angle);
    sine_of = circular_within_limit<false>(angle);
  }
};
using Color = ColorFunction<Vectors>;

/// Where the strip's pixels are: those past the end repeat the last.
struct Strip {
  std::int64_t column[kPixels];  // of the region
  std::int64_t row[kPixels];
  std::int64_t values[kPixels];  // offset of the first point's values
};

void find_pixels(const ResolveVectorCall& call, std::int64_t first, int count, Strip& strip) {
  const std::int64_t width = call.target.region.width;
  const std::int64_t samples = call.how.samples;
  std::int64_t row = first / width;
  std::int64_t column = first - row * width;
  for (int i = 0; i < kPixels; ++i) {
    strip.column[i] = column;
    strip.row[i] = row;
    strip.values[i] = (row * samples * width + column) * samples * call.how.channels;
    if (i + 1 < count && ++column == width) {
      column = 0;
      ++row;
    }
  }
}

using Channels = float[3][kPixels];

template <int channels>
ATELIER_INLINE void gather(const float* from, const Strip& strip, Channels& values) {
  for (int i = 0; i < kPixels; ++i)
    for (int c = 0; c < channels; ++c) values[c][i] = from[strip.values[i] + c];
}

ATELIER_INLINE void palette_light(const float* palette, const Channels& values, Channels& light) {
  float part[kPixels];
  std::int32_t entry[kPixels];
  for (int i = 0; i < kPixels; ++i) {
    const float place = limited(values[0][i]) * (kPaletteEntries - 1);
    const auto whole = static_cast<std::int32_t>(place);
    entry[i] = whole < kPaletteEntries - 2 ? whole : kPaletteEntries - 2;
    part[i] = place - static_cast<float>(entry[i]);
  }
  for (int i = 0; i < kPixels; ++i) {
    const float* const low = palette + 4 * entry[i];
    for (int c = 0; c < 3; ++c) light[c][i] = part[i] * (low[4 + c] - low[c]) + low[c];
  }
}

/// The light of a point of every pixel; without `light` its values as they are.
ATELIER_INLINE void point_light(const ResolveVectorCall& call, Channels& values) {
  if (call.how.color == CppnColor::palette) {
    Channels light;
    palette_light(call.palette, values, light);
    __builtin_memcpy(values, light, sizeof(values));
    return;
  }
  if (call.how.color == CppnColor::oklch) {
    for (int p = 0; p < kPixels; p += Simd<float>::lanes) {
      const Color::Rgb light =
          Color::light_of_lch(load(values[0] + p), load(values[1] + p), load(values[2] + p));
      store(values[0] + p, light.red);
      store(values[1] + p, light.green);
      store(values[2] + p, light.blue);
    }
    return;
  }
  if (call.how.color == CppnColor::hsv && call.how.channels == 3) hsv_to_rgb(values);
  if (!call.light) return;
  for (int c = 0; c < call.how.channels; ++c)
    for (int p = 0; p < kPixels; p += Simd<float>::lanes)
      store(values[c] + p, Color::light_of(Color::limited(load(values[c] + p))));
}

ATELIER_INLINE void gather_point(const ResolveVectorCall& call, const float* from, const Strip& strip,
                                 Channels& values) {
  if (call.how.channels == 3)
    gather<3>(from, strip, values);
  else
    gather<1>(from, strip, values);
  point_light(call, values);
}

void sum_points(const ResolveVectorCall& call, const Strip& strip, Channels& sum) {
  gather_point(call, call.colors, strip, sum);
  const int samples = call.how.samples;
  if (samples == 1) return;
  const std::int64_t line = call.target.region.width * samples * call.how.channels;
  for (int point = 1; point < samples * samples; ++point) {
    Channels values;
    gather_point(call, call.colors + point / samples * line + point % samples * call.how.channels, strip,
                 values);
    for (int c = 0; c < call.target.channels; ++c)
      for (int i = 0; i < kPixels; ++i) sum[c][i] += values[c][i];
  }
  const float share = 1.0F / static_cast<float>(samples * samples);
  for (int c = 0; c < call.target.channels; ++c)
    for (int i = 0; i < kPixels; ++i) sum[c][i] *= share;
}

void add_noise(const ResolveVectorCall& call, const Strip& strip, Channels& values) {
  const float top = call.how.sample == CppnSample::u16 ? 65535.0F : 255.0F;
  for (int c = 0; c < call.target.channels; ++c) {
    float noise[kPixels];
    for (int i = 0; i < kPixels; ++i)
      noise[i] =
          dither_noise(call.target.region.column + strip.column[i], call.target.region.row + strip.row[i], c);
    for (int p = 0; p < kPixels; p += Simd<float>::lanes)
      store(values[c] + p, Color::dithered(load(values[c] + p), load(noise + p), top));
  }
}

}  // namespace

void resolve(const ResolveVectorCall& call, std::int64_t first, std::int64_t count) {
  for (std::int64_t done = 0; done < count; done += kPixels) {
    const int pixels = static_cast<int>(count - done < kPixels ? count - done : kPixels);
    Strip strip;
    find_pixels(call, first + done, pixels, strip);
    alignas(kVectorBytes) Channels values = {};
    sum_points(call, strip, values);
    if (call.light)
      for (int c = 0; c < call.target.channels; ++c)
        for (int p = 0; p < kPixels; p += Simd<float>::lanes)
          store(values[c] + p, Color::value_of(Color::limited(load(values[c] + p))));
    if (call.how.dither) add_noise(call, strip, values);
    write_pixels<float, kPixels>(call.target, values, first + done, pixels);
  }
}

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET
