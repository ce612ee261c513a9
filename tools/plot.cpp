#include "tools/plot.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>

#include "runtime/error.h"

extern char** environ;  // of the process, as POSIX has it

namespace atelier::tools {
namespace {

/// Okabe and Ito's colours, told apart by colour-blind readers too, the yellow left out.
constexpr std::array<std::string_view, 7> kColors{"0072B2", "D55E00", "009E73", "CC79A7",
                                                  "E69F00", "56B4E9", "000000"};

/// Points up to this many are each seen and joined by a line: accuracies after epochs.
constexpr std::size_t kFewPoints = 50;

/// Whether x counts a few things, such as epochs: no marks between whole numbers then.
bool counts_few(const std::vector<Curve>& curves) {
  constexpr double kMostMarks = 20;
  bool any = false;
  for (const Curve& curve : curves)
    for (std::size_t i = 0; i < std::min(curve.x.size(), curve.y.size()); ++i) {
      if (!std::isfinite(curve.x[i]) || !std::isfinite(curve.y[i])) continue;
      if (curve.x[i] < 0 || curve.x[i] > kMostMarks || curve.x[i] != std::trunc(curve.x[i])) return false;
      any = true;
    }
  return any;
}

/// A text as gnuplot reads it back: within double quotes a backslash and a quote are escaped.
std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char letter : text) {
    if (letter == '"' || letter == '\\') result += '\\';
    result += static_cast<unsigned char>(letter) < 0x20 ? ' ' : letter;
  }
  return result + "\"";
}

std::string terminal(int width, int height) {
  return fmt::format(
      "set terminal pngcairo size {},{} font \"DejaVu Sans,11\" noenhanced background rgb \"white\"\n"
      "set encoding utf8\n",
      width, height);
}

/// A file without a name that a child process inherits.
class MemoryFile {
 public:
  explicit MemoryFile(const char* name) : descriptor_(memfd_create(name, 0)) {
    if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "memfd_create");
  }
  ~MemoryFile() { close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  [[nodiscard]] int descriptor() const { return descriptor_; }

  void write(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t moved = ::write(descriptor_, text.data(), text.size());
      if (moved < 0 && errno == EINTR) continue;
      if (moved <= 0) throw std::system_error(errno, std::generic_category(), "write");
      text.remove_prefix(static_cast<std::size_t>(moved));
    }
    rewind();
  }
  [[nodiscard]] std::string contents() const {
    rewind();
    std::string text;
    std::array<char, 65536> block{};
    for (;;) {
      const ssize_t moved = ::read(descriptor_, block.data(), block.size());
      if (moved < 0 && errno == EINTR) continue;
      if (moved <= 0) return text;
      text.append(block.data(), static_cast<std::size_t>(moved));
    }
  }

 private:
  void rewind() const { lseek(descriptor_, 0, SEEK_SET); }
  int descriptor_;
};

/// gnuplot's complaint without the script line and the arrow that it prints before it.
std::string last_line(const std::string& text) {
  std::string best;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    const std::string line = text.substr(start, end - start);
    if (line.find_first_not_of(" ^\t\r") != std::string::npos) best = line;
    start = end + 1;
  }
  return best.substr(0, 200);
}

/// Runs gnuplot between the three files; its exit status as waitpid gives it, or an error number below 0.
int run_gnuplot(const MemoryFile& input, const MemoryFile& output, const MemoryFile& complaints) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input.descriptor(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output.descriptor(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, complaints.descriptor(), STDERR_FILENO);
  // -d: whatever the user's own settings are, the plot is the same.
  std::array<std::string, 2> words{"gnuplot", "-d"};
  std::array<char*, 3> arguments{words[0].data(), words[1].data(), nullptr};
  pid_t child = 0;
  const int error = posix_spawnp(&child, "gnuplot", &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return -error;
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return -errno;
  return status;
}

}  // namespace

std::string script_of(const std::vector<Curve>& curves, const PlotDescription& frame, bool logarithmic) {
  std::string data;
  std::string plots;
  const auto add = [&plots](const std::string& element) {
    plots += (plots.empty() ? "plot " : ", \\\n     ") + element;
  };
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const Curve& curve = curves[i];
    std::string rows;
    std::size_t count = 0;
    for (std::size_t k = 0; k < std::min(curve.x.size(), curve.y.size()); ++k) {
      if (!std::isfinite(curve.x[k]) || !std::isfinite(curve.y[k])) continue;
      if (logarithmic && curve.y[k] <= 0) continue;
      rows += fmt::format("{} {}\n", curve.x[k], curve.y[k]);
      ++count;
    }
    if (count == 0) continue;
    data += fmt::format("$curve{} << END\n{}END\n", i, rows);
    const std::string_view color = kColors[i % kColors.size()];
    if (curve.points && count <= kFewPoints) {
      add(fmt::format("$curve{} using 1:2 with linespoints pt 7 ps 0.9 lw {} lc rgb \"#{}\" title {}", i,
                      curve.width, color, quoted(curve.legend)));
    } else if (curve.points) {
      // The more points, the fainter each: where they are dense the colour is full again.
      const int transparency = count > 20000 ? 0xE8 : count > 3000 ? 0xD0 : count > 500 ? 0xA0 : 0x40;
      add(fmt::format("$curve{} using 1:2 with points pt 7 ps {} lc rgb \"#{:02X}{}\" notitle", i,
                      count > 3000 ? 0.3 : 0.5, transparency, color));
      add(fmt::format("keyentry with points pt 7 ps 0.9 lc rgb \"#{}\" title {}", color,
                      quoted(curve.legend)));
    } else {
      add(fmt::format("$curve{} using 1:2 with lines lw {} lc rgb \"#{}\" title {}", i, curve.width, color,
                      quoted(curve.legend)));
    }
  }
  std::string script = terminal(900, 500);
  script += fmt::format("set title {} font \",13\"\nset xlabel {}\nset ylabel {}\n", quoted(frame.title),
                        quoted(frame.x_label), quoted(frame.y_label));
  script +=
      "set border 3 lc rgb \"#606060\"\nset tics nomirror out\nset format x \"%.10g\"\n"
      "set grid lc rgb \"#E0E0E0\" lt 1\n"
      "set key at screen 0.5, screen 0.02 center bottom horizontal Left reverse samplen 2\n"
      "set lmargin 11\nset rmargin 4\nset bmargin at screen 0.21\n"
      "set autoscale xfixmax\n";
  if (counts_few(curves)) script += "set xtics 1\nset offsets 0.2, 0.2, 0, 0\n";
  if (logarithmic) script += "set logscale y\nset format y \"10^{%L}\"\nset termoption enhanced\n";
  if (frame.y_range)
    script += fmt::format("set yrange [{}:{}]\n", frame.y_range->first, frame.y_range->second);
  if (plots.empty()) {
    script +=
        "set label \"no numbers yet\" at graph 0.5, graph 0.5 center\nset xrange [0:1]\nset yrange [0:1]\n";
    plots = "plot NaN notitle";
  }
  return script + data + plots + "\n";
}

std::string curves_script(const PlotDescription& plot, const MetricsTable& table) {
  std::vector<Curve> curves;
  if (table.columns.empty()) return script_of(curves, plot);
  const std::vector<double>* named = table.column(plot.x_label);
  const std::vector<double>& x = named != nullptr ? *named : table.columns.front();
  for (const auto& [column, legend] : plot.curves)
    if (const std::vector<double>* values = table.column(column))
      curves.push_back({legend, x, *values, plot.points, 1.5});
  return script_of(curves, plot);
}

std::string confusion_script(const std::vector<std::int64_t>& counts, const std::string& title) {
  const auto side = static_cast<std::size_t>(std::llround(std::sqrt(static_cast<double>(counts.size()))));
  if (side == 0 || side * side != counts.size())
    throw InvalidArgument(
        fmt::format("a confusion matrix is square: {} counts are no square number above 0", counts.size()));
  // Shares are shown by their root: a few mistakes among a thousand right answers must be seen.
  std::string cells;
  for (std::size_t truth = 0; truth < side; ++truth) {
    std::int64_t sum = 0;
    for (std::size_t answer = 0; answer < side; ++answer) sum += counts[truth * side + answer];
    for (std::size_t answer = 0; answer < side; ++answer) {
      const std::int64_t count = counts[truth * side + answer];
      cells += fmt::format("{} {} {} {}\n", answer, truth, count,
                           sum > 0 ? std::sqrt(static_cast<double>(count) / static_cast<double>(sum)) : 0.0);
    }
  }
  return terminal(760, 680) + fmt::format("set title {} font \",13\"\n", quoted(title)) +
         "set xlabel \"answer\"\nset ylabel \"truth\"\n"
         "set palette defined (0 \"#FFFFFF\", 0.35 \"#A9CCE3\", 1 \"#0B4F8A\")\nset cbrange [0:1]\n"
         "unset colorbox\nunset key\nset tics scale 0 nomirror\nset border 3 lc rgb \"#606060\"\n" +
         fmt::format("set xtics 0,1,{0}\nset ytics 0,1,{0}\nset xrange [-0.5:{1}]\nset yrange [{1}:-0.5]\n",
                     side - 1, static_cast<double>(side) - 0.5) +
         "$cells << END\n" + cells +
         "END\n"
         "text(n) = sprintf(\"%d\", n)\n"
         "plot $cells using 1:2:4 with image, \\\n"
         "     $cells using 1:2:($4 > 0.6 ? text($3) : \"\") with labels tc rgb \"white\", \\\n"
         "     $cells using 1:2:($4 <= 0.6 && $3 > 0 ? text($3) : \"\") with labels tc rgb \"#202020\"\n";
}

Drawing draw(const std::string& script) {
  try {
    const MemoryFile input("script");
    const MemoryFile output("plot");
    const MemoryFile complaints("complaints");
    input.write(script);
    const int status = run_gnuplot(input, output, complaints);
    if (status == -ENOENT || (status > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 127))
      return {"", "gnuplot is not here (Debian and Ubuntu: apt install gnuplot-nox)"};
    if (status < 0)
      return {"", fmt::format("gnuplot does not start: {}", std::generic_category().message(-status))};
    std::string png = output.contents();
    if (status == 0 && png.compare(0, 4, "\x89PNG") == 0) return {std::move(png), ""};
    const std::string reason = last_line(complaints.contents());
    return {"", fmt::format("gnuplot failed{}{}", reason.empty() ? "" : ": ", reason)};
  } catch (const std::system_error& error) {
    return {"", fmt::format("gnuplot cannot be run: {}", error.what())};
  }
}

}  // namespace atelier::tools
