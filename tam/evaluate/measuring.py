"""Measurement of one explanation of one item, as a line for each word and one for the item."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tam.evaluate.clip_masks import clip_figures
from tam.evaluate.faithfulness import STEPS, faithfulness
from tam.evaluate.items import Item
from tam.evaluate.localization import energy_in_object, iou_at_otsu, iou_curve, peak_in_object
from tam.evaluate.metrics import OfMap
from tam.evaluate.protocol import (
    FUNCTION,
    OTHERS,
    Grey,
    grade_caption,
    split_words,
    word_classes,
    word_types,
)
from tam.evaluate.rerun import word_score
from tam.evaluate.stacking import stacked_frames, stacked_map
from tam.evaluate.tagging import Tagger
from tam.evaluate.text_overlap import meteor, rouge_l
from tam.explanation.explanation import Explanation
from tam.explanation.word import Word

if TYPE_CHECKING:
    from tam.recording.trace import Trace
    from tam.replay import Replay

Line = dict[str, Any]
"""One JSON object of the results."""


@dataclass(frozen=True)
class ScoredWords:
    """The words of a reply that are measured.

    Parameters
    ----------
    words, tokens
        The words and the targets of each (indices into the explanation's tokens).
    classes
        See :func:`tam.evaluate.protocol.word_classes`.
    false
        Whether each word is known to be false.
    """

    words: tuple[str, ...]
    tokens: tuple[tuple[int, ...], ...]
    classes: tuple[int, ...]
    false: tuple[bool, ...]

    def without_classes(self) -> "ScoredWords":
        """Return the words as words of no class, none of which is measured by its location."""
        return replace(self, classes=(OTHERS,) * len(self.words))

    def shown(self, item: Item) -> list[str]:
        """Return the true words whose object is in the item's pictures."""
        return [
            word
            for word, number, false in zip(self.words, self.classes, self.false, strict=True)
            if not false and number in item.masks and item.masks[number].any()
        ]

    @property
    def targets(self) -> list[int]:
        """Targets that the measures need: nouns, with or without a category, and function words."""
        return sorted(
            target
            for tokens, number in zip(self.tokens, self.classes, strict=True)
            for target in tokens
            if number != OTHERS
        )


def scored_words(trace: "Trace", item: Item, tagger: Tagger) -> ScoredWords:
    """Find the words of a recorded reply to measure, their classes, and which are false."""
    first = trace.text.prompt_targets
    pieces = [token.text for token in trace.text.tokens[first:]]
    words, tokens = split_words(pieces)
    classes = word_classes(words, word_types(words, tagger), item.categories, tagger.lemma)
    ends = np.cumsum([len(piece) for piece in pieces])
    false = [
        any(
            ends[t] > start and ends[t] - len(pieces[t]) < stop
            for t in group
            for start, stop in item.false_spans
        )
        for group in tokens
    ]
    moved = tuple(tuple(first + token for token in group) for group in tokens)
    return ScoredWords(tuple(words), moved, tuple(classes), tuple(false))


def measure(
    explanation: Explanation,
    item: Item,
    found: ScoredWords,
    tagger: Tagger,
    added: Mapping[str, OfMap] | None = None,
) -> tuple[list[Line], Line]:
    """Measure how well an explanation localizes.

    Parameters
    ----------
    added
        Metrics of other packages by their names.

    Returns
    -------
    A line for each object word and each function word, and the item's line with the published
    measures. Undefined values are None.
    """
    lines: list[Line] = []
    for index, (word, number) in enumerate(zip(found.words, found.classes, strict=True)):
        if number == OTHERS or (number < 0 and number != FUNCTION):
            continue
        line: Line = {
            "index": index,
            "word": word,
            "kind": "function" if number == FUNCTION else "object",
            "false": found.false[index],
            "probability": Word(explanation, found.tokens[index]).probability,
        }
        mask = item.masks.get(number)
        if mask is not None and mask.any():
            heat = stacked_map(Word(explanation, found.tokens[index]))
            line |= {
                "iou": iou_at_otsu(heat, mask),
                "iou_curve": [round(value, 4) for value in iou_curve(heat, mask).tolist()],
                "pointing": peak_in_object(heat, mask),
                "energy": energy_in_object(heat, mask),
                "chance": float(mask.mean()),
                **{name: metric(heat, mask) for name, metric in (added or {}).items()},
            }
            if len(item.media) == 1 and len(item.media[0].frames) > 1:
                line |= clip_figures(heat, mask, len(item.media[0].frames))
        lines.append(line)
    first = explanation.prompt_targets
    grades = grade_caption(
        grey_maps(explanation),
        [[target - first for target in group] for group in found.tokens],
        found.classes,
        item.masks,
        item.size,
    )
    summary: Line = {
        "text": explanation.text,
        "tagger": tagger.name,
        "obj_iou": [grade.iou for grade in grades.objects],
        "func_iou": [value for _, value in grades.functions],
        "precision": [_or_none(grade.precision) for grade in grades.objects],
        "recall": [grade.recall for grade in grades.objects],
    }
    if item.references:
        summary["rouge_l"] = rouge_l(explanation.text, item.references)
        summary["meteor"] = meteor(explanation.text, item.references)
    return lines, summary


def add_faithfulness(
    lines: Sequence[Line],
    explanation: Explanation,
    found: ScoredWords,
    replay: "Replay",
    *,
    words: int,
    steps: int = STEPS,
) -> None:
    """Add insertion and deletion to the lines of the first true object words that are shown."""
    frames = stacked_frames(explanation.media)
    for line in first_shown(lines, words):
        word = Word(explanation, found.tokens[line["index"]])
        result = faithfulness(
            frames, stacked_map(word)[None], word_score(replay, word), steps=steps
        )
        line |= {
            "insertion": result.insertion if result else None,
            "deletion": result.deletion if result else None,
        }


def first_shown(lines: Sequence[Line], count: int) -> list[Line]:
    """Return the first lines of true object words that are in the picture."""
    return [line for line in lines if "iou" in line and not line["false"]][:count]


def grey_maps(explanation: Explanation) -> list[Grey]:
    """Return the reply's maps as the published measures expect them, one uint8 map for each token.

    They are on the model's grid if there is one grid and it covers its whole picture. If there are
    several grids, or parts are cropped or padded, they have the size of the pictures, with all
    frames stacked vertically.
    """
    first = explanation.prompt_targets
    grids, media = explanation.grids, explanation.media
    whole = len(grids) == 1 and grids[0].shape[0] == 1 and len(media) == 1
    if whole and np.allclose(grids[0].box, (0, 0, media[0].width, media[0].height)):
        cells = explanation.maps[first:].reshape(-1, *grids[0].shape[1:])
        return list(_grey(cells))
    targets = range(first, len(explanation.tokens))
    return [_grey(stacked_map(Word(explanation, (target,)))) for target in targets]


def as_json(line: Mapping[str, Any]) -> Line:
    """Return the line with None in place of NaN, which JSON does not have."""
    return {
        name: _or_none(value) if isinstance(value, float) else value for name, value in line.items()
    }


def _grey(values: NDArray[np.float32]) -> Grey:
    # An unknown cell counts as 0, as in the published code.
    return np.floor(np.clip(np.nan_to_num(values), 0, 1) * 255).astype(np.uint8)


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
