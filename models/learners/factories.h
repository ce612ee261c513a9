#pragma once

#include <memory>

#include "models/learner.h"

/// One function a family of presets, called by make_learner with a configuration that resolve_training has
/// completed (config.preset tells the family's members apart). The learner keeps `stream` by reference: it
/// must outlive the learner. Data sets are copied to the device; they may go afterwards. All throw
/// InvalidArgument for data of the wrong shape (no labels, no pictures, other sides in `train` than in
/// `test`), OutOfMemory.
namespace atelier::detail {

/// "classifier", "classifier-book". `test` may be empty.
[[nodiscard]] std::unique_ptr<Learner> make_classifier(Stream& stream, const TrainingConfig& config,
                                                       const DataSet& train, const DataSet& test);
/// "discriminator-noise". `test` may be empty.
[[nodiscard]] std::unique_ptr<Learner> make_discriminator_noise(Stream& stream, const TrainingConfig& config,
                                                                const DataSet& train, const DataSet& test);
/// "gan-v1", "gan-v2", "gan-book": learns from `train` or `test`, as config.split says.
[[nodiscard]] std::unique_ptr<Learner> make_gan(Stream& stream, const TrainingConfig& config,
                                                const DataSet& train, const DataSet& test);
/// "nodes-discriminator", "nodes-gan".
[[nodiscard]] std::unique_ptr<Learner> make_nodes(Stream& stream, const TrainingConfig& config);
/// "pattern1010-discriminator", "pattern1010-gan".
[[nodiscard]] std::unique_ptr<Learner> make_pattern1010(Stream& stream, const TrainingConfig& config);

/// What these learners ask of pictures. Throws InvalidArgument: `train` has none, or `test` has some of other
/// sides.
void require_pictures(const TrainingConfig& config, const DataSet& train, const DataSet& test);

}  // namespace atelier::detail
