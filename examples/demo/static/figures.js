// The chart: each event brings the rates of the last minute, the newest last.

const byId = id => document.getElementById(id);
const number = value => Math.round(value).toLocaleString("en");
const LANES = 4; // requests at a time: a browser opens six connections to a server, and one of them brings the figures

let rates = [];

new EventSource("/figures").onmessage = event => {
  const figures = JSON.parse(event.data);
  rates = figures.rates;
  byId("rate").textContent = number(rates.at(-1));
  byId("peak").textContent = number(figures.peak);
  byId("total").textContent = number(figures.total);
  byId("processor").textContent = `${number(figures.processor * 100)} %`;
  draw();
};

// ---- drawing

function draw() {
  const chart = byId("chart");
  const { width, height } = chart.getBoundingClientRect();
  const bottom = height - 22, top = roundUp(Math.max(10, ...rates));
  const x = i => width * i / (rates.length - 1);
  const y = rate => bottom - rate / top * (bottom - 22);
  const curve = rates.map((rate, i) => `${x(i).toFixed(1)},${y(rate).toFixed(1)}`).join(" L");
  const parts = [], labels = [];
  for (const rate of [0, top / 2, top]) {
    parts.push(shape("line", { x1: 0, x2: width, y1: y(rate), y2: y(rate) }));
    if (rate) labels.push(shape("text", { x: 0, y: y(rate) - 6 }, number(rate)));
  }
  labels.push(shape("text", { x: 0, y: height - 2 }, "a minute ago"));
  labels.push(shape("text", { x: width, y: height - 2, "text-anchor": "end" }, "now"));
  if (rates.length) {
    parts.push(shape("path", { class: "area", d: `M0,${bottom} L${curve} L${width},${bottom} Z` }));
    parts.push(shape("path", { class: "curve", d: `M${curve}` }));
    parts.push(shape("circle", { cx: width, cy: y(rates.at(-1)), r: 5 }));
  }
  chart.replaceChildren(...parts, ...labels);
}

function shape(name, attributes, text = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
}

function roundUp(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 3, 4, 5, 6, 8, 10].find(step => step * unit >= value) * unit;
}

new ResizeObserver(draw).observe(byId("chart"));

// ---- firing

let left = 0, keep = false, lanes = 0;

async function lane() { // one request after the other, as long as there is something to fire
  lanes++;
  try {
    while (keep || left > 0) {
      if (left > 0) left--;
      await (await fetch("/hello/browser")).text();
    }
  } catch {
    left = 0;
    keepFiring(false);
    byId("said").textContent = "The server does not answer.";
  }
  lanes--;
}

function fire() {
  const started = [];
  while (lanes < LANES) started.push(lane());
  return Promise.all(started);
}

function keepFiring(on) {
  keep = on;
  byId("keep").setAttribute("aria-pressed", on);
  byId("keep").textContent = on ? "Stop" : "Keep firing";
  if (on) fire();
}

byId("burst").onclick = async () => {
  const began = performance.now();
  byId("said").textContent = "";
  left += 1000;
  await fire();
  if (!byId("said").textContent) {
    byId("said").textContent = `1,000 answers in ${((performance.now() - began) / 1000).toFixed(2)} s`;
  }
};
byId("keep").onclick = () => keepFiring(!keep);
