"""``tam check`` and ``tam explain --check``: measurements of what the model used."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from tam.cli.groups import Loading, grouped
from tam.cli.options import Json, Model, Words
from tam.defaults import FILLER, GROWTH
from tam.errors import InputError
from tam.resolver import uncollected
from tam.text.counting import number_of
from tam.text.printable import json_text

if TYPE_CHECKING:
    from tam.check.box import Without
    from tam.explanation.explanation import Explanation
    from tam.geometry.layout import Box
    from tam.model.model import Model as LoadedModel

_ALL = "all"
_TOP = re.compile(r"top=([1-9][0-9]{0,5})")


class CheckableCommand(TyperCommand):
    """A command whose ``--check`` takes an optional value, ``top=N``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert the default value after a ``--check`` that has none."""
        words: list[str] = []
        for index, word in enumerate(args):
            words.append(word)
            following = args[index + 1] if index + 1 < len(args) else ""
            if word == "--check" and not _TOP.fullmatch(following):
                words.append(_ALL)
        found: list[str] = super().parse_args(ctx, words)
        return found


Check = Annotated[
    str | None,
    typer.Option(
        "--check",
        metavar="[top=N]",
        help="Hide what each word's map marks, and other regions like it, and measure the word's "
        "loss; for the N words with the highest maps, or all content words.",
    ),
]


def top_asked(check: str) -> int | None:
    """Return the number of words that ``--check`` requests, or None for all content words.

    Raises
    ------
    InputError
        If the value has a different form.
    """
    found = _TOP.fullmatch(check)
    if found is None and check != _ALL:
        raise InputError(
            f"{check!r} is not of the form top=N", where="--check", remedy="give it as top=5"
        )
    return int(found[1]) if found else None


def checked(model: "LoadedModel", result: "Explanation", **options: Any) -> "Explanation":
    """Check an explanation, after printing the cost on standard error."""
    from tam.check.words import passes, words_to_check
    from tam.text.terminal import console

    chosen = {name: options[name] for name in ("words", "top") if name in options}
    counting = ("controls", "growth", "threshold", "seed")
    counted = {name: options[name] for name in counting if name in options}
    words = len(words_to_check(result, **chosen))
    count = passes(result, **chosen, **counted)
    console(stderr=True).print(f"Checking {words} words: {count} passes over prompt and reply.")
    return model.check(result, **options)


@grouped
def check(
    saved: Annotated[Path, typer.Argument(help="A saved explanation: its folder.")],
    model: Model = None,
    top: Annotated[
        int | None, typer.Option(min=1, help="Number of words, those with the highest maps.")
    ] = None,
    word: Words = None,
    filler: Annotated[
        str, typer.Option(help="Replacement of hidden pixels: blur, mean or inpaint.")
    ] = FILLER,
    growth: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="Width of the margin hidden around a mark, of the shorter side."
        ),
    ] = GROWTH,
    threshold: Annotated[
        str,
        typer.Option(
            metavar="otsu|<share>", help="Share of a map's maximum from which it marks a pixel."
        ),
    ] = "otsu",
    controls: Annotated[
        int, typer.Option(min=8, help="Number of other regions that are hidden for each word.")
    ] = 8,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the places of the other regions.")] = 0,
    box: Annotated[
        str | None,
        typer.Option(
            metavar="X0,Y0,X1,Y1", help="Hide this region instead, and read every word without it."
        ),
    ] = None,
    picture: Annotated[
        int, typer.Option(help="Number of the picture or clip of --box, counted from 1.")
    ] = 1,
    frame: Annotated[
        int | None, typer.Option(help="Number of its frame, counted from 1; all by default.")
    ] = None,
    reply: Annotated[
        bool, typer.Option("--reply", help="With --box: also let the model answer again.")
    ] = False,
    loading: Loading = Loading(),
    as_json: Json = False,
) -> None:
    """Hide what the maps mark, and measure what the model used.

    The results are stored in the explanation's folder. With --box nothing is stored.
    """
    from tam.cli.numbers import place_named, words_named
    from tam.files.storage import load_explanation
    from tam.report.folder import check_output

    if not saved.is_dir():
        raise InputError("is not a folder", where=str(saved), remedy="give the folder of --out")
    region = None if box is None else _box(box)
    height = _threshold(threshold)
    if region is None:
        check_output(saved, force=True)
    result = load_explanation(saved)
    words = words_named(word, result)
    media, index = place_named(picture, frame, result)
    with uncollected():
        from tam.model.loading import load

    loaded = load(model, **vars(loading))
    if region is not None:
        lost = loaded.without(
            result, region, media=media or 0, frame=index, filler=filler, reply=reply
        )
        _print_without(lost, as_json=as_json)
        return
    result = checked(
        loaded,
        result,
        words=words,
        top=top,
        filler=filler,
        growth=growth,
        threshold=height,
        controls=controls,
        seed=seed,
    )
    result.save(saved, force=True)
    _print_checks(result, as_json=as_json)


def _threshold(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _box(text: str) -> "Box":
    try:
        x0, y0, x1, y1 = map(float, text.split(","))
    except ValueError:
        raise InputError(
            f"{text!r} is not a box", where="--box", remedy="give X0,Y0,X1,Y1 in pixels"
        ) from None
    return x0, y0, x1, y1


def _print_checks(result: "Explanation", *, as_json: bool) -> None:
    if as_json:
        from tam.cli.summary import summary

        print(json_text(summary(result)))
        return
    from rich.text import Text

    from tam.text.printable import on_one_line
    from tam.text.terminal import console

    for index, word in enumerate(result.words):
        if word.check is not None:
            line = Text(f"{number_of(index):>3} ").append(on_one_line(word.text), style="bold")
            console().print(line.append(f": {word.check.sentence}"))


def _print_without(lost: "Without", *, as_json: bool) -> None:
    if as_json:
        words = [
            {
                "text": loss.word.text,
                "index": loss.word.index,
                "before": loss.before,
                "without": loss.without,
            }
            for loss in lost.losses
        ]
        print(json_text({"words": words, "reply": lost.reply}))
        return
    from tam.render.terminal import show_losses
    from tam.text.terminal import console

    show_losses(lost.losses, lost.reply, console())
