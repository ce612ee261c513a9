#include "runtime/device_cuda.h"

#include <fmt/format.h>

#include <map>
#include <mutex>

#include "runtime/cuda_call.h"

namespace atelier {

namespace {

constexpr int oldest_major = 8;  // compute capability that the kernels are built for

struct Probe {
  int count = 0;
  std::string reason;
};

std::string version_text(int version) {
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

std::string describe_failure(cudaError_t code) {
  switch (code) {
    case cudaErrorInsufficientDriver: {
      int driver = 0;
      (void)cudaDriverGetVersion(&driver);
      if (driver == 0) return "no NVIDIA driver was found on this machine";
      return fmt::format("the NVIDIA driver supports CUDA {}, this build needs {}: update the driver",
                         version_text(driver), version_text(CUDART_VERSION));
    }
    case cudaErrorNoDevice:
      return "an NVIDIA driver was found, but no GPU (is it hidden by CUDA_VISIBLE_DEVICES?)";
    case cudaErrorStubLibrary:
      return "libcuda.so.1 is the toolkit's stub, not an NVIDIA driver: take the stubs folder out of the "
             "library path";
    default:
      return fmt::format("cudaGetDeviceCount failed: {} ({})", cudaGetErrorString(code),
                         cudaGetErrorName(code));
  }
}

Probe probe_devices() {
  Probe result;
  int count = 0;  // left untouched when the call fails
  const cudaError_t code = cudaGetDeviceCount(&count);
  if (code != cudaSuccess) {
    (void)cudaGetLastError();
    result.reason = describe_failure(code);
    return result;
  }
  for (; result.count < count; ++result.count) {
    int major = 0;
    int minor = 0;
    (void)cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, result.count);
    (void)cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, result.count);
    if (major >= oldest_major) continue;
    if (result.count == 0)
      result.reason = fmt::format(
          "GPU 0 has compute capability {}.{}, {}.0 or newer is needed (CUDA_VISIBLE_DEVICES "
          "can put a newer GPU first)",
          major, minor, oldest_major);
    return result;
  }
  if (count == 0) result.reason = describe_failure(cudaErrorNoDevice);
  return result;
}

const Probe& probe() {
  static const Probe* const result = new Probe(probe_devices());  // outlives every static object
  return *result;
}

}  // namespace

std::string cuda_unavailable_reason() {
  return probe().reason;
}

int cuda_device_count() noexcept {
  try {
    return probe().count;
  } catch (...) {  // no memory for the reason: then none for a GPU either
    return 0;
  }
}

namespace detail {

namespace {

bool is_capture_error(cudaError_t code) {
  return code >= cudaErrorStreamCaptureUnsupported && code <= cudaErrorStreamCaptureWrongThread;
}

/// After these the GPU refuses this process everything.
bool is_final(cudaError_t code) {
  switch (code) {
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorECCUncorrectable:
      return true;
    default:
      return false;
  }
}

}  // namespace

void throw_cuda_error(cudaError_t code, const char* call, Device device) {
  (void)cudaGetLastError();
  const std::string message =
      fmt::format("{} failed on {}: {} ({}){}", call, device.name(), cudaGetErrorString(code),
                  cudaGetErrorName(code), is_final(code) ? "; this process cannot use the GPU any more" : "");
  if (is_capture_error(code)) throw CaptureError(message);
  throw ExecutionError(message);
}

cudaMemPool_t memory_pool(Device device) {
  static std::mutex mutex;
  static std::map<int, cudaMemPool_t>* const pools =
      new std::map<int, cudaMemPool_t>;  // outlives static buffers
  const std::lock_guard lock(mutex);
  const auto found = pools->find(device.index());
  if (found != pools->end()) return found->second;

  cudaMemPool_t pool = nullptr;
  int supported = 0;
  check_cuda(cudaDeviceGetAttribute(&supported, cudaDevAttrMemoryPoolsSupported, device.index()),
             "cudaDeviceGetAttribute", device);
  if (supported != 0) {
    cudaMemPoolProps properties = {};
    properties.allocType = cudaMemAllocationTypePinned;
    properties.handleTypes = cudaMemHandleTypeNone;
    properties.location.type = cudaMemLocationTypeDevice;
    properties.location.id = device.index();
    check_cuda(cudaMemPoolCreate(&pool, &properties), "cudaMemPoolCreate", device);
    std::uint64_t keep_all = ~std::uint64_t{0};
    check_cuda(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &keep_all),
               "cudaMemPoolSetAttribute", device);
  }
  pools->emplace(device.index(), pool);
  return pool;
}

MemorySize cuda_memory_size(Device device) {
  const CurrentDevice current(device);
  std::size_t free = 0;
  std::size_t total = 0;
  if (cudaMemGetInfo(&free, &total) != cudaSuccess) {
    (void)cudaGetLastError();
    return {};
  }
  std::uint64_t reserved = 0;
  std::uint64_t used = 0;
  if (cudaMemPool_t pool = memory_pool(device)) {
    ignore_cuda(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrReservedMemCurrent, &reserved));
    ignore_cuda(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemCurrent, &used));
  }
  return {total, free + (reserved > used ? reserved - used : 0)};
}

DeviceDescription describe_cuda(Device device) {
  const CurrentDevice current(device);
  cudaDeviceProp properties = {};
  check_cuda(cudaGetDeviceProperties(&properties, device.index()), "cudaGetDeviceProperties", device);
  int driver = 0;
  check_cuda(cudaDriverGetVersion(&driver), "cudaDriverGetVersion", device);
  const MemorySize memory = cuda_memory_size(device);
  DeviceDescription result;
  result.device = device;
  result.model = properties.name;
  result.detail = fmt::format("compute capability {}.{}, {} SMs, driver for CUDA {}", properties.major,
                              properties.minor, properties.multiProcessorCount, version_text(driver));
  result.memory_total = memory.total;
  result.memory_free = memory.free;
  result.multiprocessors = properties.multiProcessorCount;
  return result;
}

}  // namespace detail

}  // namespace atelier
