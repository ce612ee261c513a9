#include <functional>
#include <optional>
#include <string>

#include "tools/command_line_options.h"
#include "tools/verbs/verbs.h"

namespace atelier::tools {
namespace {

void add_run(CLI::App& verb, std::string& source) {
  verb.add_option("run", source, "The folder of a run that trained a GAN on pictures, or its checkpoint")
      ->type_name("RUN")
      ->required();
}

void add_sample(CLI::App& app, std::function<void()>& action) {
  static SampleCommand command;
  static std::optional<std::int64_t> count;
  static std::optional<std::int64_t> columns;
  static std::optional<std::int64_t> scale;
  static std::optional<std::uint64_t> seed;
  CLI::App& verb = *app.add_subcommand("sample", "Pictures that a trained generator draws");
  add_run(verb, command.source);
  add_output(verb, command.run, "A grid (.png), or outputs as count x height x width fp32 numbers (.npy)");
  add_count(verb, "--count", count, 1, "Pictures (default 64)");
  add_seed(verb, "--seed", seed, "Of the latent vectors (default 0)");
  add_count(verb, "--columns", columns, 1, "Pictures in a row of the grid (default: a square)");
  add_count(verb, "--scale", scale, 1, "Pixels a side for each of theirs (default 1)");
  add_device(verb, command.run);
  add_report(verb, command.run);
  verb.footer(
      "Examples:\n"
      "  atelier sample runs/gan-v2-1 -o grid.png\n"
      "  atelier sample runs/gan-v2-1 --count 10000 --seed 7 -o forged.npy    for numpy.load");
  verb.callback([&action] {
    command.count = count.value_or(command.count);
    command.columns = columns.value_or(command.columns);
    command.scale = scale.value_or(command.scale);
    command.seed = seed.value_or(command.seed);
    action = [] { sample(command); };
  });
}

void add_interpolate(CLI::App& app, std::function<void()>& action) {
  static InterpolateCommand command;
  static std::optional<std::uint64_t> from;
  static std::optional<std::uint64_t> to;
  static std::optional<std::int64_t> delay;
  CLI::App& verb =
      *app.add_subcommand("interpolate", "What lies between two pictures of a trained generator");
  add_run(verb, command.source);
  add_output(verb, command.run, "A strip of pictures (.png) or a film that repeats (.gif)");
  add_seed(verb, "--from", from, "Seed of the latent vector where the way begins (default 0)");
  add_seed(verb, "--to", to, "Seed of the one to which it leads (default 1)");
  verb.add_flag("--circle", command.circle,
                "A circle around the origin through both, not the line between them");
  add_count(verb, "--steps", command.steps, 2, "Pictures on the way (default 16, of a film 48)");
  add_count(verb, "--scale", command.scale, 1, "Pixels a side for each of theirs (default 2, of a film 8)");
  add_count(verb, "--delay", delay, 1, "Hundredths of a second that a film shows each (default 5)");
  add_device(verb, command.run);
  add_report(verb, command.run);
  verb.footer(
      "Examples:\n"
      "  atelier interpolate runs/gan-v2-1 --from 3 --to 8 -o strip.png\n"
      "  atelier interpolate runs/gan-v2-1 --circle --steps 120 -o circle.gif");
  verb.callback([&action] {
    command.from = from.value_or(command.from);
    command.to = to.value_or(command.to);
    command.delay = delay.value_or(command.delay);
    action = [] { interpolate(command); };
  });
}

void add_ablate(CLI::App& app, std::function<void()>& action) {
  static AblateCommand command;
  CLI::App& verb = *app.add_subcommand(
      "ablate",
      "gan-v2 with and without Adam, LayerNorm and LeakyReLU: which of them keeps it from collapsing?");
  verb.add_option("--dataset", command.data_set,
                  "mnist (the default), fashion, digits, a folder, a .csv file")
      ->type_name("NAME");
  add_data_folder(verb, command.data_folder);
  verb.add_option("--seeds", command.seeds, "Of each of the eight cells: 0..2 (the default), or a list")
      ->type_name("LIST");
  add_count(verb, "--epochs", command.epochs, 1, "Of each run (default 4)");
  add_count(verb, "--limit", command.limit, 1,
            "First so many pictures of the training and of the test set, for training and for the judge "
            "(default: all)");
  verb.add_option("--run", command.folder, "Folder of the results (default runs/ablation-SEEDS)")
      ->type_name("DIR");
  add_device(verb, command.run);
  add_report(verb, command.run);
  verb.footer(
      "Examples:\n"
      "  atelier ablate                                         the article's chart, three seeds a cell\n"
      "  atelier ablate --dataset digits --seeds 0..0 --limit 2000 --epochs 1");
  verb.callback([&action] { action = [] { ablate(command); }; });
}

void add_evaluate(CLI::App& app, std::function<void()>& action) {
  static EvaluateCommand command;
  static std::optional<std::int64_t> count;
  static std::optional<std::uint64_t> seed;
  CLI::App& verb = *app.add_subcommand("evaluate", "How near pictures come to the real ones");
  verb.add_option("sources", command.sources,
                  "Folders of runs or their checkpoints, folders of .png pictures, .npy and .csv files")
      ->type_name("SOURCE...");
  add_count(verb, "--count", count, 2, "Pictures that a run's generator draws (default 10000)");
  add_seed(verb, "--seed", seed, "Of their latent vectors (default 0)");
  verb.add_option("--dataset", command.data_set,
                  "The real pictures (default: what the run learned from, else mnist)")
      ->type_name("NAME");
  add_data_folder(verb, command.data_folder);
  verb.add_flag("--train-judge", command.train_judge, "Only make the judge, when nothing is given to judge");
  verb.add_option("--judge", command.judge_folder,
                  "Where the judge's network is kept (default: atelier in the user's cache folder)")
      ->type_name("DIR");
  add_output(verb, command.run,
             "Pictures above the real ones nearest to them (default: RUN/memorisation.png)");
  add_device(verb, command.run);
  add_report(verb, command.run);
  verb.footer(
      "The judge is a network of our own: it learns from the real pictures once (some 20 s) and is kept.\n"
      "Distances are comparable between judges of one number alone. Results go to RUN/evaluation.json too.\n"
      "Examples:\n"
      "  atelier evaluate runs/gan-v2-1\n"
      "  atelier evaluate runs/gan-v1-1 runs/gan-v2-1 forged.npy    side by side\n"
      "  atelier evaluate pictures/ --dataset digits --json\n"
      "  atelier evaluate --train-judge --dataset mnist");
  verb.callback([&action] {
    command.count = count.value_or(command.count);
    command.seed = seed.value_or(command.seed);
    action = [] { evaluate(command); };
  });
}

}  // namespace

void add_gan_verbs(CLI::App& app, std::function<void()>& action) {
  add_sample(app, action);
  add_interpolate(app, action);
  add_evaluate(app, action);
  add_ablate(app, action);
}

}  // namespace atelier::tools
