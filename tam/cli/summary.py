"""An explanation as plain JSON values, for ``--json``."""

from typing import Any

import numpy as np

from tam.explanation.evidence import strongest_earlier
from tam.explanation.explanation import Explanation
from tam.explanation.word import Word


def summary(result: Explanation) -> dict[str, Any]:
    """What another program wants to know of an explanation.

    Returns
    -------
    The answer's ``text``; its ``words``, each with its probability, and for each picture the peak
    of its map with the box of that cell in pixels, and the three earlier words that explain it
    most; and the ``provenance``.
    """
    words = [_word(result, word) for word in result.words]
    return {"text": result.text, "words": words, "provenance": dict(result.provenance)}


def _word(result: Explanation, word: Word) -> dict[str, Any]:
    peaks = []
    for grid, values in result.by_grid(word.cells()):
        cell = int(np.argmax(values))
        step, place = divmod(cell, len(grid.boxes))
        peaks.append(
            {
                "picture": grid.media,
                "view": grid.view,
                "frames": grid.spans[step].tolist(),
                "value": round(float(values.flat[cell]), 4),
                "box": [round(edge, 1) for edge in grid.boxes[place].tolist()],
            }
        )
    return {
        "text": word.text,
        "probability": word.probability,
        "peaks": peaks,
        "earlier": [
            {"text": other.text, "relevance": round(relevance, 4)}
            for other, relevance in strongest_earlier(word)[:3]
        ],
    }
