"""Print an explanation in the terminal."""

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tam.explanation.data import CUT_MARK
from tam.explanation.explanation import Explanation
from tam.explanation.word import Choice, Loss, Word
from tam.geometry.layout import DroppedText, TextToken
from tam.render.selection import chosen_words
from tam.render.terminal_map import print_map
from tam.text.counting import number_of
from tam.text.printable import decimal, on_one_line, percent, printable

_SHOWN_EARLIER: Final = 3
_SHOWN_CANDIDATES: Final = 8
_WEAKEST_SHOWN: Final = 0.05
_LONGEST_LEFT_OUT: Final = 400
_TEXTUAL: Final = (134, 138, 146)
_VISUAL: Final = (226, 108, 22)


def show(explanation: Explanation, console: Console, word: Choice | None = None) -> None:
    """Print the conversation, and either a table of the reply's words or one word with its map.

    The reply's words are colored by their share: visual / (visual + textual).

    Parameters
    ----------
    console
        The console to print on.
    word
        A word of the reply to print in detail; None for the table of all words.

    Raises
    ------
    InputError
        If the reply has no such word.
    """
    chosen = None if word is None else chosen_words(explanation, [word])[0]
    for index, item in enumerate(explanation.media):
        size = f"{item.width}×{item.height}"
        frames = f", {len(item.frames)} frames" if len(item.frames) > 1 else ""
        name = printable(item.name).replace("\n", " ")
        console.print(Text(f"{item.kind} {number_of(index)}: {name} ({size}{frames})", style="dim"))
    for turn in _turns(explanation):
        console.print(turn)
    if any(item.share is not None for item in explanation.words):
        console.print(_scale())
    if chosen is None:
        console.print(_table(explanation, explanation.words))
    else:
        _print_word(console, chosen)


def show_words(explanation: Explanation, console: Console) -> None:
    """Print a table of the reply's words."""
    console.print(_table(explanation, explanation.words))


def show_word(explanation: Explanation, word: Choice, console: Console) -> None:
    """Print a word of the reply in detail, with its map.

    Raises
    ------
    InputError
        If the reply has no such word.
    """
    _print_word(console, chosen_words(explanation, [word])[0])


def word_style(word: Word) -> str:
    """Return the color of a word, which depends on its share as in :func:`show`."""
    return _style(word.share)


def _turns(explanation: Explanation) -> list[Text]:
    """Return the text of every turn: the reply's words colored, dropped text dimmed."""
    styles = {
        target: style
        for word in explanation.words
        for style in [_style(word.share)]
        for target in word.targets
    }
    pieces = [
        (token.turn, target, 1, token.role, Text(printable(token.text), styles.get(target, "")))
        for target, token in enumerate(explanation.tokens)
    ]
    pieces += [
        (part.turn, part.before_token, 0, part.role, _left_out(part))
        for part in explanation.dropped
    ]
    pieces.sort(key=lambda piece: piece[:3])
    turns = [
        Text.assemble((f"{role}: ", "bold"), *(text for *_, text in group))
        for (_, role), group in groupby(pieces, lambda piece: (piece[0], piece[3]))
    ]
    if explanation.cut and turns:
        turns[-1].append(f" {CUT_MARK}", style="dim")
    return turns


def _left_out(part: DroppedText) -> Text:
    """Return a part of the conversation that the model did not read, shortened if it is long."""
    said = " ".join(printable(part.text).split())
    shown = said if len(said) <= _LONGEST_LEFT_OUT else said[:_LONGEST_LEFT_OUT] + "…"
    return Text(f"[not read by the model: {shown}] ", style="dim")


def _style(share: float | None) -> str:
    """Return a color for a share, from grey to orange, readable on dark and light terminals."""
    if share is None:
        return ""
    channels = [round(a + (b - a) * share) for a, b in zip(_TEXTUAL, _VISUAL, strict=True)]
    weight = "bold " if share > 0.5 else ""
    return f"{weight}rgb({channels[0]},{channels[1]},{channels[2]})"


def _scale() -> Text:
    line = Text().append("share of the reply's words: from earlier words ", style="dim")
    for step in range(11):
        line.append("█", style=_style(step / 10))
    return line.append(" from the picture", style="dim")


def strength_line(word: Word) -> Text:
    """Return a line with a word's probability, visual and textual."""
    line = Text(f"   probability {percent(word.probability)}")
    return line.append(f"   visual {decimal(word.visual)}   textual {decimal(word.textual)}")


def _table(explanation: Explanation, words: tuple[Word, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("#", justify="right", style="dim")
    table.add_column("word", overflow="fold")
    table.add_column("probability", justify="right")
    table.add_column("visual", justify="right")
    table.add_column("where", overflow="fold")
    table.add_column("earlier words", overflow="fold")
    checked = bool(explanation.checks)
    if checked:
        table.add_column("checked", overflow="fold")
    for index, word in enumerate(words):
        table.add_row(
            str(number_of(index)),
            Text(on_one_line(word.text), style=_style(word.share)),
            percent(word.probability),
            decimal(word.visual),
            _where(word),
            _earlier(word),
            *([_check(word)] if checked else []),
        )
    return table


def _where(word: Word) -> Text:
    highest, explanation = word.peak(), word.explanation
    if highest is None:
        return Text("not known" if word.visual is None else "nowhere", style="dim")
    item = explanation.media[highest.media]
    several = len(explanation.media) > 1
    picture = f"{item.kind} {number_of(highest.media)} " if several else ""
    frame = f"{item.axis.frame} {number_of(highest.frame)} " if len(item.frames) > 1 else ""
    return Text(f"{picture}{frame}({highest.x}, {highest.y})")


def _earlier(word: Word) -> Text:
    line, words = Text(), word.earlier()
    if words is None:
        return line.append("not known", style="dim")
    for other, relevance in words[:_SHOWN_EARLIER]:
        if relevance >= _WEAKEST_SHOWN:
            line.append(on_one_line(other.text))
            line.append(f" {relevance:.2f}  ", style="dim")
    return line


def _check(word: Word) -> Text:
    """Return whether the model used what the map marks, with the word's loss in nats."""
    check = word.check
    if check is None:
        return Text("")
    if check.score is None:
        return Text("cannot be", style="dim")
    if check.used is None:
        return Text("no verdict", style="dim")
    return Text(f"used {check.score:.1f}" if check.used else "not used ≠")


def show_losses(losses: Sequence[Loss], reply: str | None, console: Console) -> None:
    """Print each word's loss when a region of a picture is hidden, and the reply without it.

    Parameters
    ----------
    losses
        The loss of each of the reply's words.
    reply
        The model's reply without the region; None if it was not requested.
    console
        The console to print on.
    """
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("#", "word", "before", "without"):
        table.add_column(name, overflow="fold", justify="left" if name == "word" else "right")
    for loss in losses:
        table.add_row(
            "" if loss.word.index is None else str(number_of(loss.word.index)),
            Text(on_one_line(loss.word.text)),
            percent(math.exp(loss.before)),
            percent(math.exp(loss.without)),
        )
    console.print(table)
    if reply is not None:
        console.print(Text("without it: ", style="bold").append(printable(reply)))


def _print_word(console: Console, word: Word) -> None:
    explanation = word.explanation
    heading = Text("\n")
    heading.append(on_one_line(word.text), style="bold").append_text(strength_line(word))
    heading.append(f"   share {decimal(word.share)}   focus {decimal(word.focus)}")
    heading.append("   highest at ").append_text(_where(word))
    console.print(heading)
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("token", "probability", "sampled", "candidates"):
        table.add_column(name, overflow="fold")
    for target in word.targets:
        prediction = explanation.predictions[target - explanation.prompt_targets]
        candidates = Text()
        for candidate in prediction.candidates[:_SHOWN_CANDIDATES]:
            candidates.append(on_one_line(candidate.text) or f"#{candidate.id}")
            candidates.append(f" {percent(candidate.probability)}  ", style="dim")
        table.add_row(
            Text(_token_label(explanation.tokens[target])),
            percent(prediction.probability),
            percent(prediction.sampled_probability),
            candidates,
        )
    console.print(table)
    console.print(Text("earlier words: ").append_text(_earlier(word)))
    if word.check is not None:
        console.print(Text(word.check.sentence))
    print_map(word, console)


def _token_label(token: TextToken) -> str:
    return on_one_line(token.text) or f"#{token.id}"
