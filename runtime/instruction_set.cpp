#include "runtime/instruction_set.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>

#include "runtime/error.h"

namespace atelier {

namespace {

constexpr std::array all_sets{InstructionSet::portable, InstructionSet::avx2, InstructionSet::avx512};
constexpr int not_chosen = -1;
std::atomic<int> chosen{not_chosen};

bool processor_has(InstructionSet set) {
#if defined(__x86_64__)
  switch (set) {
    case InstructionSet::portable:
      return true;
    case InstructionSet::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case InstructionSet::avx512:
      return processor_has(InstructionSet::avx2) && __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl");
  }
  return false;
#else
  return set == InstructionSet::portable;
#endif
}

void require(InstructionSet set) {
  if (processor_has(set)) return;
  std::vector<std::string_view> usable;
  for (const InstructionSet each : instruction_sets_present()) usable.push_back(instruction_set_name(each));
  throw DeviceUnavailable(fmt::format("this processor cannot run the {} instruction set (usable here: {})",
                                      instruction_set_name(set), fmt::join(usable, ", ")));
}

InstructionSet choose() {
  const char* const wanted = std::getenv("ATELIER_ISA");
  if (wanted == nullptr || *wanted == '\0') return instruction_sets_present().back();
  for (const InstructionSet set : all_sets) {
    if (instruction_set_name(set) != wanted) continue;
    require(set);
    return set;
  }
  throw InvalidArgument(
      fmt::format("ATELIER_ISA is '{}', which is no instruction set: use portable, avx2 or avx512", wanted));
}

}  // namespace

std::string_view instruction_set_name(InstructionSet set) {
  switch (set) {
    case InstructionSet::portable:
      return "portable";
    case InstructionSet::avx2:
      return "avx2";
    case InstructionSet::avx512:
      return "avx512";
  }
  return "unknown";
}

InstructionSet instruction_set() {
  int value = chosen.load(std::memory_order_relaxed);
  if (value == not_chosen) {
    // Several threads may come here at once: all find the same answer, and a set_instruction_set in between
    // wins.
    const int found = static_cast<int>(choose());
    if (chosen.compare_exchange_strong(value, found)) value = found;
  }
  return static_cast<InstructionSet>(value);
}

void set_instruction_set(InstructionSet set) {
  require(set);
  chosen.store(static_cast<int>(set));
}

std::vector<InstructionSet> instruction_sets_present() {
  std::vector<InstructionSet> result;
  std::copy_if(all_sets.begin(), all_sets.end(), std::back_inserter(result), processor_has);
  return result;
}

}  // namespace atelier
