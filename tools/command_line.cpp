#include "tools/command_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tools/command_line_options.h"
#include "tools/suggestion.h"
#include "tools/usage_error.h"
#include "tools/verbs/verbs.h"

namespace atelier::tools {
namespace {

void add_print(CLI::App& verb, RenderCommand& command) {
  constexpr const char* kGroup = "Print";
  const OptionGroup group(verb, kGroup);
  group.add("--print", command.paper, "PAPER",
            "Size on paper: A0, letter, 60x90cm, 24x36in (instead of --size)");
  group.add("--bleed", command.bleed, "LENGTH",
            "With --print: what is added on each side to be cut off: 3mm");
  add_number(verb, "--dpi", command.dots_per_inch, "DPI",
             "Pixels an inch: with --print it sets the size (default 300); it is noted in the file")
      ->group(kGroup);
  const auto turned = [&](const char* name, bool portrait, const char* what) {
    verb.add_flag_callback(
            name,
            [&command, portrait] {
              if (command.portrait == !portrait)
                throw UsageError("--portrait and --landscape exclude each other");
              command.portrait = portrait;
            },
            what)
        ->group(kGroup);
  };
  turned("--portrait", true, "With --print: upright");
  turned("--landscape", false, "With --print: on its side");
}

const char* const kRenderExamples =
    "Examples:\n"
    "  atelier render --seed 42 --size 3840x2160 -o art.png\n"
    "  atelier render art.png --size 100000x60000 -o wall.tif      the same picture, larger than memory\n"
    "  atelier render art.png --print A0 --dpi 300 --bleed 3mm -o poster.tif\n"
    "  atelier render art.png --size 65536 -o zoom.dzi             tiles, and zoom.html to look at them\n"
    "  atelier render --resume -o wall.tif                         goes on where it was interrupted\n"
    "  atelier render --preset mondrian --seed 7 -o mondrian.png\n"
    "  atelier render --preset seed --torch-seed 0 --size 128 -o notebook.png\n"
    "  atelier render --inputs x,y,r --widths 64,32,16 --activation sin -o waves.png\n"
    "  atelier render --seed 5 --init uniform --scale 100 --bias none --span 1e-9 --precision double -o "
    "deep.png";

void add_render(CLI::App& app, std::function<void()>& action) {
  static RenderCommand command;
  CLI::App& verb = *app.add_subcommand("render", "Paint a picture");
  verb.add_option("recipe", command.picture.source,
                  "A recipe (.json), a picture painted by atelier (.png, .tif, .dzi), a sheet, a film, or - "
                  "for standard input")
      ->type_name("FILE");
  verb.add_option("--pick", command.picture.pick, "Of a contact sheet: the cell with this label")
      ->type_name("LABEL");
  add_count(verb, "--frame", command.picture.frame, 0, "Of a film: this frame, from 0");
  add_output(verb, command.run, "Where to: .png, .tif (recipe inside), .dzi (deep zoom), .npy or .raw");
  verb.add_option("--size", command.picture.size,
                  "WIDTHxHEIGHT, or one side of a square (default: the recipe's, 128 for presets, else 1024)")
      ->type_name("SIZE");
  add_seed(verb, "--seed", command.picture.seed, "Draw the weights for this seed (default: a new one)");
  add_seed(verb, "--torch-seed", command.picture.torch_seed,
           "Draw them as PyTorch does after manual_seed(N)");
  add_network(verb, command.picture);
  add_look(verb, command.picture);
  add_print(verb, command);
  verb.add_flag("--pyramid", command.pyramid, ".tif: reduced levels too, for viewers");
  verb.add_flag("--resume", command.resume, "Go on with what an interrupted render of this file left");
  verb.add_option_function<std::string>(
          "--memory", [](const std::string& text) { command.memory = parse_bytes("--memory", text); },
          "What may be used: 900M, 2G (default a quarter of what is free)")
      ->type_name("BYTES");
  add_device(verb, command.run);
  add_report(verb, command.run);
  add_verbose(verb, command.run, "Also the network, the kernel that paints it and where the time went");
  verb.footer(kRenderExamples);
  verb.callback([&action] { action = [] { render(command); }; });
}

void add_experiments(CLI::App& app, std::function<void()>& action) {
  static ExperimentsCommand command;
  CLI::App& verb = *app.add_subcommand(
      "experiments", "List the articles' experiments, paint their pictures, or run an article");
  verb.add_flag("--paint", command.paint, "Paint those that are pictures on one labelled sheet");
  add_output(verb, command.run, "Where to (default experiments.png)");
  add_whole(verb, "--cell", command.cell, 16, 8192, "N", "Side of a cell (default 256)");
  verb.add_option("--run", command.part,
                  "Run a whole article: part1, part2 or part3, and make a page of the results")
      ->type_name("PART");
  verb.add_option("--folder", command.folder,
                  "With --run: where to (default runs/PART); goes on with what is there")
      ->type_name("DIR");
  verb.add_option("--dataset", command.data_set,
                  "With --run part3: mnist (the default), fashion, digits, a folder")
      ->type_name("NAME");
  add_data_folder(verb, command.data_folder);
  add_count(verb, "--limit", command.limit, 1, "With --run part3: first so many pictures");
  add_seed(verb, "--seed", command.seed, "One seed for all (default: each experiment's own; of --run: 1)");
  add_seed(verb, "--torch-seed", command.torch_seed, "One PyTorch seed for all pictures");
  add_device(verb, command.run);
  add_report(verb, command.run);
  verb.footer(
      "Examples:\n"
      "  atelier experiments\n"
      "  atelier experiments --paint -o experiments.png\n"
      "  atelier experiments --run part3                        all of Part III, and a page of it\n"
      "  atelier render --preset mondrian --size 2048 -o mondrian.png\n"
      "  atelier train pattern1010-gan");
  verb.callback([&action] { action = [] { experiments(command); }; });
}

void add_devices(CLI::App& app, std::function<void()>& action) {
  static DevicesCommand command;
  CLI::App& verb = *app.add_subcommand("devices", "What can compute here");
  verb.add_flag("--json", command.json, "One JSON document on standard output");
  verb.add_flag("-v,--verbose", command.verbose, "Also which kernel paints which network");
  verb.footer("Examples:\n  atelier devices\n  atelier devices -v --json");
  verb.callback([&action] { action = [] { devices(command); }; });
}

void add_import(CLI::App& app, std::function<void()>& action) {
  static ImportCommand command;
  CLI::App& verb = *app.add_subcommand("import", "Make a recipe of a network trained or drawn elsewhere");
  verb.add_option("network", command.source, "A state_dict of Linear layers (.safetensors)")
      ->type_name("FILE")
      ->required();
  add_output(verb, command.run, "Where to: .json");
  verb.add_option("--activation", command.activation, "Of the hidden layers (default tanh)")
      ->type_name("NAME");
  verb.add_option("--output-activation", command.output_activation, "Of the last layer (default sigmoid)")
      ->type_name("NAME");
  verb.add_option("--inputs", command.inputs, "What the first layer sees (default x,y, then r, 1, z)")
      ->type_name("LIST");
  add_report(verb, command.run);
  verb.footer(
      "Examples:\n"
      "  atelier import net.safetensors -o net.json\n"
      "  atelier render net.json --size 4096 -o net.png");
  verb.callback([&action] { action = [] { import_network(command); }; });
}

void add_info(CLI::App& app, std::function<void()>& action) {
  static InfoCommand command;
  CLI::App& verb = *app.add_subcommand("info", "What is inside a picture, film or recipe");
  verb.add_option("file", command.file,
                  "A picture (.png, .tif, .dzi), a film or a recipe (.json), - for standard input")
      ->type_name("FILE")
      ->required();
  verb.add_flag("--json", command.json, "The recipe itself, or the film's description");
  verb.footer(
      "Examples:\n  atelier info art.png\n  atelier info art.png --json > art.json\n  atelier info loop.gif");
  verb.callback([&action] { action = [] { info(command); }; });
}

/// The names of an application's options, "--seed" and the like.
std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

std::vector<std::string> verb_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(verb->get_name());
  return names;
}

const char* const kSeeHelp = "; see atelier --help";

/// Unknown words, the first flag among them if there is one, with the name that was probably meant.
std::string unknown_text(const CLI::App& app) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  const std::vector<std::string> left = app.remaining(true);
  const auto flag = std::find_if(left.begin(), left.end(), [](const std::string& word) {
    return word.size() > 1 && word.front() == '-';
  });
  const std::string word = flag != left.end() ? *flag : left.empty() ? std::string() : left.front();
  const std::string name = word.substr(0, word.find('='));
  const CLI::App& scope = chosen.empty() ? app : *chosen.front();
  const std::string verb = chosen.empty() ? "atelier" : "atelier " + chosen.front()->get_name();
  if (flag == left.end()) return fmt::format("{} takes no further argument '{}'{}", verb, word, kSeeHelp);
  return fmt::format("{} has no option {}{}{}", verb, name, did_you_mean(name, option_names(scope)),
                     kSeeHelp);
}

/// CLI11's message on one line, in other words where its own leave the user guessing.
std::string parse_error_text(const CLI::App& app, const CLI::ParseError& error) {
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) return unknown_text(app);
  std::string text = error.what();
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    const std::string name = text.substr(0, text.find(':'));
    const bool repeated = text.find("At Most 1") != std::string::npos;
    return fmt::format("{} {}{}", name, repeated ? "is given more than once" : "needs a value", kSeeHelp);
  }
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text + kSeeHelp;
}

int usage_failure(const std::string& message) {
  say(message);
  return 2;
}

}  // namespace

int run_command_line(int count, const char* const* arguments) {
  CLI::App app(
      "Atelier paints pictures with neural networks and trains networks: on a GPU where there is one, else "
      "on the "
      "cpu.");
  app.name("atelier");
  app.set_version_flag("--version", "atelier " ATELIER_VERSION, "Print the version");
  app.footer(
      "Examples:\n"
      "  atelier render --size 1920x1080 -o art.png            a picture nobody has seen\n"
      "  atelier sheet --seeds 0..99 -o sheet.png              a hundred to choose from\n"
      "  atelier render --seed 42 --size 8192 -o print.png     the chosen one, large\n"
      "  atelier train classifier --dataset digits             a network that reads digits\n"
      "'atelier VERB --help' tells more. Exit codes: 0 done, 1 failed, 2 used wrongly.");
  std::function<void()> action;
  add_render(app, action);
  add_search_verbs(app, action);
  add_training_verbs(app, action);
  add_gan_verbs(app, action);
  add_experiments(app, action);
  add_devices(app, action);
  add_import(app, action);
  add_info(app, action);

  if (count > 1 && arguments[1][0] != '-') {
    const std::string verb = arguments[1];
    const std::vector<std::string> verbs = verb_names(app);
    if (std::find(verbs.begin(), verbs.end(), verb) == verbs.end())
      return usage_failure(
          fmt::format("there is no verb '{}'{}{}", verb, did_you_mean(verb, verbs), kSeeHelp));
  }
  try {
    app.parse(count, arguments);
  } catch (const CLI::Success& success) {
    return app.exit(success);  // --help, --version
  } catch (const CLI::ParseError& error) {
    return usage_failure(parse_error_text(app, error));
  }
  if (!action)
    return usage_failure(fmt::format("a verb is needed: {}{}", fmt::join(verb_names(app), ", "), kSeeHelp));
  action();
  return 0;
}

}  // namespace atelier::tools
