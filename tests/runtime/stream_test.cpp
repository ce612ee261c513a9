#include "runtime/stream.h"

#include <atomic>
#include <stdexcept>
#include <string>

#include "tests/runtime/contract.h"

namespace atelier::testing {
namespace {

class StreamContract : public OnEveryDevice {};
class HostStreamContract : public OnHostDevices {};

constexpr std::int64_t count = 1000;
constexpr std::size_t bytes = count * sizeof(int);

TEST_P(StreamContract, WorkRunsInTheOrderOfQueueing) {
  Stream stream(GetParam());
  Buffer<int> first = buffer_of(stream, count, 1);
  Buffer<int> second = buffer_of(stream, count, 2);
  Buffer<int> seen(stream, 64 * count, "seen");
  SlowWork slow(stream);
  for (int i = 0; i < 64; ++i) {
    fill_bytes(stream, first.data(), static_cast<unsigned char>(i), bytes);
    copy(stream, second.view(), first.view());
    copy(stream, seen.view().part(i * count, count), second.view());
  }
  slow.open();
  const std::vector<int> values = download<int>(stream, seen.view());
  for (int i = 0; i < 64; ++i)
    for (int j = 0; j < count; ++j)
      ASSERT_EQ(values[static_cast<std::size_t>(i * count + j)], filled(static_cast<unsigned char>(i)));
}

TEST_P(StreamContract, QueueingDoesNotWaitForTheWork) {
  Stream stream(GetParam());
  Buffer<int> buffer = buffer_of(stream, count, 1);
  Event done(GetParam());
  SlowWork slow(stream);
  fill_bytes(stream, buffer.data(), 2, bytes);
  done.record(stream);
  if (GetParam().kind() != DeviceKind::cuda) {  // the gate is still closed
    EXPECT_FALSE(done.completed());
  }
  slow.open();
  EXPECT_EQ(common_value(stream, buffer), filled(2));
  EXPECT_TRUE(done.completed());
}

TEST_P(StreamContract, SynchronizeWaitsForEverythingQueued) {
  Stream stream(GetParam());
  Event done(GetParam());
  SlowWork slow(stream);
  done.record(stream);
  slow.open();
  stream.synchronize();
  EXPECT_TRUE(done.completed());
  stream.synchronize();  // nothing queued: returns
}

TEST_P(StreamContract, StreamsDoNotWaitForEachOther) {
  Stream held(GetParam());
  Stream free(GetParam());
  Buffer<int> buffer = buffer_of(free, count, 1);
  SlowWork slow(held);
  fill_bytes(free, buffer.data(), 3, bytes);
  EXPECT_EQ(common_value(free, buffer), filled(3));  // would never return if streams were one queue
}

TEST_P(StreamContract, AHundredStreamsAtOnce) {
  const Device device = GetParam();
  std::vector<Stream> streams;
  std::vector<Buffer<int>> buffers;
  for (int i = 0; i < 100; ++i) {
    streams.emplace_back(device);
    buffers.push_back(buffer_of(streams.back(), count, i));
  }
  for (int round = 0; round < 10; ++round)
    for (int i = 0; i < 100; ++i)
      fill_bytes(streams[static_cast<std::size_t>(i)], buffers[static_cast<std::size_t>(i)].data(),
                 static_cast<unsigned char>(i + round), bytes);
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(common_value(streams[static_cast<std::size_t>(i)], buffers[static_cast<std::size_t>(i)]),
              filled(static_cast<unsigned char>(i + 9)));
}

TEST_P(StreamContract, MovedStreamsKeepTheirWorkAndEmptyOnesSaySo) {
  Stream first(GetParam());
  Buffer<int> buffer = buffer_of(first, count, 1);
  SlowWork slow(first);
  fill_bytes(first, buffer.data(), 4, bytes);
  Stream second(std::move(first));
  EXPECT_THROW(first.synchronize(), InvalidArgument);  // NOLINT(bugprone-use-after-move)
  EXPECT_THROW(fill_bytes(first, buffer.data(), 4, bytes), InvalidArgument);
  slow.open();
  EXPECT_EQ(common_value(second, buffer), filled(4));
  first = std::move(second);
  EXPECT_EQ(common_value(first, buffer), filled(4));
}

TEST_P(StreamContract, DestructionWaitsForQueuedWork) {
  Stream reader(GetParam());
  Buffer<int> buffer = buffer_of(reader, count, 1);
  Event done(GetParam());
  {
    Stream writer(GetParam());
    SlowWork slow(writer);
    fill_bytes(writer, buffer.data(), 5, bytes);
    done.record(writer);
  }
  EXPECT_TRUE(done.completed());
  EXPECT_EQ(common_value(reader, buffer), filled(5));
}

TEST_P(StreamContract, EmptyCopiesAndFillsAreNothingAndNullPointersAreErrors) {
  Stream stream(GetParam());
  copy_bytes(stream, nullptr, nullptr, 0);
  fill_bytes(stream, nullptr, 1, 0);
  Buffer<int> buffer = buffer_of(stream, count, 1);
  EXPECT_THROW(copy_bytes(stream, buffer.data(), nullptr, 4), InvalidArgument);
  EXPECT_THROW(copy_bytes(stream, nullptr, buffer.data(), 4), InvalidArgument);
  EXPECT_THROW(fill_bytes(stream, nullptr, 1, 4), InvalidArgument);
  EXPECT_EQ(common_value(stream, buffer), 1);
}

TEST_P(StreamContract, HostTasksAreForHostDevices) {
  Stream stream(GetParam());
  std::atomic<int> runs{0};
  if (GetParam().kind() == DeviceKind::cuda) {
    EXPECT_NE(stream.native(), nullptr);
    EXPECT_THROW(stream.enqueue("task", [&] { ++runs; }), InvalidArgument);
    EXPECT_EQ(runs, 0);
  } else {
    EXPECT_EQ(stream.native(), nullptr);
    stream.enqueue("task", [&] { ++runs; });
    stream.synchronize();
    EXPECT_EQ(runs, 1);
    EXPECT_THROW(stream.enqueue("task", nullptr), InvalidArgument);
  }
}

ATELIER_ON_EVERY_DEVICE(StreamContract);

TEST_P(HostStreamContract, AFailureNamesTaskAndDeviceAndDropsWhatFollows) {
  Stream stream(GetParam());
  std::atomic<int> before{0};
  std::atomic<int> after{0};
  SlowWork slow(stream);
  stream.enqueue("first", [&] { ++before; });
  stream.enqueue("the broken one", [] { throw std::runtime_error("no paint left"); });
  stream.enqueue("third", [&] { ++after; });
  stream.enqueue("another broken one", [] { throw std::runtime_error("never seen"); });
  slow.open();
  try {
    stream.synchronize();
    FAIL() << "the failure was lost";
  } catch (const ExecutionError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("the broken one"), std::string::npos) << message;
    EXPECT_NE(message.find("no paint left"), std::string::npos) << message;
    EXPECT_NE(message.find(GetParam().name()), std::string::npos) << message;
  }
  EXPECT_EQ(before, 1);
  EXPECT_EQ(after, 0);
}

TEST_P(HostStreamContract, AfterAFailureWasThrownTheStreamWorksAgain) {
  Stream stream(GetParam());
  std::atomic<int> runs{0};
  for (int i = 0; i < 3; ++i) {
    stream.enqueue("broken", [] { throw std::runtime_error("broken"); });
    EXPECT_THROW(stream.synchronize(), ExecutionError);
    stream.synchronize();  // thrown once
    stream.enqueue("whole", [&] { ++runs; });
    stream.synchronize();
    EXPECT_EQ(runs, i + 1);
  }
}

TEST_P(HostStreamContract, DownloadThrowsTheFailureOfEarlierWork) {
  Stream stream(GetParam());
  Buffer<int> buffer = buffer_of(stream, count, 1);
  stream.enqueue("broken", [] { throw std::runtime_error("broken"); });
  fill_bytes(stream, buffer.data(), 9, bytes);
  EXPECT_THROW((void)download<int>(stream, buffer.view()), ExecutionError);
  EXPECT_EQ(common_value(stream, buffer), 1) << "a fill after the failure ran";
}

TEST_P(HostStreamContract, UploadsAfterAFailureAreDroppedToo) {
  Stream stream(GetParam());
  Buffer<int> buffer = buffer_of(stream, count, 1);
  SlowWork slow(stream);
  stream.enqueue("broken", [] { throw std::runtime_error("broken"); });
  upload<int>(stream, buffer.view(), std::vector<int>(count, 2));
  slow.open();
  EXPECT_THROW(stream.synchronize(), ExecutionError);
  EXPECT_EQ(common_value(stream, buffer), 1);
}

TEST_P(HostStreamContract, ErrorsOfAtelierKeepTheirTypeAndForeignOnesAreWrapped) {
  Stream stream(GetParam());
  stream.enqueue("task", [] { throw InvalidArgument("width 0"); });
  EXPECT_THROW(stream.synchronize(), InvalidArgument);
  stream.enqueue("task", [] { throw OutOfMemory("none", 5, 3, {{"holder", 7}}); });
  try {
    stream.synchronize();
    FAIL();
  } catch (const OutOfMemory& error) {
    EXPECT_EQ(error.requested, 5U);
    EXPECT_EQ(error.holders.at(0).bytes, 7U);
  }
  stream.enqueue("task", [] { throw 42; });  // NOLINT: not an std::exception on purpose
  EXPECT_THROW(stream.synchronize(), ExecutionError);
}

TEST_P(HostStreamContract, AFailureStaysInItsStream) {
  Stream broken(GetParam());
  Stream whole(GetParam());
  std::atomic<int> runs{0};
  broken.enqueue("broken", [] { throw std::runtime_error("broken"); });
  Event event(GetParam());
  event.record(broken);  // completes all the same: nobody hangs
  whole.wait(event);
  whole.enqueue("whole", [&] { ++runs; });
  whole.synchronize();
  event.synchronize();
  EXPECT_EQ(runs, 1);
  EXPECT_THROW(broken.synchronize(), ExecutionError);
}

TEST_P(HostStreamContract, AFailureThatNobodyAskedForEndsWithTheStream) {
  Stream stream(GetParam());
  stream.enqueue("broken", [] { throw std::runtime_error("broken"); });
}

TEST_P(HostStreamContract, SynchronizingFromItsOwnTaskIsAnErrorNotADeadlock) {
  Stream stream(GetParam());
  stream.enqueue("selfish", [&] { stream.synchronize(); });
  EXPECT_THROW(stream.synchronize(), InvalidArgument);
}

TEST_P(HostStreamContract, TasksMayQueueMoreTasks) {
  Stream stream(GetParam());
  std::atomic<int> runs{0};
  stream.enqueue("outer", [&] {
    for (int i = 0; i < 100; ++i) stream.enqueue("inner", [&] { ++runs; });
  });
  stream.synchronize();
  EXPECT_EQ(runs, 100);
}

TEST_P(HostStreamContract, ATaskReleasesWhatItHoldsBeforeTheNextOneRuns) {
  Stream stream(GetParam());
  SlowWork slow(stream);
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = held;
  std::atomic<bool> alive{true};
  stream.enqueue("holder", [held = std::move(held)] { EXPECT_EQ(*held, 1); });
  stream.enqueue("witness", [&] { alive = !watched.expired(); });
  slow.open();
  stream.synchronize();
  EXPECT_FALSE(alive);
}

TEST_P(HostStreamContract, ATaskMayHoldTheLastReferenceToItsOwnStream) {
  auto ended = std::make_shared<std::promise<void>>();
  std::future<void> future = ended->get_future();
  {
    auto stream = std::make_shared<Stream>(GetParam());
    auto slow = std::make_shared<SlowWork>(*stream);
    stream->enqueue("last holder", [stream, ended] { ended->set_value(); });
    stream.reset();
    slow->open();
  }
  future.wait();
}

ATELIER_ON_HOST_DEVICES(HostStreamContract);

}  // namespace
}  // namespace atelier::testing
