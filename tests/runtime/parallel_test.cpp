#include "runtime/parallel.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/error.h"
#include "runtime/stream.h"

namespace atelier {
namespace {

/// Sets the number of threads for a test and restores the default.
class ParallelFor : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override { set_cpu_threads(GetParam()); }
  void TearDown() override { set_cpu_threads(0); }
};

TEST_P(ParallelFor, RangesCoverEverythingOnceAndAreTheSameForAnyNumberOfThreads) {
  for (const std::int64_t count : {0, 1, 2, 15, 16, 17, 1000, 65537})
    for (const std::int64_t grain : {-1, 0, 1, 7, 16, 1000, 100000}) {
      if (count / std::max<std::int64_t>(grain, 1) > 10000) continue;
      std::mutex mutex;
      std::vector<std::pair<std::int64_t, std::int64_t>> ranges;
      parallel_for(count, grain, [&](std::int64_t first, std::int64_t last) {
        const std::lock_guard lock(mutex);
        ranges.emplace_back(first, last);
      });
      std::sort(ranges.begin(), ranges.end());
      const std::int64_t step = std::max<std::int64_t>(grain, 1);
      ASSERT_EQ(static_cast<std::int64_t>(ranges.size()), (count + step - 1) / step);
      for (std::size_t i = 0; i < ranges.size(); ++i) {
        ASSERT_EQ(ranges[i].first, static_cast<std::int64_t>(i) * step);
        ASSERT_EQ(ranges[i].second, std::min(count, ranges[i].first + step));
      }
    }
}

TEST_P(ParallelFor, NoMoreThreadsThanAllowed) {
  EXPECT_EQ(cpu_threads(), GetParam());
  std::mutex mutex;
  std::set<std::thread::id> threads;
  parallel_for(1000, 1, [&](std::int64_t, std::int64_t) {
    std::this_thread::yield();
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
  });
  EXPECT_LE(threads.size(), static_cast<std::size_t>(GetParam()));
}

TEST_P(ParallelFor, ThreadsReallyWorkAtTheSameTime) {
  // Each range waits for another one to be under way: never returns if they ran one after the other.
  if (GetParam() < 2) GTEST_SKIP() << "one thread";
  std::atomic<int> arrived{0};
  parallel_for(2, 1, [&](std::int64_t, std::int64_t) {
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
  EXPECT_EQ(arrived, 2);
}

TEST_P(ParallelFor, AnExceptionComesOutAfterTheOthersHaveEnded) {
  std::atomic<int> running{0};
  EXPECT_THROW(parallel_for(100, 1,
                            [&](std::int64_t first, std::int64_t) {
                              ++running;
                              std::this_thread::yield();
                              --running;
                              if (first == 50) throw std::runtime_error("range 50");
                            }),
               std::runtime_error);
  EXPECT_EQ(running, 0);
  std::atomic<int> ranges{0};
  parallel_for(10, 1, [&](std::int64_t, std::int64_t) { ++ranges; });
  EXPECT_EQ(ranges, 10);
}

TEST_P(ParallelFor, MayBeNested) {
  std::atomic<int> cells{0};
  parallel_for(20, 1, [&](std::int64_t, std::int64_t) {
    parallel_for(30, 7,
                 [&](std::int64_t first, std::int64_t last) { cells += static_cast<int>(last - first); });
  });
  EXPECT_EQ(cells, 600);
}

TEST_P(ParallelFor, AThreadThatWaitsDoesNotStartAnotherRangeOfTheOuterCall) {
  std::atomic<int> entered_twice{0};
  parallel_for(64, 1, [&](std::int64_t, std::int64_t) {
    thread_local int depth = 0;
    if (++depth > 1) ++entered_twice;
    parallel_for(16, 1, [](std::int64_t, std::int64_t) { std::this_thread::yield(); });
    --depth;
  });
  EXPECT_EQ(entered_twice, 0);
}

TEST_P(ParallelFor, ManyStreamsShareTheThreads) {
  std::vector<Stream> streams;
  std::atomic<std::int64_t> sum{0};
  for (int i = 0; i < 8; ++i) streams.emplace_back(Device(DeviceKind::cpu));
  for (int round = 0; round < 20; ++round)
    for (Stream& stream : streams)
      stream.enqueue("sum", [&] {
        parallel_for(1000, 10, [&](std::int64_t first, std::int64_t last) { sum += last - first; });
      });
  for (Stream& stream : streams) stream.synchronize();
  EXPECT_EQ(sum, 8 * 20 * 1000);
}

INSTANTIATE_TEST_SUITE_P(Threads, ParallelFor, ::testing::Values(1, 2, 3, 7),
                         [](const auto& threads) { return std::to_string(threads.param); });

TEST(CpuThreads, DefaultIsTheCoresThisProcessMayUse) {
  cpu_set_t cores;
  ASSERT_EQ(sched_getaffinity(0, sizeof cores, &cores), 0);
  set_cpu_threads(5);
  EXPECT_EQ(cpu_threads(), 5);
  set_cpu_threads(0);
  EXPECT_EQ(cpu_threads(), CPU_COUNT(&cores));
  EXPECT_THROW(set_cpu_threads(-1), InvalidArgument);
}

TEST(CpuThreads, TheNumberMayChangeWhileWorkRuns) {
  Stream stream(Device(DeviceKind::cpu));
  std::atomic<std::int64_t> sum{0};
  for (int i = 0; i < 50; ++i)
    stream.enqueue("sum", [&] {
      parallel_for(1000, 10, [&](std::int64_t first, std::int64_t last) { sum += last - first; });
    });
  for (int i = 0; i < 50; ++i) set_cpu_threads(1 + i % 4);
  stream.synchronize();
  set_cpu_threads(0);
  EXPECT_EQ(sum, 50 * 1000);
}

}  // namespace
}  // namespace atelier
