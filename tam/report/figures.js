// Values of words, phrases and tokens. All are computed in Python; the page only looks them up.

function prepareFigures(data) {
  data.phraseAt = new Map(data.phrases.map((phrase) => [`${phrase.first} ${phrase.last}`, phrase]));
  for (const item of data.media) item.overTime &&= decodeFloats(item.overTime);
}

// Whether several words are consecutive in one turn, and so form a phrase.
function isPhrase(data, words) {
  const turnOf = (index) => data.tokens[data.words[index].targets[0]].turn;
  return words.length > 1 && words.at(-1) - words[0] === words.length - 1 && turnOf(words[0]) === turnOf(words.at(-1));
}

// The tokens of the chosen words; for a phrase, also those between its words.
function targetsOf(data, words) {
  const targets = words.flatMap((index) => data.words[index].targets);
  if (!isPhrase(data, words)) return targets;
  return Array.from({ length: targets.at(-1) - targets[0] + 1 }, (_, i) => targets[0] + i);
}

// { visual, textual, share } of the chosen words, or null if the file has no values for them.
function figuresOf(data, words, token) {
  if (token !== null) return data.tokens[token];
  if (words.length === 1) return data.words[words[0]];
  return (isPhrase(data, words) && data.phraseAt.get(`${words[0]} ${words.at(-1)}`)) || null;
}

// A word's maximum in each frame of a clip.
function figuresOverTime(data, word, media) {
  const { overTime, frames } = data.media[media];
  return overTime.subarray(word * frames.length, (word + 1) * frames.length);
}

// The maximum of a map over the pixels of a region. As in tam.geometry, it lies at a node.
function heightIn(data, source, { media, frame, box }) {
  const item = data.media[media];
  const grids = gridsOf(data, media);
  const x = nodePixels(grids, 0, item.width, box[0], box[2]);
  const y = nodePixels(grids, 1, item.height, box[1], box[3]);
  return mapAt(data, source, media, frame, x, y).values.reduce((a, b) => Math.max(a, b), 0);
}

// Centres, along an axis, of the first and last pixels of a region, and of those beside the centres
// and edges of cells.
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
