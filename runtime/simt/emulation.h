#pragma once

// The host compiler's side of runtime/kernel.cuh: CUDA's names as ordinary C++ in namespace atelier::simt.
// Only words that C++ has no other way to say are macros.
#include <cuda_fp16.h>  // NVIDIA's own host implementation of half precision
#include <vector_functions.h>
#include <vector_types.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <tuple>
#include <type_traits>
#include <utility>

#include "runtime/simt/builtins.h"
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
inline DeviceLimits device_limits(Device) {
  const Options now = options();
  return {now.multiprocessors, now.threads_per_multiprocessor, now.shared_bytes_per_block,
          now.shared_bytes_per_multiprocessor};
}
inline DeviceLimits device_limits(const Stream& stream) {
  return device_limits(stream.device());
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
// Packets: no block waits for another's, a barrier of the grid stands between sending and receiving.
inline void send_packet(uint4* slot, uint4 packet) {
  executor::send_packet(slot, &packet);
}
inline void packets_sent(Site site = Site::current()) {
  executor::packet_barrier(site);
}
template <int count>
void receive_packets(const uint4* const (&slot)[count], unsigned number, uint4 (&packet)[count],
                     Site site = Site::current()) {
  for (int i = 0; i < count; ++i) {
    packet[i] = uint4{0, 0, 0, number};
    if (slot[i] != nullptr) executor::receive_packet(slot[i], &packet[i], number, site);
  }
}
inline float square_root_approximate(float x) {
  return std::sqrt(x);
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

}  // namespace atelier::simt
