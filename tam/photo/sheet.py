"""``python -m tam.photo.sheet`` draws a contact sheet of the held-out photographs.

Each tile shows a photograph, the map of the word that names what it shows, what the model said and
the tower's own name. The map is stretched to its own maximum, whose value is printed beside the
word. Names in green were said, those in red were not.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

import tam
from tam.errors import ended_in_one_line
from tam.explanation.explanation import Explanation
from tam.explanation.word import Word
from tam.files.writing import rewriting_file
from tam.model.assembled import CAPTION_QUESTIONS, assembled_folder
from tam.photo.check import tower_names
from tam.photo.held_out import HeldOut, held_out, open_held_out
from tam.photo.naming import names_it, says
from tam.photo.tower import Tower
from tam.render.lettering import plain_font, shortened
from tam.render.pictures import overlay
from tam.text.function_words import is_content

SHAREABLE: Final = frozenset({"skimage"})
"""Packages whose held-out photographs are CC0 or in the public domain, and may be shown to all."""

SIDE, GAP, COLUMNS = 190, 10, 4
_FONT, _LINE = 14, 18
_PAPER, _INK, _RIGHT, _WRONG = (250, 250, 248), (30, 30, 30), (20, 130, 60), (190, 60, 30)
_LONGEST: Final = 24
"""Longest reply in tokens."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Tile:
    """A photograph and what was said about it.

    Parameters
    ----------
    shown
        The usual name of what it shows.
    photograph
        uint8 [H, W, 3].
    explanation
        The model's reply.
    word
        The word that is drawn; None if the reply has no content word.
    tower
        The tower's name for its most probable class.
    right
        Whether the reply has an accepted name.
    """

    shown: str
    photograph: Pixels
    explanation: Explanation
    word: Word | None
    tower: str
    right: bool


def main() -> None:
    """Parse the command line, ask about every photograph, and write the sheet."""
    parser = argparse.ArgumentParser(prog="python -m tam.photo.sheet", description=__doc__)
    parser.add_argument("--data", type=Path, help="unpacked Debian packages, for all photographs")
    parser.add_argument("--shareable", action="store_true", help="only CC0 and public domain")
    parser.add_argument("--method", default="tam-cause", help="method of the maps")
    parser.add_argument("--out", type=Path, default=Path("photo-sheet.png"))
    given = parser.parse_args()
    items = [item for item in held_out() if not given.shareable or item.package in SHAREABLE]
    opened = [(item, open_held_out(item, given.data)) for item in items]
    tiles = explained([(i, p) for i, p in opened if p is not None], given.method)
    right = sum(tile.right for tile in tiles)
    with rewriting_file(given.out) as temporary:
        Image.fromarray(sheet(tiles)).save(temporary, given.out.suffix.removeprefix(".") or "png")
    print(f"{right} of {len(tiles)} named; {len(items) - len(tiles)} photographs are not here")
    print(given.out.resolve())


def explained(shown: Sequence[tuple[HeldOut, Pixels]], method: str) -> list[Tile]:
    """Ask the photo model and the tower about photographs."""
    model = tam.load("photo")
    names = tower_names(Tower(assembled_folder()), [photograph for _, photograph in shown])
    tiles = []
    for (item, photograph), name in zip(shown, names, strict=True):
        result = model.explain(
            photograph, CAPTION_QUESTIONS[0], method=method, max_new_tokens=_LONGEST
        )
        word = naming_word(result, item.accepted)
        right = names_it(result.text, item.accepted)
        tiles.append(Tile(item.noun, photograph, result, word, name, right))
    return tiles


def naming_word(explanation: Explanation, accepted: Sequence[str]) -> Word | None:
    """Return the word that has an accepted name, or else the last content word of the reply."""
    lasts = [name.split()[-1] for name in accepted]
    naming = [w for w in explanation.words if any(says(w.text, last) for last in lasts)]
    content = [word for word in explanation.words if is_content(word.text)]
    return next(iter(naming), content[-1] if content else None)


def sheet(tiles: Sequence[Tile]) -> Pixels:
    """Draw all tiles in rows, uint8 [H, W, 3]."""
    width, height = 2 * SIDE + 3 * GAP, SIDE + 3 * _LINE + 3 * GAP
    rows = -(-len(tiles) // COLUMNS)
    image = Image.new("RGB", (COLUMNS * width, rows * height), _PAPER)
    for index, tile in enumerate(tiles):
        row, column = divmod(index, COLUMNS)
        _draw(image, tile, (column * width, row * height), width)
    return np.asarray(image)


def _draw(image: Image.Image, tile: Tile, corner: tuple[int, int], width: int) -> None:
    left, top = corner
    draw, font = ImageDraw.Draw(image), plain_font(_FONT)
    color = _RIGHT if tile.right else _WRONG
    plain = fitted(tile.photograph)
    image.paste(Image.fromarray(plain), (left + GAP, top + GAP))
    if tile.word is not None:
        scaled = cv2.resize(tile.word.map(0), plain.shape[1::-1], interpolation=cv2.INTER_AREA)
        heat = np.asarray(scaled / max(float(scaled.max()), 1e-9), np.float32)
        image.paste(Image.fromarray(overlay(plain, heat)), (left + 2 * GAP + SIDE, top + GAP))
    mapped = "no map" if tile.word is None else f"map: {tile.word.text} {tile.word.visual or 0:.2f}"
    lines = (
        (f"{tile.shown}: {'named' if tile.right else 'not named'} ({mapped})", color),
        (f"said: {tile.explanation.text}", _INK),
        (f"tower: {tile.tower}", _INK),
    )
    for number, (line, ink) in enumerate(lines):
        text = shortened(" ".join(line.split()), width - 2 * GAP, font)
        draw.text((left + GAP, top + SIDE + 2 * GAP + number * _LINE), text, ink, font)


def fitted(photograph: Pixels) -> Pixels:
    """Scale a photograph to at most SIDE × SIDE pixels."""
    scale = SIDE / max(photograph.shape[:2])
    size = tuple(max(1, round(side * scale)) for side in photograph.shape[1::-1])
    return np.asarray(cv2.resize(photograph, size, interpolation=cv2.INTER_AREA), np.uint8)


if __name__ == "__main__":
    with ended_in_one_line():
        main()
