#include "runtime/stream_host.h"

#include <fmt/format.h>

#include <cstring>
#include <new>
#include <utility>

#if defined(ATELIER_WITH_SIMT)
#include "runtime/simt/memory.h"
#endif

namespace atelier::detail {

namespace {

thread_local const HostQueue* served_queue = nullptr;

/// Bytes beyond which an upload waits for its turn rather than copying the source aside.
constexpr std::size_t largest_staged_upload = std::size_t{16} << 20;

void note_written([[maybe_unused]] Device device, [[maybe_unused]] void* memory,
                  [[maybe_unused]] std::size_t bytes) {
#if defined(ATELIER_WITH_SIMT)
  if (device.kind() == DeviceKind::simt) simt::mark_written(memory, bytes);
#endif
}

void copy_memory(Device device, void* destination, const void* source, std::size_t bytes) {
  std::memmove(destination, source, bytes);
  note_written(device, destination, bytes);
}

void run_named(Device device, const char* name, const std::function<void()>& work) {
  try {
    work();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw ExecutionError(fmt::format("'{}' failed on {}: {}", name, device.name(), error.what()));
  } catch (...) {
    throw ExecutionError(fmt::format("'{}' failed on {}: an exception of unknown type", name, device.name()));
  }
}

struct Execute {
  Device device;
  void operator()(const RunTask& task) const { run_named(device, task.name, task.work); }
  void operator()(const CopyTask& task) const {
    copy_memory(device, task.destination, task.source, task.bytes);
  }
  void operator()(const FillTask& task) const {
    std::memset(task.destination, task.value, task.bytes);
    note_written(device, task.destination, task.bytes);
  }
};

void check_fence(const RetiredMemory& memory) {
  if (!memory.fence) return;
  const auto* const base = static_cast<const std::byte*>(memory.base);
  allow_access(memory.base, memory.bytes);
  std::string finding =
      check_guard_bytes(*memory.fence, base, base + front_guard + memory.fence->payload_bytes);
  if (!finding.empty()) record_corruption(memory.fence->device, std::move(finding));
}

void free_memory([[maybe_unused]] Device device, const RetiredMemory& memory) noexcept {
  try {
    check_fence(memory);
  } catch (...) {  // no memory to word the finding
  }
#if defined(ATELIER_WITH_SIMT)
  if (device.kind() == DeviceKind::simt && memory.space == MemorySpace::device) {
    simt::free_device_memory(memory.base);
    return;
  }
#endif
  ::operator delete (memory.base, std::align_val_t{memory_alignment});
}

}  // namespace

void HostRecord::complete() noexcept {
  time_.store(std::chrono::steady_clock::now().time_since_epoch());
  done_.store(1, std::memory_order_release);
  done_.notify_all();
}

std::shared_ptr<HostRecord> HostEvent::begin_record() {
  const std::lock_guard lock(mutex_);
  // A record that only this event knows and that has completed can serve again.
  if (last_ && last_.use_count() == 1 && last_->done())
    last_->reset();
  else
    last_ = std::make_shared<HostRecord>();
  return last_;
}

std::shared_ptr<HostRecord> HostEvent::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

void HostEvent::synchronize() const {
  if (const std::shared_ptr<HostRecord> record = last()) record->wait();
}

bool HostEvent::completed() const {
  const std::shared_ptr<HostRecord> record = last();
  return !record || record->done();
}

double HostEvent::seconds_since(const EventState& start) const {
  const auto& from = static_cast<const HostEvent&>(start);
  return std::chrono::duration<double>(last()->time() - from.last()->time()).count();
}

void HostGraph::replay() {
  const std::lock_guard lock(replaying_);
  for (const RecordedTask& task : tasks_) std::visit(Execute{device_}, task);
}

void HostCapture::add(RecordedTask task) {
  const std::lock_guard lock(mutex_);
  tasks_.push_back(std::move(task));
}

std::vector<RecordedTask> HostCapture::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(tasks_, {});
}

void HostQueue::push(HostTask&& task) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (!thread_.joinable()) thread_ = std::thread([self = shared_from_this()] { self->serve(); });
    pending_.push_back(std::move(task));
    wake = std::exchange(sleeping_, false);
  }
  if (wake) work_arrived_.notify_one();
}

void HostQueue::wait_until_empty() {
  std::unique_lock lock(mutex_);
  ++drain_waiters_;
  drained_.wait(lock, [this] { return pending_.empty() && !busy_; });
  --drain_waiters_;
}

std::exception_ptr HostQueue::drain() {
  wait_until_empty();
  const std::lock_guard lock(mutex_);
  failed_.store(false, std::memory_order_relaxed);
  return std::exchange(failure_, nullptr);
}

bool HostQueue::idle() {
  const std::lock_guard lock(mutex_);
  return pending_.empty() && !busy_ && !failure_;
}

bool HostQueue::on_own_thread() const {
  return served_queue == this;
}

void HostQueue::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_arrived_.notify_one();
  if (!thread_.joinable()) return;
  if (on_own_thread())
    thread_.detach();
  else
    thread_.join();
}

void HostQueue::serve() {
  served_queue = this;
  std::vector<HostTask> batch;
  std::unique_lock lock(mutex_);
  for (;;) {
    if (pending_.empty()) {
      busy_ = false;
      if (drain_waiters_ > 0) drained_.notify_all();
      sleeping_ = true;
      work_arrived_.wait(lock, [this] { return !pending_.empty() || stopping_; });
      sleeping_ = false;
      if (pending_.empty()) return;
    }
    busy_ = true;
    batch.swap(pending_);
    lock.unlock();
    for (HostTask& queued : batch) {
      // Moved out, so that what a task holds is released before the next one runs.
      HostTask task = std::exchange(queued, std::monostate{});
      run(task);
    }
    batch.clear();
    lock.lock();
  }
}

void HostQueue::keep_failure(std::exception_ptr failure) noexcept {
  const std::lock_guard lock(mutex_);
  if (!failure_) failure_ = std::move(failure);
  failed_.store(true, std::memory_order_relaxed);
}

void HostQueue::run(HostTask& task) noexcept {
  // What others wait for happens even after a failure: records complete, memory is freed.
  if (auto* const record = std::get_if<RecordTask>(&task)) return record->record->complete();
  if (auto* const wait = std::get_if<WaitTask>(&task)) return wait->record->wait();
  if (auto* const release = std::get_if<ReleaseTask>(&task)) return free_memory(device_, release->memory);
  if (failed_.load(std::memory_order_relaxed)) return;
  const Execute execute{device_};
  try {
    if (auto* const run = std::get_if<RunTask>(&task)) execute(*run);
    if (auto* const copy = std::get_if<CopyTask>(&task)) execute(*copy);
    if (auto* const fill = std::get_if<FillTask>(&task)) execute(*fill);
    if (auto* const staged = std::get_if<StagedCopyTask>(&task))
      copy_memory(device_, staged->destination, staged->source.get(), staged->bytes);
    if (auto* const replay = std::get_if<ReplayTask>(&task)) replay->graph->replay();
  } catch (...) {
    keep_failure(std::current_exception());
  }
}

HostStream::~HostStream() {
  abandon_capture();
  queue_->stop();
}

void HostStream::require_other_thread(const char* call) const {
  if (queue_->on_own_thread())
    throw InvalidArgument(fmt::format(
        "{}: called by a task of the same stream on {}, it would wait for itself", call, device().name()));
}

void HostStream::synchronize() {
  require_other_thread("synchronize");
  if (const std::exception_ptr failure = queue_->drain()) std::rethrow_exception(failure);
}

void HostStream::close() noexcept {
  abandon_capture();
  if (!queue_->on_own_thread()) (void)queue_->drain();
}

void HostStream::record(EventState& event) {
  queue_->push(RecordTask{static_cast<HostEvent&>(event).begin_record()});
}

void HostStream::wait(EventState& event) {
  std::shared_ptr<HostRecord> record = static_cast<HostEvent&>(event).last();
  if (record && !record->done()) queue_->push(WaitTask{std::move(record)});
}

void HostStream::queue_or_record(RecordedTask task) {
  if (capturing()) {
    static_cast<HostCapture&>(*capture()).add(std::move(task));
    capture()->count_operation(participant());
  } else {
    std::visit([this](auto& each) { queue_->push(std::move(each)); }, task);
  }
}

void HostStream::enqueue(const char* name, std::function<void()> task) {
  queue_or_record(RunTask{name, std::move(task)});
}

void HostStream::copy(void* destination, const void* source, std::size_t bytes) {
  queue_or_record(CopyTask{destination, source, bytes});
}

void HostStream::fill(void* destination, unsigned char value, std::size_t bytes) {
  queue_or_record(FillTask{destination, value, bytes});
}

void HostStream::upload(void* destination, const void* source, std::size_t bytes) {
  if (bytes > largest_staged_upload && !queue_->on_own_thread()) queue_->wait_until_empty();
  if (queue_->idle()) {
    copy_memory(device(), destination, source, bytes);
    return;
  }
  auto staged = std::make_unique_for_overwrite<std::byte[]>(bytes);
  std::memcpy(staged.get(), source, bytes);
  queue_->push(StagedCopyTask{destination, std::move(staged), bytes});
}

void HostStream::download(void* destination, const void* source, std::size_t bytes) {
  synchronize();
  if (bytes > 0) std::memcpy(destination, source, bytes);
}

void HostStream::launch(const std::shared_ptr<GraphState>& graph) {
  queue_->push(ReplayTask{std::static_pointer_cast<HostGraph>(graph)});
}

std::shared_ptr<Capture> HostStream::start_capture() {
  return std::make_shared<HostCapture>(shared_from_this());
}

std::shared_ptr<GraphState> HostStream::finish_capture(Capture& capture, bool valid) {
  std::vector<RecordedTask> tasks = static_cast<HostCapture&>(capture).take();
  return valid ? std::make_shared<HostGraph>(device(), std::move(tasks)) : nullptr;
}

void* HostStream::try_take_memory(std::size_t bytes, MemorySpace space) const {
#if defined(ATELIER_WITH_SIMT)
  if (device().kind() == DeviceKind::simt && space == MemorySpace::device)
    return simt::allocate_device_memory(bytes);
#else
  (void)space;
#endif
  return ::operator new (bytes, std::align_val_t{memory_alignment});
}

void* HostStream::take_memory(std::size_t bytes, MemorySpace space) {
  try {
    return try_take_memory(bytes, space);
  } catch (const std::bad_alloc&) {
    // Blocks given up earlier may still wait for their turn to be freed.
    if (queue_->on_own_thread() || queue_->idle()) throw;
    queue_->wait_until_empty();
    return try_take_memory(bytes, space);
  }
}

void HostStream::release_memory(RetiredMemory memory) noexcept {
  if (queue_->idle()) return free_memory(device(), memory);
  HostTask task = ReleaseTask{std::move(memory)};
  try {
    queue_->push(std::move(task));
  } catch (...) {
    if (!queue_->on_own_thread()) queue_->wait_until_empty();
    free_memory(device(), std::get<ReleaseTask>(task).memory);
  }
}

void HostStream::fence_memory(void* base, std::size_t payload_bytes) {
  auto* const start = static_cast<std::byte*>(base);
  std::byte* const end = start + front_guard + payload_bytes;
  const std::size_t back_guard = fenced_size(payload_bytes) - front_guard - payload_bytes;
  write_guard(start, front_guard, 0);
  write_poison(start + front_guard, payload_bytes);
  write_guard(end, back_guard, payload_bytes);
  // Guards lie inside of what was allocated: AddressSanitizer and the executor's checker must be told.
  forbid_access(start, front_guard);
  forbid_access(end, back_guard);
#if defined(ATELIER_WITH_SIMT)
  if (device().kind() == DeviceKind::simt) simt::mark_guards(base, front_guard, payload_bytes);
#endif
}

// Guards are read in the middle of their blocks' lives: past AddressSanitizer, which forbids it to all
// others. A volatile source keeps the loop from becoming a call of memcpy, which AddressSanitizer checks.
__attribute__((no_sanitize("address"))) void HostStream::read_memory(void* destination, const void* source,
                                                                     std::size_t bytes) {
  const volatile auto* const from = static_cast<const unsigned char*>(source);
  auto* const to = static_cast<unsigned char*>(destination);
  for (std::size_t i = 0; i < bytes; ++i) to[i] = from[i];
}

std::shared_ptr<StreamState> make_host_stream(Device device) {
  return std::make_shared<HostStream>(device);
}

std::shared_ptr<EventState> make_host_event(Device device) {
  return std::make_shared<HostEvent>(device);
}

}  // namespace atelier::detail
