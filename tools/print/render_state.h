#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace atelier::tools {

/// What a render that has not ended leaves beside its file: how far it came, and of which picture it is.
struct RenderState {
  std::string identity;    // JSON: everything that the file's bytes depend on
  std::int64_t parts = 0;  // stored
  std::string encoder;     // PictureEncoder::state()
};

/// PATH.part.state. Written beside and renamed. Throws Error.
[[nodiscard]] std::filesystem::path render_state_path(const std::filesystem::path& path);
void write_render_state(const std::filesystem::path& path, const RenderState& state);
/// Nothing where there is none. Throws Error, in one line, for a file that is damaged or something else.
[[nodiscard]] std::optional<RenderState> read_render_state(const std::filesystem::path& path);

}  // namespace atelier::tools
