#pragma once

#include <cstdint>

// The cpu device's little GANs, once for every instruction set: a group of as many GANs as a vector has
// floats, a GAN a lane. Lanes are independent: what one computes does not depend on the others.
namespace atelier::cpu {

/// No set has more lanes.
inline constexpr int kMostSmallGanLanes = 16;

/// What a group does; the plain form of SmallGanCall (kernels/small_gan_launch.h).
struct SmallGanGroup {
  float* weights;              // [weights][lanes], row by row, 64-byte aligned
  const std::uint64_t* seeds;  // [lanes]
  std::uint64_t streams[3];    // of the real patterns, z1 and z2
  std::uint64_t first_iteration;
  std::int64_t iterations;
  float learning_rate;
  float low[4];  // of the real patterns
  float span[4];
  // Inputs in the place of drawn ones, the same for every lane, and from one row to the next; null: drawn.
  const float* inputs[3];
  std::int64_t input_strides[3];
  // Records: number `kind` of lane l of the r-th record goes to records[r * record_row + kind * record_kind +
  // l] for l in [first_lane, last_lane).
  float* records;
  std::int64_t record_row;
  std::int64_t record_kind;
  std::int64_t record_stride;  // iterations
  int first_lane;
  int last_lane;
  float centre[4];
};

}  // namespace atelier::cpu

#define ATELIER_DECLARE_SMALL_GAN(set)                                                                 \
  namespace atelier::cpu::set {                                                                        \
  /* GANs of a group. */                                                                               \
  int small_gan_lanes();                                                                               \
  void train_small_gan_group(const SmallGanGroup& group);                                              \
  /* G's outputs, averaged over rows [0, draws) of each seed's stream: mean [4][lanes]. */             \
  void small_gan_group_outputs(const float* weights, const std::uint64_t* seeds, std::uint64_t stream, \
                               std::int64_t draws, float* mean);                                       \
  }
ATELIER_DECLARE_SMALL_GAN(portable)
ATELIER_DECLARE_SMALL_GAN(avx2)
ATELIER_DECLARE_SMALL_GAN(avx512)
#undef ATELIER_DECLARE_SMALL_GAN
