"""From what was typed for ``tam export`` to the file and the words that are meant."""

import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from tam.errors import InputError
from tam.files.kinds import kind_named
from tam.render.export import exported_before


def exported_file(saved: Path, kind: str | None, out: Path | None) -> Path:
    """Name the file: ``out``, or the saved folder's name with ``-tam`` and a suffix, beside it.

    A name that was not given is never that of a file that someone else made: it is counted up.

    Raises
    ------
    InputError
        If the kind is unknown, is not told, or is not what the file's suffix says.
    """
    if kind is None:
        if out is None:
            raise InputError(
                "nothing says what to write", where="export", remedy="give --as KIND or --out FILE"
            )
        return out
    suffix = kind_named(kind).suffix
    if out is None:
        return _free_name(Path(os.path.realpath(saved_folder(saved))), suffix)
    if out.suffix.lower() != suffix:
        raise InputError(
            f"does not end in {suffix}", where=str(out), remedy="leave --as or --out out"
        )
    return out


def _free_name(folder: Path, suffix: str) -> Path:
    known = exported_before(folder)
    names = (f"-{number}" if number > 1 else "" for number in count(1))
    paths = (folder.with_name(f"{folder.name}-tam{name}{suffix}") for name in names)
    return next(p for p in paths if not p.exists() or (p.is_file() and known(p)))


def saved_folder(saved: Path) -> Path:
    """Give the folder of a saved explanation that was named by itself or by its JSON file."""
    return saved.parent if saved.suffix == ".json" else saved


def typed_words(typed: Sequence[str]) -> list[int | str]:
    """Take digits for a word's number and anything else for its text."""
    return [int(word) if word.isascii() and word.isdigit() else word for word in typed]
