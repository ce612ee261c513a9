// What the executor promises to kernel code, under every schedule; and what it refuses.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <string>
#include <thread>

#include "runtime/buffer.h"
#include "runtime/error.h"
#include "runtime/simt/check.h"
#include "runtime/simt/options.h"
#include "runtime/simt/worker_pool.h"
#include "tests/simt/kernels/semantics.h"

namespace atelier::simt {
namespace {

std::string error_of(const std::function<void(Stream&)>& queue) {
  Stream stream{Device(DeviceKind::simt)};
  try {
    queue(stream);
    stream.synchronize();
  } catch (const ExecutionError& error) {
    return error.what();
  }
  return "no error";
}

void expect_error(const std::function<void(Stream&)>& queue, const char* part) {
  const std::string message = error_of(queue);
  EXPECT_NE(message.find(part), std::string::npos) << "'" << message << "' does not say '" << part << "'";
}

class Semantics : public ::testing::TestWithParam<const char*> {
 protected:
  Semantics() : override_(with_schedule(GetParam())) {}
  static Options with_schedule(const char* name) {
    Options result = options();
    parse_schedule(name, result);
    result.workers = 2;
    result.watchdog_seconds = 5.0;
    return result;
  }
  OptionsOverride override_;
  Stream stream_{Device(DeviceKind::simt)};
};
INSTANTIATE_TEST_SUITE_P(Schedules, Semantics,
                         ::testing::Values("depth_first", "reverse", "round_robin", "priority:1",
                                           "priority:2"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           for (char& letter : name)
                             if (letter == ':') letter = '_';
                           return name;
                         });

/// The PTX manual's description of shfl.sync, in its own terms.
int shuffle_source(Shuffle kind, int lane, int argument, int width) {
  const int c = kind == Shuffle::up ? 0 : 31;
  const int segment = 32 - width;
  const int most = (lane & segment) | (c & ~segment);
  const int least = lane & segment;
  int source = 0;
  bool inside = false;
  if (kind == Shuffle::up) source = lane - argument, inside = source >= most;
  if (kind == Shuffle::down) source = lane + argument, inside = source <= most;
  if (kind == Shuffle::exclusive_or) source = lane ^ argument, inside = source <= most;
  if (kind == Shuffle::index) source = least | (argument & ~segment & 31), inside = source <= most;
  return inside ? source : lane;
}

TEST_P(Semantics, ShufflesOfEveryWidthAndDistance) {
  for (const Shuffle kind : {Shuffle::index, Shuffle::up, Shuffle::down, Shuffle::exclusive_or})
    for (const int width : {32, 16, 8, 4, 2, 1})
      for (int argument = 0; argument < 32; argument += GetParam()[0] == 'd' ? 1 : 5) {
        const std::vector<int> values = shuffle(stream_, kind, argument, width);
        for (int thread = 0; thread < 64; ++thread)
          ASSERT_EQ(values[static_cast<std::size_t>(thread)],
                    (thread / 32 * 32 + shuffle_source(kind, thread % 32, argument, width)) * 10)
              << static_cast<int>(kind) << " " << argument << " " << width << " " << thread;
      }
}

TEST_P(Semantics, VotesAndReductions) {
  unsigned thirds = 0;
  for (unsigned lane = 0; lane < 32; lane += 3) thirds |= 1U << lane;
  const Votes result = votes(stream_);
  for (std::size_t thread = 0; thread < 64; ++thread) {
    EXPECT_EQ(result.ballot[thread], thirds);
    EXPECT_EQ(result.match[thread], 0x11111111U << (thread % 4));
    EXPECT_EQ(static_cast<int>(result.minimum[thread]), -7);
    EXPECT_EQ(result.sum[thread], 496U);
    EXPECT_EQ(result.barrier_count[thread], 37U);
    EXPECT_EQ(result.any_all[thread], 2U);
  }
}

TEST_P(Semantics, SharedMemoryOfTemplatesAndOfEveryBlock) {
  for (const int threads : {64, 32}) {
    const std::vector<int> values = shared_reversal(stream_, threads);
    for (int i = 0; i < 3 * threads; ++i)
      ASSERT_EQ(values[static_cast<std::size_t>(i)], 3 * (threads - 1 - i % threads));
  }
  const std::vector<int> values = dynamic_reversal(stream_, 20000);
  for (int i = 0; i < 20000; ++i) ASSERT_EQ(values[static_cast<std::size_t>(i)], 19999 - i);
}

TEST_P(Semantics, TensorCoreFragments) {
  std::vector<float> a(256);
  std::vector<float> b(128);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(static_cast<int>(i * 37 % 17) - 8);
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>(static_cast<int>(i * 29 % 13) - 6);
  for (const std::size_t depth : {8, 16}) {
    const std::vector<float> left(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(16 * depth));
    const std::vector<float> right(b.begin(), b.begin() + static_cast<std::ptrdiff_t>(8 * depth));
    const auto c = depth == 8 ? tf32_product(stream_, left, right) : f16_product(stream_, left, right);
    for (std::size_t row = 0; row < 16; ++row)
      for (std::size_t column = 0; column < 8; ++column) {
        float sum = 0.0F;
        for (std::size_t k = 0; k < depth; ++k) sum += left[row * depth + k] * right[k * 8 + column];
        ASSERT_EQ(c[row * 8 + column], sum);  // small integers: exact
      }
  }
}

TEST_P(Semantics, HalfWarpsShuffleApart) {
  const std::vector<int> values = half_warp_shuffles(stream_);
  for (int i = 0; i < 32; ++i) EXPECT_EQ(values[static_cast<std::size_t>(i)], i ^ (i < 16 ? 1 : 2));
}

TEST_P(Semantics, RecursionAndExceptionsInsideAKernel) {
  EXPECT_EQ(recursion(stream_, 15)[63], 610);
  EXPECT_EQ(caught_exception(stream_)[0], 7);
}

TEST_P(Semantics, CooperativeGridOfEveryMultiprocessor) {
  const int blocks = 132;
  const std::vector<int> values = grid_rounds(stream_, blocks, 6);
  const int threads = blocks * 64;
  for (int i = 0; i < threads; ++i) ASSERT_EQ(values[static_cast<std::size_t>(i)], (i + 5) % threads + 6);
}

TEST_P(Semantics, PacketsFromEveryBlockToEveryBlock) {
  const std::vector<int> values = packets(stream_, 5, -1, true);
  for (int i = 0; i < 5 * 64; ++i) ASSERT_EQ(values[static_cast<std::size_t>(i)], 63 - i % 64 + 100);
  expect_error([](Stream& s) { packets(s, 5, 3, true); }, "a slot holds packet 0, not 5; nobody sent it");
  expect_error(packets_in_plain_launch, "packets_sent");
}

TEST_P(Semantics, Atomics) {
  EXPECT_EQ(atomics(stream_), (std::vector<int>{25200, 224, -224, 225 % 10}));
}

TEST_P(Semantics, ASpinOnAnAtomicWithinABlockEnds) {
  EXPECT_EQ(spin_within_block(stream_)[0], 1);
}

TEST_P(Semantics, Diagnoses) {
  expect_error(throwing, "boom");
  expect_error(two_barriers, "barrier divergence");
  expect_error(missing_lanes, "deadlock");
  expect_error([](Stream& s) { early_exit(s, 40); }, "40 of 64");
  expect_error(too_much_static_shared, "static shared memory");
  expect_error(grid_sync_in_plain_launch, "not cooperative");
  expect_error(unasked_dynamic_shared, "asked for none");
  expect_error(trap, "__trap()");
  expect_error(nested_launch, "cannot launch another");
#if !defined(__SANITIZE_ADDRESS__)
  expect_error(shared_overrun, executor::checking() ? "in ten (40 bytes) at byte 44"
                                                    : "past the end of the shared variable 'ten'");
#endif
}

TEST_P(Semantics, AStreamWorksOnAfterADiagnosis) {
  try {
    two_barriers(stream_);
    stream_.synchronize();
    ADD_FAILURE() << "no error";
  } catch (const ExecutionError&) {
    EXPECT_EQ(half_warp_shuffles(stream_)[0], 1);
  }
}

TEST(SimtOptions, EarlyExitIsAllowedOnRequest) {
  Options relaxed = options();
  relaxed.strict_exit = false;
  const OptionsOverride override(relaxed);
  Stream stream{Device(DeviceKind::simt)};
  const std::vector<int> values = early_exit(stream, 40);
  EXPECT_EQ(std::accumulate(values.begin(), values.end(), 0), 40);
}

TEST(SimtOptions, SchedulesAreReadAndRefused) {
  Options read;
  parse_schedule("priority:77", read);
  EXPECT_EQ(read.schedule, Schedule::priority);
  EXPECT_EQ(read.seed, 77U);
  parse_schedule("reverse", read);
  EXPECT_EQ(read.schedule, Schedule::reverse);
  for (const char* wrong : {"", "fifo", "priority:", "priority:x", "priority:1x", "reverse:3"})
    EXPECT_THROW(parse_schedule(wrong, read), InvalidArgument) << wrong;
  Options bad;
  bad.workers = 1000;
  EXPECT_THROW(set_options(bad), InvalidArgument);
}

TEST(SimtLaunch, ShapesOutOfRangeAreRefused) {
  Stream stream{Device(DeviceKind::simt)};
  EXPECT_THROW(empty_kernel(stream, 0, 32, 0, false), ExecutionError);
  EXPECT_THROW(empty_kernel(stream, 1, 0, 0, false), ExecutionError);
  EXPECT_THROW(empty_kernel(stream, 1, 1025, 0, false), ExecutionError);
  EXPECT_THROW(empty_kernel(stream, 1, 32, 227 * 1024 + 1, false), ExecutionError);
  empty_kernel(stream, 1, 32, 227 * 1024, false);
  stream.synchronize();
}

TEST(SimtLaunch, CooperativeGridsMustBeResident) {
  Stream stream{Device(DeviceKind::simt)};
  EXPECT_EQ(cooperative_blocks(stream, 1024, 0), 2 * 132);
  EXPECT_EQ(cooperative_blocks(stream, 64, 0), 32 * 132);
  EXPECT_EQ(cooperative_blocks(stream, 64, 100 * 1024), 2 * 132);
  EXPECT_EQ(cooperative_blocks(stream, 64, 227 * 1024), 132);
  empty_kernel(stream, 264, 1024, 0, true);
  stream.synchronize();
  expect_error([](Stream& s) { empty_kernel(s, 265, 1024, 0, true); }, "265 blocks cannot all be resident");
  expect_error([](Stream& s) { empty_kernel(s, 133, 64, 200 * 1024, true); }, "133 blocks");
  expect_error([](Stream& s) { cooperative_static_shared(s, 5 * 132 + 1); }, "only 660 can be resident");
}

TEST(SimtWatchdog, SaysWhereASpinningKernelStands) {
  Options impatient = options();
  impatient.watchdog_seconds = 0.2;
  const OptionsOverride override(impatient);
  const std::string message = error_of(spinning);
  EXPECT_NE(message.find("thread (3,0,0) ran for more than 0.2 s"), std::string::npos) << message;
  EXPECT_NE(message.find("threads: wait in __syncthreads at"), std::string::npos) << message;
  EXPECT_NE(message.find("semantics.cu"), std::string::npos) << message;
  expect_error(spinning_on_atomic, "ran for more than 0.2 s");
  Stream stream{Device(DeviceKind::simt)};
  EXPECT_EQ(half_warp_shuffles(stream)[0], 1);  // the worker is as good as new
}

TEST(SimtStreams, RunSideBySide) {
  constexpr int kStreams = 4;
  constexpr int kCount = 1000;
  constexpr int kLaunches = 50;
  std::vector<Stream> streams;
  std::vector<Buffer<int>> buffers;
  for (int i = 0; i < kStreams; ++i) {
    streams.emplace_back(Device(DeviceKind::simt));
    buffers.emplace_back(streams.back(), kCount);
    fill_bytes(streams.back(), buffers.back().data(), 0, kCount * sizeof(int));
  }
  for (int round = 0; round < kLaunches; ++round)
    for (std::size_t i = 0; i < kStreams; ++i) increment(streams[i], buffers[i].data(), kCount);
  for (std::size_t i = 0; i < kStreams; ++i) {
    const std::vector<int> values = download(streams[i], buffers[i].view());
    for (const int value : values) ASSERT_EQ(value, kLaunches);
  }
}

TEST(SimtStreams, AFailureStaysInItsStream) {
  Stream good{Device(DeviceKind::simt)};
  Stream bad{Device(DeviceKind::simt)};
  two_barriers(bad);
  EXPECT_EQ(grid_rounds(good, 20, 4)[0], 3 + 4);
  EXPECT_THROW(bad.synchronize(), ExecutionError);
}

TEST(SimtWorkers, ArePooledAcrossManyLaunches) {
  Options two = options();
  two.workers = 2;
  const OptionsOverride override(two);
  Stream stream{Device(DeviceKind::simt)};
  const Buffer<int> values(stream, 1000);
  fill_bytes(stream, values.data(), 0, 1000 * sizeof(int));
  increment(stream, values.data(), 1000);
  stream.synchronize();
  const unsigned before = executor::pool_threads();
  for (int i = 0; i < 2000; ++i) increment(stream, values.data(), 1000);
  EXPECT_EQ(download(stream, values.view())[999], 2001);
  EXPECT_EQ(executor::pool_threads(), before);
  if (!executor::checking()) {
    EXPECT_GE(before, 1U);
  }
}

TEST(SimtChecker, TakesTheLastBlockPatternForARace) {
  // Right on a GPU, thanks to the fence before the ticket; the ordinary build agrees. The checking build
  // keeps no order between blocks of one launch, so the pattern is forbidden in kernels of this project.
  if (executor::checking()) {
    expect_error(last_block_reduction, "race");
  } else {
    expect_error(last_block_reduction, "no error");
  }
}

TEST(SimtChecker, PacketsReplaceNoBarrier) {
  // The executor runs a barrier where a GPU has none: only the checking build sees that one is missed.
  expect_error([](Stream& stream) { packets(stream, 3, -1, false); },
               executor::checking() ? "race (read after a write) in numbers" : "no error");
}

}  // namespace
}  // namespace atelier::simt
