#pragma once

#include <cstdint>

#include "kernels/cpu/cppn_vector.h"
#include "kernels/resolve.h"

// What the host part of the cpu device's resolve_pixels (resolve_cpu.cpp) and its vector code, built once an
// instruction set (resolve_vector.cpp), agree on.
namespace atelier::cpu {

struct ResolveVectorCall {
  const float* colors = nullptr;
  const float* palette = nullptr;
  PixelResolve how;
  bool light = false;       // values go through light
  CppnVectorTarget target;  // pixels are counted as there
};

/// Resolves pixels [first, first + count).
using ResolveVector = void (*)(const ResolveVectorCall& call, std::int64_t first, std::int64_t count);

#define ATELIER_DECLARE_RESOLVE(set)                                                   \
  namespace set {                                                                      \
  void resolve(const ResolveVectorCall& call, std::int64_t first, std::int64_t count); \
  }
ATELIER_DECLARE_RESOLVE(portable)
ATELIER_DECLARE_RESOLVE(avx2)
ATELIER_DECLARE_RESOLVE(avx512)
#undef ATELIER_DECLARE_RESOLVE

}  // namespace atelier::cpu
