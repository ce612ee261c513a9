#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "kernels/cppn_general.cuh"
#include "kernels/cppn_program.h"
#include "kernels/cppn_wide.cuh"

// Host side: a folded network's weights in the order that the kernels read them.

namespace atelier::ATELIER_DEVICE_NAMESPACE {

using ::atelier::detail::CppnFolded;

template <class Real>
Real narrowed(double value) {
  constexpr auto kLimit = static_cast<double>(std::numeric_limits<Real>::max());
  return static_cast<Real>(std::clamp(value, -kLimit, kLimit));
}

inline int hidden_layers(const CppnFolded& network) {
  return static_cast<int>(network.layers.size()) - 1;
}

/// The widest hidden layer; 0 without any.
inline int widest_layer(const CppnFolded& network) {
  int width = 0;
  for (int layer = 0; layer < hidden_layers(network); ++layer)
    width = std::max(width, network.layers[static_cast<std::size_t>(layer)].width);
  return width;
}

/// What the tanh kernel wants a layer's sums multiplied by.
inline double tanh_kernel_scale(bool output) {
  constexpr double kLog2E = 1.44269504088896340736;
  return output ? -kLog2E : 2.0 * kLog2E;
}

/// Whether the tanh kernel can paint the network: tanh layers, a sigmoid output, and weights that stay finite
/// when they are multiplied by -4 log2 e.
inline bool is_tanh_network(const CppnFolded& network) {
  constexpr double kLargestWeight = 1e37;
  for (int index = 0; index <= hidden_layers(network); ++index) {
    const auto& layer = network.layers[static_cast<std::size_t>(index)];
    if (layer.activation.kind != (index == hidden_layers(network) ? Activation::sigmoid : Activation::tanh))
      return false;
    for (const double weight : layer.weights)
      if (!(std::abs(weight) <= kLargestWeight)) return false;
  }
  return true;
}

/// The blocks of cppn_registers.cuh, for the tanh kernel or plain.
template <class Real>
std::vector<Real> pack_blocks(const CppnFolded& network, int padded, bool for_tanh) {
  const int hidden = hidden_layers(network);
  const CppnBlocks blocks{padded};
  std::vector<Real> packed(static_cast<std::size_t>(blocks.total(hidden)), Real(0));
  for (int index = 0; index <= hidden; ++index) {
    const auto& layer = network.layers[static_cast<std::size_t>(index)];
    const bool first = index == 0 && hidden > 0;
    const double scale = for_tanh ? tanh_kernel_scale(index == hidden) : 1.0;
    const bool folded = for_tanh && index > 0 && tanh_is_folded(padded);
    Real* const block = packed.data() + blocks.offset(hidden, index);
    Real* const biases = block + (index == hidden ? 3 : padded) * padded;
    for (int unit = 0; unit < layer.width; ++unit) {
      double bias = layer.bias[static_cast<std::size_t>(unit)];
      for (int input = 0; input < layer.fan_in; ++input) {
        const double weight = layer.weights[static_cast<std::size_t>(unit * layer.fan_in + input)];
        if (folded) bias += weight;
        block[unit * (first ? 4 : padded) + input] = narrowed<Real>(weight * scale * (folded ? -2.0 : 1.0));
      }
      (first ? block[4 * unit + 3] : biases[unit]) = narrowed<Real>(bias * scale);
    }
  }
  return packed;
}

/// Replaces the first layer's bias in packed blocks; returns the range of numbers that changed.
template <class Real>
VectorView<Real> replace_first_bias(std::vector<Real>& packed, int padded, int hidden, bool for_tanh,
                                    std::span<const double> bias) {
  const CppnBlocks blocks{padded};
  const double scale = for_tanh ? tanh_kernel_scale(hidden == 0) : 1.0;
  for (std::size_t unit = 0; unit < bias.size(); ++unit)
    packed[hidden > 0 ? 4 * unit + 3 : 3 * static_cast<std::size_t>(padded) + unit] =
        narrowed<Real>(bias[unit] * scale);
  return {packed.data(), blocks.size(hidden, 0)};
}

template <class Real>
struct CppnWidePacked {
  std::vector<CppnWideLayer> layers;
  std::vector<Real> weights;
  int widest = 0;  // padded
};

/// The layout of cppn_wide.cuh. Every part starts at a multiple of 32 numbers.
template <class Real>
CppnWidePacked<Real> pack_wide(const CppnFolded& network) {
  const auto padded_to_warp = [](std::int64_t count) {
    return (count + kWideWarpUnits - 1) / kWideWarpUnits * kWideWarpUnits;
  };
  CppnWidePacked<Real> packed;
  const int hidden = hidden_layers(network);
  for (int index = 0; index <= hidden; ++index) {
    const auto& layer = network.layers[static_cast<std::size_t>(index)];
    const bool output = index == hidden;
    CppnWideLayer& entry = packed.layers.emplace_back();
    entry.fan_in = layer.fan_in;
    entry.width = layer.width;
    entry.padded = static_cast<int>(padded_to_warp(layer.width));
    entry.activation = layer.activation;
    entry.weights = static_cast<std::int64_t>(packed.weights.size());
    entry.bias =
        entry.weights + padded_to_warp(std::int64_t{layer.fan_in} * (output ? layer.width : entry.padded));
    packed.weights.resize(static_cast<std::size_t>(entry.bias + entry.padded), Real(0));
    if (!output) packed.widest = std::max(packed.widest, entry.padded);
    for (int unit = 0; unit < layer.width; ++unit) {
      packed.weights[static_cast<std::size_t>(entry.bias + unit)] =
          narrowed<Real>(layer.bias[static_cast<std::size_t>(unit)]);
      for (int input = 0; input < layer.fan_in; ++input)
        packed.weights[static_cast<std::size_t>(
            entry.weights + (output ? unit * layer.fan_in + input : input * entry.padded + unit))] =
            narrowed<Real>(layer.weights[static_cast<std::size_t>(unit * layer.fan_in + input)]);
    }
  }
  return packed;
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
