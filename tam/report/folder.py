"""Everything an explanation is written as: one folder, whole or not at all."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from tam.errors import OutputError, SavedFileError, os_errors_as_tam_errors
from tam.explanation.explanation import Explanation
from tam.files.fields import read_document
from tam.files.marks import RECORD_NAME
from tam.files.png import encode_png
from tam.files.storage import JSON_NAME, SCHEMA, TENSORS_NAME, save_explanation
from tam.files.temporary import places_beside, sweep
from tam.progress import progress
from tam.render.pictures import word_image
from tam.render.resize import resized
from tam.report import report_html
from tam.report.embedding import embedded_side
from tam.text.slug import slug

REPORT_NAME: Final = "report.html"
WORDS_NAME: Final = "words"

# Long side of the pictures in words/, in pixels: less where several stand side by side.
_LARGEST = 768
_SMALLEST = 384

_WORD_FILE = re.compile(r"\d{3,}-[a-z0-9-]+\.png")
_OWN_FILES = frozenset({REPORT_NAME, JSON_NAME, TENSORS_NAME, RECORD_NAME})
_SYSTEM_FILES = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})


def write_explanation(
    explanation: Explanation,
    folder: Path,
    *,
    force: bool,
    pictures: bool = False,
    embed: str = "full",
) -> Path:
    """Write the report and the saved explanation, and if asked a PNG for each word of the reply.

    Everything is written to a temporary folder beside ``folder`` that takes its name at the end.
    Where anything fails, or the user interrupts, it is removed and what stood there before stays.

    Parameters
    ----------
    folder
        Made where it does not exist, with the folders above it.
    force
        Replace an earlier explanation there.
    pictures
        Whether to write each word's map over the pictures, too.
    embed
        How large pictures are in the report: ``"full"`` or ``"screen"``.

    Returns
    -------
    The path of the report.

    Raises
    ------
    InputError
        If ``embed`` is unknown.
    OutputError
        See :func:`check_output`.
    ResourceError
        If the disk or the memory is full.
    """
    largest = embedded_side(embed)
    check_output(folder, force=force)
    steps = sum(len(item.frames) for item in explanation.media) + 1
    steps += len(explanation.words) if pictures else 0
    with (
        os_errors_as_tam_errors(folder),
        _replacing(folder.resolve()) as temporary,
        progress("Writing the explanation", steps) as step,
    ):
        save_explanation(explanation, temporary, step)
        if pictures:
            _write_words(explanation, temporary / WORDS_NAME, step)
        html = report_html(explanation, largest=largest).encode("utf-8", "replace")
        (temporary / REPORT_NAME).write_bytes(html)
        step()
        check_output(folder, force=force)  # something may have come there meanwhile
    return folder / REPORT_NAME


def check_output(folder: Path, *, force: bool) -> None:
    """Refuse a folder that must not be written to, before any work is done for it.

    Raises
    ------
    OutputError
        If the folder holds anything and ``force`` is off; if it holds anything but an earlier
        explanation; if it is a file, the working folder or a mount; if it cannot be written.
    """
    with os_errors_as_tam_errors(folder):
        target = folder.resolve()
        sweep(target.parent)
        if not target.exists():
            _check_parent(target, folder)
            return
        if not target.is_dir():
            raise OutputError(
                "is a file, not a folder", where=str(folder), remedy="name another folder"
            )
        if target == Path.cwd().resolve() or target.is_mount():
            raise OutputError(
                "cannot be replaced: it is the working folder or a mounted one",
                where=str(folder),
                remedy="name a new folder inside it",
            )
        if any(target.iterdir()):
            _check_replaceable(target, folder, force=force)
        _check_parent(target, folder)


def _check_replaceable(target: Path, folder: Path, *, force: bool) -> None:
    """Replacing deletes: make sure that nothing goes but what an earlier run wrote."""
    if not force:
        raise OutputError(
            "exists already and is not empty",
            where=str(folder),
            remedy="name another folder, or replace the explanation in it with --force",
        )
    foreign = sorted(str(path.relative_to(target)) for path in _foreign(target))
    if foreign or not _is_explanation(target / JSON_NAME):
        reason = f"it holds {foreign[0]!r}" if foreign else f"it has no valid {JSON_NAME}"
        raise OutputError(
            f"will not be replaced: {reason}, so the folder holds more than an earlier explanation",
            where=str(folder),
            remedy="name another folder",
        )


def _foreign(target: Path) -> Iterator[Path]:
    """Go through what no explanation has in its folder."""
    for path in target.iterdir():
        ours = path.name in _OWN_FILES and path.is_file()
        if path.name == WORDS_NAME and path.is_dir() and not path.is_symlink():
            for inner in path.iterdir():
                drawn = _WORD_FILE.fullmatch(inner.name) and inner.is_file()
                if not drawn and inner.name not in _SYSTEM_FILES:
                    yield inner
        elif not ours and path.name not in _SYSTEM_FILES:
            yield path


def _is_explanation(path: Path) -> bool:
    try:
        return bool(read_document(path)["schema"].value == SCHEMA)
    except SavedFileError:
        return False


def _check_parent(target: Path, folder: Path) -> None:
    parent = next(above for above in target.parents if above.exists())
    if not parent.is_dir():
        raise OutputError(
            f"cannot be made: {parent.name} is a file", where=str(folder), remedy="name another"
        )
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(
            f"cannot be made: {parent} is not writable",
            where=str(folder),
            remedy="name a folder that you may write to",
        )


def _write_words(explanation: Explanation, folder: Path, step: Callable[[], None]) -> None:
    folder.mkdir()
    shown = len({grid.media for grid in explanation.grids})
    largest = max(_LARGEST // max(shown, 1), _LARGEST // 3)
    small = resized(explanation, largest=largest, smallest=min(_SMALLEST, largest))
    for index, word in enumerate(explanation.words):
        pixels = word_image(replace(word, explanation=small))
        (folder / f"{index:03d}-{slug(word.text)}.png").write_bytes(encode_png(pixels))
        step()


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Give a temporary folder that becomes ``target`` when the block ends without an exception."""
    above = [parent for parent in target.parents if not parent.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with places_beside(target) as places:
            places.new.mkdir()
            yield places.new
            if target.exists():
                target.rename(places.old)
            places.new.rename(target)
    except BaseException:
        for parent in above:
            with suppress(OSError):  # someone else may have put something there
                parent.rmdir()
        raise
