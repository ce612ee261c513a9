// The planted bugs, each under each check of this build, against the table; and no false alarm on the correct
// kernels. Built three times: ordinary, as checking build, and with sanitizers. Every bug runs in a process
// of its own, which may crash.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "runtime/buffer.h"
#include "runtime/simt/check.h"
#include "runtime/simt/options.h"
#include "runtime/stream.h"
#include "tests/simt/planted_bug_table.h"

namespace atelier::simt_test {
namespace {

bool built_with_sanitizers() {
#if defined(__SANITIZE_ADDRESS__)
  return true;
#else
  return false;
#endif
}

/// The schedules' and detectors' columns are about optimised builds without runtime's own fences: at -O0
/// vector loads are taken apart, and runtime's guard words see an overrun where the executor's would have.
bool table_names_the_check() {
#if defined(__OPTIMIZE__)
  const bool optimised = true;
#else
  const bool optimised = false;
#endif
  return built_with_sanitizers() || simt::executor::checking() || (optimised && !memory_is_fenced());
}

bool belongs_here(const Check& check) {
  return check.checking_build == simt::executor::checking() && check.sanitizers == built_with_sanitizers();
}

/// Runs this program again with --planted; its exit code or signal tells what happened.
char run_in_child(const PlantedBug& bug, const Check& check) {
  const pid_t child = fork();
  if (child == 0) {
    // Core dumps and reports of expected crashes would only bury the test's own output.
    const rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
    if (freopen("/dev/null", "w", stderr) == nullptr) _exit(9);
    execl("/proc/self/exe", "simt_planted_bug", "--planted", bug.name, check.name,
          static_cast<char*>(nullptr));
    _exit(9);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return '!';
  if (!WIFEXITED(status)) return 'x';
  switch (WEXITSTATUS(status)) {
    case 10:
      return '-';
    case 11:
      return 'v';
    case 9:
      return '!';
    default:
      return 'x';  // 12, or the exit code of a sanitizer
  }
}

class PlantedBugs : public ::testing::TestWithParam<PlantedBug> {};

TEST_P(PlantedBugs, AreCaughtAsTheTableSays) {
  const PlantedBug& bug = GetParam();
  ASSERT_EQ(std::strlen(bug.caught), checks().size());
  bool expected = false;
  bool caught = false;
  for (std::size_t i = 0; i < checks().size(); ++i) {
    const Check& check = checks()[i];
    if (!belongs_here(check) || bug.caught[i] == '?') continue;
    const char found = run_in_child(bug, check);
    EXPECT_NE(found, '!') << bug.name << " under " << check.name << " did not run";
    if (table_names_the_check()) {
      EXPECT_EQ(found, bug.caught[i]) << bug.name << " under " << check.name;
    }
    expected = expected || bug.caught[i] != '-';
    caught = caught || found != '-';
  }
  EXPECT_EQ(caught, expected) << bug.name << " under all checks of this build";
}

INSTANTIATE_TEST_SUITE_P(All, PlantedBugs, ::testing::ValuesIn(planted_bugs()),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(PlantedBugTable, QuickTestsCatchNineteenInTwenty) {
  std::size_t caught = 0;
  for (const PlantedBug& bug : planted_bugs())
    for (std::size_t i = 0; i < checks().size(); ++i)
      if (!checks()[i].sanitizers && (bug.caught[i] == 'v' || bug.caught[i] == 'x')) {
        ++caught;
        break;
      }
  EXPECT_GE(planted_bugs().size(), 31U);
  EXPECT_GE(20 * caught, 19 * planted_bugs().size()) << caught << " of " << planted_bugs().size();
}

TEST(PlantedBugTable, StandsInTheReadme) {
  const char* path = std::getenv("ATELIER_SIMT_README");
  if (path == nullptr) GTEST_SKIP() << "ATELIER_SIMT_README does not name runtime/simt/README.md";
  std::ifstream file(path);
  ASSERT_TRUE(file) << path;
  std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::string begin = "<!-- planted bugs: begin -->\n";
  const std::string end = "<!-- planted bugs: end -->";
  const std::size_t first = text.find(begin);
  const std::size_t last = text.find(end);
  ASSERT_TRUE(first != std::string::npos && last != std::string::npos);
  const std::size_t start = first + begin.size();
  if (std::getenv("ATELIER_UPDATE_TABLE") != nullptr) {
    text.replace(start, last - start, table_in_markdown());
    std::ofstream(path) << text;
    return;
  }
  EXPECT_EQ(text.substr(start, last - start), table_in_markdown())
      << "run this test with ATELIER_UPDATE_TABLE=1 to write the table";
}

struct CorrectRun {
  CorrectCase correct;
  const char* schedule;
};

class CorrectKernels : public ::testing::TestWithParam<CorrectRun> {};

TEST_P(CorrectKernels, GiveRightValuesAndNoAlarm) {
  simt::Options options = simt::options();
  simt::parse_schedule(GetParam().schedule, options);
  const simt::OptionsOverride override(options);
  Stream stream{Device(DeviceKind::simt)};
  const CaseResult result = GetParam().correct.run(stream, Bug::none);
  EXPECT_TRUE(result.correct()) << "error " << result.error << ", allowed " << result.tolerance;
}

std::vector<CorrectRun> correct_runs() {
  std::vector<CorrectRun> runs;
  for (const CorrectCase& correct : correct_cases())
    for (const char* schedule :
         {"depth_first", "reverse", "round_robin", "priority:1", "priority:2", "priority:3"})
      runs.push_back({correct, schedule});
  return runs;
}

INSTANTIATE_TEST_SUITE_P(All, CorrectKernels, ::testing::ValuesIn(correct_runs()), [](const auto& tested) {
  std::string name = std::string(tested.param.correct.name) + "_" + tested.param.schedule;
  for (char& letter : name)
    if (letter == ':') letter = '_';
  return name;
});

int run_planted_from_command_line(const char* name, const char* check) {
  for (const PlantedBug& bug : planted_bugs()) {
    if (std::strcmp(bug.name, name) != 0) continue;
    std::string diagnosis;
    const char found = run_planted(bug, check, diagnosis);
    if (!diagnosis.empty() && std::getenv("ATELIER_SHOW") != nullptr) std::puts(diagnosis.c_str());
    return found == '-' ? 10 : found == 'v' ? 11 : 12;
  }
  return 9;
}

/// All cells of this build, for filling in the table.
int show_all() {
  for (const PlantedBug& bug : planted_bugs()) {
    std::string row;
    for (const Check& check : checks()) row += belongs_here(check) ? run_in_child(bug, check) : '.';
    std::printf("%-34s %s\n", bug.name, row.c_str());
  }
  return 0;
}

}  // namespace
}  // namespace atelier::simt_test

int main(int argc, char** argv) {
  if (argc == 4 && std::strcmp(argv[1], "--planted") == 0)
    return atelier::simt_test::run_planted_from_command_line(argv[2], argv[3]);
  if (argc == 2 && std::strcmp(argv[1], "--show") == 0) return atelier::simt_test::show_all();
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
