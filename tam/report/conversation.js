// The conversation as text, in which every word can be chosen.

// Dropped text of up to this many characters is not folded.
const LONGEST_DROPPED = 200;

function buildConversation(data, container) {
  const wordOf = new Map();
  data.words.forEach((word, index) => word.targets.forEach((t) => wordOf.set(t, index)));
  const elements = new Array(data.words.length);
  const turns = turnsOf(data);
  for (const turn of turns) {
    const head = make("p", { className: "role" }, `${roleName(turn.role)} · turn ${turn.turn + 1}`);
    for (const media of turn.media) {
      const name = make("bdi", {}, data.media[media].name);
      head.append(" ", make("span", { className: "attached" }, name));
    }
    const text = make("p", { className: "text", dir: "auto" });
    const dropped = [...turn.dropped];
    let open = -1;
    for (const target of turn.targets) {
      while (dropped.length && dropped[0].before_token <= target) {
        text.append(droppedText(dropped.shift()));
        open = -1;
      }
      const word = wordOf.has(target) ? wordOf.get(target) : -1;
      open = appendPiece(text, data.tokens[target].text, word, open, elements);
    }
    text.append(...dropped.map(droppedText));
    if (turn.reply && data.cut) text.append(" ", make("span", { className: "cut" }, data.cut));
    const part = turn.reply ? "reply" : "prompt";
    container.append(make("div", { className: `turn ${part}` }, head, text));
  }
  if (!turns.some(({ reply }) => reply)) {
    container.append(make("div", { className: "turn" }, make("p", { className: "empty" }, "The reply has no words.")));
  }
  data.words.forEach((word, index) => {
    elements[index].style.setProperty("--visual", word.visual ?? 0);
    if (isDoubted(word)) elements[index].classList.add("doubted");
    if (isUnused(word)) elements[index].classList.add("unused");
    // A screen reader could not read out an invisible word, so it gets a label.
    if (wordName(data, index) !== word.text) elements[index].setAttribute("aria-label", wordName(data, index));
  });
  return elements;
}

// Text that the chat template dropped from the prompt, such as an earlier thought; folded if long.
function droppedText({ text }) {
  const said = text.trim();
  const count = said.split(/\s+/).length;
  const summary = make("summary", {}, `${count} ${count === 1 ? "word" : "words"} not read by the model`);
  return make("details", { className: "dropped", open: said.length <= LONGEST_DROPPED }, summary, said);
}

// Whether a word's grounding score is low; words without a score are not doubted.
function isDoubted(word) {
  return word.grounding !== null && word.grounding < 0.5;
}

// Whether a check found that the model did not use what the word's map marks.
function isUnused(word) {
  return word.check?.used === false;
}

// Appends the text of a token; white space around a word goes outside its element.
function appendPiece(text, spelled, word, open, elements) {
  // The space that many tokenizers put before a text's first word would indent the turn.
  const piece = text.childNodes.length ? spelled : spelled.trimStart();
  if (word < 0) {
    text.append(piece);
    return -1;
  }
  if (word === open) {
    elements[word].append(piece);
    return word;
  }
  const start = piece.length - piece.trimStart().length;
  text.append(piece.slice(0, start));
  // A span, not a button: buttons are boxes, and boxes break the order of right-to-left text.
  elements[word] = make("span", { className: "word", role: "button", tabIndex: -1, "aria-pressed": "false" });
  elements[word].dataset.word = word;
  elements[word].append(piece.slice(start));
  text.append(elements[word]);
  return word;
}

function turnsOf(data) {
  const turns = new Map();
  const at = (turn, role) => {
    const key = `${turn} ${role}`;
    if (!turns.has(key)) turns.set(key, { turn, role, targets: [], dropped: [], media: new Set(), reply: false });
    return turns.get(key);
  };
  data.tokens.forEach((token, target) => {
    const turn = at(token.turn, token.role);
    turn.targets.push(target);
    turn.reply ||= target >= data.promptTargets;
  });
  for (const part of data.dropped) at(part.turn, part.role).dropped.push(part);
  for (const grid of data.grids) {
    const shown = [...turns.values()].find((turn) => turn.turn === grid.turn);
    (shown || at(grid.turn, "user")).media.add(grid.media);
  }
  return [...turns.values()].sort((a, b) => a.turn - b.turn);
}

function roleName(role) {
  return { system: "System", user: "User", assistant: "Assistant" }[role] || role;
}
