// Chooses the number of pictures in a row, and their height, so that all are as large as possible.

const CAPTION = 30;
const GAP = 12;
const NARROW = 899;

// The number of columns that maximizes the area of the pictures, and the height of a row of them.
function bestColumns(ratios, width, height) {
  let best = { area: -1, columns: 1, tallest: height };
  for (let columns = 1; columns <= ratios.length; columns++) {
    const rows = Math.ceil(ratios.length / columns);
    const wide = (width - GAP * (columns - 1)) / columns;
    const tall = (height - GAP * (rows - 1)) / rows - CAPTION;
    if (tall < 40 && columns < ratios.length) continue;
    const area = ratios.reduce((sum, ratio) => sum + Math.min(wide, tall * ratio) ** 2 / ratio, 0);
    if (area > best.area) best = { area, columns, tallest: tall };
  }
  return best;
}

// Fits a pane's figures into the height that the style gives their box. In a narrow window, and for
// two explanations, only the style decides.
function fitFigures(pane) {
  const { pictures, figures, data } = pane;
  const alone = document.body.classList.contains("single") && innerWidth > NARROW;
  pictures.classList.toggle("fitted", alone);
  if (!alone || !figures.length) return;
  const room = parseFloat(getComputedStyle(pictures).minHeight) || 300;
  const ratios = figures.map(({ media }) => data.media[media].width / data.media[media].height);
  // When three figures are compared, the verdict beside them takes the place of a fourth.
  if (pane.state.candidate !== null) ratios.push(ratios[0]);
  const { columns, tallest } = bestColumns(ratios, pictures.clientWidth, room);
  pictures.style.setProperty("--columns", columns);
  pictures.style.setProperty("--tallest", `${Math.max(40, tallest)}px`);
}

// What the style depends on: the shape of an explanation's pictures, and whether its reply is long.
function shapeOf(data) {
  const ratios = data.media.map(({ width, height }) => width / height);
  const reply = data.words.filter((word) => word.targets[0] >= data.promptTargets);
  return {
    "wide-pictures": ratios.length > 0 && ratios.every((ratio) => ratio > 2.6),
    "tall-pictures": ratios.length > 0 && ratios.length < 3 && ratios.every((ratio) => ratio < 0.62),
    "long-reply": reply.length > 70,
  };
}
