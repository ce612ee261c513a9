#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace atelier {

/// Which build of the cpu kernels runs. avx2 needs AVX2 and FMA; avx512 needs AVX-512 F, BW, DQ, VL.
enum class InstructionSet : std::uint8_t { portable, avx2, avx512 };

[[nodiscard]] std::string_view instruction_set_name(InstructionSet set);

/// The best set that this processor and operating system support and this build holds, unless the
/// environment variable ATELIER_ISA names another ("portable", "avx2", "avx512"). Throws InvalidArgument for
/// an unknown name, DeviceUnavailable for one that this processor lacks.
[[nodiscard]] InstructionSet instruction_set();

/// For tests and benchmarks: overrides the choice for the whole process; throws as above.
void set_instruction_set(InstructionSet set);

/// All sets usable here, portable first.
[[nodiscard]] std::vector<InstructionSet> instruction_sets_present();

}  // namespace atelier
