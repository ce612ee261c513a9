// The command line as a user meets it: the built program, run as a process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>

#include "models/presets.h"
#include "tests/devices.h"
#include "tests/tools/png_pieces.h"
#include "tests/tools/png_pixels.h"
#include "tests/tools/process.h"
#include "tools/image/png_reader.h"

namespace atelier::testing {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

/// `atelier render … --device cpu -q`, which must succeed.
void paint(const std::vector<std::string>& words, const Surroundings& surroundings = {}) {
  const Outcome outcome = atelier(with(with({"render"}, words), {"--device", "cpu", "-q"}), surroundings);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "");
}

TEST(Atelier, HelpAndVersion) {
  const Outcome help = atelier({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_EQ(help.err, "");
  for (const char* verb :
       {"render", "sheet", "train", "classify", "gradcheck", "experiments", "devices", "import", "info"}) {
    EXPECT_THAT(help.out, HasSubstr(verb));
    const Outcome verb_help = atelier({verb, "--help"});
    EXPECT_EQ(verb_help.code, 0);
    EXPECT_THAT(verb_help.out, HasSubstr(std::string("Examples:\n  atelier ").append(verb)));
  }
  EXPECT_THAT(atelier({"--version"}).out, StartsWith("atelier 0."));
}

struct Misuse {
  const char* name;
  std::vector<std::string> words;
  const char* message;
};
void PrintTo(const Misuse& misuse, std::ostream* stream) {
  *stream << misuse.name;
}

/// 300 inputs, as typed.
std::string many_inputs() {
  std::string text = "x";
  for (int i = 1; i < 300; ++i) text += ",y";
  return text;
}

class UsedWrongly : public ::testing::TestWithParam<Misuse> {};

TEST_P(UsedWrongly, SaysSoInOneLineAndLeavesNothing) {
  const TemporaryFolder folder;
  const Outcome outcome = atelier(GetParam().words, {.folder = folder.path()});
  EXPECT_EQ(outcome.code, 2) << outcome.err;
  EXPECT_EQ(outcome.error_lines(), 1) << outcome.err;
  EXPECT_THAT(outcome.err, StartsWith("atelier: "));
  EXPECT_THAT(outcome.err, HasSubstr(GetParam().message));
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(folder.names(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Cases, UsedWrongly,
    ::testing::Values(
        Misuse{"no_verb", {}, "a verb is needed"},
        Misuse{"verb", {"rendr", "-o", "a.png"}, "did you mean render?; see atelier --help"},
        Misuse{"strange_verb", {"frobnicate"}, "no verb 'frobnicate'; see atelier --help"},
        Misuse{"flag", {"render", "--sed", "3", "-o", "a.png"}, "no option --sed; did you mean --seed?"},
        Misuse{
            "flag_value", {"render", "--sizee=3", "-o", "a.png"}, "no option --sizee; did you mean --size?"},
        Misuse{"extra", {"render", "a.json", "b.json", "-o", "a.png"}, "no further argument 'b.json'"},
        Misuse{"no_output", {"render"}, "-o FILE"},
        Misuse{"missing_value", {"render", "-o"}, "--output needs a value"},
        Misuse{"seed_word", {"render", "--seed", "abc", "-o", "a.png"}, "--seed"},
        Misuse{"seed_negative", {"render", "--seed", "-1", "-o", "a.png"}, "--seed"},
        Misuse{"size_0", {"render", "--size", "0", "-o", "a.png"}, "--size '0'"},
        Misuse{"size_0x5", {"render", "--size", "0x5", "-o", "a.png"}, "--size '0x5'"},
        Misuse{"size_negative", {"render", "--size=-5", "-o", "a.png"}, "--size '-5'"},
        Misuse{"size_absurd", {"render", "--size", "99999999999", "-o", "a.png"}, "1 to 2147483647"},
        Misuse{"extension", {"render", "-o", "a.jpg"}, ".png"},
        Misuse{"no_extension", {"render", "-o", "a"}, ".npy"},
        Misuse{"png_float", {"render", "--depth", "float", "-o", "a.png"}, "8 or 16 bits"},
        Misuse{"device", {"render", "--device", "gpu", "-o", "a.png"}, "--device"},
        Misuse{"threads", {"render", "--threads", "-3", "-o", "a.png"}, "--threads '-3': a whole number"},
        Misuse{"threads_word", {"render", "--threads", "all", "-o", "a.png"}, "--threads 'all'"},
        Misuse{"threads_many", {"render", "--threads", "100000", "-o", "a.png"}, "from 0 to 1024"},
        Misuse{"twice",
               {"render", "--seed", "1", "--seed", "2", "-o", "a.png"},
               "--seed is given more than once"},
        Misuse{"two_sources", {"render", "--seed", "1", "--torch-seed", "2", "-o", "a.png"}, "exclude"},
        Misuse{
            "truncate_round", {"render", "--truncate", "--round", "-o", "a.png"}, "--truncate and --round"},
        Misuse{
            "round_truncate", {"render", "--round", "--truncate", "-o", "a.png"}, "--truncate and --round"},
        Misuse{
            "width_fraction", {"render", "--width", "3.5", "-o", "a.png"}, "--width '3.5': a whole number"},
        Misuse{"width_1025", {"render", "--width", "1025", "-o", "a.png"}, "from 1 to 1024"},
        Misuse{"layers_0",
               {"render", "--layers", "0", "-o", "a.png"},
               "--layers '0': a whole number from 1 to 255"},
        Misuse{"scale_nan", {"render", "--scale", "nan", "-o", "a.png"}, "--scale 'nan': a number is needed"},
        Misuse{"scale_negative",
               {"render", "--scale", "-1", "-o", "a.png"},
               "--scale -1: a number from 0 to 1e+30"},
        Misuse{"layer_scale", {"render", "--layer-scale", "1,2", "-o", "a.png"}, "2 numbers for 10 layers"},
        Misuse{"span_infinite", {"render", "--span", "inf", "-o", "a.png"}, "--span 'inf'"},
        Misuse{"slope", {"render", "--activation", "elu:1e60", "-o", "a.png"}, "too large for fp32"},
        Misuse{"inputs_300", {"render", "--inputs", many_inputs(), "-o", "a.png"}, "300 inputs"},
        Misuse{"preset", {"render", "--preset", "mondriaan", "-o", "a.png"}, "did you mean mondrian?"},
        Misuse{
            "seed_rectangle", {"render", "--preset", "seed", "--size", "20x10", "-o", "a.png"}, "seed-rect"},
        Misuse{"compat", {"render", "--compat", "seed", "-o", "a.png"}, "seed-rect"},
        Misuse{"sheet_seeds", {"sheet", "-o", "a.png"}, "--seeds"},
        Misuse{"sheet_range", {"sheet", "--seeds", "9..1", "-o", "a.png"}, "backwards"},
        Misuse{"sheet_format", {"sheet", "--seeds", "0..1", "-o", "a.npy"}, ".png"},
        Misuse{"sheet_cell", {"sheet", "--seeds", "0..1", "--cell", "0", "-o", "a.png"}, "--cell '0'"},
        Misuse{"sheet_open_range",
               {"sheet", "--seeds", "3..", "-o", "a.png"},
               "--seeds '3..': a range has two ends"},
        Misuse{
            "sheet_torch_range", {"sheet", "--torch-seeds", "9..1", "-o", "a.png"}, "--torch-seeds '9..1'"},
        Misuse{"sheet_many", {"sheet", "--seeds", "0..99999", "-o", "a.png"}, "at most 65536 cells"},
        Misuse{
            "sheet_columns", {"sheet", "--seeds", "0..1", "--columns", "0", "-o", "a.png"}, "--columns '0'"},
        Misuse{"experiments_seed", {"experiments", "--seed", "3"}, "for --paint"},
        Misuse{
            "sheet_huge", {"sheet", "--seeds", "0..99", "--cell", "999999999", "-o", "a.png"}, "too large"},
        Misuse{"experiments_cell", {"experiments", "--paint", "--cell", "0"}, "--cell '0'"},
        Misuse{"import_nothing", {"import", "-o", "a.json"}, "network"},
        Misuse{"import_format", {"import", "a.safetensors", "-o", "a.txt"}, ".json"},
        Misuse{"info_nothing", {"info"}, "file"}),
    [](const auto& instance) { return std::string(instance.param.name); });

/// A command whose input file is the trouble: exit 1, one line, nothing under the final name.
void expect_refused(const TemporaryFolder& folder, const std::string& file, const std::string& message) {
  const std::vector<std::string> before = folder.names();
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"render", file, "--device", "cpu", "-o", "out.png"}, {"info", file}}) {
    const Outcome outcome = atelier(words, {.folder = folder.path()});
    expect_refusal(outcome, 1, message);
  }
  EXPECT_EQ(folder.names(), before);
}

TEST(Atelier, RefusesHostileRecipes) {
  const TemporaryFolder folder;
  write_file(folder / "text.json", "certainly no recipe");
  write_file(folder / "empty.json", "");
  write_file(folder / "version.json", "{\"atelier_recipe\": 99}");
  write_file(folder / "deep.json", std::string(100000, '['));
  write_file(folder / "lines.json", "{\"atelier_recipe\": 1, \"na\\nme\n\": \n3}");
  const Outcome painted =
      atelier({"render", "--seed", "1", "--size", "9", "--device", "cpu", "-q", "-o", folder / "good.png"});
  ASSERT_EQ(painted.code, 0) << painted.err;
  const std::string recipe = atelier({"info", "--json", folder / "good.png"}).out;
  ASSERT_THAT(recipe, HasSubstr("atelier_recipe"));
  write_file(folder / "cut.json", recipe.substr(0, recipe.size() / 2));
  for (const char* name : {"text.json", "empty.json", "version.json", "deep.json", "lines.json", "cut.json"})
    expect_refused(folder, name, name);
  write_file(folder / "picture.npy", "\x93NUMPY\x01");
  write_file(folder / "text.png", "a text that was renamed");
  expect_refused(folder, "empty.json", "is empty");
  expect_refused(folder, "picture.npy", "a .npy file holds no recipe");
  expect_refused(folder, "text.png", "neither a recipe");
  expect_refused(folder, "missing.json", "No such file");
  std::filesystem::create_directory(folder / "folder");
  expect_refused(folder, "folder", "directory");
}

TEST(Atelier, RefusesHostilePictures) {
  const TemporaryFolder folder;
  write_file(folder / "bomb.png",
             png_file(png_chunk("iTXt", png_text("atelier", std::string(80 << 20, ' '), true))));
  write_file(folder / "lie.png",
             png_signature() + png_header(1, 1) + big_endian_word(0xFFFFFFF0) + "iTXt" + std::string(9, 'x'));
  write_file(folder / "garbage.png",
             png_file(png_chunk("iTXt", png_text("atelier", "\x01\n{not json", true))));
  write_file(folder / "other.png", png_file(png_chunk("iTXt", png_text("Comment", "hello", false))));
  expect_refused(folder, "bomb.png", "unpacks to more than");
  expect_refused(folder, "lie.png", "claims 4294967280 bytes");
  expect_refused(folder, "garbage.png", "garbage.png");
  const Outcome outcome = atelier({"render", "other.png", "-o", "out.png"}, {.folder = folder.path()});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("no recipe inside"));
  ASSERT_EQ(
      atelier({"render", "--seed", "1", "--size", "64", "--device", "cpu", "-q", "-o", folder / "good.png"})
          .code,
      0);
  const std::string whole = read_file(folder / "good.png");
  write_file(folder / "cut.png", whole.substr(0, whole.size() - 20));
  expect_refused(folder, "cut.png", "not a whole PNG");
}

TEST(Atelier, RefusesHostileNetworks) {
  const TemporaryFolder folder;
  const auto safetensors = [](const std::string& header, std::size_t bytes) {
    std::string file;
    for (int shift = 0; shift < 64; shift += 8)
      file.push_back(static_cast<char>(header.size() >> shift & 0xFF));
    return file + header + std::string(bytes, '\0');
  };
  write_file(folder / "short.safetensors", "abc");
  write_file(folder / "lie.safetensors", std::string("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F{}", 10));
  write_file(folder / "beyond.safetensors",
             safetensors(R"({"a.0.weight":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]}})", 8));
  write_file(folder / "overlap.safetensors",
             safetensors(R"({"a.0.weight":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]},)"
                         R"("a.0.bias":{"dtype":"F32","shape":[3],"data_offsets":[12,24]}})",
                         24));
  write_file(folder / "shapes.safetensors",
             safetensors(R"({"a.0.weight":{"dtype":"F32","shape":[4,2],"data_offsets":[0,32]},)"
                         R"("a.2.weight":{"dtype":"F32","shape":[3,5],"data_offsets":[32,92]}})",
                         92));
  std::string nan = safetensors(R"({"a.0.weight":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]}})", 24);
  nan.replace(nan.size() - 4, 4, std::string("\x00\x00\xC0\x7F", 4));
  write_file(folder / "nan.safetensors", nan);
  const std::vector<std::string> before = folder.names();
  for (const std::string& name : with(before, {"missing.safetensors"})) {
    const Outcome outcome = atelier({"import", name, "-o", "net.json"}, {.folder = folder.path()});
    expect_refusal(outcome, 1, name);
  }
  EXPECT_EQ(folder.names(), before);
}

TEST(Atelier, RefusesOutputsThatCannotBe) {
  const TemporaryFolder folder;
  write_file(folder / "old.png", "precious");
  std::filesystem::create_directory(folder / "folder.png");
  const auto attempt = [&](const std::string& output, const std::string& message,
                           const std::vector<std::string>& more = {}) {
    const Outcome outcome =
        atelier(with({"render", "--seed", "1", "--size", "8", "--device", "cpu", "-o", output}, more),
                {.folder = folder.path()});
    expect_refusal(outcome, 1, message);
  };
  attempt("old.png", "exists already; --force replaces it");
  attempt("folder.png", "it is a folder", {"--force"});
  attempt("none/a.png", "No such file or directory");
  attempt("old.png/a.png", "Not a directory");
  EXPECT_EQ(read_file(folder / "old.png"), "precious");
  if (geteuid() != 0) {
    std::filesystem::permissions(folder.path(),
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
    attempt("a.png", "Permission denied");
    std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_all);
  }
  EXPECT_THAT(folder.names(), ElementsAre("folder.png", "old.png"));
  paint({"--seed", "1", "--size", "8", "--force", "-o", folder / "old.png"});
  EXPECT_EQ(read_pixels(folder / "old.png").width, 8);
}

TEST(Atelier, RefusesPicturesThatNoDiskHolds) {
  const TemporaryFolder folder;
  const Outcome png = atelier({"render", "--size", "2147483647x2000000000", "-o", folder / "a.png"});
  EXPECT_EQ(png.code, 1);
  EXPECT_THAT(png.err, HasSubstr("too large for the disk"));
  const Outcome wide =
      atelier({"render", "--size", "2147483647", "--depth", "float", "-q", "-o", folder / "a.npy"});
  EXPECT_EQ(wide.code, 1);
  EXPECT_EQ(wide.error_lines(), 1);
  EXPECT_THAT(folder.names(), IsEmpty());
}

TEST(Atelier, FullDiskIsOneLineAndNoFile) {
  const TemporaryFolder folder;
  for (const char* name : {"a.png", "a.npy"}) {
    // A limit on the file's size fails writes as a full disk does, at any place of the file.
    for (const std::uint64_t limit : {100ULL, 50000ULL}) {
      const Outcome outcome =
          atelier({"render", "--seed", "1", "--size", "512", "--device", "cpu", "-o", name},
                  {.folder = folder.path(), .largest_file = limit});
      expect_refusal(outcome, 1, std::string("cannot write ") + name);
    }
  }
  EXPECT_THAT(folder.names(), IsEmpty());
}

TEST(Atelier, FullStandardOutputIsAnError) {
  const std::string command =
      std::string("'").append(atelier_program()).append("' experiments > /dev/full 2> /dev/null");
  const int status = std::system(command.c_str());
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

/// What the shell makes of `atelier render … -o FILE` with these redirections; its exit code.
int painted_with(const std::string& redirections, const std::string& file) {
  const std::string command = std::string("'")
                                  .append(atelier_program())
                                  .append("' render --seed 1 --size 200 --device auto -o '")
                                  .append(file)
                                  .append("' ")
                                  .append(redirections);
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Atelier, ClosedStandardStreamsDoNotReachThePicture) {
  const TemporaryFolder folder;
  ASSERT_EQ(painted_with("> /dev/null 2> /dev/null", folder / "whole.png"), 0);
  // The picture itself must be whole; that its report could not be printed is an error.
  EXPECT_EQ(painted_with("<&- >&- 2>&-", folder / "closed.png"), 1);
  EXPECT_EQ(painted_with("2> /dev/null >&-", folder / "mute.png"), 1);
  EXPECT_EQ(painted_with("> /dev/null 2>&-", folder / "silent.png"), 0);
  EXPECT_EQ(painted_with("> /dev/null 2> /dev/full", folder / "full.png"), 0);
  for (const char* name : {"closed.png", "mute.png", "silent.png", "full.png"})
    EXPECT_EQ(read_file(folder / name), read_file(folder / "whole.png")) << name;
}

TEST(Atelier, SaysWhenAZoomNeedsDouble) {
  const TemporaryFolder folder;
  const std::vector<std::string> words{"render", "--seed", "1",     "--size", "64",    "--device",
                                       "cpu",    "--span", "1e-12", "-o",     "a.png", "--force"};
  EXPECT_THAT(atelier(words, {.folder = folder.path()}).err, HasSubstr("--precision double"));
  EXPECT_EQ(atelier(with(words, {"-q"}), {.folder = folder.path()}).err, "");
  EXPECT_EQ(atelier(with(words, {"--precision", "double"}), {.folder = folder.path()}).err, "");
  // Around zero, and without a bias, fp32 is as fine there as anywhere.
  EXPECT_EQ(atelier(with(words, {"--bias", "none"}), {.folder = folder.path()}).err, "");
}

/// Starts a picture that takes long, lets it get going, and sends it a signal.
Outcome interrupted_by(int signal, const TemporaryFolder& folder) {
  Process process(atelier_program(),
                  {"render", "--seed", "1", "--size", "9000", "--layers", "100", "--device", "cpu",
                   "--threads", "1", "-o", "a.png"},
                  {.folder = folder.path()});
  // Long enough to be under way, far too short for a hundred layers on 81 megapixels.
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  process.send(signal);
  return process.wait();
}

TEST(Atelier, InterruptedLeavesNothing) {
  struct sigaction present = {};
  ASSERT_EQ(sigaction(SIGHUP, nullptr, &present), 0);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    if (signal == SIGHUP && present.sa_handler == SIG_IGN) continue;  // inherited from nohup, and kept
    const TemporaryFolder folder;
    const Outcome outcome = interrupted_by(signal, folder);
    EXPECT_EQ(outcome.code, 1) << outcome.signal;
    EXPECT_THAT(outcome.err, HasSubstr("interrupted"));
    EXPECT_THAT(folder.names(), IsEmpty());
  }
}

TEST(Atelier, KilledLeavesNoFinalFile) {
  const TemporaryFolder folder;
  EXPECT_EQ(interrupted_by(SIGKILL, folder).signal, SIGKILL);
  EXPECT_THAT(folder.names(), Not(::testing::Contains("a.png")));
}

TEST(Atelier, CudaWithoutGpuIsOneLine) {
  if (cuda_device_count() > 0) GTEST_SKIP() << "there is a GPU";
  const TemporaryFolder folder;
  const Outcome outcome = atelier({"render", "--size", "8", "--device", "cuda", "-o", folder / "a.png"});
  expect_refusal(outcome, 1, "cuda");
  EXPECT_THAT(folder.names(), IsEmpty());
  const Outcome fallback = atelier({"render", "--size", "8", "-o", folder / "a.png"});
  EXPECT_EQ(fallback.code, 0);
  EXPECT_EQ(fallback.error_lines(), 1) << fallback.err;
  EXPECT_THAT(fallback.err, HasSubstr("running on the cpu"));
  EXPECT_EQ(atelier({"render", "--size", "8", "-q", "-o", folder / "b.png"}).err, "");
}

}  // namespace
}  // namespace atelier::testing
