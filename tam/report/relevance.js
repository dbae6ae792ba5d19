// Relevance: one row for each token, with the words that end before it, in hundredths. It is stored
// as defined by tam.report.relevance.

const UNKNOWN = 255;

function decodeRelevance(bytes, data) {
  const view = new DataView(bytes.buffer);
  const last = new Map();
  let [start, count] = [2 * data.tokens.length, 0];
  return data.tokens.map(({ id }, target) => {
    while (count < data.words.length && data.words[count].targets.at(-1) < target) count += 1;
    const row = bytes.subarray(start, start + count);
    start += count;
    const factor = view.getUint16(2 * target, true);
    // A Uint8Array keeps the sum modulo 256.
    if (factor) last.get(id).forEach((value, i) => { row[i] += (factor * value + 128) >> 8; });
    last.set(id, row);
    return row;
  });
}

// The words that end before some tokens, each with its relevance to them; null if not known.
function earlierWords(data, targets) {
  if (!data.relevance) return null;
  const found = [];
  for (let at = 0; at < data.words.length && data.words[at].targets.at(-1) < targets[0]; at++) {
    const value = relevanceOf(data, targets, at);
    if (value === null) return null;
    found.push({ at, value });
  }
  return found;
}

// The later words that depend on some words: those that begin after `targets`, each with the
// highest relevance that any of `words` has for it. Null if relevance is not known.
function laterWords(data, words, targets) {
  if (!data.relevance) return null;
  const found = [];
  for (let at = words.at(-1) + 1; at < data.words.length; at++) {
    const later = data.words[at].targets;
    if (later[0] <= targets.at(-1)) continue;
    const values = words.map((word) => relevanceOf(data, later, word));
    if (values.includes(null)) continue;
    found.push({ at, value: Math.max(...values) });
  }
  return found;
}

// The highest relevance of an earlier word to any of some tokens; null if not known.
function relevanceOf(data, targets, earlier) {
  let highest = 0;
  for (const target of targets) highest = Math.max(highest, data.relevance[target][earlier]);
  return highest === UNKNOWN ? null : highest / 100;
}
