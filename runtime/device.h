#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/error.h"

namespace atelier {

/// Where work runs. `cuda` is a GPU; `cpu` is this machine's processor, vectorised and threaded; `simt` runs
/// the source of the CUDA kernels on the processor, block by block and thread by thread (tests only: slow).
enum class DeviceKind : std::uint8_t { cpu, cuda, simt };

/// "cpu", "cuda" or "simt".
[[nodiscard]] std::string_view device_kind_name(DeviceKind kind);

/// A place to compute: a kind and, for cuda, an index. A value; holds no resources.
class Device {
 public:
  constexpr Device() = default;
  constexpr explicit Device(DeviceKind kind, int index = 0) : kind_(kind), index_(index) {}

  /// Reads "auto", "cpu", "simt", "cuda" or "cuda:N". `auto` is cuda:0 where a GPU can be used, else cpu.
  /// Throws InvalidArgument for another word, DeviceUnavailable where the device cannot be used.
  [[nodiscard]] static Device parse(std::string_view text);

  [[nodiscard]] constexpr DeviceKind kind() const { return kind_; }
  [[nodiscard]] constexpr int index() const { return index_; }
  /// "cpu", "simt" or "cuda:N".
  [[nodiscard]] std::string name() const;
  friend constexpr bool operator==(const Device&, const Device&) = default;

 private:
  DeviceKind kind_ = DeviceKind::cpu;
  int index_ = 0;
};

/// Why cuda cannot be used in this process, in one line; empty when it can.
[[nodiscard]] std::string cuda_unavailable_reason();

/// Number of usable GPUs: 0 without driver, without GPU, or in a build without CUDA. Never throws.
[[nodiscard]] int cuda_device_count() noexcept;

/// True when this build holds the SIMT executor and the kernels compiled for it.
[[nodiscard]] bool simt_available() noexcept;

/// Every device that can be used now: cpu, simt (where built), cuda:0 … in that order.
[[nodiscard]] std::vector<Device> devices_present();

/// Facts about a device, for `atelier devices` and benchmark headers.
struct DeviceDescription {
  Device device;
  std::string model;               // processor or GPU name
  std::string detail;              // instruction set and threads; or compute capability, SMs, driver
  std::uint64_t memory_total = 0;  // bytes
  std::uint64_t memory_free = 0;   // bytes
  int multiprocessors = 0;         // SMs for cuda, worker threads for cpu and simt
};
/// Throws DeviceUnavailable.
[[nodiscard]] DeviceDescription describe(Device device);

}  // namespace atelier
