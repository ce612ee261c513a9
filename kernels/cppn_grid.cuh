#pragma once

#include <cstdint>

#include "kernels/cppn_frame.cuh"
#include "kernels/cppn_program.h"

// Host side: how a region is cut into the tiles of a launch.

namespace atelier::ATELIER_DEVICE_NAMESPACE {

inline int floor_log2(int value) {
  int result = 0;
  while (value >> (result + 1) != 0) ++result;
  return result;
}

/// Cuts the region into tiles of `threads` threads with `pixels` pixels each, of the shape that wastes least
/// at the region's edges, wide before high.
inline CppnFrame make_frame(const CppnWindow& window, const ::atelier::detail::CppnTarget& target,
                            int threads, int pixels) {
  CppnFrame frame;
  frame.window = window;
  frame.region = target.region;
  frame.data = target.data;
  frame.row_bytes = target.row_bytes;
  frame.channels = target.channels;
  frame.hsv = target.color == CppnColor::hsv && target.channels == 3;
  frame.sample = target.sample;
  const std::uint64_t bits =
      reinterpret_cast<std::uintptr_t>(target.data) | static_cast<std::uint64_t>(target.row_bytes);
  while (frame.alignment < 8 && (bits & static_cast<std::uint64_t>(frame.alignment)) == 0)
    frame.alignment *= 2;
  double least = 0;
  for (int log2 = floor_log2(threads); log2 >= 0; --log2) {
    const std::int64_t width = std::int64_t{pixels} << log2;
    const std::int64_t height = threads >> log2;
    const std::int64_t across = (target.region.width - 1) / width + 1;
    const std::int64_t down = (target.region.height - 1) / height + 1;
    const double tiles = static_cast<double>(across) * static_cast<double>(down);
    if (frame.tiles_across != 0 && tiles >= least) continue;
    least = tiles;
    frame.tile_width_log2 = log2;
    frame.tile_height = static_cast<int>(height);
    frame.tiles_across = across;
    frame.tiles_down = down;
  }
  return frame;
}

/// The number of blocks to launch, and the step that follows from it.
inline unsigned set_grid(CppnFrame& frame, int most) {
  const std::int64_t tiles = frame.tiles_across * frame.tiles_down;
  const std::int64_t blocks = tiles < most ? tiles : most;
  frame.step_down = blocks / frame.tiles_across;
  frame.step_across = blocks % frame.tiles_across;
  return static_cast<unsigned>(blocks);
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
