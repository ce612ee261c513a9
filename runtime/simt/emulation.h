#pragma once

// The host compiler's side of runtime/kernel.cuh: CUDA's names as ordinary C++ in namespace atelier::simt.
// Only words that C++ has no other way to say are macros.
#include <cuda_fp16.h>  // NVIDIA's own host implementation of half precision
#include <vector_functions.h>
#include <vector_types.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <tuple>
#include <type_traits>
#include <utility>

#include "runtime/simt/executor.h"
#include "runtime/stream.h"

#undef __global__
#undef __device__
#undef __host__
#undef __constant__
#undef __shared__
#undef __forceinline__
#undef __launch_bounds__
#undef __grid_constant__
#define __global__
#define __device__
#define __host__
#define __constant__
#define __grid_constant__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__ \
  static_assert(   \
      false, "write ATELIER_SHARED(T, name, [n]) or ATELIER_DYNAMIC_SHARED(T, name): runtime/kernel.cuh");

// One fresh, poisoned, fenced object per declaration and block.
#define ATELIER_SHARED(T, name, ...)        \
  using name##_shared_type = T __VA_ARGS__; \
  name##_shared_type& name = ::atelier::simt::executor::shared_object<name##_shared_type>([] {}, #name)
#define ATELIER_DYNAMIC_SHARED(T, name) \
  T* name =                             \
      static_cast<T*>(::atelier::simt::executor::dynamic_shared(::atelier::simt::executor::Site::current()))

namespace atelier::simt {

inline constexpr int warpSize = 32;

namespace executor {

template <class Declaration>
inline const int shared_site = next_shared_site();

template <class T, class Declaration>
T& shared_object(Declaration, const char* name, Site site = Site::current()) {
  static_assert(std::is_trivially_default_constructible_v<std::remove_all_extents_t<T>>,
                "shared variables cannot have constructors");
  return *static_cast<T*>(shared_variable(shared_site<Declaration>, sizeof(T),
                                          std::max<std::size_t>(alignof(T), 16), name, site));
}

template <class T>
T shuffle_value(WarpOperation operation, unsigned mask, T value, int argument, int width, Site site) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);
  LaneArgument lane;
  std::memcpy(&lane.value, &value, sizeof(T));
  lane.argument = argument;
  lane.width = width;
  warp_operation(operation, mask, lane, site);
  std::memcpy(&value, &lane.value, sizeof(T));
  return value;
}

inline std::uint32_t warp_value(WarpOperation operation, unsigned mask, std::uint32_t value, Site site) {
  LaneArgument lane;
  lane.value = value;
  warp_operation(operation, mask, lane, site);
  return static_cast<std::uint32_t>(lane.value);
}

inline void matrix_multiply(WarpOperation operation, float (&d)[4], const std::uint32_t (&a)[4],
                            const std::uint32_t (&b)[2], const float (&c)[4], Site site) {
  std::uint32_t registers[10];
  for (int i = 0; i < 4; ++i) {
    registers[i] = a[i];
    registers[6 + i] = std::bit_cast<std::uint32_t>(c[i]);
  }
  registers[4] = b[0];
  registers[5] = b[1];
  LaneArgument lane;
  lane.input = registers;
  lane.output = d;
  warp_operation(operation, ~0U, lane, site);
}

template <class... Parameters>
struct Call {
  void (*kernel)(Parameters...);
  std::tuple<Parameters...> arguments;
  static void invoke(const void* call) {
    const Call& self = *static_cast<const Call*>(call);
    std::apply(self.kernel, self.arguments);
  }
};

template <class... Parameters, class... Arguments>
void queue_grid(bool cooperative, const char* name, Stream& stream, void (*kernel)(Parameters...),
                const LaunchShape& shape, Arguments&&... arguments) {
  static_assert(sizeof...(Parameters) == sizeof...(Arguments),
                "as many arguments as the kernel has parameters");
  static_assert((!std::is_reference_v<Parameters> && ...), "kernel parameters are passed by value");
  static_assert((std::is_trivially_copyable_v<Parameters> && ...), "kernel parameters are copied bit by bit");
  static_assert((std::size_t{0} + ... + sizeof(Parameters)) <= 32764,
                "kernel parameters take at most 32764 bytes");
  const Call<Parameters...> call{kernel, {static_cast<Parameters>(std::forward<Arguments>(arguments))...}};
  stream.enqueue(name, [launch = prepare_launch(name, stream, shape, cooperative), call] {
    run_grid(launch, &Call<Parameters...>::invoke, &call);
  });
}

}  // namespace executor

/// Queues `kernel` on the stream. Arguments are converted to the kernel's parameter types, by value. `name`
/// is a string literal for messages. Throws ExecutionError with name and shape when the launch is refused (an
/// empty grid included); what the executor finds surfaces at the next synchronising call.
template <class... Parameters, class... Arguments>
void launch(const char* name, Stream& stream, void (*kernel)(Parameters...), LaunchShape shape,
            Arguments&&... arguments) {
  executor::queue_grid(false, name, stream, kernel, shape, std::forward<Arguments>(arguments)...);
}

/// As launch(); all blocks run at once, so that grid_sync() may be called. Throws ExecutionError when they
/// could not all be resident on the GPU that the options describe; static shared memory is known, and
/// counted, only once the kernel runs.
template <class... Parameters, class... Arguments>
void launch_cooperative(const char* name, Stream& stream, void (*kernel)(Parameters...), LaunchShape shape,
                        Arguments&&... arguments) {
  executor::queue_grid(true, name, stream, kernel, shape, std::forward<Arguments>(arguments)...);
}

/// Limits of the GPU that the options describe.
inline DeviceLimits device_limits(const Stream&) {
  const Options now = options();
  return {now.multiprocessors, now.threads_per_multiprocessor, now.shared_bytes_per_block,
          now.shared_bytes_per_multiprocessor};
}

/// The most blocks of `kernel` that can be resident at once, static shared memory not counted.
template <class... Parameters>
int max_cooperative_blocks(const char*, const Stream&, void (*)(Parameters...), dim3 block,
                           std::size_t shared_bytes = 0) {
  const Options now = options();
  return executor::resident_blocks(now, block.x * block.y * block.z, shared_bytes) * now.multiprocessors;
}

// Named wrappers; cuda_kernel.cuh documents them. TF32 and half products are exact in float here and summed
// in the order of k, where tensor cores truncate.
using executor::Site;

inline void grid_sync(Site site = Site::current()) {
  executor::grid_barrier(site);
}
inline void cp_async_16(void* shared, const void* global, Site site = Site::current()) {
  executor::copy_async(shared, global, 16, site);
}
inline void cp_async_commit() {
  executor::commit_copies();
}
template <int N>
void cp_async_wait() {
  executor::wait_for_copies(N);
}
inline std::uint32_t to_tf32(float x) {
  std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & 0x7f800000U) != 0x7f800000U) bits += 0x1000U;
  return bits & 0xffffe000U;
}
inline void mma_m16n8k8_tf32(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                             const float (&c)[4], Site site = Site::current()) {
  executor::matrix_multiply(executor::WarpOperation::mma_tf32, d, a, b, c, site);
}
inline void mma_m16n8k16_f16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                             const float (&c)[4], Site site = Site::current()) {
  executor::matrix_multiply(executor::WarpOperation::mma_f16, d, a, b, c, site);
}
inline void ldmatrix_x4(std::uint32_t (&result)[4], const void* row, Site site = Site::current()) {
  executor::LaneArgument lane;
  lane.input = row;
  lane.output = result;
  executor::warp_operation(executor::WarpOperation::load_matrix, ~0U, lane, site);
}
inline float exp2_approximate(float x) {
  return std::exp2(x);
}
inline float reciprocal_approximate(float x) {
  return 1.0F / x;
}

// Barriers, shuffles, votes and reductions.
inline void __syncthreads(Site site = Site::current()) {
  executor::block_barrier(executor::Reduction::none, 0, site);
}
inline int __syncthreads_count(int predicate, Site site = Site::current()) {
  return executor::block_barrier(executor::Reduction::count, predicate, site);
}
inline int __syncthreads_and(int predicate, Site site = Site::current()) {
  return executor::block_barrier(executor::Reduction::conjunction, predicate, site);
}
inline int __syncthreads_or(int predicate, Site site = Site::current()) {
  return executor::block_barrier(executor::Reduction::disjunction, predicate, site);
}
inline void __syncwarp(unsigned mask = ~0U, Site site = Site::current()) {
  executor::warp_value(executor::WarpOperation::synchronize, mask, 0, site);
}
template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, Site site = Site::current()) {
  return executor::shuffle_value(executor::WarpOperation::shuffle, mask, value, source, width, site);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned distance, int width = 32, Site site = Site::current()) {
  return executor::shuffle_value(executor::WarpOperation::shuffle_up, mask, value, static_cast<int>(distance),
                                 width, site);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned distance, int width = 32, Site site = Site::current()) {
  return executor::shuffle_value(executor::WarpOperation::shuffle_down, mask, value,
                                 static_cast<int>(distance), width, site);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32, Site site = Site::current()) {
  return executor::shuffle_value(executor::WarpOperation::shuffle_xor, mask, value, lane_mask, width, site);
}

#define ATELIER_WARP_FUNCTION(name, operation, Result, Value)                                  \
  inline Result name(unsigned mask, Value value, Site site = Site::current()) {                \
    return static_cast<Result>(executor::warp_value(executor::WarpOperation::operation, mask,  \
                                                    static_cast<std::uint32_t>(value), site)); \
  }
ATELIER_WARP_FUNCTION(__ballot_sync, ballot, unsigned, int)
ATELIER_WARP_FUNCTION(__any_sync, any, int, int)
ATELIER_WARP_FUNCTION(__all_sync, all, int, int)
ATELIER_WARP_FUNCTION(__match_any_sync, match_any, unsigned, unsigned)
ATELIER_WARP_FUNCTION(__reduce_add_sync, add, int, int)
ATELIER_WARP_FUNCTION(__reduce_add_sync, add, unsigned, unsigned)
ATELIER_WARP_FUNCTION(__reduce_min_sync, minimum_signed, int, int)
ATELIER_WARP_FUNCTION(__reduce_max_sync, maximum_signed, int, int)
ATELIER_WARP_FUNCTION(__reduce_min_sync, minimum_unsigned, unsigned, unsigned)
ATELIER_WARP_FUNCTION(__reduce_max_sync, maximum_unsigned, unsigned, unsigned)
ATELIER_WARP_FUNCTION(__reduce_and_sync, bit_and, unsigned, unsigned)
ATELIER_WARP_FUNCTION(__reduce_or_sync, bit_or, unsigned, unsigned)
ATELIER_WARP_FUNCTION(__reduce_xor_sync, bit_xor, unsigned, unsigned)
#undef ATELIER_WARP_FUNCTION
/// Only the caller: what CUDA allows and what breaks code that expects more.
inline unsigned __activemask() {
  return 1U << executor::lane_index();
}

// Atomics and fences.
namespace executor {
template <class T, class Change>
T atomic_update(T* address, Change change) {
  maybe_yield();
  const std::atomic_ref<T> object(*address);
  T old = object.load(std::memory_order_relaxed);
  while (!object.compare_exchange_weak(old, change(old), std::memory_order_relaxed)) {
  }
  return old;
}
}  // namespace executor
template <class T>
T atomicAdd(T* address, std::type_identity_t<T> value) {
  executor::maybe_yield();
  return std::atomic_ref<T>(*address).fetch_add(value, std::memory_order_relaxed);
}
template <class T>
T atomicSub(T* address, std::type_identity_t<T> value) {
  executor::maybe_yield();
  return std::atomic_ref<T>(*address).fetch_sub(value, std::memory_order_relaxed);
}
template <class T>
T atomicExch(T* address, std::type_identity_t<T> value) {
  executor::maybe_yield();
  return std::atomic_ref<T>(*address).exchange(value, std::memory_order_relaxed);
}
template <class T>
T atomicAnd(T* address, std::type_identity_t<T> value) {
  executor::maybe_yield();
  return std::atomic_ref<T>(*address).fetch_and(value, std::memory_order_relaxed);
}
template <class T>
T atomicOr(T* address, std::type_identity_t<T> value) {
  executor::maybe_yield();
  return std::atomic_ref<T>(*address).fetch_or(value, std::memory_order_relaxed);
}
template <class T>
T atomicXor(T* address, std::type_identity_t<T> value) {
  executor::maybe_yield();
  return std::atomic_ref<T>(*address).fetch_xor(value, std::memory_order_relaxed);
}
template <class T>
T atomicCAS(T* address, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
  executor::maybe_yield();
  std::atomic_ref<T>(*address).compare_exchange_strong(expected, value, std::memory_order_relaxed);
  return expected;
}
template <class T>
T atomicMin(T* address, std::type_identity_t<T> value) {
  return executor::atomic_update(address, [value](T old) { return value < old ? value : old; });
}
template <class T>
T atomicMax(T* address, std::type_identity_t<T> value) {
  return executor::atomic_update(address, [value](T old) { return old < value ? value : old; });
}
inline unsigned atomicInc(unsigned* address, unsigned limit) {
  return executor::atomic_update(address, [limit](unsigned old) { return old >= limit ? 0U : old + 1; });
}
inline unsigned atomicDec(unsigned* address, unsigned limit) {
  return executor::atomic_update(address,
                                 [limit](unsigned old) { return old == 0 || old > limit ? limit : old - 1; });
}
inline void __threadfence() {
  executor::memory_fence();
}
inline void __threadfence_block() {
  executor::memory_fence();
}
inline void __threadfence_system() {
  executor::memory_fence();
}
inline void __nanosleep(unsigned) {
  executor::maybe_yield();
}
[[noreturn]] inline void __trap(Site site = Site::current()) {
  executor::fail("__trap()", site);
}

// Loads and stores with cache hints.
template <class T>
T __ldg(const T* address) {
  return *address;
}
template <class T>
T __ldca(const T* address) {
  return *address;
}
template <class T>
T __ldcg(const T* address) {
  return *address;
}
template <class T>
T __ldcs(const T* address) {
  return *address;
}
template <class T>
void __stcg(T* address, std::type_identity_t<T> value) {
  *address = value;
}
template <class T>
void __stcs(T* address, std::type_identity_t<T> value) {
  *address = value;
}

// Mathematics. The fast functions are the host's accurate ones: compare with tolerances, never bit by bit.
inline float __expf(float x) {
  return std::exp(x);
}
inline float __exp10f(float x) {
  return std::pow(10.0F, x);
}
inline float __logf(float x) {
  return std::log(x);
}
inline float __log2f(float x) {
  return std::log2(x);
}
inline float __sinf(float x) {
  return std::sin(x);
}
inline float __cosf(float x) {
  return std::cos(x);
}
inline float __tanf(float x) {
  return std::tan(x);
}
inline float __powf(float x, float y) {
  return std::pow(x, y);
}
inline void __sincosf(float x, float* sine, float* cosine) {
  *sine = std::sin(x);
  *cosine = std::cos(x);
}
inline void sincosf(float x, float* sine, float* cosine) {
  __sincosf(x, sine, cosine);
}
inline void sincospif(float x, float* sine, float* cosine) {
  const double angle = 3.14159265358979323846 * static_cast<double>(x);
  *sine = static_cast<float>(std::sin(angle));
  *cosine = static_cast<float>(std::cos(angle));
}
inline float __fdividef(float x, float y) {
  return x / y;
}
inline float __fadd_rn(float x, float y) {
  return x + y;
}
inline float __fsub_rn(float x, float y) {
  return x - y;
}
inline float __fmul_rn(float x, float y) {
  return x * y;
}
inline float __fdiv_rn(float x, float y) {
  return x / y;
}
inline float __fmaf_rn(float x, float y, float z) {
  return std::fma(x, y, z);
}
inline float __frcp_rn(float x) {
  return 1.0F / x;
}
inline float __fsqrt_rn(float x) {
  return std::sqrt(x);
}
inline float __frsqrt_rn(float x) {
  return static_cast<float>(1.0 / std::sqrt(static_cast<double>(x)));
}
inline double __dadd_rn(double x, double y) {
  return x + y;
}
inline double __dmul_rn(double x, double y) {
  return x * y;
}
inline double __fma_rn(double x, double y, double z) {
  return std::fma(x, y, z);
}
inline float rsqrtf(float x) {
  return 1.0F / std::sqrt(x);
}
inline double rsqrt(double x) {
  return 1.0 / std::sqrt(x);
}
inline float __saturatef(float x) {
  return x > 0.0F ? (x < 1.0F ? x : 1.0F) : 0.0F;
}  // NaN gives 0
template <class A, class B>
requires(std::is_arithmetic_v<A>&& std::is_arithmetic_v<B>) constexpr std::common_type_t<A, B> min(A a, B b) {
  using C = std::common_type_t<A, B>;
  return static_cast<C>(b) < static_cast<C>(a) ? static_cast<C>(b) : static_cast<C>(a);
}
template <class A, class B>
requires(std::is_arithmetic_v<A>&& std::is_arithmetic_v<B>) constexpr std::common_type_t<A, B> max(A a, B b) {
  using C = std::common_type_t<A, B>;
  return static_cast<C>(a) < static_cast<C>(b) ? static_cast<C>(b) : static_cast<C>(a);
}

// Conversions and integer functions.
inline int __float_as_int(float x) {
  return std::bit_cast<int>(x);
}
inline unsigned __float_as_uint(float x) {
  return std::bit_cast<unsigned>(x);
}
inline float __int_as_float(int x) {
  return std::bit_cast<float>(x);
}
inline float __uint_as_float(unsigned x) {
  return std::bit_cast<float>(x);
}
inline long long __double_as_longlong(double x) {
  return std::bit_cast<long long>(x);
}
inline double __longlong_as_double(long long x) {
  return std::bit_cast<double>(x);
}
inline int __float2int_rn(float x) {
  return static_cast<int>(std::nearbyint(x));
}
inline int __float2int_rz(float x) {
  return static_cast<int>(x);
}
inline int __float2int_rd(float x) {
  return static_cast<int>(std::floor(x));
}
inline unsigned __float2uint_rn(float x) {
  return static_cast<unsigned>(std::nearbyint(x));
}
inline unsigned __float2uint_rz(float x) {
  return static_cast<unsigned>(x);
}
inline float __int2float_rn(int x) {
  return static_cast<float>(x);
}
inline float __uint2float_rn(unsigned x) {
  return static_cast<float>(x);
}
inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>((static_cast<std::uint64_t>(a) * b) >> 32);
}
inline int __popc(unsigned x) {
  return std::popcount(x);
}
inline int __popcll(unsigned long long x) {
  return std::popcount(x);
}
inline int __clz(int x) {
  return std::countl_zero(static_cast<unsigned>(x));
}
inline int __clzll(long long x) {
  return std::countl_zero(static_cast<unsigned long long>(x));
}
inline int __ffs(int x) {
  return x != 0 ? std::countr_zero(static_cast<unsigned>(x)) + 1 : 0;
}
inline unsigned __brev(unsigned x) {
  unsigned result = 0;
  for (int i = 0; i < 32; ++i) result |= ((x >> i) & 1U) << (31 - i);
  return result;
}

}  // namespace atelier::simt
