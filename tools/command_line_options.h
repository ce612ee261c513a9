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
/// The size and number of a contact sheet's cells: --cell, --columns.
void add_cells(CLI::App& verb, std::string& cell, int& columns, const char* what);

void add_output(CLI::App& verb, RunOptions& run, const char* what);  // -o, --force
void add_report(CLI::App& verb, RunOptions& run);                    // --json, --quiet
/// For verbs that have more to say.
void add_verbose(CLI::App& verb, RunOptions& run, const char* what);
void add_device(CLI::App& verb, RunOptions& run);  // --device, --threads
/// What every verb has that paints from a network: add_network, add_look, add_device and add_report.
void add_painting(CLI::App& verb, PictureOptions& picture, RunOptions& run);

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
/// Options under a heading of their own in the help.
class OptionGroup {
 public:
  OptionGroup(CLI::App& verb, const char* heading) : verb_(verb), heading_(heading) {}
  template <class Target>
  void add(const char* name, Target& target, const char* type, const char* what) const {
    verb_.add_option(name, target, what)->type_name(type)->group(heading_);
  }
  template <class Target>
  void add_whole(const char* name, Target& target, std::int64_t low, std::int64_t high, const char* type,
                 const char* what) const {
    tools::add_whole(verb_, name, target, low, high, type, what)->group(heading_);
  }
  void add_number(const char* name, std::optional<double>& target, const char* type, const char* what) const {
    tools::add_number(verb_, name, target, type, what)->group(heading_);
  }
  void add_flag(const char* name, bool& target, const char* what) const {
    verb_.add_flag(name, target, what)->group(heading_);
  }

 private:
  CLI::App& verb_;
  const char* heading_;
};
/// Where --data looks for data sets.
CLI::Option* add_data_folder(CLI::App& verb, std::string& folder);

}  // namespace atelier::tools
