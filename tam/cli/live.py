"""``--live``: print each word with its map in the terminal while the model writes."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from tam.explanation.explanation import Explanation
from tam.explanation.word import Word
from tam.render.terminal import strength_line
from tam.render.terminal_map import print_map
from tam.text.printable import on_one_line

if TYPE_CHECKING:
    from tam.model.streaming import Stream


def print_words(stream: "Stream", console: Console) -> Explanation:
    """Print each word as it arrives, and return the explanation of the whole reply."""
    try:
        for word in stream:
            console.print(_heading(word))
            if word.visual is not None:  # a method that needs the whole reply has no map yet
                print_map(word, console)
    finally:
        stream.close()
    return stream.explanation


def _heading(word: Word) -> Text:
    line = Text("\n").append(on_one_line(word.text), style="bold")
    return line.append_text(strength_line(word))
