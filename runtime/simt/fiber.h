#pragma once

#include <cstddef>
#include <vector>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

// Switching between stacks: 20 instructions on x86-64, ucontext elsewhere.
namespace atelier::simt::executor {

#if defined(__x86_64__)
extern "C" void atelier_simt_switch(void** save, void* restore);
#endif

struct FiberContext {
#if defined(__x86_64__)
  void* stack_pointer = nullptr;
#else
  ucontext_t registers;
#endif
  const void* stack_low = nullptr;  // bounds for AddressSanitizer
  std::size_t stack_size = 0;
  void* fake_stack = nullptr;
};

struct Stack {
  char* low = nullptr;
  std::size_t size = 0;
  unsigned number = 0;
};

/// Stacks of one worker, mapped 64 at a time, with a guard page below each of the first few thousand (the
/// kernel limits a process to some 65 000 mappings).
class StackPool {
 public:
  StackPool() = default;
  ~StackPool() { release(); }
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;

  /// Sets the size of stacks; all must be free.
  void resize(std::size_t bytes);
  /// Throws std::bad_alloc.
  Stack* take();
  void give_back(Stack* stack) { free_.push_back(stack); }

 private:
  void map_chunk();
  void release() noexcept;
  struct Chunk {
    void* address;
    std::size_t bytes;
  };
  std::size_t stack_bytes_ = 0;
  std::vector<Chunk> chunks_;
  std::vector<std::vector<Stack>> stacks_;
  std::vector<Stack*> free_;
  unsigned count_ = 0;
};

/// Prepares a fiber that starts in `entry` on an idle stack.
void make_fiber(FiberContext& context, const Stack& stack, void (*entry)());
/// Describes the stack of the calling OS thread, so that fibers may switch back to it.
void describe_own_stack(FiberContext& context);

inline void switch_fiber(FiberContext& from, FiberContext& to, bool from_ends) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(from_ends ? nullptr : &from.fake_stack, to.stack_low, to.stack_size);
#else
  static_cast<void>(from_ends);
#endif
#if defined(__x86_64__)
  atelier_simt_switch(&from.stack_pointer, to.stack_pointer);
#else
  swapcontext(&from.registers, &to.registers);
#endif
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(from.fake_stack, nullptr, nullptr);
#endif
}

/// The first thing that a fiber does.
inline void fiber_begins() {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
}

}  // namespace atelier::simt::executor
