// The card of the chosen words: their values, tokens, candidates and related words.

const RELEVANT = 0.05;
const SHOWN_RELATED = 8;

// Everything that the card shows about a choice of words, or about one token of a single word.
function describe(data, words, token) {
  const targets = token === null ? targetsOf(data, words) : [token];
  const figures = figuresOf(data, words, token);
  const first = token === null ? targets[0] : token;
  const written = targets.map((target) => data.predictions[target - data.promptTargets]);
  return {
    words,
    targets,
    first,
    earlier: earlierWords(data, targets),
    later: laterWords(data, words, targets),
    phrase: token === null && isPhrase(data, words),
    name: words.map((index) => wordName(data, index)).join(" + "),
    single: words.length === 1 ? data.words[words[0]] : null,
    prediction: words.length === 1 ? written[0] : undefined,
    probability: product(written, "probability"),
    sampled: product(written, "sampled"),
    measured: figures !== null,
    visual: figures?.visual ?? null,
    textual: figures?.textual ?? null,
    share: figures?.share ?? null,
  };
}

// A word in readable form; an invisible one is shown as its code points.
function wordName(data, index) {
  const { text, targets } = data.words[index];
  if (!/^[\p{C}\p{Z}]*$/u.test(text)) return text;
  const spelled = targets.map((target) => data.tokens[target].text).join("");
  return visible(text || spelled, data.tokens[targets[0]].id);
}

// The map of the chosen words: the geometric mean for a phrase, the maximum for other words.
function factsSource({ page, data, facts }, stage = page.stage) {
  const targets = facts?.phrase ? namingTargets(data, facts) : facts?.targets ?? [];
  return targetSource(data, targets, stage, facts?.phrase ? page.greyLevel : null);
}

// The targets of a phrase's content words, or all if there are none, as in Word.cells of Python.
function namingTargets(data, facts) {
  const naming = facts.words.map((index) => data.words[index]).filter((word) => word.content);
  return naming.length ? naming.flatMap((word) => word.targets) : facts.targets;
}

function product(predictions, name) {
  const values = predictions.map((prediction) => prediction?.[name] ?? null);
  return values.includes(null) ? null : values.reduce((a, b) => a * b, 1);
}

function buildFacts(data, facts, state, act) {
  const parts = [buildHead(data, facts, state, act)];
  if (facts.single?.targets.length > 1) parts.push(tokenChips(data, facts.single, state, act));
  if (!facts.single) parts.push(wordChips(data, facts, act));
  parts.push(meters(data, facts));
  if (facts.single?.check) parts.push(make("p", { className: "note checked" }, term("check", "Checked"), `: ${facts.single.check.sentence}.`));
  const columns = make("div", { className: "columns" });
  if (facts.prediction) columns.append(candidateList(data, facts, state, act));
  columns.append(earlierList(data, facts, act), laterList(data, facts, act));
  parts.push(columns);
  return parts;
}

function buildHead(data, facts, state, act) {
  const go = (label, sign, to) => {
    const inside = to >= 0 && to < data.words.length;
    const button = make("button", { type: "button", className: "quiet step", "aria-label": label, disabled: !inside }, sign);
    button.onclick = () => act.choose(to);
    return button;
  };
  const name = make("h2", { className: "chosen-word", dir: "auto" }, facts.name);
  const where = make("span", { className: "where faint" }, ...(facts.single ? peakPlace(data, facts.single, act) : []));
  const steps = make("span", { className: "steps" }, go("Previous word", "‹", facts.words[0] - 1), go("Next word", "›", facts.words.at(-1) + 1));
  return make("div", { className: "head" }, name, where, steps);
}

function chip(label, pressed, onclick, properties = {}) {
  const button = make("button", { type: "button", className: "chip", ...properties }, make("bdi", {}, label));
  if (pressed !== null) button.setAttribute("aria-pressed", String(pressed));
  button.onclick = onclick;
  return button;
}

function tokenChips(data, word, state, act) {
  const chips = make("div", { className: "chips", role: "group", "aria-label": "Tokens of the word" });
  const add = (label, token, properties) => {
    const button = chip(label, state.token === token, () => act.chooseToken(token), properties);
    button.dataset.token = token === null ? "all" : token;
    chips.append(button);
  };
  add("whole word", null);
  word.targets.forEach((target, index) => {
    const { text, id } = data.tokens[target];
    add(visible(text, id), target, { "aria-label": `token ${index + 1}: ${text}` });
  });
  return chips;
}

function wordChips(data, facts, act) {
  const chips = make("div", { className: "chips", role: "group", "aria-label": "Chosen words; press one to remove it" });
  for (const index of facts.words) {
    const text = wordName(data, index);
    chips.append(chip(`${text} ×`, null, () => act.toggle(index), { "aria-label": `remove ${text}` }));
  }
  return chips;
}

// A labelled bar from 0 to 1.
function meter(label, value, text, kind) {
  const fill = make("span", { className: `fill ${kind}` });
  fill.style.inlineSize = `${Math.min(100, Math.max(0, 100 * value))}%`;
  const bar = make("span", { className: "bar", "aria-hidden": "true" }, fill);
  return make("div", { className: "meter" }, make("dt", {}, label), make("dd", {}, bar, make("span", { className: "value" }, text)));
}

// A bar that is split by the share of visual and textual evidence.
function evidenceMeter(data, facts) {
  const { visual, textual, share, measured } = facts;
  if (!measured) {
    const note = facts.phrase ? "no figures for so long a phrase; result.phrase gives them" : "no figures for words that do not stand side by side";
    return make("div", { className: "meter evidence" }, make("dt", {}, term("evidence", "Evidence")), make("dd", {}, make("span", { className: "faint" }, note)));
  }
  const part = (kind, size) => {
    const fill = make("span", { className: `part ${kind}` });
    fill.style.flexGrow = size;
    return fill;
  };
  const bar = make("span", { className: "bar split", "aria-hidden": "true" });
  if (share !== null) bar.append(part("visual", share), part("textual", 1 - share));
  const told = (kind, name, value, of) =>
    make("span", { className: `told ${kind}` }, make("span", { className: "dot", "aria-hidden": "true" }), term(kind, name), make("b", {}, decimal(value)), ...(share === null ? [] : ["·", term("share", `${of} %`)]));
  const seen = Math.round(100 * Number(decimal(share ?? 0)));
  const legend = make(
    "span",
    { className: "told-both" },
    told("visual", data.media.length > 1 ? "pictures" : "picture", visual, seen),
    told("textual", "earlier words", textual, 100 - seen),
  );
  return make("div", { className: "meter evidence" }, make("dt", {}, term("evidence", "Evidence")), make("dd", {}, bar, legend));
}

function meters(data, facts) {
  const list = make("dl", { className: "meters" }, evidenceMeter(data, facts));
  if (facts.probability !== null) list.append(meter(term("probability", "Probability"), facts.probability, percent(facts.probability), "plain"));
  if (facts.sampled !== null) list.append(meter(term("sampled", "As sampled"), facts.sampled, percent(facts.sampled), "plain"));
  const focus = facts.single?.focus ?? null;
  if (focus !== null) list.append(meter(term("focus", "Focus"), focus, decimal(focus), "plain"));
  const grounding = facts.single?.grounding ?? null;
  if (grounding !== null) {
    const doubt = isDoubted(facts.single) ? " ?" : "";
    list.append(meter(term("grounding", "Grounding"), grounding, `${decimal(grounding)}${doubt}`, doubt ? "doubt" : "plain"));
  }
  if (facts.probability !== null) return list;
  return make("div", {}, list, make("p", { className: "note" }, "The model did not write it, so it has no probability."));
}

function peakNote(data, word) {
  if (word.visual === null) return "not known";
  if (!word.peak) return "no evidence in the picture";
  const { media, frame, x, y } = word.peak;
  const places = [`highest at ${x}, ${y}`];
  if (data.media[media].frames.length > 1) places.push(`${data.media[media].step} ${frame + 1}`);
  if (data.media.length > 1) places.push(mediaName(data, media));
  return places.join(" · ");
}

// The place of a word’s peak; for a clip, with a button that shows its frame.
function peakPlace(data, word, act) {
  const note = peakNote(data, word);
  if (!word.peak) return [note];
  if (data.media[word.peak.media].frames.length === 1) return [term("peak", note)];
  const { media, frame } = word.peak;
  const show = make("button", { type: "button", className: "quiet small", "aria-label": `Show ${data.media[media].step} ${frame + 1}` }, "show");
  show.onclick = () => act.seek(media, frame);
  return [term("peak", note), " ", show];
}

// Rows with a name, a bar and a number; rows with an action are buttons.
function barList(title, key, rows, empty) {
  const list = make("ol", { className: "bars" });
  for (const row of rows) {
    const fill = make("span", { className: `fill ${row.kind}` });
    fill.style.inlineSize = `${Math.min(100, 100 * row.value)}%`;
    const cells = [
      make("bdi", { className: "name" }, row.name),
      make("span", { className: "bar", "aria-hidden": "true" }, fill),
      make("span", { className: "value" }, row.text),
    ];
    const line = make(row.act ? "button" : "span", { className: "line" }, ...cells);
    if (row.act) Object.assign(line, { type: "button", onclick: row.act });
    for (const [name, value] of Object.entries(row.attributes ?? {})) line.setAttribute(name, value);
    list.append(make("li", { className: row.chosen ? "chosen" : "" }, line));
  }
  const body = rows.length ? list : make("p", { className: "empty" }, empty);
  return make("div", { className: "column" }, make("h3", {}, term(key, title)), body);
}

function candidateList(data, facts, state, act) {
  const written = data.tokens[facts.first];
  const rows = facts.prediction.candidates.map((candidate, rank) => {
    const chosen = candidate.id === written.id;
    const row = {
      name: visible(candidate.text, candidate.id),
      value: candidate.probability,
      text: percent(candidate.probability),
      kind: "plain",
      chosen,
    };
    if (!chosen && rank < data.candidateMaps) {
      const pressed = state.candidate === rank;
      row.act = () => act.compare(pressed ? null : rank);
      row.attributes = { "aria-pressed": String(pressed), "data-rank": rank, title: "Why not this one?" };
    }
    return row;
  });
  const several = facts.single.targets.length > 1;
  const title = several ? `Candidates for ${visible(written.text, written.id)}` : "Candidates";
  const column = barList(title, "candidates", rows, "None were recorded.");
  if (rows.some((row) => row.act)) column.querySelector("h3").after(make("p", { className: "hint" }, "Choose one to see why it was not that."));
  return column;
}

function earlierList(data, facts, act) {
  return relatedList(data, facts.earlier, act, { title: "Earlier words", key: "earlier", none: "None is relevant to it." });
}

function laterList(data, facts, act) {
  return relatedList(data, facts.later, act, { title: "Later words that depend on it", key: "later", none: "None depends on it." });
}

function relatedList(data, related, act, { title, key, none }) {
  const rows = (related ?? [])
    .filter(({ value }) => value >= RELEVANT)
    .sort((a, b) => b.value - a.value)
    .slice(0, SHOWN_RELATED)
    .map(({ at, value }) => ({ name: wordName(data, at), value, text: decimal(value), kind: "textual", act: () => act.choose(at), attributes: { "data-related": at } }));
  const column = barList(title, key, rows, related ? none : "Not known: this method looks at the picture alone.");
  // A word may occur several times, so hovering over or focusing a row shows which one is meant.
  for (const [begin, end] of [["pointerover", "pointerout"], ["focusin", "focusout"]]) {
    column.addEventListener(begin, (event) => act.point(Number(event.target.closest("[data-related]")?.dataset.related ?? -1)));
    column.addEventListener(end, () => act.point(-1));
  }
  return column;
}

// The card as one sentence, for screen readers.
function spoken(data, facts) {
  const parts = [facts.words.map((index) => wordName(data, index)).join(" and ")];
  if (facts.probability !== null) parts.push(`probability ${percent(facts.probability)}`);
  const place = facts.single?.peak ? `, ${peakNote(data, facts.single)}` : "";
  if (facts.measured) parts.push(`picture ${decimal(facts.visual)}${place}`);
  const best = (facts.earlier ?? []).reduce((a, b) => (b.value > a.value ? b : a), { value: 0 });
  if (best.value >= RELEVANT) parts.push(`most relevant earlier word ${wordName(data, best.at)}, ${decimal(best.value)}`);
  if (facts.single && isDoubted(facts.single)) parts.push("doubted by the grounding score");
  if (facts.single?.check) parts.push(`checked: ${facts.single.check.sentence}`);
  return `${parts.join("; ")}.`;
}
