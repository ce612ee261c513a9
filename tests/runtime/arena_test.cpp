#include "runtime/arena.h"

#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "tests/runtime/contract.h"

namespace atelier::testing {
namespace {

class ArenaContract : public OnEveryDevice {};
class HostScratchContract : public OnHostDevices {};

TEST(ArenaPlan, OffsetsAreAlignedAndDoNotOverlap) {
  ArenaPlan plan;
  const ArenaSlot<float> weights = plan.reserve<float>(17, "weights");
  const ArenaSlot<double> moments = plan.reserve<double>(32, "moments");
  const ArenaSlot<char> nothing = plan.reserve<char>(0, "nothing");
  const ArenaSlot<char> byte = plan.reserve<char>(1, "byte");
  EXPECT_EQ(weights.offset_bytes, 0);
  EXPECT_EQ(moments.offset_bytes, 256);
  EXPECT_EQ(nothing.offset_bytes, 512);
  EXPECT_EQ(byte.offset_bytes, 512);
  EXPECT_EQ(plan.bytes(), 768);
  ASSERT_EQ(plan.entries().size(), 4U);
  EXPECT_EQ(plan.entries()[0].label, "weights");
  EXPECT_EQ(plan.entries()[1].bytes, 256);
}

TEST(ArenaPlan, RefusalsNameTheSlot) {
  ArenaPlan plan;
  for (const std::string label : {"w", "weights of the third layer of the discriminator"}) {
    try {
      (void)plan.reserve<float>(-1, label);
      FAIL() << "nothing was thrown";
    } catch (const InvalidArgument& error) {
      EXPECT_EQ(std::string(error.what()), "'" + label + "': -1 elements; a count must not be negative");
    }
  }
}

TEST(ArenaPlan, TotalsThatOverflowAreRefusedAndChangeNothing) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  ArenaPlan plan;
  (void)plan.reserve<char>(1000, "first");
  EXPECT_THROW((void)plan.reserve<float>(-1), InvalidArgument);
  EXPECT_THROW((void)plan.reserve<float>(most), InvalidArgument);
  EXPECT_THROW((void)plan.reserve<char>(most), InvalidArgument);
  EXPECT_THROW((void)plan.reserve<char>(most - 1024), InvalidArgument);
  EXPECT_EQ(plan.bytes(), 1024);
  EXPECT_EQ(plan.entries().size(), 1U);
}

TEST_P(ArenaContract, AddressesAreAlignedStableAndDistinct) {
  Stream stream(GetParam());
  ArenaPlan plan;
  std::vector<ArenaSlot<int>> slots;
  for (int i = 0; i < 20; ++i) slots.push_back(plan.reserve<int>(i * 37, "slot"));
  std::optional<Arena> arena(std::in_place, stream, plan);
  std::vector<int*> addresses;
  for (const ArenaSlot<int>& slot : slots) {
    const VectorView<int> view = arena->view(slot);
    EXPECT_EQ(view.size, slot.count);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(view.data) % 256, 0U);
    if (!addresses.empty())
      fill_bytes(stream, view.data, static_cast<unsigned char>(addresses.size()),
                 static_cast<std::size_t>(view.size) * 4);
    addresses.push_back(view.data);
  }
  const Arena moved = std::move(*arena);  // the block stays where it is
  arena.reset();
  for (std::size_t i = 1; i < slots.size(); ++i) {
    EXPECT_EQ(moved.view(slots[i]).data, addresses[i]);
    for (const int value : download<int>(stream, moved.view(slots[i])))
      ASSERT_EQ(value, filled(static_cast<unsigned char>(i)));
  }
  EXPECT_EQ(moved.bytes(), plan.bytes());
  EXPECT_EQ(moved.all().size, plan.bytes());
}

TEST_P(ArenaContract, GraphsMayHoldAddressesOfAnArena) {
  Stream stream(GetParam());
  ArenaPlan plan;
  const ArenaSlot<int> from = plan.reserve<int>(100);
  const ArenaSlot<int> to = plan.reserve<int>(100);
  const Arena arena(stream, plan);
  stream.begin_capture();
  copy(stream, arena.view(to), arena.view(from));
  const Graph graph = stream.end_capture();
  for (int i = 0; i < 5; ++i) {
    upload<int>(stream, arena.view(from), std::vector<int>(100, i));
    graph.launch(stream);
    EXPECT_EQ(download<int>(stream, arena.view(to)), std::vector<int>(100, i));
  }
}

TEST_P(ArenaContract, MatricesLieInSlots) {
  Stream stream(GetParam());
  ArenaPlan plan;
  (void)plan.reserve<int>(3);
  const ArenaSlot<int> slot = plan.reserve<int>(12);
  const Arena arena(stream, plan);
  const MatrixView<int> matrix = arena.matrix(slot, 3, 4);
  EXPECT_EQ(matrix.data, arena.view(slot).data);
  EXPECT_EQ(matrix.rows, 3);
  EXPECT_EQ(matrix.columns, 4);
  EXPECT_EQ(matrix.stride, 4);
}

TEST_P(ArenaContract, SlotsOfAnotherPlanAreRefused) {
  Stream stream(GetParam());
  ArenaPlan small;
  (void)small.reserve<int>(10);
  ArenaPlan large;
  (void)large.reserve<int>(1000);
  const ArenaSlot<int> foreign = large.reserve<int>(10);
  const Arena arena(stream, small);
  EXPECT_THROW((void)arena.view(foreign), InvalidArgument);
  EXPECT_THROW((void)arena.view(ArenaSlot<int>{0, 1000}), InvalidArgument);
  EXPECT_THROW((void)arena.view(ArenaSlot<int>{-4, 1}), InvalidArgument);
  EXPECT_THROW((void)arena.matrix(ArenaSlot<int>{0, 10}, 3, 4), InvalidArgument);
}

TEST_P(ArenaContract, AnArenaOfNothing) {
  Stream stream(GetParam());
  ArenaPlan plan;
  const ArenaSlot<int> slot = plan.reserve<int>(0);
  const Arena arena(stream, plan);
  EXPECT_EQ(arena.view(slot).size, 0);
  EXPECT_EQ(arena.bytes(), 0);
}

TEST_P(ArenaContract, ScratchGrowsAndShrinksInReverseOrder) {
  Stream stream(GetParam());
  Scratch scratch(stream, 4096);
  EXPECT_EQ(scratch.capacity(), 4096);
  {
    Scratch::Frame outer(scratch);
    const VectorView<float> first = outer.take<float>(100);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first.data) % 256, 0U);
    EXPECT_EQ(scratch.used(), 512);
    const float* inner_address = nullptr;
    {
      Scratch::Frame inner(scratch);
      const VectorView<float> second = inner.take<float>(1);
      inner_address = second.data;
      EXPECT_EQ(scratch.used(), 768);
      EXPECT_THROW((void)outer.take<float>(1), Error) << "the outer frame is not the innermost";
    }
    EXPECT_EQ(scratch.used(), 512);
    EXPECT_EQ(outer.take<float>(1).data, inner_address) << "memory of an ended frame is taken again";
    EXPECT_EQ(outer.take<float>(0).size, 0);
  }
  EXPECT_EQ(scratch.used(), 0);
  EXPECT_EQ(scratch.peak(), 768);
}

TEST_P(ArenaContract, ScratchThatIsUsedUpIsOutOfMemory) {
  Stream stream(GetParam());
  Scratch scratch(stream, 1024, "small scratch");
  Scratch::Frame frame(scratch);
  (void)frame.take<char>(700);
  try {
    (void)frame.take<char>(500);
    FAIL() << "more was taken than there is";
  } catch (const OutOfMemory& error) {
    EXPECT_EQ(error.requested, 500U);
    EXPECT_EQ(error.free, 256U);
    EXPECT_NE(std::string(error.what()).find("small scratch"), std::string::npos) << error.what();
  }
  (void)frame.take<char>(256);
  EXPECT_THROW((void)frame.take<char>(std::numeric_limits<std::int64_t>::max()), OutOfMemory);
  EXPECT_THROW((void)frame.take<char>(-1), InvalidArgument);
}

TEST_P(ArenaContract, FramesThatEndOutOfOrderAreFound) {
  Stream stream(GetParam());
  Scratch scratch(stream, 1024);
  auto outer = std::make_unique<Scratch::Frame>(scratch);
  auto inner = std::make_unique<Scratch::Frame>(scratch);
  outer.reset();
  EXPECT_THROW((void)inner->take<char>(1), Error);
  inner.reset();
  Scratch::Frame next(scratch);
  EXPECT_THROW((void)next.take<char>(1), Error);
}

ATELIER_ON_EVERY_DEVICE(ArenaContract);

TEST_P(HostScratchContract, TakenMemoryIsPoisonedInStreamOrderInAFencedBuild) {
  if (!memory_is_fenced()) GTEST_SKIP() << "this build neither poisons nor fences memory (preset debug does)";
  Stream stream(GetParam());
  Buffer<float> kept(stream, 100, "kept");
  Scratch scratch(stream, 4096);
  SlowWork slow(stream);
  {
    Scratch::Frame frame(scratch);
    const VectorView<float> memory = frame.take<float>(100);
    fill_bytes(stream, memory.data, 0, 400);
    copy(stream, kept.view(), memory);
  }
  Scratch::Frame frame(scratch);
  const VectorView<float> again = frame.take<float>(100);
  slow.open();
  for (const float value : download<float>(stream, kept.view())) ASSERT_EQ(value, 0.0F);
  for (const float value : download<float>(stream, again)) ASSERT_TRUE(std::isnan(value));
}

ATELIER_ON_HOST_DEVICES(HostScratchContract);

}  // namespace
}  // namespace atelier::testing
