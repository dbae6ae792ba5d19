// Text selection with the mouse: chooses the words that a selection touches, and keeps it.

// The first and the last word that a range of the document touches, or null.
function wordsTouched(elements, range) {
  const touched = [];
  elements.forEach((element, index) => {
    if (!range.intersectsNode(element)) return;
    const inside = document.createRange();
    inside.selectNodeContents(element);
    // A range that ends where the word begins, or begins where it ends, contains none of it.
    const ends = range.compareBoundaryPoints(Range.END_TO_START, inside);
    const begins = range.compareBoundaryPoints(Range.START_TO_END, inside);
    if (begins > 0 && ends < 0) touched.push(index);
  });
  return touched.length ? [touched[0], touched.at(-1)] : null;
}

// A drag that begins in a focusable element does not select its first letter. So words are not
// focusable while the mouse button is down; a click focuses the word afterwards.
function letSelect(container) {
  let held = null;
  container.addEventListener("mousedown", (event) => {
    const element = event.target.closest("[data-word]");
    if (!element) return;
    held = { element, tabIndex: element.tabIndex };
    element.removeAttribute("tabindex");
  });
  addEventListener("mouseup", () => {
    if (held) held.element.tabIndex = held.tabIndex;
    held = null;
  });
}

function listenToSelection(container, elements, pane) {
  letSelect(container);
  container.addEventListener("pointerup", () => {
    const selection = getSelection();
    if (selection.isCollapsed || !selection.rangeCount || !container.contains(selection.anchorNode)) return;
    const touched = wordsTouched(elements, selection.getRangeAt(0));
    if (!touched || touched[0] === touched[1]) return;
    pane.act.pick(touched[0], "one");
    pane.act.pick(touched[1], "range");
  });
}
