#include "kernels/cpu/cppn_vector.h"

#include "kernels/cpu/activation_vector.h"
#include "kernels/cpu/pixel_writer.h"

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

/// Column and row of the strip's pixels; those past the end repeat the last, so that tails are computed as
/// any other pixel.
template <class T>
ATELIER_INLINE void coordinates(const CppnVectorTarget& target, std::int64_t first, int count, T* x, T* y) {
  double columns[kPixels<T>];
  double rows[kPixels<T>];
  const PixelRegion& region = target.region;
  std::int64_t row = first / region.width;
  std::int64_t column = first - row * region.width;
  if (column + kPixels<T> <= region.width) {
    for (int i = 0; i < kPixels<T>; ++i) {
      columns[i] = static_cast<double>(region.column + column) + i;
      rows[i] = static_cast<double>(region.row + row);
    }
  } else {
    for (int i = 0; i < kPixels<T>; ++i) {
      columns[i] = static_cast<double>(region.column + column);
      rows[i] = static_cast<double>(region.row + row);
      if (i + 1 < count && ++column == region.width) {
        column = 0;
        ++row;
      }
    }
  }
  const CppnWindow& w = target.window;
  for (int i = 0; i < kPixels<T>; ++i) {
    x[i] = static_cast<T>(exact_fma(w.x_column, columns[i], exact_fma(w.x_row, rows[i], w.x0)));
    y[i] = static_cast<T>(exact_fma(w.y_column, columns[i], exact_fma(w.y_row, rows[i], w.y0)));
  }
}

template <class T>
void paint(const CppnVectorNetwork<T>& network, const CppnVectorTarget& target, std::int64_t first,
           std::int64_t count, T* scratch) {
  using V = typename Simd<T>::Vector;
  int widest = 3;
  for (int l = 0; l < network.layer_count; ++l)
    widest = network.layers[l].width > widest ? network.layers[l].width : widest;
  auto* const even = reinterpret_cast<V*>(scratch);
  V* const odd = even + static_cast<std::int64_t>(widest) * kPixelVectors;
  for (std::int64_t done = 0; done < count; done += kPixels<T>) {
    const int pixels = static_cast<int>(count - done < kPixels<T> ? count - done : kPixels<T>);
    alignas(kVectorBytes) T plane[2][kPixels<T>];
    coordinates<T>(target, first + done, pixels, plane[0], plane[1]);
    for (int p = 0; p < kPixelVectors; ++p) {
      even[p] = load(plane[0] + p * Simd<T>::lanes);
      even[kPixelVectors + p] = load(plane[1] + p * Simd<T>::lanes);
      if (network.radius)
        even[2 * kPixelVectors + p] =
            square_root(even[p] * even[p] + even[kPixelVectors + p] * even[kPixelVectors + p]);
    }
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
