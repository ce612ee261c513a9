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

void add_network(CLI::App& verb, PictureOptions& picture) {
  constexpr const char* kGroup = "Network (each draws new weights)";
  const auto option = [&](const char* name, auto& target, const char* type, const char* what) {
    verb.add_option(name, target, what)->type_name(type)->group(kGroup);
  };
  option("--preset", picture.preset, "NAME", "Start from an experiment of the article (atelier experiments)");
  add_whole(verb, "--width", picture.width, 1, kCppnMaxWidth, "N",
            "Neurons of every hidden layer (default 16)")
      ->group(kGroup);
  add_whole(verb, "--layers", picture.layers, 1, kCppnMaxLayers - 1, "L",
            "Hidden layers with an activation (default 9)")
      ->group(kGroup);
  option("--widths", picture.widths, "LIST", "Hidden layers one by one: 128,64,32");
  option("--inputs", picture.inputs, "LIST", "What it sees: x, y, r (radius), 1, z (latent, repeatable)");
  option("--bias", picture.bias, "RULE", "none, first (layer only), all");
  option("--init", picture.init, "KIND", "Weights: normal, uniform, torch (PyTorch's default)");
  add_number(verb, "--scale", picture.scale, "S", "Deviation (normal), half-width (uniform), factor (torch)")
      ->group(kGroup);
  option("--layer-scale", picture.layer_scale, "LIST", "One more factor for each layer, output included");
  verb.add_flag("--linear", picture.linear, "No hidden layer at all: inputs straight to the colour")
      ->group(kGroup);
}

void add_look(CLI::App& verb, PictureOptions& picture) {
  constexpr const char* kGroup = "Picture";
  const auto option = [&](const char* name, auto& target, const char* type, const char* what) {
    verb.add_option(name, target, what)->type_name(type)->group(kGroup);
  };
  const auto number = [&](const char* name, std::optional<double>& target, const char* type,
                          const char* what) { add_number(verb, name, target, type, what)->group(kGroup); };
  option("--activation", picture.activation, "LIST",
         "Of the hidden layers: one name, or one for each (sin: few layers, many are noise)");
  option("--output-activation", picture.output_activation, "NAME", "Of the last layer (default sigmoid)");
  option("--latent", picture.latent, "LIST", "One number for each input z (default 0)");
  option("--coordinates", picture.coordinates, "KIND",
         "centered, seed (the notebook's), seed-rect (its rectangle), pixels");
  verb.add_option_function<std::string>(
          "--compat",
          [&picture](const std::string& value) {
            if (value != "seed-rect")
              throw UsageError(fmt::format("--compat '{}': only seed-rect is known", value));
            if (picture.coordinates && *picture.coordinates != value)
              throw UsageError("--compat and --coordinates exclude each other");
            picture.coordinates = value;
          },
          "seed-rect: the same as --coordinates seed-rect")
      ->type_name("KIND")
      ->group(kGroup);
  option("--center", picture.center, "X,Y", "Middle of the window (centered; default 0,0)");
  number("--span", picture.span, "S", "What the shorter side spans (centered; default 1)");
  number("--rotate", picture.rotate, "DEG", "Turn the window (centered)");
  number("--coordinate-scale", picture.coordinate_scale, "F", "Multiply the coordinates: 0.01 looks closer");
  option("--color", picture.color, "KIND", "rgb, hsv, grey");
  option("--depth", picture.depth, "BITS", "8, 16, float (.npy only)");
  option("--precision", picture.precision, "KIND", "fp32 (default), double (deep zoom)");
  const auto storing = [&](const char* name, bool truncate, const char* what) {
    verb.add_flag_callback(
            name,
            [&picture, truncate] {
              if (picture.truncate == !truncate)
                throw UsageError("--truncate and --round exclude each other");
              picture.truncate = truncate;
            },
            what)
        ->group(kGroup);
  };
  storing("--truncate", true, "8-bit values are cut off, as matplotlib does");
  storing("--round", false, "8-bit values are rounded (default but for presets)");
}

const char* const kRenderExamples =
    "Examples:\n"
    "  atelier render --seed 42 --size 3840x2160 -o art.png\n"
    "  atelier render art.png --size 20000 -o wall.png       the same picture, larger\n"
    "  atelier render --preset mondrian --seed 7 -o mondrian.png\n"
    "  atelier render --preset seed --torch-seed 0 --size 128 -o notebook.png\n"
    "  atelier render --inputs x,y,r --widths 64,32,16 --activation sin -o waves.png\n"
    "  atelier render --seed 5 --init uniform --scale 100 --bias none --span 1e-9 --precision double -o "
    "deep.png";

void add_render(CLI::App& app, std::function<void()>& action) {
  static RenderCommand command;
  CLI::App& verb = *app.add_subcommand("render", "Paint a picture");
  verb.add_option("recipe", command.picture.source,
                  "A recipe (.json), a picture painted by atelier (.png), or - for standard input")
      ->type_name("FILE");
  add_output(verb, command.run, "Where to: .png (recipe inside) or .npy");
  verb.add_option("--size", command.picture.size,
                  "WIDTHxHEIGHT, or one side of a square (default: the recipe's, 128 for presets, else 1024)")
      ->type_name("SIZE");
  add_seed(verb, "--seed", command.picture.seed, "Draw the weights for this seed (default: a new one)");
  add_seed(verb, "--torch-seed", command.picture.torch_seed,
           "Draw them as PyTorch does after manual_seed(N)");
  add_network(verb, command.picture);
  add_look(verb, command.picture);
  add_device(verb, command.run);
  add_report(verb, command.run);
  add_verbose(verb, command.run, "Also the network and the kernel that paints it");
  verb.footer(kRenderExamples);
  verb.callback([&action] { action = [] { render(command); }; });
}

void add_sheet(CLI::App& app, std::function<void()>& action) {
  static SheetCommand command;
  CLI::App& verb = *app.add_subcommand("sheet", "Paint many seeds into one labelled contact sheet");
  verb.add_option("recipe", command.picture.source, "A recipe whose weights are drawn again for each seed")
      ->type_name("FILE");
  add_output(verb, command.run, "Where to: .png");
  verb.add_option("--seeds", command.seeds, "0..99, or a list: 1,5,9..12")->type_name("LIST");
  verb.add_option("--torch-seeds", command.torch_seeds, "The same, drawn as PyTorch does")->type_name("LIST");
  verb.add_option("--cell", command.cell, "Size of a cell (default 128)")->type_name("SIZE");
  add_whole(verb, "--columns", command.columns, 1, kMaxSheetCells, "N",
            "Cells in a row (default: chosen to fit)");
  add_network(verb, command.picture);
  add_look(verb, command.picture);
  add_device(verb, command.run);
  add_report(verb, command.run);
  verb.footer(
      "Examples:\n"
      "  atelier sheet --seeds 0..99 --cell 128 -o sheet.png\n"
      "  atelier sheet --preset pollock --seeds 0..23 --cell 256 --columns 6 -o pollock.png\n"
      "  atelier info sheet.png                                how to paint one of its cells");
  verb.callback([&action] { action = [] { sheet(command); }; });
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
  CLI::App& verb = *app.add_subcommand("info", "What is inside a picture or recipe");
  verb.add_option("file", command.file, "A picture (.png) or recipe (.json), - for standard input")
      ->type_name("FILE")
      ->required();
  verb.add_flag("--json", command.json, "The recipe itself");
  verb.footer("Examples:\n  atelier info art.png\n  atelier info art.png --json > art.json");
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
  add_sheet(app, action);
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
