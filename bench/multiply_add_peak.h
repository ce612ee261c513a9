#pragma once

// Nothing but independent multiply-adds in registers: what one core can do at best, one copy an instruction
// set.
namespace atelier::cpu {

#define ATELIER_DECLARE_PEAK(set)                                                                 \
  namespace set {                                                                                 \
  /* Runs `rounds` rounds and returns the floating-point operations done (two a multiply-add). */ \
  long multiply_adds_float(long rounds);                                                          \
  long multiply_adds_double(long rounds);                                                         \
  }
ATELIER_DECLARE_PEAK(portable)
ATELIER_DECLARE_PEAK(avx2)
ATELIER_DECLARE_PEAK(avx512)
#undef ATELIER_DECLARE_PEAK

}  // namespace atelier::cpu
