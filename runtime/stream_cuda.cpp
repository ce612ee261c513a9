#include "runtime/stream_cuda.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <utility>

#include "runtime/cuda_call.h"

namespace atelier::detail {

CudaEvent::CudaEvent(Device device) : EventState(device) {
  const CurrentDevice current(device);
  check_cuda(cudaEventCreateWithFlags(&event_, cudaEventDefault), "cudaEventCreateWithFlags", device);
}

CudaEvent::~CudaEvent() {
  ignore_cuda(cudaEventDestroy(event_));
}

void CudaEvent::synchronize() const {
  check_cuda(cudaEventSynchronize(event_), "cudaEventSynchronize", device());
}

bool CudaEvent::completed() const {
  const cudaError_t code = cudaEventQuery(event_);
  if (code == cudaErrorNotReady) return false;
  check_cuda(code, "cudaEventQuery", device());
  return true;
}

double CudaEvent::seconds_since(const EventState& start) const {
  float milliseconds = 0.0F;
  check_cuda(cudaEventElapsedTime(&milliseconds, static_cast<const CudaEvent&>(start).event_, event_),
             "cudaEventElapsedTime", device());
  return static_cast<double>(milliseconds) * 1e-3;
}

CudaGraph::CudaGraph(Device device, cudaGraph_t graph) : device_(device) {
  cudaError_t code = cudaGraphGetNodes(graph, nullptr, &size_);
  const char* call = "cudaGraphGetNodes";
  if (code == cudaSuccess) {
    code = cudaGraphInstantiate(&executable_, graph, 0);
    call = "cudaGraphInstantiate";
  }
  ignore_cuda(cudaGraphDestroy(graph));
  check_cuda(code, call, device);
}

CudaGraph::~CudaGraph() {
  ignore_cuda(cudaGraphExecDestroy(executable_));
}

CudaStream::CudaStream(Device device) : StreamState(device) {
  const CurrentDevice current(device);
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  int pageable_access = 0;
  ignore_cuda(cudaDeviceGetAttribute(&pageable_access, cudaDevAttrPageableMemoryAccess, device.index()));
  source_may_be_read_late_ = pageable_access != 0;
}

CudaStream::~CudaStream() {
  const CurrentDevice current(device());
  abandon_capture();
  free_deferred();
  ignore_cuda(cudaStreamDestroy(stream_));
}

void CudaStream::check(cudaError_t code, const char* call) const {
  check_cuda(code, call, device());
}

void CudaStream::count_operation() const {
  if (capturing()) capture()->count_operation(participant());
}

void CudaStream::synchronize() {
  const CurrentDevice current(device());
  check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
  free_deferred();
}

void CudaStream::close() noexcept {
  const CurrentDevice current(device());
  abandon_capture();
  ignore_cuda(cudaStreamSynchronize(stream_));
  free_deferred();
}

void CudaStream::record(EventState& event) {
  const CurrentDevice current(device());
  auto& state = static_cast<CudaEvent&>(event);
  check(cudaEventRecord(state.native(), stream_), "cudaEventRecord");
  state.note_record();
}

void CudaStream::record_in_capture(EventState& event) {
  record(event);
}

void CudaStream::wait(EventState& event) {
  const CurrentDevice current(device());
  check(cudaStreamWaitEvent(stream_, static_cast<CudaEvent&>(event).native(), 0), "cudaStreamWaitEvent");
}

void CudaStream::enqueue(const char* name, std::function<void()>) {
  throw InvalidArgument(fmt::format(
      "enqueue: '{}' is a host task, and the stream is on {}; only cpu and simt streams run host tasks", name,
      device().name()));
}

void CudaStream::copy(void* destination, const void* source, std::size_t bytes) {
  const CurrentDevice current(device());
  check(cudaMemcpyAsync(destination, source, bytes, cudaMemcpyDefault, stream_), "cudaMemcpyAsync");
  count_operation();
}

void CudaStream::fill(void* destination, unsigned char value, std::size_t bytes) {
  const CurrentDevice current(device());
  check(cudaMemsetAsync(destination, value, bytes, stream_), "cudaMemsetAsync");
  count_operation();
}

void CudaStream::upload(void* destination, const void* source, std::size_t bytes) {
  const CurrentDevice current(device());
  cudaPointerAttributes attributes = {};
  check(cudaPointerGetAttributes(&attributes, source), "cudaPointerGetAttributes");
  check(cudaMemcpyAsync(destination, source, bytes, cudaMemcpyDefault, stream_), "cudaMemcpyAsync");
  // Ordinary host memory has been copied aside when the call returns, unless the GPU can read it by itself,
  // as it can page-locked memory.
  if (source_may_be_read_late_ || attributes.type != cudaMemoryTypeUnregistered)
    check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
}

void CudaStream::download(void* destination, const void* source, std::size_t bytes) {
  const CurrentDevice current(device());
  if (bytes > 0)
    check(cudaMemcpyAsync(destination, source, bytes, cudaMemcpyDefault, stream_), "cudaMemcpyAsync");
  check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
  free_deferred();
}

void CudaStream::launch(const std::shared_ptr<GraphState>& graph) {
  const CurrentDevice current(device());
  check(cudaGraphLaunch(static_cast<const CudaGraph&>(*graph).native(), stream_), "cudaGraphLaunch");
}

std::shared_ptr<Capture> CudaStream::start_capture() {
  const CurrentDevice current(device());
  auto result = std::make_shared<Capture>(shared_from_this());
  // Relaxed: what other streams of this thread do meanwhile is no business of this capture, and what this
  // stream must not do is refused before CUDA is asked.
  check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed), "cudaStreamBeginCapture");
  return result;
}

std::shared_ptr<GraphState> CudaStream::finish_capture(Capture&, bool valid) {
  const CurrentDevice current(device());
  cudaGraph_t graph = nullptr;
  const cudaError_t code = cudaStreamEndCapture(stream_, &graph);
  free_deferred();
  if (!valid) {
    ignore_cuda(code);
    if (graph != nullptr) ignore_cuda(cudaGraphDestroy(graph));
    return nullptr;
  }
  check(code, "cudaStreamEndCapture");
  return std::make_shared<CudaGraph>(device(), graph);
}

cudaError_t CudaStream::try_take_memory(void** memory, std::size_t bytes, MemorySpace space) const {
  if (space == MemorySpace::host) return cudaHostAlloc(memory, bytes, cudaHostAllocPortable);
  if (cudaMemPool_t pool = memory_pool(device()))
    return cudaMallocFromPoolAsync(memory, bytes, pool, stream_);
  return cudaMalloc(memory, bytes);
}

void* CudaStream::take_memory(std::size_t bytes, MemorySpace space) {
  const CurrentDevice current(device());
  const char* const call = space == MemorySpace::host ? "cudaHostAlloc" : "cudaMallocFromPoolAsync";
  void* memory = nullptr;
  cudaError_t code = try_take_memory(&memory, bytes, space);
  if (code == cudaErrorMemoryAllocation) {
    // Blocks given up earlier may wait for their turn, and the pool may keep blocks of other sizes.
    (void)cudaGetLastError();
    synchronize();
    if (cudaMemPool_t pool = memory_pool(device())) ignore_cuda(cudaMemPoolTrimTo(pool, 0));
    code = try_take_memory(&memory, bytes, space);
  }
  if (code == cudaErrorMemoryAllocation) {
    (void)cudaGetLastError();
    throw std::bad_alloc();
  }
  check(code, call);
  return memory;
}

bool CudaStream::native_capture_is_on() const noexcept {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  return cudaStreamIsCapturing(stream_, &status) == cudaSuccess && status != cudaStreamCaptureStatusNone;
}

void CudaStream::release_memory(RetiredMemory memory) noexcept {
  const CurrentDevice current(device());
  if (!native_capture_is_on()) return free_memory(memory);
  // Freed now, the block would become part of the graph, or a wait would break the capture.
  try {
    const std::lock_guard lock(deferred_mutex_);
    deferred_.push_back(std::move(memory));
  } catch (...) {  // no memory to remember it: it stays allocated until the process ends
  }
}

void CudaStream::free_deferred() noexcept {
  if (native_capture_is_on()) return;
  std::vector<RetiredMemory> blocks;
  {
    const std::lock_guard lock(deferred_mutex_);
    blocks.swap(deferred_);
  }
  for (const RetiredMemory& memory : blocks) free_memory(memory);
}

void CudaStream::free_memory(const RetiredMemory& memory) noexcept {
  try {
    check_fence(memory);
  } catch (...) {  // the GPU cannot be read any more; whoever synchronises is told why
  }
  if (memory.space == MemorySpace::device) {
    if (cudaFreeAsync(memory.base, stream_) == cudaSuccess) return;
    (void)cudaGetLastError();
  }
  // Page-locked memory and memory outside of a pool are given back at once: not before the work that uses
  // them.
  ignore_cuda(cudaStreamSynchronize(stream_));
  ignore_cuda(memory.space == MemorySpace::host ? cudaFreeHost(memory.base) : cudaFree(memory.base));
}

void CudaStream::check_fence(const RetiredMemory& memory) {
  if (!memory.fence) return;
  const std::size_t payload = memory.fence->payload_bytes;
  const std::size_t back_bytes = memory.bytes - front_guard - payload;
  std::vector<std::byte> guards(front_guard + back_bytes);
  const auto* const base = static_cast<const std::byte*>(memory.base);
  read_memory(guards.data(), base, front_guard);
  read_memory(guards.data() + front_guard, base + front_guard + payload, back_bytes);
  std::string finding = check_guard_bytes(*memory.fence, guards.data(), guards.data() + front_guard);
  if (!finding.empty()) record_corruption(memory.fence->device, std::move(finding));
}

void CudaStream::fence_memory(void* base, std::size_t payload_bytes) {
  const CurrentDevice current(device());
  auto* const start = static_cast<std::byte*>(base);
  std::byte* const payload = start + front_guard;
  std::vector<std::byte> front(front_guard);
  std::vector<std::byte> back(fenced_size(payload_bytes) - front_guard - payload_bytes);
  std::vector<std::byte> poison(std::min<std::size_t>(payload_bytes, 4096));
  write_guard(front.data(), front.size(), 0);
  write_guard(back.data(), back.size(), payload_bytes);
  write_poison(poison.data(), poison.size());
  copy(start, front.data(), front.size());
  copy(payload + payload_bytes, back.data(), back.size());
  copy(payload, poison.data(), poison.size());
  for (std::size_t done = poison.size(); done < payload_bytes;) {
    const std::size_t step = std::min(done, payload_bytes - done);
    copy(payload + done, payload, step);
    done += step;
  }
  check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
}

void CudaStream::read_memory(void* destination, const void* source, std::size_t bytes) {
  const CurrentDevice current(device());
  check(cudaMemcpyAsync(destination, source, bytes, cudaMemcpyDefault, stream_), "cudaMemcpyAsync");
  check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
}

std::shared_ptr<StreamState> make_cuda_stream(Device device) {
  return std::make_shared<CudaStream>(device);
}

std::shared_ptr<EventState> make_cuda_event(Device device) {
  return std::make_shared<CudaEvent>(device);
}

}  // namespace atelier::detail
