#include "runtime/graph.h"

#include <atomic>
#include <stdexcept>
#include <string>

#include "tests/runtime/allocation_count.h"
#include "tests/runtime/contract.h"

namespace atelier::testing {
namespace {

class GraphContract : public OnEveryDevice {};
class HostGraphContract : public OnHostDevices {};

constexpr std::int64_t count = 1000;
constexpr std::size_t bytes = count * sizeof(int);

TEST_P(GraphContract, CapturingRecordsAndLaunchingRuns) {
  Stream stream(GetParam());
  Buffer<int> paint = buffer_of(stream, count, 1);
  Buffer<int> picture = buffer_of(stream, count, 2);
  EXPECT_FALSE(stream.capturing());
  stream.begin_capture();
  EXPECT_TRUE(stream.capturing());
  copy(stream, picture.view(), paint.view());
  fill_bytes(stream, paint.data(), 9, bytes);
  const Graph graph = stream.end_capture();
  EXPECT_FALSE(stream.capturing());
  EXPECT_EQ(graph.size(), 2U);
  EXPECT_EQ(graph.device(), GetParam());
  EXPECT_EQ(common_value(stream, paint), 1) << "work ran while it was captured";
  EXPECT_EQ(common_value(stream, picture), 2) << "work ran while it was captured";
  graph.launch(stream);
  EXPECT_EQ(common_value(stream, picture), 1);
  EXPECT_EQ(common_value(stream, paint), filled(9));
  graph.launch(stream);
  EXPECT_EQ(common_value(stream, picture), filled(9));
}

TEST_P(GraphContract, ReplaysReadWhatMemoryHoldsThen) {
  Stream stream(GetParam());
  Buffer<int> paint = buffer_of(stream, count, 0);
  Buffer<int> picture = buffer_of(stream, count, 0);
  stream.begin_capture();
  copy(stream, picture.view(), paint.view());
  const Graph graph = stream.end_capture();
  for (int i = 1; i < 20; ++i) {
    upload<int>(stream, paint.view(), std::vector<int>(count, i));
    graph.launch(stream);
    ASSERT_EQ(common_value(stream, picture), i);
  }
}

TEST_P(GraphContract, LaunchesAreOrderedWithTheStreamAndRunOnOthers) {
  const Device device = GetParam();
  Stream first(device);
  Stream second(device);
  Buffer<int> paint = buffer_of(first, count, 1);
  Buffer<int> picture = buffer_of(first, count, 2);
  first.begin_capture();
  copy(first, picture.view(), paint.view());
  const Graph graph = first.end_capture();
  Event event(device);
  SlowWork slow(first);
  fill_bytes(first, paint.data(), 3, bytes);
  event.record(first);
  second.wait(event);
  graph.launch(second);
  fill_bytes(second, paint.data(), 4, bytes);
  Event after(device);
  after.record(second);
  let_mistakes_happen(after);
  slow.open();
  EXPECT_EQ(common_value(second, picture), filled(3));
}

TEST_P(GraphContract, AGraphMayDieWhileItsReplayIsQueuedAndOutliveItsStream) {
  const Device device = GetParam();
  Stream stream(device);
  Buffer<int> picture = buffer_of(stream, count, 1);
  std::optional<Graph> outliving;
  {
    Stream recorder(device);
    recorder.begin_capture();
    fill_bytes(recorder, picture.data(), 5, bytes);
    outliving = recorder.end_capture();
  }
  SlowWork slow(stream);
  outliving->launch(stream);
  outliving.reset();
  slow.open();
  EXPECT_EQ(common_value(stream, picture), filled(5));
}

TEST_P(GraphContract, AnEmptyGraphIsAGraph) {
  Stream stream(GetParam());
  stream.begin_capture();
  const Graph graph = stream.end_capture();
  EXPECT_EQ(graph.size(), 0U);
  graph.launch(stream);
  stream.synchronize();
}

TEST_P(GraphContract, StreamsThatJoinedAreRecordedInOrder) {
  const Device device = GetParam();
  Stream origin(device);
  Stream joined(device);
  Buffer<int> first = buffer_of(origin, count, 1);
  Buffer<int> second = buffer_of(origin, count, 2);
  Buffer<int> third = buffer_of(origin, count, 3);
  origin.synchronize();
  Event fork(device);
  Event join(device);
  origin.begin_capture();
  fill_bytes(origin, first.data(), 7, bytes);
  fork.record(origin);
  joined.wait(fork);
  EXPECT_TRUE(joined.capturing());
  copy(joined, second.view(), first.view());
  join.record(joined);
  origin.wait(join);
  copy(origin, third.view(), second.view());
  const Graph graph = origin.end_capture();
  EXPECT_FALSE(joined.capturing());
  EXPECT_EQ(graph.size(), 3U);
  joined.synchronize();
  EXPECT_EQ(common_value(origin, third), 3);
  graph.launch(origin);
  EXPECT_EQ(common_value(origin, third), filled(7));
  fill_bytes(joined, first.data(), 8, bytes);  // the joined stream runs its own work again
  EXPECT_EQ(common_value(joined, first), filled(8));
}

TEST_P(GraphContract, JoiningBackThroughAThirdStreamCounts) {
  const Device device = GetParam();
  Stream origin(device);
  Stream second(device);
  Stream third(device);
  Buffer<int> a = buffer_of(origin, count, 1);
  Buffer<int> b = buffer_of(origin, count, 2);
  origin.synchronize();
  Event fork(device);
  Event middle(device);
  Event join(device);
  origin.begin_capture();
  fork.record(origin);
  second.wait(fork);
  fill_bytes(second, a.data(), 6, bytes);
  middle.record(second);
  third.wait(middle);
  copy(third, b.view(), a.view());
  join.record(third);
  origin.wait(join);
  const Graph graph = origin.end_capture();
  graph.launch(origin);
  EXPECT_EQ(common_value(origin, b), filled(6));
}

TEST_P(GraphContract, AStreamThatWasNotJoinedBackIsAnError) {
  const Device device = GetParam();
  Stream origin(device);
  Stream joined(device);
  Buffer<int> buffer = buffer_of(origin, count, 1);
  origin.synchronize();
  for (const bool join_before_last_work : {false, true}) {
    Event fork(device);
    Event join(device);
    origin.begin_capture();
    fork.record(origin);
    joined.wait(fork);
    fill_bytes(joined, buffer.data(), 2, bytes);
    if (join_before_last_work) {
      join.record(joined);
      origin.wait(join);
      fill_bytes(joined, buffer.data(), 3, bytes);
    }
    EXPECT_THROW((void)origin.end_capture(), CaptureError);
    EXPECT_FALSE(origin.capturing());
    EXPECT_FALSE(joined.capturing());
    EXPECT_EQ(common_value(origin, buffer), 1);
    fill_bytes(joined, buffer.data(), 1, bytes);
    upload<int>(joined, buffer.view(), std::vector<int>(count, 1));
    joined.synchronize();
  }
}

TEST_P(GraphContract, ACaptureForbidsAllocationAndSynchronisation) {
  const Device device = GetParam();
  Stream stream(device);
  Buffer<int> buffer = buffer_of(stream, count, 1);
  std::vector<int> values(count);
  const Graph earlier = [&] {
    stream.begin_capture();
    return stream.end_capture();
  }();
  stream.synchronize();
  stream.begin_capture();
  EXPECT_THROW(Buffer<int>(stream, 4, "late"), CaptureError);
  EXPECT_THROW((void)Buffer<int>::host(stream, 4, "late"), CaptureError);
  EXPECT_THROW(stream.synchronize(), CaptureError);
  EXPECT_THROW(upload<int>(stream, buffer.view(), values), CaptureError);
  EXPECT_THROW(download<int>(stream, std::span(values), buffer.view()), CaptureError);
  EXPECT_THROW(stream.begin_capture(), CaptureError);
  EXPECT_THROW(earlier.launch(stream), CaptureError);
  fill_bytes(stream, buffer.data(), 2, bytes);
  const Graph graph = stream.end_capture();  // the refused calls left the capture whole
  EXPECT_EQ(graph.size(), 1U);
  graph.launch(stream);
  EXPECT_EQ(common_value(stream, buffer), filled(2));
  EXPECT_THROW((void)stream.end_capture(), CaptureError);
}

TEST_P(GraphContract, EventsOfACaptureMarkNoPointInTime) {
  const Device device = GetParam();
  Stream stream(device);
  Stream other(device);
  Event inside(device);
  Event outside(device);
  outside.record(other);
  stream.begin_capture();
  inside.record(stream);
  EXPECT_THROW(inside.synchronize(), CaptureError);
  EXPECT_THROW((void)inside.completed(), CaptureError);
  EXPECT_THROW(stream.wait(outside), CaptureError);
  (void)stream.end_capture();
  EXPECT_THROW(other.wait(inside), CaptureError);
  inside.record(other);
  inside.synchronize();
  stream.wait(inside);
  stream.synchronize();
}

TEST_P(GraphContract, CapturesCannotBeMergedNorEndedByAJoinedStream) {
  const Device device = GetParam();
  Stream first(device);
  Stream second(device);
  Stream joined(device);
  Event of_first(device);
  Event of_joined(device);
  first.begin_capture();
  second.begin_capture();
  of_first.record(first);
  EXPECT_THROW(second.wait(of_first), CaptureError);
  joined.wait(of_first);
  EXPECT_THROW((void)joined.end_capture(), CaptureError);
  EXPECT_THROW(joined.begin_capture(), CaptureError);
  of_joined.record(joined);
  first.wait(of_joined);
  (void)first.end_capture();
  (void)second.end_capture();
}

TEST_P(GraphContract, AStreamMayEndInTheMiddleOfACapture) {
  const Device device = GetParam();
  Stream other(device);
  {
    Stream stream(device);
    Buffer<int> buffer = buffer_of(stream, count, 1);
    Event fork(device);
    stream.begin_capture();
    fork.record(stream);
    other.wait(fork);
    fill_bytes(stream, buffer.data(), 2, bytes);
  }
  EXPECT_FALSE(other.capturing());
  other.synchronize();
}

TEST_P(GraphContract, ABufferMayDieDuringACapture) {
  const Device device = GetParam();
  Stream stream(device);
  const std::uint64_t held = memory_held(device);
  std::optional<Buffer<int>> temporary = buffer_of(stream, count, 1);
  Buffer<int> lasting = buffer_of(stream, count, 1);
  stream.begin_capture();
  fill_bytes(stream, lasting.data(), 2, bytes);
  temporary.reset();
  const Graph graph = stream.end_capture();
  EXPECT_EQ(graph.size(), 1U) << "the release became part of the graph";
  EXPECT_EQ(memory_held(device), held + bytes);
  graph.launch(stream);
  EXPECT_EQ(common_value(stream, lasting), filled(2));
}

TEST_P(GraphContract, AGraphRunsOnItsOwnDeviceOnly) {
  Stream stream(GetParam());
  stream.begin_capture();
  const Graph graph = stream.end_capture();
  for (const Device device : devices_present()) {
    if (device == GetParam()) continue;
    Stream foreign(device);
    EXPECT_THROW(graph.launch(foreign), InvalidArgument);
  }
}

ATELIER_ON_EVERY_DEVICE(GraphContract);

TEST_P(HostGraphContract, TasksAreReplayedAsOftenAsLaunched) {
  Stream stream(GetParam());
  std::vector<int> order;
  stream.begin_capture();
  for (int i = 0; i < 5; ++i) stream.enqueue("append", [&order, i] { order.push_back(i); });
  const Graph graph = stream.end_capture();
  stream.synchronize();
  EXPECT_TRUE(order.empty());
  for (int i = 0; i < 100; ++i) graph.launch(stream);
  stream.synchronize();
  ASSERT_EQ(order.size(), 500U);
  for (std::size_t i = 0; i < order.size(); ++i) EXPECT_EQ(order[i], static_cast<int>(i % 5));
}

TEST_P(HostGraphContract, AFailureInAReplayEndsItAndNamesTheTask) {
  Stream stream(GetParam());
  std::atomic<int> before{0};
  std::atomic<int> after{0};
  std::atomic<bool> broken{true};
  stream.begin_capture();
  stream.enqueue("before", [&] { ++before; });
  stream.enqueue("the broken one", [&] {
    if (broken) throw std::runtime_error("no paint left");
  });
  stream.enqueue("after", [&] { ++after; });
  const Graph graph = stream.end_capture();
  graph.launch(stream);
  graph.launch(stream);
  try {
    stream.synchronize();
    FAIL() << "the failure was lost";
  } catch (const ExecutionError& error) {
    EXPECT_NE(std::string(error.what()).find("the broken one"), std::string::npos) << error.what();
  }
  EXPECT_EQ(before, 1);
  EXPECT_EQ(after, 0);
  broken = false;
  graph.launch(stream);
  stream.synchronize();
  EXPECT_EQ(before, 2);
  EXPECT_EQ(after, 1);
}

TEST_P(HostGraphContract, LaunchingAllocatesNothing) {
  if (!allocations_are_counted()) GTEST_SKIP() << "AddressSanitizer brings an operator new of its own";
  Stream stream(GetParam());
  std::atomic<int> runs{0};
  stream.begin_capture();
  for (int i = 0; i < 16; ++i) stream.enqueue("count", [&] { ++runs; });
  const Graph graph = stream.end_capture();
  constexpr int launches = 500;
  const auto launch_all = [&] {
    SlowWork slow(stream);
    slow.wait_until_running();  // which half of the queue the launches go to is certain now
    const std::int64_t before = allocations_so_far();
    for (int i = 0; i < launches; ++i) graph.launch(stream);
    return allocations_so_far() - before;
  };
  for (int i = 0; i < 3; ++i) {  // both halves of the queue grow to their size
    (void)launch_all();
    stream.synchronize();
  }
  EXPECT_EQ(launch_all(), 0);
  const std::int64_t before = allocations_so_far();
  stream.synchronize();
  EXPECT_EQ(allocations_so_far(), before) << "the replays allocated";
  EXPECT_EQ(runs, 4 * 16 * launches);
}

ATELIER_ON_HOST_DEVICES(HostGraphContract);

}  // namespace
}  // namespace atelier::testing
