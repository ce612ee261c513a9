#include "kernels/resident_gan_cpu.h"

#include <algorithm>
#include <type_traits>

namespace atelier::cpu {
namespace {

enum class Direction : std::uint8_t { in, out };

/// Cuts arrays of 64-byte aligned floats out of the scratch; without one it only counts.
class Carver {
 public:
  explicit Carver(float* base) : base_(base) {}
  float* take(std::int64_t count) {
    float* const place = base_ == nullptr ? nullptr : base_ + used_;
    used_ += resident_size(count);
    return place;
  }
  [[nodiscard]] std::int64_t used() const { return used_; }

 private:
  float* base_;
  std::int64_t used_ = 0;
};

ResidentArray take_array(Carver& carver, std::int64_t count, bool moments) {
  ResidentArray array;
  array.value = carver.take(count);
  if (moments) {
    array.first_moment = carver.take(count);
    array.second_moment = carver.take(count);
  }
  return array;
}

bool has_layer_norm(const TwoLayerNetwork& network) {
  return !network.gamma.empty();
}

MatrixView<float> as_row(VectorView<float> vector) {
  return {vector.data, 1, vector.size, vector.size};
}

Residence take_residence(Carver& carver, MatrixView<float> home, bool moments) {
  // An odd number of vectors a row: rows that are a power of two apart would compete for the same lines.
  const std::int64_t vectors = resident_size(home.columns) / kResidentLanes;
  const std::int64_t pitch = home.rows == 1 ? vectors * kResidentLanes : (vectors | 1) * kResidentLanes;
  return {home, take_array(carver, home.rows * pitch, moments), pitch};
}

void copy_rows(const Residence& residence, float* home, float* resident, Direction direction) {
  for (std::int64_t row = 0; row < residence.home.rows; ++row) {
    const std::int64_t columns = residence.home.columns;
    float* const origin = home + row * residence.home.stride;
    float* const place = resident + row * residence.pitch;
    if (direction == Direction::in) {
      std::copy_n(origin, columns, place);
      std::fill(place + columns, place + residence.pitch, 0.0F);
    } else {
      std::copy_n(place, columns, origin);
    }
  }
}

void move_in_or_out(const TwoLayerNetwork& network, const Residence& residence, Direction direction) {
  const std::ptrdiff_t offset = residence.home.data - network.parameters.data;
  copy_rows(residence, residence.home.data, residence.resident.value, direction);
  if (residence.resident.first_moment == nullptr) return;
  copy_rows(residence, network.first_moment.data + offset, residence.resident.first_moment, direction);
  copy_rows(residence, network.second_moment.data + offset, residence.resident.second_moment, direction);
}

HiddenState take_hidden_state(Carver& carver, const TwoLayerNetwork& network, bool with_output) {
  const std::int64_t width = network.hidden_weight.rows;
  const bool moments = has_moments(network);
  HiddenState state{};
  state.layer.width = width;
  state.layer.padded = resident_size(width);
  state.layer.bias = take_array(carver, width, moments);
  if (has_layer_norm(network)) {
    state.layer.gamma = take_array(carver, width, moments);
    state.layer.beta = take_array(carver, width, moments);
  }
  state.layer.activation = network.activation;
  state.layer.epsilon = network.normalization_epsilon;
  if (with_output) {
    state.output_weight = take_array(carver, width, moments);
    state.output_bias = take_array(carver, 1, moments);
  }
  for (ResidentPass& pass : state.passes)
    pass = {carver.take(width), carver.take(width), carver.take(width), carver.take(width), 0.0F};
  state.gradient = carver.take(width);
  state.delta = carver.take(width);
  state.gamma_gradient = carver.take(width);
  state.output_weight_gradient = carver.take(width);
  state.output_bias_gradient = carver.take(1);
  return state;
}

void copy_array(const ResidentArray& from, const ResidentArray& to, std::int64_t count) {
  if (from.value == nullptr) return;
  std::copy_n(from.value, count, to.value);
  if (from.first_moment == nullptr) return;
  std::copy_n(from.first_moment, count, to.first_moment);
  std::copy_n(from.second_moment, count, to.second_moment);
}

void exchange_copies(const Resident& r, const Replica& replica, Direction direction) {
  const auto exchange = [direction](const Residence& shared, const ResidentArray& own) {
    if (own.value == nullptr) return;
    if (direction == Direction::in)
      copy_array(shared.resident, own, resident_size(shared.home.columns));
    else
      copy_array(own, shared.resident, resident_size(shared.home.columns));
  };
  exchange(r.d_bias, replica.d.layer.bias);
  exchange(r.d_gamma, replica.d.layer.gamma);
  exchange(r.d_beta, replica.d.layer.beta);
  exchange(r.d_output, replica.d.output_weight);
  exchange(r.d_output_bias, replica.d.output_bias);
  exchange(r.g_bias, replica.g.layer.bias);
  exchange(r.g_gamma, replica.g.layer.gamma);
  exchange(r.g_beta, replica.g.layer.beta);
}

void move_all(const BatchOneGan& gan, const Resident& r, Direction direction) {
  for (const Residence* residence :
       {&r.d_hidden, &r.d_bias, &r.d_gamma, &r.d_beta, &r.d_output, &r.d_output_bias})
    if (residence->home.data != nullptr) move_in_or_out(gan.discriminator, *residence, direction);
  for (const Residence* residence :
       {&r.g_hidden, &r.g_bias, &r.g_gamma, &r.g_beta, &r.g_output, &r.g_output_bias})
    if (residence->home.data != nullptr) move_in_or_out(gan.generator, *residence, direction);
}

}  // namespace

Resident place_resident(const BatchOneGan& gan, float* base, std::int64_t* size) {
  Carver carver(base);
  Resident r{};
  const TwoLayerNetwork& d = gan.discriminator;
  const TwoLayerNetwork& g = gan.generator;
  const auto take = [&](const TwoLayerNetwork& network, auto view) {
    if constexpr (std::is_same_v<decltype(view), MatrixView<float>>)
      return take_residence(carver, view, has_moments(network));
    else
      return take_residence(carver, as_row(view), has_moments(network));
  };
  r.pixels = d.hidden_weight.columns;
  r.latent = g.hidden_weight.columns;
  r.g_output = take(g, g.output_weight);
  r.d_hidden = take(d, d.hidden_weight);
  r.g_hidden = take(g, g.hidden_weight);
  r.g_output_bias = take(g, g.output_bias);
  r.d_bias = take(d, d.hidden_bias), r.d_gamma = take(d, d.gamma), r.d_beta = take(d, d.beta);
  r.d_output = take(d, d.output_weight), r.d_output_bias = take(d, d.output_bias);
  r.g_bias = take(g, g.hidden_bias), r.g_gamma = take(g, g.gamma), r.g_beta = take(g, g.beta);
  for (Inputs& inputs : r.inputs)
    inputs = {carver.take(r.pixels), {carver.take(r.latent), carver.take(r.latent)}};
  for (float*& sum : r.d_sum) sum = carver.take(d.hidden_weight.rows);
  for (float*& sum : r.g_sum) sum = carver.take(g.hidden_weight.rows);
  for (int i = 0; i < 2; ++i) r.image_sum[i] = carver.take(r.pixels), r.image[i] = carver.take(r.pixels);
  r.image_gradient = carver.take(r.pixels);
  r.d_parts = carver.take(kResidentParts * resident_size(r.pixels));
  r.g_parts = carver.take(kResidentParts * resident_size(g.hidden_weight.rows));
  for (Replica& replica : r.replicas)
    replica = {take_hidden_state(carver, d, true), take_hidden_state(carver, g, false),
               carver.take(r.latent + 8), carver.take(std::max({r.pixels, r.latent, g.hidden_weight.rows}))};
  *size = carver.used();
  return r;
}

void move_in(const BatchOneGan& gan, const Resident& resident) {
  move_all(gan, resident, Direction::in);
}
void move_out(const BatchOneGan& gan, const Resident& resident) {
  move_all(gan, resident, Direction::out);
}

void take_copies(const Resident& resident, const Replica& replica) {
  exchange_copies(resident, replica, Direction::in);
}
void return_copies(const Resident& resident, const Replica& replica) {
  exchange_copies(resident, replica, Direction::out);
}

}  // namespace atelier::cpu
