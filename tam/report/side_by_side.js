// Several explanations: one at a time with a switch between them, or side by side.

function seen(page) {
  return page.panes.filter((pane) => !pane.element.hidden);
}

// Shows only one pane, or all of them if none is given.
function arrange(page, alone) {
  for (const pane of page.panes) pane.element.hidden = alone !== null && pane !== alone;
  const one = alone ?? (page.panes.length === 1 ? page.panes[0] : null);
  const { classList } = document.body;
  classList.toggle("single", one !== null);
  classList.toggle("double", one === null);
  $("main").style.setProperty("--panes", seen(page).length);
  if (one) one.stage.append($("scale"));
  else $("main").before($("scale"));
  for (const [name, on] of Object.entries(shapeOf(page.panes[0].data))) classList.toggle(name, on && one !== null);
  for (const button of $("switch").children) button.setAttribute("aria-pressed", String(Number(button.dataset.pane) === (one ? one.index : -1)));
}

// Builds a button for each method, and one for all side by side. The chosen words stay chosen.
function buildSwitch(page) {
  const to = (label, pane, index) => make("button", {
    type: "button",
    "data-pane": index,
    "aria-pressed": String(index === 0),
    onclick: () => {
      arrange(page, pane);
      if (pane) page.leading = pane.index;
      for (const other of seen(page)) other.planned = null;
      page.refresh();
      const shown = pane ?? page.panes[0];
      if (shown.state.words.length) showChoice(shown, shown.state.words[0]);
    },
  }, make("bdi", {}, label));
  $("switch").append(...page.panes.map((pane) => to(pane.data.label, pane, pane.index)), to("side by side", null, -1));
  $("switch").hidden = false;
}

// Shows the correlation, computed in Python, of the chosen word's map with the first explanation's.
function tellAgreement({ page, data, facts, alike }) {
  const known = data.correlations && seen(page).length > 1 && facts?.single;
  const value = known ? data.correlations[facts.words[0]] : null;
  alike.textContent = known ? `correlation with ${page.explanations[0].label}: ${value === null ? "not known" : decimal(value)}` : "";
}

// The map of a figure minus that of the first explanation, if requested and if the pictures are of
// the same size; else null.
function differenceBeside(pane, figure) {
  const { page, data, frames } = pane;
  const [first] = page.panes;
  if (!page.settings.difference || pane === first || figure.kind !== "word" || !pane.facts || !first.facts) return null;
  const [item, other] = [data.media[figure.media], first.data.media[figure.media]];
  if (!other || item.width !== other.width || item.height !== other.height || item.frames.length !== other.frames.length) return null;
  const theirs = pictureMap(first.data, factsSource(first), figure.media, frames[figure.media], figure.size, page.settings);
  return differenceMap(figureMap(pane, figure), theirs);
}
