#include "tests/simt/kernels/semantics.h"

#include <stdexcept>

#include "runtime/buffer.h"
#include "runtime/kernel.cuh"

namespace atelier::simt {
namespace {

template <class T>
Buffer<T> zeros(Stream& stream, std::int64_t count) {
  Buffer<T> buffer(stream, count);
  const std::vector<T> values(static_cast<std::size_t>(count));
  upload(stream, buffer.view(), std::span<const T>(values));
  return buffer;
}
template <class T>
Buffer<T> to_device(Stream& stream, const std::vector<T>& values) {
  Buffer<T> buffer(stream, static_cast<std::int64_t>(values.size()));
  upload(stream, buffer.view(), std::span<const T>(values));
  return buffer;
}
template <class T>
std::vector<T> to_host(Stream& stream, const Buffer<T>& buffer) {
  return download(stream, buffer.view());
}

__global__ void shuffle_kernel(int* out, Shuffle kind, int argument, int width) {
  const int value = static_cast<int>(threadIdx.x) * 10;
  const auto distance = static_cast<unsigned>(argument);
  int result = 0;
  if (kind == Shuffle::index) result = __shfl_sync(~0U, value, argument, width);
  if (kind == Shuffle::up) result = __shfl_up_sync(~0U, value, distance, width);
  if (kind == Shuffle::down) result = __shfl_down_sync(~0U, value, distance, width);
  if (kind == Shuffle::exclusive_or) result = __shfl_xor_sync(~0U, value, argument, width);
  out[threadIdx.x] = result;
}

__global__ void votes_kernel(unsigned* ballot, unsigned* match, unsigned* minimum, unsigned* sum,
                             unsigned* count, unsigned* any_all) {
  const unsigned thread = threadIdx.x;
  const int lane = static_cast<int>(thread % 32);
  ballot[thread] = __ballot_sync(~0U, lane % 3 == 0);
  match[thread] = __match_any_sync(~0U, static_cast<unsigned>(lane % 4));
  minimum[thread] = static_cast<unsigned>(__reduce_min_sync(~0U, lane - 7));
  sum[thread] = __reduce_add_sync(~0U, static_cast<unsigned>(lane));
  count[thread] = static_cast<unsigned>(__syncthreads_count(thread < 37));
  const int any = __any_sync(~0U, lane == 40);
  const int all = __all_sync(~0U, lane < 32);
  any_all[thread] = static_cast<unsigned>(any | all << 1);
}

template <int N>
__global__ void shared_reversal_kernel(int* out) {
  ATELIER_SHARED(int, a, [N]);
  ATELIER_SHARED(int, b, [N][2]);
  const int thread = static_cast<int>(threadIdx.x);
  a[thread] = thread;
  b[thread][1] = 2 * thread;
  __syncthreads();
  out[static_cast<int>(blockIdx.x) * N + thread] = a[N - 1 - thread] + b[N - 1 - thread][1];
}

__global__ void dynamic_reversal_kernel(int* out, int count) {
  ATELIER_DYNAMIC_SHARED(int, values);
  for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x)) values[i] = i;
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x))
    out[i] = values[count - 1 - i];
}

// Fragments placed by another description than the executor's: layouts as strides over (lane % 4, lane / 4,
// register), as NVIDIA's CUTLASS writes them (mma_traits_sm80), with (row, depth) at row + 16 * depth.
__global__ void tf32_product_kernel(const float* a, const float* b, float* c) {
  const int t0 = static_cast<int>(threadIdx.x) % 4;
  const int t1 = static_cast<int>(threadIdx.x) / 4;
  std::uint32_t left[4];
  std::uint32_t right[2];
  for (int v = 0; v < 4; ++v) {
    const int place = t0 * 16 + t1 + v % 2 * 8 + v / 2 * 64;
    left[v] = to_tf32(a[place % 16 * 8 + place / 16]);
  }
  for (int v = 0; v < 2; ++v) {
    const int place = t0 * 8 + t1 + v * 32;
    right[v] = to_tf32(b[place / 8 * 8 + place % 8]);
  }
  float sum[4] = {};
  mma_m16n8k8_tf32(sum, left, right, sum);
  for (int v = 0; v < 4; ++v) {
    const int place = t0 * 32 + t1 + v % 2 * 16 + v / 2 * 8;
    c[place % 16 * 8 + place / 16] = sum[v];
  }
}

__global__ void f16_product_kernel(const float* a, const float* b, float* c) {
  const int t0 = static_cast<int>(threadIdx.x) % 4;
  const int t1 = static_cast<int>(threadIdx.x) / 4;
  __half left[8];
  __half right[4];
  for (int v = 0; v < 8; ++v) {
    const int place = t0 * 32 + t1 + v % 2 * 16 + v / 2 % 2 * 8 + v / 4 * 128;
    left[v] = __float2half(a[place % 16 * 16 + place / 16]);
  }
  for (int v = 0; v < 4; ++v) {
    const int place = t0 * 16 + t1 + v % 2 * 8 + v / 2 * 64;
    right[v] = __float2half(b[place / 8 * 8 + place % 8]);
  }
  std::uint32_t left_registers[4];
  std::uint32_t right_registers[2];
  std::memcpy(left_registers, left, sizeof left_registers);
  std::memcpy(right_registers, right, sizeof right_registers);
  float sum[4] = {};
  mma_m16n8k16_f16(sum, left_registers, right_registers, sum);
  for (int v = 0; v < 4; ++v) {
    const int place = t0 * 32 + t1 + v % 2 * 16 + v / 2 * 8;
    c[place % 16 * 8 + place / 16] = sum[v];
  }
}

__global__ void half_warp_kernel(int* out) {
  const int thread = static_cast<int>(threadIdx.x);
  if (thread < 16) {
    out[thread] = __shfl_xor_sync(0x0000ffffU, thread, 1);
  } else {
    out[thread] = __shfl_xor_sync(0xffff0000U, thread, 2);
  }
}

__device__ int fibonacci(int n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}
__global__ void recursion_kernel(int* out, int depth) {
  out[threadIdx.x] = fibonacci(depth);
  __syncthreads();
}

__global__ void caught_kernel(int* out) {
  try {
    if (threadIdx.x == 5) throw 7;
  } catch (int value) {
    out[0] = value;
  }
  __syncthreads();
}

__global__ void grid_rounds_kernel(int* even, int* odd, int rounds) {
  const int thread = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const int threads = static_cast<int>(gridDim.x * blockDim.x);
  ATELIER_SHARED(int, kept, [64]);
  kept[threadIdx.x] = thread;
  for (int round = 0; round < rounds; ++round) {
    int* to = round % 2 == 0 ? even : odd;
    const int* from = round % 2 == 0 ? odd : even;
    to[thread] = (round == 0 ? thread : from[(thread + 1) % threads]) + 1;
    grid_sync();
  }
  if (kept[threadIdx.x] != thread) even[0] = odd[0] = -1000;
}

__global__ void early_exit_kernel(int* out, int active) {
  if (static_cast<int>(threadIdx.x) >= active) return;
  out[threadIdx.x] = 1;
  __syncthreads();
}

__global__ void spin_within_block_kernel(int* flag, int* out) {
  if (threadIdx.x == 0) {
    while (atomicAdd(flag, 0) == 0) {
    }
    out[0] = 1;
  }
  if (threadIdx.x == 63) atomicExch(flag, 1);
}

__global__ void atomics_kernel(int* out, unsigned* wrapped) {
  const int thread = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  atomicAdd(&out[0], thread);
  atomicMax(&out[1], thread);
  atomicMin(&out[2], -thread);
  atomicInc(wrapped, 9);
}

__global__ void throwing_kernel() {
  if (threadIdx.x == 5) throw std::runtime_error("boom");
  __syncthreads();
}
__global__ void two_barriers_kernel() {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}
__global__ void missing_lanes_kernel(int* out) {
  if (threadIdx.x % 32 < 30) {
    out[threadIdx.x] = __shfl_down_sync(~0U, 1, 1);
  } else {
    __syncthreads();
  }
}
__global__ void shared_overrun_kernel(int place) {
  ATELIER_SHARED(int, ten, [10]);
  int* values = ten;
  values[place] = 1;
  __syncthreads();
}
__global__ void static_kernel(int* out) {
  ATELIER_SHARED(char, first, [40 * 1024]);
  ATELIER_SHARED(char, second, [9 * 1024]);
  first[0] = second[0] = 1;
  out[0] = first[0] + second[0];
}
__global__ void cooperative_static_kernel(int* out) {
  ATELIER_SHARED(char, scratch, [40 * 1024]);
  scratch[threadIdx.x] = 1;
  grid_sync();
  if (threadIdx.x == 0) out[blockIdx.x] = scratch[0];
}
__global__ void spinning_kernel(const volatile int* flag) {
  __syncthreads();
  if (threadIdx.x == 3) {
    while (*flag == 0) {
    }
  }
  __syncthreads();
}
__global__ void spinning_on_atomic_kernel(int* flag) {
  while (atomicAdd(flag, 0) == 0) {
  }
}
__global__ void grid_sync_kernel() {
  grid_sync();
}
// Blocks tell each other ten times their number; a thread's shared number is read by another one.
__global__ void packet_kernel(uint4* slots, int* out, int silent_block, bool barrier) {
  ATELIER_SHARED(int, numbers, [64]);
  numbers[threadIdx.x] = static_cast<int>(threadIdx.x);
  if (threadIdx.x == 0 && static_cast<int>(blockIdx.x) != silent_block)
    send_packet(slots + blockIdx.x, make_uint4(10 * blockIdx.x, 0, 0, 5));
  if (barrier) __syncthreads();
  packets_sent();
  int sum = numbers[63 - threadIdx.x];
  for (unsigned block = 0; block < gridDim.x; block += 2) {
    const uint4* const wanted[2] = {slots + block, block + 1 < gridDim.x ? slots + block + 1 : nullptr};
    uint4 packet[2];
    receive_packets(wanted, 5, packet);
    sum += static_cast<int>(packet[0].x + packet[1].x);
  }
  out[blockIdx.x * 64 + threadIdx.x] = sum;
}
__global__ void dynamic_kernel(int* out) {
  ATELIER_DYNAMIC_SHARED(int, values);
  out[0] = values[0];
}
__global__ void trap_kernel() {
  __trap();
}
__global__ void empty() {}
__global__ void nested_kernel(Stream* stream) {
  launch("inner", *stream, empty, LaunchShape{dim3(1), dim3(1)});
}
__global__ void increment_kernel(int* values, int count) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) values[i] += 1;
}
__global__ void last_block_kernel(const float* x, float* partial, unsigned* tickets, float* out, int count) {
  ATELIER_SHARED(bool, last, [1]);
  if (threadIdx.x == 0) {
    float sum = 0.0F;
    for (unsigned i = blockIdx.x; i < static_cast<unsigned>(count); i += gridDim.x) sum += x[i];
    partial[blockIdx.x] = sum;
    __threadfence();
    last[0] = atomicAdd(tickets, 1U) == gridDim.x - 1;
  }
  __syncthreads();
  if (last[0] && threadIdx.x == 0) {
    float sum = 0.0F;
    for (unsigned b = 0; b < gridDim.x; ++b) sum += partial[b];
    *out = sum;
  }
}

LaunchShape shape(unsigned blocks, unsigned threads, std::size_t shared_bytes = 0) {
  return {dim3(blocks), dim3(threads), shared_bytes};
}

}  // namespace

std::vector<int> shuffle(Stream& stream, Shuffle kind, int argument, int width) {
  const Buffer<int> out(stream, 64);
  launch("shuffle", stream, shuffle_kernel, shape(1, 64), out.data(), kind, argument, width);
  return to_host(stream, out);
}

Votes votes(Stream& stream) {
  std::vector<Buffer<unsigned>> out;
  for (int i = 0; i < 6; ++i) out.emplace_back(stream, 64);
  launch("votes", stream, votes_kernel, shape(1, 64), out[0].data(), out[1].data(), out[2].data(),
         out[3].data(), out[4].data(), out[5].data());
  return {to_host(stream, out[0]), to_host(stream, out[1]), to_host(stream, out[2]),
          to_host(stream, out[3]), to_host(stream, out[4]), to_host(stream, out[5])};
}

std::vector<int> shared_reversal(Stream& stream, int threads) {
  const Buffer<int> out(stream, 3 * threads);
  if (threads == 64) {
    launch("shared_reversal", stream, shared_reversal_kernel<64>, shape(3, 64), out.data());
  } else {
    launch("shared_reversal", stream, shared_reversal_kernel<32>, shape(3, 32), out.data());
  }
  return to_host(stream, out);
}

std::vector<int> dynamic_reversal(Stream& stream, int count) {
  const Buffer<int> out(stream, count);
  launch("dynamic_reversal", stream, dynamic_reversal_kernel,
         shape(1, 256, static_cast<std::size_t>(count) * sizeof(int)), out.data(), count);
  return to_host(stream, out);
}

std::vector<float> tf32_product(Stream& stream, const std::vector<float>& a, const std::vector<float>& b) {
  const auto left = to_device(stream, a);
  const auto right = to_device(stream, b);
  const Buffer<float> c(stream, 128);
  launch("tf32_product", stream, tf32_product_kernel, shape(1, 32), left.data(), right.data(), c.data());
  return to_host(stream, c);
}

std::vector<float> f16_product(Stream& stream, const std::vector<float>& a, const std::vector<float>& b) {
  const auto left = to_device(stream, a);
  const auto right = to_device(stream, b);
  const Buffer<float> c(stream, 128);
  launch("f16_product", stream, f16_product_kernel, shape(1, 32), left.data(), right.data(), c.data());
  return to_host(stream, c);
}

std::vector<int> half_warp_shuffles(Stream& stream) {
  const Buffer<int> out(stream, 32);
  launch("half_warp", stream, half_warp_kernel, shape(1, 32), out.data());
  return to_host(stream, out);
}

std::vector<int> recursion(Stream& stream, int depth) {
  const Buffer<int> out(stream, 64);
  launch("recursion", stream, recursion_kernel, shape(1, 64), out.data(), depth);
  return to_host(stream, out);
}

std::vector<int> caught_exception(Stream& stream) {
  const Buffer<int> out(stream, 1);
  launch("caught", stream, caught_kernel, shape(1, 64), out.data());
  return to_host(stream, out);
}

std::vector<int> grid_rounds(Stream& stream, int blocks, int rounds) {
  const Buffer<int> even(stream, blocks * 64);
  const Buffer<int> odd(stream, blocks * 64);
  launch_cooperative("grid_rounds", stream, grid_rounds_kernel, shape(static_cast<unsigned>(blocks), 64),
                     even.data(), odd.data(), rounds);
  return to_host(stream, rounds % 2 == 0 ? odd : even);
}

std::vector<int> early_exit(Stream& stream, int active) {
  const auto out = zeros<int>(stream, 64);
  launch("early_exit", stream, early_exit_kernel, shape(1, 64), out.data(), active);
  return to_host(stream, out);
}

std::vector<int> spin_within_block(Stream& stream) {
  const auto flag = zeros<int>(stream, 1);
  const auto out = zeros<int>(stream, 1);
  launch("spin_within_block", stream, spin_within_block_kernel, shape(1, 64), flag.data(), out.data());
  return to_host(stream, out);
}

std::vector<int> atomics(Stream& stream) {
  const auto out = zeros<int>(stream, 3);
  const auto wrapped = zeros<unsigned>(stream, 1);
  launch("atomics", stream, atomics_kernel, shape(5, 45), out.data(), wrapped.data());
  auto result = to_host(stream, out);
  result.push_back(static_cast<int>(to_host(stream, wrapped)[0]));
  return result;
}

void throwing(Stream& stream) {
  launch("throwing", stream, throwing_kernel, shape(2, 64));
}
void two_barriers(Stream& stream) {
  launch("two_barriers", stream, two_barriers_kernel, shape(1, 64));
}
void missing_lanes(Stream& stream) {
  const Buffer<int> out(stream, 64);
  launch("missing_lanes", stream, missing_lanes_kernel, shape(1, 64), out.data());
  stream.synchronize();
}
void shared_overrun(Stream& stream) {
  launch("shared_overrun", stream, shared_overrun_kernel, shape(1, 32), 11);
}
void too_much_static_shared(Stream& stream) {
  const Buffer<int> out(stream, 1);
  launch("too_much_static", stream, static_kernel, shape(1, 32), out.data());
  stream.synchronize();
}
void spinning(Stream& stream) {
  const auto flag = zeros<int>(stream, 1);
  launch("spinning", stream, spinning_kernel, shape(1, 64), flag.data());
  stream.synchronize();
}
void spinning_on_atomic(Stream& stream) {
  const auto flag = zeros<int>(stream, 1);
  launch("spinning_on_atomic", stream, spinning_on_atomic_kernel, shape(1, 64), flag.data());
  stream.synchronize();
}
void grid_sync_in_plain_launch(Stream& stream) {
  launch("not_cooperative", stream, grid_sync_kernel, shape(1, 64));
}
void packets_in_plain_launch(Stream& stream) {
  const auto slots = zeros<uint4>(stream, 1);
  const auto out = zeros<int>(stream, 64);
  launch("not_cooperative", stream, packet_kernel, shape(1, 64), slots.data(), out.data(), -1, true);
}
std::vector<int> packets(Stream& stream, int blocks, int silent_block, bool barrier) {
  const auto slots = zeros<uint4>(stream, blocks);
  const auto out = zeros<int>(stream, std::int64_t{blocks} * 64);
  launch_cooperative("packets", stream, packet_kernel, shape(static_cast<unsigned>(blocks), 64), slots.data(),
                     out.data(), silent_block, barrier);
  return to_host(stream, out);
}
void unasked_dynamic_shared(Stream& stream) {
  const Buffer<int> out(stream, 1);
  launch("unasked", stream, dynamic_kernel, shape(1, 32), out.data());
  stream.synchronize();
}
void trap(Stream& stream) {
  launch("trap", stream, trap_kernel, shape(1, 32));
}
void nested_launch(Stream& stream) {
  launch("nested", stream, nested_kernel, shape(1, 32), &stream);
}
void cooperative_static_shared(Stream& stream, int blocks) {
  const Buffer<int> out(stream, blocks);
  launch_cooperative("cooperative_static", stream, cooperative_static_kernel,
                     shape(static_cast<unsigned>(blocks), 64), out.data());
  stream.synchronize();
}
void empty_kernel(Stream& stream, unsigned grid, unsigned block, std::size_t shared_bytes, bool cooperative) {
  if (cooperative) {
    launch_cooperative("empty", stream, empty, shape(grid, block, shared_bytes));
  } else {
    launch("empty", stream, empty, shape(grid, block, shared_bytes));
  }
}
void last_block_reduction(Stream& stream) {
  const auto x = to_device(stream, std::vector<float>(1000, 1.0F));
  const Buffer<float> partial(stream, 16);
  const auto tickets = zeros<unsigned>(stream, 1);
  const Buffer<float> out(stream, 1);
  launch("last_block", stream, last_block_kernel, shape(16, 64), x.data(), partial.data(), tickets.data(),
         out.data(), 1000);
  if (to_host(stream, out)[0] != 1000.0F) throw Error("last_block: wrong sum");
}
void increment(Stream& stream, int* values, int count) {
  launch("increment", stream, increment_kernel, shape(static_cast<unsigned>((count + 63) / 64), 64), values,
         count);
}
int cooperative_blocks(Stream& stream, unsigned threads, std::size_t shared_bytes) {
  return max_cooperative_blocks("empty", stream, empty, dim3(threads), shared_bytes);
}

}  // namespace atelier::simt
