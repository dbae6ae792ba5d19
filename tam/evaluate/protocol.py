"""The measures of the published evaluation of token activation maps (arXiv 2506.23270).

Obj-IoU asks whether the map of an object's word covers the object, Func-IoU whether the map of a
function word stays dark; F1-IoU is the harmonic mean of the two over a data set. Every choice below
is the published one, so that figures can be compared; comments mark the surprising ones.
"""

import string
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tam.evaluate.tagging import Tagger

Grey = NDArray[np.uint8]
Mask = NDArray[np.bool_]

NO_CLASS = -1
"""The class of a noun without a category."""
FUNCTION = -2
OTHERS = -3


@dataclass(frozen=True)
class ObjectGrade:
    """How well the map of an object's word covers the object.

    Parameters
    ----------
    word
        Index of the word (of the later one if two were merged).
    iou, precision, recall
        Intersection over union, precision and recall of the map above its Otsu threshold, in
        pixels of the mask. The precision of a map that covers nothing is NaN.
    """

    word: int
    iou: float
    precision: float
    recall: float


@dataclass(frozen=True)
class CaptionGrades:
    """Grades of the maps of one text.

    Parameters
    ----------
    objects
        One for each word whose class is in the picture; neighbours of the same class are merged.
    functions
        (index of a function word, its Func-IoU) pairs; empty if the text has no noun.
    """

    objects: tuple[ObjectGrade, ...]
    functions: tuple[tuple[int, float], ...]


def split_words(pieces: Sequence[str]) -> tuple[list[str], list[list[int]]]:
    """Group tokens into words as the published evaluation does.

    A word begins at a token that starts with a space, is punctuation, or holds a Chinese character.

    Parameters
    ----------
    pieces
        The text of each token.

    Returns
    -------
    The words without spaces, and the indices of each one's tokens.
    """
    words: list[str] = []
    tokens: list[list[int]] = []
    for index, piece in enumerate(pieces):
        # The empty string is "in" every string, so an empty piece begins its own word.
        alone = piece in string.punctuation or any(
            "CJK" in unicodedata.name(character, "") for character in piece
        )
        if not words or alone or piece.startswith(" "):
            words.append("")
            tokens.append([])
        words[-1] += piece.replace(" ", "")
        tokens[-1].append(index)
    return words, tokens


def word_classes(
    words: Sequence[str],
    types: Sequence[str],
    categories: Mapping[str, int],
    lemma: Callable[[str], str],
) -> list[int]:
    """Return each word's class id, or ``NO_CLASS``, ``FUNCTION`` or ``OTHERS``.

    A noun belongs to a category if its lemma is that of one of the words of the category's name.
    If several categories fit, the last one counts: "dog" is a dog if the category "dog" comes after
    "hot dog", and a hot dog if it comes before.

    Parameters
    ----------
    types
        ``"noun"``, ``"function"`` or ``"others"`` for each word.
    categories
        Ids, above zero, by category name.
    lemma
        Base form of a lower-case word without hyphens.
    """

    def base(word: str) -> str:
        return lemma(word.lower().replace("-", ""))

    by_lemma = {base(part): number for name, number in categories.items() for part in name.split()}
    return [
        by_lemma.get(base(word), NO_CLASS)
        if kind == "noun"
        else FUNCTION
        if kind == "function"
        else OTHERS
        for word, kind in zip(words, types, strict=True)
    ]


def grade_caption(
    maps: Sequence[Grey],
    word_tokens: Sequence[Sequence[int]],
    classes: Sequence[int],
    masks: Mapping[int, Mask],
    size: tuple[int, int],
) -> CaptionGrades:
    """Grade the maps of one text.

    Parameters
    ----------
    maps
        One uint8 map for each token, on the model's grid (or of any other size).
    word_tokens
        Indices of each word's tokens.
    classes
        See :func:`word_classes`.
    masks
        bool [H, W] of each class in the picture; a class may be missing.
    size
        (H, W) of the masks.
    """
    objects: list[ObjectGrade] = []
    thresholds: list[float] = []
    for word, (number, tokens) in enumerate(zip(classes, word_tokens, strict=True)):
        if number != NO_CLASS and number <= 0:
            continue
        covered = [_above_otsu(maps[token], size) for token in tokens]
        thresholds.append(max(threshold for threshold, _ in covered))
        if number == NO_CLASS:
            continue
        mask = masks.get(number)
        if mask is not None and mask.any():
            grades = [_grade(word, above, mask) for _, above in covered]
            objects.append(max(grades, key=lambda grade: grade.iou))
        # Only words whose class is in the picture were added, so two earlier words may merge here.
        if len(objects) > 1 and classes[word - 1] == number:
            last, before = objects.pop(), objects.pop()
            objects.append(last if last.iou > before.iou else before)
    functions: list[tuple[int, float]] = []
    if thresholds:
        level = sum(thresholds) / len(thresholds)
        for word, tokens in enumerate(word_tokens):
            if classes[word] == FUNCTION:
                dark = [float((maps[token] < level).mean()) for token in tokens]
                functions.append((word, sum(dark) / len(dark)))
    return CaptionGrades(tuple(objects), tuple(functions))


def word_types(words: Sequence[str], tagger: Tagger) -> list[str]:
    """Tag each word on its own, without the context of its sentence."""
    return [tagger.kind(word) for word in words]


def f1_iou(object_iou: float, function_iou: float) -> float:
    """Return the harmonic mean of mean Obj-IoU and mean Func-IoU; 0 if both are 0."""
    total = object_iou + function_iou
    return 2 * object_iou * function_iou / total if total > 0 else 0.0


def _above_otsu(grey: Grey, size: tuple[int, int]) -> tuple[float, Mask]:
    """Return OpenCV's Otsu threshold of the map at the mask's size, and the pixels above it."""
    import cv2

    height, width = size
    resized = cv2.resize(grey, (width, height))
    threshold, above = cv2.threshold(resized, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return float(threshold), np.asarray(above) > 0


def _grade(word: int, above: Mask, mask: Mask) -> ObjectGrade:
    hit = int((above & mask).sum())
    covered = int(above.sum())
    return ObjectGrade(
        word=word,
        iou=hit / int((above | mask).sum()),
        precision=hit / covered if covered else float("nan"),
        recall=hit / int(mask.sum()),
    )
