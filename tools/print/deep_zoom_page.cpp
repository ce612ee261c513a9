#include "tools/print/deep_zoom_page.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string_view>

namespace atelier::tools {
namespace {

constexpr std::string_view kHead = R"page(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, user-scalable=no">
<title></title>
<style>
html, body { margin: 0; height: 100%; overflow: hidden; background: #14161a; color: #e8e8e8;
             font: 14px/1.4 system-ui, sans-serif; }
canvas { display: block; width: 100%; height: 100%; touch-action: none; cursor: grab; outline: none; }
canvas.held { cursor: grabbing; }
#bar { position: fixed; left: 12px; bottom: 12px; display: flex; gap: 4px; align-items: center; }
#bar button { font: inherit; min-width: 34px; height: 34px; padding: 0 9px; border: 0; border-radius: 6px;
              color: inherit; background: rgba(20, 22, 26, .78); cursor: pointer; }
#bar button:hover, #bar button:focus-visible { background: rgba(70, 76, 88, .9); }
#zoom { margin-left: 6px; padding: 6px 10px; border-radius: 6px; background: rgba(20, 22, 26, .78);
        font-variant-numeric: tabular-nums; }
#facts { position: fixed; right: 12px; top: 12px; max-width: min(34rem, calc(100% - 56px)); max-height: 75%;
         overflow: auto; padding: 12px 16px; border-radius: 8px; background: rgba(20, 22, 26, .9); }
#facts[hidden] { display: none; }
#facts h1 { font-size: 16px; margin: 0 0 6px; }
#facts p { margin: 0 0 8px; }
#facts pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 12px; margin: 6px 0 0; }
#facts a { color: #9cc7ff; }
kbd { font: inherit; padding: 0 5px; border: 1px solid #666; border-radius: 4px; }
</style>
</head>
<body>
<canvas id="view" tabindex="0" role="img"></canvas>
<div id="bar">
<button id="in" title="Zoom in (+)">+</button>
<button id="out" title="Zoom out (-)">&minus;</button>
<button id="fit" title="Whole picture (0)">Fit</button>
<button id="full" title="One to one (1)">1:1</button>
<button id="screen" title="Full screen (F)">Full screen</button>
<button id="info" title="About the picture (I)">Info</button>
<span id="zoom"></span>
</div>
<div id="facts" hidden>
<h1></h1>
<p id="size"></p>
<p>Drag, wheel or pinch; arrow keys; <kbd>+</kbd> <kbd>-</kbd> <kbd>0</kbd> <kbd>1</kbd> <kbd>F</kbd>
<kbd>I</kbd>. The address keeps the view.</p>
<details><summary>Recipe</summary><pre></pre></details>
<p><a id="recipe">recipe.json</a></p>
</div>
<script type="application/json" id="picture">)page";

constexpr std::string_view kScript = R"page(</script>
<script>
'use strict';
const picture = JSON.parse(document.getElementById('picture').textContent);
const element = id => document.getElementById(id);
const canvas = element('view');
const context = canvas.getContext('2d', { alpha: false });
const folder = encodeURIComponent(picture.name + '_files') + '/';
const top_level = picture.levels - 1;

// The view: the picture's point in the middle of the window, and screen pixels a picture pixel.
const view = { x: picture.width / 2, y: picture.height / 2, scale: 1 };
let flight = null;  // a movement under way: from, to, start
let ratio = 1;   // screen pixels a CSS pixel

const fitting = () => Math.min(canvas.width / picture.width, canvas.height / picture.height);
const least = () => Math.min(fitting(), 1) / 2;
const most = () => Math.max(32 * ratio, fitting());
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// ---- Tiles: loaded when they are seen, nearest to the middle first; those seen last are kept.
const kept = 400, at_once = 8;
const tiles = new Map();
let loading = 0, wanted = [];

function tile(level, column, row) {
  const key = level + '/' + column + '_' + row;
  const known = tiles.get(key);
  if (known) { tiles.delete(key); tiles.set(key, known); }
  return known && known.ready ? known.image : null;
}
function want(level, column, row, order) {
  const key = level + '/' + column + '_' + row;
  if (!tiles.has(key)) wanted.push({ key, order });
}
function load() {
  wanted.sort((a, b) => a.order - b.order);
  for (; loading < at_once && wanted.length > 0; ) {
    const { key } = wanted.shift();
    if (tiles.has(key)) continue;
    const entry = { image: new Image(), ready: false };
    tiles.set(key, entry);
    ++loading;
    entry.image.onload = () => { entry.ready = true; --loading; redraw(); };
    entry.image.onerror = () => { --loading; redraw(); };
    entry.image.src = folder + key + '.png';
  }
  for (const [key, entry] of tiles) {
    if (tiles.size <= kept) break;
    if (entry.ready) tiles.delete(key);
  }
}

// ---- Drawing
const side_of = (side, level) => Math.ceil(side / 2 ** (top_level - level));
const to_screen_x = x => Math.round((x - view.x) * view.scale + canvas.width / 2);
const to_screen_y = y => Math.round((y - view.y) * view.scale + canvas.height / 2);

// The tiles of a level that are seen, as [first column, last column, first row, last row].
function seen(level) {
  const step = picture.tile * 2 ** (top_level - level);
  const half_width = canvas.width / 2 / view.scale, half_height = canvas.height / 2 / view.scale;
  const last_column = Math.ceil(side_of(picture.width, level) / picture.tile) - 1;
  const last_row = Math.ceil(side_of(picture.height, level) / picture.tile) - 1;
  return [clamp(Math.floor((view.x - half_width) / step), 0, last_column),
          clamp(Math.floor((view.x + half_width) / step), 0, last_column),
          clamp(Math.floor((view.y - half_height) / step), 0, last_row),
          clamp(Math.floor((view.y + half_height) / step), 0, last_row)];
}
function draw_tile(image, level, column, row) {
  const factor = 2 ** (top_level - level), step = picture.tile * factor;
  const x = column * step, y = row * step;
  // Corners on whole screen pixels: neighbours meet without a seam.
  const left = to_screen_x(x), upper = to_screen_y(y);
  context.drawImage(image, left, upper, to_screen_x(x + image.naturalWidth * factor) - left,
                    to_screen_y(y + image.naturalHeight * factor) - upper);
}
function draw() {
  context.fillStyle = '#14161a';
  context.fillRect(0, 0, canvas.width, canvas.height);
  const level = clamp(top_level - Math.floor(Math.log2(Math.max(1 / view.scale, 1))), 0, top_level);
  const whole = Math.max(0, top_level - Math.ceil(Math.log2(Math.max(picture.width, picture.height) / picture.tile)));
  context.save();
  context.beginPath();
  const left = to_screen_x(0), upper = to_screen_y(0);
  context.rect(left, upper, to_screen_x(picture.width) - left, to_screen_y(picture.height) - upper);
  context.clip();
  context.imageSmoothingEnabled = view.scale < 4;
  context.imageSmoothingQuality = 'high';
  wanted = [];
  // Coarse levels first; finer ones cover them as they arrive.
  for (let l = Math.min(whole, level); l <= level; ++l) {
    const [first_column, last_column, first_row, last_row] = seen(l);
    for (let row = first_row; row <= last_row; ++row) {
      for (let column = first_column; column <= last_column; ++column) {
        const image = tile(l, column, row);
        if (image) draw_tile(image, l, column, row);
        else if (l === level || l === whole)
          want(l, column, row, (l === level ? 1 : 0) +
               Math.hypot(column - (first_column + last_column) / 2, row - (first_row + last_row) / 2));
      }
    }
  }
  context.restore();
  load();
  const percent = view.scale * 100;
  element('zoom').textContent = (percent >= 10 ? Math.round(percent) : percent.toPrecision(2)) + ' %';
}
let asked = false;
function redraw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    if (flight) fly();
    draw();
  });
}

// ---- Moving
let address_timer = 0;
function moved() {
  view.scale = clamp(view.scale, least(), most());
  view.x = clamp(view.x, 0, picture.width);
  view.y = clamp(view.y, 0, picture.height);
  clearTimeout(address_timer);
  address_timer = setTimeout(() => {
    const digits = Math.max(0, Math.ceil(Math.log10(view.scale)) + 1);
    own_address = '#' + view.x.toFixed(digits) + ',' + view.y.toFixed(digits) + ',' +
                  Number((view.scale / ratio).toPrecision(6));
    location.replace(own_address);
  }, 400);
  redraw();
}
let own_address = '';
function zoom_at(factor, x, y) {
  const before = view.scale;
  view.scale = clamp(view.scale * factor, least(), most());
  const change = 1 / before - 1 / view.scale;
  view.x += (x - canvas.width / 2) * change;
  view.y += (y - canvas.height / 2) * change;
  moved();
}
const ahead = () => flight ? flight.to : view;
function go_to(x, y, scale) {
  const to = { x: clamp(x, 0, picture.width), y: clamp(y, 0, picture.height),
               scale: clamp(scale, least(), most()) };
  if (matchMedia('(prefers-reduced-motion: reduce)').matches) {
    flight = null;
    Object.assign(view, to);
  } else {
    flight = { from: { ...view }, to, start: performance.now() };
  }
  moved();
}
const flight_time = 300;
function fly() {
  const { from, to, start } = flight;
  const time = clamp((performance.now() - start) / flight_time, 0, 1);
  if (time === 1) {
    Object.assign(view, to);
    flight = null;
  } else {
    const way = 1 - (1 - time) ** 3, factor = to.scale / from.scale;
    view.scale = from.scale * factor ** way;
    // Zooming keeps the point that lies still on the screen between here and there.
    const share = Math.abs(factor - 1) < 1e-6 ? way
        : (1 / from.scale - 1 / view.scale) / (1 / from.scale - 1 / to.scale);
    view.x = from.x + (to.x - from.x) * share;
    view.y = from.y + (to.y - from.y) * share;
  }
  moved();
}
function zoom_to(factor, x = canvas.width / 2, y = canvas.height / 2) {
  const from = ahead();
  const scale = clamp(from.scale * factor, least(), most());
  const change = 1 / from.scale - 1 / scale;
  go_to(from.x + (x - canvas.width / 2) * change, from.y + (y - canvas.height / 2) * change, scale);
}
const fit = () => go_to(picture.width / 2, picture.height / 2, fitting());
function shift(x, y) {
  const from = ahead();
  go_to(from.x + x * canvas.width / from.scale, from.y + y * canvas.height / from.scale, from.scale);
}

// ---- Mouse, pen, fingers
const fingers = new Map();
const place = event => ({ x: event.clientX * ratio, y: event.clientY * ratio });
canvas.addEventListener('pointerdown', event => {
  canvas.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, place(event));
  canvas.classList.add('held');
  flight = null;
});
canvas.addEventListener('pointermove', event => {
  const before = fingers.get(event.pointerId);
  if (!before) return;
  const now = place(event);
  const others = [...fingers].filter(([id]) => id !== event.pointerId).map(([, finger]) => finger);
  fingers.set(event.pointerId, now);
  if (others.length === 0) {
    view.x -= (now.x - before.x) / view.scale;
    view.y -= (now.y - before.y) / view.scale;
    moved();
  } else if (others.length === 1) {
    const other = others[0];
    const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
    view.x -= (now.x - before.x) / 2 / view.scale;
    view.y -= (now.y - before.y) / 2 / view.scale;
    const length = Math.hypot(before.x - other.x, before.y - other.y);
    zoom_at(length > 0 ? Math.hypot(now.x - other.x, now.y - other.y) / length : 1, middle.x, middle.y);
  }
});
for (const end of ['pointerup', 'pointercancel'])
  canvas.addEventListener(end, event => {
    fingers.delete(event.pointerId);
    if (fingers.size === 0) canvas.classList.remove('held');
  });
canvas.addEventListener('wheel', event => {
  event.preventDefault();
  flight = null;
  const lines = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
  const now = place(event);
  zoom_at(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.002)), now.x, now.y);
}, { passive: false });
canvas.addEventListener('dblclick', event => {
  const now = place(event);
  zoom_to(event.shiftKey ? 1 / 3 : 3, now.x, now.y);
});

// ---- Keys and buttons
function full_screen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen();
}
const actions = {
  '+': () => zoom_to(2), '=': () => zoom_to(2), '-': () => zoom_to(1 / 2), '0': fit, 'Home': fit,
  '1': () => go_to(ahead().x, ahead().y, ratio),
  'f': full_screen, 'i': () => { element('facts').hidden = !element('facts').hidden; },
  'ArrowLeft': () => shift(-0.2, 0), 'ArrowRight': () => shift(0.2, 0),
  'ArrowUp': () => shift(0, -0.2), 'ArrowDown': () => shift(0, 0.2),
  'PageUp': () => shift(0, -0.9), 'PageDown': () => shift(0, 0.9),
};
addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (action) { event.preventDefault(); action(); }
});
for (const [id, key] of [['in', '+'], ['out', '-'], ['fit', '0'], ['full', '1'], ['screen', 'f'], ['info', 'i']])
  element(id).addEventListener('click', () => actions[key]());

// ---- About the picture
function describe() {
  const pixels = picture.width * picture.height;
  const amount = pixels >= 1e9 ? (pixels / 1e9).toFixed(2) + ' gigapixels' : (pixels / 1e6).toFixed(2) + ' megapixels';
  let size = picture.width.toLocaleString('en') + ' \u00d7 ' + picture.height.toLocaleString('en') + ' pixels, ' + amount;
  if (picture.pixels_per_inch > 0) {
    const centimetres = side => (side / picture.pixels_per_inch * 2.54).toFixed(1);
    size += '; ' + centimetres(picture.width) + ' \u00d7 ' + centimetres(picture.height) + ' cm at ' +
            Number(picture.pixels_per_inch.toFixed(2)) + ' dpi';
  }
  document.title = picture.name;
  document.querySelector('#facts h1').textContent = picture.name;
  element('size').textContent = size;
  canvas.setAttribute('aria-label', picture.name + ', ' + size);
  if (picture.recipe === null) document.querySelector('#facts details').hidden = true;
  else document.querySelector('#facts pre').textContent = JSON.stringify(picture.recipe, null, 1);
  element('recipe').href = folder + 'recipe.json';
}

// ---- Beginning
function resize() {
  const was_fit = view.scale === fitting();
  ratio = devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(innerWidth * ratio));
  canvas.height = Math.max(1, Math.round(innerHeight * ratio));
  if (was_fit) view.scale = fitting();
  redraw();
}
function from_address() {
  const numbers = location.hash.slice(1).split(',').map(Number);
  if (location.hash === own_address || numbers.length !== 3 || !numbers.every(Number.isFinite) ||
      !(numbers[2] > 0)) return;
  view.x = clamp(numbers[0], 0, picture.width);
  view.y = clamp(numbers[1], 0, picture.height);
  view.scale = clamp(numbers[2] * ratio, least(), most());
  redraw();
}
describe();
resize();
view.scale = fitting();
from_address();
addEventListener('resize', resize);
addEventListener('hashchange', from_address);
canvas.focus();
</script>
</body>
</html>
)page";

constexpr std::size_t kLongestRecipe = 256 << 10;  // longer ones, with weights, stay in their own file

}  // namespace

std::string deep_zoom_page(const DeepZoomPage& page) {
  nlohmann::ordered_json facts = {{"name", page.name},      {"width", page.width},
                                  {"height", page.height},  {"levels", page.levels},
                                  {"tile", page.tile_side}, {"pixels_per_inch", page.pixels_per_inch},
                                  {"recipe", nullptr}};
  if (page.recipe.size() <= kLongestRecipe) {
    auto recipe = nlohmann::ordered_json::parse(page.recipe, nullptr, false);
    if (!recipe.is_discarded()) facts["recipe"] = std::move(recipe);
  }
  // Bytes that are no UTF-8 (a file's name may have them) become U+FFFD.
  const std::string text = facts.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::string document(kHead);
  for (const char letter : text) {
    // Nothing in it may end the script element.
    if (letter == '<')
      document += "\\u003c";
    else
      document += letter;
  }
  document += kScript;
  return document;
}

}  // namespace atelier::tools
