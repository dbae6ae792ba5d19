"""Print which model answered, and the notes on a reply, on standard error."""

import sys
from collections.abc import Container
from typing import Any

from tam.explanation.explanation import Explanation
from tam.text.printable import one_line


def print_model(result: Explanation, told: Container[str] = ()) -> list[str]:
    """Print which model answered, and the notes on its reply.

    Notes on pictures and clips are not printed: that happened when they were opened.

    Parameters
    ----------
    told
        Lines that have been printed before, and are skipped.

    Returns
    -------
    The lines that were printed.
    """
    lines = [one_line(line) for line in (model_line(result), *_notes(result))]
    new = [line for line in lines if line not in told]
    for line in new:
        print(line, file=sys.stderr)
    return new


def model_line(result: Explanation) -> str:
    """Return the note on what the model knows, if there is one, or else the model's name."""
    told = next((note for note in _all_notes(result) if _says_what_is_known(note, result)), None)
    return told or f"model: {result.provenance.get('model')}"


def _notes(result: Explanation) -> list[str]:
    names = tuple(f"{item.name}: " for item in result.media)
    return [
        f"note: {note}"
        for note in _all_notes(result)
        if not note.startswith(names) and not _says_what_is_known(note, result)
    ]


def _says_what_is_known(note: str, result: Explanation) -> bool:
    knows: Any = result.provenance.get("knows")
    return bool(knows) and note.endswith(knows)


def _all_notes(result: Explanation) -> list[str]:
    return [str(note) for note in result.provenance.get("notes", ())]
