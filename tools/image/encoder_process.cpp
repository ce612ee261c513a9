#include "tools/image/encoder_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "tools/interruption.h"

extern char** environ;

namespace atelier::tools {
namespace {

constexpr int kPatience = 100;            // milliseconds between two looks at the process
constexpr std::size_t kLastWords = 4096;  // bytes of messages that are read

[[noreturn]] void fail_with(const std::string& what, int error_number) {
  throw Error(fmt::format("{}: {}", what, std::system_category().message(error_number)));
}

/// A file in `folder` that vanishes with its last descriptor.
int nameless_file(const std::filesystem::path& folder) {
  std::string pattern = (folder / ".atelier-XXXXXX").string();
  const int file = mkostemp(pattern.data(), O_CLOEXEC);
  if (file < 0) fail_with(fmt::format("cannot write in {}", folder.string()), errno);
  unlink(pattern.c_str());
  return file;
}

/// What the program says; it is short.
int memory_file() {
  const int file = memfd_create("messages", MFD_CLOEXEC);
  if (file < 0) fail_with("cannot open another file", errno);
  return file;
}

void close_if_open(int& descriptor) {
  if (descriptor >= 0) close(descriptor);
  descriptor = -1;
}

/// Starts the program with these as its standard input, its standard error and descriptor 3. A signal from
/// the terminal reaches us alone: what becomes of the program is then decided here.
int spawn(pid_t& process, std::vector<std::string>& words, int input, int messages, int output) {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, messages, STDERR_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, 3);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  const int error =
      posix_spawnp(&process, words.front().c_str(), &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

/// A descriptor above 3, which the program's own will not overwrite on their way to their places.
int moved_up(int descriptor) {
  const int higher = fcntl(descriptor, F_DUPFD_CLOEXEC, 10);
  const int error = errno;
  close(descriptor);
  if (higher < 0) fail_with("cannot open another file", error);
  return higher;
}

std::string last_line(int messages) {
  std::array<char, kLastWords> text{};
  const off_t end = lseek(messages, 0, SEEK_END);
  const off_t first = end > static_cast<off_t>(text.size()) ? end - static_cast<off_t>(text.size()) : 0;
  const ssize_t got = pread(messages, text.data(), text.size(), first);
  std::string words(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  words.erase(words.find_last_not_of(" \r\n") + 1);
  return words.substr(words.find_last_of("\r\n") + 1);
}

}  // namespace

EncoderProcess::EncoderProcess(std::vector<std::string> words, const std::filesystem::path& folder)
    : name_(words.front()) {
  // Where our parent ignored this signal, so do we, and how a child ended would be lost.
  std::signal(SIGCHLD, SIG_DFL);
  std::array<int, 2> ends{-1, -1};
  try {
    output_ = moved_up(nameless_file(folder));
    messages_ = moved_up(memory_file());
    // A socket in place of a pipe: writing to one that nobody reads is an error, and no signal.
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
      fail_with(fmt::format("cannot start {}", name_), errno);
    input_ = std::exchange(ends[0], -1);
    ends[1] = moved_up(std::exchange(ends[1], -1));
    const int error = spawn(process_, words, ends[1], messages_, output_);
    if (error == ENOENT)
      throw Error(
          fmt::format("{0} is not installed (Debian: apt install {0}): it makes .mp4 and .webm; .gif and "
                      "folders of PNG need nothing",
                      name_));
    if (error != 0) fail_with(fmt::format("cannot start {}", name_), error);
    close_if_open(ends[1]);
  } catch (...) {
    process_ = -1;
    for (int* descriptor : {&ends[0], &ends[1], &input_, &output_, &messages_}) close_if_open(*descriptor);
    throw;
  }
}

EncoderProcess::~EncoderProcess() {
  for (int* descriptor : {&input_, &output_, &messages_}) close_if_open(*descriptor);
  if (process_ < 0) return;
  kill(process_, SIGKILL);
  while (waitpid(process_, &status_, 0) < 0 && errno == EINTR) continue;
}

bool EncoderProcess::ended() {
  if (process_ < 0) return true;
  const pid_t found = waitpid(process_, &status_, WNOHANG);
  if (found != process_) return false;
  process_ = -1;
  return true;
}

void EncoderProcess::fail() {
  const std::string words = last_line(messages_);
  if (!words.empty()) throw Error(fmt::format("{}: {}", name_, words));
  throw Error(WIFSIGNALED(status_) ? fmt::format("{} was ended by signal {}", name_, WTERMSIG(status_))
                                   : fmt::format("{} failed with exit code {}", name_, WEXITSTATUS(status_)));
}

void EncoderProcess::write(const std::byte* data, std::size_t bytes) {
  while (bytes > 0) {
    throw_if_interrupted();
    const ssize_t sent = send(input_, data, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      data += sent;
      bytes -= static_cast<std::size_t>(sent);
      continue;
    }
    if (errno == EPIPE || errno == ECONNRESET) {
      // It reads no more; what it has to say about that it says before it ends.
      for (int looks = 0; looks < 50 && !ended(); ++looks) usleep(kPatience * 1000);
      if (process_ >= 0) throw Error(fmt::format("{} reads no further", name_));
      fail();
    }
    if (errno != EAGAIN && errno != EINTR) fail_with(fmt::format("cannot send a frame to {}", name_), errno);
    struct pollfd ready = {input_, POLLOUT, 0};
    poll(&ready, 1, kPatience);
  }
}

void EncoderProcess::finish(AtomicFile& into) {
  close_if_open(input_);
  while (!ended()) {
    throw_if_interrupted();
    usleep(5000);
  }
  if (!WIFEXITED(status_) || WEXITSTATUS(status_) != 0) fail();
  std::vector<char> block(std::size_t{1} << 20);
  off_t place = 0;
  for (;;) {
    throw_if_interrupted();
    const ssize_t got = pread(output_, block.data(), block.size(), place);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_with(fmt::format("cannot read what {} wrote", name_), errno);
    if (got == 0) break;
    into.write(block.data(), static_cast<std::size_t>(got));
    place += got;
  }
  if (place == 0) throw Error(fmt::format("{} wrote nothing", name_));
}

}  // namespace atelier::tools
