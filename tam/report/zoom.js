// Zooming and panning of a picture and its map. All figures of one picture move together.

const MOST_ZOOM = 64;
const ZOOM_STEP = 1.25;

function zoomOf(pane, media) {
  // Explanations of the same pictures share one zoom.
  pane.zooms ??= pane.page.switched ? (pane.page.zooms ??= new Map()) : new Map();
  if (!pane.zooms.has(media)) pane.zooms.set(media, { scale: 1, x: 0.5, y: 0.5 });
  return pane.zooms.get(media);
}

// The largest zoom: at least until a pixel of the embedded picture covers eight on the screen.
function mostZoom(figure) {
  const width = figure.frame.offsetWidth / zoomOf(figure.pane, figure.media).scale;
  return Math.min(MOST_ZOOM, Math.max(8, (8 * figure.image.naturalWidth) / Math.max(1, width)));
}

// Zooms about a point [x, y] on the screen, or about the centre of the viewport if none is given.
function zoomTo(pane, figure, scale, at = null) {
  const zoom = zoomOf(pane, figure.media);
  const frame = figure.frame.getBoundingClientRect();
  const port = figure.port.getBoundingClientRect();
  const [px, py] = at ?? [port.left + port.width / 2, port.top + port.height / 2];
  const next = Math.min(Math.max(scale, 1), mostZoom(figure));
  const place = [(px - frame.left) / frame.width, (py - frame.top) / frame.height];
  const grown = next / zoom.scale;
  // The point under the pointer stays in place.
  zoom.x = place[0] + (port.left + port.width / 2 - px) / (frame.width * grown);
  zoom.y = place[1] + (port.top + port.height / 2 - py) / (frame.height * grown);
  zoom.scale = next;
  applyZoom(pane, figure.media);
}

// Pans by some pixels of the screen.
function panBy(pane, figure, dx, dy) {
  const zoom = zoomOf(pane, figure.media);
  const box = figure.frame.getBoundingClientRect();
  zoom.x -= dx / box.width;
  zoom.y -= dy / box.height;
  applyZoom(pane, figure.media);
}

function applyZoom(pane, media) {
  const zoom = zoomOf(pane, media);
  const together = pane.page.switched ? seen(pane.page) : [pane];
  for (const figure of together.flatMap(({ figures }) => figures).filter((other) => other.media === media)) {
    figure.frame.style.setProperty("--zoom", zoom.scale);
    const { offsetWidth: width, offsetHeight: height } = figure.frame;
    const held = (place, size, room) => {
      const half = Math.min(0.5, room / (2 * size));
      return Math.min(Math.max(place, half), 1 - half);
    };
    zoom.x = held(zoom.x, width, figure.port.clientWidth);
    zoom.y = held(zoom.y, height, figure.port.clientHeight);
    figure.frame.style.translate = `${-100 * zoom.x}% ${-100 * zoom.y}%`;
    figure.port.classList.toggle("zoomed", zoom.scale > 1);
    figure.zoomed.textContent = `${Math.round(100 * zoom.scale)} %`;
    // Enlarged pixels are drawn with sharp edges.
    figure.frame.classList.toggle("pixels", width > 3 * figure.image.naturalWidth);
  }
  pane.page.remember?.();
}

function buildZoomBar(pane, figure) {
  const button = (label, sign, act) => make("button", { type: "button", className: "zoom-button", "aria-label": label, title: label, onclick: act }, sign);
  const by = (factor) => () => zoomTo(pane, figure, zoomOf(pane, figure.media).scale * factor);
  figure.zoomed = make("output", { className: "zoomed" }, "100 %");
  return make(
    "div",
    { className: "zoom-bar", role: "group", "aria-label": `Zoom of ${mediaName(pane.data, figure.media)}` },
    button("Zoom out", "−", by(1 / ZOOM_STEP ** 2)),
    figure.zoomed,
    button("Zoom in", "+", by(ZOOM_STEP ** 2)),
    button("Whole picture", "⤢", () => zoomTo(pane, figure, 1)),
  );
}

function listenToZoom(pane, figure) {
  const { port, frame } = figure;
  const scale = () => zoomOf(pane, figure.media).scale;
  port.addEventListener("wheel", (event) => {
    if (scale() <= 1 && event.deltaY > 0) return; // let the page scroll
    event.preventDefault();
    if (event.shiftKey) panBy(pane, figure, -event.deltaY, 0);
    else zoomTo(pane, figure, scale() * Math.exp(-event.deltaY / (event.ctrlKey ? 100 : 400)), [event.clientX, event.clientY]);
  }, { passive: false });
  frame.addEventListener("keydown", (event) => {
    const far = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
    const act = {
      "+": () => zoomTo(pane, figure, scale() * ZOOM_STEP),
      "=": () => zoomTo(pane, figure, scale() * ZOOM_STEP),
      "-": () => zoomTo(pane, figure, scale() / ZOOM_STEP),
      0: () => zoomTo(pane, figure, 1),
    }[event.key] ?? (far && (event.ctrlKey || event.metaKey) ? () => panBy(pane, figure, ...far) : null);
    if (!act || event.altKey) return;
    event.preventDefault();
    act();
  });
  listenToPan(pane, figure, scale);
}

// Dragging with the middle button, or with the space bar held, pans the picture. So does one finger
// once the picture is zoomed; two fingers zoom.
function listenToPan(pane, figure, scale) {
  const { port } = figure;
  const fingers = new Map();
  let dragged = null;
  const spread = () => {
    const [a, b] = [...fingers.values()];
    return { size: Math.hypot(a[0] - b[0], a[1] - b[1]), middle: [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2] };
  };
  port.addEventListener("pointerdown", (event) => {
    const here = [event.clientX, event.clientY];
    if (event.pointerType === "touch") fingers.set(event.pointerId, here);
    else if (event.button === 1 || pane.page.spaceHeld) dragged = here;
    else return;
    if (dragged || scale() > 1 || fingers.size > 1) {
      event.preventDefault();
      event.stopPropagation();
      port.setPointerCapture(event.pointerId);
    }
  }, { capture: true });
  port.addEventListener("pointermove", (event) => {
    const here = [event.clientX, event.clientY];
    if (dragged) {
      panBy(pane, figure, here[0] - dragged[0], here[1] - dragged[1]);
      dragged = here;
    } else if (fingers.size === 1 && fingers.has(event.pointerId) && scale() > 1) {
      const before = fingers.get(event.pointerId);
      panBy(pane, figure, here[0] - before[0], here[1] - before[1]);
      fingers.set(event.pointerId, here);
    } else if (fingers.size === 2 && fingers.has(event.pointerId)) {
      const before = spread();
      fingers.set(event.pointerId, here);
      const after = spread();
      panBy(pane, figure, after.middle[0] - before.middle[0], after.middle[1] - before.middle[1]);
      if (before.size > 0) zoomTo(pane, figure, (scale() * after.size) / before.size, after.middle);
    }
  });
  for (const end of ["pointerup", "pointercancel"]) {
    port.addEventListener(end, (event) => {
      fingers.delete(event.pointerId);
      dragged = null;
    });
  }
}
