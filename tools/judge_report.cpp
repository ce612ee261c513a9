#include "tools/judge_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "models/picture_grid.h"

namespace atelier::tools {
namespace {

constexpr std::size_t kPairs = 40;  // of a memorisation picture
constexpr std::int64_t kPairsOfRow = 20;
constexpr std::int64_t kScale = 2;      // pixels a side for each of a picture's
constexpr std::size_t kNameWidth = 22;  // of measures
constexpr std::size_t kColumnWidth = 12;
constexpr std::size_t kLongestName = 24;

/// The end of a path, cut to fit a column.
std::string column_name(std::string name) {
  while (name.size() > 1 && name.back() == '/') name.pop_back();
  name = std::filesystem::path(name).filename().string();
  return name.size() <= kLongestName ? name : name.substr(name.size() - kLongestName);
}

std::string number_text(double value, int decimals) {
  return std::isfinite(value) ? fmt::format("{:.{}f}", value, decimals) : "-";
}

/// One measure: its name, the real test set's figure, and how to read it from a judgement.
struct Measure {
  std::string name;
  std::string real;
  std::function<std::string(const Judgement&)> of;
};

std::vector<Measure> measures_of(const Judge& judge) {
  const Judge::Floor& floor = judge.floor();
  const std::string distance = distance_name(judge);
  const auto number = [](double Judgement::*member, int decimals) {
    return [=](const Judgement& judgement) { return number_text(judgement.*member, decimals); };
  };
  return {
      {"pictures", fmt::format("{}", judge.test().count),
       [](const Judgement& judgement) { return fmt::format("{}", judgement.count); }},
      {distance + " to train", number_text(floor.frechet, 3), number(&Judgement::frechet_to_train, 3)},
      {"  times the floor", number_text(1, 1),
       [&floor](const Judgement& judgement) {
         return number_text(judgement.frechet_to_train / floor.frechet, 1);
       }},
      {distance + " to test", "-", number(&Judgement::frechet_to_test, 3)},
      {"modes (1 % or more)", fmt::format("{}/{}", floor.modes, floor.label_share.size()),
       [](const Judgement& judgement) {
         return fmt::format("{}/{}", judgement.modes, judgement.label_share.size());
       }},
      {"label entropy", number_text(floor.entropy, 3), number(&Judgement::entropy, 3)},
      {"KL to train's labels", number_text(floor.divergence, 3), number(&Judgement::divergence, 3)},
      {"mean confidence", number_text(floor.mean_confidence, 3), number(&Judgement::mean_confidence, 3)},
      {"confidence >= 0.9", number_text(floor.confident_share, 3), number(&Judgement::confident_share, 3)},
      {"precision (k = 3)", number_text(floor.precision, 3), number(&Judgement::precision, 3)},
      {"recall (k = 3)", number_text(floor.recall, 3), number(&Judgement::recall, 3)},
      {"nearest train / test", number_text(floor.memorisation, 3), number(&Judgement::memorisation, 3)}};
}

}  // namespace

std::string distance_name(const Judge& judge) {
  // "mnist train" and the like; data sets of no name of their own are paths.
  const std::string& name = judge.train().name;
  const std::string word = name.substr(0, name.find(' '));
  if (word.empty() || word.size() > 10 ||
      !std::all_of(word.begin(), word.end(), [](unsigned char letter) { return std::isalnum(letter) != 0; }))
    return "FD";
  std::string upper = word;
  std::transform(word.begin(), word.end(), upper.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::toupper(letter)); });
  return upper + "-FD";
}

nlohmann::ordered_json judge_json(const Judge& judge) {
  const Judge::Floor& floor = judge.floor();
  return {{"extractor", judge.hash()},
          {"accuracy", floor.accuracy},
          {"train", judge.train().name},
          {"train_pictures", judge.train().count},
          {"test", judge.test().name},
          {"test_pictures", judge.test().count},
          {"floor",
           {{"frechet_to_train", floor.frechet},
            {"modes", floor.modes},
            {"entropy", floor.entropy},
            {"divergence", floor.divergence},
            {"mean_confidence", floor.mean_confidence},
            {"confident_share", floor.confident_share},
            {"precision", floor.precision},
            {"recall", floor.recall},
            {"memorisation", floor.memorisation}}}};
}

nlohmann::ordered_json judgement_json(const Judge& judge, const JudgedPictures& judged) {
  const Judgement& judgement = judged.judgement;
  return {{"name", judged.name},
          {"pictures", judgement.count},
          {"frechet_to_train", judgement.frechet_to_train},
          {"times_floor", judgement.frechet_to_train / judge.floor().frechet},
          {"frechet_to_test", judgement.frechet_to_test},
          {"modes", judgement.modes},
          {"entropy", judgement.entropy},
          {"divergence", judgement.divergence},
          {"mean_confidence", judgement.mean_confidence},
          {"confident_share", judgement.confident_share},
          {"precision", judgement.precision},
          {"recall", judgement.recall},
          {"memorisation", judgement.memorisation},
          {"label_share", judgement.label_share}};
}

std::string judge_text(const Judge& judge) {
  return fmt::format("judge {}: learned from {} ({} pictures), {:.2f} % right on {} ({})\n", judge.hash(),
                     judge.train().name, judge.train().count, 100.0 * judge.floor().accuracy,
                     judge.test().name, judge.test().count);
}

std::string judgement_table(const Judge& judge, const std::vector<JudgedPictures>& judged) {
  std::vector<std::string> names;
  for (const JudgedPictures& set : judged) names.push_back(column_name(set.name));
  const auto line = [&](const std::string& name, const std::string& real, const auto& cell) {
    std::string text = fmt::format("{:<{}}{:>{}}", name, kNameWidth, real, kColumnWidth);
    for (std::size_t i = 0; i < judged.size(); ++i)
      text += fmt::format("{:>{}}", cell(i), std::max(kColumnWidth, names[i].size() + 2));
    return text + "\n";
  };
  std::string text = line("", "real test", [&](std::size_t i) { return names[i]; });
  for (const Measure& measure : measures_of(judge))
    text += line(measure.name, measure.real, [&](std::size_t i) { return measure.of(judged[i].judgement); });
  for (std::size_t k = 0; k < judge.floor().label_share.size(); ++k)
    text += line(
        fmt::format("share of class {}", k), fmt::format("{:.1f} %", 100.0 * judge.floor().label_share[k]),
        [&](std::size_t i) { return fmt::format("{:.1f} %", 100.0 * judged[i].judgement.label_share[k]); });
  return text;
}

GrayPicture memorisation_picture(const Judge& judge, Split to, const DataSet& pictures,
                                 const Judgement& judgement) {
  const bool train = to == Split::train;
  std::vector<Neighbour> closest = judgement.neighbours;
  std::stable_sort(closest.begin(), closest.end(), [train](const Neighbour& a, const Neighbour& b) {
    return train ? a.ratio() < b.ratio() : a.ratio() > b.ratio();
  });
  closest.resize(std::min(closest.size(), kPairs));
  const auto pairs = static_cast<std::int64_t>(closest.size());
  const std::int64_t columns = std::min(pairs, kPairsOfRow);
  const std::int64_t rows = columns > 0 ? (pairs + columns - 1) / columns : 0;
  const std::int64_t pixels = pictures.pixels_per_image();
  const DataSet& real = train ? judge.train() : judge.test();
  DataSet laid;
  laid.width = pictures.width;
  laid.height = pictures.height;
  laid.count = 2 * rows * columns;
  laid.pixels.resize(static_cast<std::size_t>(laid.count * pixels));
  const auto place = [&](const DataSet& from, std::int64_t number, std::int64_t cell) {
    std::copy_n(from.pixels.begin() + number * pixels, pixels, laid.pixels.begin() + cell * pixels);
  };
  for (std::int64_t i = 0; i < pairs; ++i) {
    const Neighbour& pair = closest[static_cast<std::size_t>(i)];
    const std::int64_t cell = 2 * (i / columns) * columns + i % columns;
    place(pictures, pair.picture, cell);
    place(real, train ? pair.in_train : pair.in_test, cell + columns);
  }
  return picture_grid(laid, 0, laid.count, std::max<std::int64_t>(1, columns), kScale, "memorisation");
}

}  // namespace atelier::tools
