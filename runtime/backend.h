#pragma once

// One source, several compilers. A function that is defined in a header and compiled for more than one
// backend must not have the same symbol in two of them: the linker would keep one copy for all, and code
// built with AVX-512 (or by nvcc's host pass) would run where it must not. Such functions live in
//   namespace atelier { inline namespace ATELIER_CODE { … } }
// ATELIER_CODE is another name in each backend. Types and enumerations stay outside of it.
//
//   nvcc                         code_cuda     (launchers and kernels in namespace atelier::cuda)
//   g++ for the SIMT executor    code_simt     (the same sources, in namespace atelier::simt)
//   g++ -mavx512…, -mavx2, plain code_avx512, code_avx2, code_portable (kernels/cpu, see the build)
//   everything else              code_host
#if defined(__CUDACC__)
#define ATELIER_CODE code_cuda
#define ATELIER_DEVICE_NAMESPACE cuda
#elif defined(ATELIER_SIMT_CODE)
#define ATELIER_CODE code_simt
#define ATELIER_DEVICE_NAMESPACE simt
#elif defined(ATELIER_INSTRUCTION_SET)
#define ATELIER_CODE_JOIN_(a, b) a##b
#define ATELIER_CODE_JOIN(a, b) ATELIER_CODE_JOIN_(a, b)
#define ATELIER_CODE ATELIER_CODE_JOIN(code_, ATELIER_INSTRUCTION_SET)
#else
#define ATELIER_CODE code_host
#endif

#if defined(__CUDACC__)
#define ATELIER_HOST_DEVICE __host__ __device__
#else
#define ATELIER_HOST_DEVICE
#endif
