#include "runtime/device.h"

#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <thread>

#include "runtime/device_cuda.h"
#include "runtime/instruction_set.h"
#include "runtime/memory_size.h"
#include "runtime/parallel.h"

namespace atelier {

namespace {

std::string processor_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name")) continue;
    const std::size_t start = line.find_first_not_of(" \t:", line.find(':'));
    if (start != std::string::npos) return line.substr(start);
  }
  return "unknown processor";
}

DeviceDescription describe_host(Device device) {
  DeviceDescription result;
  result.device = device;
  result.model = processor_model();
  const int threads = cpu_threads();
  result.detail = device.kind() == DeviceKind::cpu
                      ? fmt::format("{}, {} thread{}", instruction_set_name(instruction_set()), threads,
                                    threads == 1 ? "" : "s")
                      : fmt::format("executes the source of the CUDA kernels, for tests; {} thread{}",
                                    threads, threads == 1 ? "" : "s");
  const detail::MemorySize memory = detail::host_memory_size();
  result.memory_total = memory.total;
  result.memory_free = memory.free;
  result.multiprocessors = threads;
  return result;
}

}  // namespace

namespace detail {

void require_device(Device device) {
  switch (device.kind()) {
    case DeviceKind::cpu:
    case DeviceKind::simt:
      if (device.index() != 0)
        throw DeviceUnavailable(fmt::format("there is one {} device, index 0; {} was asked for",
                                            device_kind_name(device.kind()), device.index()));
      if (device.kind() == DeviceKind::simt && !simt_available())
        throw DeviceUnavailable(
            "this build has no simt device (CUDA's headers were not found when it was built)");
      return;
    case DeviceKind::cuda:
      if (const std::string reason = cuda_unavailable_reason(); !reason.empty())
        throw DeviceUnavailable(fmt::format("{} cannot be used: {}", device.name(), reason));
      if (device.index() < 0 || device.index() >= cuda_device_count())
        throw DeviceUnavailable(fmt::format("{} does not exist: {} GPU{} can be used, cuda:0 to cuda:{}",
                                            device.name(), cuda_device_count(),
                                            cuda_device_count() == 1 ? "" : "s", cuda_device_count() - 1));
      return;
  }
}

}  // namespace detail

std::string_view device_kind_name(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::cpu:
      return "cpu";
    case DeviceKind::cuda:
      return "cuda";
    case DeviceKind::simt:
      return "simt";
  }
  return "unknown";
}

Device Device::parse(std::string_view text) {
  Device device;
  if (text == "auto") {
    return cuda_device_count() > 0 ? Device(DeviceKind::cuda, 0) : Device(DeviceKind::cpu);
  } else if (text == "cpu") {
    device = Device(DeviceKind::cpu);
  } else if (text == "simt") {
    device = Device(DeviceKind::simt);
  } else if (text == "cuda") {
    device = Device(DeviceKind::cuda, 0);
  } else {
    constexpr std::string_view prefix = "cuda:";
    int index = -1;
    const char* const end = text.data() + text.size();
    const bool named = text.starts_with(prefix);
    const std::from_chars_result parsed =
        named ? std::from_chars(text.data() + prefix.size(), end, index) : std::from_chars_result{};
    if (!named || parsed.ec != std::errc() || parsed.ptr != end || index < 0)
      throw InvalidArgument(fmt::format(
          "'{}' is not a device: use auto, cpu, simt, cuda or cuda:N (cuda:0 is the first GPU)", text));
    device = Device(DeviceKind::cuda, index);
  }
  detail::require_device(device);
  return device;
}

std::string Device::name() const {
  if (kind_ == DeviceKind::cuda) return fmt::format("cuda:{}", index_);
  return std::string(device_kind_name(kind_));
}

bool simt_available() noexcept {
#if defined(ATELIER_WITH_SIMT)
  return true;
#else
  return false;
#endif
}

std::vector<Device> devices_present() {
  std::vector<Device> devices{Device(DeviceKind::cpu)};
  if (simt_available()) devices.emplace_back(DeviceKind::simt);
  for (int i = 0; i < cuda_device_count(); ++i) devices.emplace_back(DeviceKind::cuda, i);
  return devices;
}

DeviceDescription describe(Device device) {
  detail::require_device(device);
  return device.kind() == DeviceKind::cuda ? detail::describe_cuda(device) : describe_host(device);
}

}  // namespace atelier
