// The page: its panes, their shared controls, and how the panes follow each other’s choices.

const $ = (id) => document.getElementById(id);
const page = JSON.parse($("data").textContent);
page.settings = addressSettings(page, firstSettings(page));

for (const data of page.explanations) {
  data.media.forEach((item, media) => { item.frames ??= page.explanations[0].media[media].frames; });
}
await Promise.all(page.explanations.map(async (data) => {
  await Promise.all([loadLayer(data, "maps"), unpack(data)]);
  prepareFigures(data);
}));
// The stage that the address requests, if the report contains it.
const kept = page.explanations.every(({ activationTops }) => activationTops);
const asked = kept ? page.settings.stage : "maps";
page.settings.stage = "maps";

page.readOut = (text) => { $("readout").textContent = text; };
page.say = (text) => { $("live").textContent = text; };

// Chooses, in the other panes, the words that are linked to those chosen in a pane.
page.follow = (pane, words) => {
  for (const other of page.panes) {
    if (other === pane) continue;
    const linked = words.map((index) => page.links[pane.index][other.index][index]).filter((index) => index >= 0);
    other.missing = linked.length ? "" : words.map((index) => wordName(pane.data, index)).join(" + ");
    Object.assign(other.state, { words: linked, anchor: linked[0] ?? -1, cursor: linked[0] ?? -1, hovered: -1, token: null, candidate: null });
    if (linked.length) reachChoice(other, linked[0]);
  }
};

// Scrolls those words into view.
page.showLinked = (pane) => {
  for (const other of page.panes) {
    if (other !== pane && other.state.words.length) showChoice(other, other.state.words[0]);
  }
};

page.refresh = () => {
  for (const pane of page.panes) updatePane(pane);
  page.stage = comparing(page) ? "maps" : page.settings.stage;
  page.end = legendEnd(page);
  for (const pane of seen(page)) drawPane(pane);
  drawLegend(page);
  page.remember?.();
};

function listenToTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const setTheme = (on) => {
    document.documentElement.dataset.theme = on ? "dark" : "light";
    $("theme").textContent = `Theme: ${on ? "dark" : "light"}`;
  };
  const change = (on) => {
    setTheme(on);
    page.redraw();
  };
  setTheme(dark.matches); // nothing has been drawn yet
  dark.onchange = () => change(dark.matches);
  $("theme").onclick = () => change(document.documentElement.dataset.theme !== "dark");
}

// A value of the provenance as lines of text.
function asText(value) {
  if (value === null) return "–";
  if (typeof value !== "object") return String(value);
  const lines = Array.isArray(value)
    ? value.map(asText)
    : Object.entries(value).map(([name, inner]) => `${name}: ${asText(inner)}`);
  return lines.length ? lines.join("\n") : "–";
}

function buildProvenance({ label, provenance }) {
  const { notes, ...rest } = provenance;
  if (Array.isArray(notes)) $("notes").append(...notes.map((note) => make("li", { dir: "auto" }, label ? `${label}: ${note}` : String(note))));
  const list = make("dl", { className: "provenance" });
  for (const [name, value] of Object.entries(rest)) {
    list.append(make("dt", {}, name), make("dd", { dir: "auto" }, asText(value)));
  }
  if (label) $("provenance").append(make("h3", {}, make("bdi", {}, label)));
  $("provenance").append(list);
}

// Initially choose the reply's content word with the most visual evidence; if there is none,
// another word; and punctuation only if there is nothing else.
function firstWord({ words, promptTargets }) {
  const all = words.map((word, index) => ({ word, index }));
  const reply = all.filter(({ word }) => word.targets[0] >= promptTargets);
  const spelled = reply.filter(({ word }) => /[\p{L}\p{N}]/u.test(word.text));
  const content = reply.filter(({ word }) => word.content);
  const offered = [content, spelled, reply, all].find((some) => some.length) ?? [];
  return offered.length ? offered.reduce((a, b) => ((b.word.visual ?? 0) > (a.word.visual ?? 0) ? b : a)).index : -1;
}

page.panes = page.explanations.map((data, index) => buildPane(page, data, index));
$("main").append(...page.panes.map((pane) => pane.element));
if (page.panes.length === 1 || page.switched) arrange(page, page.panes[0]);
else arrange(page, null);
if (page.switched) buildSwitch(page);
if (page.panes.every(({ data }) => !data.media.length)) document.body.classList.add("no-pictures");
const ran = page.explanations.flatMap(({ provenance }) => [provenance.model, provenance.method?.name]);
$("model").append(make("bdi", {}, [...new Set(ran.filter((name) => name))].join(" · ")));
page.explanations.forEach(buildProvenance);
listenToControls(page);
listenToTheme();
listenToTerms();
listenToHeldKeys(page);
listenToPrint(page);
buildDownloads(page);
if (asked !== "maps") await showStage(page, asked);
const first = firstWord(page.panes[0].data);
if (first < 0) page.refresh();
else {
  // Clips open on the frame where the map of that word is highest.
  for (const { data, frames } of page.panes) {
    const { peak } = page.panes[0].data.words[first];
    if (peak && peak.frame < data.media[peak.media]?.frames.length) frames[peak.media] = peak.frame;
  }
  if (!(await showAddress(page))) page.panes[0].act.choose(first);
}
keepAddress(page);
new ResizeObserver(() => {
  for (const pane of page.panes) {
    fitFigures(pane);
    for (const { media } of pane.figures) applyZoom(pane, media);
  }
}).observe($("main"));
page.say("");
document.documentElement.dataset.ready = "true";
