#include <algorithm>
#include <cerrno>
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

}  // namespace

int main(int count, char** arguments) {
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
