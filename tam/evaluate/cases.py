"""A page of the best and the worst cases, which illustrates the figures."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tam.evaluate.items import Item, Mask
from tam.evaluate.journal import Block
from tam.evaluate.measuring import ScoredWords, scored_words
from tam.evaluate.plan import Plan
from tam.evaluate.stacking import stacked_frames, stacked_map
from tam.explanation.explanation import Word
from tam.files.png import encode_png
from tam.files.writing import rewriting_file
from tam.render import overlay
from tam.text.printable import printable
from tam.text.slug import slug

if TYPE_CHECKING:
    from tam.model.model import Model

CASES = 6
"""The number of best cases, and of worst cases, on the page."""

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
section { margin: 2rem 0; border-top: 1px solid #8886 }
figure { display: inline-block; margin: 0.5rem 0.75rem 0.5rem 0; vertical-align: top }
img { width: 160px; height: auto; display: block }
figcaption { font-size: 0.85rem; max-width: 160px; overflow-wrap: anywhere }
"""


@dataclass(frozen=True)
class Case:
    """One word of one item: its place, and the first method's score on it."""

    item: str
    index: int
    iou: float


def choose_cases(found: Sequence[Block], model: str, method: str, count: int = CASES) -> list[Case]:
    """Choose the words with the best and the worst IoU, at most one per item, the best first."""
    cases = []
    for block in found:
        if (block.item["model"], block.item["method"]) != (model, method):
            continue
        measured = [word for word in block.words if "iou" in word]
        cases += [Case(block.item["item"], word["index"], word["iou"]) for word in measured]
    ordered = sorted(cases, key=lambda case: (-case.iou, case.item, case.index))
    best = _different(ordered)[:count]
    worst = [c for c in _different(ordered[::-1])[:count] if c.item not in {b.item for b in best}]
    return best + worst[::-1]


def write_cases(
    plan: Plan, model: "Model", name: str, methods: Sequence[str], found: Sequence[Block], out: Path
) -> Path:
    """Explain the chosen cases again with all methods, and write them as one page.

    Returns
    -------
    The path of a self-contained HTML file.
    """
    from tam.methods import explain
    from tam.replay import Replay

    chosen = {case.item: case for case in choose_cases(found, name, methods[0])}
    scores = {
        (block.item["method"], block.item["item"], word["index"]): word["iou"]
        for block in found
        if block.item["model"] == name
        for word in block.words
        if "iou" in word
    }
    items, tagger = plan.items()
    sections = {}
    for item in items:
        if item.name not in chosen or item.name in sections:
            continue
        recording = model.run(item.conversation, answer=item.answer, **item.generation)
        replay = Replay(model.checkpoint, recording)
        words = scored_words(recording.trace, item, tagger)
        case = chosen[item.name]
        figures = [_figure(_outlined(item, words, case), "the picture and the mask")]
        for method in methods:
            targets = words.tokens[case.index]
            explanation = explain(method, recording.trace, replay, targets)
            heat = stacked_map(Word(explanation, targets))
            iou = scores.get((method, case.item, case.index))
            caption = method if iou is None else f"{method}: IoU {iou:.2f}"
            figures.append(_figure(overlay(stacked_frames(item.media)[0], heat), caption))
        sections[item.name] = (
            f"<section><h2>“{_text(words.words[case.index])}”, {_text(item.name)}</h2>"
            f"<p>{_text(recording.trace.text.reply)}</p>{''.join(figures)}</section>"
        )
    order = [sections[case.item] for case in chosen.values() if case.item in sections]
    path = out / f"cases-{slug(name)}.html"
    page = _page(f"Best and worst cases of {name}", methods[0], order)
    with rewriting_file(path) as temporary:
        temporary.write_text(page, "utf-8")
    return path


def _different(cases: Sequence[Case]) -> list[Case]:
    """Return the first case of each item."""
    first: dict[str, Case] = {}
    for case in cases:
        first.setdefault(case.item, case)
    return list(first.values())


def _outlined(item: Item, words: ScoredWords, case: Case) -> NDArray[np.uint8]:
    """Return the picture, darkened outside the word's mask."""
    frames = stacked_frames(item.media)[0]
    mask: Mask = item.masks[words.classes[case.index]]
    return np.asarray(np.where(mask[..., None], frames, frames // 3), np.uint8)


def _figure(pixels: NDArray[np.uint8], caption: str) -> str:
    data = base64.b64encode(encode_png(pixels)).decode()
    text = _text(caption)
    return (
        f'<figure><img alt="{text}" src="data:image/png;base64,{data}">'
        f"<figcaption>{text}</figcaption></figure>"
    )


def _page(title: str, method: str, sections: Sequence[str]) -> str:
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{_text(title)}</h1><p>By the IoU of {_text(method)}, the best first. "
        "A word of each item at most.</p>"
        f"{''.join(sections)}</body></html>\n"
    )


def _text(text: str) -> str:
    return escape(printable(text))
