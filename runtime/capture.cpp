#include "runtime/capture.h"

#include <algorithm>

#include "runtime/stream_state.h"

namespace atelier::detail {

Capture::Capture(const std::shared_ptr<StreamState>& origin) {
  participants_.push_back({origin, origin.get(), 0, {0}});
}

bool Capture::live() const {
  const std::lock_guard lock(mutex_);
  return live_;
}

bool Capture::begun_by(const StreamState& stream) const {
  const std::lock_guard lock(mutex_);
  return participants_.front().identity == &stream;
}

std::size_t Capture::join(const std::shared_ptr<StreamState>& stream, const CaptureClock& seen) {
  const std::lock_guard lock(mutex_);
  const std::size_t index = participants_.size();
  participants_.push_back({stream, stream.get(), 1, seen});
  participants_.back().seen.resize(index + 1, 0);
  participants_.back().seen[index] = 1;
  return index;
}

void Capture::count_operation(std::size_t participant) {
  const std::lock_guard lock(mutex_);
  Participant& self = participants_[participant];
  self.seen[participant] = ++self.operations;
}

void Capture::merge_into(CaptureClock& clock, const CaptureClock& seen) {
  if (clock.size() < seen.size()) clock.resize(seen.size(), 0);
  for (std::size_t i = 0; i < seen.size(); ++i) clock[i] = std::max(clock[i], seen[i]);
}

void Capture::merge(std::size_t participant, const CaptureClock& seen) {
  const std::lock_guard lock(mutex_);
  merge_into(participants_[participant].seen, seen);
}

CaptureClock Capture::clock(std::size_t participant) const {
  const std::lock_guard lock(mutex_);
  return participants_[participant].seen;
}

bool Capture::joined_back() const {
  const std::lock_guard lock(mutex_);
  const CaptureClock& origin = participants_.front().seen;
  for (std::size_t i = 1; i < participants_.size(); ++i)
    if (i >= origin.size() || origin[i] < participants_[i].operations) return false;
  return true;
}

void Capture::end() noexcept {
  // Participants leave outside of the lock: the last reference to one may go here.
  std::vector<Participant> leaving;
  {
    const std::lock_guard lock(mutex_);
    live_ = false;
    leaving.swap(participants_);
  }
  for (const Participant& participant : leaving)
    if (const std::shared_ptr<StreamState> stream = participant.stream.lock()) stream->leave_capture();
}

}  // namespace atelier::detail
