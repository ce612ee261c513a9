#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

// How the SIMT executor runs kernels: which thread goes next, what it checks, what GPU it stands for.
namespace atelier::simt {

/// Which of the ready threads runs next. Threads change only where they synchronise.
enum class Schedule : std::uint8_t {
  depth_first,  // the first warp that can run goes as far as it can
  reverse,      // the last warp, last lane, last block first
  round_robin,  // every thread in turn
  priority,  // random warp priorities, changed rarely, and random lanes, from `seed` (PCT: Burckhardt et al.,
             // "A randomized scheduler with probabilistic guarantees of finding bugs", ASPLOS 2010)
};

/// Options are read when a kernel is launched (poison also when memory is allocated).
struct Options {
  Schedule schedule = Schedule::depth_first;
  std::uint64_t seed = 1;          // for Schedule::priority and for `preempt`
  unsigned workers = 0;            // host threads a grid; 0: cpu_threads()
  bool poison = true;              // fresh shared and device memory holds NaN patterns instead of zeros
  bool detect = true;              // divergent barriers and warp operations are errors, not undefined
  bool strict_exit = true;         // a block barrier after some threads returned is an error (with `detect`)
  bool strict_shuffle = false;     // a shuffle from a lane that takes no part is an error, not poison
  unsigned preempt = 0;            // checking build: one access in so many lets another thread run; 0: never
  double watchdog_seconds = 60.0;  // processor time a thread may run without synchronising; 0: no limit
  std::size_t stack_bytes = 0;     // a thread's stack; 0: 64 KiB, more with sanitizers
  // The GPU that limits stand for: an H200.
  int multiprocessors = 132;
  int threads_per_multiprocessor = 2048;
  int blocks_per_multiprocessor = 32;
  std::size_t shared_bytes_per_block = 227 * 1024;
  std::size_t shared_bytes_per_multiprocessor = 228 * 1024;
};

/// The options in force. At first the defaults, with the schedule that the environment variable
/// ATELIER_SIMT_SCHEDULE names: depth_first, reverse, round_robin, priority or priority:SEED. Throws
/// InvalidArgument when that cannot be read.
[[nodiscard]] Options options();

/// Sets the options of later launches, on all threads. Throws InvalidArgument for a value out of range.
void set_options(const Options& options);

/// Reads "depth_first", "reverse", "round_robin", "priority" or "priority:SEED" into schedule and seed.
/// Throws InvalidArgument.
void parse_schedule(std::string_view text, Options& options);

/// Sets options for a scope. Not for several threads at a time.
class OptionsOverride {
 public:
  explicit OptionsOverride(const Options& replacement) : former_(options()) { set_options(replacement); }
  ~OptionsOverride();
  OptionsOverride(const OptionsOverride&) = delete;
  OptionsOverride& operator=(const OptionsOverride&) = delete;

 private:
  Options former_;
};

}  // namespace atelier::simt
