// Figures of words, phrases and tokens: handed to the page, never worked out on it. Relevance is
// held as the rows that it comes in: one for each token, of the words that end before it.

function decodeFloats(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

function prepareFigures(data) {
  data.phraseAt = new Map(data.phrases.map((phrase) => [`${phrase.first} ${phrase.last}`, phrase]));
  for (const item of data.media) item.overTime &&= decodeFloats(item.overTime);
  const values = data.relevance && decodeFloats(data.relevance);
  let start = 0;
  data.relevance = values && data.tokens.map((_, target) => {
    const count = data.words.filter((word) => word.targets.at(-1) < target).length;
    start += count;
    return values.subarray(start - count, start);
  });
}

// Whether several words stand side by side in one turn, so that they are a phrase.
function isPhrase(data, words) {
  const turnOf = (index) => data.tokens[data.words[index].targets[0]].turn;
  return words.length > 1 && words.at(-1) - words[0] === words.length - 1 && turnOf(words[0]) === turnOf(words.at(-1));
}

// All tokens from the first word of a choice to its last where it is a phrase, else the words' own.
function targetsOf(data, words) {
  const targets = words.flatMap((index) => data.words[index].targets);
  if (!isPhrase(data, words)) return targets;
  return Array.from({ length: targets.at(-1) - targets[0] + 1 }, (_, i) => targets[0] + i);
}

// { visual, textual, share } of a choice, or null where the page was handed none.
function figuresOf(data, words, token) {
  if (token !== null) return data.tokens[token];
  if (words.length === 1) return data.words[words[0]];
  return (isPhrase(data, words) && data.phraseAt.get(`${words[0]} ${words.at(-1)}`)) || null;
}

// The words that end before some tokens, each with its relevance to them; null where not known.
function earlierWords(data, targets) {
  if (!data.relevance) return null;
  const rows = targets.map((target) => data.relevance[target]);
  const found = [];
  data.words.forEach((word, at) => {
    if (word.targets.at(-1) < targets[0]) found.push({ at, value: Math.max(...rows.map((row) => row[at])) });
  });
  return found.some(({ value }) => Number.isNaN(value)) ? null : found;
}

// A word's maximum in each frame of a clip.
function figuresOverTime(data, word, media) {
  const { overTime, frames } = data.media[media];
  return overTime.subarray(word * frames.length, (word + 1) * frames.length);
}

// The maximum of a map at the pixels of a region, which lies at a node as tam.geometry has them.
function heightIn(data, source, { media, frame, box }) {
  const item = data.media[media];
  const grids = gridsOf(data, media);
  const x = nodePixels(grids, 0, item.width, box[0], box[2]);
  const y = nodePixels(grids, 1, item.height, box[1], box[3]);
  return mapAt(data, source, media, frame, x, y).values.reduce((a, b) => Math.max(a, b), 0);
}

// Centres of the pixels beside cell centres and edges, and of a region's first and last, on an axis.
function nodePixels(grids, axis, size, low, high) {
  const held = (pixel) => Math.min(Math.max(pixel, 0), size - 1);
  let [first, last] = [Math.ceil(low - 0.5), Math.ceil(high - 0.5) - 1];
  if (last < first) first = last = Math.floor((low + high) / 2);
  [first, last] = [held(first), held(last)];
  const nodes = new Set([first, last]);
  const add = (pixel) => { if (pixel > first && pixel < last) nodes.add(pixel); };
  for (const { box, shape } of grids) {
    const [begin, end, cells] = [box[axis], box[axis + 2], shape[2 - axis]];
    for (let i = 0; i < cells; i++) {
      const before = Math.floor(begin + ((i + 0.5) * (end - begin)) / cells - 0.5);
      add(before);
      add(before + 1);
    }
    for (const edge of [begin, end]) for (let i = -1; i < 3; i++) add(Math.floor(edge - 0.5) + i);
  }
  return [...nodes].sort((a, b) => a - b).map((pixel) => pixel + 0.5);
}
