// The engineer's view: what the receiver counts and its pictures of the signal in, plots out. Colours: page.css.
const find = (id) => document.getElementById(id);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const HIGHEST_KHZ = 100;
const LOWEST_DB = -100;
let spectrum = null;
let errors = null;
let peaks = [];
let lastPictures = null;
let lastReception = null;

// A screen that turns dark in the evening takes its plots along.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const one of [spectrum, errors]) one?.destroy();
  spectrum = errors = null;
  if (lastReception) drawReception(lastReception);
  if (lastPictures) drawPictures(lastPictures);
});

export function clearPeaks() {
  peaks = [];
}

function plot(id, options) {
  const place = find(id);
  const size = () => ({ width: place.clientWidth, height: place.clientHeight });
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 }, font: "12px system-ui", size: 48 };
  const made = new uPlot({ ...size(), legend: { show: false }, cursor: { drag: { x: false, y: false } }, padding: [8, 12, 0, 0], ...options, axes: options.axes.map((one) => ({ ...axis, ...one })) }, options.series.map(() => []), place);
  new ResizeObserver(() => made.setSize(size())).observe(place);
  return made;
}

export function drawPictures(pictures) {
  lastPictures = pictures;
  const { spectrum: { step_khz, db }, points, eye } = pictures;
  drawSpectrum(step_khz, db);
  drawConstellation(points);
  drawEye(eye);
}

function drawSpectrum(step_khz, db) {
  spectrum ??= plot("spectrum", {
    scales: { x: { time: false, range: [0, HIGHEST_KHZ] }, y: { range: [LOWEST_DB, 0] } },
    axes: [{ values: (_, ticks) => ticks.map((one) => `${one}`), label: "kHz", labelSize: 18, labelFont: "12px system-ui", size: 36 }, {}],
    series: [{}, { stroke: colour("--peak"), width: 1 }, { stroke: colour("--series"), width: 1.5 }],
  });
  if (peaks.length !== db.length) peaks = db.slice();
  peaks = peaks.map((one, place) => Math.max(one, db[place]));
  spectrum.setData([db.map((_, place) => (place + 0.5) * step_khz), peaks, db]);
}

function begin(id, reach) {
  const canvas = find(id);
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const brush = canvas.getContext("2d");
  brush.scale(ratio, ratio);
  brush.strokeStyle = colour("--line");
  brush.fillStyle = colour("--soft");
  brush.font = "12px system-ui";
  return { brush, width, height, unit: height / 2 / reach };
}

function line(brush, ...points) {
  brush.beginPath();
  points.forEach(([x, y], place) => (place ? brush.lineTo(x, y) : brush.moveTo(x, y)));
  brush.stroke();
}

const reachOf = (values) => Math.max(1000, 1.25 * Math.max(0, ...values.map(Math.abs)));

function drawConstellation(points) {
  const { brush, width, height, unit } = begin("constellation", reachOf(points.flat()));
  const [x, y] = [width / 2, height / 2];
  line(brush, [0, y], [width, y]);
  line(brush, [x, 0], [x, height - 18]);
  for (let khz = -9; khz <= 9; khz++) {
    const place = x + khz * 1000 * unit;
    if (place < 12 || place > width - 12) continue;
    line(brush, [place, y - 4], [place, y + 4]);
    brush.fillText(`${khz}`, place - 4, height - 4);
  }
  brush.fillStyle = colour("--series");
  brush.globalAlpha = 0.5;
  for (const [real, imaginary] of points) brush.fillRect(x + real * unit - 1.5, y - imaginary * unit - 1.5, 3, 3);
}

function drawEye(eye) {
  const { brush, width, height, unit } = begin("eye", reachOf(eye.flat()));
  const y = height / 2;
  line(brush, [0, y], [width, y]);
  for (const share of [0.25, 0.5, 0.75]) line(brush, [share * width, 0], [share * width, height]);
  brush.strokeStyle = colour("--series");
  brush.globalAlpha = 0.3;
  for (const trace of eye) line(brush, ...trace.map((value, place) => [(place / (trace.length - 1)) * width, y - value * unit]));
}

const decibels = (value) => (value === null ? "–" : `${value.toFixed(1)} dB`);
const kilohertz = (value) => (value === null ? "none" : `${(value / 1000).toFixed(2)} kHz`);

export function drawReception(reception) {
  lastReception = reception;
  const { signal, seconds, lost, bler, types, groups, has_signal } = reception;
  for (const one of document.querySelectorAll(".plots")) one.hidden = !has_signal;
  find("no-signal").hidden = has_signal;
  const facts = { "Heard": `${Math.round(seconds)} s`, "Lost samples": `${lost.samples}` };
  if ("synchronised" in signal) {
    Object.assign(facts, {
      "Groups": signal.synchronised ? "synchronised" : "not found",
      "Level": signal.level_dbfs === null ? "–" : `${signal.level_dbfs.toFixed(1)} dBFS`,
      "Carrier to noise": decibels(signal.cn_db),
      "Pilot": kilohertz(signal.pilot_hz),
      "RDS deviation": kilohertz(signal.rds_hz),
      "Coherence": signal.coherence === null ? "–" : signal.coherence.toFixed(2),
      "Clock": signal.clock_ppm === null ? "–" : `${(Math.round(10 * signal.clock_ppm) / 10 + 0).toFixed(1)} ppm`,
      "Blocks corrected": `${signal.blocks_corrected}`,
    });
  }
  find("signal").replaceChildren(...Object.entries(facts).map(([name, value]) => {
    const [entry, term, fact] = ["div", "dt", "dd"].map((tag) => document.createElement(tag));
    term.textContent = name;
    fact.textContent = value;
    entry.append(term, fact);
    return entry;
  }));
  drawErrors(bler);
  drawTypes(types);
  find("groups").textContent = groups.map(({ s, type, words }) => `${s.toFixed(2).padStart(9)}  ${(type ?? "").padEnd(3)}  ${words}`).join("\n");
}

function drawErrors(bler) {
  errors ??= plot("bler", {
    scales: { x: { time: false }, y: { range: [0, 100] } },
    axes: [{ values: (_, ticks) => ticks.map((one) => `${one} s`), size: 36 }, {}],
    series: [{}, { stroke: colour("--bad"), width: 1.5, fill: "#b3261e22", points: { show: false } }],
  });
  errors.setData([bler.map(([second]) => second), bler.map(([, share]) => (share === null ? null : 100 * share))]);
}

function drawTypes(types) {
  const most = Math.max(1, ...Object.values(types));
  find("types").replaceChildren(...Object.entries(types).flatMap(([name, count]) => {
    const [label, bar, number] = ["span", "meter", "span"].map((tag) => document.createElement(tag));
    label.textContent = name;
    bar.max = most;
    bar.value = number.textContent = count;
    return [label, bar, number];
  }));
}
