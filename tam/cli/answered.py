"""Which model answered, and what it knows: one line on standard error."""

import sys

from tam.explanation.explanation import Explanation
from tam.text.printable import one_line


def print_model(result: Explanation) -> None:
    """Print the model's name; beside pictures that it was not made for, what it knows."""
    print(one_line(model_line(result)), file=sys.stderr)


def model_line(result: Explanation) -> str:
    """Name the model, with the note on what it knows where the explanation has one."""
    knows = result.provenance.get("knows")
    notes = result.provenance.get("notes", ())
    told = next((note for note in notes if knows and note.endswith(knows)), None)
    return told or f"model: {result.provenance.get('model')}"
