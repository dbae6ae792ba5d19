// The card of the chosen word: numbers, tokens, candidates, earlier words.

function percent(probability) {
  if (probability === null || probability === undefined) return "–";
  if (probability > 0 && probability < 0.0005) return "< 0.1 %";
  return `${(100 * probability).toFixed(1)} %`;
}

// A labelled bar from 0 to 1.
function meter(label, value, text, kind, note = "") {
  const fill = make("span", { className: `fill ${kind}` });
  fill.style.inlineSize = `${Math.min(100, Math.max(0, 100 * value))}%`;
  const row = make(
    "div",
    { className: "meter" },
    make("dt", {}, label),
    make("dd", {}, make("span", { className: "bar", "aria-hidden": "true" }, fill), make("span", { className: "value" }, text)),
  );
  if (note) row.lastChild.append(make("span", { className: "note", dir: "auto" }, note));
  return row;
}

function barList(title, rows, empty) {
  const list = make("ol", { className: "bars" });
  for (const row of rows) {
    const fill = make("span", { className: `fill ${row.kind}` });
    fill.style.inlineSize = `${Math.min(100, 100 * row.value)}%`;
    const name = make("bdi", { className: "name" }, row.name);
    const item = make("li", {}, name, make("span", { className: "bar", "aria-hidden": "true" }, fill), make("span", { className: "value" }, row.text));
    if (row.chosen) item.classList.add("chosen");
    list.append(item);
  }
  const body = rows.length ? list : make("p", { className: "empty" }, empty);
  return make("div", { className: "column" }, make("h3", {}, title), body);
}

// What the page knows of the chosen word, or of one token of it.
function describe(data, relevance, index, token) {
  const word = data.words[index];
  const targets = token === null ? word.targets : [token];
  const first = token === null ? word.targets[0] : token;
  const prediction = first < data.promptTargets ? null : data.predictions[first - data.promptTargets];
  const earlier = data.words
    .map((other, at) => ({ at, value: relevanceOf(relevance, targets, other.targets) }))
    .filter(({ at }) => data.words[at].targets.at(-1) < word.targets[0]);
  return {
    word,
    targets,
    first,
    prediction,
    earlier,
    probability: token === null ? word.probability : prediction && prediction.probability,
    sampled: sampledProbability(data, targets),
  };
}

function relevanceOf(relevance, targets, others) {
  let best = 0;
  for (const target of targets) {
    for (const other of others) {
      best = Math.max(best, relevance.bytes[target * relevance.width + other]);
    }
  }
  return best / 255;
}

function sampledProbability(data, targets) {
  let product = 1;
  for (const target of targets) {
    const prediction = data.predictions[target - data.promptTargets];
    if (!prediction || prediction.sampled === null) return null;
    product *= prediction.sampled;
  }
  return product;
}

function buildFacts(data, facts, state, top, choose) {
  const { word, first, prediction } = facts;
  const go = (label, sign, to) => {
    const inside = to >= 0 && to < data.words.length;
    return make("button", { type: "button", className: "quiet step", "aria-label": label, disabled: !inside, onclick: () => choose(to, null) }, sign);
  };
  const head = make(
    "div",
    { className: "head" },
    make("h2", { className: "chosen-word", dir: "auto" }, word.text),
    go("Previous word", "‹", state.shown - 1),
    go("Next word", "›", state.shown + 1),
  );
  const parts = [head];
  if (word.targets.length > 1) parts.push(tokenChips(data, word, state, choose));
  parts.push(meters(data, facts, top));
  const columns = make("div", { className: "columns" });
  if (prediction) columns.append(candidateList(data, word, first, prediction));
  columns.append(earlierList(data, facts));
  parts.push(columns);
  return parts;
}

function tokenChips(data, word, state, choose) {
  const chips = make("div", { className: "chips", role: "group", "aria-label": "Tokens of the word" });
  const chip = (label, name, token) => {
    const pressed = state.token === token;
    const button = make("button", { type: "button", className: "chip", "aria-pressed": String(pressed) }, make("bdi", {}, label));
    if (name) button.setAttribute("aria-label", name);
    button.dataset.token = token === null ? "all" : token;
    button.onclick = () => choose(state.shown, token);
    return button;
  };
  chips.append(chip("whole word", "", null));
  word.targets.forEach((target, index) => {
    const { text, id } = data.tokens[target];
    chips.append(chip(visible(text, id), `token ${index + 1}: ${text}`, target));
  });
  return chips;
}

function meters(data, facts, top) {
  const list = make("dl", { className: "meters" });
  if (facts.probability === null) {
    list.append(make("p", { className: "empty" }, "A word of the prompt: the model did not write it, so it has no probability."));
  } else {
    list.append(meter("Probability", facts.probability, percent(facts.probability), "plain"));
  }
  if (facts.sampled !== null) {
    list.append(meter("As sampled", facts.sampled, percent(facts.sampled), "plain"));
  }
  const strongest = Math.max(0, ...facts.earlier.map(({ value }) => value));
  list.append(meter("Picture", top, top.toFixed(2), "visual", peakNote(data, facts.word)));
  list.append(meter("Earlier words", strongest, strongest.toFixed(2), "textual"));
  return list;
}

function peakNote(data, word) {
  if (!word.peak) return "";
  const { media, frame, x, y } = word.peak;
  const item = data.media[media];
  const places = [`highest at ${x}, ${y}`];
  if (item.frames.length > 1) places.push(`frame ${frame + 1}`);
  if (data.media.length > 1) places.push(`${item.kind === "video" ? "clip" : "picture"} ${media + 1}`);
  return places.join(" · ");
}

function candidateList(data, word, first, prediction) {
  const written = data.tokens[first].id;
  const rows = prediction.candidates.map((candidate) => ({
    name: visible(candidate.text, candidate.id),
    value: candidate.probability,
    text: percent(candidate.probability),
    kind: "plain",
    chosen: candidate.id === written,
  }));
  const several = word.targets.length > 1;
  const { text, id } = data.tokens[first];
  const title = several ? `Candidates for ${visible(text, id)}` : "Candidates";
  return barList(title, rows, "None were recorded.");
}

function earlierList(data, facts) {
  const rows = facts.earlier
    .filter(({ value }) => value >= 0.05)
    .sort((a, b) => b.value - a.value)
    .slice(0, 8)
    .map(({ at, value }) => ({ name: data.words[at].text, value, text: value.toFixed(2), kind: "textual" }));
  return barList("Earlier words", rows, "None is relevant to it.");
}

// One sentence for a screen reader.
function spoken(data, facts, top) {
  const parts = [facts.word.text];
  if (facts.probability !== null) parts.push(`probability ${percent(facts.probability)}`);
  parts.push(`picture ${top.toFixed(2)}${facts.word.peak ? `, ${peakNote(data, facts.word)}` : ""}`);
  const best = facts.earlier.reduce((a, b) => (b.value > a.value ? b : a), { value: 0 });
  if (best.value >= 0.05) {
    parts.push(`most relevant earlier word ${data.words[best.at].text}, ${best.value.toFixed(2)}`);
  }
  return `${parts.join("; ")}.`;
}
