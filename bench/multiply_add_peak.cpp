#include "bench/multiply_add_peak.h"

#include "kernels/cpu/simd.h"

namespace atelier::cpu::ATELIER_INSTRUCTION_SET {

template <class T>
static long run_multiply_adds(long rounds) {
  // Latency times issue width: more chains than any processor of these sets needs, and few enough for 16
  // registers.
  constexpr int chains = 12;
  using V = typename Simd<T>::Vector;
  V sum[chains];
  V factor = broadcast(T(0.999));
  V addend = broadcast(T(1e-3));
#pragma GCC unroll 12
  for (int i = 0; i < chains; ++i) sum[i] = broadcast(static_cast<T>(i));
  // The compiler must not know the factors, or it could fold the loop.
  asm volatile("" : "+m"(factor), "+m"(addend));
  for (long round = 0; round < rounds; ++round)
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i) sum[i] = fma(sum[i], factor, addend);
  V total = sum[0];
#pragma GCC unroll 12
  for (int i = 1; i < chains; ++i) total += sum[i];
  asm volatile("" : : "m"(total));
  return rounds * chains * Simd<T>::lanes * 2;
}

long multiply_adds_float(long rounds) {
  return run_multiply_adds<float>(rounds);
}
long multiply_adds_double(long rounds) {
  return run_multiply_adds<double>(rounds);
}

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET
