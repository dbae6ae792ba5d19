// The page: what is chosen, and everything that follows from it.

const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const state = { pinned: -1, hovered: -1, token: null, get shown() { return this.hovered < 0 ? this.pinned : this.hovered; } };
const settings = { opacity: data.opacity, colours: data.defaultColours, stretch: false };

await Promise.all(data.grids.map(async (grid) => { grid.bytes = (await decodeSprite(grid.sprite)).bytes; }));
const relevance = data.relevance ? await decodeSprite(data.relevance) : { width: 0, bytes: [] };

const words = buildConversation(data, $("conversation"));
const pictures = data.media.map(buildPicture);
let table = null;
let shownFacts = null;

function buildPicture(item, index) {
  const image = make("img", { alt: `Picture ${index + 1}: ${item.name}`, src: item.frames[0] });
  const hatch = make("canvas", { className: "hatch", "aria-hidden": "true" });
  const heat = make("canvas", { className: "heat", "aria-hidden": "true" });
  heat.dataset.media = index;
  const frame = make("div", { className: "frame" }, image, hatch, heat);
  frame.style.setProperty("--ratio", item.width / item.height);
  const number = data.media.length > 1 ? `${index + 1} · ` : "";
  const caption = make("figcaption", {}, make("bdi", {}, number + item.name));
  const picture = { item, image, heat, frame: 0, map: null, size: canvasSize(item, data.media.length) };
  const figure = make("figure", {}, frame, caption);
  if (item.frames.length > 1) figure.append(frameSlider(picture));
  $("pictures").append(figure);
  const [width, height] = picture.size;
  drawHatch(hatch, pictureMap(data, [], index, 0, width, height).views, width, height);
  frame.onpointermove = (event) => readValue(picture, event);
  frame.onpointerleave = () => { $("readout").textContent = ""; };
  return picture;
}

function frameSlider(picture) {
  const { item } = picture;
  const slider = make("input", { type: "range", min: 0, max: item.frames.length - 1, value: 0 });
  const text = make("output");
  const update = () => {
    picture.frame = Number(slider.value);
    picture.image.src = item.frames[picture.frame];
    text.textContent = `${picture.frame + 1} of ${item.frames.length} · ${item.times[picture.frame].toFixed(2)} s`;
    slider.setAttribute("aria-valuetext", text.textContent);
    if (shownFacts) drawPictures();
  };
  slider.oninput = update;
  queueMicrotask(update);
  return make("label", { className: "frames" }, "Frame ", slider, text);
}

// The map's value under the pointer, at the pixel of the original picture.
function readValue(picture, event) {
  if (!picture.map) return;
  const box = picture.image.getBoundingClientRect();
  const [across, down] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  if (across < 0 || across >= 1 || down < 0 || down >= 1) return;
  const { values, views, width, height } = picture.map;
  const at = Math.floor(down * height) * width + Math.floor(across * width);
  const place = `at ${Math.floor(across * picture.item.width)}, ${Math.floor(down * picture.item.height)}`;
  $("readout").textContent = views[at] ? `${values[at].toFixed(2)} ${place}` : `not seen ${place}`;
}

function show() {
  if (state.shown < 0) return;
  const token = state.hovered < 0 || state.hovered === state.pinned ? state.token : null;
  const facts = describe(data, relevance, state.shown, token);
  shownFacts = facts;
  const top = token === null ? facts.word.visual : topOf(facts.targets);
  const chosen = { shown: state.shown, token };
  $("facts").replaceChildren(...buildFacts(data, facts, chosen, top, chooseFromCard));
  words.forEach((element, index) => {
    element.classList.toggle("shown", index === state.shown);
    element.setAttribute("aria-pressed", String(index === state.pinned));
    element.style.setProperty("--relevance", 0);
  });
  for (const { at, value } of facts.earlier) words[at].style.setProperty("--relevance", value);
  drawPictures();
}

// The highest cell of the tokens' maps in all pictures.
function topOf(targets) {
  let best = 0;
  for (const { shape: [t, h, w], bytes } of data.grids) {
    const size = t * h * w;
    for (const target of targets) {
      for (let i = target * size; i < (target + 1) * size; i++) best = Math.max(best, bytes[i]);
    }
  }
  return best / 255;
}

function drawPictures() {
  const top = topOf(shownFacts.targets);
  const end = settings.stretch && top > 0 ? top : 1;
  pictures.forEach((picture, index) => {
    picture.map = pictureMap(data, shownFacts.targets, index, picture.frame, ...picture.size);
    drawMap(picture.heat, picture.map, table, end);
  });
  $("legend-title").replaceChildren("Map of ", make("bdi", {}, shownFacts.word.text));
  $("mark").style.insetInlineStart = `${100 * Math.min(1, top / end)}%`;
  const digits = end < 1 ? 3 : 2;
  $("ticks").replaceChildren(...[0, 0.25, 0.5, 0.75, 1].map((share) => make("li", {}, String(Number((share * end).toFixed(digits))))));
}

function choose(index, token) {
  if (index < 0 || index >= words.length) return;
  if (words[state.pinned]) words[state.pinned].tabIndex = -1;
  words[index].tabIndex = 0;
  Object.assign(state, { pinned: index, hovered: -1, token });
  show();
  $("live").textContent = spoken(data, shownFacts, token === null ? shownFacts.word.visual : topOf(shownFacts.targets));
}

// The card is rebuilt by the choice: give the focus to the button that took the old one's place.
function chooseFromCard(index, token) {
  const buttons = () => [...$("facts").querySelectorAll("button")];
  const { dataset } = document.activeElement;
  const label = document.activeElement.getAttribute("aria-label");
  choose(index, token);
  words[index].scrollIntoView({ block: "nearest" });
  const same = buttons().find((b) => (dataset.token ? b.dataset.token === dataset.token : b.getAttribute("aria-label") === label));
  if (same && !same.disabled) same.focus();
  else words[index].focus();
}

function hover(index) {
  if (index === state.hovered) return;
  state.hovered = index;
  show();
}

const wordAt = (event) => {
  const element = event.target.closest?.(".word");
  return element ? Number(element.dataset.word) : -1;
};

function step(event) {
  const index = wordAt(event);
  if (index < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
  const rtl = getComputedStyle(words[index].parentElement).direction === "rtl" ? -1 : 1;
  const targets = {
    ArrowRight: index + rtl,
    ArrowLeft: index - rtl,
    ArrowDown: neighbourLine(words, index, 1),
    ArrowUp: neighbourLine(words, index, -1),
    Home: 0,
    End: words.length - 1,
    Enter: index,
    " ": index,
  };
  if (!(event.key in targets)) return;
  event.preventDefault();
  const next = targets[event.key];
  if (words[next]) words[next].focus();
  if (next === index) choose(index, null);
}

function listen() {
  const conversation = $("conversation");
  conversation.addEventListener("pointerover", (event) => { if (event.pointerType === "mouse") hover(wordAt(event)); });
  conversation.addEventListener("pointerleave", () => hover(-1));
  conversation.addEventListener("click", (event) => { if (wordAt(event) >= 0) choose(wordAt(event), null); });
  conversation.addEventListener("focusin", (event) => { if (wordAt(event) >= 0 && wordAt(event) !== state.pinned) choose(wordAt(event), null); });
  conversation.addEventListener("keydown", step);
  $("opacity").value = 100 * settings.opacity;
  $("opacity").oninput = (event) => { settings.opacity = event.target.value / 100; recolour(); };
  $("stretch").onchange = (event) => { settings.stretch = event.target.checked; drawPictures(); };
  $("colours").append(...Object.keys(data.colours).map((name) => make("option", { value: name }, name)));
  $("colours").value = settings.colours;
  $("colours").onchange = (event) => { settings.colours = event.target.value; recolour(); };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const paint = (on) => {
    document.documentElement.dataset.theme = on ? "dark" : "light";
    $("theme").setAttribute("aria-pressed", String(on));
  };
  paint(dark.matches);
  dark.onchange = () => paint(dark.matches);
  $("theme").onclick = () => paint(document.documentElement.dataset.theme !== "dark");
}

function recolour() {
  table = colourTable(data.colours[settings.colours], settings.opacity, data.opacityExponent);
  const stops = data.colours[settings.colours].map((anchor) => `#${anchor}`);
  $("ramp").style.backgroundImage = `linear-gradient(to right, ${stops.join(", ")})`;
  if (shownFacts) drawPictures();
}

// A value of the provenance as lines of text.
function spell(value) {
  if (value === null) return "–";
  if (typeof value !== "object") return String(value);
  const lines = Array.isArray(value)
    ? value.map(spell)
    : Object.entries(value).map(([name, inner]) => `${name}: ${spell(inner)}`);
  return lines.length ? lines.join("\n") : "–";
}

function buildProvenance() {
  const { notes, ...rest } = data.provenance;
  if (data.provenance.model) $("model").append(make("bdi", {}, String(data.provenance.model)));
  if (Array.isArray(notes)) $("notes").append(...notes.map((note) => make("li", { dir: "auto" }, String(note))));
  for (const [name, value] of Object.entries(rest)) {
    $("provenance").append(make("dt", {}, name), make("dd", { dir: "auto" }, spell(value)));
  }
}

words.forEach((element, index) => {
  element.style.setProperty("--visual", data.words[index].visual);
});
recolour();
listen();
buildProvenance();
// Begin with the reply's word that shows most in the picture.
const replyWords = data.words.map((word, index) => ({ word, index })).filter(({ word }) => word.targets[0] >= data.promptTargets);
const start = replyWords.length ? replyWords : data.words.map((word, index) => ({ word, index }));
if (start.length) choose(start.reduce((a, b) => (b.word.visual > a.word.visual ? b : a)).index, null);
const scroller = $("conversation").parentElement;
if (state.pinned >= 0) {
  const below = words[state.pinned].getBoundingClientRect().bottom - scroller.getBoundingClientRect().bottom;
  if (below > 0) scroller.scrollTop += below + scroller.clientHeight / 2;
}
if (!data.media.length) document.body.classList.add("no-pictures");
document.documentElement.dataset.ready = "true";
