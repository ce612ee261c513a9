#pragma once

#include <cstdint>

#if !defined(ATELIER_INSTRUCTION_SET)
#error "kernels/cpu/subnormals.h is for sources compiled once an instruction set (atelier_vector_objects)"
#endif

namespace atelier::cpu::ATELIER_INSTRUCTION_SET {

/// While it lives, the calling thread takes numbers below the smallest normal one (2^-126) for zero, read and
/// written. Adam's moments of weights whose inputs stay at zero decay into that range, where an x86 processor
/// needs hundreds of cycles for each operation.
class SubnormalsAsZero {
 public:
  SubnormalsAsZero() : before_(read()) { write(before_ | kBits); }
  ~SubnormalsAsZero() { write(before_); }
  SubnormalsAsZero(const SubnormalsAsZero&) = delete;
  SubnormalsAsZero& operator=(const SubnormalsAsZero&) = delete;

 private:
  // "memory": no load or store may move to the other side.
#if defined(__x86_64__)
  using Word = std::uint32_t;
  static constexpr Word kBits = 0x8040;  // flush to zero, denormals are zero
  static Word read() {
    Word word = 0;
    asm volatile("stmxcsr %0" : "=m"(word) : : "memory");
    return word;
  }
  static void write(Word word) {
    asm volatile("ldmxcsr %0" : : "m"(word) : "memory");
  }
#elif defined(__aarch64__)
  using Word = std::uint64_t;
  static constexpr Word kBits = 1U << 24U;
  static Word read() {
    Word word = 0;
    asm volatile("mrs %0, fpcr" : "=r"(word) : : "memory");
    return word;
  }
  static void write(Word word) {
    asm volatile("msr fpcr, %0" : : "r"(word) : "memory");
  }
#else
  using Word = std::uint32_t;
  static constexpr Word kBits = 0;
  static Word read() {
    return 0;
  }
  static void write(Word) {}
#endif

  Word before_;
};

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET
