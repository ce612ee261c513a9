#pragma once

// nvcc's side of runtime/kernel.cuh: launches, and a named wrapper for everything that C++ cannot say. asm
// stands in this file only.
#include <cooperative_groups.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <tuple>
#include <utility>

#include "runtime/error.h"
#include "runtime/stream.h"

#define ATELIER_SHARED(T, name, ...) __shared__ T name __VA_ARGS__
#define ATELIER_DYNAMIC_SHARED(T, name)                                           \
  extern __shared__ __align__(128) unsigned char atelier_dynamic_shared_memory[]; \
  T* name = reinterpret_cast<T*>(atelier_dynamic_shared_memory)

namespace atelier::cuda {

/// Grid and block of a launch; `shared_bytes` of dynamic shared memory a block.
struct LaunchShape {
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes = 0;
};

/// What a device offers to a launch.
struct DeviceLimits {
  int multiprocessors = 0;
  int threads_per_multiprocessor = 0;
  std::size_t shared_bytes_per_block = 0;           // the opt-in limit, static and dynamic together
  std::size_t shared_bytes_per_multiprocessor = 0;  // 1 KiB a block of it is taken by the system
};

namespace detail {

/// Makes a stream's device current for the calling thread, and the former one again at the end.
class CurrentDevice {
 public:
  explicit CurrentDevice(int index) {
    if (cudaGetDevice(&former_) != cudaSuccess) former_ = index;
    changed_ = former_ != index && cudaSetDevice(index) == cudaSuccess;
  }
  ~CurrentDevice() {
    if (changed_) cudaSetDevice(former_);
  }
  CurrentDevice(const CurrentDevice&) = delete;
  CurrentDevice& operator=(const CurrentDevice&) = delete;

 private:
  int former_ = 0;
  bool changed_ = false;
};

inline std::string describe_shape(const LaunchShape& shape) {
  const auto extent = [](const dim3& size) {
    return std::to_string(size.x) + "x" + std::to_string(size.y) + "x" + std::to_string(size.z);
  };
  return "grid " + extent(shape.grid) + ", block " + extent(shape.block) + ", " +
         std::to_string(shape.shared_bytes) + " bytes of dynamic shared memory";
}

inline void check_launch(cudaError_t error, const char* name, const LaunchShape& shape,
                         const Stream& stream) {
  if (error == cudaSuccess) return;
  throw ExecutionError("kernel '" + std::string(name) + "' on " + stream.device().name() + " (" +
                       describe_shape(shape) + "): " + cudaGetErrorString(error));
}

inline void check_query(cudaError_t error, const char* what, Device device) {
  if (error != cudaSuccess)
    throw ExecutionError(std::string(what) + " on " + device.name() + ": " + cudaGetErrorString(error));
}

inline void require_grid(const char* name, const LaunchShape& shape, const Stream& stream) {
  const auto empty = [](const dim3& size) { return size.x == 0 || size.y == 0 || size.z == 0; };
  if (empty(shape.grid) || empty(shape.block))
    throw ExecutionError("kernel '" + std::string(name) + "' on " + stream.device().name() + " (" +
                         describe_shape(shape) +
                         "): the grid or the block is empty; the caller must not launch");
}

/// Blocks may use more than 48 KiB of dynamic shared memory only after the kernel has been told so.
template <class... Parameters>
void allow_shared_memory(const char* name, void (*kernel)(Parameters...), const LaunchShape& shape,
                         const Stream& stream) {
  constexpr std::size_t kWithoutAsking = 48 * 1024;
  if (shape.shared_bytes <= kWithoutAsking) return;
  if (shape.shared_bytes > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    check_launch(cudaErrorInvalidValue, name, shape, stream);
  check_launch(
      cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                           static_cast<int>(shape.shared_bytes)),
      name, shape, stream);
}

inline int device_attribute(cudaDeviceAttr attribute, Device device) {
  int value = 0;
  check_query(cudaDeviceGetAttribute(&value, attribute, device.index()), "cudaDeviceGetAttribute", device);
  return value;
}

}  // namespace detail

/// Queues `kernel` on the stream. Arguments are converted to the kernel's parameter types, by value. `name`
/// is a string literal for messages. Throws ExecutionError with name, shape and device when the launch is
/// refused (an empty grid included); failures of the running kernel surface at the next synchronising call.
template <class... Parameters, class... Arguments>
void launch(const char* name, Stream& stream, void (*kernel)(Parameters...), LaunchShape shape,
            Arguments&&... arguments) {
  static_assert(sizeof...(Parameters) == sizeof...(Arguments),
                "as many arguments as the kernel has parameters");
  detail::require_grid(name, shape, stream);
  const detail::CurrentDevice current(stream.device().index());
  detail::allow_shared_memory(name, kernel, shape, stream);
  kernel<<<shape.grid, shape.block, shape.shared_bytes, static_cast<cudaStream_t>(stream.native())>>>(
      static_cast<Parameters>(std::forward<Arguments>(arguments))...);
  detail::check_launch(cudaGetLastError(), name, shape, stream);
}

/// As launch(); all blocks run at once, so that grid_sync() may be called. Throws ExecutionError when they
/// cannot all be resident (see max_cooperative_blocks).
template <class... Parameters, class... Arguments>
void launch_cooperative(const char* name, Stream& stream, void (*kernel)(Parameters...), LaunchShape shape,
                        Arguments&&... arguments) {
  static_assert(sizeof...(Parameters) == sizeof...(Arguments),
                "as many arguments as the kernel has parameters");
  detail::require_grid(name, shape, stream);
  const detail::CurrentDevice current(stream.device().index());
  detail::allow_shared_memory(name, kernel, shape, stream);
  std::tuple<Parameters...> values(static_cast<Parameters>(std::forward<Arguments>(arguments))...);
  std::apply(
      [&](auto&... value) {
        void* pointers[] = {static_cast<void*>(&value)..., nullptr};
        detail::check_launch(cudaLaunchCooperativeKernel(reinterpret_cast<const void*>(kernel), shape.grid,
                                                         shape.block, pointers, shape.shared_bytes,
                                                         static_cast<cudaStream_t>(stream.native())),
                             name, shape, stream);
      },
      values);
}

/// Limits of a device. Throws ExecutionError.
inline DeviceLimits device_limits(Device device) {
  DeviceLimits limits;
  limits.multiprocessors = detail::device_attribute(cudaDevAttrMultiProcessorCount, device);
  limits.threads_per_multiprocessor =
      detail::device_attribute(cudaDevAttrMaxThreadsPerMultiProcessor, device);
  limits.shared_bytes_per_block =
      static_cast<std::size_t>(detail::device_attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, device));
  limits.shared_bytes_per_multiprocessor =
      static_cast<std::size_t>(detail::device_attribute(cudaDevAttrMaxSharedMemoryPerMultiprocessor, device));
  return limits;
}
inline DeviceLimits device_limits(const Stream& stream) {
  return device_limits(stream.device());
}

/// The most blocks of `kernel` that can be resident at once: the largest grid of a cooperative launch.
template <class... Parameters>
int max_cooperative_blocks(const char* name, const Stream& stream, void (*kernel)(Parameters...), dim3 block,
                           std::size_t shared_bytes = 0) {
  const LaunchShape shape{dim3(1), block, shared_bytes};
  const detail::CurrentDevice current(stream.device().index());
  detail::allow_shared_memory(name, kernel, shape, stream);
  int per_multiprocessor = 0;
  detail::check_launch(
      cudaOccupancyMaxActiveBlocksPerMultiprocessor(
          &per_multiprocessor, kernel, static_cast<int>(block.x * block.y * block.z), shared_bytes),
      name, shape, stream);
  return per_multiprocessor * detail::device_attribute(cudaDevAttrMultiProcessorCount, stream.device());
}

/// Barrier of all threads of a cooperative launch; what was written before it is seen by all after it.
__device__ inline void grid_sync() {
  cooperative_groups::this_grid().sync();
}

/// Starts copying 16 bytes from global to shared memory; both addresses 16-byte aligned.
__device__ inline void cp_async_16(void* shared, const void* global) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(
                   static_cast<unsigned>(__cvta_generic_to_shared(shared))),
               "l"(global)
               : "memory");
}
/// Closes a group of copies of the calling thread.
__device__ inline void cp_async_commit() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}
/// Waits until at most N of the calling thread's latest groups are still under way.
template <int N>
__device__ inline void cp_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

/// A float rounded to TF32 (10 bits of mantissa, ties away from zero), as mma_m16n8k8_tf32 takes it.
__device__ inline std::uint32_t to_tf32(float x) {
  std::uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
  return bits;
}

/// D = A B + C on the tensor cores, a warp together: A 16x8 row-major, B 8x8 column-major, C and D 16x8. With
/// g = lane / 4 and t = lane % 4: a = {A[g][t], A[g+8][t], A[g][t+4], A[g+8][t+4]}, b = {B[t][g], B[t+4][g]},
/// c and d = {[g][2t], [g][2t+1], [g+8][2t], [g+8][2t+1]}.
__device__ inline void mma_m16n8k8_tf32(float (&d)[4], const std::uint32_t (&a)[4],
                                        const std::uint32_t (&b)[2], const float (&c)[4]) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%10,%11,%12,%13};"
      : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "f"(c[0]), "f"(c[1]), "f"(c[2]),
        "f"(c[3]));
}

/// D = A B + C on the tensor cores, a warp together: A 16x16 row-major, B 16x8 column-major in half
/// precision, C and D 16x8 in float. a = {A[g][2t..2t+1], A[g+8][2t..], A[g][2t+8..], A[g+8][2t+8..]}, b =
/// {B[2t..2t+1][g], B[2t+8..2t+9][g]}, two halves a register, the lower index in the lower half.
__device__ inline void mma_m16n8k16_f16(float (&d)[4], const std::uint32_t (&a)[4],
                                        const std::uint32_t (&b)[2], const float (&c)[4]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%10,%11,%12,%13};"
      : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "f"(c[0]), "f"(c[1]), "f"(c[2]),
        "f"(c[3]));
}

/// Loads four 8x8 matrices of 16-bit elements from shared memory, a warp together. Lane i gives the address
/// of row i % 8 of matrix i / 8 (16-byte aligned); lane l receives elements 2(l%4) and 2(l%4)+1 of row l / 4
/// of each matrix.
__device__ inline void ldmatrix_x4(std::uint32_t (&result)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(result[0]), "=r"(result[1]), "=r"(result[2]), "=r"(result[3])
               : "r"(static_cast<unsigned>(__cvta_generic_to_shared(row)))
               : "memory");
}

/// Sends a packet to the other blocks of a cooperative launch: 16 bytes, the last word its number, which
/// tells it from what the slot held before. One store, seen whole or not at all; the slot is 16-byte aligned.
__device__ inline void send_packet(uint4* slot, uint4 packet) {
  asm volatile(
      "{ .reg .b128 whole; .reg .b64 low, high; mov.b64 low, {%1, %2}; mov.b64 high, {%3, %4};"
      " mov.b128 whole, {low, high}; st.relaxed.gpu.global.b128 [%0], whole; }" ::"l"(slot),
      "r"(packet.x), "r"(packet.y), "r"(packet.z), "r"(packet.w)
      : "memory");
}

/// Comes between the packets that a block sends and those that it receives; called by all its threads.
/// Nothing here: who receives waits for the packet itself.
__device__ inline void packets_sent() {}

namespace detail {

__device__ inline uint4 load_packet(const uint4* slot) {
  uint4 packet;
  asm volatile(
      "{ .reg .b128 whole; .reg .b64 low, high; ld.relaxed.gpu.global.b128 whole, [%4];"
      " mov.b128 {low, high}, whole; mov.b64 {%0, %1}, low; mov.b64 {%2, %3}, high; }"
      : "=r"(packet.x), "=r"(packet.y), "=r"(packet.z), "=r"(packet.w)
      : "l"(slot)
      : "memory");
  return packet;
}

__device__ inline std::uint64_t nanoseconds() {
  std::uint64_t time;
  asm volatile("mov.u64 %0, %globaltimer;" : "=l"(time));
  return time;
}

// A packet that does not come within kPacketPatience ends the launch with an error.
__device__ inline uint4 await_packet(const uint4* slot, unsigned number) {
  constexpr std::uint64_t kPacketPatience = 4'000'000'000;
  constexpr unsigned kLooksBetween = 1U << 12;
  std::uint64_t start = 0;
  for (unsigned looks = 1;; ++looks) {
    const uint4 packet = load_packet(slot);
    if (packet.w == number) return packet;
    if (looks % kLooksBetween != 0) continue;
    if (start == 0) start = nanoseconds();
    if (nanoseconds() - start > kPacketPatience) __trap();
  }
}

}  // namespace detail

/// Waits for the packets called `number` in `count` slots; a null slot gives zeros. A packet that has not
/// come after four seconds ends the launch with an error.
template <int count>
__device__ inline void receive_packets(const uint4* const (&slot)[count], unsigned number,
                                       uint4 (&packet)[count]) {
#pragma unroll
  for (int i = 0; i < count; ++i)  // all loads are under way before the first is looked at
    packet[i] = slot[i] != nullptr ? detail::load_packet(slot[i]) : make_uint4(0, 0, 0, number);
#pragma unroll
  for (int i = 0; i < count; ++i)
    if (packet[i].w != number) packet[i] = detail::await_packet(slot[i], number);
}

/// The square root by the special function unit: relative error at most 2^-22; subnormal numbers are zero.
__device__ inline float square_root_approximate(float x) {
  float y;
  asm("sqrt.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

/// 2^x by the special function unit: relative error about 2^-22, subnormal inputs and results are zero.
__device__ inline float exp2_approximate(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

/// 1 / x by the special function unit: at most 1 ulp off, subnormal inputs and results are zero.
__device__ inline float reciprocal_approximate(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

}  // namespace atelier::cuda
