#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

// The bookkeeping of a capture that several streams may join. Internal to runtime.

namespace atelier::detail {

class Capture;
class StreamState;

/// Operations of each participant that a point in a capture comes after.
using CaptureClock = std::vector<std::uint64_t>;

/// An event's record inside a capture.
struct CaptureMark {
  std::shared_ptr<Capture> capture;
  CaptureClock seen;
};

/// One capture: the stream that began it (participant 0) and those that joined by waiting on an event
/// recorded in it. Each participant counts its operations and keeps, as a vector clock, which operations of
/// the others it comes after, so that work that was never joined back is found when the capture ends.
class Capture {
 public:
  explicit Capture(const std::shared_ptr<StreamState>& origin);
  virtual ~Capture() = default;
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  [[nodiscard]] bool live() const;
  [[nodiscard]] bool begun_by(const StreamState& stream) const;
  /// Adds a participant that starts after `seen`. Joining counts as its first operation.
  [[nodiscard]] std::size_t join(const std::shared_ptr<StreamState>& stream, const CaptureClock& seen);
  void count_operation(std::size_t participant);
  void merge(std::size_t participant, const CaptureClock& seen);
  [[nodiscard]] CaptureClock clock(std::size_t participant) const;
  /// True when the first participant comes after every operation of all the others.
  [[nodiscard]] bool joined_back() const;
  /// Lets every participant leave. Marks made in this capture are void afterwards.
  void end() noexcept;

 private:
  struct Participant {
    std::weak_ptr<StreamState> stream;
    const StreamState* identity = nullptr;
    std::uint64_t operations = 0;
    CaptureClock seen;
  };
  static void merge_into(CaptureClock& clock, const CaptureClock& seen);

  mutable std::mutex mutex_;
  bool live_ = true;
  std::vector<Participant> participants_;
};

}  // namespace atelier::detail
