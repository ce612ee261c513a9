#include "runtime/simt/fiber.h"

#include <pthread.h>
#include <sys/mman.h>

#include <cstdint>
#include <new>

#if defined(__x86_64__)
// Callee-saved registers go to the old stack, come from the new one; the return address does the jump.
asm(R"(
.text
.p2align 4
.globl atelier_simt_switch
.type atelier_simt_switch,@function
atelier_simt_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size atelier_simt_switch,.-atelier_simt_switch
)");
#endif

namespace atelier::simt::executor {
namespace {
constexpr std::size_t kPage = 4096;
constexpr unsigned kChunkStacks = 64;
constexpr unsigned kGuardedStacks = 8192;
}  // namespace

void make_fiber(FiberContext& context, const Stack& stack, void (*entry)()) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(stack.low, stack.size);
#endif
  context.stack_low = stack.low;
  context.stack_size = stack.size;
  context.fake_stack = nullptr;
  // Equal offsets in all stacks would compete for the same cache sets.
  const std::size_t colour = (stack.number % 32) * std::size_t{192};
  char* top = stack.low + stack.size - colour;
#if defined(__x86_64__)
  auto* slot = reinterpret_cast<void**>(reinterpret_cast<std::uintptr_t>(top) & ~std::uintptr_t{15});
  *--slot = nullptr;  // the entry's return address: ends backtraces, and aligns the stack as after a call
  *--slot = reinterpret_cast<void*>(entry);
  for (int i = 0; i < 6; ++i) *--slot = nullptr;
  context.stack_pointer = slot;
#else
  getcontext(&context.registers);
  context.registers.uc_stack.ss_sp = stack.low;
  context.registers.uc_stack.ss_size = static_cast<std::size_t>(top - stack.low);
  context.registers.uc_link = nullptr;
  makecontext(&context.registers, entry, 0);
#endif
}

void describe_own_stack(FiberContext& context) {
  static_cast<void>(context);
#if defined(__SANITIZE_ADDRESS__)
  pthread_attr_t attributes;
  void* low = nullptr;
  std::size_t size = 0;
  pthread_getattr_np(pthread_self(), &attributes);
  pthread_attr_getstack(&attributes, &low, &size);
  pthread_attr_destroy(&attributes);
  context.stack_low = low;
  context.stack_size = size;
#endif
}

void StackPool::resize(std::size_t bytes) {
  bytes = (bytes + kPage - 1) & ~(kPage - 1);
  if (bytes == stack_bytes_) return;
  release();
  stack_bytes_ = bytes;
}

Stack* StackPool::take() {
  if (free_.empty()) map_chunk();
  Stack* stack = free_.back();
  free_.pop_back();
  return stack;
}

void StackPool::map_chunk() {
  const std::size_t step = stack_bytes_ + kPage;
  free_.reserve(free_.size() + count_ + kChunkStacks);
  chunks_.reserve(chunks_.size() + 1);
  stacks_.emplace_back(kChunkStacks);
  void* memory = mmap(nullptr, kChunkStacks * step, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) {
    stacks_.pop_back();
    throw std::bad_alloc();
  }
  chunks_.push_back({memory, kChunkStacks * step});
  char* low = static_cast<char*>(memory);
  for (Stack& stack : stacks_.back()) {
    if (count_ < kGuardedStacks) mprotect(low, kPage, PROT_NONE);
    stack = {low + kPage, stack_bytes_, count_++};
    low += step;
    free_.push_back(&stack);
  }
}

void StackPool::release() noexcept {
  for (const Chunk& chunk : chunks_) {
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(chunk.address, chunk.bytes);
#endif
    munmap(chunk.address, chunk.bytes);
  }
  chunks_.clear();
  stacks_.clear();
  free_.clear();
  count_ = 0;
}

}  // namespace atelier::simt::executor
