#pragma once

// A plain double-precision CPPN for the tests: one loop a sum, nothing shared with any device's code.
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "kernels/cppn.h"
#include "runtime/buffer.h"

namespace atelier::testing {

inline double reference_activation(ActivationFunction function, double x) {
  const auto slope = static_cast<double>(function.slope);
  switch (function.kind) {
    case Activation::identity:
      return x;
    case Activation::relu:
      return x > 0 ? x : 0;
    case Activation::leaky_relu:
      return x > 0 ? x : slope * x;
    case Activation::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Activation::tanh:
      return std::tanh(x);
    case Activation::sin:
      return std::sin(x);
    case Activation::cos:
      return std::cos(x);
    case Activation::gaussian:
      return std::exp(-x * x);
    case Activation::softplus:
      return x > 30 ? x : std::log1p(std::exp(x));
    case Activation::gelu:
      return x / 2 * (1 + std::erf(x / std::sqrt(2.0)));
    case Activation::silu:
      return x / (1 + std::exp(-x));
    case Activation::elu:
      return x > 0 ? x : slope * (std::exp(x) - 1);
    case Activation::abs:
      return std::abs(x);
    case Activation::square:
      return x * x;
    case Activation::softsign:
      return x / (1 + std::abs(x));
  }
  return NAN;
}

/// A network, its parameters and its latent vector.
struct TestNetwork {
  CppnTopology topology;
  std::vector<float> parameters;
  std::vector<double> latent;

  /// The output at a point. Waves take the coordinates before fp32 programs round them.
  [[nodiscard]] std::vector<double> at(double x, double y) const { return at(x, y, x, y); }
  [[nodiscard]] std::vector<double> at(double x, double y, double wave_x, double wave_y) const {
    std::vector<double> values;
    std::size_t next_latent = 0;
    std::size_t next_wave = 0;
    for (const CppnInput input : topology.inputs) switch (input) {
        case CppnInput::x:
          values.push_back(x);
          break;
        case CppnInput::y:
          values.push_back(y);
          break;
        case CppnInput::radius:
          values.push_back(std::hypot(x, y));
          break;
        case CppnInput::one:
          values.push_back(1);
          break;
        case CppnInput::latent:
          values.push_back(latent.at(next_latent++));
          break;
        case CppnInput::wave: {
          const CppnWave& wave = topology.waves.at(next_wave++);
          const long double turns = static_cast<long double>(wave.x_cycles) * wave_x +
                                    static_cast<long double>(wave.y_cycles) * wave_y + wave.phase;
          constexpr long double kTurn = 6.283185307179586476925286766559L;
          values.push_back(wave.amplitude *
                           static_cast<double>(std::sin(kTurn * (turns - std::round(turns)))));
          break;
        }
      }
    std::size_t position = 0;
    for (const CppnTopology::Layer& layer : topology.layers) {
      const auto width = static_cast<std::size_t>(layer.width);
      std::vector<double> next(width, 0.0);
      for (double& sum : next)
        for (const double value : values) sum += static_cast<double>(parameters.at(position++)) * value;
      if (layer.bias)
        for (double& sum : next) sum += static_cast<double>(parameters.at(position++));
      for (double& sum : next) sum = reference_activation(layer.activation, sum);
      values = next;
    }
    return values;
  }
};

enum class Biases : std::uint8_t { none, first, all };

struct NetworkOptions {
  std::vector<CppnInput> inputs{CppnInput::x, CppnInput::y};
  Activation hidden = Activation::tanh;
  Activation output = Activation::sigmoid;
  Biases biases = Biases::first;
  int channels = 3;
  double gain = 1.5;  // standard deviation of a sum whose inputs have 1
  std::uint32_t seed = 1;
};

/// Weights uniform with the deviation gain / sqrt(fan in), biases and latent numbers in -1 … 1.
inline TestNetwork make_network(const std::vector<int>& hidden_widths, const NetworkOptions& options = {}) {
  TestNetwork network;
  network.topology.inputs = options.inputs;
  for (const int width : hidden_widths)
    network.topology.layers.push_back({width, {options.hidden, 0.2F}, false});
  network.topology.layers.push_back({options.channels, {options.output, 0.3F}, false});
  for (std::size_t index = 0; index < network.topology.layers.size(); ++index)
    network.topology.layers[index].bias =
        options.biases == Biases::all || (options.biases == Biases::first && index == 0);
  std::mt19937 engine(options.seed);
  const auto uniform = [&engine] { return static_cast<double>(engine() >> 8) / 8388608.0 - 1.0; };
  for (std::size_t index = 0; index < network.topology.layers.size(); ++index) {
    const CppnTopology::Layer& layer = network.topology.layers[index];
    const double scale = options.gain * std::sqrt(3.0 / network.topology.fan_in(index));
    for (int count = layer.width * network.topology.fan_in(index); count > 0; --count)
      network.parameters.push_back(static_cast<float>(scale * uniform()));
    for (int count = layer.bias ? layer.width : 0; count > 0; --count)
      network.parameters.push_back(static_cast<float>(uniform()));
  }
  for (int count = network.topology.latent_size(); count > 0; --count) network.latent.push_back(uniform());
  for (const CppnInput input : options.inputs)
    if (input == CppnInput::wave)
      network.topology.waves.push_back({6 * uniform(), 6 * uniform(), uniform(), 1 + uniform() / 2});
  return network;
}

/// The point that a window assigns to a pixel, in long double.
inline std::array<double, 2> window_point(const CppnWindow& window, std::int64_t column, std::int64_t row) {
  const auto c = static_cast<long double>(column);
  const auto r = static_cast<long double>(row);
  return {static_cast<double>(window.x0 + window.x_column * c + window.x_row * r),
          static_cast<double>(window.y0 + window.y_column * c + window.y_row * r)};
}

/// What the reference paints: row by row, channel by channel. `rounded`: coordinates are rounded to float
/// first, as fp32 programs do by contract.
inline std::vector<double> reference_picture(const TestNetwork& network, const CppnWindow& window,
                                             const PixelRegion& region, bool rounded) {
  std::vector<double> picture;
  for (std::int64_t row = 0; row < region.height; ++row)
    for (std::int64_t column = 0; column < region.width; ++column) {
      const std::array<double, 2> exact = window_point(window, region.column + column, region.row + row);
      std::array<double, 2> point = exact;
      if (rounded)
        for (double& number : point) number = static_cast<double>(static_cast<float>(number));
      for (const double value : network.at(point[0], point[1], exact[0], exact[1])) picture.push_back(value);
    }
  return picture;
}

/// A region painted by a device as tightly packed samples of type T.
template <class T>
std::vector<T> paint(Stream& stream, const CppnProgram& program, const CppnWindow& window,
                     const PixelRegion& region, CppnSample sample, CppnColor color = CppnColor::rgb) {
  const std::int64_t numbers = region.width * region.height * program.channels();
  const Buffer<T> buffer(stream, numbers, "picture");
  cppn_render(stream, program, window, region, color, sample,
              {reinterpret_cast<std::byte*>(buffer.data()), numbers * static_cast<std::int64_t>(sizeof(T))},
              region.width * program.channels() * static_cast<std::int64_t>(sizeof(T)));
  return download(stream, buffer.view());
}

/// Sets an environment variable for a scope; an empty value removes it.
class EnvironmentOverride {
 public:
  EnvironmentOverride(const char* name, const std::string& value) : name_(name) {
    if (const char* const former = std::getenv(name)) former_ = former;
    set(value);
  }
  ~EnvironmentOverride() { set(former_); }
  EnvironmentOverride(const EnvironmentOverride&) = delete;
  EnvironmentOverride& operator=(const EnvironmentOverride&) = delete;

 private:
  void set(const std::string& value) const {
    if (value.empty())
      unsetenv(name_);
    else
      setenv(name_, value.c_str(), 1);
  }
  const char* name_;
  std::string former_;
};

}  // namespace atelier::testing
