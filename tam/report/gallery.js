// The gallery: cards of explained replies, with search and filters, built when scrolled into view.

const CARDS_AT_ONCE = 48;

const $ = (id) => document.getElementById(id);
const { items } = JSON.parse($("data").textContent);
let found = [];
let made = 0;

for (const item of items) {
  item.sought = [item.name, item.text, item.prompt, ...item.media].join("\n").toLowerCase();
}

function offer(select, values, all) {
  const names = [...new Set(values)].filter((name) => name).sort();
  select.append(make("option", { value: "" }, all), ...names.map((name) => make("option", { value: name }, name)));
  select.closest("label").hidden = names.length < 2;
}

function card(item) {
  const words = item.strongest.map(({ text, visual }) => make("li", { className: "chip" }, make("bdi", {}, text), make("span", { className: "chip-value" }, decimal(visual))));
  const told = [`${item.words} words`, ...(item.doubted ? [`${item.doubted} doubted`] : []), item.model, item.method].filter((part) => part);
  return make(
    "li",
    { className: "card" },
    make(
      "a",
      { href: item.href },
      item.picture ? make("img", { src: item.picture, alt: item.media.join(", "), loading: "lazy" }) : make("span", { className: "blank" }),
      make("span", { className: "card-name" }, make("bdi", {}, item.name)),
    ),
    make("p", { className: "asked", dir: "auto" }, item.prompt),
    make("p", { className: "said-here", dir: "auto" }, item.text),
    make("ul", { className: "chips" }, ...words),
    make("p", { className: "faint" }, told.join(" · ")),
  );
}

function append() {
  const next = found.slice(made, made + CARDS_AT_ONCE);
  $("cards").append(...next.map(card));
  made += next.length;
}

function fill() {
  const sought = $("search").value.trim().toLowerCase();
  const order = $("order").value;
  found = items.filter((item) =>
    (!sought || item.sought.includes(sought)) &&
    (!$("model").value || item.model === $("model").value) &&
    (!$("method").value || item.method === $("method").value) &&
    (!$("doubted").checked || item.doubted > 0));
  if (order !== "name") found.sort((a, b) => b[order] - a[order]);
  made = 0;
  $("cards").replaceChildren();
  append();
  $("count").textContent = `${found.length} of ${items.length}`;
}

offer($("model"), items.map(({ model }) => model), "all");
offer($("method"), items.map(({ method }) => method), "all");
$("filters").addEventListener("input", fill);
$("filters").addEventListener("submit", (event) => event.preventDefault());
document.documentElement.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
fill();
new IntersectionObserver(([{ isIntersecting }]) => {
  if (isIntersecting && made < found.length) append();
}, { rootMargin: "800px" }).observe($("more"));
document.documentElement.dataset.ready = "true";
