#pragma once

#include <array>
#include <cstdint>

#include "kernels/batch_one_gan.h"
#include "kernels/cpu/batch_one_gan_vector.h"

// Where the networks and everything else of a call of train_batch_one_gan lie on the cpu device: all of it in
// the caller's scratch, in arrays padded for vectors (kernels/cpu/batch_one_gan_vector.h).
namespace atelier::cpu {

/// Every matrix is cut into so many parts by rows, each of which one thread works on.
inline constexpr std::int64_t kResidentParts = 16;
inline constexpr int kMostResidentThreads = static_cast<int>(kResidentParts);
/// Inputs are prepared for so many iterations at once, in a ring of twice as many rows: while one half is
/// written, the rows of this iteration and the last are still read.
inline constexpr std::int64_t kInputsAhead = 8;
inline constexpr std::int64_t kInputRing = 2 * kInputsAhead;

[[nodiscard]] inline std::int64_t resident_size(std::int64_t count) {
  return (count + kResidentLanes - 1) / kResidentLanes * kResidentLanes;
}

[[nodiscard]] inline bool has_moments(const TwoLayerNetwork& network) {
  return !network.first_moment.empty();
}

/// One of a network's arrays: where it lies in the caller's block, and where it lives during a call.
struct Residence {
  MatrixView<float> home;
  ResidentArray resident;
  std::int64_t pitch;
};

[[nodiscard]] inline ResidentMatrix matrix_of(const Residence& residence) {
  return {residence.resident, residence.home.rows, resident_size(residence.home.columns), residence.pitch};
}

/// What follows the hidden weights of a network, as every thread has it, and room for its passes.
struct HiddenState {
  ResidentHidden layer;
  ResidentArray output_weight;  // D's row alone
  ResidentArray output_bias;
  ResidentPass passes[2];
  float* gradient;  // of the outputs
  float* delta;
  float* gamma_gradient;
  float* output_weight_gradient;
  float* output_bias_gradient;
};

/// A thread's own.
struct Replica {
  HiddenState d;
  HiddenState g;
  float* noise_blocks;
  float* squares;  // of a step's input
};

struct Inputs {
  float* picture;
  float* noise[2];  // z1, z2
};

/// All that lives in the scratch for the length of a call.
struct Resident {
  Residence d_hidden, d_bias, d_gamma, d_beta, d_output, d_output_bias;
  Residence g_hidden, g_bias, g_gamma, g_beta, g_output, g_output_bias;
  std::array<Replica, kMostResidentThreads> replicas;
  std::array<Inputs, kInputRing> inputs;
  float* d_sum[3];        // D's hidden products on the picture, the fake, G's fake
  float* g_sum[2];        // G's hidden products on z1, z2
  float* image_sum[2];    // G's output products
  float* image[2];        // the fakes
  float* image_gradient;  // of D's input
  float* d_parts;         // [kResidentParts][image pitch]
  float* g_parts;         // [kResidentParts][hidden pitch]
  std::int64_t pixels, latent;
};

/// The places of all that a call needs, from `base` on, which is a multiple of 64 bytes; with a null base
/// nothing but the number of floats counts, which goes to *size.
[[nodiscard]] Resident place_resident(const BatchOneGan& gan, float* base, std::int64_t* size);

/// Copies all parameters and moments from the networks into the scratch (before the first iteration), and
/// back (behind the last).
void move_in(const BatchOneGan& gan, const Resident& resident);
void move_out(const BatchOneGan& gan, const Resident& resident);

/// The same between the scratch and a thread's own copies.
void take_copies(const Resident& resident, const Replica& replica);
void return_copies(const Resident& resident, const Replica& replica);

}  // namespace atelier::cpu
