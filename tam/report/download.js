// Downloads of the current view: each picture with its map, and the values of all words.

function offer(name, content, kind) {
  const link = make("a", { download: name, href: URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type: kind })) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// Makes a file name from a text, using only characters that every system accepts.
function fileName(pane, ending, media = null) {
  const told = [pane.facts?.name ?? "", media === null ? "" : mediaName(pane.data, media)].join(" ");
  const plain = told.normalize("NFKD").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 60);
  return `${plain || "word"}.${ending}`;
}

// Draws a picture with its map on a canvas, at the original size.
async function drawnAtSize(pane, figure) {
  const { width, height } = pane.data.media[figure.media];
  const { settings, tables } = pane.page;
  const canvas = make("canvas", { width, height });
  const context = canvas.getContext("2d");
  await figure.image.decode();
  context.imageSmoothingQuality = "high";
  context.drawImage(figure.image, 0, 0, width, height);
  const map = figureMap(pane, figure, [width, height]);
  const layer = make("canvas");
  const end = pane.state.candidate === null ? pane.page.end : 1;
  if (figure.kind === "difference") drawMap(layer, map, tables.difference, -1, 1);
  else drawMap(layer, map, tables.map, 0, end);
  context.drawImage(layer, 0, 0);
  if (settings.outline && figure.kind !== "difference") {
    drawOutline(layer, map, settings.level * end);
    context.drawImage(layer, 0, 0);
  }
  return canvas;
}

async function downloadPng(pane, figure) {
  const canvas = await drawnAtSize(pane, figure);
  canvas.toBlob((blob) => offer(fileName(pane, "png", figure.media), blob));
}

// Downloads an SVG with the picture, the map and the lines as separate layers.
function downloadSvg(pane, figure) {
  const { width, height } = pane.data.media[figure.media];
  const svg = makeShape("svg", { xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${width} ${height}`, width, height });
  const title = makeShape("title");
  title.textContent = `${pane.facts?.name ?? ""}: ${mediaName(pane.data, figure.media)}`;
  const layer = (href, id) => makeShape("image", { id, href, width, height, preserveAspectRatio: "none" });
  svg.append(title, layer(figure.image.src, "picture"), layer(figure.heat.toDataURL("image/png"), "map"));
  if (!figure.outline.hidden) svg.append(layer(figure.outline.toDataURL("image/png"), "outline"));
  const lines = makeShape("g", { fill: "none", stroke: "#fff", "stroke-width": Math.max(width, height) / 600 });
  lines.append(...[...figure.lines.children].map((shape) => shape.cloneNode()));
  svg.append(lines);
  offer(fileName(pane, "svg", figure.media), new XMLSerializer().serializeToString(svg), "image/svg+xml");
}

// Returns the values of every word and of the chosen ones as JSON.
function numbersJson({ data, facts }) {
  const words = data.words.map((word, index) => {
    const { turn, role } = data.tokens[word.targets[0]];
    return { index, reply: word.targets[0] >= data.promptTargets, turn, role, ...word };
  });
  const chosen = facts && { words: facts.words, text: facts.name, probability: facts.probability, visual: facts.visual, textual: facts.textual, share: facts.share };
  const { model, method } = data.provenance;
  return JSON.stringify({ model, method, chosen, words }, null, 1);
}

function buildDownloads(page) {
  const box = $("downloads");
  const fill = () => {
    const rows = page.panes.flatMap((pane) => {
      const button = (text, label, act) => make("button", { type: "button", className: "quiet small", "aria-label": label, onclick: act }, text);
      const figures = pane.figures.map((figure) => {
        const kind = figure.kind === "word" ? "" : ` (${figure.kind})`;
        const name = `${mediaName(pane.data, figure.media)}${kind}`;
        return make("p", { className: "download" }, make("span", {}, labelled(pane.data, name)), button("PNG", `${name} with its map as PNG`, () => downloadPng(pane, figure)), button("SVG", `${name} with its map as SVG`, () => downloadSvg(pane, figure)));
      });
      const numbers = make("p", { className: "download" }, make("span", {}, labelled(pane.data, "figures of all words")),
        button("CSV", "Figures of all words as CSV", () => offer("words.csv", `\ufeff${pane.data.csv}`, "text/csv")),
        button("JSON", "Figures of all words as JSON", () => offer("words.json", numbersJson(pane), "application/json")));
      return [...figures, numbers];
    });
    box.replaceChildren(...rows);
  };
  const details = box.closest("details");
  details.addEventListener("toggle", () => { if (details.open) fill(); });
}
