// The functions that code compiled with -fsanitize=thread calls for its memory accesses and atomics. They
// stand in for ThreadSanitizer's library, which is not linked.
#include "runtime/simt/checker.h"

#define ATELIER_ACCESS(address, bytes, write) \
  atelier::simt::executor::note_access(address, bytes, write, false, __builtin_return_address(0))

// NOLINTBEGIN: names and signatures are the compiler's.
extern "C" {
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
void __tsan_read_range(void* p, unsigned long n) {
  ATELIER_ACCESS(p, n, false);
}
void __tsan_write_range(void* p, unsigned long n) {
  ATELIER_ACCESS(p, n, true);
}

#define ATELIER_HOOKS(n)                    \
  void __tsan_read##n(void* p) {            \
    ATELIER_ACCESS(p, n, false);            \
  }                                         \
  void __tsan_write##n(void* p) {           \
    ATELIER_ACCESS(p, n, true);             \
  }                                         \
  void __tsan_unaligned_read##n(void* p) {  \
    ATELIER_ACCESS(p, n, false);            \
  }                                         \
  void __tsan_unaligned_write##n(void* p) { \
    ATELIER_ACCESS(p, n, true);             \
  }                                         \
  void __tsan_volatile_read##n(void* p) {   \
    ATELIER_ACCESS(p, n, false);            \
  }                                         \
  void __tsan_volatile_write##n(void* p) {  \
    ATELIER_ACCESS(p, n, true);             \
  }
ATELIER_HOOKS(1)
ATELIER_HOOKS(2)
ATELIER_HOOKS(4)
ATELIER_HOOKS(8)
ATELIER_HOOKS(16)

#define ATELIER_NOTE_ATOMIC(write)                                                                    \
  atelier::simt::executor::note_access(const_cast<const void*>(static_cast<const volatile void*>(p)), \
                                       sizeof *p, write, true, __builtin_return_address(0))
#define ATELIER_ATOMIC_CHANGE(bits, T, name)                    \
  T __tsan_atomic##bits##_##name(volatile T* p, T value, int) { \
    ATELIER_NOTE_ATOMIC(true);                                  \
    return __atomic_##name(p, value, __ATOMIC_SEQ_CST);         \
  }
#define ATELIER_ATOMIC_COMPARE(bits, T, strength)                                                        \
  int __tsan_atomic##bits##_compare_exchange_##strength(volatile T* p, T* expected, T value, int, int) { \
    ATELIER_NOTE_ATOMIC(true);                                                                           \
    return __atomic_compare_exchange_n(p, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);   \
  }
#define ATELIER_ATOMIC_HOOKS(bits, T)                             \
  T __tsan_atomic##bits##_load(const volatile T* p, int) {        \
    ATELIER_NOTE_ATOMIC(false);                                   \
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);                  \
  }                                                               \
  void __tsan_atomic##bits##_store(volatile T* p, T value, int) { \
    ATELIER_NOTE_ATOMIC(true);                                    \
    __atomic_store_n(p, value, __ATOMIC_SEQ_CST);                 \
  }                                                               \
  T __tsan_atomic##bits##_exchange(volatile T* p, T value, int) { \
    ATELIER_NOTE_ATOMIC(true);                                    \
    return __atomic_exchange_n(p, value, __ATOMIC_SEQ_CST);       \
  }                                                               \
  ATELIER_ATOMIC_CHANGE(bits, T, fetch_add)                       \
  ATELIER_ATOMIC_CHANGE(bits, T, fetch_sub)                       \
  ATELIER_ATOMIC_CHANGE(bits, T, fetch_and)                       \
  ATELIER_ATOMIC_CHANGE(bits, T, fetch_or)                        \
  ATELIER_ATOMIC_CHANGE(bits, T, fetch_xor)                       \
  ATELIER_ATOMIC_COMPARE(bits, T, strong)                         \
  ATELIER_ATOMIC_COMPARE(bits, T, weak)
ATELIER_ATOMIC_HOOKS(8, unsigned char)
ATELIER_ATOMIC_HOOKS(16, unsigned short)
ATELIER_ATOMIC_HOOKS(32, unsigned)
ATELIER_ATOMIC_HOOKS(64, unsigned long)
void __tsan_atomic_thread_fence(int) {}
void __tsan_atomic_signal_fence(int) {}
}
// NOLINTEND
