#include <link.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>

#include "runtime/simt/machine.h"

namespace atelier::simt::executor {
namespace {

struct Module {
  std::uintptr_t address;
  std::uintptr_t base = 0;
  std::string path;
  bool found = false;
};

int find_module(dl_phdr_info* info, std::size_t, void* data) {
  Module& module = *static_cast<Module*>(data);
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& header = info->dlpi_phdr[i];
    const std::uintptr_t start = info->dlpi_addr + header.p_vaddr;
    if (header.p_type != PT_LOAD || module.address < start || module.address >= start + header.p_memsz)
      continue;
    module.base = info->dlpi_addr;
    module.path = info->dlpi_name != nullptr && info->dlpi_name[0] != '\0'
                      ? info->dlpi_name
                      : "/proc/" + std::to_string(getpid()) + "/exe";
    module.found = true;
    return 1;
  }
  return 0;
}

}  // namespace

std::string source_position(const void* address) {
  Module module{reinterpret_cast<std::uintptr_t>(address), 0, {}, false};
  dl_iterate_phdr(&find_module, &module);
  if (!module.found || module.path.find('\'') != std::string::npos) return "?";
  char offset[32];
  std::snprintf(offset, sizeof offset, "%#lx", static_cast<unsigned long>(module.address - module.base));
  const std::string command = "addr2line -e '" + module.path + "' " + offset + " 2>/dev/null";
  char line[512] = "?";
  if (FILE* pipe = popen(command.c_str(), "r")) {
    if (std::fgets(line, sizeof line, pipe) == nullptr) line[0] = '?';
    pclose(pipe);
  }
  std::string position = line;
  position = position.substr(0, position.find_first_of("\n ("));
  position = position.substr(position.find_last_of('/') + 1);
  return position.empty() || position[0] == '?' ? "?" : position;
}

}  // namespace atelier::simt::executor
