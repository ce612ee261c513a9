#include <fmt/format.h>

#include <functional>
#include <optional>
#include <string>

#include "tools/command_line_options.h"
#include "tools/verbs/verbs.h"

namespace atelier::tools {
namespace {

void add_training(CLI::App& verb, TrainingOptions& training) {
  constexpr const char* kData = "Data";
  verb.add_option("--dataset", training.data_set,
                  "mnist, fashion, digits (built in), a folder of idx files or pictures, a .csv file")
      ->type_name("NAME")
      ->group(kData);
  add_data_folder(verb, training.data_folder)->group(kData);
  add_count(verb, "--limit", training.limit, 1, "Train on the first N pictures only; tests use all of theirs")
      ->group(kData);
  verb.add_option("--split", training.split,
                  "Which part a GAN learns from: train, test (default: the preset's)")
      ->type_name("NAME")
      ->group(kData);
  verb.add_flag("--shuffle", training.shuffle,
                "A new order every epoch (default: the file's, as the articles)")
      ->group(kData);
  constexpr const char* kTraining = "Training (default: the preset's)";
  add_count(verb, "--epochs", training.epochs, 1, "Times through the data")->group(kTraining);
  add_count(verb, "--iterations", training.iterations, 1, "Length of a run without data")->group(kTraining);
  add_count(verb, "--batch", training.batch, 1, "Samples an iteration")->group(kTraining);
  add_number(verb, "--learning-rate", training.learning_rate, "X", "Of every optimiser")->group(kTraining);
}

void add_gan_training(CLI::App& verb, TrainingOptions& training, OnCollapse& on_collapse) {
  constexpr const char* kGroup = "GANs on pictures (default: the preset's)";
  const auto text = [&](const char* name, std::optional<std::string>& target, const char* type,
                        const char* what) {
    verb.add_option(name, target, what)->type_name(type)->group(kGroup);
  };
  text("--generator", training.generator, "TEXT",
       "\"100 linear(200) leaky_relu(0.02) layer_norm linear(pixels) sigmoid\"");
  text("--discriminator", training.discriminator, "TEXT",
       "\"pixels linear(200) leaky_relu(0.02) linear(1)\"");
  add_count(verb, "--width", training.width, 1, "Outputs of every hidden layer of both networks")
      ->group(kGroup);
  add_number(verb, "--slope", training.slope, "X", "Of every leaky_relu of both networks")->group(kGroup);
  add_count(verb, "--latent", training.latent, 1, "Inputs of the generator")->group(kGroup);
  text("--loss", training.loss, "NAME", "bce, bce-logits, mse");
  text("--optimizer", training.optimizer, "NAME", "sgd, adam");
  add_number(verb, "--generator-learning-rate", training.generator_learning_rate, "X",
             "Of the generator alone; --learning-rate is the discriminator's then")
      ->group(kGroup);
  add_number(verb, "--beta1", training.beta1, "X", "Of Adam")->group(kGroup);
  add_number(verb, "--beta2", training.beta2, "X", "Of Adam")->group(kGroup);
  add_count(verb, "--discriminator-steps", training.discriminator_steps, 1,
            "2: one on real pictures, one on forged, as the articles; 1: one on both")
      ->group(kGroup);
  add_number(verb, "--gradient-penalty", training.gradient_penalty, "X",
             "Weight of the squared gradient of D on real pictures (R1); 0: none")
      ->group(kGroup);
  add_number(verb, "--average", training.average, "X",
             "Decay of the running average of G that draws the samples; 0: none")
      ->group(kGroup);
  text("--loop", training.loop, "NAME",
       "auto (what is faster), resident (parameters stay on the chip; batch 1), streamed");
  verb.add_option_function<std::string>(
          "--on-collapse",
          [&on_collapse](const std::string& word) {
            on_collapse = parse_choice("--on-collapse", word, {"warn", "stop"}) == 0 ? OnCollapse::warn
                                                                                     : OnCollapse::stop;
          },
          "When the generator collapses (watched behind the first 5,000 pictures): warn (the default), stop")
      ->type_name("WORD")
      ->group(kGroup);
}

const char* const kTrainExamples =
    "The run folder holds config.json, metrics.csv, samples/*.png, plots (with gnuplot), "
    "checkpoint.safetensors\n"
    "and, at the end, summary.json. After Ctrl-C, kill -9 or a power cut, --resume gives the same to the "
    "byte.\n"
    "Examples:\n"
    "  atelier train classifier --dataset mnist\n"
    "  atelier train classifier-book --dataset digits --epochs 1 --seed 3\n"
    "  atelier train --resume --run runs/classifier-book-3\n"
    "  atelier train --resume --run runs/classifier-book-3 --epochs 2     longer than was planned\n"
    "  atelier train pattern1010-gan --seeds 0..999                       a sweep: one line a number\n"
    "  atelier train gan-v2 --dataset mnist --seed 1\n"
    "  atelier train gan-v2 --width 400 --slope 0.2 --loss bce-logits --on-collapse stop\n"
    "'atelier experiments' lists the presets.";

void add_train(CLI::App& app, std::function<void()>& action) {
  static TrainCommand command;
  CLI::App& verb = *app.add_subcommand("train", "Train a network into a run folder");
  verb.add_option("preset", command.training.preset, "An experiment of the articles (atelier experiments)")
      ->type_name("PRESET");
  verb.add_option("--run", command.folder, "The run's folder (default runs/PRESET-SEED)")->type_name("DIR");
  verb.add_flag("--resume", command.resume,
                "Go on with the run from its checkpoint; with a preset, begin it where there is none yet");
  add_seed(verb, "--seed", command.training.seed,
           "Of every random number (default: a new one, which is said)");
  add_seed(verb, "--torch-seed", command.training.torch_seed,
           "First weights as PyTorch draws them after manual_seed(N); --seed is N too where it is not given");
  verb.add_option("--seeds", command.seeds,
                  "A sweep, many runs at once: 0..999, or a list. Keeps runs.csv and summary.json")
      ->type_name("LIST");
  add_training(verb, command.training);
  add_gan_training(verb, command.training, command.on_collapse);
  add_device(verb, command.run);
  add_report(verb, command.run);
  verb.footer(kTrainExamples);
  verb.callback([&action] { action = [] { train(command); }; });
}

void add_data(CLI::App& app, std::function<void()>& action) {
  static DataCommand command;
  static std::optional<std::int64_t> first;
  static std::optional<std::int64_t> count;
  static std::optional<std::int64_t> columns;
  CLI::App& verb = *app.add_subcommand("data", "What a data set holds, and a sheet of its pictures");
  verb.add_option(
          "name", command.name,
          "digits (built in; the default), mnist, fashion, a folder of idx files or pictures, a .csv file")
      ->type_name("NAME");
  add_data_folder(verb, command.data_folder);
  verb.add_option("--split", command.split, "train (the default) or test")->type_name("NAME");
  add_count(verb, "--first", first, 0, "First picture of the sheet (default 0)");
  add_count(verb, "--count", count, 1, "Pictures on the sheet (default 200)");
  add_count(verb, "--columns", columns, 1, "Pictures in a row (default: about twice as wide as high)");
  add_output(verb, command.run, "The sheet: .png or .npy");
  add_report(verb, command.run);
  verb.footer(
      "Examples:\n"
      "  atelier data digits -o digits.png\n"
      "  atelier data mnist --split test --first 17 --count 1 -o seven.png    one picture, for classify");
  verb.callback([&action] {
    command.first = first.value_or(0);
    command.count = count.value_or(200);
    command.columns = columns.value_or(0);
    action = [] { show_data(command); };
  });
}

void add_classify(CLI::App& app, std::function<void()>& action) {
  static ClassifyCommand command;
  CLI::App& verb = *app.add_subcommand("classify", "What a trained classifier sees in pictures");
  verb.add_option("run", command.source, "The folder of a run of classifier or classifier-book")
      ->type_name("RUN")
      ->required();
  verb.add_option("pictures", command.pictures,
                  "PNG files; dark on light is inverted, other sizes are scaled and centred as MNIST's were")
      ->type_name("FILE")
      ->required();
  add_device(verb, command.run);
  add_report(verb, command.run);
  verb.footer(
      "Examples:\n"
      "  atelier classify runs/classifier-3 seven.png\n"
      "  atelier classify runs/classifier-3 --json drawn/*.png");
  verb.callback([&action] { action = [] { classify(command); }; });
}

void add_gradcheck(CLI::App& app, std::function<void()>& action) {
  static GradcheckCommand command;
  static std::optional<std::uint64_t> seed;
  static std::optional<std::int64_t> steps;
  static std::optional<double> learning_rate;
  static std::optional<double> difference;
  GradientCheckOptions& check = command.check;
  CLI::App& verb = *app.add_subcommand(
      "gradcheck", "Show that back-propagation gives what central differences give, and what it saves");
  verb.add_option("--network", check.network, fmt::format("What is trained (default \"{}\")", check.network))
      ->type_name("TEXT");
  verb.add_option("--task", check.task, "xor, pattern1010 (4 inputs), random (any network); default xor")
      ->type_name("NAME");
  add_seed(verb, "--seed", seed, "Of the first weights (default 0)");
  add_count(verb, "--steps", steps, 0, "Steps of gradient descent (default 1000)");
  add_number(verb, "--learning-rate", learning_rate, "X", "Of both ways (default 1)");
  add_number(verb, "--difference", difference, "H", "Of the central differences (default 1e-4)");
  add_output(verb, command.run, "Plot of the learning: .png (with gnuplot)");
  add_device(verb, command.run);
  add_report(verb, command.run);
  add_verbose(verb, command.run, "Every parameter, however many");
  verb.footer(
      "Examples:\n"
      "  atelier gradcheck\n"
      "  atelier gradcheck --task pattern1010 --network \"4 linear(3) sigmoid linear(1) sigmoid\" -o "
      "plot.png\n"
      "  atelier gradcheck -v --steps 0                        every parameter's gradient, no learning");
  verb.callback([&action] {
    command.check.seed = seed.value_or(command.check.seed);
    command.check.steps = steps.value_or(command.check.steps);
    command.check.learning_rate = learning_rate.value_or(command.check.learning_rate);
    command.check.difference = difference.value_or(command.check.difference);
    action = [] { gradcheck(command); };
  });
}

}  // namespace

void add_training_verbs(CLI::App& app, std::function<void()>& action) {
  add_train(app, action);
  add_classify(app, action);
  add_data(app, action);
  add_gradcheck(app, action);
}

}  // namespace atelier::tools
