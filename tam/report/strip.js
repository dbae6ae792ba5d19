// A strip with a small map of every word of the reply, each drawn when it is scrolled into view.

const LONGEST_SMALL = 150;

function buildStrip(pane) {
  const { data } = pane;
  const elements = new Array(data.words.length);
  const row = make("div", { className: "strip-row", role: "group", "aria-label": "Every word of the reply with its map" });
  // All pictures are in boxes of the same height: that of the highest one.
  row.style.setProperty("--ratio", Math.min(...data.media.map(({ width, height }) => width / height)));
  const sight = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      sight.unobserve(target);
      drawSmall(pane, target);
    }
  }, { rootMargin: "200px" });
  data.words.forEach((word, index) => {
    if (word.targets[0] < data.promptTargets) return;
    const small = make("div", { className: "small-map", role: "button", tabIndex: -1, "aria-pressed": "false", "aria-label": `${wordName(data, index)}, picture ${decimal(word.visual)}` });
    if (isDoubted(word)) small.classList.add("doubted");
    small.dataset.word = index;
    elements[index] = small;
    row.append(small);
    sight.observe(small);
  });
  const wrap = make("button", { type: "button", className: "quiet small", "aria-pressed": "false" }, "Show all");
  wrap.onclick = () => {
    const on = row.classList.toggle("wrapped");
    wrap.setAttribute("aria-pressed", String(on));
  };
  return { element: row, row, elements, sight, tools: [wrap] };
}

// Returns the canvas of a small map. It is made with its label when it is first drawn, because the
// elements of thousands of words would delay the opening of the page.
function smallCanvas({ data }, small) {
  if (!small.firstChild) {
    const index = Number(small.dataset.word);
    const label = make("span", { className: "small-label" }, make("bdi", { className: "said" }, wordName(data, index)), make("span", { className: "faint" }, decimal(data.words[index].visual)));
    small.append(make("canvas", { "aria-hidden": "true" }), label);
  }
  return small.querySelector("canvas");
}

// Draws a word's map over the picture and frame where it is highest.
async function drawSmall(pane, small) {
  const canvas = smallCanvas(pane, small);
  const index = Number(small.dataset.word);
  paintSmall(pane, index, canvas, await decodedFrame(pane, index));
}

function paintSmall(pane, index, canvas, picture) {
  const { data, page } = pane;
  const word = data.words[index];
  const { media, frame } = word.peak ?? { media: 0, frame: 0 };
  const [width, height] = canvasSize(data.media[media], 1, LONGEST_SMALL * Math.min(devicePixelRatio, 2));
  const heat = document.createElement("canvas");
  const map = pictureMap(data, targetSource(data, word.targets), media, frame, [width, height], page.settings);
  drawMap(heat, map, page.tables.map, 0, 1);
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0, width, height);
  context.drawImage(heat, 0, 0);
  canvas.dataset.drawn = "true";
}

function pictureKey({ data }, index) {
  const { media, frame } = data.words[index].peak ?? { media: 0, frame: 0 };
  return `${media} ${frame}`;
}

// Each picture is decoded once for all of its small maps, at their size, and cached in `pictured`.
function decodedFrame(pane, index) {
  pane.decoded ??= new Map();
  pane.pictured ??= new Map();
  const key = pictureKey(pane, index);
  if (!pane.decoded.has(key)) {
    const [media, frame] = key.split(" ").map(Number);
    const image = new Image();
    image.src = pane.data.media[media].frames[frame];
    pane.decoded.set(key, image.decode().then(() => {
      pane.pictured.set(key, reduced(image));
      return pane.pictured.get(key);
    }));
  }
  return pane.decoded.get(key);
}

function reduced(image) {
  const longest = 2 * LONGEST_SMALL;
  const scale = Math.min(1, longest / Math.max(image.naturalWidth, image.naturalHeight));
  const canvas = make("canvas", { width: Math.max(1, image.naturalWidth * scale), height: Math.max(1, image.naturalHeight * scale) });
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas;
}

// Redraws the visible maps after a change of colors; the others follow when scrolled into view.
function redrawStrip({ strip }) {
  for (const element of strip.elements) {
    if (!element) continue;
    strip.sight.unobserve(element);
    strip.sight.observe(element);
  }
}
