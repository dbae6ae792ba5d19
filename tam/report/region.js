// A region of a picture, and the words whose evidence lies in it.

const SHOWN_WORDS = 12;
const SHOWN_LOWER = 3;

// The reply's words whose maps nearly reach their maximum in a region, strongest first; and,
// separately, some words that have evidence there but more elsewhere.
function wordsInRegion({ data, page }, region) {
  const { reaches, faint } = page.region;
  const there = data.words
    .map((word, index) => ({ index, word, value: 0 }))
    .filter(({ word }) => word.targets[0] >= data.promptTargets)
    .map((entry) => ({ ...entry, value: heightIn(data, targetSource(data, entry.word.targets), region) }))
    .filter(({ value }) => value >= faint)
    .sort((a, b) => b.value - a.value);
  const lies = ({ word, value }) => word.visual !== null && value >= reaches * word.visual;
  return { found: there.filter(lies), lower: there.filter((entry) => !lies(entry)).slice(0, SHOWN_LOWER) };
}

// If the report is embedded in the app's page, sends that page the region, which is only numbers.
function tellRegion(region) {
  if (parent === window || !new URLSearchParams(location.search).has("embedded")) return;
  parent.postMessage({ kind: "region", media: region?.media ?? 0, box: region?.box ?? null }, "*");
}

// Dragging selects a region, a click or tap selects one cell, and keys move over the cells.
function listenToRegion(pane, figure) {
  const { frame, media } = figure;
  let start = null;
  let dragged = false;
  const boxTo = ([x, y]) => [Math.min(start[0], x), Math.min(start[1], y), Math.max(start[0], x), Math.max(start[1], y)];
  frame.tabIndex = 0;
  frame.setAttribute("role", "application");
  frame.setAttribute("aria-label", `${figure.image.alt}. Arrow keys move over it and tell the words whose evidence lies there; with Shift the region grows; Escape leaves it. Plus and minus zoom, zero shows it whole, Control with arrows moves it.`);
  frame.addEventListener("pointerdown", (event) => {
    dragged = false;
    if (event.button !== 0 || event.pointerType === "touch" || pane.page.spaceHeld) return;
    start = pixelAt(pane, figure, event);
    frame.setPointerCapture(event.pointerId);
  });
  frame.addEventListener("pointermove", (event) => {
    if (!start) return;
    const box = boxTo(pixelAt(pane, figure, event));
    const shown = frame.getBoundingClientRect().width / pane.data.media[media].width;
    dragged ||= Math.max(box[2] - box[0], box[3] - box[1]) * shown > 6;
    if (dragged) pane.act.ask({ media, box });
  });
  for (const end of ["pointerup", "pointercancel"]) frame.addEventListener(end, () => { start = null; });
  frame.addEventListener("click", (event) => {
    if (!dragged) askCell(pane, figure, pixelAt(pane, figure, event));
  });
  frame.addEventListener("keydown", (event) => walkRegion(pane, figure, event));
}

function askCell(pane, { media }, [x, y]) {
  const box = cellBox(pane.data, media, pane.frames[media], x, y);
  const { region } = pane.state;
  const again = region && box && region.media === media && region.box.every((edge, i) => edge === box[i]);
  pane.act.ask(box && !again ? { media, box } : null);
}

function walkRegion(pane, figure, event) {
  const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (event.key === "Escape") pane.act.ask(null);
  if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const { width, height } = pane.data.media[figure.media];
  const { region } = pane.state;
  if (!region || region.media !== figure.media) {
    askCell(pane, figure, [width / 2, height / 2]);
    return;
  }
  const [x0, y0, x1, y1] = region.box;
  const cell = cellBox(pane.data, figure.media, pane.frames[figure.media], x1 - 1e-3, y1 - 1e-3) ?? region.box;
  const [dx, dy] = [move[0] * (cell[2] - cell[0]), move[1] * (cell[3] - cell[1])];
  if (event.shiftKey) {
    const grown = [x0, y0, Math.max(x1 + dx, x0 + cell[2] - cell[0]), Math.max(y1 + dy, y0 + cell[3] - cell[1])];
    pane.act.ask({ media: figure.media, box: grown });
    return;
  }
  const [x, y] = [(cell[0] + cell[2]) / 2 + dx, (cell[1] + cell[3]) / 2 + dy];
  const box = cellBox(pane.data, figure.media, pane.frames[figure.media], x, y);
  if (box && x >= 0 && y >= 0 && x < width && y < height) pane.act.ask({ media: figure.media, box });
}

// The line under the pictures that lists a region's words.
function buildRegion(pane) {
  const { data, state, act, found, lower } = pane;
  const { media, box } = state.region;
  const name = data.media.length > 1 ? `In this region of ${mediaName(data, media)}` : "In this region";
  const head = make("p", { className: "region-title" }, name, make("span", { className: "faint" }, ` ${box.map((edge) => Math.round(edge)).join(", ")}`));
  const close = make("button", { type: "button", className: "quiet small", "aria-label": "Close the region", onclick: () => act.ask(null) }, "×");
  const list = make("div", { className: "chips" });
  if (!found.length) list.append(make("p", { className: "empty" }, `No word of the reply is highest here.${lower.length ? " Strongest, but higher elsewhere:" : ""}`));
  for (const { index, value } of found.length ? found.slice(0, SHOWN_WORDS) : lower) {
    const button = chip(wordName(data, index), state.words.includes(index), () => act.choose(index), { className: found.length ? "chip" : "chip lower" });
    button.append(make("span", { className: "chip-value" }, about(value)));
    list.append(button);
  }
  if (found.length > SHOWN_WORDS) list.append(make("span", { className: "faint" }, `and ${found.length - SHOWN_WORDS} more`));
  return [make("div", { className: "region-head" }, head, close), list];
}

function spokenRegion({ data, found, lower }) {
  const tell = (entries) => entries.map(({ index, value }) => `${wordName(data, index)} ${about(value)}`).join(", ");
  if (found.length) return `Here: ${tell(found.slice(0, 5))}.`;
  return `No word is highest here.${lower.length ? ` Strongest: ${tell(lower)}.` : ""}`;
}
