#include "runtime/event.h"

#include <atomic>
#include <optional>
#include <thread>

#include "tests/runtime/contract.h"

namespace atelier::testing {
namespace {

class EventContract : public OnEveryDevice {};
class HostEventContract : public OnHostDevices {};

constexpr std::int64_t count = 1000;
constexpr std::size_t bytes = count * sizeof(int);

TEST_P(EventContract, WorkAfterAWaitSeesTheWorkBeforeTheRecord) {
  const Device device = GetParam();
  Stream producer(device);
  Stream consumer(device);
  Buffer<int> paint = buffer_of(producer, count, 1);
  Buffer<int> picture = buffer_of(consumer, count, 2);
  producer.synchronize();
  Event painted(device);
  Event copied(device);
  SlowWork slow(producer);
  fill_bytes(producer, paint.data(), 7, bytes);
  painted.record(producer);
  consumer.wait(painted);
  copy(consumer, picture.view(), paint.view());
  copied.record(consumer);
  let_mistakes_happen(copied);
  slow.open();
  EXPECT_EQ(common_value(consumer, picture), filled(7));
}

TEST_P(EventContract, AChainOfWaitsThroughManyStreams) {
  const Device device = GetParam();
  std::vector<Stream> streams;
  std::vector<Event> events;
  for (int i = 0; i < 16; ++i) {
    streams.emplace_back(device);
    events.emplace_back(device);
  }
  Buffer<int> cells = buffer_of(streams[0], 17 * count, 0);
  streams[0].synchronize();
  SlowWork slow(streams[0]);
  fill_bytes(streams[0], cells.data(), 1, bytes);
  for (std::size_t i = 0; i < 16; ++i) {
    if (i > 0) streams[i].wait(events[i - 1]);
    const auto cell = static_cast<std::int64_t>(i);
    copy(streams[i], cells.view().part((cell + 1) * count, count), cells.view().part(cell * count, count));
    events[i].record(streams[i]);
  }
  let_mistakes_happen(events[15]);
  slow.open();
  EXPECT_EQ(common_value(streams[15], cells), filled(1));
}

TEST_P(EventContract, NeverRecordedIsCompletedAndNobodyWaits) {
  Stream stream(GetParam());
  const Event event(GetParam());
  EXPECT_TRUE(event.completed());
  event.synchronize();
  stream.wait(event);
  stream.synchronize();
}

TEST_P(EventContract, SynchronizeWaitsForTheRecord) {
  Stream stream(GetParam());
  Event event(GetParam());
  SlowWork slow(stream);
  event.record(stream);
  if (GetParam().kind() != DeviceKind::cuda) {
    EXPECT_FALSE(event.completed());
  }
  std::thread opener([&] { slow.open(); });
  event.synchronize();
  EXPECT_TRUE(event.completed());
  opener.join();
}

TEST_P(EventContract, AnEventMayOutliveItsStreamAndBeRecordedAgain) {
  Event event(GetParam());
  {
    Stream stream(GetParam());
    event.record(stream);
  }
  event.synchronize();
  Stream other(GetParam());
  other.wait(event);
  event.record(other);
  other.synchronize();
  EXPECT_TRUE(event.completed());
}

TEST_P(EventContract, AnEventMayDieWhileItsRecordIsPending) {
  Stream producer(GetParam());
  Stream consumer(GetParam());
  Buffer<int> buffer = buffer_of(producer, count, 1);
  producer.synchronize();
  SlowWork slow(producer);
  {
    Event event(GetParam());
    fill_bytes(producer, buffer.data(), 6, bytes);
    event.record(producer);
    consumer.wait(event);
  }
  slow.open();
  EXPECT_EQ(common_value(consumer, buffer), filled(6));
}

TEST_P(EventContract, ElapsedSecondsAreOrderedAndNeedTwoRecords) {
  Stream stream(GetParam());
  Event start(GetParam());
  Event stop(GetParam());
  EXPECT_THROW((void)elapsed_seconds(start, stop), InvalidArgument);
  start.record(stream);
  EXPECT_THROW((void)elapsed_seconds(start, stop), InvalidArgument);
  Buffer<int> buffer = buffer_of(stream, count, 1);
  fill_bytes(stream, buffer.data(), 1, bytes);
  stop.record(stream);
  const double forwards = elapsed_seconds(start, stop);
  EXPECT_GT(forwards, 0.0);
  EXPECT_LT(forwards, 60.0);
  EXPECT_EQ(elapsed_seconds(start, start), 0.0);
  EXPECT_NEAR(elapsed_seconds(stop, start), -forwards, 1e-6);
}

TEST_P(EventContract, DevicesMustAgree) {
  Event event(GetParam());
  for (const Device device : devices_present()) {
    if (device == GetParam()) continue;
    Stream stream(device);
    EXPECT_THROW(event.record(stream), InvalidArgument);
    const bool mixed = (device.kind() == DeviceKind::cuda) != (GetParam().kind() == DeviceKind::cuda);
    if (mixed) {
      EXPECT_THROW(stream.wait(event), InvalidArgument);
    }
  }
}

ATELIER_ON_EVERY_DEVICE(EventContract);

TEST_P(HostEventContract, AWaitRefersToTheLastRecordAtTheTimeOfTheCall) {
  const Device device = GetParam();
  Stream first(device);
  Stream second(device);
  Stream waiting(device);
  std::atomic<bool> first_done{false};
  std::atomic<bool> seen_done{false};
  SlowWork slow_first(first);
  SlowWork slow_second(second);
  Event event(device);
  first.enqueue("first", [&] { first_done = true; });
  event.record(first);
  waiting.wait(event);
  waiting.enqueue("look", [&] { seen_done = first_done.load(); });
  event.record(second);  // later than the wait: no concern of it
  slow_first.open();
  waiting.synchronize();  // never returns if the wait moved on to the second record
  EXPECT_TRUE(seen_done);
  EXPECT_FALSE(event.completed()) << "the last record counts, and it is behind a closed gate";
  slow_second.open();
  event.synchronize();
}

TEST_P(HostEventContract, OnlyTheLastRecordCounts) {
  const Device device = GetParam();
  Stream held(device);
  Stream free(device);
  Stream waiting(device);
  SlowWork slow(held);
  Event event(device);
  event.record(held);
  event.record(free);
  event.synchronize();  // never returns if the first record counted
  waiting.wait(event);
  waiting.synchronize();
  EXPECT_TRUE(event.completed());
}

TEST_P(HostEventContract, WaitingDoesNotBlockTheCallerNorOtherStreams) {
  const Device device = GetParam();
  Stream held(device);
  Stream waiting(device);
  Stream free(device);
  SlowWork slow(held);
  Event event(device);
  event.record(held);
  waiting.wait(event);
  std::atomic<bool> ran{false};
  std::atomic<bool> ran_free{false};
  waiting.enqueue("behind the wait", [&] { ran = true; });
  Event after(device);
  after.record(waiting);
  free.enqueue("free", [&] { ran_free = true; });
  free.synchronize();
  let_mistakes_happen(after);
  EXPECT_TRUE(ran_free);
  EXPECT_FALSE(ran);
  slow.open();
  waiting.synchronize();
  EXPECT_TRUE(ran);
}

TEST_P(HostEventContract, RecordsAreReusedWithoutMixingThemUp) {
  const Device device = GetParam();
  Stream producer(device);
  Stream consumer(device);
  Event event(device);
  std::atomic<int> produced{0};
  std::atomic<int> mistakes{0};
  for (int i = 1; i <= 2000; ++i) {
    producer.enqueue("produce", [&produced, i] { produced = i; });
    event.record(producer);
    consumer.wait(event);
    consumer.enqueue("consume", [&produced, &mistakes, i] {
      if (produced < i) ++mistakes;
    });
    if (i % 7 == 0) event.synchronize();
  }
  consumer.synchronize();
  EXPECT_EQ(mistakes, 0);
}

ATELIER_ON_HOST_DEVICES(HostEventContract);

}  // namespace
}  // namespace atelier::testing
