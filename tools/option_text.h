#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/cppn.h"

// What is typed after an option, turned into values. Everything throws UsageError that names the option, what
// was typed and what would be right.
namespace atelier::tools {

/// The parts between commas; none may be empty.
[[nodiscard]] std::vector<std::string> split_list(const char* option, const std::string& text);
/// A finite number.
[[nodiscard]] double parse_number(const char* option, std::string_view text);
[[nodiscard]] std::vector<double> parse_numbers(const char* option, const std::string& text);
/// An integer from `low` to `high`.
[[nodiscard]] std::int64_t parse_integer(const char* option, std::string_view text, std::int64_t low,
                                         std::int64_t high);
/// A whole number of 64 bits without sign.
[[nodiscard]] std::uint64_t parse_unsigned(const char* option, std::string_view text);
/// A number of bytes, at least one: "900000", "900k", "1.5G" (powers of 1000), "512MiB" (of 1024).
[[nodiscard]] std::int64_t parse_bytes(const char* option, std::string_view text);
/// One of `names`; its index.
[[nodiscard]] std::size_t parse_choice(const char* option, const std::string& text,
                                       const std::vector<std::string>& names);
/// "tanh", or "leaky_relu:0.2" where a slope belongs.
[[nodiscard]] ActivationFunction parse_activation(const char* option, const std::string& text);
/// "x,y,r,1,z".
[[nodiscard]] std::vector<CppnInput> parse_inputs(const char* option, const std::string& text);

[[nodiscard]] std::string activation_text(const ActivationFunction& activation);
/// "x, y, z, 32 waves"
[[nodiscard]] std::string inputs_text(const std::vector<CppnInput>& inputs);

}  // namespace atelier::tools
