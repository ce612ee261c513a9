// The page of a deep zoom picture in a browser without a window, from the local disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>
#include <tuple>

#include "tests/tools/encoded_pictures.h"
#include "tests/tools/png_pixels.h"
#include "tests/tools/process.h"
#include "tools/print/deep_zoom_encoder.h"

namespace atelier::testing {
namespace {

using tools::DeepZoomEncoder;
using tools::PictureFormat;

constexpr std::int64_t kWindowWidth = 640;
constexpr std::int64_t kWindowHeight = 480;
constexpr std::int64_t kBarHeight = 60;  // of the buttons, at the bottom
constexpr int kTries = 6;

std::string browser() {
  for (const char* name : {"/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"})
    if (std::filesystem::exists(name)) return name;
  return {};
}

class Viewer : public ::testing::Test {
 protected:
  void SetUp() override {
    if (browser().empty()) GTEST_SKIP() << "Chromium is not installed";
    samples_ = test_picture(format_);
    DeepZoomEncoder encoder(folder_ / "a picture #1.dzi", format_,
                            {R"({"atelier_recipe": 1})", false, false});
    encode_parts(encoder, format_, samples_);
    encoder.finish();
    encoder.commit();
  }

  [[nodiscard]] Outcome browse(std::vector<std::string> arguments, const std::string& page,
                               int seconds) const {
    arguments.insert(
        arguments.begin(),
        {"--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-color-profile=srgb",
         "--force-device-scale-factor=1", "--user-data-dir=" + folder_ / "profile",
         "--virtual-time-budget=" + std::to_string(1000 * seconds),
         "--window-size=" + std::to_string(kWindowWidth) + "," + std::to_string(kWindowHeight)});
    arguments.push_back("file://" + folder_.path().string() + "/" + page);
    return Process(browser(), arguments, {}).wait();
  }
  [[nodiscard]] Pixels screenshot(const std::string& address, int seconds) const {
    std::filesystem::remove(folder_ / "shot.png");
    const Outcome outcome =
        browse({"--screenshot=" + folder_ / "shot.png"}, "a%20picture%20%231.html" + address, seconds);
    if (!std::filesystem::exists(folder_ / "shot.png")) throw std::runtime_error(outcome.err);
    return read_pixels(folder_ / "shot.png");
  }
  /// The picture's bytes.
  [[nodiscard]] const std::byte* at(std::int64_t column, std::int64_t row) const {
    return samples_.data() + row * format_.row_bytes() + column * 3;
  }

  TemporaryFolder folder_;
  PictureFormat format_{1800, 1300, 3, CppnSample::u8, 150};
  std::vector<std::byte> samples_;
};

/// How many pixels of the window, above the buttons, differ from the picture's at one to one.
std::int64_t different(const Pixels& window,
                       const std::function<const std::byte*(std::int64_t, std::int64_t)>& at) {
  std::int64_t count = 0;
  for (std::int64_t row = 0; row < kWindowHeight - kBarHeight; ++row)
    for (std::int64_t column = 0; column < kWindowWidth; ++column)
      if (std::memcmp(window.at(column, row), at(column, row), 3) != 0) ++count;
  return count;
}

TEST_F(Viewer, ShowsEveryPixelOneToOneAcrossTiles) {
  // The window's middle is the picture's point (1024, 512): four tiles meet there.
  std::int64_t wrong = -1;
  for (int attempt = 1; attempt <= kTries && wrong != 0; ++attempt) {
    const Pixels window = screenshot("#1024,512,1", 4 * attempt);
    ASSERT_EQ(window.width, kWindowWidth);
    ASSERT_EQ(window.height, kWindowHeight);
    wrong = different(window, [&](std::int64_t column, std::int64_t row) {
      return at(1024 - kWindowWidth / 2 + column, 512 - kWindowHeight / 2 + row);
    });
  }
  EXPECT_EQ(wrong, 0);
}

TEST_F(Viewer, BeginsWithTheWholePicture) {
  // 1800 x 1300 in 640 x 480: as wide as the window, bars above and below.
  const std::int64_t top = (kWindowHeight - kWindowWidth * 1300 / 1800) / 2;
  const auto is_picture = [](const std::uint8_t* pixel) { return pixel[0] > 30 || pixel[1] > 32; };
  Pixels window;
  std::int64_t lit = 0;
  for (int attempt = 1; attempt <= kTries && lit < kWindowWidth / 2; ++attempt) {
    window = screenshot("", 4 * attempt);
    lit = 0;
    for (std::int64_t column = 0; column < kWindowWidth; ++column)
      if (is_picture(window.at(column, top + 2))) ++lit;
  }
  EXPECT_GE(lit, kWindowWidth / 2);
  for (std::int64_t column = 0; column < kWindowWidth; ++column)
    for (const std::int64_t row : {std::int64_t{0}, top - 2})
      ASSERT_FALSE(is_picture(window.at(column, row))) << column << ", " << row;
}

TEST_F(Viewer, ObeysWheelFingersAndKeys) {
  // Behind the page's own script: what a hand would do, and what became of it.
  const std::string hand = R"script(<script>
const wait = ms => new Promise(done => setTimeout(done, ms));
const noted = { window: [canvas.width, canvas.height] };
const note = name => { noted[name] = { x: view.x, y: view.y, scale: view.scale }; };
const pointer = (type, id, x, y) => canvas.dispatchEvent(new PointerEvent(type, { pointerId: id, clientX: x, clientY: y }));
const press = async key => { dispatchEvent(new KeyboardEvent('keydown', { key })); do await wait(100); while (flight); };
canvas.setPointerCapture = () => {};
// Without a window, frames are few.
requestAnimationFrame = draw_frame => setTimeout(draw_frame, 16);
(async () => {
  await wait(500);
  note('start');
  canvas.dispatchEvent(new WheelEvent('wheel', { deltaY: -500 * Math.log(2), clientX: 100, clientY: 200 }));
  note('wheel');
  pointer('pointerdown', 1, 300, 300); pointer('pointermove', 1, 340, 280); pointer('pointerup', 1, 340, 280);
  note('drag');
  pointer('pointerdown', 1, 200, 200); pointer('pointerdown', 2, 300, 200);
  pointer('pointermove', 2, 400, 200); pointer('pointerup', 1, 200, 200); pointer('pointerup', 2, 400, 200);
  note('pinch');
  await press('1'); note('one');
  await press('+'); note('plus');
  await press('ArrowRight'); note('right');
  await press('0'); note('fit');
  await press('i'); noted.facts = !document.getElementById('facts').hidden && document.getElementById('facts').innerText;
  await wait(1000);
  noted.address = location.hash;
  document.title = JSON.stringify(noted);
})();
</script>)script";
  std::string page = read_file(folder_ / "a picture #1.html");
  page.insert(page.rfind("</body>"), hand);
  write_file(folder_ / "hand.html", page);
  const Outcome outcome = browse({"--dump-dom"}, "hand.html", 30);
  const std::size_t start = outcome.out.find("<title>") + 7;
  const auto seen =
      nlohmann::json::parse(outcome.out.substr(start, outcome.out.find("</title>") - start), nullptr, false);
  ASSERT_TRUE(seen.is_object()) << outcome.out.substr(0, 3000) << outcome.err;
  const auto number = [&](const char* when, const char* what) { return seen[when][what].get<double>(); };
  const double width = seen["window"][0].get<double>();
  const double height = seen["window"][1].get<double>();
  const double fitting = std::min(width / 1800, height / 1300);
  EXPECT_NEAR(number("start", "scale"), fitting, 1e-12);
  EXPECT_NEAR(number("wheel", "scale"), 2 * fitting, 1e-9);
  // What lay under the cursor stays there.
  for (const auto& [axis, place, middle] : {std::tuple{"x", 100.0, width / 2}, {"y", 200.0, height / 2}})
    EXPECT_NEAR(number("wheel", axis) + (place - middle) / number("wheel", "scale"),
                number("start", axis) + (place - middle) / number("start", "scale"), 1e-6);
  EXPECT_NEAR(number("drag", "x"), number("wheel", "x") - 40 / (2 * fitting), 1e-6);
  EXPECT_NEAR(number("drag", "y"), number("wheel", "y") + 20 / (2 * fitting), 1e-6);
  EXPECT_NEAR(number("pinch", "scale"), 4 * fitting, 1e-9);
  EXPECT_NEAR(number("one", "scale"), 1, 1e-9);
  EXPECT_NEAR(number("plus", "scale"), 2, 1e-9);
  EXPECT_NEAR(number("right", "x"), number("plus", "x") + 0.2 * width / 2, 1e-6);
  EXPECT_NEAR(number("fit", "scale"), fitting, 1e-9);
  EXPECT_NEAR(number("fit", "x"), 900, 1e-6);
  EXPECT_THAT(seen["facts"].get<std::string>(),
              ::testing::HasSubstr("1,800 \u00d7 1,300 pixels, 2.34 megapixels"));
  EXPECT_THAT(seen["facts"].get<std::string>(), ::testing::HasSubstr("30.5 \u00d7 22.0 cm at 150 dpi"));
  EXPECT_THAT(seen["address"].get<std::string>(), ::testing::StartsWith("#900"));
}

}  // namespace
}  // namespace atelier::testing
