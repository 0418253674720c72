// Curves and pictures behind sliders.  The data are JSON inside of each div.player; nothing is loaded and nothing computed.
"use strict";

const WIDTH = 420, HEIGHT = 300, LEFT = 54, BOTTOM = 42, TOP = 12, RIGHT = 10;
const SVG = "http://www.w3.org/2000/svg";

/** A new element with attributes and text, inside of another. */
function element(parent, name, attributes = {}, text = "", space = null) {
  const made = space ? document.createElementNS(space, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  parent.append(made);
  return made;
}

/** A slider over a list of values; calls back with its index. */
function slider(parent, { label, unit = "", values }, start, changed) {
  const line = element(parent, "label", { class: "player-slider" });
  element(line, "span", {}, label);
  const input = element(line, "input", { type: "range", min: 0, max: values.length - 1, value: start });
  const output = element(line, "output");
  const show = () => {
    const text = `${values[input.value]} ${unit}`.trim();
    output.textContent = text;
    input.setAttribute("aria-valuetext", text);
  };
  input.addEventListener("input", () => { show(); changed(); });
  show();
  return () => Number(input.value);
}

/** Round numbers for the marks of an axis from 0 to a largest value. */
function marks(largest) {
  const rough = largest / 4, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((k) => k * power).find((k) => k >= rough);
  return Array.from({ length: Math.floor(largest / step + 1e-9) + 1 }, (_, k) => Number((k * step).toPrecision(3)));
}

/** The curve chosen before the others, and a mark at the frame. */
function drawCurve(svg, curve, chosen, position) {
  svg.replaceChildren();
  const add = (name, attributes, text) => element(svg, name, attributes, text, SVG);
  const xMax = curve.x.at(-1), yMax = 1.08 * Math.max(...curve.y.flat());
  const px = (x) => LEFT + (x / xMax) * (WIDTH - LEFT - RIGHT);
  const py = (y) => HEIGHT - BOTTOM - (y / yMax) * (HEIGHT - BOTTOM - TOP);
  for (const x of marks(xMax)) {
    add("line", { x1: px(x), x2: px(x), y1: py(0), y2: py(0) + 4, class: "axis" });
    add("text", { x: px(x), y: py(0) + 17, "text-anchor": "middle" }, x);
  }
  for (const y of marks(yMax)) {
    add("line", { x1: px(0), x2: px(xMax), y1: py(y), y2: py(y), class: "grid" });
    add("text", { x: px(0) - 6, y: py(y) + 4, "text-anchor": "end" }, y);
  }
  add("line", { x1: px(0), x2: px(xMax), y1: py(0), y2: py(0), class: "axis" });
  add("text", { x: px(xMax / 2), y: HEIGHT - 6, "text-anchor": "middle" }, curve.xlabel);
  add("text", { transform: `translate(13 ${py(yMax / 2)}) rotate(-90)`, "text-anchor": "middle" }, curve.ylabel);
  if (curve.line) add("line", { x1: px(curve.line), x2: px(curve.line), y1: py(0), y2: py(yMax), class: "threshold" });
  const path = (values) => values.map((y, k) => `${k ? "L" : "M"}${px(curve.x[k]).toFixed(1)} ${py(y).toFixed(1)}`).join("");
  curve.y.forEach((values, k) => k !== chosen && add("path", { d: path(values), class: "other" }));
  add("path", { d: path(curve.y[chosen]), class: "chosen" });
  const at = curve.x.reduce((best, x, k) => (Math.abs(x - position) < Math.abs(curve.x[best] - position) ? k : best), 0);
  add("circle", { cx: px(curve.x[at]), cy: py(curve.y[chosen][at]), r: 5, class: "mark" });
  svg.setAttribute("aria-label", `${curve.ylabel}: ${curve.y[chosen][at]} at ${curve.x[at]}`);
}

/** Red for 1; blue for -1; the background in between. */
function colour(level, diverging, dark) {
  const value = diverging ? level / 127 - 1 : level / 254;
  const end = value < 0 ? [49, 104, 189] : [203, 60, 51];
  const ground = dark ? [38, 42, 48] : [244, 244, 244];
  return ground.map((part, k) => part + (end[k] - part) * Math.min(1, Math.abs(value)));
}

/** One frame of a picture, its cells as squares. */
function drawPicture(canvas, bytes, [rows, columns], frame, diverging) {
  const dark = getComputedStyle(canvas).getPropertyValue("color-scheme").includes("dark");
  canvas.width = columns;
  canvas.height = rows;
  const context = canvas.getContext("2d"), image = context.createImageData(columns, rows);
  for (let k = 0; k < rows * columns; k++) {
    const level = bytes[frame * rows * columns + k];
    image.data.set(level === 255 ? [0, 0, 0, 0] : [...colour(level, diverging, dark), 255], 4 * k);
  }
  context.putImageData(image, 0, 0);
}

function play(box) {
  const data = JSON.parse(box.querySelector("script").textContent);
  const bytes = data.picture.data.map((text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0)));
  const controls = element(box, "div", { class: "player-controls" });
  const panels = element(box, "div", { class: "player-panels" });
  const svg = element(panels, "svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" }, "", SVG);
  const figure = element(panels, "figure");
  element(figure, "figcaption", {}, data.picture.title);
  const canvas = element(figure, "canvas", { role: "img", "aria-label": data.picture.title });
  element(figure, "figcaption", {}, `across: ${data.picture.xlabel}; up: ${data.picture.ylabel}`);
  let choices = [], frame = () => 0;
  const draw = () => {
    const chosen = choices.reduce((index, choice, k) => index * data.choices[k].values.length + choice(), 0);
    drawCurve(svg, data.curve, chosen, data.frame.values[frame()]);
    drawPicture(canvas, bytes[chosen], data.picture.shapes[choices[0]()], frame(), data.picture.diverging);
  };
  choices = data.choices.map((choice) => slider(controls, choice, Math.min(1, choice.values.length - 1), draw));
  frame = slider(controls, data.frame, Math.floor(data.frame.values.length / 4), draw);
  draw();
  new MutationObserver(draw).observe(document.body, { attributes: true, attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

document.querySelectorAll("div.player").forEach(play);
