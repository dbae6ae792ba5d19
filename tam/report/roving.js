// Keyboard navigation over words: Tab reaches one of them, and arrow keys move to the others.

// The index that a key moves to from `index`, or -1; `elements` may have gaps.
function neighbour(elements, index, key) {
  const there = elements.map((element, at) => (element ? at : -1)).filter((at) => at >= 0);
  const place = there.indexOf(index);
  const rtl = getComputedStyle(elements[index].parentElement).direction === "rtl" ? -1 : 1;
  const next = {
    ArrowRight: () => there[place + rtl],
    ArrowLeft: () => there[place - rtl],
    ArrowDown: () => nextLine(elements, index, 1),
    ArrowUp: () => nextLine(elements, index, -1),
    Home: () => there[0],
    End: () => there.at(-1),
  }[key];
  return next ? next() ?? index : -1;
}

// The nearest element on the next line above (-1) or below (1).
function nextLine(elements, index, direction) {
  const here = elements[index].getBoundingClientRect();
  let best = index;
  let bestDistance = Infinity;
  elements.forEach((element, other) => {
    const box = element.getBoundingClientRect();
    const rows = ((box.top - here.top) * direction) / here.height;
    if (rows < 0.5) return;
    const aside = Math.abs((box.left + box.right - here.left - here.right) / 2);
    const distance = rows * 10000 + aside;
    if (distance < bestDistance) [best, bestDistance] = [other, distance];
  });
  return best;
}

function rove(elements, index) {
  for (const element of elements) if (element) element.tabIndex = -1;
  const stop = elements[index] ?? elements.find((element) => element);
  if (stop) stop.tabIndex = 0;
}

// Calls `choose(index, how)` on pointer and key events in a container of elements with data-word;
// `how` is "one", "toggle" or "range". With Ctrl or Command, arrow keys move only the focus.
function listenToWords(container, elements, choose) {
  const wordAt = (event) => {
    const element = event.target.closest?.("[data-word]");
    return element ? Number(element.dataset.word) : -1;
  };
  const manner = (event) => (event.ctrlKey || event.metaKey ? "toggle" : event.shiftKey ? "range" : "one");
  // While a key or a pointer moves the focus, the focus event itself chooses nothing.
  let walking = false;
  container.addEventListener("pointerdown", () => { walking = true; });
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => { walking = false; });
  // By default, Shift with a click would select text from the last position to this one.
  container.addEventListener("mousedown", (event) => { if (event.shiftKey) event.preventDefault(); });
  container.addEventListener("click", (event) => {
    const index = wordAt(event);
    if (index < 0) return;
    choose(index, manner(event));
    elements[index].focus({ preventScroll: true });
  });
  container.addEventListener("focusin", (event) => {
    const index = wordAt(event);
    if (index >= 0 && !walking && elements[index].tabIndex !== 0) choose(index, "one");
  });
  container.addEventListener("keydown", (event) => {
    const index = wordAt(event);
    if (index < 0 || event.altKey) return;
    const enter = event.key === "Enter" || event.key === " ";
    const next = enter ? index : neighbour(elements, index, event.key);
    if (next < 0) return;
    event.preventDefault();
    walking = true;
    elements[next].focus();
    walking = false;
    const alone = event.ctrlKey || event.metaKey;
    if (enter) choose(next, event.shiftKey || alone ? "toggle" : "one");
    else if (!alone) choose(next, event.shiftKey ? "range" : "one");
  });
  return wordAt;
}
