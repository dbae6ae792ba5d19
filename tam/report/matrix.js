// The relevance matrix: the relevance of a column's word for a row's later word.

const LARGEST_CELL = 20;
const LARGEST_MATRIX = 1400;

function buildMatrix(pane) {
  const { data } = pane;
  const count = data.words.length;
  const canvas = make("canvas", { className: "matrix", tabIndex: 0, role: "application", "aria-label": "Relevance of every word for every later one. Arrow keys move from cell to cell; Enter chooses the word of the row." });
  const told = make("output", { className: "matrix-told" }, "Point at a cell: how relevant the word of its column is for that of its row.");
  const rows = make("ol", { className: "matrix-words", "aria-hidden": "true" });
  const box = make("div", { className: "matrix-box" }, rows, canvas);
  const matrix = { row: -1, column: -1 };
  const cell = Math.max(Math.min(LARGEST_CELL, LARGEST_MATRIX / count), 1 / Math.ceil(count / LARGEST_MATRIX));
  const side = Math.ceil(count * cell);
  if (cell >= 14) for (let index = 0; index < count; index++) rows.append(make("li", {}, make("bdi", {}, wordName(data, index))));
  rows.style.setProperty("--cell", `${cell}px`);
  Object.assign(canvas, { width: side, height: side });
  paintMatrix(data, canvas, cell);
  const tell = (row, column) => {
    Object.assign(matrix, { row, column });
    told.replaceChildren(...cellTold(data, row, column));
  };
  const at = (event) => {
    const rect = canvas.getBoundingClientRect();
    const place = (offset, size) => Math.min(count - 1, Math.max(0, Math.floor((offset / size) * count)));
    return [place(event.clientY - rect.top, rect.height), place(event.clientX - rect.left, rect.width)];
  };
  canvas.addEventListener("pointermove", (event) => tell(...at(event)));
  canvas.addEventListener("click", (event) => pane.act.pick(at(event)[0], "one"));
  canvas.addEventListener("keydown", (event) => {
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (event.key === "Enter" && matrix.row >= 0) pane.act.pick(matrix.row, "one");
    if (!move) return;
    event.preventDefault();
    const held = (value) => Math.min(count - 1, Math.max(0, value));
    tell(held(matrix.row + move[0]), held(matrix.column + move[1]));
    pane.page.say(told.textContent);
  });
  return { element: make("div", {}, told, make("div", { className: "matrix-scroll", tabIndex: 0, role: "region", "aria-label": labelled(data, "Relevance matrix") }, box)) };
}

function cellTold(data, row, column) {
  const said = (index) => make("b", {}, make("bdi", {}, wordName(data, index)));
  const { targets } = data.words[row];
  if (data.words[column].targets.at(-1) >= targets[0]) return [said(column), " does not come before ", said(row)];
  return [said(column), " (", String(column + 1), ") for ", said(row), " (", String(row + 1), "): ", make("b", {}, decimal(relevanceOf(data, targets, column)))];
}

// If several cells share a pixel, it shows the highest of them.
function paintMatrix(data, canvas, cell) {
  const side = canvas.width;
  const highest = new Float32Array(side * side);
  data.words.forEach(({ targets }, row) => {
    const [top, bottom] = [Math.floor(row * cell), Math.max(Math.floor(row * cell) + 1, Math.floor((row + 1) * cell))];
    for (let column = 0; column < row && data.words[column].targets.at(-1) < targets[0]; column++) {
      const value = relevanceOf(data, targets, column);
      if (!value) continue;
      const [left, right] = [Math.floor(column * cell), Math.max(Math.floor(column * cell) + 1, Math.floor((column + 1) * cell))];
      for (let y = top; y < bottom && y < side; y++) {
        for (let x = left; x < right && x < side; x++) if (value > highest[y * side + x]) highest[y * side + x] = value;
      }
    }
  });
  const context = canvas.getContext("2d");
  const image = context.createImageData(side, side);
  const [red, green, blue] = getComputedStyle(document.documentElement).getPropertyValue("--blue").split(",").map(Number);
  highest.forEach((value, i) => image.data.set([red, green, blue, Math.round(255 * value)], 4 * i));
  context.putImageData(image, 0, 0);
}
