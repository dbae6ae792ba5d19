"""The output file of ``tam export``, and the note on characters without a glyph."""

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from tam.errors import InputError
from tam.explanation.explanation import Explanation
from tam.files.kinds import kind_named
from tam.render.export import exported_before
from tam.text.slug import slug

# Files in which letters are drawn; a table and an SVG figure hold text.
_DRAWN = frozenset((".png", ".mp4", ".gif", ".pdf"))
_NAMED = 8


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


@contextmanager
def noting_boxes(result: Explanation, path: Path) -> Iterator[None]:
    """Print a note if characters of the reply are drawn as boxes, instead of one for each."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        yield
    if path.suffix.lower() not in _DRAWN:
        return
    from tam.render.lettering import without_glyph

    lacking = without_glyph("".join(word.text for word in result.words))
    if lacking:
        some = " ".join(lacking[:_NAMED]) + (" …" if len(lacking) > _NAMED else "")
        print(
            f"note: this machine has no font for {some}, drawn as boxes; install one (Noto Sans, "
            "for example), or export svg or the report, which hold text",
            file=sys.stderr,
        )


def _free_name(folder: Path, named: str, suffix: str) -> Path:
    known = exported_before(folder)
    names = (f"-{number}" if number > 1 else "" for number in count(1))
    paths = (folder.with_name(f"{folder.name}-{named}{name}{suffix}") for name in names)
    return next(p for p in paths if not p.exists() or (p.is_file() and known(p)))


def saved_folder(saved: Path) -> Path:
    """Return the folder of a saved explanation, given the folder or the JSON file in it."""
    return saved.parent if saved.suffix == ".json" else saved
