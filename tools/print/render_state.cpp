#include "tools/print/render_state.h"

#include <fmt/format.h>
#include <zlib.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "models/atomic_file.h"
#include "runtime/error.h"

namespace atelier::tools {
namespace {

std::uint32_t checksum_of(const std::string& text) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const unsigned char*>(text.data()), text.size()));
}

}  // namespace

std::filesystem::path render_state_path(const std::filesystem::path& path) {
  std::filesystem::path state = path;
  return state += ".part.state";
}

void write_render_state(const std::filesystem::path& path, const RenderState& state) {
  const nlohmann::ordered_json head = {{"atelier_render", 1},
                                       {"identity", state.identity},
                                       {"parts", state.parts},
                                       {"encoder_bytes", state.encoder.size()},
                                       {"encoder_checksum", checksum_of(state.encoder)}};
  const std::string line = head.dump() + "\n";
  AtomicFile file(render_state_path(path), AtomicFile::Existing::replace);
  file.write(line.data(), line.size());
  file.write(state.encoder.data(), state.encoder.size());
  file.commit();
}

std::optional<RenderState> read_render_state(const std::filesystem::path& path) {
  const std::filesystem::path name = render_state_path(path);
  std::ifstream stream(name, std::ios::binary);
  if (!stream) return std::nullopt;
  const std::string contents{std::istreambuf_iterator<char>(stream), {}};
  const std::size_t end = contents.find('\n');
  const nlohmann::json head = end == std::string::npos
                                  ? nlohmann::json()
                                  : nlohmann::json::parse(contents.substr(0, end), nullptr, false);
  RenderState state;
  try {
    state.identity = head.at("identity").get<std::string>();
    state.parts = head.at("parts").get<std::int64_t>();
    state.encoder = contents.substr(end + 1);
    if (head.at("atelier_render") == 1 && state.parts >= 0 &&
        head.at("encoder_bytes") == state.encoder.size() &&
        head.at("encoder_checksum") == checksum_of(state.encoder))
      return state;
  } catch (const nlohmann::json::exception&) {
  }
  throw Error(fmt::format("{}: damaged, or not what an interrupted render leaves; --force begins again",
                          name.string()));
}

}  // namespace atelier::tools
