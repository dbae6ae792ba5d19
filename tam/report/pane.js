// A pane: one explanation on the page, its chosen words, and everything drawn for them.

function buildPane(page, data, index) {
  const pane = { page, data, index, frames: data.media.map(() => 0), figures: [], facts: null, planned: null, marked: new Set(), pointed: -1 };
  pane.state = { words: [], anchor: -1, cursor: -1, hovered: -1, token: null, candidate: null, region: null };
  pane.act = actionsOf(pane);
  pane.pictures = make("div", { className: "pictures" });
  pane.regionBox = make("div", { className: "region-words", hidden: true });
  pane.card = make("section", { className: "facts", "aria-label": labelled(data, "The chosen word") });
  const conversation = make("div", { className: "words", role: "group", "aria-label": "Words", "aria-describedby": "keys-hint" });
  pane.elements = buildConversation(data, conversation);
  pane.timelines = data.media.flatMap((item, media) => (item.frames.length > 1 ? [buildTimeline(pane, media)] : []));
  pane.scroller = make("div", { className: "scroll" }, conversation);
  const spoken = make("section", { className: "conversation", "aria-label": labelled(data, "Conversation") }, pane.scroller, wordKey(data));
  pane.stage = make("section", { className: "stage", "aria-label": labelled(data, "Pictures and maps") }, pane.pictures, ...pane.timelines.map((timeline) => timeline.element), pane.regionBox);
  pane.alike = make("output", { className: "alike faint" });
  if (data.label) pane.stage.prepend(make("h2", { className: "pane-title" }, make("bdi", {}, data.label), " ", pane.alike));
  pane.element = make("div", { className: "pane" }, pane.stage, make("div", { className: "reading" }, spoken, pane.card));
  pane.stage.hidden = !data.media.length;
  const choose = (word, how) => pane.act.pick(word, how);
  const wordAt = listenToWords(conversation, pane.elements, choose);
  // While text is being selected, hovering over words does not show them.
  conversation.addEventListener("pointerover", (event) => { if (event.pointerType === "mouse" && !event.buttons) pane.act.hover(wordAt(event)); });
  conversation.addEventListener("pointerleave", () => pane.act.hover(-1));
  if (data.media.length && data.words.some((word) => word.targets[0] >= data.promptTargets)) {
    pane.strip = buildStrip(pane);
    listenToWords(pane.strip.row, pane.strip.elements, choose);
  }
  listenToSelection(conversation, pane.elements, pane);
  if (data.words.length) {
    pane.panel = buildPanel(pane);
    pane.element.append(pane.panel.element);
  }
  return pane;
}

function scaleKey(name, meaning) {
  const swatch = make("span", { className: `swatch-${name}`, "aria-hidden": "true" });
  return make("p", { className: "key" }, make("span", {}, "0"), swatch, make("span", {}, "1"), ` ${meaning}`);
}

function wordKey(data) {
  const key = make(
    "div",
    { className: "keys" },
    scaleKey("visual", "seen in the picture"),
    scaleKey("relevance", "relevance for the chosen word"),
  );
  if (data.words.some(isDoubted)) {
    key.append(make("p", { className: "key" }, make("span", { className: "swatch-doubt", "aria-hidden": "true" }, "word"), " doubted by the grounding score"));
  }
  if (!data.groundingIsCalibrated && data.words.some(({ grounding }) => grounding !== null)) {
    key.append(make("p", { className: "note" }, "The grounding score is not calibrated for this model: it was fitted on drawn scenes, with two small models. Take its doubts as hints."));
  }
  if (data.words.some(isUnused)) {
    key.append(make("p", { className: "key" }, make("span", { className: "swatch-unused", "aria-hidden": "true" }, "word"), " hiding the marked region matters little more than hiding another"));
  }
  return key;
}

function actionsOf(pane) {
  const { page, state, data } = pane;
  return {
    choose(index) { this.pick(index, "one"); },
    toggle(index) { this.pick(index, "toggle"); },
    pick(index, how) {
      if (index < 0 || index >= data.words.length) return;
      page.leading = pane.index;
      select(state, index, how);
      page.follow(pane, state.words);
      reachChoice(pane, index);
      page.refresh();
      showChoice(pane, index);
      page.showLinked(pane);
      page.say(spoken(data, pane.facts));
    },
    hover(index) {
      if (index === state.hovered || comparing(page)) return;
      state.hovered = index;
      page.follow(pane, index < 0 ? state.words : [index]);
      page.refresh();
      page.showLinked(pane);
    },
    point(index) {
      pane.elements[pane.pointed]?.classList.remove("pointed");
      pane.elements[index]?.classList.add("pointed");
      pane.pointed = index;
    },
    chooseToken(token) {
      Object.assign(state, { token, candidate: null });
      page.refresh();
      page.say(spoken(data, pane.facts));
    },
    async compare(rank) {
      if (rank !== null) await loadLayer(data, "candidates");
      Object.assign(state, { candidate: rank, hovered: -1 });
      page.refresh();
      if (rank === null) return;
      page.say(pane.pictures.querySelector(".verdict").textContent);
      pane.pictures.scrollIntoView({ block: "nearest" });
    },
    ask(region) {
      state.region = region;
      findInRegion(pane);
      for (const figure of pane.figures) drawLines(pane, figure);
      page.remember?.();
      tellRegion(region);
      if (region) page.say(spokenRegion(pane));
    },
    seek(media, frame) {
      pane.frames[media] = frame;
      if (state.region?.media === media) findInRegion(pane);
      drawFigures(pane);
      for (const timeline of pane.timelines) drawTimeline(pane, timeline);
      page.remember?.();
    },
  };
}

// Updates the chosen words: one word, one more or one less, or the range from the last one.
function select(state, index, how) {
  const { words, anchor } = state;
  let next = [index];
  if (how === "toggle") {
    next = words.includes(index) ? words.filter((word) => word !== index) : [...words, index];
    if (!next.length) next = [index];
  } else if (how === "range" && anchor >= 0) {
    const [low, high] = [Math.min(anchor, index), Math.max(anchor, index)];
    next = Array.from({ length: high - low + 1 }, (_, i) => low + i);
  }
  next.sort((a, b) => a - b);
  Object.assign(state, { words: next, cursor: index, hovered: -1, token: null, candidate: null });
  if (how !== "range") state.anchor = next.includes(index) ? index : next.at(-1);
}

// Lets the Tab key reach the chosen word, in the text and in the strip.
function reachChoice({ elements, strip }, index) {
  rove(elements, index);
  if (strip) rove(strip.elements, index);
}

// Scrolls the chosen word into view. This measures the page, so it comes after all changes of it.
function showChoice({ elements, scroller, strip }, index) {
  scrollWithin(scroller, elements[index]);
  if (strip?.elements[index]) scrollWithin(strip.row, strip.elements[index]);
}

// Scrolls a box, never the page, until an element inside it is visible.
function scrollWithin(box, element) {
  const [outer, inner] = [box.getBoundingClientRect(), element.getBoundingClientRect()];
  if (inner.top < outer.top || inner.bottom > outer.bottom) box.scrollTop += inner.top - outer.top - box.clientHeight / 2;
  if (inner.left < outer.left || inner.right > outer.right) box.scrollLeft += inner.left - outer.left - box.clientWidth / 2 + inner.width / 2;
}

// The words to show: the one under the pointer, else the chosen ones.
function updatePane(pane) {
  const { data, state, elements } = pane;
  const hovering = state.hovered >= 0 && !state.words.includes(state.hovered);
  const words = hovering ? [state.hovered] : state.words;
  pane.facts = words.length ? describe(data, words, hovering ? null : state.token) : null;
  pane.act.point(-1);
  markWords(pane, words);
  const refocus = heldFocus(pane.card);
  if (pane.facts) pane.card.replaceChildren(...buildFacts(data, pane.facts, { ...state, token: hovering ? null : state.token }, pane.act));
  else pane.card.replaceChildren(make("p", { className: "empty" }, pane.missing ? `“${pane.missing}” is not said here.` : "No word is chosen."));
  refocus(() => elements[state.cursor]);
  listRegion(pane);
  updatePanel(pane);
}

// Marks the words that are shown, chosen or relevant. Only words whose marks may change are touched:
// a reply may have thousands of others.
function markWords(pane, words) {
  const { state, elements, strip } = pane;
  const earlier = pane.facts?.earlier ?? [];
  const marked = new Set([...words, ...state.words, ...earlier.map(({ at }) => at)]);
  for (const index of new Set([...pane.marked, ...marked])) {
    for (const element of [elements[index], strip?.elements[index]]) {
      element?.classList.toggle("shown", words.includes(index));
      element?.setAttribute("aria-pressed", String(state.words.includes(index)));
    }
    elements[index].style.removeProperty("--relevance");
  }
  for (const { at, value } of earlier) elements[at].style.setProperty("--relevance", value);
  pane.marked = marked;
}

function drawPane(pane) {
  tellAgreement(pane);
  layOutFigures(pane);
  drawFigures(pane);
  for (const timeline of pane.timelines) drawTimeline(pane, timeline);
}

function findInRegion(pane) {
  const { state, elements } = pane;
  const { region } = state;
  Object.assign(pane, region ? wordsInRegion(pane, { ...region, frame: pane.frames[region.media] }) : { found: [], lower: [] });
  elements.forEach((element) => element.classList.remove("here"));
  for (const { index } of pane.found) elements[index].classList.add("here");
  pane.regionBox.hidden = !region;
  listRegion(pane);
}

function listRegion(pane) {
  const refocus = heldFocus(pane.regionBox);
  pane.regionBox.replaceChildren(...(pane.state.region ? buildRegion(pane) : []));
  refocus(() => pane.elements[pane.state.cursor]);
}

// Returns a function that restores the focus to the corresponding button after a part is rebuilt.
function heldFocus(part) {
  const { activeElement } = document;
  if (!part.contains(activeElement)) return () => {};
  const sign = (element) => element.getAttribute("aria-label") ?? element.dataset.token ?? element.dataset.rank ?? element.textContent;
  const before = sign(activeElement);
  return (other) => {
    const same = [...part.querySelectorAll("button")].find((button) => sign(button) === before && !button.disabled);
    (same ?? other())?.focus();
  };
}
