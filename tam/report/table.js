// The table of all words, which can be sorted, searched and filtered.

const ROWS_AT_ONCE = 200;

const COLUMNS = [
  { key: "place", name: "#", of: (_, index) => index, text: (_, index) => String(index + 1) },
  { key: "word", name: "Word", of: ({ text }) => text.toLowerCase() },
  { key: "probability", name: "Probability", term: "probability", of: ({ probability }) => probability, text: ({ probability }) => percent(probability) },
  { key: "visual", name: "Visual", term: "visual", of: ({ visual }) => visual },
  { key: "textual", name: "Textual", term: "textual", of: ({ textual }) => textual },
  { key: "share", name: "Share", term: "share", of: ({ share }) => share },
  { key: "focus", name: "Focus", term: "focus", of: ({ focus }) => focus },
  { key: "grounding", name: "Grounding", term: "grounding", of: ({ grounding }) => grounding, where: ({ words }) => words.some(({ grounding }) => grounding !== null) },
  { key: "check", name: "Check", term: "check", of: ({ check }) => check?.sentence ?? null, text: ({ check }) => check?.sentence ?? "", where: ({ words }) => words.some(({ check }) => check) },
];

// The indices of the words that pass all filters, sorted by a column, with unknown values last.
function rowsOf(data, { search, content, doubted, reply, most, by, down }) {
  const sought = search.trim().toLowerCase();
  const column = COLUMNS.find(({ key }) => key === by);
  const rows = data.words.map((word, index) => ({ word, index, value: column.of(word, index) })).filter(({ word, index }) =>
    (!reply || word.targets[0] >= data.promptTargets) &&
    (!content || word.content) &&
    (!doubted || isDoubted(word)) &&
    (most >= 1 || (word.probability ?? 1) <= most) &&
    (!sought || wordName(data, index).toLowerCase().includes(sought)));
  const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1);
  return rows.sort((a, b) => {
    const unknown = Number(a.value === null) - Number(b.value === null);
    return unknown || (a.value === null ? 0 : order(a.value, b.value)) || a.index - b.index;
  }).map(({ index }) => index);
}

function buildTable(pane) {
  const { data } = pane;
  const columns = COLUMNS.filter(({ where }) => !where || where(data));
  const filters = { search: "", content: false, doubted: false, reply: true, most: 1, by: "place", down: false };
  const table = { rows: [], filled: 0 };
  const body = make("tbody");
  const count = make("output", { className: "faint" });
  const more = make("div", { className: "more-rows", "aria-hidden": "true" });
  const heads = columns.map((column) => {
    const button = make("button", { type: "button", className: "sort" }, column.name);
    button.onclick = () => {
      Object.assign(filters, { by: column.key, down: filters.by === column.key ? !filters.down : column.key !== "place" && column.key !== "word" });
      fill();
    };
    if (column.term) button.dataset.term = column.term;
    return make("th", { scope: "col", "data-key": column.key }, button);
  });
  const append = () => {
    const next = table.rows.slice(table.filled, table.filled + ROWS_AT_ONCE);
    body.append(...next.map((index) => tableRow(pane, columns, index)));
    table.filled += next.length;
  };
  const fill = () => {
    table.rows = rowsOf(data, filters);
    table.filled = 0;
    body.replaceChildren();
    append();
    count.textContent = `${table.rows.length} of ${data.words.length} words`;
    for (const head of heads) head.setAttribute("aria-sort", head.dataset.key !== filters.by ? "none" : filters.down ? "descending" : "ascending");
    update();
  };
  const update = () => {
    for (const row of body.children) row.classList.toggle("shown", pane.state.words.includes(Number(row.dataset.word)));
  };
  body.addEventListener("click", (event) => {
    const row = event.target.closest("[data-word]");
    if (row) pane.act.pick(Number(row.dataset.word), event.ctrlKey || event.metaKey ? "toggle" : "one");
  });
  const box = make("div", { className: "table-box", tabIndex: 0, role: "region", "aria-label": labelled(data, "Table of all words") }, make("table", {}, make("thead", {}, make("tr", {}, ...heads)), body), more);
  new IntersectionObserver(([{ isIntersecting }]) => {
    if (isIntersecting && table.filled < table.rows.length) append();
  }, { root: box, rootMargin: "300px" }).observe(more);
  const tools = [...tableFilters(data, filters, fill), count];
  fill();
  return { element: box, tools, update };
}

function tableRow(pane, columns, index) {
  const word = pane.data.words[index];
  const row = make("tr", { "data-word": index });
  if (isDoubted(word)) row.classList.add("doubted-row");
  for (const { key, of, text } of columns) {
    const cell = make("td", {});
    if (key === "word") cell.append(make("button", { type: "button", className: "cell-word" }, make("bdi", {}, wordName(pane.data, index))));
    else cell.append(text ? text(word, index) : decimal(of(word, index)));
    row.append(cell);
  }
  return row;
}

function tableFilters(data, filters, fill) {
  const search = make("input", { type: "search", placeholder: "Search", "aria-label": "Search words" });
  search.oninput = () => { filters.search = search.value; fill(); };
  const check = (name, label) => {
    const box = make("input", { type: "checkbox", checked: filters[name] });
    box.onchange = () => { filters[name] = box.checked; fill(); };
    return make("label", { className: "check" }, box, ` ${label}`);
  };
  const most = make("input", { type: "range", min: 0, max: 100, value: 100 });
  const told = make("output", {}, "100 %");
  most.oninput = () => {
    filters.most = most.value / 100;
    told.textContent = `${most.value} %`;
    fill();
  };
  const parts = [search, check("content", "Content words")];
  if (data.words.some(isDoubted)) parts.push(check("doubted", "Doubted"));
  if (data.promptTargets) parts.push(check("reply", "Reply only"));
  parts.push(make("label", { className: "pair" }, "Probability up to ", most, told));
  return parts;
}
