"""``tam masks``: write the words' masks as files for other tools."""

from pathlib import Path
from typing import Annotated

import typer

from tam.cli.options import Frame, Picture, Words


def masks(
    saved: Annotated[Path, typer.Argument(help="A saved explanation: its folder or .json file.")],
    kind: Annotated[
        str, typer.Option("--as", help="coco, voc, png, boxes, points or labelme.")
    ] = "coco",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The file.")] = None,
    word: Words = None,
    picture: Picture = None,
    frame: Frame = None,
    threshold: Annotated[
        str, typer.Option(help="otsu, or the height from 0 to 1 at which a mask begins.")
    ] = "otsu",
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier file.")] = False,
) -> None:
    """Write masks, boxes or points of the words for other tools."""
    from tam.cli.export import saved_folder
    from tam.cli.numbers import place_named, words_named
    from tam.files.storage import load_explanation
    from tam.render.mask_files import FORMATS, write_masks

    folder = saved_folder(saved).resolve()
    path = out or folder.with_name(f"{folder.name}-{kind}{FORMATS.get(kind, '')}")
    explanation = load_explanation(saved)
    media, index = place_named(picture, frame, explanation)
    written = write_masks(
        explanation,
        path,
        kind,
        words_named(word, explanation),
        media=media,
        frame=index,
        threshold=_height(threshold),
        force=force,
    )
    print(written.resolve())


def _height(typed: str) -> float | str:
    """Parse a number; return any other text unchanged, to be refused later."""
    try:
        return float(typed)
    except ValueError:
        return typed
