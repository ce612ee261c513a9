#include "runtime/thread_team.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "runtime/error.h"
#include "tests/runtime/allocation_count.h"

namespace atelier {
namespace {

class ThreadTeam : public ::testing::TestWithParam<int> {};

TEST_P(ThreadTeam, EveryMemberRunsOnceOnAThreadOfItsOwn) {
  const int members = GetParam();
  std::vector<std::thread::id> ids(static_cast<std::size_t>(members));
  std::vector<int> runs(ids.size(), 0);
  run_team(members, [&](int member, TeamBarrier& barrier) {
    ids[static_cast<std::size_t>(member)] = std::this_thread::get_id();
    ++runs[static_cast<std::size_t>(member)];
    barrier.meet();  // all are here at once: no thread serves two members
  });
  EXPECT_EQ(ids[0], std::this_thread::get_id());
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end());
  EXPECT_EQ(runs, std::vector<int>(static_cast<std::size_t>(members), 1));
}

// Sums that every member makes of what all have written: a barrier that let one through early would mix
// rounds. More members than processors too.
TEST_P(ThreadTeam, WhatWasWrittenBeforeAMeetingIsReadBehindIt) {
  const int members = GetParam();
  constexpr int kRounds = 2000;
  std::vector<std::uint64_t> values(static_cast<std::size_t>(members), 0);
  std::vector<int> wrong(values.size(), 0);
  run_team(members, [&](int member, TeamBarrier& barrier) {
    const auto own = static_cast<std::size_t>(member);
    for (std::uint64_t round = 0; round < kRounds; ++round) {
      values[own] = round * round + own;
      barrier.meet();
      std::uint64_t sum = 0;
      for (const std::uint64_t value : values) sum += value;
      const auto n = static_cast<std::uint64_t>(members);
      if (sum != n * round * round + n * (n - 1) / 2) ++wrong[own];
      barrier.meet();
    }
  });
  EXPECT_EQ(wrong, std::vector<int>(values.size(), 0));
}

TEST_P(ThreadTeam, AnExceptionEndsTheMeetingsOfTheOthers) {
  const int members = GetParam();
  for (int failing = 0; failing < members; ++failing) {
    std::atomic<int> past_the_end{0};
    std::string message;
    try {
      run_team(members, [&](int member, TeamBarrier& barrier) {
        for (int round = 0; round < 10; ++round) {
          if (member == failing && round == 5) throw std::runtime_error("member fails");
          barrier.meet();
        }
        ++past_the_end;
      });
    } catch (const std::runtime_error& error) {
      message = error.what();
    }
    EXPECT_EQ(message, "member fails");
    EXPECT_EQ(past_the_end, 0);
  }
  // The threads serve the next call.
  std::atomic<int> runs{0};
  run_team(members, [&](int, TeamBarrier&) { ++runs; });
  EXPECT_EQ(runs, members);
}

INSTANTIATE_TEST_SUITE_P(Members, ThreadTeam, ::testing::Values(1, 2, 3, 8));

TEST(ThreadTeamCalls, OfAMemberThatComesLateTheOthersSleep) {
  std::atomic<bool> late{false};
  run_team(2, [&](int member, TeamBarrier& barrier) {
    if (member == 1) {
      std::this_thread::sleep_for(std::chrono::milliseconds(30));  // far beyond spinning and yielding
      late = true;
    }
    barrier.meet();
    EXPECT_TRUE(late);
  });
}

TEST(ThreadTeamCalls, RunSideBySideAndInsideOneAnother) {
  std::atomic<int> runs{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller)
    callers.emplace_back([&] {
      for (int call = 0; call < 20; ++call)
        run_team(3, [&](int, TeamBarrier& barrier) {
          barrier.meet();
          run_team(2, [&](int, TeamBarrier& inner) {
            inner.meet();
            ++runs;
          });
          barrier.meet();
        });
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(runs, 4 * 20 * 3 * 2);
}

TEST(ThreadTeamCalls, LaterOnesAllocateNothing) {
  const auto call = [] { run_team(3, [](int, TeamBarrier& barrier) { barrier.meet(); }); };
  if (!testing::allocations_are_counted()) GTEST_SKIP() << "allocations are not counted in this build";
  for (int i = 0; i < 20; ++i) call();
  const std::int64_t before = testing::allocations_so_far();
  for (int i = 0; i < 100; ++i) call();
  EXPECT_EQ(testing::allocations_so_far(), before);
}

TEST(ThreadTeamCalls, ATeamHasMembers) {
  for (const int members : {0, -1})
    EXPECT_THROW(run_team(members, [](int, TeamBarrier&) {}), InvalidArgument) << members;
}

}  // namespace
}  // namespace atelier
