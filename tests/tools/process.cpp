#include "tests/tools/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace atelier::testing {
namespace {

std::filesystem::path fresh_folder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "atelier-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::system_error(errno, std::generic_category(), "mkdtemp");
  return pattern;
}

void redirect(const std::filesystem::path& path, int flags, int descriptor) {
  const int opened = open(path.c_str(), flags, 0600);
  if (opened < 0 || dup2(opened, descriptor) < 0) _exit(127);
  close(opened);
}

}  // namespace

int Outcome::error_lines() const {
  return static_cast<int>(std::count(err.begin(), err.end(), '\n'));
}

Process::Process(const std::string& program, const std::vector<std::string>& arguments,
                 const Surroundings& surroundings)
    : outputs_(fresh_folder()) {
  write_file(outputs_ / "in", surroundings.input);
  // There from the start: a process may be killed before it has opened them.
  write_file(outputs_ / "out", "");
  write_file(outputs_ / "err", "");
  std::vector<std::string> words{program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  process_ = fork();
  if (process_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (process_ > 0) return;
  // The child, up to exec: files instead of pipes, so that nobody waits for a reader.
  redirect(outputs_ / "in", O_RDONLY, STDIN_FILENO);
  redirect(outputs_ / "out", O_CREAT | O_WRONLY, STDOUT_FILENO);
  redirect(outputs_ / "err", O_CREAT | O_WRONLY, STDERR_FILENO);
  for (const auto& [name, value] : surroundings.environment) setenv(name.c_str(), value.c_str(), 1);
  if (!surroundings.folder.empty() && chdir(surroundings.folder.c_str()) != 0) _exit(127);
  if (surroundings.largest_file > 0) {
    const rlimit limit{surroundings.largest_file, surroundings.largest_file};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(127);
  }
  execv(program.c_str(), pointers.data());
  _exit(127);
}

Process::~Process() {
  if (process_ > 0) {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }
  std::error_code ignored;
  std::filesystem::remove_all(outputs_, ignored);
}

void Process::send(int signal) const {
  kill(process_, signal);
}

Outcome Process::wait() {
  int status = 0;
  while (waitpid(process_, &status, 0) < 0)
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "waitpid");
  process_ = -1;
  Outcome outcome;
  if (WIFEXITED(status)) outcome.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
  outcome.out = read_file(outputs_ / "out");
  outcome.err = read_file(outputs_ / "err");
  return outcome;
}

std::string atelier_program() {
  if (const char* program = std::getenv("ATELIER_PROGRAM")) return program;
  return ATELIER_PROGRAM_FILE;
}

Outcome atelier(const std::vector<std::string>& arguments, const Surroundings& surroundings) {
  Process process(atelier_program(), arguments, surroundings);
  return process.wait();
}

void expect_refusal(const Outcome& outcome, int code, const std::string& message,
                    std::source_location where) {
  const bool said = outcome.err.find(message) != std::string::npos;
  if (outcome.code == code && outcome.error_lines() == 1 && said && outcome.out.empty()) return;
  ADD_FAILURE_AT(where.file_name(), static_cast<int>(where.line()))
      << "expected one line with '" << message << "', exit code " << code
      << " and no output; it was exit code " << outcome.code << ", output '" << outcome.out << "', errors '"
      << outcome.err << "'";
}

std::vector<std::string> with(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TemporaryFolder::TemporaryFolder() : path_(fresh_folder()) {}
TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::vector<std::string> TemporaryFolder::names() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path_))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void write_file(const std::filesystem::path& path, const std::string& contents) {
  std::ofstream file(path, std::ios::binary);
  file.write(contents.data(), static_cast<std::streamsize>(contents.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

}  // namespace atelier::testing
