// Compiled once for every instruction set.
#include "kernels/cpu/elementwise_vector.h"

#include "kernels/cpu/activation_derivative_vector.h"
#include "kernels/cpu/activation_vector.h"
#include "kernels/cpu/vector_part.h"

namespace atelier::cpu::ATELIER_INSTRUCTION_SET {
namespace {

/// Calls body(first element, lanes) for whole vectors and then for what is left.
template <class Body>
ATELIER_INLINE void for_each_vector(std::int64_t count, const Body& body) {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) body(i, kLanes);
  if (i < count) body(i, static_cast<int>(count - i));
}

ATELIER_INLINE FloatVector load_lanes(const float* from, int lanes) {
  return lanes == kLanes ? load(from) : load_first(from, lanes);
}
ATELIER_INLINE void store_lanes(float* to, FloatVector value, int lanes) {
  if (lanes == kLanes)
    store(to, value);
  else
    store_first(to, value, lanes);
}

// The kind is known to the compiler, so that the loops hold no choice between functions.
template <Activation kKind>
void forward(float slope, const float* input, float* output, std::int64_t count) {
  for_each_vector(count, [=](std::int64_t i, int lanes) {
    store_lanes(output + i, activate<float>(kKind, slope, load_lanes(input + i, lanes)), lanes);
  });
}

/// Whether the derivative is taken from the value alone, so that the input need not be read: the same bits,
/// since these formulas name x for NaN only, where the value is NaN too.
constexpr bool from_value(Activation kind) {
  return kind == Activation::sigmoid || kind == Activation::tanh;
}

template <Activation kKind>
void backward(float slope, const float* input, const float* output, const float* output_gradient,
              float* input_gradient, std::int64_t count) {
  for_each_vector(count, [=](std::int64_t i, int lanes) {
    const FloatVector y = load_lanes(output + i, lanes);
    const FloatVector x = from_value(kKind) ? y : load_lanes(input + i, lanes);
    const FloatVector gradient = load_lanes(output_gradient + i, lanes);
    store_lanes(input_gradient + i, gradient * activation_derivative({kKind, slope}, x, y), lanes);
  });
}

struct Loops {
  void (*forward)(float, const float*, float*, std::int64_t);
  void (*backward)(float, const float*, const float*, const float*, float*, std::int64_t);
};
template <Activation kKind>
constexpr Loops kLoops{forward<kKind>, backward<kKind>};

Loops loops_of(Activation kind) {
  switch (kind) {
    case Activation::identity:
      return kLoops<Activation::identity>;
    case Activation::relu:
      return kLoops<Activation::relu>;
    case Activation::leaky_relu:
      return kLoops<Activation::leaky_relu>;
    case Activation::sigmoid:
      return kLoops<Activation::sigmoid>;
    case Activation::tanh:
      return kLoops<Activation::tanh>;
    case Activation::sin:
      return kLoops<Activation::sin>;
    case Activation::cos:
      return kLoops<Activation::cos>;
    case Activation::gaussian:
      return kLoops<Activation::gaussian>;
    case Activation::softplus:
      return kLoops<Activation::softplus>;
    case Activation::gelu:
      return kLoops<Activation::gelu>;
    case Activation::silu:
      return kLoops<Activation::silu>;
    case Activation::elu:
      return kLoops<Activation::elu>;
    case Activation::abs:
      return kLoops<Activation::abs>;
    case Activation::square:
      return kLoops<Activation::square>;
    case Activation::softsign:
      return kLoops<Activation::softsign>;
  }
  return kLoops<Activation::identity>;
}

}  // namespace

void activate_elements(ActivationFunction function, const float* input, float* output, std::int64_t count) {
  loops_of(function.kind).forward(function.slope, input, output, count);
}

void activate_elements_backward(ActivationFunction function, const float* input, const float* output,
                                const float* output_gradient, float* input_gradient, std::int64_t count) {
  loops_of(function.kind).backward(function.slope, input, output, output_gradient, input_gradient, count);
}

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET
