// What the terms of the page mean: each term shows its definition under the pointer and the focus.

const TERMS = {
  evidence: "How strongly the picture and the earlier words speak for this word. Both go from 0 to 1 on one scale, so that they can be compared.",
  visual: "Visual evidence: the maximum of the word’s map over all pictures and frames, from 0 to 1.",
  textual: "Textual evidence: the highest relevance of one earlier word for this one, from 0 to 1.",
  share: "Share: the visual part of both kinds of evidence, visual / (visual + textual).",
  probability: "The model’s own probability of the word: that of its tokens together, before anything is sampled.",
  sampled: "The same probability in the distribution that was sampled from, after temperature, top-k, top-p and penalties.",
  focus: "The smallest share of the pictures’ area that holds 85 % of the map. The lower it is, the more the map is on one place.",
  grounding: "Grounding: whether the picture supports the word, from 0 to 1. A word below one half is doubted: it is more likely wrong than right.",
  peak: "The pixel where the word’s map is highest, counted from the upper left corner of the original picture.",
  candidates: "The tokens that the model held most probable at this step, each with its probability.",
  earlier: "The words that stand before this one, by their relevance for it: how strongly they speak for it, from 0 to 1.",
  later: "The words that stand after this one, by the relevance that this one has for them.",
  check: "What hiding the region that the map marks does to the word’s probability, beside hiding others like it.",
};
const TERMS_PAGE = "docs/word.md";

function term(key, name) {
  return make("dfn", { className: "term", tabIndex: 0, "data-term": key }, name);
}

function listenToTerms() {
  const tip = make("p", { id: "tip", role: "tooltip", className: "tip", hidden: true });
  document.body.append(tip);
  let shown = null;
  const hide = () => {
    shown?.removeAttribute("aria-describedby");
    shown = null;
    tip.hidden = true;
  };
  const show = (event) => {
    const element = event.target.closest?.("[data-term]");
    if (element === shown) return;
    hide();
    if (!element) return;
    shown = element;
    shown.setAttribute("aria-describedby", "tip");
    tip.replaceChildren(TERMS[element.dataset.term], make("span", { className: "tip-more" }, ` More: ${TERMS_PAGE}`));
    tip.hidden = false;
    const box = element.getBoundingClientRect();
    const [width, height] = [tip.offsetWidth, tip.offsetHeight];
    tip.style.left = `${Math.max(8, Math.min(box.left, innerWidth - width - 8))}px`;
    tip.style.top = `${box.bottom + height + 12 < innerHeight ? box.bottom + 6 : Math.max(8, box.top - height - 6)}px`;
  };
  document.addEventListener("pointerover", show);
  document.addEventListener("focusin", show);
  document.addEventListener("scroll", hide, { capture: true, passive: true });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
}
