// Helpers that build elements from text and format numbers.

// Builds an element; string children become text, never markup.
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function makeShape(tag, attributes = {}) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

// Makes white space in a token's text visible; a wholly invisible text becomes code points.
function visible(text, id) {
  if (text === "") return `#${id}`;
  if (/^[\p{C}\p{Z}]+$/u.test(text) && /[^ \n\t]/.test(text)) {
    return [...text].map((c) => `U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`).join(" ");
  }
  return text.replace(/ /g, "␣").replace(/\n/g, "↵").replace(/\t/g, "⇥");
}

// Formats a value from 0 to 1 as Python does, which rounds an exact half (an odd eighth) to even.
function decimal(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "not known";
  if (Math.abs(value * 8) % 2 !== 1) return value.toFixed(2);
  const lower = Math.floor(value * 100);
  return ((lower + (lower % 2)) / 100).toFixed(2);
}

// Formats a value that was read off the pixels of a drawing.
function about(value, sign = "") {
  return `≈ ${sign}${value.toFixed(2)}`;
}

function percent(probability) {
  if (probability === null || probability === undefined) return "–";
  if (probability > 0 && probability < 0.0005) return "< 0.1 %";
  return `${(100 * probability).toFixed(1)} %`;
}

// The accessible name of a part of the page, with the explanation's label if it has one.
function labelled({ label }, name) {
  return label ? `${name}: ${label}` : name;
}

// "picture" or "clip", with its number, counted from 1, if there are several.
function mediaName(data, media) {
  const kind = data.media[media].frames.length > 1 ? "clip" : "picture";
  return data.media.length > 1 ? `${kind} ${media + 1}` : kind;
}
