// The pictures with their maps: one figure for each, or three figures of one picture when a
// candidate is compared with the word that was written.

const KINDS = ["word", "candidate", "difference"];

// The contents of a pane's figures, as a list of { media, kind }.
function figurePlan({ data, state, facts }) {
  if (state.candidate === null) return data.media.map((_, media) => ({ media, kind: "word" }));
  const sources = comparedSources(data, state, facts);
  const tops = data.media.map((_, media) => Math.max(...sources.flatMap((source) => [...frameTops(data, source, media)])));
  const media = tops.indexOf(Math.max(...tops));
  return KINDS.map((kind) => ({ media, kind }));
}

function comparedSources(data, state, facts) {
  return [targetSource(data, [facts.first]), candidateSource(data, facts.first, state.candidate)];
}

function layOutFigures(pane) {
  const plan = figurePlan(pane);
  const { candidate } = pane.state;
  const key = JSON.stringify([plan, candidate === null ? null : [candidate, pane.facts.first]]);
  if (pane.planned === key) return;
  pane.planned = key;
  pane.figures = plan.map((part) => buildFigure(pane, part));
  const parts = pane.figures.map((figure) => figure.element);
  if (candidate !== null) parts.push(buildVerdict(pane));
  pane.pictures.classList.toggle("compared", candidate !== null);
  pane.pictures.replaceChildren(...parts);
  fitFigures(pane);
  for (const { media } of pane.figures) applyZoom(pane, media);
}

function buildFigure(pane, { media, kind }) {
  const item = pane.data.media[media];
  const canvas = (name) => make("canvas", { className: name, "aria-hidden": "true" });
  const figure = { pane, media, kind, hatch: canvas("hatch"), heat: canvas("heat"), outline: canvas("outline") };
  figure.image = make("img", { alt: `${mediaName(pane.data, media)}: ${item.name}`, draggable: false });
  figure.lines = makeShape("svg", { class: "lines", viewBox: `0 0 ${item.width} ${item.height}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  figure.heat.dataset.media = media;
  figure.heat.dataset.kind = kind;
  figure.frame = make("div", { className: "frame" }, figure.image, figure.hatch, figure.heat, figure.outline, figure.lines);
  figure.key = make("p", { className: "figure-key", hidden: true });
  figure.port = make("div", { className: "port" }, figure.frame);
  figure.port.style.setProperty("--ratio", item.width / item.height);
  figure.port.append(buildZoomBar(pane, figure));
  figure.element = make("figure", {}, figure.port, make("figcaption", {}, ...captionOf(pane, media, kind)), figure.key);
  figure.size = canvasSize(item, pane.data.media.length);
  figure.frame.addEventListener("pointermove", (event) => readValue(pane, figure, event));
  figure.frame.addEventListener("pointerleave", () => pane.page.readOut(""));
  listenToZoom(pane, figure);
  listenToRegion(pane, figure);
  return figure;
}

function captionOf({ data, state, facts }, media, kind) {
  const { name } = data.media[media];
  if (state.candidate === null) return [make("bdi", {}, data.media.length > 1 ? `${media + 1} · ${name}` : name)];
  const names = comparedNames(data, state, facts).map((text) => make("bdi", { className: "said" }, text));
  const { candidates, probability } = facts.prediction;
  if (kind === "word") return [names[0], ` ${percent(probability)}`];
  if (kind === "candidate") return [names[1], ` ${percent(candidates[state.candidate].probability)}`];
  return [names[0], " − ", names[1]];
}

function comparedNames(data, state, facts) {
  const written = data.tokens[facts.first];
  const candidate = facts.prediction.candidates[state.candidate];
  return [written, candidate].map(({ text, id }) => text.trim() || visible(text, id));
}

// The fourth part of a comparison: the meaning of the colors, and the numbers for both words.
function buildVerdict(pane) {
  const { data, state, facts, page } = pane;
  const [name, other] = comparedNames(data, state, facts).map((text) => () => make("bdi", { className: "said" }, text));
  const tops = [data.tokens[facts.first].visual, facts.prediction.candidates[state.candidate].visual];
  const ramp = make("div", { className: "ramp" });
  ramp.style.backgroundImage = `linear-gradient(to right, ${page.differenceColors.map((color) => `#${color}`).join(", ")})`;
  const ticks = make("ol", { className: "ticks", "aria-hidden": "true" }, ...["−1", "−0.5", "0", "0.5", "1"].map((text) => make("li", {}, text)));
  const close = make("button", { type: "button", className: "quiet", onclick: () => pane.act.compare(null) }, "Close the comparison");
  return make(
    "div",
    { className: "verdict" },
    make("h2", {}, "Why not ", other(), "?"),
    make("p", {}, "The picture’s evidence for ", name(), ` reaches ${decimal(tops[0])}; for `, other(), ` in its place, ${decimal(tops[1])}.`),
    make("p", { className: "ends" }, make("span", {}, "more for ", other()), make("span", {}, "more for ", name())),
    ramp,
    ticks,
    close,
  );
}

// The map of a figure at its current frame.
function figureMap(pane, figure, size = figure.size) {
  const { data, state, facts, page } = pane;
  const { settings } = page;
  const at = (source) => pictureMap(data, source, figure.media, pane.frames[figure.media], size, settings);
  if (state.candidate === null) return at(factsSource(pane));
  const [word, candidate] = comparedSources(data, state, facts);
  if (figure.kind === "word") return at(word);
  return figure.kind === "candidate" ? at(candidate) : differenceMap(at(word), at(candidate));
}

function drawFigures(pane) {
  const { data, page } = pane;
  const { settings, tables } = page;
  for (const figure of pane.figures) {
    const picture = data.media[figure.media].frames[pane.frames[figure.media]];
    if (figure.image.src !== picture) figure.image.src = picture;
    const beside = differenceBeside(pane, figure);
    const map = beside ?? figureMap(pane, figure);
    Object.assign(figure, { map, beside: beside !== null });
    const end = pane.state.candidate === null ? page.end : 1;
    if (beside || figure.kind === "difference") drawMap(figure.heat, map, tables.difference, -1, 1);
    else drawMap(figure.heat, map, tables.map, 0, end);
    drawHatch(figure.hatch, map);
    figure.outline.hidden = !settings.outline || beside !== null || figure.kind === "difference";
    if (!figure.outline.hidden) drawOutline(figure.outline, map, settings.level * end);
    drawLines(pane, figure);
  }
}

// Draws the cells of each view on demand, and the chosen region.
function drawLines(pane, figure) {
  const { settings } = pane.page;
  const shapes = [];
  if (settings.cells) {
    gridsOf(pane.data, figure.media, settings.view).forEach((grid, index) => shapes.push(...cellLines(grid, index)));
  }
  const { region } = pane.state;
  if (region && region.media === figure.media) {
    const [x0, y0, x1, y1] = region.box;
    for (const name of ["region-ground", "region"]) {
      shapes.push(makeShape("rect", { class: name, x: x0, y: y0, width: x1 - x0, height: y1 - y0 }));
    }
  }
  figure.lines.replaceChildren(...shapes);
  const key = figureKey(pane, figure);
  figure.key.replaceChildren(...key);
  figure.key.hidden = !key.length;
}

// Explains the lines and the hatching over a figure; empty if there are none.
function figureKey({ data, page }, { media, hatch, beside }) {
  const { settings } = page;
  const parts = [];
  const tell = (mark, text) => parts.push(make("span", { className: "mark-key" }, make("span", { className: mark, "aria-hidden": "true" }), ` ${text}`));
  if (!hatch.hidden) tell("swatch-hatch", "not seen by the model");
  if (beside) tell("swatch-difference", `less or more than ${page.explanations[0].label}`);
  if (!settings.cells) return parts;
  gridsOf(data, media, settings.view).forEach((grid, index) => {
    const [, h, w] = grid.shape;
    const tiles = grid.seams.map((places) => places.length + 1);
    const cut = tiles[0] * tiles[1] > 1 ? ` in ${tiles[1]} × ${tiles[0]} tiles` : "";
    tell(`swatch-view view-${index % 3}`, `${grid.view}: ${h} × ${w} cells${cut}`);
  });
  return parts;
}

function cellLines(grid, index) {
  const [, h, w] = grid.shape;
  const [x0, y0, x1, y1] = grid.box;
  const path = [];
  for (let i = 1; i < w; i++) path.push(`M${x0 + (i * (x1 - x0)) / w} ${y0}V${y1}`);
  for (let i = 1; i < h; i++) path.push(`M${x0} ${y0 + (i * (y1 - y0)) / h}H${x1}`);
  const view = `view-${index % 3}`;
  const seams = [grid.seams[0].map((x) => `M${x} ${y0}V${y1}`), grid.seams[1].map((y) => `M${x0} ${y}H${x1}`)].flat();
  return [
    makeShape("path", { class: `cells ${view}`, d: path.join("") }),
    makeShape("path", { class: `seams ${view}`, d: seams.join("") }),
    makeShape("rect", { class: `border ${view}`, x: x0, y: y0, width: x1 - x0, height: y1 - y0 }),
  ];
}

// The pointer's position in a figure: [x, y] in pixels of the picture, clamped to it.
function pixelAt(pane, figure, event) {
  const { width, height } = pane.data.media[figure.media];
  const box = figure.frame.getBoundingClientRect();
  const place = (share, size) => Math.min(Math.max(share * size, 0), size - 1e-3);
  return [place((event.clientX - box.left) / box.width, width), place((event.clientY - box.top) / box.height, height)];
}

// The map's value under the pointer.
function readValue(pane, figure, event) {
  if (!figure.map) return;
  const { width, height } = pane.data.media[figure.media];
  const { values, views, width: w, height: h } = figure.map;
  const [x, y] = pixelAt(pane, figure, event);
  const at = Math.floor((y / height) * h) * w + Math.floor((x / width) * w);
  const sign = figure.kind === "difference" && values[at] > 0 ? "+" : "";
  const value = views[at] ? about(values[at], sign) : "not seen";
  pane.page.readOut(`${value} at ${Math.floor(x)}, ${Math.floor(y)}`);
}
