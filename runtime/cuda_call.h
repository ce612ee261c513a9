#pragma once

#include <cuda_runtime_api.h>

#include "runtime/device.h"

// How calls of the CUDA runtime are checked, and on which GPU they are made. Internal to runtime.

namespace atelier::detail {

/// Throws CaptureError for the errors of stream capture, else ExecutionError. Names the call, the error and
/// the device; clears the error where CUDA lets it be cleared.
[[noreturn]] void throw_cuda_error(cudaError_t code, const char* call, Device device);

inline void check_cuda(cudaError_t code, const char* call, Device device) {
  if (code != cudaSuccess) throw_cuda_error(code, call, device);
}

/// For destructors: an error is nobody's any more, and at shutdown the runtime may be gone already.
inline void ignore_cuda(cudaError_t code) noexcept {
  if (code != cudaSuccess) (void)cudaGetLastError();
}

/// Makes a GPU the current one of this thread and restores the former on the way out. Never throws: where
/// the device cannot be set, the calls that follow fail and say so.
class CurrentDevice {
 public:
  explicit CurrentDevice(Device device) noexcept {
    int current = -1;
    if (cudaGetDevice(&current) == cudaSuccess && current == device.index()) return;
    ignore_cuda(cudaSetDevice(device.index()));
    former_ = current;
  }
  ~CurrentDevice() {
    if (former_ >= 0) ignore_cuda(cudaSetDevice(former_));
  }
  CurrentDevice(const CurrentDevice&) = delete;
  CurrentDevice& operator=(const CurrentDevice&) = delete;

 private:
  int former_ = -1;  // negative: nothing to restore
};

/// The pool that this process takes a GPU's memory from; nullptr where the GPU has no memory pools. Freed
/// memory stays in it for reuse until an allocation fails.
[[nodiscard]] cudaMemPool_t memory_pool(Device device);

}  // namespace atelier::detail
