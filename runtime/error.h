#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace atelier {

/// Base of every error that Atelier throws. `what()` is one line that names the call, the device where it
/// matters, and the sizes; it says what is wrong and, where there is a rule, what would be right.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A call was given a value outside its contract (shape, size, name, file contents).
class InvalidArgument : public Error {
 public:
  using Error::Error;
};

/// The device asked for cannot be used here (no driver, no such index, built without CUDA).
class DeviceUnavailable : public Error {
 public:
  using Error::Error;
};

/// Memory of a device ran out. The message and the fields say what was asked, what is free and who holds
/// how much.
class OutOfMemory : public Error {
 public:
  struct Holder {
    std::string label;
    std::uint64_t bytes = 0;
  };
  OutOfMemory(const std::string& message, std::uint64_t bytes_requested, std::uint64_t bytes_free,
              std::vector<Holder> held_by)
      : Error(message), requested(bytes_requested), free(bytes_free), holders(std::move(held_by)) {}
  std::uint64_t requested = 0;
  std::uint64_t free = 0;
  std::vector<Holder> holders;
};

/// A stream was used in a way that a capture forbids (allocation, synchronisation, nested capture).
class CaptureError : public Error {
 public:
  using Error::Error;
};

/// Work that was queued on a device failed while it ran: a CUDA error, a diagnosis of the SIMT executor, or
/// an exception on the cpu device. Thrown by the next synchronising call on the stream.
class ExecutionError : public Error {
 public:
  using Error::Error;
};

/// Debug builds: a guard word around a buffer was overwritten.
class MemoryCorruption : public Error {
 public:
  using Error::Error;
};

}  // namespace atelier
