#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>

#include "kernels/batch_one_gan_launch.h"
#include "kernels/cpu/batch_one_gan_vector.h"
#include "kernels/cpu/noise_vector.h"
#include "kernels/optimizer_function.h"
#include "kernels/resident_gan_cpu.h"
#include "runtime/instruction_set.h"
#include "runtime/parallel.h"
#include "runtime/thread_team.h"

// Every thread owns the same rows of all weights in every walk, so that they stay in its cache. The rows are
// cut into kResidentParts parts, for any number of threads, and sums over rows are made part by part, so that
// the results do not depend on the number of threads. What is as short as a hidden layer (biases, LayerNorm,
// D's output) every thread computes for itself, with its own copy of these parameters: that spares meetings.
namespace atelier::cpu {
namespace {

struct VectorCode {
  const BatchOneGanKernels* walks;
  void (*normal_blocks)(float*, std::uint64_t, std::int64_t, PhiloxStream, float, float);
};

VectorCode vector_code() {
  switch (instruction_set()) {
#if defined(ATELIER_X86)
    case InstructionSet::avx512:
      return {&avx512::batch_one_gan_kernels, avx512::normal_blocks};
    case InstructionSet::avx2:
      return {&avx2::batch_one_gan_kernels, avx2::normal_blocks};
#endif
    default:
      return {&portable::batch_one_gan_kernels, portable::normal_blocks};
  }
}

ResidentStep step_factors(const TwoLayerNetwork& network, std::uint64_t step) {
  ResidentStep result{};
  result.learning_rate = *network.learning_rate;
  if (!has_moments(network)) return result;
  const AdamFactors factors =
      adam_factors(network.beta1, network.beta2, network.epsilon, result.learning_rate, step);
  result.beta1 = static_cast<float>(network.beta1);
  result.first_weight = static_cast<float>(1.0 - network.beta1);
  result.beta2 = factors.beta2;
  result.second_weight = factors.second_weight;
  // A step size of zero has no inverse; one of 2^-100 changes no parameter that is not zero itself.
  double step_size = static_cast<double>(factors.negative_step);
  if (std::fabs(step_size) < 0x1p-100) step_size = -0x1p-100;
  result.root_factor = static_cast<float>(1.0 / (static_cast<double>(factors.correction_root) * step_size));
  result.epsilon = static_cast<float>(static_cast<double>(factors.epsilon) / step_size);
  return result;
}

struct LossAndGradient {
  float loss;
  float gradient;  // of D's logit
};

// The semantics of kernels/loss.h for one output and a target of 0 or 1.
float clamped_log_loss(float logarithm) {
  return logarithm < -100.0F ? 100.0F : -logarithm;
}

LossAndGradient judge(AdversarialLoss kind, float logit, bool real) {
  if (kind == AdversarialLoss::bce_with_logits) {
    const float wrong = real ? -logit : logit;
    const float exponential = std::exp(-std::fabs(wrong));
    const float loss = (wrong < 0.0F ? 0.0F : wrong) + std::log1p(exponential);
    const float share = (wrong < 0.0F ? exponential : 1.0F) / (1.0F + exponential);
    return {loss, real ? -share : share};
  }
  const float p = 1.0F / (1.0F + std::exp(-logit));
  const float variance = (1.0F - p) * p;
  const float difference = p - (real ? 1.0F : 0.0F);
  if (kind == AdversarialLoss::mse) return {difference * difference, 2.0F * difference * variance};
  const float loss = clamped_log_loss(real ? std::log(p) : std::log1p(-p));
  return {loss, variance < 1e-12F ? difference * (variance * 1e12F) : difference};
}

/// A call under way.
struct Work {
  const BatchOneGan& gan;
  const BatchOneGanTraining& training;
  VectorCode code;
  Resident resident;
};

struct Rows {
  std::int64_t begin;
  std::int64_t end;
};
Rows part_rows(std::int64_t rows, std::int64_t first_part, std::int64_t last_part) {
  return {rows * first_part / kResidentParts, rows * last_part / kResidentParts};
}

/// The direction of a walk over the parts of a matrix. Every walk turns round where the last one over the
/// same matrix ended, whose rows are still in the cache.
enum class Walk : std::uint8_t { up, down };

void prepare_noise(const Work& work, PhiloxStream stream, MatrixView<const float> given, std::int64_t index,
                   float* blocks, float* to) {
  const std::int64_t latent = work.resident.latent;
  if (given.data != nullptr) {
    std::copy_n(given.row(index).data, latent, to);
  } else {
    const std::uint64_t first = (work.training.first_iteration + static_cast<std::uint64_t>(index)) *
                                static_cast<std::uint64_t>(latent);
    const auto skipped = static_cast<std::int64_t>(first % 4);
    work.code.normal_blocks(blocks, first / 4, (skipped + latent + 3) / 4, stream, 0.0F, 1.0F);
    std::copy_n(blocks + skipped, latent, to);
  }
  std::fill(to + latent, to + resident_size(latent), 0.0F);
}

/// The inputs of the call's iteration `index`, into their place in the ring.
void prepare_inputs(const Work& work, const Replica& replica, std::int64_t index) {
  const BatchOneGanTraining& training = work.training;
  const Inputs& to = work.resident.inputs[static_cast<std::size_t>(index % kInputRing)];
  const std::uint64_t iteration = training.first_iteration + static_cast<std::uint64_t>(index);
  const std::int64_t row =
      training.order.size > 0
          ? training
                .order[static_cast<std::int64_t>(iteration % static_cast<std::uint64_t>(training.order.size))]
          : static_cast<std::int64_t>(iteration % static_cast<std::uint64_t>(training.pictures.rows));
  const std::int64_t pixels = work.resident.pixels;
  work.code.walks->picture(training.pictures.row(row).data, to.picture, pixels);
  std::fill(to.picture + pixels, to.picture + resident_size(pixels), 0.0F);
  prepare_noise(work, training.fake_noise, training.given_fake_noise, index, replica.noise_blocks,
                to.noise[0]);
  prepare_noise(work, training.generator_noise, training.given_generator_noise, index, replica.noise_blocks,
                to.noise[1]);
}

/// A thread's part of the iterations.
class Member {
 public:
  Member(Work& work, int member, int members, TeamBarrier& barrier)
      : work_(work),
        r_(work.resident),
        walks_(*work.code.walks),
        replica_(work.resident.replicas[static_cast<std::size_t>(member)]),
        barrier_(barrier),
        member_(member),
        members_(members),
        first_part_(kResidentParts * member / members),
        last_part_(kResidentParts * (member + 1) / members),
        image_rows_(part_rows(r_.pixels, first_part_, last_part_)),
        d_hidden_(matrix_of(r_.d_hidden)),
        g_hidden_(matrix_of(r_.g_hidden)),
        g_output_(matrix_of(r_.g_output)) {}

  void run(std::int64_t first, std::int64_t last) {
    take_copies(r_, replica_);
    for (std::int64_t index = first; index < last; ++index) iterate(index);
    if (member_ == 0) return_copies(r_, replica_);
  }

 private:
  const Inputs& inputs(std::int64_t index) const {
    return r_.inputs[static_cast<std::size_t>(index % kInputRing)];
  }
  void iterate(std::int64_t index);
  /// Calls body(part, its rows) for this thread's parts of a matrix of `rows` rows.
  template <class Body>
  void walk(Walk direction, std::int64_t rows, const Body& body) const {
    for (std::int64_t i = first_part_; i < last_part_; ++i) {
      const std::int64_t part = direction == Walk::up ? i : first_part_ + last_part_ - 1 - i;
      body(part, part_rows(rows, part, part + 1));
    }
  }
  [[nodiscard]] ResidentInput squared(const float* input, std::int64_t count) const {
    walks_.square(input, replica_.squares, count);
    return {input, replica_.squares};
  }
  void step_forward(Walk direction, const ResidentMatrix& matrix, const float* delta, const float* input,
                    const ResidentStep& step, const ResidentProducts& products) const {
    const ResidentInput factor = squared(input, matrix.columns);
    walk(direction, matrix.rows, [&](std::int64_t, Rows rows) {
      walks_.step_forward(matrix, rows.begin, rows.end, delta, factor, step, products);
    });
  }
  void prepare(std::int64_t index) const;
  void generate();
  float judge_and_differentiate(const float* sums, bool real, const ResidentStep* step);
  void step_hidden(const HiddenState& state, const float* beta_gradient, const ResidentStep& step) const;
  void differentiate_generator(const ResidentStep& step);

  Work& work_;
  const Resident& r_;
  const BatchOneGanKernels& walks_;
  Replica& replica_;
  TeamBarrier& barrier_;
  int member_;
  int members_;
  std::int64_t first_part_;
  std::int64_t last_part_;
  Rows image_rows_;
  ResidentMatrix d_hidden_;
  ResidentMatrix g_hidden_;
  ResidentMatrix g_output_;
};

void Member::prepare(std::int64_t index) const {
  if (index % kInputsAhead != 0) return;
  const std::int64_t end = std::min(index + 1 + kInputsAhead, work_.training.iterations);
  for (std::int64_t ahead = index + 1 + member_; ahead < end; ahead += members_)
    prepare_inputs(work_, replica_, ahead);
}

// Both fakes, from the hidden products on z1 and z2.
void Member::generate() {
  for (int i = 0; i < 2; ++i) walks_.hidden_forward(replica_.g.layer, r_.g_sum[i], replica_.g.passes[i]);
  walks_.forward(
      g_output_, image_rows_.begin, image_rows_.end,
      {{replica_.g.passes[0].output, replica_.g.passes[1].output}, {r_.image_sum[0], r_.image_sum[1]}, 2});
  for (int i = 0; i < 2; ++i)
    walks_.sigmoid(r_.image_sum[i], r_.g_output_bias.resident.value, r_.image[i], image_rows_.begin,
                   image_rows_.end);
}

void Member::step_hidden(const HiddenState& state, const float* beta_gradient,
                         const ResidentStep& step) const {
  const std::int64_t width = state.layer.padded;
  if (state.layer.gamma.value != nullptr) {
    walks_.step(state.layer.gamma, state.gamma_gradient, 0, width, step);
    walks_.step(state.layer.beta, beta_gradient, 0, width, step);
  }
  walks_.step(state.layer.bias, state.delta, 0, width, step);
}

// From D's hidden products to the loss and delta; the step of all of D but its hidden weights where one is
// given. Every thread does all of it.
float Member::judge_and_differentiate(const float* sums, bool real, const ResidentStep* step) {
  HiddenState& d = replica_.d;
  ResidentPass& pass = d.passes[0];
  const std::int64_t width = d.layer.padded;
  walks_.hidden_forward(d.layer, sums, pass);
  const float logit = walks_.dot(pass.output, d.output_weight.value, width) + d.output_bias.value[0];
  const LossAndGradient judged = judge(work_.gan.loss, logit, real);
  walks_.scale(d.output_weight.value, judged.gradient, d.gradient, width);
  walks_.hidden_backward(d.layer, pass, d.gradient, d.delta, d.gamma_gradient);
  if (step != nullptr) {
    walks_.scale(pass.output, judged.gradient, d.output_weight_gradient, width);
    d.output_bias_gradient[0] = judged.gradient;
    walks_.step(d.output_weight, d.output_weight_gradient, 0, width, *step);
    walks_.step(d.output_bias, d.output_bias_gradient, 0, 1, *step);
    step_hidden(d, d.gradient, *step);
  }
  return judged.loss;
}

// From the gradient of the image to delta of G's hidden layer; the step of all of G but its hidden weights.
void Member::differentiate_generator(const ResidentStep& step) {
  HiddenState& g = replica_.g;
  const std::int64_t image_pitch = resident_size(r_.pixels);
  walks_.add_parts(r_.d_parts, kResidentParts, image_pitch, r_.image[1], r_.image_gradient, image_rows_.begin,
                   image_rows_.end);
  const ResidentInput input = squared(g.passes[1].output, g.layer.padded);
  walk(Walk::down, r_.pixels, [&](std::int64_t part, Rows rows) {
    walks_.backward_step(g_output_, rows.begin, rows.end, r_.image_gradient, input, step,
                         r_.g_parts + part * g.layer.padded);
  });
  walks_.step(r_.g_output_bias.resident, r_.image_gradient, image_rows_.begin, image_rows_.end, step);
  barrier_.meet();
  walks_.add_parts(r_.g_parts, kResidentParts, g.layer.padded, nullptr, g.gradient, 0, g.layer.padded);
  walks_.hidden_backward(g.layer, g.passes[1], g.gradient, g.delta, g.gamma_gradient);
  step_hidden(g, g.gradient, step);
}

void Member::iterate(std::int64_t index) {
  const std::uint64_t t = work_.training.first_iteration + static_cast<std::uint64_t>(index);
  prepare(index);
  const Inputs& now = inputs(index);
  // The last iteration has no next one, whose products nobody would read: any input will do.
  const Inputs& next = index + 1 < work_.training.iterations ? inputs(index + 1) : now;
  float losses[3];

  generate();
  barrier_.meet();

  const ResidentStep on_picture = step_factors(work_.gan.discriminator, 2 * t + 1);
  losses[0] = judge_and_differentiate(r_.d_sum[0], true, &on_picture);
  step_forward(Walk::up, d_hidden_, replica_.d.delta, now.picture, on_picture,
               {{r_.image[0], nullptr}, {r_.d_sum[1], nullptr}, 1});
  barrier_.meet();

  const ResidentStep on_fake = step_factors(work_.gan.discriminator, 2 * t + 2);
  losses[1] = judge_and_differentiate(r_.d_sum[1], false, &on_fake);
  step_forward(Walk::down, d_hidden_, replica_.d.delta, r_.image[0], on_fake,
               {{r_.image[1], next.picture}, {r_.d_sum[2], r_.d_sum[0]}, 2});
  barrier_.meet();

  const ResidentStep of_generator = step_factors(work_.gan.generator, t + 1);
  losses[2] = judge_and_differentiate(r_.d_sum[2], true, nullptr);
  for (std::int64_t part = first_part_; part < last_part_; ++part) {
    const Rows rows = part_rows(r_.d_hidden.home.rows, part, part + 1);
    walks_.backward(d_hidden_, rows.begin, rows.end, replica_.d.delta,
                    r_.d_parts + part * resident_size(r_.pixels));
  }
  barrier_.meet();

  differentiate_generator(of_generator);
  step_forward(Walk::up, g_hidden_, replica_.g.delta, now.noise[1], of_generator,
               {{next.noise[0], next.noise[1]}, {r_.g_sum[0], r_.g_sum[1]}, 2});
  if (member_ == 0 && work_.training.losses.data != nullptr)
    std::copy_n(losses, 3, work_.training.losses.row(index).data);
  barrier_.meet();
}

/// The products that the first iteration begins with; every later one finds them made.
void start(const Work& work) {
  const Resident& r = work.resident;
  prepare_inputs(work, r.replicas[0], 0);
  const Inputs& first = r.inputs[0];
  const BatchOneGanKernels& walks = *work.code.walks;
  walks.forward(matrix_of(r.d_hidden), 0, r.d_hidden.home.rows,
                {{first.picture, nullptr}, {r.d_sum[0], nullptr}, 1});
  walks.forward(matrix_of(r.g_hidden), 0, r.g_hidden.home.rows,
                {{first.noise[0], first.noise[1]}, {r.g_sum[0], r.g_sum[1]}, 2});
}

/// Asks for large pages, of which a few are all that the address translation has to keep. The system may
/// refuse.
void ask_for_large_pages(VectorView<float> scratch) {
  constexpr std::uintptr_t kPage = std::uintptr_t{2} << 20;
  const auto begin = (reinterpret_cast<std::uintptr_t>(scratch.data) + kPage - 1) / kPage * kPage;
  const auto end = reinterpret_cast<std::uintptr_t>(scratch.data + scratch.size) / kPage * kPage;
  if (begin < end) static_cast<void>(madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE));
}

float* aligned(float* place) {
  constexpr std::uintptr_t kLine = 64;
  return place + (kLine - reinterpret_cast<std::uintptr_t>(place) % kLine) % kLine / sizeof(float);
}

/// Whether a team or one thread is the faster: when other work takes the processors, every meeting of a team
/// waits for a member that has none. Measured as training goes on; what is computed does not depend on it.
class Pace {
 public:
  /// Starts anew for other work.
  void prepare(int members, std::int64_t scratch) {
    if (members == members_ && scratch == scratch_) return;
    *this = Pace();
    members_ = members;
    scratch_ = scratch;
  }
  [[nodiscard]] int choose() {
    if (members_ == 1) return 1;
    const bool team_is_faster = seconds_[1] <= seconds_[0];
    if (team_is_faster != team_was_faster_) interval_ = kShortestInterval;
    team_was_faster_ = team_is_faster;
    const bool known = seconds_[0] > 0.0 && seconds_[1] > 0.0;
    const bool probe = known && ++since_probe_ >= interval_;
    if (probe) {
      since_probe_ = 0;
      interval_ = std::min(2 * interval_, kLongestInterval);
    }
    return team_is_faster != probe ? members_ : 1;
  }
  void measured(int members, double seconds_an_iteration) {
    double& kept = seconds_[members > 1 ? 1 : 0];
    kept = kept > 0.0 ? 0.5 * (kept + seconds_an_iteration) : seconds_an_iteration;
  }

 private:
  // Stretches between two looks at the other way: the more, the longer the same way has been the faster.
  static constexpr int kShortestInterval = 16;
  static constexpr int kLongestInterval = 256;
  int members_ = 0;
  std::int64_t scratch_ = 0;
  double seconds_[2] = {};  // alone, as a team; 0: not yet measured
  bool team_was_faster_ = true;
  int interval_ = kShortestInterval;
  int since_probe_ = 0;
};

void train(const BatchOneGan& gan, const BatchOneGanTraining& training, VectorView<float> scratch) {
  ask_for_large_pages(scratch);
  std::int64_t size = 0;
  Work work{gan, training, vector_code(), place_resident(gan, aligned(scratch.data), &size)};
  std::fill(work.resident.inputs[0].picture, scratch.data + scratch.size, 0.0F);
  move_in(gan, work.resident);
  start(work);
  // Of the stream's thread: a stream trains the same networks call after call.
  thread_local Pace pace;
  pace.prepare(std::min(cpu_threads(), kMostResidentThreads), scratch.size);
  constexpr std::int64_t kStretch = 64;  // some tens of milliseconds
  for (std::int64_t first = 0; first < training.iterations; first += kStretch) {
    const std::int64_t last = std::min(first + kStretch, training.iterations);
    const int members = pace.choose();
    const auto begin = std::chrono::steady_clock::now();
    run_team(members, [&](int member, TeamBarrier& barrier) {
      Member(work, member, members, barrier).run(first, last);
    });
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    pace.measured(members, time.count() / static_cast<double>(last - first));
  }
  move_out(gan, work.resident);
}

}  // namespace

std::string batch_one_gan_obstacle(Device, const BatchOneGan&) {
  return {};
}

std::int64_t batch_one_gan_scratch(Device, const BatchOneGan& gan) {
  std::int64_t size = 0;
  (void)place_resident(gan, nullptr, &size);
  return size + kResidentLanes;  // to begin at a multiple of 64 bytes
}

void train_batch_one_gan(Stream& stream, const BatchOneGan& gan, const BatchOneGanTraining& training,
                         VectorView<float> scratch) {
  stream.enqueue("train_batch_one_gan", [gan, training, scratch] { train(gan, training, scratch); });
}

}  // namespace atelier::cpu
