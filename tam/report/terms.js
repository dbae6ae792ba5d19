// Definitions of the page’s terms, shown as a tooltip when a term is hovered over or focused.

const TERMS = {
  evidence: "How strongly the picture and the earlier words support this word. Both are measured on one scale from 0 to 1, so they can be compared.",
  visual: "Visual evidence: the maximum of the word’s map over all pictures and frames, from 0 to 1.",
  textual: "Textual evidence: the relevance of the most relevant earlier word, from 0 to 1.",
  share: "Share: the visual part of the evidence, visual / (visual + textual).",
  probability: "The probability that the model gave the word: the product of its tokens’ probabilities, before sampling.",
  sampled: "The word’s probability in the distribution that was sampled from, after temperature, top-k, top-p and penalties.",
  focus: "The smallest share of the pictures’ area that holds 85 % of the map. The lower it is, the more the map concentrates on one place.",
  grounding: "Grounding: whether the picture supports the word, from 0 to 1. A word below one half is doubted: it is more likely wrong than right.",
  peak: "The pixel where the word’s map is highest, counted from the upper left corner of the original picture.",
  candidates: "The tokens that the model considered most probable at this step, with their probabilities.",
  earlier: "The words before this one, ordered by relevance: how strongly each supports it, from 0 to 1.",
  later: "The words after this one, ordered by how relevant this one is for them.",
  check: "How much the word’s probability falls when the region that the map marks is hidden, compared with hiding other regions like it.",
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
