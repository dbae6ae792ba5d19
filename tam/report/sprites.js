// Decodes 8-bit grey PNG sprites to bytes. They are not drawn on a canvas and read back, because
// browsers that resist fingerprinting add noise to what is read from a canvas.

async function decodeSprite(uri) {
  const png = bytesOf(uri.slice(uri.indexOf(",") + 1));
  const view = new DataView(png.buffer);
  const width = view.getUint32(16);
  const height = view.getUint32(20);
  const compressed = [];
  for (let at = 8; at < png.length; ) {
    const length = view.getUint32(at);
    const kind = String.fromCharCode(...png.subarray(at + 4, at + 8));
    if (kind === "IDAT") compressed.push(png.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  const rows = await inflate(compressed);
  return { width, height, bytes: unfilter(rows, width, height) };
}

// The five filters of the PNG standard, for one byte per pixel.
function unfilter(rows, width, height) {
  const bytes = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const guess = GUESSES[rows[y * (width + 1)]];
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      const left = x ? bytes[at - 1] : 0;
      const up = y ? bytes[at - width] : 0;
      const corner = x && y ? bytes[at - width - 1] : 0;
      bytes[at] = rows[y * (width + 1) + 1 + x] + guess(left, up, corner);
    }
  }
  return bytes;
}

const GUESSES = [
  () => 0,
  (left) => left,
  (left, up) => up,
  (left, up) => (left + up) >> 1,
  paeth,
];

function paeth(left, up, corner) {
  const sum = left + up - corner;
  const [a, b, c] = [Math.abs(sum - left), Math.abs(sum - up), Math.abs(sum - corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}
