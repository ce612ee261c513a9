// Contact sheets to choose from: sweeps, variations, and the cell that is picked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/tools/png_pieces.h"
#include "tests/tools/png_pixels.h"
#include "tests/tools/process.h"
#include "tools/image/label.h"
#include "tools/sheet_pick.h"

namespace atelier::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

Outcome run(const std::vector<std::string>& words, const Surroundings& surroundings = {}) {
  Outcome outcome = atelier(with(words, {"--device", "cpu", "-q"}), surroundings);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return outcome;
}

/// A picture of 24 x 24 painted by `atelier render` with these words.
std::vector<std::uint8_t> painted(const TemporaryFolder& folder, const std::vector<std::string>& words) {
  run(with(with({"render"}, words), {"--size", "24", "--force", "-o", folder / "painted.png"}));
  return read_pixels(folder / "painted.png").bytes;
}

std::vector<std::uint8_t> picked(const TemporaryFolder& folder, const std::string& sheet,
                                 const std::string& label) {
  return painted(folder, {folder / sheet, "--pick", label});
}

/// Without a font a sheet is cells and gaps alone: cell `index` of 24 x 24, 3 pixels apart.
std::vector<std::uint8_t> cell_of(const Pixels& sheet, std::int64_t columns, std::int64_t index) {
  std::vector<std::uint8_t> cell;
  for (std::int64_t y = 0; y < 24; ++y) {
    const std::uint8_t* const row = sheet.at(3 + index % columns * 27, 3 + index / columns * 27 + y);
    cell.insert(cell.end(), row, row + 24 * 3);
  }
  return cell;
}
const Surroundings kNoFont{.environment = {{"ATELIER_FONT", "/none"}}};

TEST(SheetSweep, EveryCellIsThePictureOfItsOptions) {
  const TemporaryFolder folder;
  run({"sheet", "--seeds", "7,9", "--sweep", "scale=0.5,1,2", "--sweep", "layers=3,6", "--cell", "24", "-o",
       folder / "sweep.png"},
      kNoFont);
  const Pixels sheet = read_pixels(folder / "sweep.png");
  ASSERT_EQ(sheet.width, 3 + 3 * 27);
  ASSERT_EQ(sheet.height, 3 + 4 * 27);
  const std::vector<std::string> scales{"0.5", "1", "2"};
  for (std::int64_t row = 0; row < 4; ++row)
    for (std::int64_t column = 0; column < 3; ++column) {
      const std::vector<std::uint8_t> expected =
          painted(folder, {"--seed", row % 2 == 0 ? "7" : "9", "--layers", row < 2 ? "3" : "6", "--scale",
                           scales[static_cast<std::size_t>(column)]});
      EXPECT_EQ(cell_of(sheet, 3, row * 3 + column), expected) << row << column;
      const std::string label = tools::column_label(column) + std::to_string(row + 1);
      EXPECT_EQ(picked(folder, "sweep.png", label), expected) << label;
    }
  EXPECT_EQ(picked(folder, "sweep.png", "b3"), picked(folder, "sweep.png", "B3"));
}

TEST(SheetSweep, OneAxisAndNoSeedAreASweepOfOnePicture) {
  const TemporaryFolder folder;
  run({"render", "--seed", "5", "--size", "24", "-o", folder / "art.png"});
  run({"sheet", folder / "art.png", "--sweep", "activation=tanh,sin", "--cell", "24", "-o",
       folder / "sweep.png"});
  EXPECT_EQ(picked(folder, "sweep.png", "A1"), read_pixels(folder / "art.png").bytes);
  EXPECT_EQ(picked(folder, "sweep.png", "B1"), painted(folder, {"--seed", "5", "--activation", "sin"}));
  // Without any recipe one seed is drawn for all cells: at depth alone they differ.
  run({"sheet", "--sweep", "span=1,0.5", "--cell", "24", "-o", folder / "drawn.png"});
  run({"render", folder / "drawn.png", "--pick", "A1", "--span", "0.5", "-o", folder / "half.png"});
  EXPECT_EQ(read_pixels(folder / "half.png").bytes, picked(folder, "drawn.png", "B1"));
}

TEST(SheetSweep, HasHeadingsWhereThereIsAFont) {
  if (!tools::LabelFont::find()) GTEST_SKIP() << "no font";
  const TemporaryFolder folder;
  const std::vector<std::string> words{"sheet",   "--seeds",    "7",      "--sweep", "scale=1,2",
                                       "--sweep", "layers=3,6", "--cell", "64",      "-o"};
  run(with(words, {folder / "a.png"}));
  run(with(words, {folder / "b.png"}), kNoFont);
  const Pixels labelled = read_pixels(folder / "a.png");
  const Pixels plain = read_pixels(folder / "b.png");
  EXPECT_GT(labelled.width, plain.width + 20);
  EXPECT_GT(labelled.height, plain.height + 20);
  const auto bright = [&](std::int64_t left, std::int64_t top, std::int64_t width, std::int64_t height) {
    int count = 0;
    for (std::int64_t y = top; y < top + height; ++y)
      for (std::int64_t x = left; x < left + width; ++x) count += *labelled.at(x, y) > 150 ? 1 : 0;
    return count;
  };
  const std::int64_t margin = labelled.width - plain.width;
  EXPECT_GT(bright(margin, 0, 128, 14), 40);     // above the columns
  EXPECT_GT(bright(0, 16, margin - 4, 80), 40);  // left of the first row
  EXPECT_EQ(bright(0, 0, margin - 4, 12), 0);    // the corner between them
}

TEST(Vary, CellsAreTheOriginalAndItsNeighbours) {
  const TemporaryFolder folder;
  run({"render", "--seed", "5", "--inputs", "x,y,z,z", "--latent", "0.1,-0.4", "--size", "24", "-o",
       folder / "art.png"});
  for (const std::vector<std::string>& how :
       std::vector<std::vector<std::string>>{{}, {"--move", "latent", "--strength", "0.7"}}) {
    run(with({"vary", folder / "art.png", "--count", "5", "--columns", "3", "--variation-seed", "8", "--cell",
              "24", "--force", "-o", folder / "grid.png"},
             how),
        kNoFont);
    const Pixels sheet = read_pixels(folder / "grid.png");
    EXPECT_EQ(cell_of(sheet, 3, 0), read_pixels(folder / "art.png").bytes);
    for (std::int64_t i = 0; i < 6; ++i) {
      EXPECT_EQ(picked(folder, "grid.png", std::to_string(i)), cell_of(sheet, 3, i)) << i;
      for (std::int64_t other = 0; other < i; ++other)
        EXPECT_NE(cell_of(sheet, 3, i), cell_of(sheet, 3, other));
    }
  }
  // A picked neighbour is a picture like any other: it can be varied again.
  run({"render", folder / "grid.png", "--pick", "3", "--size", "24", "-o", folder / "third.png"});
  run({"vary", folder / "third.png", "--count", "1", "--cell", "24", "-o", folder / "next.png"}, kNoFont);
  EXPECT_EQ(cell_of(read_pixels(folder / "next.png"), 2, 0), read_pixels(folder / "third.png").bytes);
}

TEST(Pick, FindsCellsOfSheetsOfSeedsAndExperiments) {
  const TemporaryFolder folder;
  run({"sheet", "--seeds", "3..6", "--layers", "4", "--cell", "24", "-o", folder / "seeds.png"});
  EXPECT_EQ(picked(folder, "seeds.png", "5"), painted(folder, {"--seed", "5", "--layers", "4"}));
  run({"sheet", "--torch-seeds", "1,2", "--preset", "seed", "--cell", "24", "-o", folder / "torch.png"});
  EXPECT_EQ(picked(folder, "torch.png", "2"), painted(folder, {"--preset", "seed", "--torch-seed", "2"}));
  run({"experiments", "--paint", "--cell", "16", "--seed", "11", "-o", folder / "experiments.png"});
  EXPECT_EQ(picked(folder, "experiments.png", "mondrian"),
            painted(folder, {"--preset", "mondrian", "--seed", "11"}));
}

TEST(Pick, SaysWhichLabelsThereAre) {
  const TemporaryFolder folder;
  run({"sheet", "--seeds", "3..6", "--cell", "16", "-o", folder / "seeds.png"});
  run({"sheet", "--seeds", "3,4", "--sweep", "width=4,8,9", "--cell", "16", "-o", folder / "sweep.png"});
  run({"vary", "--seed", "1", "--count", "3", "--cell", "16", "-o", folder / "grid.png"});
  run({"render", "--seed", "1", "--size", "16", "-o", folder / "art.png"});
  const auto with_text = [&](const char* name, const std::string& text) {
    write_file(folder / name, png_file(png_chunk("iTXt", png_text("atelier-sheet", text, true))));
  };
  with_text("broken.png", "{\"atelier_sheet\": 1");
  with_text("old.png", R"({"atelier_sheet": 1, "seeds": [1, 2]})");
  with_text("strange.png", R"({"atelier_sheet": 1, "recipes": [7], "column_values": ["1"]})");
  with_text("hollow.png", R"({"atelier_sheet": 1, "recipes": [], "column_values": []})");
  with_text("vague.png", R"({"atelier_sheet": 1, "variation": {"seed": -1}, "recipe": {}})");
  with_text("typed.png",
            R"({"atelier_sheet": 1, "seed_source": 5, "seeds": [1], "recipe": {"atelier_recipe": "x"}})");
  const auto attempt = [&](const std::string& name, const std::string& label, int code,
                           const std::string& message) {
    const Outcome outcome = atelier(
        {"render", folder / name, "--pick", label, "--device", "cpu", "-q", "-o", folder / "out.png"});
    expect_refusal(outcome, code, message);
    EXPECT_FALSE(std::filesystem::exists(folder / "out.png"));
  };
  attempt("seeds.png", "7", 2, "its 4 seeds, from 3 to 6");
  attempt("seeds.png", "A1", 2, "from 3 to 6");
  attempt("seeds.png", "", 2, "from 3 to 6");
  attempt("sweep.png", "D1", 2, "A1 to C2");
  attempt("sweep.png", "A3", 2, "A1 to C2");
  attempt("sweep.png", "A0", 2, "A1 to C2");
  attempt("sweep.png", "ZZZZZZZZZZZZZZ1", 2, "A1 to C2");
  attempt("sweep.png", "1", 2, "A1 to C2");
  attempt("grid.png", "4", 2, "0 (the original) to 3");
  attempt("art.png", "1", 1, "no contact sheet");
  attempt("broken.png", "1", 1, "cannot be read");
  attempt("old.png", "1", 1, "older version");
  attempt("strange.png", "A1", 1, "strange.png");
  attempt("hollow.png", "A1", 1, "has no list \"recipes\"");
  attempt("vague.png", "1", 1, "how its variations were made");
  attempt("typed.png", "1", 1, "typed.png");
  attempt("none.png", "1", 1, "none.png");
}

TEST(SheetSweep, RefusesWrongUse) {
  const TemporaryFolder folder;
  const auto attempt = [&](const std::vector<std::string>& words, const std::string& message) {
    const Outcome outcome = atelier(with(words, {"-o", "a.png"}), {.folder = folder.path()});
    expect_refusal(outcome, 2, message);
  };
  attempt({"sheet", "--sweep", "scale"}, "OPTION=VALUES is needed");
  attempt({"sheet", "--sweep", "scael=1,2"}, "no such option to sweep; did you mean");
  attempt({"sheet", "--sweep", "scale="}, "--sweep");
  attempt({"sheet", "--sweep", "scale=1,x"}, "--sweep scale 'x'");
  attempt({"sheet", "--sweep", "layers=0"}, "--sweep layers '0'");
  attempt({"sheet", "--sweep", "layers=3,3"}, "3 stands twice");
  attempt({"sheet", "--sweep", "layers=3", "--layers", "4"}, "--layers is given, too");
  attempt({"sheet", "--sweep", "layers=3", "--sweep", "layers=4"}, "swept twice");
  attempt({"sheet", "--sweep", "layers=3", "--sweep", "width=4", "--sweep", "scale=4"}, "two directions");
  attempt({"sheet", "--sweep", "layers=3", "--columns", "4"}, "--columns");
  attempt({"sheet", "--sweep", "activation=tanh,tahn"}, "tahn");
  attempt({"sheet", "--sweep", "layers=1,2", "--seeds", "0..40000"}, "at most 65536 fit on a sheet");
  attempt({"vary", "--seed", "1", "--strength", "0"}, "--strength 0");
  attempt({"vary", "--seed", "1", "--strength", "nan"}, "--strength");
  attempt({"vary", "--seed", "1", "--count", "0"}, "--count '0'");
  attempt({"vary", "--seed", "1", "--move", "latent"}, "no latent vector");
  attempt({"vary", "--seed", "1", "--move", "hands"}, "--move 'hands'");
  EXPECT_THAT(folder.names(), IsEmpty());
}

}  // namespace
}  // namespace atelier::testing
