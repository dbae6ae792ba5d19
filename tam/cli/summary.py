"""An explanation as plain JSON values, for ``--json``."""

from typing import Any

import numpy as np

from tam.explanation import Explanation, Word


def summary(result: Explanation) -> dict[str, Any]:
    """What another program wants to know of an explanation.

    Returns
    -------
    The answer's ``text``; its ``words``, each with its probability, and for each picture the peak
    of its map with the box of that cell in pixels, and the three earlier words that explain it
    most; and the ``provenance``.
    """
    earlier = list(result.prompt_words)
    words = []
    for word in result.words:
        words.append(_word(result, word, earlier))
        earlier.append(word)
    return {"text": result.text, "words": words, "provenance": dict(result.provenance)}


def _word(result: Explanation, word: Word, earlier: list[Word]) -> dict[str, Any]:
    cells = word.cells()
    peaks = []
    first = 0
    for grid in result.grids:
        values = cells[first : first + grid.cells]
        first += grid.cells
        cell = int(np.argmax(values))
        step, place = divmod(cell, len(grid.boxes))
        peaks.append(
            {
                "picture": grid.media,
                "view": grid.view,
                "frames": grid.spans[step].tolist(),
                "value": round(float(values[cell]), 4),
                "box": [round(edge, 1) for edge in grid.boxes[place].tolist()],
            }
        )
    ranked = sorted(earlier, key=word.relevance, reverse=True)[:3]
    return {
        "text": word.text,
        "probability": word.probability,
        "peaks": peaks,
        "earlier": [
            {"text": other.text, "relevance": round(word.relevance(other), 4)} for other in ranked
        ],
    }
