// Draws values as colors on a canvas.

const TABLE_STEPS = 1024;

// Color and opacity at evenly spaced positions 0 … 1, in canvas format: 4 bytes RGBA each.
function colorTable(anchors, opacityAt) {
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
    table[i * 4 + 3] = Math.round(255 * opacityAt(value));
  }
  return new Uint32Array(table.buffer);
}

// The table for maps, from 0 to 1, and that for differences, from -1 through transparent to 1.
function colorTables(page, settings) {
  const { opacity } = settings;
  const exponent = page.opacityExponent;
  return {
    map: colorTable(page.colors[settings.colors], (value) => opacity * value ** exponent),
    difference: colorTable(page.differenceColors, (value) => opacity * Math.abs(2 * value - 1) ** exponent),
  };
}

// Draws a map on a canvas of the same size; the table ranges from `low` to `high`.
function drawMap(canvas, map, table, low, high) {
  canvas.width = map.width;
  canvas.height = map.height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(map.width, map.height);
  const pixels = new Uint32Array(image.data.buffer);
  const scale = (TABLE_STEPS - 1) / (high - low);
  for (let i = 0; i < pixels.length; i++) {
    const place = Math.round((map.values[i] - low) * scale);
    pixels[i] = table[place < 0 ? 0 : place < TABLE_STEPS ? place : TABLE_STEPS - 1];
  }
  context.putImageData(image, 0, 0);
}

// Hatches pixels that no vision token covers; does nothing if all are covered.
function drawHatch(canvas, { views, width, height }) {
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

// Draws the contour of values of at least `level`: white on the inside, dark on the outside.
function drawOutline(canvas, { values, width, height }, level) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const above = (x, y) => values[y * width + x] >= level;
  const differs = (x, y, here) =>
    (x > 0 && above(x - 1, y) !== here) || (x + 1 < width && above(x + 1, y) !== here) ||
    (y > 0 && above(x, y - 1) !== here) || (y + 1 < height && above(x, y + 1) !== here);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const here = above(x, y);
      if (differs(x, y, here)) image.data.set(here ? [255, 255, 255, 255] : [0, 0, 0, 200], (y * width + x) * 4);
    }
  }
  context.putImageData(image, 0, 0);
}
