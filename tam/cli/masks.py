"""``tam masks``: the words' masks as files for other tools."""

from pathlib import Path
from typing import Annotated

import typer


def masks(
    saved: Annotated[Path, typer.Argument(help="A saved explanation: its folder or .json file.")],
    kind: Annotated[
        str, typer.Option("--as", help="coco, voc, png, boxes, points or labelme.")
    ] = "coco",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The file.")] = None,
    word: Annotated[
        list[str] | None,
        typer.Option("--word", "-w", help="A word by its number or its text; all by default."),
    ] = None,
    picture: Annotated[int | None, typer.Option(help="Index of the only picture or clip.")] = None,
    frame: Annotated[int | None, typer.Option(help="Index of the only frame of a clip.")] = None,
    threshold: Annotated[
        str, typer.Option(help="otsu, or the height from 0 to 1 at which a mask begins.")
    ] = "otsu",
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier file.")] = False,
) -> None:
    """Write masks, boxes or points of the words for other tools."""
    from tam.cli.export import saved_folder, typed_words
    from tam.files.storage import load_explanation
    from tam.render.mask_files import FORMATS, write_masks

    folder = saved_folder(saved).resolve()
    path = out or folder.with_name(f"{folder.name}-{kind}{FORMATS.get(kind, '')}")
    written = write_masks(
        load_explanation(saved),
        path,
        kind,
        typed_words(word) if word else None,
        media=picture,
        frame=frame,
        threshold=_height(threshold),
        force=force,
    )
    print(written.resolve())


def _height(typed: str) -> float | str:
    """Read a number; other text is returned, to be refused later."""
    try:
        return float(typed)
    except ValueError:
        return typed
