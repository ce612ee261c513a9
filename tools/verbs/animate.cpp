#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "models/motion.h"
#include "models/picture_painter.h"
#include "tools/film.h"
#include "tools/interruption.h"
#include "tools/option_text.h"
#include "tools/usage_error.h"
#include "tools/verbs/verbs.h"

namespace atelier::tools {
namespace {

constexpr std::int64_t kUsualSide = 512;  // of a film without --size
constexpr double kUsualRadius = 0.5;      // of latent numbers
constexpr double kUsualShare = 0.1;       // of a layer's weights
constexpr double kMostFramesPerSecond = 1000;

using Json = nlohmann::ordered_json;

/// The recipes that the film passes, each with the picture's options on top.
std::vector<CppnRecipe> planned_recipes(const AnimateCommand& command) {
  std::vector<CppnRecipe> recipes;
  PictureOptions picture = command.picture;
  if (!command.picks.empty() && command.sources.size() != 1)
    throw UsageError("--pick takes cells of one contact sheet: animate SHEET.png --pick 7 --pick 12");
  if (command.sources.empty()) recipes.push_back(plan_picture(picture).recipe);
  for (const std::string& label : command.picks) {
    picture.source = command.sources.front();
    picture.pick = label;
    recipes.push_back(plan_picture(picture).recipe);
  }
  if (!command.picks.empty()) return recipes;
  for (const std::string& source : command.sources) {
    picture.source = source;
    recipes.push_back(plan_picture(picture).recipe);
  }
  return recipes;
}

/// Sides of the film and the samples of its frames; every recipe gets them.
void set_format(const AnimateCommand& command, FilmFile kind, std::vector<CppnRecipe>& recipes) {
  CppnRecipe& first = recipes.front();
  auto [width, height] = std::pair{first.width, first.height};
  if (command.picture.size) {
    std::tie(width, height) = parse_size(*command.picture.size);
  } else if (const std::int64_t longest = std::max(width, height); longest > kUsualSide) {
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

/// What loops, where nobody said: the latent vector where there is one, else the weights.
void plan_loop(const AnimateCommand& command, MotionOptions& options) {
  const bool has_latent = !options.recipes.front().latent.empty();
  const bool still = options.recipes.size() == 1 && !command.zoom && !command.pan && !command.turn;
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
  options.part = has_latent ? VariedPart::latent : VariedPart::weights;
  if (command.move)
    options.part = parse_choice("--move", *command.move, {"latent", "weights"}) == 0 ? VariedPart::latent
                                                                                     : VariedPart::weights;
  if (options.part == VariedPart::latent && !has_latent)
    throw UsageError(
        "--move latent: this picture has no latent vector; --inputs x,y,r,z,z would give its network one, "
        "--move weights needs none");
  if (command.points && options.loop != MotionLoop::spline)
    throw UsageError("--points belongs to --loop spline");
  options.radius = command.radius.value_or(options.part == VariedPart::latent ? kUsualRadius : kUsualShare);
  options.points = command.points.value_or(options.points);
  options.seed = command.path_seed.value_or(0);
}

void plan_camera(const AnimateCommand& command, MotionOptions& options) {
  options.zoom = command.zoom.value_or(1);
  options.turn = command.turn.value_or(0);
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

Motion planned_motion(const AnimateCommand& command, std::vector<CppnRecipe> recipes) {
  MotionOptions options;
  options.recipes = std::move(recipes);
  plan_loop(command, options);
  plan_camera(command, options);
  options.way = planned_way(command, options);
  if (command.ease)
    options.easing =
        static_cast<Easing>(parse_choice("--ease", *command.ease, {"linear", "in", "out", "in-out"}));
  options.frames = command.frames;
  try {
    return Motion(std::move(options));
  } catch (const InvalidArgument& error) {
    throw UsageError(error.what());
  }
}

Json motion_json(const MotionOptions& options) {
  Json json = {{"way", name_of(options.way)}, {"ease", name_of(options.easing)}};
  if (options.loop != MotionLoop::none) {
    json["loop"] = name_of(options.loop);
    json["move"] = options.part == VariedPart::latent ? "latent" : "weights";
    json["radius"] = options.radius;
    if (options.loop == MotionLoop::spline) json["points"] = options.points;
    json["path_seed"] = options.seed;
  }
  if (options.zoom != 1) json["zoom"] = options.zoom;
  if (options.pan_x != 0 || options.pan_y != 0) json["pan"] = {options.pan_x, options.pan_y};
  if (options.turn != 0) json["turn"] = options.turn;
  return json;
}

/// Everything that makes the film again.
std::string film_json(const Motion& motion, double frames_per_second) {
  Json recipes = Json::array();
  for (const CppnRecipe& recipe : motion.options().recipes)
    recipes.push_back(Json::parse(recipe_to_json(recipe, -1)));
  const Json document = {{"atelier_film", 1},
                         {"frames", motion.frames()},
                         {"frames_per_second", frames_per_second},
                         {"seamless", motion.seamless()},
                         {"motion", motion_json(motion.options())},
                         {"recipes", std::move(recipes)}};
  return document.dump(-1, ' ', true);
}

FilmFormat film_format(const AnimateCommand& command, const Motion& motion) {
  const CppnRecipe& recipe = motion.options().recipes.front();
  FilmFormat format;
  format.picture = {recipe.width, recipe.height, picture_channels(recipe), recipe.sample};
  format.frames_per_second = command.frames_per_second;
  format.frames = motion.frames();
  format.description = film_json(motion, command.frames_per_second);
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
  if (!(command.frames_per_second > 0 && command.frames_per_second <= kMostFramesPerSecond))
    throw UsageError(fmt::format("--fps {}: it must be above 0 and at most {}", command.frames_per_second,
                                 kMostFramesPerSecond));
  std::vector<CppnRecipe> recipes = planned_recipes(command);
  if (command.morph && recipes.size() < 2)
    throw UsageError("--morph needs two recipes or more: atelier animate --morph a.json b.json -o morph.gif");
  set_format(command, kind, recipes);
  const Motion motion = planned_motion(command, std::move(recipes));
  const FilmFormat format = film_format(command, motion);
  check_film_format(kind, format);
  check_memory(format, motion.options().recipes.front());

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
                {"motion", motion_json(motion.options())},
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
