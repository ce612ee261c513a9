#pragma once

namespace atelier::simt::executor {

struct Worker;

/// While alive, the calling thread is watched: when it uses more than `seconds` of processor time without its
/// worker noting progress, the worker is marked overdue, and if it is in kernel code the running GPU thread
/// is taken off it (Worker::abandoned). 0 seconds: not watched.
class Watch {
 public:
  Watch(Worker& worker, double seconds, const char* kernel);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  Worker* worker_ = nullptr;
};

/// Leaves the running GPU thread, whose worker is overdue, where it stands and goes back to the scheduler.
/// Does not return.
void abandon_running_thread(void* interrupted_at);

}  // namespace atelier::simt::executor
