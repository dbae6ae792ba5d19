// Maps over pictures: from the cells of the grids to pixels and colours.

const LONGEST_CANVAS = 640;
const TABLE_STEPS = 1024;

// The same as tam.upsample: linear between cell centres, flat at the borders, nothing outside.
function axisWeights(cells, low, high, size, pixels) {
  const left = new Int32Array(pixels);
  const share = new Float32Array(pixels);
  const inside = new Uint8Array(pixels);
  for (let i = 0; i < pixels; i++) {
    const centre = ((i + 0.5) * size) / pixels;
    const place = ((centre - low) / (high - low)) * cells - 0.5;
    const clipped = Math.min(Math.max(place, 0), cells - 1);
    left[i] = Math.min(Math.floor(clipped), Math.max(cells - 2, 0));
    share[i] = clipped - left[i];
    inside[i] = centre >= low - 1e-6 && centre <= high + 1e-6 ? 1 : 0;
  }
  return { left, share, inside };
}

// Cells of one grid at one frame, the maximum over the tokens; null where no cell covers the frame.
function gridCells(grid, targets, frame) {
  const [t, h, w] = grid.shape;
  const step = grid.spans.findIndex(([first, last]) => first <= frame && frame < last);
  if (step < 0) return null;
  const cells = new Uint8Array(h * w);
  for (const target of targets) {
    const start = (target * t + step) * h * w;
    for (let i = 0; i < cells.length; i++) {
      cells[i] = Math.max(cells[i], grid.bytes[start + i]);
    }
  }
  return cells;
}

// The map of some tokens over one picture: values in [0, 1] at width × height, and how many views
// cover each pixel. Where views overlap the map is their mean.
function pictureMap(data, targets, media, frame, width, height) {
  const item = data.media[media];
  const values = new Float32Array(width * height);
  const views = new Uint8Array(width * height);
  for (const grid of data.grids) {
    if (grid.media !== media) continue;
    const cells = gridCells(grid, targets, frame);
    if (!cells) continue;
    const [, h, w] = grid.shape;
    const [x0, y0, x1, y1] = grid.box;
    const columns = axisWeights(w, x0, x1, item.width, width);
    const rows = axisWeights(h, y0, y1, item.height, height);
    for (let y = 0; y < height; y++) {
      if (!rows.inside[y]) continue;
      const above = rows.left[y] * w;
      const below = h > 1 ? above + w : above;
      const down = rows.share[y];
      for (let x = 0; x < width; x++) {
        if (!columns.inside[x]) continue;
        const l = columns.left[x];
        const r = w > 1 ? l + 1 : l;
        const across = columns.share[x];
        const high = cells[above + l] * (1 - across) + cells[above + r] * across;
        const low = cells[below + l] * (1 - across) + cells[below + r] * across;
        values[y * width + x] += (high * (1 - down) + low * down) / 255;
        views[y * width + x] += 1;
      }
    }
  }
  for (let i = 0; i < values.length; i++) if (views[i] > 1) values[i] /= views[i];
  return { values, views, width, height };
}

// Colour and opacity of evenly spaced values, as canvases hold them: 4 bytes RGBA each.
function colourTable(anchors, opacity, exponent) {
  const table = new Uint8Array(TABLE_STEPS * 4);
  const channel = (anchor, c) => parseInt(anchor.slice(2 * c, 2 * c + 2), 16);
  for (let i = 0; i < TABLE_STEPS; i++) {
    const value = i / (TABLE_STEPS - 1);
    const place = value * (anchors.length - 1);
    const left = Math.min(Math.floor(place), anchors.length - 2);
    for (let c = 0; c < 3; c++) {
      const [a, b] = [channel(anchors[left], c), channel(anchors[left + 1], c)];
      table[i * 4 + c] = Math.round(a + (b - a) * (place - left));
    }
    table[i * 4 + 3] = Math.round(255 * opacity * Math.pow(value, exponent));
  }
  return new Uint32Array(table.buffer);
}

// Colours the map on a canvas of its own size; `top` is the value at the end of the scale.
function drawMap(canvas, map, table, top) {
  canvas.width = map.width;
  canvas.height = map.height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(map.width, map.height);
  const pixels = new Uint32Array(image.data.buffer);
  const scale = (TABLE_STEPS - 1) / top;
  for (let i = 0; i < pixels.length; i++) {
    pixels[i] = table[Math.min(Math.round(map.values[i] * scale), TABLE_STEPS - 1)];
  }
  context.putImageData(image, 0, 0);
}

// Hatches what no vision token covers; does nothing where everything is covered.
function drawHatch(canvas, views, width, height) {
  canvas.hidden = views.every((count) => count > 0);
  if (canvas.hidden) return;
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let i = 0; i < views.length; i++) {
    if (views[i]) continue;
    const line = ((i % width) + Math.floor(i / width)) % 14 < 2;
    image.data.set(line ? [255, 255, 255, 130] : [38, 38, 42, 165], i * 4);
  }
  context.putImageData(image, 0, 0);
}

// Maps are smooth, so they are drawn smaller than their pictures; smaller still where many are.
function canvasSize(item, count) {
  const longest = LONGEST_CANVAS / Math.sqrt(count);
  const scale = Math.min(1, longest / Math.max(item.width, item.height));
  return [item.width, item.height].map((side) => Math.max(1, Math.round(side * scale)));
}
