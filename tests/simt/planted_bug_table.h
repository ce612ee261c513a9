#pragma once

#include <string>
#include <vector>

#include "tests/simt/planted_bugs.h"

namespace atelier::simt_test {

using CaseFunction = CaseResult (*)(Stream& stream, Bug bug);

/// How one check treats one bug: '-' not caught, 'v' wrong values, 'x' a diagnosis of the executor (or of a
/// sanitizer, or the process killed by a signal), '?' not the same everywhere and so not held.
struct PlantedBug {
  Bug bug;
  const char* name;
  const char* words;
  CaseFunction run;
  const char* caught;  // one letter a check, in the order of checks()
};

/// A way to run kernels. The first ones are the ordinary build's.
struct Check {
  const char* name;
  const char* words;
  bool checking_build;
  bool sanitizers;
};

[[nodiscard]] const std::vector<Check>& checks();
[[nodiscard]] const std::vector<PlantedBug>& planted_bugs();

/// The correct cases.
struct CorrectCase {
  const char* name;
  CaseFunction run;
};
[[nodiscard]] const std::vector<CorrectCase>& correct_cases();

/// Runs one bug under one check in this process: '-', 'v' or 'x'; `diagnosis` receives the executor's words.
[[nodiscard]] char run_planted(const PlantedBug& bug, const std::string& check, std::string& diagnosis);

/// The table as it stands in runtime/simt/README.md.
[[nodiscard]] std::string table_in_markdown();

}  // namespace atelier::simt_test
