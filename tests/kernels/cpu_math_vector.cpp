#include "tests/kernels/cpu_math_vector.h"

#include "kernels/cpu/activation_vector.h"

namespace atelier::cpu::ATELIER_INSTRUCTION_SET {
namespace {

/// The tail is computed in a vector whose other lanes repeat its last value.
template <class T, class Function>
void over_array(const T* from, T* to, long count, Function function) {
  constexpr int lanes = Simd<T>::lanes;
  for (long i = 0; i < count; i += lanes) {
    T values[lanes];
    for (int lane = 0; lane < lanes; ++lane) values[lane] = from[i + lane < count ? i + lane : count - 1];
    store(values, function(load(values)));
    for (int lane = 0; lane < lanes && i + lane < count; ++lane) to[i + lane] = values[lane];
  }
}

template <class V>
V part_of(Part part, V x) {
  switch (part) {
    case Part::logistic_core:
      return logistic_core(x);
    case Part::logistic_core_newton:
      return logistic_core_newton(x);
    case Part::exponential:
      return exponential_of_negative(x);
    case Part::exponential_minus_one:
      return exponential_minus_one_of_negative(x);
    case Part::log_one_plus:
      return log_one_plus(x);
    case Part::normal_tail:
      return normal_tail(x);
  }
  return x;
}

}  // namespace

void probe_activation(ActivationFunction function, const float* from, float* to, long count) {
  over_array(from, to, count, [function](FloatVector x) { return activate(function, x); });
}
void probe_activation(ActivationFunction function, const double* from, double* to, long count) {
  over_array(from, to, count, [function](DoubleVector x) { return activate(function, x); });
}
void probe_part(Part part, const float* from, float* to, long count) {
  over_array(from, to, count, [part](FloatVector x) { return part_of(part, x); });
}
void probe_part(Part part, const double* from, double* to, long count) {
  over_array(from, to, count, [part](DoubleVector x) { return part_of(part, x); });
}

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET
