"""``--live``: each word with its map in the terminal, while the model writes on."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from tam.errors import InputError
from tam.explanation.evidence import evidence
from tam.explanation.explanation import Explanation
from tam.explanation.word import Word
from tam.render.terminal_map import print_map
from tam.text.printable import on_one_line, percent

if TYPE_CHECKING:
    from tam.model.streaming import Stream


def check_live(*, as_json: bool) -> None:
    """Refuse JSON, which words that are printed as they come cannot be.

    Raises
    ------
    InputError
        If JSON alone may be printed.
    """
    if as_json:
        raise InputError(
            "words and maps are not JSON", where="--live", remedy="leave out --live or --json"
        )


def print_words(stream: "Stream", console: Console) -> Explanation:
    """Print each word as it comes, and give the explanation of the whole reply."""
    try:
        for word in stream:
            if has_map(word):
                console.print(_heading(word))
                print_map(word, console)
            else:
                console.print(_name(word))
    finally:
        stream.close()
    return stream.explanation


def has_map(word: Word) -> bool:
    """Whether a word of a stream has its map, or its method needs the whole reply."""
    unknown = word.explanation.unknown
    return unknown is None or not unknown[list(word.targets)].all()


def _name(word: Word) -> Text:
    line = Text("\n").append(on_one_line(word.text), style="bold")
    return line.append(f"   probability {percent(word.probability)}")


def _heading(word: Word) -> Text:
    weighed = evidence(word)
    line = _name(word)
    return line.append(f"   picture {weighed.visual:.2f}   earlier words {weighed.textual:.2f}")
