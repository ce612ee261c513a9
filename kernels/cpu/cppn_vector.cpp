#include "kernels/cpu/cppn_vector.h"

#include "kernels/cpu/activation_vector.h"
#include "kernels/cpu/pixel_writer.h"
#include "kernels/wave_function.h"

// A strip of neighbouring pixels, kPixelVectors vectors wide, goes through the whole network at once:
// activations stay in the innermost cache, a block of kNeurons neurons of the strip in registers, weights are
// broadcast.
namespace atelier::cpu::ATELIER_INSTRUCTION_SET {
namespace {

#if defined(__AVX512F__)
constexpr int kNeurons = 8;
#else
constexpr int kNeurons = 4;
#endif
constexpr int kPixelVectors = 2;

template <class T>
constexpr int kPixels = kPixelVectors* Simd<T>::lanes;

/// What a block leaves of its sums: themselves, or g of elementary.h for any or for bounded sums.
enum class Leaves { sums, core, bounded_core };

/// g of elementary.h. Division and Newton's iteration take turns from neuron to neuron: the divider and the
/// multipliers work at the same time. A neuron's kind depends on its place alone, so results do not depend on
/// how a picture is cut.
template <Leaves leaves, int neuron, class V>
ATELIER_INLINE V core(V sum) {
  constexpr bool newton = neuron % 2 == 1;
  if constexpr (leaves == Leaves::bounded_core)
    return newton ? logistic_core_newton_bounded(sum) : logistic_core_bounded(sum);
  else
    return newton ? logistic_core_newton(sum) : logistic_core(sum);
}

template <class T, int neurons, Leaves leaves, int neuron = 0>
ATELIER_INLINE void finish(const typename Simd<T>::Vector (&sum)[neurons][kPixelVectors],
                           typename Simd<T>::Vector* output) {
  if constexpr (neuron < neurons) {
#pragma GCC unroll 8
    for (int p = 0; p < kPixelVectors; ++p) {
      if constexpr (leaves != Leaves::sums)
        output[neuron * kPixelVectors + p] = core<leaves, neuron>(sum[neuron][p]);
      else
        output[neuron * kPixelVectors + p] = sum[neuron][p];
    }
    finish<T, neurons, leaves, neuron + 1>(sum, output);
  }
}

/// The sums of one block of neurons, as `leaves` says. `inputs`: [fan_in][kPixelVectors].
template <class T, int neurons, Leaves leaves>
ATELIER_INLINE void block(const typename Simd<T>::Vector* inputs, const T* weights, const T* bias, int fan_in,
                          typename Simd<T>::Vector* output) {
  typename Simd<T>::Vector sum[neurons][kPixelVectors];
#pragma GCC unroll 8
  for (int j = 0; j < neurons; ++j)
#pragma GCC unroll 8
    for (int p = 0; p < kPixelVectors; ++p) sum[j][p] = broadcast(bias[j]);
  for (int k = 0; k < fan_in; ++k) {
#pragma GCC unroll 8
    for (int j = 0; j < neurons; ++j) {
      const typename Simd<T>::Vector weight = broadcast(weights[k * neurons + j]);
#pragma GCC unroll 8
      for (int p = 0; p < kPixelVectors; ++p)
        sum[j][p] = fma(weight, inputs[k * kPixelVectors + p], sum[j][p]);
    }
  }
  finish<T, neurons, leaves>(sum, output);
}

/// The last block, of width % kNeurons neurons.
template <class T, Leaves leaves, int neurons = kNeurons - 1>
void last_block(int count, const typename Simd<T>::Vector* inputs, const T* weights, const T* bias,
                int fan_in, typename Simd<T>::Vector* output) {
  if constexpr (neurons > 0) {
    if (count == neurons)
      block<T, neurons, leaves>(inputs, weights, bias, fan_in, output);
    else
      last_block<T, leaves, neurons - 1>(count, inputs, weights, bias, fan_in, output);
  }
}

template <class T, Leaves leaves>
void sums(const CppnVectorLayer<T>& layer, const typename Simd<T>::Vector* inputs,
          typename Simd<T>::Vector* output) {
  int j = 0;
  for (; j + kNeurons <= layer.width; j += kNeurons)
    block<T, kNeurons, leaves>(inputs, layer.weights + static_cast<std::int64_t>(j) * layer.fan_in,
                               layer.bias + j, layer.fan_in, output + j * kPixelVectors);
  if (j < layer.width)
    last_block<T, leaves>(layer.width - j, inputs,
                          layer.weights + static_cast<std::int64_t>(j) * layer.fan_in, layer.bias + j,
                          layer.fan_in, output + j * kPixelVectors);
}

template <class T, Activation kind>
void activate_all(typename Simd<T>::Vector* values, int count, T slope) {
  for (int i = 0; i < count; ++i) values[i] = activate<T>(kind, slope, values[i]);
}

template <class T, int kind = 0>
void activate_layer(const CppnVectorLayer<T>& layer, typename Simd<T>::Vector* values) {
  if constexpr (kind < kActivationCount) {
    if (layer.activation == static_cast<Activation>(kind))
      activate_all<T, static_cast<Activation>(kind)>(values, layer.width * kPixelVectors, layer.slope);
    else
      activate_layer<T, kind + 1>(layer, values);
  }
}

/// Coordinates of a strip's pixels. Those past the end repeat the last, so that tails are computed as any
/// other pixel.
template <int pixels>
struct Plane {
  double x[pixels];
  double y[pixels];
};

template <int pixels>
ATELIER_INLINE void coordinates(const CppnVectorTarget& target, std::int64_t first, int count,
                                Plane<pixels>& plane) {
  double columns[pixels];
  double rows[pixels];
  const PixelRegion& region = target.region;
  std::int64_t row = first / region.width;
  std::int64_t column = first - row * region.width;
  if (column + pixels <= region.width) {
    for (int i = 0; i < pixels; ++i) {
      columns[i] = static_cast<double>(region.column + column) + i;
      rows[i] = static_cast<double>(region.row + row);
    }
  } else {
    for (int i = 0; i < pixels; ++i) {
      columns[i] = static_cast<double>(region.column + column);
      rows[i] = static_cast<double>(region.row + row);
      if (i + 1 < count && ++column == region.width) {
        column = 0;
        ++row;
      }
    }
  }
  const CppnWindow& w = target.window;
  for (int i = 0; i < pixels; ++i) {
    plane.x[i] = exact_fma(w.x_column, columns[i], exact_fma(w.x_row, rows[i], w.x0));
    plane.y[i] = exact_fma(w.y_column, columns[i], exact_fma(w.y_row, rows[i], w.y0));
  }
}

template <int pixels>
ATELIER_INLINE void wave_values(const CppnWave& wave, const Plane<pixels>& plane, FloatVector* values) {
  alignas(kVectorBytes) float numbers[pixels];
  std::uint32_t words[pixels];
  for (int i = 0; i < pixels; ++i) words[i] = word_of_turn(wave_turn(wave, plane.x[i], plane.y[i]));
  for (int i = 0; i < pixels; ++i) numbers[i] = cosine_and_sine_from_word(words[i]).second;
  for (int p = 0; p < kPixelVectors; ++p) values[p] = load(numbers + p * Simd<float>::lanes);
}
template <int pixels>
ATELIER_INLINE void wave_values(const CppnWave& wave, const Plane<pixels>& plane, DoubleVector* values) {
  constexpr double kTurn = 6.283185307179586477;
  alignas(kVectorBytes) double turns[pixels];
  for (int i = 0; i < pixels; ++i) turns[i] = wave_turn(wave, plane.x[i], plane.y[i]);
  for (int p = 0; p < kPixelVectors; ++p) values[p] = sine(load(turns + p * Simd<double>::lanes) * kTurn);
}

/// What the first layer sees of a strip's pixels.
template <class T>
void inputs_of(const CppnVectorNetwork<T>& network, const Plane<kPixels<T>>& plane,
               typename Simd<T>::Vector* values) {
  alignas(kVectorBytes) T rounded[2][kPixels<T>];
  for (int i = 0; i < kPixels<T>; ++i) {
    rounded[0][i] = static_cast<T>(plane.x[i]);
    rounded[1][i] = static_cast<T>(plane.y[i]);
  }
  for (int p = 0; p < kPixelVectors; ++p) {
    values[p] = load(rounded[0] + p * Simd<T>::lanes);
    values[kPixelVectors + p] = load(rounded[1] + p * Simd<T>::lanes);
    if (network.radius)
      values[2 * kPixelVectors + p] =
          square_root(values[p] * values[p] + values[kPixelVectors + p] * values[kPixelVectors + p]);
  }
  typename Simd<T>::Vector* const waves = values + (network.radius ? 3 : 2) * kPixelVectors;
  for (int k = 0; k < network.wave_count; ++k)
    wave_values(network.waves[k], plane, waves + k * kPixelVectors);
}

template <class T>
void paint(const CppnVectorNetwork<T>& network, const CppnVectorTarget& target, std::int64_t first,
           std::int64_t count, T* scratch) {
  using V = typename Simd<T>::Vector;
  int widest = network.layers[0].fan_in > 3 ? network.layers[0].fan_in : 3;
  for (int l = 0; l < network.layer_count; ++l)
    widest = network.layers[l].width > widest ? network.layers[l].width : widest;
  auto* const even = reinterpret_cast<V*>(scratch);
  V* const odd = even + static_cast<std::int64_t>(widest) * kPixelVectors;
  for (std::int64_t done = 0; done < count; done += kPixels<T>) {
    const int pixels = static_cast<int>(count - done < kPixels<T> ? count - done : kPixels<T>);
    Plane<kPixels<T>> plane;
    coordinates(target, first + done, pixels, plane);
    inputs_of(network, plane, even);
    V* input = even;
    V* output = odd;
    for (int l = 0; l < network.layer_count; ++l) {
      const CppnVectorLayer<T>& layer = network.layers[l];
      if (layer.core && layer.bounded) {
        sums<T, Leaves::bounded_core>(layer, input, output);
      } else if (layer.core) {
        sums<T, Leaves::core>(layer, input, output);
      } else {
        sums<T, Leaves::sums>(layer, input, output);
        activate_layer(layer, output);
      }
      V* const next = input;
      input = output;
      output = next;
    }
    T channels[3][kPixels<T>];
    for (int c = 0; c < target.channels; ++c)
      for (int p = 0; p < kPixelVectors; ++p)
        store(channels[c] + p * Simd<T>::lanes,
              fma(input[c * kPixelVectors + p], broadcast(network.output_factor),
                  broadcast(network.output_offset)));
    write_pixels<T, kPixels<T>>(target, channels, first + done, pixels);
  }
}

}  // namespace

extern const CppnPainters<float> kCppnPaintersFloat;
extern const CppnPainters<double> kCppnPaintersDouble;
const CppnPainters<float> kCppnPaintersFloat{kNeurons, kPixels<float>, paint<float>};
const CppnPainters<double> kCppnPaintersDouble{kNeurons, kPixels<double>, paint<double>};

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET
