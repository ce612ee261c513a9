#include "models/learners/gan_iterations.h"

#include <optional>
#include <utility>

#include "kernels/batch_one_gan.h"
#include "kernels/noise.h"
#include "kernels/optimizer.h"
#include "models/gradient_penalty.h"
#include "models/torch_generator.h"
#include "runtime/arena.h"
#include "runtime/buffer.h"
#include "runtime/event.h"

namespace atelier::detail {
namespace {

constexpr float kLargestByte = 255.0F;
constexpr std::uint64_t kFirstStreamOfG = std::uint64_t{1} << 16;

AdversarialLoss adversarial(Loss loss) {
  switch (loss) {
    case Loss::bce_with_logits:
      return AdversarialLoss::bce_with_logits;
    case Loss::mse:
      return AdversarialLoss::mse;
    default:
      return AdversarialLoss::bce;
  }
}

class StreamedIterations final : public GanIterations {
 public:
  StreamedIterations(Stream& stream, const TrainingConfig& config, const GanPlan& plan, GanPair& pair,
                     const DeviceData& data, EpochLoop& loop)
      : config_(config),
        plan_(plan),
        pair_(pair),
        data_(data),
        loop_(loop),
        side_(stream.device()),
        forked_(stream.device()),
        joined_(stream.device()),
        judge_(stream, pair.discriminator, config.batch.value(), Pass::Purpose::training),
        forger_(stream, pair.generator, config.batch.value(), Pass::Purpose::inference),
        learner_(stream, pair.generator, config.batch.value(), Pass::Purpose::training) {
    const std::int64_t batch = config.batch.value();
    const std::int64_t pixels = plan.discriminator.inputs;
    const std::int64_t latent = plan.generator.inputs;
    ArenaPlan room;
    const auto real = room.reserve<float>(batch * pixels, "real pictures");
    const auto fake_noise = room.reserve<float>(batch * latent, "noise");
    const auto generator_noise = room.reserve<float>(batch * latent, "noise");
    arena_.emplace(stream, room, "batch");
    real_ = arena_->matrix(real, batch, pixels);
    fake_noise_ = arena_->matrix(fake_noise, batch, latent);
    generator_noise_ = arena_->matrix(generator_noise, batch, latent);
    if (plan.gradient_penalty > 0) penalty_.emplace(stream, pair.discriminator, batch, plan.gradient_penalty);
    loop.capture([this](Stream& recording, std::int64_t rows) { step(recording, rows); });
  }

  [[nodiscard]] std::vector<float> run(std::int64_t count) override { return loop_.run(count); }

 private:
  void step(Stream& stream, std::int64_t rows) {
    forked_.record(stream);
    side_.wait(forked_);
    const MatrixView<float> noise = draw(fake_noise_, rows, kFakeNoise);
    const MatrixView<float> fake = forger_.forward(side_, noise);
    const MatrixView<float> forged = learner_.forward(side_, draw(generator_noise_, rows, kGeneratorNoise));
    joined_.record(side_);

    const MatrixView<float> real = real_.rows_part(0, rows);
    gather_rows(stream, data_.pixels(), loop_.order(), kLargestByte, real);
    if (plan_.joint) {
      joint_step(stream, real, fake);
    } else {
      judge_step(stream, real, 1.0F, 0);
      stream.wait(joined_);
      judge_step(stream, fake, 0.0F, 1);
    }

    (void)judge_.forward(stream, forged);
    judge_.loss(stream, plan_.loss, {{}, 1.0F}, loop_.loss(2));
    judge_.backward(stream, false, learner_.output_gradient());
    learner_.backward_and_step(stream, pair_.generator_optimizer, loop_.counter(1, 1));
    if (pair_.average)
      moving_average(stream, pair_.average->block(), pair_.generator.block(), plan_.average,
                     loop_.counter(1, 1));
  }

  /// z of the iteration: elements batch * latent * iteration and on, whatever the number of rows.
  MatrixView<float> draw(MatrixView<float> noise, std::int64_t rows, std::uint64_t random) {
    fill_normal(side_, {noise.data, rows * noise.columns}, {config_.seed, random},
                loop_.counter(static_cast<std::uint64_t>(noise.rows * noise.columns)));
    return noise.rows_part(0, rows);
  }

  /// One step of D on both: gradients add up, then the penalty's.
  void joint_step(Stream& stream, MatrixView<const float> real, MatrixView<const float> fake) {
    (void)judge_.forward(stream, real);
    judge_.loss(stream, plan_.loss, {{}, 1.0F}, loop_.loss(0));
    judge_.backward(stream, true);
    if (penalty_) penalty_->add(stream, real, judge_.gradients());
    stream.wait(joined_);
    (void)judge_.forward(stream, fake);
    judge_.loss(stream, plan_.loss, {{}, 0.0F}, loop_.loss(1));
    judge_.backward(stream, true, {}, true);
    judge_.step(stream, pair_.discriminator_optimizer, loop_.counter(1, 1));
  }

  void judge_step(Stream& stream, MatrixView<const float> pictures, float target, std::int64_t update) {
    (void)judge_.forward(stream, pictures);
    judge_.loss(stream, plan_.loss, {{}, target}, loop_.loss(update));
    judge_.backward_and_step(stream, pair_.discriminator_optimizer,
                             loop_.counter(2, static_cast<std::uint64_t>(update) + 1));
  }

  const TrainingConfig& config_;
  const GanPlan& plan_;
  GanPair& pair_;
  const DeviceData& data_;
  EpochLoop& loop_;
  Stream side_;
  Event forked_;
  Event joined_;
  Pass judge_;
  Pass forger_;
  Pass learner_;
  std::optional<GradientPenalty> penalty_;
  std::optional<Arena> arena_;
  MatrixView<float> real_;
  MatrixView<float> fake_noise_;
  MatrixView<float> generator_noise_;
};

/// The networks as the resident loop takes them; nothing where it cannot.
std::optional<BatchOneGan> resident_gan(const GanPlan& plan, const GanPair& pair) {
  const std::optional<TwoLayerNetwork> discriminator =
      two_layer_network(pair.discriminator, pair.discriminator_optimizer);
  const std::optional<TwoLayerNetwork> generator =
      two_layer_network(pair.generator, pair.generator_optimizer);
  const auto sigmoid = [](const NetworkDescription& network) {
    const Layer& last = network.layers.back();
    return last.kind == Layer::Kind::activation;  // two_layer_network takes no other than a sigmoid there
  };
  if (!discriminator || !generator || !sigmoid(plan.generator) ||
      sigmoid(plan.discriminator) == (plan.loss == Loss::bce_with_logits))
    return {};
  return BatchOneGan{*discriminator, *generator, adversarial(plan.loss)};
}

class ResidentIterations final : public GanIterations {
 public:
  ResidentIterations(Stream& stream, std::uint64_t seed, const BatchOneGan& gan, const DeviceData& data,
                     EpochLoop& loop)
      : stream_(stream), seed_(seed), gan_(gan), data_(data), loop_(loop) {
    ArenaPlan room;
    const std::int64_t scratch = batch_one_gan_scratch(stream.device(), gan);
    const auto scratch_slot = room.reserve<float>(scratch, "scratch");
    const auto losses = room.reserve<float>(3 * EpochLoop::kHistoryRows, "losses");
    arena_.emplace(stream, room, "resident loop");
    scratch_ = arena_->view(scratch_slot);
    losses_ = arena_->matrix(losses, EpochLoop::kHistoryRows, 3);
  }

  [[nodiscard]] std::vector<float> run(std::int64_t count) override {
    const std::int64_t block = loop_.begin_block(count);
    if (block == 0) return {};
    BatchOneGanTraining training;
    training.first_iteration = static_cast<std::uint64_t>(loop_.iteration());
    training.iterations = block;
    training.pictures = data_.pixels();
    training.order = loop_.epoch_order();
    training.fake_noise = {seed_, kFakeNoise};
    training.generator_noise = {seed_, kGeneratorNoise};
    training.losses = losses_.rows_part(0, block);
    train_batch_one_gan(stream_, gan_, training, scratch_);
    std::vector<float> losses = download(stream_, VectorView<float>{losses_.data, block * 3});
    loop_.end_block(block);
    return losses;
  }

 private:
  Stream& stream_;
  std::uint64_t seed_;
  BatchOneGan gan_;
  const DeviceData& data_;
  EpochLoop& loop_;
  std::optional<Arena> arena_;
  VectorView<float> scratch_;
  MatrixView<float> losses_;
};

}  // namespace

GanPair::GanPair(Stream& stream, const TrainingConfig& config, const GanPlan& plan)
    : discriminator(stream, plan.discriminator, config.seed, 0, "discriminator"),
      generator(stream, plan.generator, config.seed, kFirstStreamOfG, "generator"),
      discriminator_optimizer(stream, discriminator, plan.discriminator_optimizer),
      generator_optimizer(stream, generator, plan.generator_optimizer) {
  if (config.torch_seed) {
    TorchGenerator torch(*config.torch_seed);
    initialise_as_torch(stream, discriminator, torch);
    initialise_as_torch(stream, generator, torch);
  }
  if (plan.average == 0) return;
  average.emplace(stream, plan.generator, config.seed, kFirstStreamOfG, "average of the generator");
  copy<float>(stream, average->block(), generator.block());
}

void GanPair::save(Stream& stream, TensorFile& file) const {
  discriminator.save(stream, file, "discriminator.");
  generator.save(stream, file, "generator.");
  discriminator_optimizer.save(stream, discriminator, file, "discriminator_optimizer.");
  generator_optimizer.save(stream, generator, file, "generator_optimizer.");
  if (average) average->save(stream, file, kAveragePrefix);
}

void GanPair::load(Stream& stream, const TensorFile& file) {
  discriminator.load(stream, file, "discriminator.");
  generator.load(stream, file, "generator.");
  discriminator_optimizer.load(stream, discriminator, file, "discriminator_optimizer.");
  generator_optimizer.load(stream, generator, file, "generator_optimizer.");
  if (average) average->load(stream, file, kAveragePrefix);
}

std::unique_ptr<GanIterations> make_streamed_iterations(Stream& stream, const TrainingConfig& config,
                                                        const GanPlan& plan, GanPair& pair,
                                                        const DeviceData& data, EpochLoop& loop) {
  return std::make_unique<StreamedIterations>(stream, config, plan, pair, data, loop);
}

std::unique_ptr<GanIterations> make_resident_iterations(Stream& stream, const TrainingConfig& config,
                                                        const GanPlan& plan, GanPair& pair,
                                                        const DeviceData& data, EpochLoop& loop) {
  return std::make_unique<ResidentIterations>(stream, config.seed, resident_gan(plan, pair).value(), data,
                                              loop);
}

std::string resident_obstacle(Device device, const TrainingConfig& config, const GanPlan& plan,
                              const GanPair& pair) {
  if (config.batch != 1) return "it trains one picture a step";
  if (plan.joint || plan.average > 0)
    return "it is for the articles' loop, without one joint step of D or an average";
  const std::optional<BatchOneGan> gan = resident_gan(plan, pair);
  if (!gan)
    return "each network must be linear, activation, [layer_norm], linear, and a sigmoid where the loss "
           "wants "
           "one";
  return batch_one_gan_obstacle(device, *gan);
}

}  // namespace atelier::detail
