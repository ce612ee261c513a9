#pragma once

#include "runtime/device.h"

// ATELIER_DISPATCH(stream, call(arguments)) runs the implementation of `call` for the stream's device: the
// function of that name in atelier::cpu, atelier::cuda or atelier::simt. Devices that this build lacks cannot
// be the device of a stream, since no Stream can be made for them.
#if defined(ATELIER_WITH_CUDA)
#define ATELIER_CASE_CUDA(call)     \
  case ::atelier::DeviceKind::cuda: \
    return ::atelier::cuda::call;
#else
#define ATELIER_CASE_CUDA(call)
#endif
#if defined(ATELIER_WITH_SIMT)
#define ATELIER_CASE_SIMT(call)     \
  case ::atelier::DeviceKind::simt: \
    return ::atelier::simt::call;
#else
#define ATELIER_CASE_SIMT(call)
#endif

#define ATELIER_DISPATCH(stream, call)                                                      \
  switch ((stream).device().kind()) {                                                       \
    ATELIER_CASE_CUDA(call)                                                                 \
    ATELIER_CASE_SIMT(call)                                                                 \
    case ::atelier::DeviceKind::cpu:                                                        \
      return ::atelier::cpu::call;                                                          \
    default:                                                                                \
      throw ::atelier::DeviceUnavailable((stream).device().name() + ": not in this build"); \
  }

// ATELIER_DECLARE_BACKENDS(declaration) declares one launcher in each backend's namespace.
#define ATELIER_DECLARE_BACKENDS(...) \
  namespace atelier::cpu {            \
  __VA_ARGS__;                        \
  }                                   \
  namespace atelier::cuda {           \
  __VA_ARGS__;                        \
  }                                   \
  namespace atelier::simt {           \
  __VA_ARGS__;                        \
  }
