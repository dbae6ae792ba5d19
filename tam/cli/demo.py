"""``tam demo``: an explanation of a picture that ships with the toolkit."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tam.cli.options import Force, Json, Out
from tam.model.assembled import ASSEMBLED, default_model, is_assembled
from tam.resolver import uncollected

if TYPE_CHECKING:
    from tam.model.options import Explaining

# The picture of each model, and the question on which it was mostly trained.
_ASKED: Final = {
    **dict.fromkeys(ASSEMBLED, ("photo/demo.jpg", "What is in the picture?")),
    "small": ("scenes/demo.png", "Describe this image."),
}
# The explanations of each; on photographs tam-cause finds the objects best.
_TAM: Final["Explaining"] = {"method": "tam", "stages": True}
_MAPS: Final[dict[str, list["Explaining"]]] = {
    **{name: [{"method": "tam-cause"}, _TAM] for name in ASSEMBLED},
    "small": [_TAM],
}

_LONGEST: Final = 64
"""Longest reply in tokens."""


def demo(
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="'photo' (a photograph), 'small' (a drawn scene). Default: 'photo' if it is "
            "assembled, else 'small'.",
        ),
    ] = None,
    out: Out = Path("demo"),
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Explain a picture that comes with the toolkit."""
    from tam.cli.finishing import finish
    from tam.report.folder import check_output

    check_output(out, force=force)
    from tam.errors import InputError

    with uncollected():
        from tam.model.loading import load
    from tam.media import open_image
    from tam.prompt.conversation import question

    name = model or demo_model()
    if name not in _ASKED:
        raise InputError(
            f"{name!r} has no demo picture",
            where="--model",
            remedy=f"use {' or '.join(_ASKED)}, or 'tam explain' with a picture of your own",
        )
    picture, asked = _ASKED[name]
    loaded = load(name)
    recording = loaded.run(
        question([open_image(Path(__file__).parents[1] / picture)], asked),
        max_new_tokens=_LONGEST,
        candidate_maps=4,
    )
    first, *more = (loaded.explain_recording(recording, **options) for options in _MAPS[name])
    others = {explanation.provenance["method"]["name"]: explanation for explanation in more}
    finish(first, out, as_json, force=force, others=others)


def demo_model() -> str:
    """Return the default model if it has a demo picture, and say so if photographs need another."""
    name = default_model()
    if not is_assembled():
        print(
            "the photo model is not assembled on this machine (tam get photo); 'small' explains "
            "a drawn scene instead",
            file=sys.stderr,
        )
    return name if name in _ASKED else "small"
