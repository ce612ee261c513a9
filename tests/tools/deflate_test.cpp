// Packing is a function of the data alone: not of the thread, nor of where its state lies in memory.
#include <alloca.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/mman.h>
#include <zlib.h>

#include <cstdint>
#include <random>

#include "tools/print/deflate.h"

namespace atelier::testing {
namespace {

using Bytes = std::vector<unsigned char>;

/// Smooth rows behind a difference filter: few values, near 0 on either side.
Bytes differences(std::size_t count) {
  std::mt19937 random(5);
  Bytes data(count);
  for (unsigned char& byte : data)
    byte = static_cast<unsigned char>(static_cast<int>(random() % 3 + random() % 3 + random() % 2) - 2);
  return data;
}

Bytes inflated(const Bytes& packed, std::size_t bytes, int window_bits) {
  Bytes data(bytes);
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, window_bits), Z_OK);
  stream.next_in = const_cast<unsigned char*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = data.data();
  stream.avail_out = static_cast<uInt>(data.size());
  const int result = inflate(&stream, Z_SYNC_FLUSH);
  EXPECT_TRUE(result == Z_OK || result == Z_STREAM_END) << result;
  EXPECT_EQ(stream.avail_in, 0U);
  EXPECT_EQ(stream.avail_out, 0U);
  inflateEnd(&stream);
  return data;
}

TEST(Deflate, IsReadByZlib) {
  for (const std::size_t count : {1U, 100U, 65535U, 300000U}) {
    const Bytes data = differences(count);
    EXPECT_TRUE(inflated(tools::deflated(data), count, 15) == data);
    EXPECT_TRUE(inflated(tools::deflated_part(data), count, -15) == data);
    EXPECT_LE(tools::deflated(data).size(), static_cast<std::size_t>(tools::deflate_bound(std::ssize(data))));
  }
}

TEST(Deflate, WhatCannotBePackedFits) {
  std::mt19937 random(6);
  Bytes data(300000);
  for (unsigned char& byte : data) byte = static_cast<unsigned char>(random());
  EXPECT_TRUE(inflated(tools::deflated(data), data.size(), 15) == data);
  EXPECT_TRUE(inflated(tools::deflated_part(data), data.size(), -15) == data);
}

/// A stack of its own for packing again and again, each time from another depth.
struct Attempts {
  static constexpr std::size_t kDepth = std::size_t{1} << 16;
  static constexpr int kCount = 100;
  const Bytes& data;
  const Bytes& expected;
  int different = 0;

  static void* run(void* attempts) {
    auto& self = *static_cast<Attempts*>(attempts);
    for (int i = 0; i < kCount; ++i) {
      auto* const deeper = static_cast<volatile unsigned char*>(alloca(kDepth));
      deeper[0] = 1;
      self.different += tools::deflated(self.data) != self.expected ? 1 : 0;
    }
    return nullptr;
  }
};

// Levels of ISA-L that look at addresses fail one attempt in 8,000: here 24,000 are made.
TEST(Deflate, IsTheSameWhereverItsStateLies) {
  constexpr std::size_t kStack = (Attempts::kCount + 32) * Attempts::kDepth;
  const Bytes data = differences(40000);
  const Bytes expected = tools::deflated(data);
  std::mt19937_64 random(7);
  int threads = 0;
  for (int i = 0; i < 400 && threads < 240; ++i) {
    auto* const wanted =
        reinterpret_cast<void*>(0x7E0000000000U + (random() % 0x1000000000U & ~std::uint64_t{0xFFF}));
    void* const stack = mmap(wanted, kStack, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (stack == MAP_FAILED) continue;  // something else lies there
    Attempts attempts{data, expected};
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    ASSERT_EQ(pthread_attr_setstack(&attributes, stack, kStack), 0);
    pthread_t thread{};
    ASSERT_EQ(pthread_create(&thread, &attributes, &Attempts::run, &attempts), 0);
    pthread_join(thread, nullptr);
    pthread_attr_destroy(&attributes);
    munmap(stack, kStack);
    EXPECT_EQ(attempts.different, 0);
    ++threads;
  }
  EXPECT_EQ(threads, 240);
}

}  // namespace
}  // namespace atelier::testing
