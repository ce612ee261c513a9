#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/batch_one_gan.h"
#include "runtime/kernel.cuh"

// How the networks are shared out among the blocks of a launch, and where things lie in a block's shared
// memory and in the mailbox through which blocks tell each other what they have computed.

namespace atelier::ATELIER_DEVICE_NAMESPACE {
namespace {

constexpr int kWarp = 32;
constexpr int kThreads = 512;
constexpr int kWarps = kThreads / kWarp;

/// Parameters that a block owns, in its shared memory: `size` of them, and as many of each moment behind them
/// where the optimiser has moments.
struct OwnedArray {
  int at = 0;
  int size = 0;
};

/// Exchanges of an iteration. In a packet: up to three numbers of one unit.
enum Exchange {
  kFeatures,        // G's pre-activations for z1 and z2, a feature; gamma and beta in packets of their own
  kFakes,           // the pixels of G(z1) and G(z2)
  kHiddenOfFake,    // D's pre-activations on G(z1)
  kHiddenOfJudged,  // the same on G(z2), and on the next picture
  kOutputGradient,  // a pixel's gradient in G; its products with G's weights times gamma and gamma xhat
  kExchanges
};

struct ResidentPlan {
  int pixels = 0;    // D's inputs, G's outputs
  int hidden = 0;    // D's hidden units
  int features = 0;  // G's hidden units
  int latent = 0;

  int blocks = 0;
  // Block b owns units [b share, (b + 1) share) of each kind, as far as there are any.
  int pixel_share = 0;
  int hidden_share = 0;
  int feature_share = 0;

  // D's first and G's last matrix are held twice, by row and by column: both copies get the same updates.
  OwnedArray d_rows;     // [hidden_share, pixels]
  OwnedArray d_columns;  // [pixel_share, hidden]
  OwnedArray g_rows;     // [pixel_share, features]
  OwnedArray g_columns;  // [feature_share, pixels]
  OwnedArray g_first;    // [feature_share, latent]
  OwnedArray hidden_bias;
  OwnedArray feature_bias;
  OwnedArray gamma;
  OwnedArray beta;
  OwnedArray pixel_bias;
  OwnedArray head;  // D from its activations on, in every block: weight [hidden], gamma, beta, bias [1]

  // Inputs of an iteration; the next one's are made meanwhile in the other of the two.
  int picture[2] = {};
  int fake_noise[2] = {};
  int generator_noise[2] = {};
  int factors[2] = {};      // StepFactors of D's two steps and of G's
  int picture_row[2] = {};  // std::int64_t

  // What every block knows. Two vectors of features: for z1 and z2.
  int feature_active[2] = {};  // behind the activation
  int feature_out[2] = {};     // behind the normalisation; the same place without one
  int all_gamma = 0;
  int all_beta = 0;
  int normal = 0;        // xhat for z2
  int gamma_normal = 0;  // gamma xhat
  int fake = 0;          // G(z1)
  int judged = 0;        // G(z2)
  int output_gradient = 0;
  int hidden_active[3] = {};  // D's, on the picture, G(z1) and G(z2)
  int hidden_delta[3] = {};   // gradients of the pre-activations
  int verdict[3] = {};        // Verdict
  int moments = 0;            // mean and 1 / deviation of the features for z1, z2

  // Sums under way.
  int part = 0;
  int projection = 0;  // of own pixels: G's weights times gamma, times gamma xhat
  int chunk_sums = 0;  // two sums for each kWarp pixels
  int own_gradient = 0;
  int feature_delta = 0;

  std::int64_t floats = 0;  // shared memory of a block

  int mail[2][kExchanges] = {};  // first slot, for even and for odd iterations
  std::int64_t packets = 0;
};

/// Segments into which the sum over a row is cut, a warp each: fixed, so that results do not depend on how
/// many rows a block has.
constexpr int kPixelSegments = 8;     // rows of D's first matrix
constexpr int kFeatureSegments = 2;   // rows of G's last matrix
constexpr int kHiddenSegments = 2;    // columns of D's first matrix
constexpr int kGradientSegments = 4;  // columns of G's last matrix
constexpr int kLatentSegments = 4;    // rows of G's first matrix

constexpr int kFactorFloats = 8;
constexpr int kVerdictFloats = 8;

struct LayoutCursor {
  std::int64_t at = 0;
  int take(std::int64_t floats) {
    const std::int64_t start = at;
    at += (floats + 3) / 4 * 4;
    return static_cast<int>(start);
  }
  OwnedArray own(std::int64_t parameters, bool moments) {
    return {take(parameters * (moments ? 3 : 1)), static_cast<int>(parameters)};
  }
};

inline int share_of(std::int64_t units, int blocks) {
  return static_cast<int>((units + blocks - 1) / blocks);
}
inline int blocks_for(std::int64_t units, int share) {
  return static_cast<int>((units + share - 1) / share);
}

inline void lay_out_mail(ResidentPlan& plan, bool normalized) {
  LayoutCursor slots;
  for (int(&mail)[kExchanges] : plan.mail) {
    const auto take = [&](Exchange exchange, std::int64_t packets) {
      mail[exchange] = static_cast<int>(slots.at);
      slots.at += packets;
    };
    take(kFeatures, std::int64_t{plan.features} * (normalized ? 2 : 1));
    take(kFakes, plan.pixels);
    take(kHiddenOfFake, plan.hidden);
    take(kHiddenOfJudged, plan.hidden);
    take(kOutputGradient, plan.pixels);
  }
  plan.packets = slots.at;
}

/// The plan for at most `most_blocks` blocks. Sizes beyond what any device holds show in `floats`.
inline ResidentPlan plan_for(const BatchOneGan& gan, int most_blocks) {
  const TwoLayerNetwork& d = gan.discriminator;
  const TwoLayerNetwork& g = gan.generator;
  const bool d_moments = !d.first_moment.empty();
  const bool g_moments = !g.first_moment.empty();
  const bool d_normal = !d.gamma.empty();
  const bool g_normal = !g.gamma.empty();
  const std::int64_t pixels = d.hidden_weight.columns;
  const std::int64_t hidden = d.hidden_weight.rows;
  const std::int64_t features = g.hidden_weight.rows;
  const std::int64_t latent = g.hidden_weight.columns;

  ResidentPlan plan;
  plan.pixels = static_cast<int>(pixels);
  plan.hidden = static_cast<int>(hidden);
  plan.features = static_cast<int>(features);
  plan.latent = static_cast<int>(latent);
  plan.pixel_share = share_of(pixels, most_blocks);
  plan.hidden_share = share_of(hidden, most_blocks);
  plan.feature_share = share_of(features, most_blocks);
  // No block without a unit: a slot of the mailbox is written again two iterations later, which is safe where
  // everybody has heard from everybody in between.
  plan.blocks = std::max({blocks_for(pixels, plan.pixel_share), blocks_for(hidden, plan.hidden_share),
                          blocks_for(features, plan.feature_share)});

  LayoutCursor shared;
  plan.d_rows = shared.own(plan.hidden_share * pixels, d_moments);
  plan.d_columns = shared.own(plan.pixel_share * hidden, d_moments);
  plan.g_rows = shared.own(plan.pixel_share * features, g_moments);
  plan.g_columns = shared.own(plan.feature_share * pixels, g_moments);
  plan.g_first = shared.own(plan.feature_share * latent, g_moments);
  plan.hidden_bias = shared.own(plan.hidden_share, d_moments);
  plan.feature_bias = shared.own(plan.feature_share, g_moments);
  plan.gamma = shared.own(g_normal ? plan.feature_share : 0, g_moments);
  plan.beta = shared.own(g_normal ? plan.feature_share : 0, g_moments);
  plan.pixel_bias = shared.own(plan.pixel_share, g_moments);
  plan.head = shared.own(hidden * (d_normal ? 3 : 1) + 1, d_moments);
  for (int k = 0; k < 2; ++k) {
    plan.picture[k] = shared.take(pixels);
    plan.fake_noise[k] = shared.take(latent);
    plan.generator_noise[k] = shared.take(latent);
    plan.factors[k] = shared.take(3 * kFactorFloats);
    plan.picture_row[k] = shared.take(2);
    plan.feature_active[k] = shared.take(features);
    plan.feature_out[k] = g_normal ? shared.take(features) : plan.feature_active[k];
  }
  if (g_normal)
    for (int* const place : {&plan.all_gamma, &plan.all_beta, &plan.normal, &plan.gamma_normal})
      *place = shared.take(features);
  for (int* const place : {&plan.fake, &plan.judged, &plan.output_gradient}) *place = shared.take(pixels);
  for (int k = 0; k < 3; ++k) {
    plan.hidden_active[k] = shared.take(hidden);
    plan.hidden_delta[k] = shared.take(hidden);
    plan.verdict[k] = shared.take(kVerdictFloats);
  }
  plan.moments = shared.take(4);
  plan.part = shared.take(std::max({std::int64_t{2} * kPixelSegments * plan.hidden_share,
                                    std::int64_t{2} * kFeatureSegments * plan.pixel_share,
                                    std::int64_t{1} * kHiddenSegments * plan.pixel_share,
                                    std::int64_t{2} * kLatentSegments * plan.feature_share}));
  plan.projection = shared.take(std::int64_t{2} * kFeatureSegments * plan.pixel_share);
  plan.chunk_sums = shared.take(2 * ((pixels + kWarp - 1) / kWarp));
  plan.own_gradient = shared.take(plan.pixel_share);
  plan.feature_delta = shared.take(plan.feature_share);
  plan.floats = shared.at;
  lay_out_mail(plan, g_normal);
  return plan;
}

}  // namespace
}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
