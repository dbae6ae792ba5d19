"""An export of the chosen words as plain text, one per line, each with the maximum of its map."""

from collections.abc import Sequence
from pathlib import Path

import tam
from tam.extensions import described


@described(summary="the words and the maxima of their maps, as plain text")
def write_text(explanation: tam.Explanation, words: Sequence[tam.Word], path: Path) -> None:
    """Write the words to a temporary path, which the toolkit renames afterwards."""
    lines = [f"{word.text}\t{word.map().max():.3f}\n" for word in words]
    path.write_text("".join(lines), encoding="utf-8")
