#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <optional>

#include "tools/option_text.h"
#include "tools/picture_options.h"
#include "tools/run_options.h"

// What the verbs of the command line share: the options that several of them have, and where each family of
// verbs is declared to the parser. A verb sets `action`, which runs once everything is read.
namespace atelier::tools {

/// train, classify, data, gradcheck.
void add_training_verbs(CLI::App& app, std::function<void()>& action);
/// sheet, vary, animate.
void add_search_verbs(CLI::App& app, std::function<void()>& action);
/// What is done with a trained GAN: sample, interpolate, evaluate; and ablate.
void add_gan_verbs(CLI::App& app, std::function<void()>& action);

/// What a picture's network is, and how its picture looks.
void add_network(CLI::App& verb, PictureOptions& picture);
void add_look(CLI::App& verb, PictureOptions& picture);

void add_output(CLI::App& verb, RunOptions& run, const char* what);  // -o, --force
void add_report(CLI::App& verb, RunOptions& run);                    // --json, --quiet
/// For verbs that have more to say.
void add_verbose(CLI::App& verb, RunOptions& run, const char* what);
void add_device(CLI::App& verb, RunOptions& run);  // --device, --threads

/// A whole number; CLI11's own conversion neither names the range nor says what is wrong.
template <class Target>
CLI::Option* add_whole(CLI::App& verb, const char* name, Target& target, std::int64_t low, std::int64_t high,
                       const char* type, const char* what) {
  const auto read = [=, &target](const std::string& text) {
    target = static_cast<int>(parse_integer(name, text, low, high));
  };
  return verb.add_option_function<std::string>(name, read, what)->type_name(type);
}
/// The same for a number that may be left out.
CLI::Option* add_count(CLI::App& verb, const char* name, std::optional<std::int64_t>& target,
                       std::int64_t low, const char* what);
CLI::Option* add_number(CLI::App& verb, const char* name, std::optional<double>& target, const char* type,
                        const char* what);
/// A number of 64 bits; CLI11 would read -1 as 2^64 - 1.
CLI::Option* add_seed(CLI::App& verb, const char* name, std::optional<std::uint64_t>& target,
                      const char* what);
/// Where --data looks for data sets.
CLI::Option* add_data_folder(CLI::App& verb, std::string& folder);

}  // namespace atelier::tools
