#include "runtime/buffer.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <string>

#include "tests/runtime/contract.h"

namespace atelier::testing {
namespace {

class BufferContract : public OnEveryDevice {};

bool mentions(const Error& error, const std::string& word) {
  return std::string(error.what()).find(word) != std::string::npos;
}

TEST_P(BufferContract, UploadsAndDownloadsRoundTripAtEverySize) {
  Stream stream(GetParam());
  for (const std::int64_t size : {1, 15, 16, 17, 31, 33, 127, 1000, 65537, 5000000}) {
    Buffer<float> buffer(stream, size);
    std::vector<float> values(static_cast<std::size_t>(size));
    std::iota(values.begin(), values.end(), 0.5F);
    upload<float>(stream, buffer.view(), values);
    const std::vector<float> sent = values;
    std::fill(values.begin(), values.end(), -1.0F);  // the source may be reused at once
    EXPECT_EQ(download<float>(stream, buffer.view()), sent) << size;
  }
}

TEST_P(BufferContract, UploadsKeepTheirPlaceInTheStreamAndTheSourceIsFreeAtOnce) {
  Stream stream(GetParam());
  Buffer<int> target = buffer_of(stream, 1000, 0);
  Buffer<int> seen = buffer_of(stream, 4000, 0);
  std::vector<int> source(1000);
  SlowWork slow(stream);
  for (int i = 0; i < 4; ++i) {
    std::fill(source.begin(), source.end(), i + 1);
    upload<int>(stream, target.view(), source);
    copy(stream, seen.view().part(i * 1000, 1000), target.view());
  }
  slow.open();
  const std::vector<int> values = download<int>(stream, seen.view());
  for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], static_cast<int>(i / 1000) + 1);
}

TEST_P(BufferContract, LargeUploadsBehindOtherWork) {
  Stream stream(GetParam());
  constexpr std::int64_t size = std::int64_t{6} << 20;  // 24 MiB
  Buffer<int> buffer(stream, size, "large");
  const std::vector<int> source(static_cast<std::size_t>(size), 5);
  fill_bytes(stream, buffer.data(), 1, static_cast<std::size_t>(size) * sizeof(int));
  upload<int>(stream, buffer.view(), source);
  EXPECT_EQ(common_value(stream, buffer), 5);
}

TEST_P(BufferContract, HostBuffersCopyBothWays) {
  Stream stream(GetParam());
  Buffer<int> outgoing = Buffer<int>::host(stream, 100);
  Buffer<int> incoming = Buffer<int>::host(stream, 100);
  Buffer<int> device = Buffer<int>(stream, 100);
  for (int i = 0; i < 100; ++i) outgoing.data()[i] = i * i;
  copy(stream, device.view(), outgoing.view());
  copy(stream, incoming.view(), device.view());
  stream.synchronize();
  for (int i = 0; i < 100; ++i) ASSERT_EQ(incoming.data()[i], i * i);
}

TEST_P(BufferContract, MemoryIsAlignedTo256Bytes) {
  Stream stream(GetParam());
  std::vector<Buffer<char>> buffers;
  for (const std::int64_t size : {1, 2, 255, 256, 257, 4095}) {
    buffers.emplace_back(stream, size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffers.back().data()) % 256, 0U);
    buffers.push_back(Buffer<char>::host(stream, size));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffers.back().data()) % 256, 0U);
  }
}

TEST_P(BufferContract, EmptyBuffers) {
  Stream stream(GetParam());
  const std::uint64_t held = memory_held(GetParam());
  Buffer<int> empty(stream, 0, "empty");
  Buffer<int> none;
  EXPECT_EQ(empty.data(), nullptr);
  EXPECT_EQ(none.data(), nullptr);
  EXPECT_EQ(empty.size(), 0);
  EXPECT_EQ(memory_held(GetParam()), held);
  upload<int>(stream, empty.view(), std::span<const int>());
  copy(stream, empty.view(), none.view());
  EXPECT_TRUE(download<int>(stream, empty.view()).empty());
}

TEST_P(BufferContract, CountsThatOverflowOrAreNegativeAreRefused) {
  Stream stream(GetParam());
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  EXPECT_THROW(Buffer<double>(stream, most, "huge"), InvalidArgument);
  EXPECT_THROW(Buffer<double>(stream, most / 8 + 1, "huge"), InvalidArgument);
  EXPECT_THROW(Buffer<double>(stream, -1, "negative"), InvalidArgument);
  EXPECT_THROW(Buffer<double>(stream, most / 8, "unpayable"), OutOfMemory);
  try {
    Buffer<double> buffer(stream, -3, "the label");
    FAIL();
  } catch (const InvalidArgument& error) {
    EXPECT_TRUE(mentions(error, "the label") && mentions(error, "-3")) << error.what();
  }
}

TEST_P(BufferContract, SizesOfCopiesMustAgree) {
  Stream stream(GetParam());
  Buffer<int> small = buffer_of(stream, 10, 1);
  Buffer<int> large = buffer_of(stream, 11, 2);
  std::vector<int> values(10);
  EXPECT_THROW(copy(stream, small.view(), large.view()), InvalidArgument);
  EXPECT_THROW(upload<int>(stream, large.view(), values), InvalidArgument);
  EXPECT_THROW(download<int>(stream, std::span(values), large.view()), InvalidArgument);
  EXPECT_EQ(common_value(stream, small), 1);
  EXPECT_EQ(common_value(stream, large), 2);
}

TEST_P(BufferContract, HoldersAreCountedByLabel) {
  const Device device = GetParam();
  Stream stream(device);
  const std::uint64_t held = memory_held(device);
  {
    Buffer<char> first(stream, 1000, "label one");
    Buffer<char> second(stream, 500, "label one");
    Buffer<char> third(stream, 4000, "label two");
    Buffer<char> moved = std::move(third);
    EXPECT_EQ(memory_held(device), held + 5500);
    const std::vector<MemoryHolder> holders = memory_holders(device);
    std::uint64_t ones = 0;
    std::uint64_t twos = 0;
    for (std::size_t i = 0; i < holders.size(); ++i) {
      if (i > 0) {
        EXPECT_GE(holders[i - 1].bytes, holders[i].bytes);
      }
      if (holders[i].label == "label one") {
        ones = holders[i].bytes;
        EXPECT_EQ(holders[i].blocks, 2U);
      }
      if (holders[i].label == "label two") twos = holders[i].bytes;
    }
    EXPECT_EQ(ones, 1500U);
    EXPECT_EQ(twos, 4000U);
  }
  EXPECT_EQ(memory_held(device), held);
  for (const MemoryHolder& holder : memory_holders(device)) EXPECT_NE(holder.label, "label one");
}

TEST_P(BufferContract, OutOfMemoryNamesSizesAndHolders) {
  const Device device = GetParam();
  Stream stream(device);
  Buffer<char> holder(stream, 3 << 20, "the greedy one");
  set_memory_limit(device, memory_held(device) + 1000);
  try {
    Buffer<char> buffer(stream, 2 << 20, "the late one");
    ADD_FAILURE() << "the limit did not hold";
  } catch (const OutOfMemory& error) {
    EXPECT_EQ(error.requested, std::uint64_t{2} << 20);
    EXPECT_EQ(error.free, 1000U);
    ASSERT_FALSE(error.holders.empty());
    EXPECT_EQ(error.holders.front().label, "the greedy one");
    EXPECT_GE(error.holders.front().bytes, std::uint64_t{3} << 20);
    const std::vector<std::string> words{"the late one", "the greedy one", "2.0 MiB",
                                         "3.0 MiB",      "1000 bytes",     device.name()};
    for (const std::string& word : words) EXPECT_TRUE(mentions(error, word)) << word << ": " << error.what();
    EXPECT_FALSE(mentions(error, "\n"));
  }
  Buffer<char> fits(stream, 1000, "fits");
  EXPECT_THROW(Buffer<char>(stream, 1, "one byte too many"), OutOfMemory);
  set_memory_limit(device, 0);
  Buffer<char> now(stream, 2 << 20, "fits again");
}

TEST_P(BufferContract, MoreThanTheDeviceHasIsOutOfMemoryNotAKilledProcess) {
  Stream stream(GetParam());
  const std::uint64_t held = memory_held(GetParam());
  EXPECT_THROW(Buffer<char>(stream, std::int64_t{1} << 46, "64 TiB"), OutOfMemory);
  EXPECT_EQ(memory_held(GetParam()), held);
  Buffer<int> usable = buffer_of(stream, 10, 3);
  EXPECT_EQ(common_value(stream, usable), 3);
}

TEST_P(BufferContract, InjectedFailuresHitTheAllocationsNamedAndLeaveNothingBehind) {
  const Device device = GetParam();
  Stream stream(device);
  const auto build = [&] {
    std::vector<Buffer<int>> buffers;
    for (int i = 0; i < 5; ++i) buffers.emplace_back(stream, 100, "part");
    buffers.push_back(Buffer<int>::host(stream, 100, "host part"));
    return buffers.size();
  };
  const std::uint64_t held = memory_held(device);
  for (int skip = 0; skip < 6; ++skip) {
    const AllocationFailure failure(device, skip);
    EXPECT_THROW((void)build(), OutOfMemory) << skip;
    EXPECT_EQ(memory_held(device), held);
    EXPECT_THROW(Buffer<int>(stream, 1, "later"), OutOfMemory) << "all later ones fail as well";
    EXPECT_THROW(AllocationFailure(device, 0), InvalidArgument);
  }
  {
    const AllocationFailure failure(device, 6);
    EXPECT_EQ(build(), 6U);
  }
  EXPECT_EQ(build(), 6U);
  EXPECT_THROW(AllocationFailure(device, -1), InvalidArgument);
  EXPECT_EQ(memory_held(device), held);
}

TEST_P(BufferContract, MemoryGivenUpIsNotReusedBeforeTheWorkThatUsesIt) {
  Stream stream(GetParam());
  Buffer<int> result = buffer_of(stream, 1 << 16, 0);
  std::optional<Buffer<int>> temporary = buffer_of(stream, 1 << 16, 7);
  stream.synchronize();
  SlowWork slow(stream);
  copy(stream, result.view(), temporary->view());
  temporary.reset();
  // Of another stream, hence not ordered behind the copy.
  Stream other(GetParam());
  std::vector<Buffer<int>> claimants;
  for (int i = 0; i < 8; ++i) {
    claimants.emplace_back(other, 1 << 16, "claimant");
    fill_bytes(other, claimants.back().data(), 9, (1 << 16) * sizeof(int));
  }
  other.synchronize();
  slow.open();
  EXPECT_EQ(common_value(stream, result), 7);
}

TEST_P(BufferContract, ObjectsMayDieInAnyOrder) {
  const Device device = GetParam();
  const std::uint64_t held = memory_held(device);
  std::optional<Buffer<int>> buffer;
  std::optional<Buffer<int>> pinned;
  std::optional<Event> event;
  std::optional<Graph> graph;
  {
    Stream stream(device);
    buffer = buffer_of(stream, 1000, 3);
    pinned = Buffer<int>::host(stream, 1000);
    event.emplace(device);
    stream.begin_capture();
    copy(stream, pinned->view(), buffer->view());
    graph = stream.end_capture();
    graph->launch(stream);
    event->record(stream);
  }
  EXPECT_TRUE(event->completed());
  EXPECT_EQ(pinned->data()[999], 3);
  Stream later(device);
  EXPECT_EQ(common_value(later, *buffer), 3);
  pinned.reset();
  graph.reset();
  buffer.reset();
  event.reset();
  EXPECT_EQ(memory_held(device), held);
}

TEST_P(BufferContract, StaticObjectsMayOutliveMain) {
  // Destroyed after the test framework; a crash there fails the binary.
  static std::optional<Stream> stream;
  static std::vector<Buffer<int>> buffers;
  stream.emplace(GetParam());
  buffers.push_back(buffer_of(*stream, 100, 1));
  EXPECT_EQ(common_value(*stream, buffers.back()), 1);
}

TEST_P(BufferContract, FreshMemoryIsNaNInAFencedBuild) {
  if (!memory_is_fenced()) GTEST_SKIP() << "this build neither poisons nor fences memory (preset debug does)";
  Stream stream(GetParam());
  for (const std::int64_t size : {1, 3, 1000, 100001}) {
    for (const float value : download<float>(stream, Buffer<float>(stream, size).view()))
      ASSERT_TRUE(std::isnan(value));
    for (const double value : download<double>(stream, Buffer<double>(stream, size).view()))
      ASSERT_TRUE(std::isnan(value));
  }
}

__attribute__((no_sanitize("address"))) void copy_unseen(volatile unsigned char* destination,
                                                         const volatile unsigned char* source) {
  *destination = *source;
}

/// Copies a byte to or from a guard; on host devices past AddressSanitizer, which forbids that.
void copy_guard_byte(Stream& stream, unsigned char* destination, const unsigned char* source) {
  if (stream.device().kind() == DeviceKind::cuda) return copy_bytes(stream, destination, source, 1);
  stream.enqueue("copy a guard byte", [destination, source] { copy_unseen(destination, source); });
}

TEST_P(BufferContract, GuardWordsCatchAnOverrunOfALiveBuffer) {
  if (!memory_is_fenced()) GTEST_SKIP() << "this build neither poisons nor fences memory (preset debug does)";
  const Device device = GetParam();
  Stream stream(device);
  Buffer<unsigned char> victim(stream, 1001, "the victim");
  const Buffer<unsigned char> zero(stream, 1, "zero");
  fill_bytes(stream, zero.data(), 0, 1);
  check_guards(device);
  // One byte past the end, one before the start, the last byte of the guard behind.
  for (const std::int64_t offset : {1001, -1, 1024 + 255}) {
    Buffer<unsigned char> saved(stream, 1, "saved");
    copy_guard_byte(stream, saved.data(), victim.data() + offset);
    copy_guard_byte(stream, victim.data() + offset, zero.data());
    stream.synchronize();
    try {
      check_guards(device);
      ADD_FAILURE() << "an overrun at " << offset << " went unseen";
    } catch (const MemoryCorruption& error) {
      EXPECT_TRUE(mentions(error, "the victim") && mentions(error, device.name())) << error.what();
      const std::string where =
          offset < 0 ? "byte 1 before its start" : "byte " + std::to_string(offset - 1001) + " past its end";
      EXPECT_TRUE(mentions(error, where)) << error.what();
    }
    copy_guard_byte(stream, victim.data() + offset, saved.data());
    stream.synchronize();
    check_guards(device);
  }
}

TEST_P(BufferContract, GuardWordsOfADeadBufferAreReportedByTheNextSynchronisation) {
  if (!memory_is_fenced()) GTEST_SKIP() << "this build neither poisons nor fences memory (preset debug does)";
  Stream stream(GetParam());
  const Buffer<unsigned char> zero(stream, 1, "zero");
  fill_bytes(stream, zero.data(), 0, 1);
  for (const bool host : {false, true}) {
    {
      Buffer<unsigned char> victim = host ? Buffer<unsigned char>::host(stream, 40, "the late victim")
                                          : Buffer<unsigned char>(stream, 40, "the late victim");
      copy_guard_byte(stream, victim.data() + 40, zero.data());
    }
    try {
      stream.synchronize();
      ADD_FAILURE() << "an overrun went unseen";
    } catch (const MemoryCorruption& error) {
      EXPECT_TRUE(mentions(error, "the late victim")) << error.what();
    }
    stream.synchronize();  // reported once
    check_guards(GetParam());
  }
}

#if defined(__SANITIZE_ADDRESS__)
// Whether memory is fenced or not, and by one byte too.
TEST_P(BufferContract, AddressSanitizerStopsAnOverrun) {
  if (GetParam().kind() == DeviceKind::cuda) GTEST_SKIP() << "AddressSanitizer sees no GPU's memory";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (const std::int64_t offset : {1001, 1003, -1})
    EXPECT_DEATH(
        {
          Stream stream(GetParam());
          const Buffer<unsigned char> victim(stream, 1001, "the victim");
          fill_bytes(stream, victim.data() + offset, 0, 1);
          stream.synchronize();
        },
        "AddressSanitizer")
        << offset;
}
#endif

ATELIER_ON_EVERY_DEVICE(BufferContract);

}  // namespace
}  // namespace atelier::testing
