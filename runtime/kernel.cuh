#pragma once

// The only header of the executor that kernel sources include. One .cu file is compiled twice: by nvcc, with
// CUDA's own names, into namespace atelier::cuda; and by the host compiler (-DATELIER_SIMT_CODE), with the
// same names as ordinary C++ run by the SIMT executor, into namespace atelier::simt. Both give the kernel's
// author, in namespace atelier::ATELIER_DEVICE_NAMESPACE:
//
//   ATELIER_SHARED(T, name, [n]…);       static shared memory; a raw __shared__ does not compile for simt
//   ATELIER_DYNAMIC_SHARED(T, name);     T* name: the dynamic shared memory, 16-byte aligned at least
//   LaunchShape, launch, launch_cooperative, max_cooperative_blocks, DeviceLimits, device_limits
//   grid_sync()                          barrier of all threads of a cooperative launch
//   cp_async_16, cp_async_commit, cp_async_wait<N>
//   to_tf32, mma_m16n8k8_tf32, mma_m16n8k16_f16, ldmatrix_x4
//   send_packet, packets_sent, receive_packets: values from block to block of a cooperative launch
//   exp2_approximate, reciprocal_approximate, square_root_approximate
//
// and, on both sides, CUDA's built-ins: threadIdx and its kin, __syncthreads…, __syncwarp, shuffles, votes
// and warp reductions, atomics, __ldg and the load and store hints, bit casts, fast mathematics, float4 and
// half types. Kernels and device functions that use them live in that namespace. Rules for kernel code, and
// what the executor finds when they are broken: runtime/simt/README.md.
#include "runtime/backend.h"

#if defined(__CUDACC__)
#include "runtime/cuda_kernel.cuh"
#elif defined(ATELIER_SIMT_CODE)
#include "runtime/simt/emulation.h"
#else
#error \
    "runtime/kernel.cuh is for kernel sources: compile with nvcc, or with -DATELIER_SIMT_CODE for the executor"
#endif
