#include "models/easing.h"

#include <algorithm>

namespace atelier {

double eased(Easing easing, double t) {
  const double place = std::clamp(t, 0.0, 1.0);
  switch (easing) {
    case Easing::linear:
      break;
    case Easing::in:
      return place * place;
    case Easing::out:
      return 1 - (1 - place) * (1 - place);
    case Easing::in_out:
      return place * place * (3 - 2 * place);
  }
  return place;
}

}  // namespace atelier
