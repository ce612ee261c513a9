// Verbs that look for a picture and set it in motion: sheet, vary, animate.
#include <functional>

#include "models/motion.h"
#include "tools/command_line_options.h"
#include "tools/verbs/verbs.h"

namespace atelier::tools {
namespace {

void add_sheet(CLI::App& app, std::function<void()>& action) {
  static SheetCommand command;
  CLI::App& verb = *app.add_subcommand(
      "sheet", "Paint many seeds, or a sweep of options, into one labelled contact sheet");
  verb.add_option("recipe", command.picture.source, "A recipe whose weights are drawn again for each seed")
      ->type_name("FILE");
  add_output(verb, command.run, "Where to: .png");
  verb.add_option("--seeds", command.seeds, "0..99, or a list: 1,5,9..12")->type_name("LIST");
  verb.add_option("--torch-seeds", command.torch_seeds, "The same, drawn as PyTorch does")->type_name("LIST");
  verb.add_option("--sweep", command.sweeps,
                  "One option's values, a column each: scale=0.5,1,2. A second time: rows")
      ->type_name("OPTION=LIST")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  add_cells(verb, command.cell, command.columns, "Size of a cell (default 128)");
  add_painting(verb, command.picture, command.run);
  verb.footer(
      "Examples:\n"
      "  atelier sheet --seeds 0..99 --cell 128 -o sheet.png\n"
      "  atelier sheet --seeds 7 --sweep scale=0.5,1,2 --sweep layers=3,6,9 -o sweep.png\n"
      "  atelier sheet --preset pollock --seeds 0..23 --cell 256 --columns 6 -o pollock.png\n"
      "  atelier render sheet.png --pick 42 --size 4096 -o print.png     one of its cells, large");
  verb.callback([&action] { action = [] { sheet(command); }; });
}

void add_vary(CLI::App& app, std::function<void()>& action) {
  static VaryCommand command;
  CLI::App& verb = *app.add_subcommand("vary", "Paint a picture's neighbours into a labelled contact sheet");
  verb.add_option("recipe", command.picture.source, "The original: a recipe (.json) or a picture")
      ->type_name("FILE");
  add_output(verb, command.run, "Where to: .png");
  add_whole(verb, "--count", command.count, 1, kMaxSheetCells - 1, "N", "Variations (default 24)");
  add_number(verb, "--strength", command.strength, "S",
             "How far: shares of a layer's weights (default 0.1), or latent numbers (default 0.5)");
  verb.add_option("--move", command.move, "What varies: weights (default) or latent")->type_name("WHAT");
  verb.add_option_function<std::string>(
          "--variation-seed",
          [](const std::string& text) { command.variation_seed = parse_unsigned("--variation-seed", text); },
          "Other variations (default 0)")
      ->type_name("N");
  add_cells(verb, command.cell, command.columns, "Size of a cell (default 192)");
  verb.add_option("--pick", command.picture.pick, "The original is this cell of a contact sheet")
      ->type_name("LABEL");
  add_count(verb, "--frame", command.picture.frame, 0, "The original is this frame of a film, from 0");
  add_seed(verb, "--seed", command.picture.seed, "Without a recipe: the original's weights");
  add_seed(verb, "--torch-seed", command.picture.torch_seed, "The same, drawn as PyTorch does");
  add_painting(verb, command.picture, command.run);
  verb.footer(
      "Examples:\n"
      "  atelier vary art.png -o grid.png                       24 pictures much like it\n"
      "  atelier vary art.png --strength 0.3 --variation-seed 1 -o wilder.png\n"
      "  atelier render grid.png --pick 7 --size 4096 -o seventh.png\n"
      "  atelier vary seventh.png -o next.png                   and on from there");
  verb.callback([&action] { action = [] { vary(command); }; });
}

void add_path(CLI::App& verb, AnimateCommand& command) {
  constexpr const char* kGroup = "Motion";
  const OptionGroup group(verb, kGroup);
  group.add_flag("--morph", command.morph, "From recipe to recipe (two or more of one shape)");
  group.add("--loop", command.loop, "KIND",
            "Once round: circle, spline (default circle where nothing else moves)");
  group.add("--move", command.move, "WHAT", "With --loop: latent (where there is one) or weights");
  group.add_number(
      "--radius", command.radius, "R",
      "With --loop: how far. Latent numbers (default 0.5), shares of a layer's weights (default 0.1)");
  group.add_whole("--points", command.points, 2, kMotionMaxPoints, "K",
                  "With --loop spline: points on the way (default 4)");
  add_seed(verb, "--path-seed", command.path_seed, "With --loop: another way (default 0)")->group(kGroup);
  group.add_number("--zoom", command.zoom, "F", "Look F times closer at the end; below 1 from farther away");
  group.add("--pan", command.pan, "X,Y", "Move the window's middle by so much");
  group.add_number("--turn", command.turn, "DEG", "Turn the window");
  group.add("--ease", command.ease, "KIND", "Pace of camera and morph: linear (default), in, out, in-out");
  group.add("--way", command.way, "WAY",
            "once, back (there and back), loop (round to the start); default: what makes a loop whole");
}

void add_animate(CLI::App& app, std::function<void()>& action) {
  static AnimateCommand command;
  CLI::App& verb = *app.add_subcommand("animate", "Paint a film: loops, morphs, a moving camera");
  verb.add_option("recipe", command.sources,
                  "Recipes (.json) or pictures; several: a morph. Or a film, to be painted again")
      ->type_name("FILE");
  verb.add_option("--pick", command.picks, "A cell of a contact sheet by its label; several: a morph")
      ->type_name("LABEL")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  add_output(verb, command.run,
             "Where to: .gif, .mp4 or .webm (with ffmpeg), or a folder of PNG pictures (DIR/)");
  verb.add_option(
          "--size", command.picture.size,
          "WIDTHxHEIGHT, or one side of a square (default: the recipe's shape, at most 512; a film's own)")
      ->type_name("SIZE");
  add_whole(verb, "--frames", command.frames, 1, kMotionMaxFrames, "N", "Frames (default 100; a film's own)");
  verb.add_option_function<std::string>(
          "--fps", [](const std::string& text) { command.frames_per_second = parse_number("--fps", text); },
          "Frames a second (default 25; a film's own)")
      ->type_name("F");
  add_seed(verb, "--seed", command.picture.seed, "Draw the weights for this seed (default: a new one)");
  add_seed(verb, "--torch-seed", command.picture.torch_seed, "Draw them as PyTorch does");
  add_path(verb, command);
  add_painting(verb, command.picture, command.run);
  verb.footer(
      "Examples:\n"
      "  atelier animate art.png -o loop.gif                              moves around the picture\n"
      "  atelier animate --seed 4 --inputs x,y,r,z,z --loop spline -o loop.mp4\n"
      "  atelier animate --morph a.png b.png c.png --frames 200 -o morph.webm\n"
      "  atelier animate art.png --zoom 1000 --turn 90 --ease in-out --precision double -o frames/\n"
      "  atelier animate loop.gif --size 1920x1080 --samples 2 -o loop.mp4   the same film, large");
  verb.callback([&action] { action = [] { animate(command); }; });
}

}  // namespace

void add_search_verbs(CLI::App& app, std::function<void()>& action) {
  add_sheet(app, action);
  add_vary(app, action);
  add_animate(app, action);
}

}  // namespace atelier::tools
