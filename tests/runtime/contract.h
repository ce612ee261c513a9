#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "runtime/buffer.h"
#include "runtime/event.h"
#include "runtime/graph.h"
#include "runtime/stream.h"
#include "tests/devices.h"

namespace atelier::testing {

/// The devices of test_devices() whose streams run host tasks.
inline std::vector<Device> host_devices() {
  std::vector<Device> result;
  for (const Device device : test_devices())
    if (device.kind() != DeviceKind::cuda) result.push_back(device);
  return result;
}

/// Tests that run on every device: their work is copies and fills.
class OnEveryDevice : public ::testing::TestWithParam<Device> {};
/// Tests that queue host tasks: cpu and simt.
class OnHostDevices : public ::testing::TestWithParam<Device> {};

#define ATELIER_ON_EVERY_DEVICE(suite)                                                              \
  GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(suite);                                             \
  INSTANTIATE_TEST_SUITE_P(Devices, suite, ::testing::ValuesIn(::atelier::testing::test_devices()), \
                           ::atelier::testing::device_test_name)
#define ATELIER_ON_HOST_DEVICES(suite)                                                              \
  GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(suite);                                             \
  INSTANTIATE_TEST_SUITE_P(Devices, suite, ::testing::ValuesIn(::atelier::testing::host_devices()), \
                           ::atelier::testing::device_test_name)

/// Holds a stream up. On cpu and simt until open() or destruction, so that a test decides what happens
/// first; on cuda by some milliseconds of fills.
class SlowWork {
 public:
  explicit SlowWork(Stream& stream) {
    if (stream.device().kind() == DeviceKind::cuda) {
      constexpr std::int64_t bytes = std::int64_t{256} << 20;
      ballast_ = Buffer<unsigned char>(stream, bytes, "slow work");
      for (int i = 0; i < 100; ++i) fill_bytes(stream, ballast_.data(), 1, static_cast<std::size_t>(bytes));
    } else {
      stream.enqueue("slow work", [running = running_, future = opened_.get_future().share()] {
        running->set_value();
        future.wait();
      });
      closed_ = true;
    }
  }
  ~SlowWork() { open(); }
  SlowWork(const SlowWork&) = delete;
  SlowWork& operator=(const SlowWork&) = delete;

  /// cpu and simt only: returns once the stream's thread is in the slow work.
  void wait_until_running() { running_->get_future().wait(); }

  void open() {
    if (std::exchange(closed_, false)) opened_.set_value();
  }

 private:
  std::promise<void> opened_;
  std::shared_ptr<std::promise<void>> running_ = std::make_shared<std::promise<void>>();
  bool closed_ = false;
  Buffer<unsigned char> ballast_;
};

/// Gives work that should not run yet a chance to run by mistake: returns early once `event` completes. What
/// a test asserts after it holds for any duration; the duration only makes a mistake visible.
inline void let_mistakes_happen(const Event& event) {
  for (int i = 0; i < 20 && !event.completed(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

/// A buffer of `count` ints that holds `value` everywhere once the stream's work is done.
inline Buffer<int> buffer_of(Stream& stream, std::int64_t count, int value) {
  Buffer<int> buffer(stream, count, "test buffer");
  upload<int>(stream, buffer.view(), std::vector<int>(static_cast<std::size_t>(count), value));
  return buffer;
}

/// The value that all elements have, or nothing when they differ.
inline std::optional<int> common_value(Stream& stream, const Buffer<int>& buffer) {
  const std::vector<int> values = download<int>(stream, buffer.view());
  for (const int value : values)
    if (value != values.front()) return std::nullopt;
  return values.front();
}

/// What fill_bytes with `byte` leaves in an int.
constexpr int filled(unsigned char byte) {
  return static_cast<int>(0x01010101U * byte);
}

}  // namespace atelier::testing
