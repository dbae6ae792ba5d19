// Before printing, draws all small maps, even those that were never scrolled into view.

function listenToPrint(page) {
  addEventListener("beforeprint", () => {
    for (const pane of page.panes) {
      for (const element of pane.strip?.elements ?? []) {
        if (!element) continue;
        const picture = pane.pictured?.get(pictureKey(pane, Number(element.dataset.word)));
        if (picture) paintSmall(pane, Number(element.dataset.word), smallCanvas(pane, element), picture);
      }
    }
  });
}
