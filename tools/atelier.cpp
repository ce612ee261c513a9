#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <exception>
#include <new>
#include <string>

#include "tools/command_line.h"
#include "tools/run_options.h"
#include "tools/usage_error.h"

namespace {

/// Whatever a message quotes, it stays one line of printable text.
std::string one_line(std::string text) {
  for (char& letter : text)
    if (static_cast<unsigned char>(letter) < 0x20 || letter == 0x7F) letter = ' ';
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

/// A file opened while a standard descriptor is closed would take its number, and what is meant for the
/// terminal would go into the picture. In its place comes one that every read or write of ours fails on, as
/// on the closed one.
void occupy_standard_descriptors() {
  static constexpr std::array<int, 3> kUnusable{O_WRONLY, O_RDONLY, O_RDONLY};
  for (int descriptor = 0; descriptor < 3; ++descriptor)
    if (fcntl(descriptor, F_GETFD) < 0)
      static_cast<void>(open("/dev/null", kUnusable[static_cast<std::size_t>(descriptor)]));
}

}  // namespace

int main(int count, char** arguments) {
  occupy_standard_descriptors();
  std::signal(SIGXFSZ, SIG_IGN);  // a write past a file size limit is an error like any other
  try {
    return atelier::tools::run_command_line(count, arguments);
  } catch (const atelier::tools::UsageError& error) {
    atelier::tools::say(one_line(error.what()));
    return 2;
  } catch (const std::bad_alloc&) {
    atelier::tools::say("out of memory");
  } catch (const std::exception& error) {
    atelier::tools::say(one_line(error.what()));
  }
  return 1;
}
