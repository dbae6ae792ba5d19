"""The output file of ``tam export``."""

import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from tam.errors import InputError
from tam.files.kinds import kind_named
from tam.render.export import exported_before
from tam.text.slug import slug


def exported_file(
    saved: Path, kind: str | None, out: Path | None, words: Sequence[str] = ()
) -> Path:
    """Return the output file: ``out``, or by default a file beside the saved folder.

    The default name is that of the folder with ``-tam`` and a suffix; the name of a picture of one
    word contains that word. If another program's file has this name, a number is added.

    Raises
    ------
    InputError
        If the kind is unknown, missing, or differs from the file's suffix.
    """
    if kind is None:
        if out is None:
            raise InputError(
                "the kind of file is not given",
                where="export",
                remedy="give --as KIND or --out FILE",
            )
        return out
    suffix = kind_named(kind).suffix
    if out is None:
        named = f"tam-{slug(words[0])}" if kind == "png" and words else "tam"
        return _free_name(Path(os.path.realpath(saved_folder(saved))), named, suffix)
    if out.suffix.lower() != suffix:
        raise InputError(
            f"does not end in {suffix}", where=str(out), remedy="leave --as or --out out"
        )
    return out


def _free_name(folder: Path, named: str, suffix: str) -> Path:
    known = exported_before(folder)
    names = (f"-{number}" if number > 1 else "" for number in count(1))
    paths = (folder.with_name(f"{folder.name}-{named}{name}{suffix}") for name in names)
    return next(p for p in paths if not p.exists() or (p.is_file() and known(p)))


def saved_folder(saved: Path) -> Path:
    """Return the folder of a saved explanation, given the folder or the JSON file in it."""
    return saved.parent if saved.suffix == ".json" else saved
