// Maps values from the cells of the grids to the pixels of a picture.

const LONGEST_CANVAS = 640;

// The same as tam.upsample: linear between cell centres, constant at the borders, nothing outside.
// If not smooth, each pixel has the value of the cell that contains it.
function axisWeights(cells, low, high, centres, smooth) {
  const left = new Int32Array(centres.length);
  const share = new Float32Array(centres.length);
  const inside = new Uint8Array(centres.length);
  for (let i = 0; i < centres.length; i++) {
    const centre = centres[i];
    const place = ((centre - low) / (high - low)) * cells - (smooth ? 0.5 : 0);
    const clipped = Math.min(Math.max(place, 0), cells - 1);
    left[i] = Math.min(Math.floor(clipped), Math.max(cells - (smooth ? 2 : 1), 0));
    share[i] = smooth ? clipped - left[i] : 0;
    inside[i] = centre >= low - 1e-6 && centre <= high + 1e-6 ? 1 : 0;
  }
  return { left, share, inside };
}

// Adds one grid's cells to a map, and counts it as a view of every pixel that it covers.
function addGrid(map, grid, cells, smooth) {
  const { values, views, width, height } = map;
  const [, h, w] = grid.shape;
  const [x0, y0, x1, y1] = grid.box;
  const columns = axisWeights(w, x0, x1, map.x, smooth);
  const rows = axisWeights(h, y0, y1, map.y, smooth);
  for (let y = 0; y < height; y++) {
    if (!rows.inside[y]) continue;
    const above = rows.left[y] * w;
    const below = rows.left[y] + 1 < h ? above + w : above;
    const down = rows.share[y];
    for (let x = 0; x < width; x++) {
      if (!columns.inside[x]) continue;
      const l = columns.left[x];
      const r = l + 1 < w ? l + 1 : l;
      const across = columns.share[x];
      const high = cells[above + l] * (1 - across) + cells[above + r] * across;
      const low = cells[below + l] * (1 - across) + cells[below + r] * across;
      values[y * width + x] += high * (1 - down) + low * down;
      views[y * width + x] += 1;
    }
  }
}

// The map of a source for one frame: values at width × height, and how many views cover each
// pixel. Where views overlap, the map is their mean; `view` selects a single one.
function pictureMap(data, source, media, frame, [width, height], settings) {
  const item = data.media[media];
  const centres = (size, pixels) => Array.from({ length: pixels }, (_, i) => ((i + 0.5) * size) / pixels);
  return mapAt(data, source, media, frame, centres(item.width, width), centres(item.height, height), settings);
}

// The same, evaluated only at all combinations of some x and y, in pixels.
function mapAt(data, source, media, frame, x, y, { smooth = true, view = null } = {}) {
  const [width, height] = [x.length, y.length];
  const map = { values: new Float32Array(width * height), views: new Uint8Array(width * height), width, height, x, y };
  for (const grid of gridsOf(data, media, view)) {
    const step = stepAt(grid, frame);
    if (step >= 0) addGrid(map, grid, gridCells(grid, source, step), smooth);
  }
  for (let i = 0; i < map.values.length; i++) if (map.views[i] > 1) map.values[i] /= map.views[i];
  return map;
}

// The grids of a picture, or only those of one view if the picture has it.
function gridsOf(data, media, view = null) {
  const grids = data.grids.filter((grid) => grid.media === media);
  const alone = grids.filter((grid) => grid.view === view);
  return alone.length ? alone : grids;
}

function differenceMap(first, second) {
  return { ...first, values: first.values.map((value, i) => value - second.values[i]) };
}

// Maps are smooth, so they are drawn smaller than their pictures; many maps, smaller still.
function canvasSize(item, count, longest = LONGEST_CANVAS) {
  const scale = Math.min(1, longest / Math.sqrt(count) / Math.max(item.width, item.height));
  return [item.width, item.height].map((side) => Math.max(1, Math.round(side * scale)));
}
