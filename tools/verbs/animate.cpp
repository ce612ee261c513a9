#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "models/film.h"
#include "models/picture_painter.h"
#include "tools/film.h"
#include "tools/film_file.h"
#include "tools/interruption.h"
#include "tools/option_text.h"
#include "tools/usage_error.h"
#include "tools/verbs/verbs.h"
#include "tools/window_precision.h"

namespace atelier::tools {
namespace {

constexpr std::int64_t kUsualSide = 512;  // of a film without --size
constexpr double kUsualRadius = 0.5;      // of latent numbers
constexpr double kUsualShare = 0.1;       // of a layer's weights

using Json = nlohmann::ordered_json;

/// The recipes that the film passes, each with the picture's options on top: cells of a sheet, or sources.
std::vector<CppnRecipe> planned_recipes(const AnimateCommand& command) {
  const bool picks = !command.picks.empty();
  if (picks && command.sources.size() != 1)
    throw UsageError("--pick takes cells of one contact sheet: animate SHEET.png --pick 7 --pick 12");
  PictureOptions picture = command.picture;
  std::vector<CppnRecipe> recipes;
  if (command.sources.empty()) recipes.push_back(plan_picture(picture).recipe);
  if (picks) picture.source = command.sources.front();
  for (const std::string& name : picks ? command.picks : command.sources) {
    (picks ? picture.pick.emplace() : picture.source) = name;
    recipes.push_back(plan_picture(picture).recipe);
  }
  return recipes;
}

/// The film that is to be painted again, with the picture's options on each of its recipes.
std::optional<Film> source_film(const AnimateCommand& command) {
  if (command.sources.size() != 1 || !command.picks.empty()) return std::nullopt;
  std::optional<Film> film = load_film(command.sources.front());
  if (!film) return std::nullopt;
  for (CppnRecipe& recipe : film->motion.recipes)
    recipe = changed_recipe(std::move(recipe), command.picture, command.sources.front());
  return film;
}

/// Sides of the film and the samples of its frames; every recipe gets them. `known`: they are a film's.
void set_format(const AnimateCommand& command, FilmFile kind, bool known, std::vector<CppnRecipe>& recipes) {
  CppnRecipe& first = recipes.front();
  auto [width, height] = std::pair{first.width, first.height};
  if (command.picture.size) {
    std::tie(width, height) = parse_size(*command.picture.size);
  } else if (const std::int64_t longest = std::max(width, height); longest > kUsualSide && !known) {
    const auto side = [&](std::int64_t length) {
      return std::max<std::int64_t>(1, (length * kUsualSide + longest / 2) / longest);
    };
    std::tie(width, height) = std::pair{side(width), side(height)};
  }
  // Videos keep colours for two by two pixels. A network has no edge: it paints one row more.
  if (kind == FilmFile::mp4 || kind == FilmFile::webm) {
    width += width % 2;
    height += height % 2;
  }
  const bool deep = kind == FilmFile::folder && first.sample == CppnSample::u16;
  const CppnSample sample = deep || first.sample == CppnSample::u8_truncate ? first.sample : CppnSample::u8;
  for (CppnRecipe& recipe : recipes) {
    recipe.width = width;
    recipe.height = height;
    recipe.sample = sample;
  }
}

bool has_camera_options(const AnimateCommand& command) {
  return command.zoom || command.pan || command.turn;
}

/// What loops, where nobody said: the latent vector where there is one, else the weights.
void plan_loop(const AnimateCommand& command, bool known, MotionOptions& options) {
  const bool has_latent = !options.recipes.front().latent.empty();
  const bool still = options.recipes.size() == 1 && !has_camera_options(command) && !known;
  const bool looped = options.loop != MotionLoop::none;  // the film that is painted again
  if (command.loop)
    options.loop = parse_choice("--loop", *command.loop, {"circle", "spline"}) == 0 ? MotionLoop::circle
                                                                                    : MotionLoop::spline;
  else if (still)
    options.loop = MotionLoop::circle;
  if (options.loop == MotionLoop::none) {
    if (command.move || command.radius || command.points || command.path_seed)
      throw UsageError("--move, --radius, --points and --path-seed belong to --loop circle or spline");
    return;
  }
  const VariedPart part = options.part;
  if (!looped) options.part = has_latent ? VariedPart::latent : VariedPart::weights;
  if (command.move)
    options.part = parse_choice("--move", *command.move, {"latent", "weights"}) == 0 ? VariedPart::latent
                                                                                     : VariedPart::weights;
  if (options.part == VariedPart::latent && !has_latent)
    throw UsageError(
        "--move latent: this picture has no latent vector; --inputs x,y,r,z,z would give its network one, "
        "--move weights needs none");
  if (command.points && options.loop != MotionLoop::spline)
    throw UsageError("--points belongs to --loop spline");
  // A radius of latent numbers says nothing about weights.
  if (!looped || options.part != part)
    options.radius = options.part == VariedPart::latent ? kUsualRadius : kUsualShare;
  options.radius = command.radius.value_or(options.radius);
  options.points = command.points.value_or(options.points);
  options.seed = command.path_seed.value_or(options.seed);
}

void plan_camera(const AnimateCommand& command, MotionOptions& options) {
  options.zoom = command.zoom.value_or(options.zoom);
  options.turn = command.turn.value_or(options.turn);
  if (!command.pan) return;
  const std::vector<double> pan = parse_numbers("--pan", *command.pan);
  if (pan.size() != 2) throw UsageError(fmt::format("--pan '{}': X,Y is needed", *command.pan));
  options.pan_x = pan[0];
  options.pan_y = pan[1];
}

/// A film that loops in part loops as a whole: its camera comes back, too.
MotionWay planned_way(const AnimateCommand& command, const MotionOptions& options) {
  if (command.way)
    return static_cast<MotionWay>(parse_choice("--way", *command.way, {"loop", "back", "once"}));
  const bool tile = options.recipes.front().coordinates.convention == CoordinateConvention::tile;
  const auto returns = [tile](double pan) { return pan == 0 || (tile && pan == std::rint(pan)); };
  const bool travels = options.zoom != 1 || !returns(options.pan_x) || !returns(options.pan_y);
  const bool turns_round = options.turn == std::rint(options.turn / 360) * 360;
  const bool loops = options.recipes.size() > 1 || options.loop != MotionLoop::none;
  if (!travels && turns_round) return MotionWay::loop;
  return loops ? MotionWay::back : MotionWay::once;
}

Film planned_film(const AnimateCommand& command, FilmFile kind) {
  std::optional<Film> found = source_film(command);
  const bool known = found.has_value();
  Film film = known ? std::move(*found) : Film{};
  MotionOptions& options = film.motion;
  if (!known) options.recipes = planned_recipes(command);
  if (command.morph && options.recipes.size() < 2)
    throw UsageError("--morph needs two recipes or more: atelier animate --morph a.json b.json -o morph.gif");
  set_format(command, kind, known, options.recipes);
  plan_loop(command, known, options);
  plan_camera(command, options);
  if (!known || command.way || command.loop || has_camera_options(command))
    options.way = planned_way(command, options);
  if (command.ease)
    options.easing =
        static_cast<Easing>(parse_choice("--ease", *command.ease, {"linear", "in", "out", "in-out"}));
  options.frames = command.frames.value_or(options.frames);
  film.frames_per_second = command.frames_per_second.value_or(film.frames_per_second);
  if (!(film.frames_per_second > 0 && film.frames_per_second <= kFilmMaxFramesPerSecond))
    throw UsageError(fmt::format("--fps {}: it must be above 0 and at most {}", film.frames_per_second,
                                 kFilmMaxFramesPerSecond));
  return film;
}

Motion motion_of(const Film& film) {
  try {
    return Motion(film.motion);
  } catch (const InvalidArgument& error) {
    throw UsageError(error.what());
  }
}

/// A zoom may end deeper than the numbers reach that it began with.
void warn_of_deep_zoom(const Motion& motion) {
  for (const std::int64_t frame : {std::int64_t{0}, motion.frames() / 2, motion.frames() - 1})
    if (const std::optional<std::string> warning = window_warning(motion.frame(frame)))
      return say(fmt::format("frame {}: {}", frame, *warning));
}

FilmFormat film_format(const Film& film) {
  const CppnRecipe& recipe = film.motion.recipes.front();
  FilmFormat format;
  format.picture = {recipe.width, recipe.height, picture_channels(recipe), recipe.sample};
  format.frames_per_second = film.frames_per_second;
  format.frames = film.motion.frames;
  format.description = film_to_json(film);
  return format;
}

void check_memory(const FilmFormat& format, const CppnRecipe& recipe) {
  const auto free = describe(Device(DeviceKind::cpu)).memory_free;
  const double sides = static_cast<double>(format.picture.width) * static_cast<double>(format.picture.height);
  if (12 * sides < 0.5 * static_cast<double>(free) &&
      static_cast<double>(film_bytes(format, recipe)) < 0.5 * static_cast<double>(free))
    return;
  throw UsageError(
      fmt::format("frames of {}x{}: four of them are held at a time, and {} of memory are free; a smaller "
                  "--size is needed",
                  format.picture.width, format.picture.height, size_text(free)));
}

}  // namespace

void animate(const AnimateCommand& command) {
  const RunOptions& run = command.run;
  if (run.output.empty()) throw UsageError("animate needs -o FILE (.gif, .mp4 or .webm) or -o FOLDER/");
  const FilmFile kind = film_file_of(run.output);
  const Film film = planned_film(command, kind);
  const Motion motion = motion_of(film);
  const FilmFormat format = film_format(film);
  check_film_format(kind, format);
  check_memory(format, film.motion.recipes.front());
  if (!run.quiet) warn_of_deep_zoom(motion);

  watch_for_interruption();
  const Device device = open_device(run);
  const std::unique_ptr<FilmWriter> writer = make_film_writer(kind, run.output, run.force, format);
  const auto start = std::chrono::steady_clock::now();
  {
    Stream stream(device);
    Progress progress(run.output, motion.frames(), run.quiet, kFrameRate);
    paint_film(stream, motion, format, *writer, progress);
    writer->commit();
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double rate = static_cast<double>(motion.frames()) / seconds;
  const std::string_view ending = motion.seamless() ? "runs on into itself" : "ends where it ends";
  if (run.json) {
    print_json({{"file", run.output},
                {"width", format.picture.width},
                {"height", format.picture.height},
                {"frames", motion.frames()},
                {"frames_per_second", format.frames_per_second},
                {"seamless", motion.seamless()},
                {"motion", Json::parse(format.description)["motion"]},
                {"bytes", writer->bytes_written()},
                {"seconds", seconds},
                {"frames_painted_per_second", rate},
                {"device", device.name()}});
  } else if (!run.quiet) {
    print_text(fmt::format("{}: {} frames of {}x{}, {:g} a second, {}; {}, {:.2f} s, {:.1f} frames/s, {}\n",
                           run.output, motion.frames(), format.picture.width, format.picture.height,
                           format.frames_per_second, ending, device_text(device), seconds, rate,
                           size_text(writer->bytes_written())));
  }
}

}  // namespace atelier::tools
