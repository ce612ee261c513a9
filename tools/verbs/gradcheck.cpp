#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "models/gradient_check.h"
#include "tools/interruption.h"
#include "tools/plot.h"
#include "tools/usage_error.h"
#include "tools/verbs/verbs.h"

namespace atelier::tools {
namespace {

/// Parameters that are shown without -v.
constexpr std::size_t kShownParameters = 12;

std::string seconds_text(double seconds) {
  if (seconds < 1e-3) return fmt::format("{:.2f} us", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.2f} ms", seconds * 1e3);
  return fmt::format("{:.2f} s", seconds);
}

double time_ratio(const GradientCheckResult& result) {
  return result.central_differences.seconds_per_step / result.back_propagation.seconds_per_step;
}

std::string table_text(const GradientCheckResult& result, bool all) {
  std::string text = fmt::format("  {:<18}  {:>18}  {:>16}  {:>14}  {:>10}\n", "parameter",
                                 "central difference", "back-propagation", "fp32, device", "difference");
  const std::size_t count =
      all ? result.comparisons.size() : std::min(result.comparisons.size(), kShownParameters);
  for (std::size_t i = 0; i < count; ++i) {
    const GradientComparison& row = result.comparisons[i];
    text += fmt::format("  {:<18}  {:>18.9f}  {:>16.9f}  {:>14.9f}  {:>10.1e}\n", row.parameter,
                        row.central_difference, row.back_propagation, row.engine,
                        std::abs(row.back_propagation - row.central_difference));
  }
  if (count < result.comparisons.size())
    text += fmt::format("  and {} more (-v shows them)\n", result.comparisons.size() - count);
  return text;
}

std::string result_text(const GradcheckCommand& command, const GradientCheckResult& result, Device device) {
  const GradientCost& slow = result.central_differences;
  const GradientCost& fast = result.back_propagation;
  std::string text = fmt::format(
      "{}: {} parameters, {} rows of {}, seed {}\n\n"
      "The gradient: how much the error E changes with a parameter w, the others held fast.\n"
      "  central difference   (E(w + h) - E(w - h)) / 2h with h = {:g}: two forward passes for each w\n"
      "  back-propagation     the chain rule from the output back: all of them from one pass each way\n\n",
      result.network.text(), result.parameters, result.rows, command.check.task, command.check.seed,
      command.check.difference);
  text += table_text(result, command.run.verbose);
  text += fmt::format(
      "\nThe largest difference is {:.1e} of the largest gradient in double, {:.1e} in fp32 on {}.\n",
      result.worst_of_back_propagation, result.worst_of_engine, device.name());
  if (!result.learned_by_central_differences.empty())
    text += fmt::format(
        "Learning: {} steps take the error from {:.6g} to {:.6g} by central differences,\n"
        "to {:.6g} by back-propagation, never more than {:.1e} apart.\n",
        command.check.steps, result.learned_by_central_differences.front(),
        result.learned_by_central_differences.back(), result.learned_by_back_propagation.back(),
        result.largest_gap);
  // What a pass forward costs is not measured apart: it is the share of one in the many.
  const double pass = slow.seconds_per_step / static_cast<double>(slow.passes_per_step);
  text += fmt::format(
      "Cost of a step, measured in double on one core: central differences take {} for {} forward\n"
      "passes, back-propagation {}, as long as {:.1f} of those passes: {:.1f} times less.\n",
      seconds_text(slow.seconds_per_step), slow.passes_per_step, seconds_text(fast.seconds_per_step),
      fast.seconds_per_step / pass, time_ratio(result));
  return text;
}

nlohmann::ordered_json result_json(const GradcheckCommand& command, const GradientCheckResult& result,
                                   Device device) {
  nlohmann::ordered_json comparisons = nlohmann::ordered_json::array();
  for (const GradientComparison& row : result.comparisons)
    comparisons.push_back({{"parameter", row.parameter},
                           {"central_difference", row.central_difference},
                           {"back_propagation", row.back_propagation},
                           {"engine", row.engine}});
  const auto cost = [](const GradientCost& gradient) {
    return nlohmann::ordered_json{{"passes_per_step", gradient.passes_per_step},
                                  {"seconds_per_step", gradient.seconds_per_step}};
  };
  return {{"network", result.network.text()},
          {"task", command.check.task},
          {"seed", command.check.seed},
          {"device", device.name()},
          {"parameters", result.parameters},
          {"rows", result.rows},
          {"worst_of_back_propagation", result.worst_of_back_propagation},
          {"worst_of_engine", result.worst_of_engine},
          {"largest_gap", result.largest_gap},
          {"central_differences", cost(result.central_differences)},
          {"back_propagation", cost(result.back_propagation)},
          {"time_ratio", time_ratio(result)},
          {"comparisons", comparisons},
          {"learned_by_central_differences", result.learned_by_central_differences},
          {"learned_by_back_propagation", result.learned_by_back_propagation}};
}

std::string learning_script(const GradcheckCommand& command, const GradientCheckResult& result) {
  PlotDescription frame;
  frame.title =
      fmt::format("{}: learning by central differences and by back-propagation", command.check.task);
  frame.x_label = "step";
  frame.y_label = "mean squared error";
  std::vector<double> steps(result.learned_by_central_differences.size());
  for (std::size_t i = 0; i < steps.size(); ++i) steps[i] = static_cast<double>(i);
  // The curves are one: the wide one shines through beside the narrow one.
  return script_of({{fmt::format("central differences ({} forward passes a step)",
                                 result.central_differences.passes_per_step),
                     steps, result.learned_by_central_differences, false, 6},
                    {"back-propagation (one pass forward and one back)", steps,
                     result.learned_by_back_propagation, false, 1.5}},
                   frame, true);
}

}  // namespace

void gradcheck(const GradcheckCommand& command) {
  const std::string& output = command.run.output;
  if (!output.empty() && std::filesystem::path(output).extension() != ".png")
    throw UsageError(fmt::format("{}: a plot is a .png file", output));
  watch_for_interruption();
  if (!output.empty()) {
    // Looked at first: an output that cannot be must not cost the training.
    (void)open_output(command.run);
  }
  const Device device = open_device(command.run);
  GradientCheckResult result;
  {
    Stream stream(device);
    try {
      result = check_gradients(stream, command.check);
    } catch (const InvalidArgument& error) {
      throw UsageError(error.what());
    }
  }
  throw_if_interrupted();
  if (!output.empty()) {
    const Drawing drawing = draw(learning_script(command, result));
    if (drawing.png.empty()) throw Error(fmt::format("cannot draw {}: {}", output, drawing.problem));
    AtomicFile plot = open_output(command.run);
    plot.write(drawing.png.data(), drawing.png.size());
    plot.commit();
  }
  if (command.run.json) {
    print_json(result_json(command, result, device));
  } else if (!command.run.quiet) {
    print_text(result_text(command, result, device));
  }
}

}  // namespace atelier::tools
