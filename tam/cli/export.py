"""From what was typed for ``tam export`` to the file and the words that are meant."""

from collections.abc import Sequence
from pathlib import Path

from tam.errors import InputError
from tam.files.kinds import kind_named


def exported_file(saved: Path, kind: str | None, out: Path | None) -> Path:
    """Name the file: ``out``, or the saved folder's name with the kind's suffix, beside it.

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
        folder = (saved.parent if saved.suffix == ".json" else saved).resolve()
        return folder.with_name(f"{folder.name}{suffix}")
    if out.suffix.lower() != suffix:
        raise InputError(
            f"does not end in {suffix}", where=str(out), remedy="leave --as or --out out"
        )
    return out


def typed_words(typed: Sequence[str]) -> list[int | str]:
    """Take digits for a word's number and anything else for its text."""
    return [int(word) if word.isascii() and word.isdigit() else word for word in typed]
