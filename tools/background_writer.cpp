#include "tools/background_writer.h"

#include <fmt/format.h>

#include <system_error>
#include <utility>

#include "runtime/error.h"

namespace atelier::tools {

BackgroundWriter::BackgroundWriter() {
  try {
    thread_ = std::thread([this] { work(); });
  } catch (const std::system_error& error) {
    throw Error(fmt::format("cannot start the thread that writes files: {}", error.what()));
  }
}

BackgroundWriter::~BackgroundWriter() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void BackgroundWriter::give(std::function<void()> task) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !next_ || failed_; });
  rethrow(lock);
  if (failed_) return;
  next_ = std::move(task);
  lock.unlock();
  changed_.notify_all();
}

void BackgroundWriter::check() {
  std::unique_lock lock(mutex_);
  rethrow(lock);
}

void BackgroundWriter::finish() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !next_ && !busy_; });
  rethrow(lock);
}

void BackgroundWriter::rethrow(std::unique_lock<std::mutex>& lock) {
  if (!failure_) return;
  const std::exception_ptr failure = std::exchange(failure_, nullptr);
  lock.unlock();
  std::rethrow_exception(failure);
}

void BackgroundWriter::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return next_ || ending_; });
    if (!next_) return;
    const std::function<void()> task = std::move(*next_);
    next_.reset();
    if (failed_) {
      changed_.notify_all();
      continue;
    }
    busy_ = true;
    lock.unlock();
    changed_.notify_all();  // the next may be given while this one runs
    std::exception_ptr failure;
    try {
      task();
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    busy_ = false;
    if (failure) {
      failed_ = true;
      failure_ = failure;
    }
    changed_.notify_all();
  }
}

}  // namespace atelier::tools
