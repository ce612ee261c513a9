#pragma once

#include <exception>

#include "runtime/stream.h"

namespace atelier::tools {

/// Declared behind what queued work uses: when an exception unwinds the stack, the work ends before its
/// buffers and programs die.
class WorkEnds {
 public:
  explicit WorkEnds(Stream& stream) : stream_(stream) {}
  ~WorkEnds() {
    try {
      stream_.synchronize();
    } catch (const std::exception&) {
      // The failure that unwinds the stack is the one to report; without one, the caller has synchronised.
    }
  }
  WorkEnds(const WorkEnds&) = delete;
  WorkEnds& operator=(const WorkEnds&) = delete;

 private:
  Stream& stream_;
};

}  // namespace atelier::tools
