// A clip's timeline: the chosen words' evidence in each frame, frame selection and playback.

const MOST_THUMBNAILS = 12;
const SHORTEST_WAIT = 80;
const LONGEST_WAIT = 1000;

function buildTimeline(pane, media) {
  const { frames, times } = pane.data.media[media];
  const count = frames.length;
  const curve = makeShape("svg", { class: "curve", viewBox: `0 0 ${count} 1`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const thumbs = make("div", { className: "thumbs", "aria-hidden": "true" });
  const shown = Math.min(count, MOST_THUMBNAILS);
  for (let i = 0; i < shown; i++) {
    thumbs.append(make("img", { alt: "", src: frames[Math.floor(((i + 0.5) * count) / shown)], draggable: false }));
  }
  const slider = make("input", { type: "range", className: "scrub", min: 0, max: count - 1, value: 0, "aria-label": `Frame of ${mediaName(pane.data, media)}` });
  const mark = make("span", { className: "playhead", "aria-hidden": "true" });
  mark.style.inlineSize = `${100 / count}%`;
  const track = make("div", { className: "track" }, curve, thumbs, mark, slider);
  const play = make("button", { type: "button", className: "quiet play", "aria-label": "Play", "aria-pressed": "false" }, "▶");
  const output = make("output", { className: "when" });
  const timeline = { media, curve, slider, mark, output, play, track, times };
  timeline.element = make("div", { className: "timeline" }, play, track, output);
  slider.oninput = () => pane.act.seek(media, Number(slider.value));
  listenToTrack(pane, timeline, count);
  play.onclick = () => togglePlay(pane, timeline);
  return timeline;
}

function listenToTrack(pane, { media, track, slider }, count) {
  const seek = (event) => {
    const box = track.getBoundingClientRect();
    const frame = Math.floor(((event.clientX - box.left) / box.width) * count);
    pane.act.seek(media, Math.min(Math.max(frame, 0), count - 1));
  };
  track.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    slider.focus();
    track.setPointerCapture(event.pointerId);
    seek(event);
  });
  track.addEventListener("pointermove", (event) => {
    if (track.hasPointerCapture(event.pointerId)) seek(event);
  });
}

function togglePlay(pane, timeline) {
  const { media, play, times } = timeline;
  const playing = timeline.timer !== undefined;
  play.setAttribute("aria-pressed", String(!playing));
  play.setAttribute("aria-label", playing ? "Play" : "Pause");
  play.textContent = playing ? "▶" : "❚❚";
  if (playing) {
    clearTimeout(timeline.timer);
    timeline.timer = undefined;
    return;
  }
  const step = () => {
    const now = pane.frames[media];
    const next = (now + 1) % times.length;
    const wait = 1000 * (next ? times[next] - times[now] : 1);
    timeline.timer = setTimeout(() => { pane.act.seek(media, next); step(); }, Math.min(Math.max(wait, SHORTEST_WAIT), LONGEST_WAIT));
  };
  step();
}

// The values of a whole word over time; there are none for phrases, tokens and earlier stages.
function handedOverTime({ data, facts, page }, media) {
  const whole = facts?.single && facts.targets.length === facts.single.targets.length;
  return whole && page.stage === "maps" ? figuresOverTime(data, facts.words[0], media) : null;
}

// A step curve with the maximum of each frame.
function drawTimeline(pane, timeline) {
  const { media, curve, slider, mark, output, times } = timeline;
  const frame = pane.frames[media];
  const handed = handedOverTime(pane, media);
  const tops = handed ?? (pane.facts ? frameTops(pane.data, factsSource(pane), media) : new Float32Array(times.length));
  const heights = [...tops].map((value) => 1 - Math.min(1, (value || 0) / pane.page.end));
  const line = heights.map((y, i) => `${i ? "L" : "M"}${i} ${y}H${i + 1}`).join("");
  curve.replaceChildren(
    makeShape("path", { class: "area", d: `${line}V1H0Z` }),
    makeShape("path", { class: "stroke", d: line }),
  );
  slider.value = frame;
  mark.style.insetInlineStart = `${(100 * frame) / times.length}%`;
  const evidence = handed ? decimal(tops[frame]) : about(tops[frame]);
  // "frame 3 at 1.00 s" becomes "frame 3 of 4 at 1.00 s".
  const place = pane.data.media[media].places[frame].replace(/^\w+ \d+/, (number) => `${number} of ${times.length}`);
  output.textContent = `${place}${pane.facts ? ` · evidence ${evidence}` : ""}`;
  slider.setAttribute("aria-valuetext", output.textContent);
}
