#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "models/judge/judge.h"
#include "models/learner.h"

namespace atelier::tools {

/// What was judged, and how.
struct JudgedPictures {
  std::string name;  // as the user called it
  Judgement judgement;
};

/// "MNIST-FD" for a judge of mnist, "DIGITS-FD", …: never FID, whose extractor is another.
[[nodiscard]] std::string distance_name(const Judge& judge);
/// {"extractor": hash, "train": …, "test": …, "accuracy": …, "floor": {…}}.
[[nodiscard]] nlohmann::ordered_json judge_json(const Judge& judge);
/// {"name": …, "pictures": …, "frechet_to_train": …, …}; NaN and infinity are null.
[[nodiscard]] nlohmann::ordered_json judgement_json(const Judge& judge, const JudgedPictures& judged);
/// A line about the judge, then a row a measure: the real test set's figure, then one column a set of
/// pictures.
[[nodiscard]] std::string judge_text(const Judge& judge);
[[nodiscard]] std::string judgement_table(const Judge& judge, const std::vector<JudgedPictures>& judged);

/// Judged pictures in rows, each above the real picture that it is nearest to: those that come closest to it
/// for what the other set has, first. `to`: the set that the generator learned from.
[[nodiscard]] GrayPicture memorisation_picture(const Judge& judge, Split to, const DataSet& pictures,
                                               const Judgement& judgement);

}  // namespace atelier::tools
