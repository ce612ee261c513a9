#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/learner.h"
#include "tools/metrics_file.h"

// Plots, drawn by the program gnuplot from a script with the data inside.
namespace atelier::tools {

/// The script of a plot of metrics, 900 x 500 pixels, PNG on its standard output; against the column that the
/// x axis is named after, else the first (the iteration). Cells
/// that are empty or not finite are left out, and so is a curve whose column the table does not have.
[[nodiscard]] std::string curves_script(const PlotDescription& plot, const MetricsTable& table);

/// A square table of counts: row = truth, column = answer. Colours show the share of a row, numbers the
/// counts. Throws InvalidArgument when the counts are not a square number or none.
[[nodiscard]] std::string confusion_script(const std::vector<std::int64_t>& counts, const std::string& title);

/// A curve of a plot whose points are at hand.
struct Curve {
  std::string legend;
  std::vector<double> x;
  std::vector<double> y;
  bool points = false;  // else a line
  double width = 1.5;   // of the line, in pixels
};
/// The script of a plot of given curves, 900 x 500 pixels. `logarithmic`: the y axis.
[[nodiscard]] std::string script_of(const std::vector<Curve>& curves, const PlotDescription& frame,
                                    bool logarithmic = false);

/// What gnuplot draws: the bytes of a PNG.
struct Drawing {
  std::string png;      // empty when there is none
  std::string problem;  // then: why, and what would help; one line
};
/// Runs gnuplot on the script. Never throws for a gnuplot that is missing or fails.
[[nodiscard]] Drawing draw(const std::string& script);

}  // namespace atelier::tools
