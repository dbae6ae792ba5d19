"""Compare what two models see behind the same words.

    python examples/compare_models.py [PICTURE] [MODEL_A] [MODEL_B]

A model is an id or a folder, optionally followed by ``@dtype``. Without arguments, the example
tests whether bfloat16 changes the maps of the bundled model. The first model writes an answer; the
second explains the same text as if it had written it. Words are compared by their probability and
by the correlation of their maps, and one page shows both explanations side by side.
"""

import sys
from importlib.resources import files
from pathlib import Path

import numpy as np

import tam
from tam.report import comparison_html
from tam.report.links import linked_words

PROMPT = "Describe this image."


def loaded(name: str) -> tam.Model:
    """Load a model from ``name`` or ``name@dtype``."""
    model, _, dtype = name.partition("@")
    return tam.load(model, dtype=dtype or None)


def correlation(a: tam.Word, b: tam.Word) -> float:
    """Return Pearson's correlation of two maps of the same picture; NaN if one is constant."""
    first, second = a.map(0).ravel(), b.map(0).ravel()
    if not (np.ptp(first) and np.ptp(second)):
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


def main() -> None:
    """Explain one text with two models."""
    picture = sys.argv[1] if len(sys.argv) > 1 else str(files("tam.scenes") / "demo.png")
    a, b = sys.argv[2:4] if len(sys.argv) > 3 else ("small@float32", "small@bfloat16")
    first = loaded(a).explain(picture, PROMPT)
    second = loaded(b).explain(picture, PROMPT, answer=first.text)
    print(first.text)
    print(f"{'word':>12}  {a:>16}  {b:>16}  correlation of the maps")
    # Another tokenizer may split the text into different words.
    partners, _ = linked_words(first, second)
    others = (*second.prompt_words, *second.words)
    for word, partner in zip(first.words, partners[len(first.prompt_words) :], strict=True):
        if partner >= 0:
            other = others[partner]
            numbers = f"{word.probability:16.1%}  {other.probability:16.1%}"
            print(f"{word.text:>12}  {numbers}  {correlation(word, other):6.3f}")
    page = Path("compare_models.html")
    page.write_text(comparison_html([first, second], [a, b]), encoding="utf-8", errors="replace")
    print(page)


if __name__ == "__main__":
    main()
