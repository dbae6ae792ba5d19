"""Compare word maps with expected regions: a lesion, a facial action unit, a spill.

    python examples/fields/expected_regions.py [PICTURE REGIONS.json] [MODEL]

REGIONS.json gives a box for each word: {"circle": [380, 90, 480, 200]}. For each word the example
prints the cosine between its map and the mask of the box, and whether the map's peak lies inside it
(the pointing game).
"""

import json
import sys
from pathlib import Path

import numpy as np

import tam
from tam.explanation.word import Word

DEMO = Path(tam.__file__).parent / "scenes" / "demo.png"
REGIONS = {"circle": [330, 80, 490, 260], "white": [170, 110, 400, 320]}


def agreement(word: Word, box: list[float]) -> tuple[float, bool]:
    """Return the cosine of a word's map with a box, and whether its peak lies in the box."""
    heat = word.map(0)
    y, x = np.mgrid[0 : heat.shape[0], 0 : heat.shape[1]]
    inside = (x >= box[0]) & (x < box[2]) & (y >= box[1]) & (y < box[3])
    length = float(np.linalg.norm(heat) * np.linalg.norm(inside))
    peak = word.peak()
    hit = peak is not None and bool(inside[peak.y, peak.x])
    return float((heat * inside).sum()) / length if length else 0.0, hit


def main() -> None:
    """Explain a picture and compare its words with the regions."""
    given = sys.argv[1:]
    picture, regions = DEMO, REGIONS
    if len(given) > 1:
        picture, regions = Path(given[0]), json.loads(Path(given[1]).read_text("utf-8"))
    result = tam.load(given[2] if len(given) > 2 else "small").explain(
        picture, "Describe this image."
    )
    print(result.text)
    for text, box in regions.items():
        for word in result.words.saying(text):
            cosine, hit = agreement(word, box)
            print(f"{word.text}: cosine {cosine:.2f}, {'inside' if hit else 'outside'}")


if __name__ == "__main__":
    main()
