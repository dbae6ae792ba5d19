// The legend and the controls, which all panes share.

const STAGES = {
  maps: { name: "filtered", title: "Map of " },
  afterEci: { name: "after causal step", title: "Score after the causal step for " },
  activation: { name: "raw", title: "Raw score for " },
};

// The controls’ initial values; `end` is the value at the end of the legend.
function firstSettings(page) {
  return { opacity: page.opacity, colors: page.defaultColors, stretch: false, smooth: true, outline: false, level: 0.5, cells: false, difference: false, view: null, stage: "maps" };
}

function listenToControls(page) {
  const { settings } = page;
  const recolor = () => {
    page.tables = colorTables(page, settings);
    const stops = page.colors[settings.colors].map((anchor) => `#${anchor}`);
    $("ramp").style.backgroundImage = `linear-gradient(to right, ${stops.join(", ")})`;
  };
  const changed = () => {
    recolor();
    page.refresh();
    for (const pane of page.panes) if (pane.strip) redrawStrip(pane);
  };
  $("opacity").value = 100 * settings.opacity;
  $("opacity").oninput = (event) => { settings.opacity = event.target.value / 100; changed(); };
  $("colors").append(...Object.keys(page.colors).map((name) => make("option", { value: name }, COLOR_NOTES[name] ? `${name} (${COLOR_NOTES[name]})` : name)));
  $("colors").value = settings.colors;
  $("colors").onchange = (event) => { settings.colors = event.target.value; changed(); };
  $("difference-label").hidden = page.panes.length < 2;
  for (const name of ["stretch", "smooth", "outline", "cells", "difference"]) {
    $(name).checked = settings[name];
    $(name).onchange = (event) => { settings[name] = event.target.checked; page.refresh(); };
  }
  $("level").value = 100 * settings.level;
  $("level").oninput = (event) => {
    settings.level = event.target.value / 100;
    settings.outline = $("outline").checked = true;
    page.refresh();
  };
  for (const more of document.querySelectorAll(".more")) {
    more.onkeydown = (event) => {
      if (event.key !== "Escape" || !more.open) return;
      more.open = false;
      more.querySelector("summary").focus();
    };
  }
  offerViews(page);
  offerStages(page);
  recolor();
  page.redraw = changed;
}

const COLOR_NOTES = { inferno: "default", viridis: "color-blind safe", jet: "as in the paper" };

// Lets the user show a single view if the model saw several views of a picture.
function offerViews(page) {
  const views = new Set();
  for (const { data } of page.panes) {
    for (const grid of data.grids) if (gridsOf(data, grid.media, grid.view).length < gridsOf(data, grid.media).length) views.add(grid.view);
  }
  $("view-label").hidden = !views.size;
  $("view").append(make("option", { value: "" }, "mean of all"), ...[...views].map((name) => make("option", { value: name }, name)));
  $("view").value = views.has(page.settings.view) ? page.settings.view : "";
  $("view").onchange = (event) => { page.settings.view = event.target.value || null; page.refresh(); };
}

// Offers the stages of the method if every pane has them.
function offerStages(page) {
  const kept = page.panes.every(({ data }) => data.activationTops);
  $("stages").hidden = !kept;
  if (!kept) return;
  for (const name of ["activation", "afterEci", "maps"]) {
    const button = make("button", { type: "button", "data-stage": name, "aria-pressed": String(name === page.settings.stage) }, STAGES[name].name);
    button.onclick = () => showStage(page, name);
    $("stages").append(button);
  }
}

async function showStage(page, name) {
  await Promise.all(page.panes.flatMap(({ data }) => [loadLayer(data, name), loadLayer(data, "activation")]));
  page.settings.stage = name;
  for (const button of $("stages").querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.dataset.stage === name));
  page.refresh();
}

// The value at the end of the legend. The stages before the last have no fixed scale, so they share
// the highest raw score of the chosen words, which makes the two comparable.
function legendEnd(page) {
  if (page.stage === "maps" && !page.settings.stretch) return 1;
  return Math.max(...topsOf(page, page.stage === "maps" ? "maps" : "activation")) || 1;
}

// Candidates have only filtered maps.
function comparing(page) {
  return page.panes.some(({ state }) => state.candidate !== null);
}

function topsOf(page, layer) {
  return seen(page).map((pane) => {
    if (!pane.facts) return 0;
    return (layer === "maps" ? pane.facts.visual : null) ?? topOf(pane.data, factsSource(pane, layer));
  });
}

function drawLegend(page) {
  const { level } = page.settings;
  const { end, stage } = page;
  for (const button of $("stages").querySelectorAll("button")) button.disabled = comparing(page);
  const facts = seen(page).map((pane) => pane.facts).find((found) => found);
  $("legend-title").replaceChildren(STAGES[stage].title, make("bdi", {}, facts ? facts.name : "–"));
  const digits = end < 1 ? 3 : end < 10 ? 2 : 1;
  $("ticks").replaceChildren(...[0, 0.25, 0.5, 0.75, 1].map((share) => make("li", {}, String(Number((share * end).toFixed(digits))))));
  $("marks").replaceChildren(...topsOf(page, stage).map((top, index) => {
    const mark = make("span", { className: "mark", title: `highest: ${decimal(top)}` });
    mark.style.insetInlineStart = `${100 * Math.min(1, top / end)}%`;
    if (seen(page).length > 1) mark.dataset.pane = index;
    return mark;
  }));
  $("level-value").textContent = (level * end).toFixed(2);
}
