"""``tam demo``: an explanation of a picture that ships with the toolkit."""

from pathlib import Path
from typing import Annotated

import typer

from tam.cli.options import Force, Json, Out
from tam.resolver import uncollected


def demo(
    model: Annotated[
        str,
        typer.Option("--model", "-m", help="'small' (a drawn scene), 'photo' (a photograph)."),
    ] = "small",
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

    pictures = {"photo": "photo/demo.jpg", "small": "scenes/demo.png"}
    if model not in pictures:
        raise InputError(
            f"{model!r} has no demo picture",
            where="--model",
            remedy=f"use {' or '.join(pictures)}, or 'tam explain' with a picture of your own",
        )
    result = load(model).explain(
        str(Path(__file__).parents[1] / pictures[model]),
        "Describe this image.",
        stages=True,
        candidate_maps=4,
    )
    finish(result, out, as_json, force=force)
