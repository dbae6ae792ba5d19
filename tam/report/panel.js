// The panel of all words: small maps, a table, or the relevance matrix.

function buildPanel(pane) {
  const { data } = pane;
  const views = {};
  if (data.media.length && data.words.some((word) => word.targets[0] >= data.promptTargets)) views.maps = { name: "Maps", build: () => pane.strip };
  views.table = { name: "Table", build: () => buildTable(pane) };
  if (data.relevance) views.matrix = { name: "Relevance", build: () => buildMatrix(pane) };
  const body = make("div", { className: "panel-body" });
  const tools = make("div", { className: "panel-tools" });
  const tabs = make("div", { className: "stages", role: "group", "aria-label": "How all words are shown" });
  const panel = { shown: null, built: {}, views };
  panel.show = (name) => {
    if (!views[name] || panel.shown === name) return;
    panel.shown = name;
    // Each view is built when first requested, because a long reply has a large table and matrix.
    panel.built[name] ??= views[name].build();
    for (const button of tabs.children) button.setAttribute("aria-pressed", String(button.dataset.view === name));
    body.replaceChildren(panel.built[name].element);
    tools.replaceChildren(...(panel.built[name].tools ?? []));
    panel.built[name].update?.();
    pane.page.remember?.();
  };
  for (const [name, view] of Object.entries(views)) {
    const button = make("button", { type: "button", "data-view": name, onclick: () => panel.show(name) }, view.name);
    tabs.append(button);
  }
  const head = make("div", { className: "panel-head" }, make("h2", {}, "All words"), tabs, tools);
  panel.element = make("section", { className: "strip panel", "aria-label": labelled(data, "All words") }, head, body);
  panel.show(Object.keys(views)[0]);
  return panel;
}

function updatePanel({ panel }) {
  panel?.built[panel.shown]?.update?.();
}
