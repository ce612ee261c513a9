#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

namespace atelier {

/// Where the members of a team meet. Waiting spins for some microseconds, then offers the processor to
/// others, then sleeps: with free cores a meeting costs a fraction of a microsecond, and with busy ones the
/// waiting do not take what the working need.
class TeamBarrier {
 public:
  explicit TeamBarrier(int members) : members_(static_cast<std::uint32_t>(members)) {}
  TeamBarrier(const TeamBarrier&) = delete;
  TeamBarrier& operator=(const TeamBarrier&) = delete;

  /// Returns once every member has come. What a member wrote before is visible to all behind it. When a
  /// member has ended with an exception, throws to end the others too; bodies let that exception pass.
  void meet();

 private:
  friend class TeamRun;
  void break_up() noexcept;

  const std::uint32_t members_;
  alignas(64) std::atomic<std::uint32_t> arrived_{0};
  alignas(64) std::atomic<std::uint32_t> meetings_{0};
  std::atomic<bool> broken_{false};
};

/// A reference to any callable body(member, barrier), for the length of a call.
class TeamBody {
 public:
  template <class Body>
  requires(!std::is_same_v<Body, TeamBody>) TeamBody(const Body& body)  // implicit: a lambda is an argument
      : body_(&body), call_([](const void* of, int member, TeamBarrier& barrier) {
          (*static_cast<const Body*>(of))(member, barrier);
        }) {}
  void operator()(int member, TeamBarrier& barrier) const { call_(body_, member, barrier); }

 private:
  const void* body_;
  void (*call_)(const void* of, int member, TeamBarrier& barrier);
};

/// Runs body(0), …, body(members - 1) at the same time, each on a thread of its own; the caller's is member
/// 0. Unlike parallel_for, all members run at once for certain, so that they may meet at the barrier, any
/// number of times. Threads are kept for later calls; only the first calls allocate. Any number of calls may
/// run side by side. Rethrows the first exception of a body once all have ended. Throws InvalidArgument when
/// members < 1, std::system_error when a thread cannot be had.
void run_team(int members, TeamBody body);

}  // namespace atelier
