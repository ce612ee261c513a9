#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "models/easing.h"
#include "models/recipe.h"
#include "models/vary.h"

namespace atelier {

/// What a picture's latent vector or weights do while the film runs, once round: offsets r(u) from where they
/// are, u = 0..1, r(0) = r(1) = 0.
///   circle  radius (sin(2 pi u) a + (1 - cos(2 pi u)) b) of two directions at right angles and of one length
///           (a latent vector of one number swings: b = 0)
///   spline  the closed Catmull-Rom spline (models/spline.h) through 0 and radius times points - 1 directions
/// Directions are random_direction(first recipe, part, seed, 1, 2, …); those of the latent vector are scaled
/// to a root mean square of 1: its numbers move by about the radius.
enum class MotionLoop : std::uint8_t { none, circle, spline };

/// How a morph and a camera's path spend the film's time.
///   loop  from the start once round to where it began: the film runs on into itself
///   back  there and back again: so does it
///   once  from the start to the end, which the last frame shows
enum class MotionWay : std::uint8_t { loop, back, once };

[[nodiscard]] std::string_view name_of(MotionLoop loop);  // "circle"
[[nodiscard]] std::string_view name_of(MotionWay way);    // "back"
[[nodiscard]] std::string_view name_of(Easing easing);    // "in-out"

struct MotionOptions {
  /// One, or several of one topology: a morph passes their weights and latent vectors in turn (loop: and
  /// comes back to the first). On the way between two of them it goes straight, and every layer keeps the
  /// size it has between the two (root mean squares are interpolated; the factor is limited to 2): else the
  /// middle of two random networks would be pale. All else is the first one's.
  std::vector<CppnRecipe> recipes;

  MotionLoop loop = MotionLoop::none;
  VariedPart part = VariedPart::latent;  // that loops
  double radius = 1;                     // latent numbers, or shares of a layer's root mean square
  int points = 4;                        // of the spline, 2 to kMotionMaxPoints
  std::uint64_t seed = 0;

  /// The camera, at the share p of its path. Zoom: the span is divided by zoom^p, even in time to the eye.
  /// Pan: the centre moves by pan (1 - zoom^-p) / (1 - zoom^-1) (no zoom: pan p), so that both together hold
  /// one point of the screen still. Turn: degrees times p.
  double zoom = 1;
  double pan_x = 0, pan_y = 0;  // in the plane's coordinates, like RecipeCoordinates::center
  double turn = 0;              // degrees

  Easing easing = Easing::linear;  // of the camera, and of a morph from recipe to recipe
  MotionWay way = MotionWay::once;
  std::int64_t frames = 100;
};
inline constexpr int kMotionMaxPoints = 256;
inline constexpr std::int64_t kMotionMaxFrames = 100000;

/// A film as a function from a frame's number to the recipe that paints it: any frame stands alone.
class Motion {
 public:
  /// Throws InvalidArgument with one line: no recipe, recipes of different topologies, a loop of a latent
  /// vector that is not there, a camera on coordinates other than `centered` (tile: pan alone), a path that
  /// `loop` cannot close (a zoom, a pan, broken turns), numbers out of range, a zoom beyond what double
  /// holds.
  explicit Motion(MotionOptions options);

  [[nodiscard]] std::int64_t frames() const { return options_.frames; }
  [[nodiscard]] const MotionOptions& options() const { return options_; }
  /// True when the film runs on into itself: frame(frames()) would be frame 0.
  [[nodiscard]] bool seamless() const;
  /// True when frames differ in more than the latent vector and the window.
  [[nodiscard]] bool moves_weights() const;
  /// The recipe of frame `index`, 0 and up; a seamless motion begins again at frames(). Deterministic.
  [[nodiscard]] CppnRecipe frame(std::int64_t index) const;

 private:
  void check() const;
  void check_camera() const;
  [[nodiscard]] bool has_camera() const;
  [[nodiscard]] double share(std::int64_t index) const;
  [[nodiscard]] CppnRecipe morphed(double share) const;
  void add_loop(CppnRecipe& recipe, std::int64_t index) const;
  void move_camera(CppnRecipe& recipe, double share) const;

  MotionOptions options_;
  std::vector<std::vector<double>> directions_;
};

}  // namespace atelier
