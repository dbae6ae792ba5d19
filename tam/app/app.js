// The app's page: media and questions, the words as they arrive, and the report of a reply.

const $ = (id) => document.getElementById(id);
let state = null;
let shown = -1;
let region = null;

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function tell(text, wrong = false) {
  $("told").textContent = text;
  $("told").classList.toggle("wrong", wrong);
}

async function asked(address, options = {}) {
  const response = await fetch(address, { method: "POST", ...options, headers: { "X-Tam": "1" } });
  if (response.ok) return response;
  let reason = `The server answered ${response.status}.`;
  try { reason = (await response.json()).error ?? reason; } catch { /* the reason is not JSON */ }
  throw new Error(reason);
}

// Runs an action that can fail, and shows the server's message if it does.
async function tried(act) {
  try {
    tell("");
    await act();
  } catch (error) {
    tell(error.message, true);
  }
}

function spoken(words) {
  return words.flatMap(({ before, word, visual }) => {
    const element = make("span", {}, word);
    element.style.setProperty("--visual", visual ?? 0);
    return [before, element];
  });
}

function show(next) {
  state = next;
  const option = (name, title = "") => make("option", { value: name, title }, name);
  $("model").replaceChildren(...state.models.map((name) => option(name)));
  $("model").value = state.model;
  if (!$("method").children.length) {
    $("method").append(...state.methods.map(({ name, summary }) => option(name, summary)));
    $("method").value = state.method;
    $("examples").append(...state.examples.map((name) => make("button", { type: "button", onclick: () => tried(async () => show(await (await asked("/api/example", { body: JSON.stringify({ name }) })).json())) }, name)));
  }
  $("waiting").replaceChildren(...state.waiting.map(({ name, picture, notes }) => make("li", { title: notes.join("; ") }, make("img", { src: picture, alt: "" }), name)));
  $("talk").replaceChildren(...state.replies.flatMap(turn));
  if (!state.replies.length) see(-1);
}

function turn(reply) {
  const words = make("button", { type: "button", className: "reply", dir: "auto", onclick: () => see(reply.reply) }, ...spoken(reply.words));
  words.dataset.reply = reply.reply;
  words.setAttribute("aria-pressed", "false");
  return [make("li", { className: "said", dir: "auto" }, reply.prompt), make("li", {}, words)];
}

// Shows the report of a reply, the same page that `tam explain` writes.
function see(reply) {
  shown = reply;
  region = null;
  for (const id of ["bar", "viewer"]) $(id).hidden = reply < 0;
  for (const id of ["losses", "program"]) $(id).hidden = true;
  $("empty").hidden = reply >= 0;
  $("live").hidden = true;
  $("hide").disabled = true;
  for (const button of document.querySelectorAll(".reply")) button.setAttribute("aria-pressed", String(Number(button.dataset.reply) === reply));
  if (reply < 0) return;
  $("viewer").src = `/report/${reply}?embedded`;
  $("report").href = `/report/${reply}?download`;
}

async function upload(files) {
  for (const file of files) {
    tell(`Sending ${file.name} …`);
    show(await (await asked(`/api/media?name=${encodeURIComponent(file.name)}`, { body: file })).json());
  }
  tell("");
}

// Sends a question, and shows each word as its line arrives.
async function say() {
  const text = $("text").value;
  const response = await asked("/api/say", { body: JSON.stringify({ text, method: $("method").value }) });
  const words = make("p", { className: "reply", dir: "auto" });
  $("talk").append(make("li", { className: "said", dir: "auto" }, text), make("li", {}, words));
  see(-1);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  let last = null;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const lines = (held + part.value).split("\n");
    held = lines.pop();
    for (const line of lines) {
      last = JSON.parse(line);
      if (last.queue > 0) tell(`${last.queue} before you …`);
      if (last.word === undefined) continue;
      tell("");
      words.append(...spoken([last]));
      showLive(last);
      $("talk").scrollTop = $("talk").scrollHeight;
    }
  }
  show(await (await fetch("/api/state")).json());
  if (last?.reply === undefined && state.replies.length) see(state.replies.length - 1);
  if (last?.reply === undefined) throw new Error(last?.error ?? "The reply broke off.");
  see(last.reply);
  $("talk").scrollTop = $("talk").scrollHeight;
  if (last.notes.length) tell(last.notes.join(" "));
  $("text").value = "";
}

// Shows the map of the newest word while the model writes; the report replaces it at the end.
function showLive({ word, map }) {
  if (!map) return;
  $("live").hidden = false;
  $("empty").hidden = true;
  $("liveMap").src = map;
  $("liveMap").alt = `Map of ${word}`;
  $("liveWord").textContent = word;
}

function percent(value) {
  return `${(100 * value).toFixed(1)} %`;
}

async function hide() {
  tell("Reading the reply without the region …");
  const { words } = await (await asked("/api/without", { body: JSON.stringify({ reply: shown, ...region }) })).json();
  const rows = words.map(({ word, before, without }) => make("span", { className: without < before / 2 ? "loss fell" : "loss" }, make("b", {}, word), ` ${percent(before)} → ${percent(without)}`));
  $("losses").replaceChildren(make("p", {}, "Each word’s probability with the whole picture → without the region. Words that lost more than half are colored."), ...rows);
  $("losses").hidden = false;
  tell("");
}

async function program() {
  $("program").hidden = !$("program").hidden;
  if (!$("program").hidden) $("program").textContent = await (await fetch(`/code/${shown}`)).text();
}

// The viewer, which has an opaque origin, reports the selected region.
addEventListener("message", ({ source, data }) => {
  if (source !== $("viewer").contentWindow || data?.kind !== "region") return;
  region = data.box ? { media: data.media, box: data.box } : null;
  $("hide").disabled = !region;
  $("region").textContent = region ? data.box.map(Math.round).join(", ") : "Drag a frame over the picture to hide it from the model.";
});

$("say").onsubmit = (event) => {
  event.preventDefault();
  $("send").disabled = true;
  tried(say).finally(() => { $("send").disabled = false; });
};
$("text").onkeydown = (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("say").requestSubmit();
};
const begin = () => tried(async () => show(await (await asked("/api/begin", { body: JSON.stringify({ model: $("model").value }) })).json()));
$("again").onclick = begin;
$("model").onchange = begin;
$("hide").onclick = () => tried(hide);
$("code").onclick = () => tried(program);
$("file").onchange = () => tried(() => upload([...$("file").files])).finally(() => { $("file").value = ""; });
for (const kind of ["dragover", "dragleave", "drop"]) {
  $("drop").addEventListener(kind, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop") tried(() => upload([...event.dataTransfer.files]));
  });
}
show(await (await fetch("/api/state")).json());
if (state.replies.length) see(state.replies.length - 1);
