// The maps of one explanation: layers of 8-bit rows of cells, decoded when first needed.
//
// A source defines which rows of which layer make up a map, each row with its own scale:
// { layer, rows, scales, greyLevel }. The map is their maximum in every cell, or their geometric
// mean if a grey level is given. The layers are "maps", the two stages before them, and
// "candidates". They are used only for drawing; the values that the page shows come from Python.

async function loadLayer(data, name) {
  await Promise.all(data.grids.map(async (grid) => {
    grid.bytes ??= {};
    grid.bytes[name] ??= (await decodeSprite(grid.sprites[name])).bytes;
  }));
}

function targetSource(data, targets, stage = "maps", greyLevel = null) {
  const scales = targets.map((t) => (stage === "maps" ? 1 : data.activationTops[t]));
  return { layer: stage, rows: targets, scales, greyLevel: stage === "maps" ? greyLevel : null };
}

function candidateSource(data, target, rank) {
  return { layer: "candidates", rows: [(target - data.promptTargets) * data.candidateMaps + rank], scales: [1] };
}

// The cells of one temporal step of a grid, Float32Array [h * w].
function gridCells(grid, source, step) {
  const [t, h, w] = grid.shape;
  const bytes = grid.bytes[source.layer];
  const cells = new Float32Array(h * w);
  if (source.greyLevel) return geometricMean(cells, bytes, source, t, step);
  source.rows.forEach((row, index) => {
    const start = (row * t + step) * h * w;
    const factor = source.scales[index] / 255;
    for (let i = 0; i < cells.length; i++) {
      const value = bytes[start + i] * factor;
      if (value > cells[i]) cells[i] = value;
    }
  });
  return cells;
}

// The geometric mean as defined by tam.explanation.merge.
function geometricMean(cells, bytes, { rows, greyLevel }, t, step) {
  for (const row of rows) {
    const start = (row * t + step) * cells.length;
    for (let i = 0; i < cells.length; i++) cells[i] += Math.log(bytes[start + i] / 255 + greyLevel) / rows.length;
  }
  return cells.map((mean) => Math.max(0, Math.exp(mean) - greyLevel));
}

function stepAt(grid, frame) {
  return grid.spans.findIndex(([first, last]) => first <= frame && frame < last);
}

// The highest cell value in each frame of a picture or clip.
function frameTops(data, source, media) {
  const tops = new Float32Array(data.media[media].frames.length);
  for (const grid of data.grids) {
    if (grid.media !== media) continue;
    grid.spans.forEach(([first, last], step) => {
      const best = gridCells(grid, source, step).reduce((a, b) => Math.max(a, b), 0);
      for (let frame = first; frame < last; frame++) tops[frame] = Math.max(tops[frame], best);
    });
  }
  return tops;
}

function topOf(data, source) {
  return Math.max(0, ...data.media.map((_, media) => Math.max(...frameTops(data, source, media))));
}

// The box of the cell under a point, in pixels, in a picture's finest view; null if there is none.
function cellBox(data, media, frame, x, y) {
  let best = null;
  for (const grid of data.grids) {
    if (grid.media !== media || stepAt(grid, frame) < 0) continue;
    const [, h, w] = grid.shape;
    const [x0, y0, x1, y1] = grid.box;
    if (x < x0 || x >= x1 || y < y0 || y >= y1) continue;
    const [width, height] = [(x1 - x0) / w, (y1 - y0) / h];
    const [left, top] = [x0 + Math.floor((x - x0) / width) * width, y0 + Math.floor((y - y0) / height) * height];
    if (!best || width < best[2] - best[0]) best = [left, top, left + width, top + height];
  }
  return best;
}
