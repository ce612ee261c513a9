#pragma once

#include <cstdint>

#include "runtime/backend.h"

// One iteration of a little GAN, in any arithmetic: of single floats in a GPU's thread, of vectors of floats,
// a GAN a lane, on cpu. Only compiler built-ins are used. `Arithmetic` has static functions
//   fma(a, b, c) = a b + c      sigmoid(x)      broadcast(float)
// of Number. Loops have constant bounds and are unrolled, so that weights and values are registers.

#if defined(__CUDACC__)
#define ATELIER_UNROLLED _Pragma("unroll")
#define ATELIER_SMALL_GAN_INLINE __device__ __forceinline__
#else
#define ATELIER_UNROLLED _Pragma("GCC unroll 64")
#define ATELIER_SMALL_GAN_INLINE inline __attribute__((always_inline))
#endif

namespace atelier {

/// Two layers without biases, a sigmoid behind each: torch.nn.Linear(inputs, hidden), then (hidden, outputs).
template <int inputs_, int hidden_, int outputs_>
struct SmallShape {
  static constexpr int inputs = inputs_;
  static constexpr int hidden = hidden_;
  static constexpr int outputs = outputs_;
  static constexpr int weights = hidden * inputs + outputs * hidden;
};

inline namespace ATELIER_CODE {

template <class Number, class Shape>
struct SmallNetwork {
  Number first[Shape::hidden][Shape::inputs];
  Number second[Shape::outputs][Shape::hidden];
};

/// What a forward pass leaves for the backward pass.
template <class Number, class Shape>
struct SmallPass {
  Number hidden[Shape::hidden];
  Number output[Shape::outputs];
};

template <class Arithmetic, class Number, int rows, int columns>
ATELIER_SMALL_GAN_INLINE void small_layer(const Number (&weight)[rows][columns],
                                          const Number (&input)[columns], Number (&output)[rows]) {
  ATELIER_UNROLLED
  for (int row = 0; row < rows; ++row) {
    Number sum = weight[row][0] * input[0];
    ATELIER_UNROLLED
    for (int column = 1; column < columns; ++column)
      sum = Arithmetic::fma(weight[row][column], input[column], sum);
    output[row] = Arithmetic::sigmoid(sum);
  }
}

template <class Arithmetic, class Number, class Shape>
ATELIER_SMALL_GAN_INLINE SmallPass<Number, Shape> small_forward(const SmallNetwork<Number, Shape>& network,
                                                                const Number (&input)[Shape::inputs]) {
  SmallPass<Number, Shape> pass;
  small_layer<Arithmetic>(network.first, input, pass.hidden);
  small_layer<Arithmetic>(network.second, pass.hidden, pass.output);
  return pass;
}

/// gradient[i] becomes the gradient behind a sigmoid of value y[i]: times y (1 - y).
template <class Arithmetic, class Number, int count>
ATELIER_SMALL_GAN_INLINE void through_sigmoid(Number (&gradient)[count], const Number (&y)[count]) {
  ATELIER_UNROLLED
  for (int i = 0; i < count; ++i) gradient[i] = gradient[i] * (y[i] * (Arithmetic::broadcast(1.0F) - y[i]));
}

/// gradient[column] = sum over rows of delta[row] weight[row][column]
template <class Arithmetic, class Number, int rows, int columns>
ATELIER_SMALL_GAN_INLINE void small_transposed(const Number (&weight)[rows][columns],
                                               const Number (&delta)[rows], Number (&gradient)[columns]) {
  ATELIER_UNROLLED
  for (int column = 0; column < columns; ++column) {
    gradient[column] = weight[0][column] * delta[0];
    ATELIER_UNROLLED
    for (int row = 1; row < rows; ++row)
      gradient[column] = Arithmetic::fma(weight[row][column], delta[row], gradient[column]);
  }
}

/// weight[row][column] += change[row] input[column]
template <class Arithmetic, class Number, int rows, int columns>
ATELIER_SMALL_GAN_INLINE void small_update(Number (&weight)[rows][columns], const Number (&change)[rows],
                                           const Number (&input)[columns]) {
  ATELIER_UNROLLED
  for (int row = 0; row < rows; ++row) {
    ATELIER_UNROLLED
    for (int column = 0; column < columns; ++column)
      weight[row][column] = Arithmetic::fma(change[row], input[column], weight[row][column]);
  }
}

/// One SGD step with `gradient`, that of the loss with respect to the output times -learning rate: it is
/// linear in all that follows.
template <class Arithmetic, class Number, class Shape>
ATELIER_SMALL_GAN_INLINE void small_step(SmallNetwork<Number, Shape>& network,
                                         const Number (&input)[Shape::inputs],
                                         const SmallPass<Number, Shape>& pass,
                                         Number (&gradient)[Shape::outputs]) {
  through_sigmoid<Arithmetic>(gradient, pass.output);
  Number hidden[Shape::hidden];
  small_transposed<Arithmetic>(network.second, gradient, hidden);
  through_sigmoid<Arithmetic>(hidden, pass.hidden);
  small_update<Arithmetic>(network.second, gradient, pass.hidden);
  small_update<Arithmetic>(network.first, hidden, input);
}

/// The networks of a GAN. Discriminator::inputs is Generator::outputs; Discriminator::outputs is 1.
template <class Number, class Discriminator, class Generator>
struct SmallGanNetworks {
  SmallNetwork<Number, Discriminator> d;
  SmallNetwork<Number, Generator> g;
};

/// The losses of an iteration and what G made in its last step.
template <class Number, class Generator>
struct SmallGanIteration {
  Number loss_real;
  Number loss_fake;
  Number loss_generator;
  Number generated[Generator::outputs];
};

/// A step of D on `pattern` with target 1 or 0; `rate` is -2 times the learning rate. Returns the loss.
template <class Arithmetic, class Number, class Discriminator>
ATELIER_SMALL_GAN_INLINE Number small_discriminator_step(SmallNetwork<Number, Discriminator>& d,
                                                         const Number (&pattern)[Discriminator::inputs],
                                                         float target, Number rate) {
  static_assert(Discriminator::outputs == 1);
  const SmallPass<Number, Discriminator> pass = small_forward<Arithmetic>(d, pattern);
  const Number error = pass.output[0] - Arithmetic::broadcast(target);
  Number gradient[1] = {error * rate};
  small_step<Arithmetic>(d, pattern, pass, gradient);
  return error * error;
}

/// One iteration as kernels/small_gan.h says. `rate` is -2 times the learning rate.
template <class Arithmetic, class Number, class Discriminator, class Generator>
ATELIER_SMALL_GAN_INLINE SmallGanIteration<Number, Generator> small_gan_iteration(
    SmallGanNetworks<Number, Discriminator, Generator>& gan, const Number (&real)[Discriminator::inputs],
    const Number (&fake_noise)[Generator::inputs], const Number (&generator_noise)[Generator::inputs],
    Number rate) {
  static_assert(Discriminator::inputs == Generator::outputs);
  SmallGanIteration<Number, Generator> result;
  // Neither of G's passes waits for D: both stand here, beside D's first step.
  const SmallPass<Number, Generator> fake = small_forward<Arithmetic>(gan.g, fake_noise);
  const SmallPass<Number, Generator> generated = small_forward<Arithmetic>(gan.g, generator_noise);
  result.loss_real = small_discriminator_step<Arithmetic>(gan.d, real, 1.0F, rate);
  result.loss_fake = small_discriminator_step<Arithmetic>(gan.d, fake.output, 0.0F, rate);

  const SmallPass<Number, Discriminator> judged = small_forward<Arithmetic>(gan.d, generated.output);
  const Number error = judged.output[0] - Arithmetic::broadcast(1.0F);
  result.loss_generator = error * error;
  Number output[1] = {error * rate};
  through_sigmoid<Arithmetic>(output, judged.output);
  Number hidden[Discriminator::hidden];
  small_transposed<Arithmetic>(gan.d.second, output, hidden);
  through_sigmoid<Arithmetic>(hidden, judged.hidden);
  Number gradient[Discriminator::inputs];
  small_transposed<Arithmetic>(gan.d.first, hidden, gradient);
  small_step<Arithmetic>(gan.g, generator_noise, generated, gradient);
  ATELIER_UNROLLED
  for (int i = 0; i < Generator::outputs; ++i) result.generated[i] = generated.output[i];
  return result;
}

/// mean of (y - centre)^2
template <class Arithmetic, class Number, int count>
ATELIER_SMALL_GAN_INLINE Number small_mean_square(const Number (&y)[count], const float (&centre)[count]) {
  Number sum = Arithmetic::broadcast(0.0F);
  ATELIER_UNROLLED
  for (int i = 0; i < count; ++i) {
    const Number difference = y[i] - Arithmetic::broadcast(centre[i]);
    sum = Arithmetic::fma(difference, difference, sum);
  }
  return sum * Arithmetic::broadcast(1.0F / static_cast<float>(count));
}

/// Number `index` of the networks' weights, in the order of their state_dicts; a reference to a register
/// where `index` is constant.
template <class Number, class Discriminator, class Generator>
ATELIER_SMALL_GAN_INLINE Number& small_gan_weight(SmallGanNetworks<Number, Discriminator, Generator>& gan,
                                                  int index) {
  constexpr int kFirstOfD = Discriminator::hidden * Discriminator::inputs;
  constexpr int kFirstOfG = Generator::hidden * Generator::inputs;
  if (index < kFirstOfD) return gan.d.first[index / Discriminator::inputs][index % Discriminator::inputs];
  index -= kFirstOfD;
  constexpr int kSecondOfD = Discriminator::outputs * Discriminator::hidden;
  if (index < kSecondOfD) return gan.d.second[index / Discriminator::hidden][index % Discriminator::hidden];
  index -= kSecondOfD;
  if (index < kFirstOfG) return gan.g.first[index / Generator::inputs][index % Generator::inputs];
  index -= kFirstOfG;
  return gan.g.second[index / Generator::hidden][index % Generator::hidden];
}

}  // namespace ATELIER_CODE
}  // namespace atelier
