// The state of the page in the fragment of its address, so that a reload, or anyone who opens the
// address, sees the same view. Indices count from 0, as in Python.

const SETTINGS = { colors: "text", stage: "text", view: "text", opacity: "number", level: "number", smooth: "flag", stretch: "flag", outline: "flag", cells: "flag", difference: "flag" };

function numbers(text, separator = ",") {
  return (text ?? "").split(separator).filter((part) => part !== "").map(Number);
}

// The settings of the page: the defaults, overridden by those in the address.
function addressSettings(page, settings) {
  const asked = new URLSearchParams(location.hash.slice(1));
  const known = { colors: Object.keys(page.colors), stage: Object.keys(STAGES) };
  for (const [name, kind] of Object.entries(SETTINGS)) {
    const text = asked.get(name);
    if (text === null) continue;
    if (kind === "flag") settings[name] = text === "1";
    else if (kind === "number" && Number(text) >= 0 && Number(text) <= 1) settings[name] = Number(text);
    else if (kind === "text" && (!known[name] || known[name].includes(text))) settings[name] = text;
  }
  return settings;
}

function addressOf(page) {
  const said = new URLSearchParams();
  const pane = page.panes[page.leading ?? 0];
  const { data, state } = pane;
  const before = promptWords(data);
  const of = (words) => words.join(",");
  const [prompt, reply] = [state.words.filter((index) => index < before), state.words.filter((index) => index >= before)];
  if (reply.length) said.set("word", of(reply.map((index) => index - before)));
  if (prompt.length) said.set("prompt", of(prompt));
  if (page.leading) said.set("pane", page.leading);
  if (page.switched && seen(page).length > 1) said.set("beside", 1);
  if (state.token !== null) said.set("token", state.token);
  if (state.candidate !== null) said.set("candidate", state.candidate);
  if (state.region) said.set("region", [state.region.media, ...state.region.box.map((edge) => Math.round(10 * edge) / 10)].join(","));
  const zooms = [...(pane.zooms ?? [])].filter(([, { scale }]) => scale > 1);
  if (zooms.length) said.set("zoom", zooms.map(([media, { scale, x, y }]) => [media, ...[scale, x, y].map((value) => value.toFixed(4))].join(",")).join(";"));
  const frames = pane.frames.map((frame, media) => [media, frame]).filter(([media]) => data.media[media].frames.length > 1);
  if (frames.length) said.set("frame", frames.map((pair) => pair.join(",")).join(";"));
  if (pane.panel && pane.panel.shown !== Object.keys(pane.panel.views)[0]) said.set("panel", pane.panel.shown);
  const first = firstSettings(page);
  for (const [name, kind] of Object.entries(SETTINGS)) {
    const value = page.settings[name];
    if (value !== null && value !== first[name]) said.set(name, kind === "flag" ? Number(value) : value);
  }
  return said.toString().replaceAll("%2C", ",").replaceAll("%3B", ";");
}

function promptWords({ words, promptTargets }) {
  return words.filter((word) => word.targets[0] < promptTargets).length;
}

// Shows what the address requests, as far as the page has it; returns false if it names no word.
async function showAddress(page) {
  const asked = new URLSearchParams(location.hash.slice(1));
  const pane = page.panes[Number(asked.get("pane"))] ?? page.panes[0];
  const { data, act, state } = pane;
  if (page.switched) arrange(page, asked.get("beside") === "1" ? null : pane);
  const before = promptWords(data);
  const whole = (index) => Number.isInteger(index) && index >= 0;
  const words = [
    ...numbers(asked.get("prompt")).filter((index) => whole(index) && index < before),
    ...numbers(asked.get("word")).filter(whole).map((index) => index + before).filter((index) => index < data.words.length),
  ];
  if (!words.length) return false;
  act.pick(words[0], "one");
  for (const index of words.slice(1)) act.pick(index, "toggle");
  for (const part of (asked.get("frame") ?? "").split(";")) {
    const [media, frame] = numbers(part);
    if (whole(frame) && frame < data.media[media]?.frames.length) act.seek(media, frame);
  }
  const token = Number(asked.get("token") ?? -1);
  if (words.length === 1 && data.words[words[0]].targets.includes(token)) act.chooseToken(token);
  const rank = Number(asked.get("candidate") ?? -1);
  if (asked.has("candidate") && words.length === 1 && whole(rank) && rank < data.candidateMaps && pane.facts.prediction?.candidates[rank]) await act.compare(rank);
  const [media, ...box] = numbers(asked.get("region"));
  if (data.media[media] && box.length === 4 && box.every(Number.isFinite)) act.ask({ media, box });
  for (const part of (asked.get("zoom") ?? "").split(";")) {
    const [of, scale, x, y] = numbers(part);
    if (!data.media[of] || ![scale, x, y].every(Number.isFinite)) continue;
    Object.assign(zoomOf(pane, of), { scale: Math.min(Math.max(scale, 1), MOST_ZOOM), x, y });
    applyZoom(pane, of);
  }
  pane.panel?.show(asked.get("panel"));
  return state.words.length > 0;
}

// Updates the address when the page changes. A frame in a notebook or in the app has no address.
function keepAddress(page) {
  if (location.protocol !== "file:" && (origin === "null" || !/^https?:$/.test(location.protocol))) return;
  let waiting = 0;
  page.remember = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => history.replaceState(null, "", `#${addressOf(page)}`), 120);
  };
  addEventListener("hashchange", () => showAddress(page));
}
