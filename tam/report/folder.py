"""Write the folder of a saved explanation, completely or not at all."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
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
from tam.report import methods_html, report_html
from tam.report.embedding import embedded_side
from tam.text.counting import number_of
from tam.text.slug import slug

REPORT_NAME: Final = "report.html"
WORDS_NAME: Final = "words"
METHODS_NAME: Final = "methods"

# Long side of the pictures in words/, in pixels; less if several are side by side.
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
    others: Mapping[str, Explanation] | None = None,
) -> Path:
    """Write the report and the saved explanation, and optionally a PNG for each word of the reply.

    Everything is written to a temporary folder beside ``folder``, which is renamed at the end. If
    anything fails, or the user interrupts, it is removed, and an earlier folder remains.

    Parameters
    ----------
    folder
        The folder, which is created with its parents if it does not exist.
    force
        Whether to replace an earlier explanation there.
    pictures
        Whether to also write each word's map over the pictures.
    embed
        Size of the pictures in the report: ``"full"`` or ``"screen"``.
    others
        Explanations of the same reply by other methods, by the names of the methods. Each is saved
        in a separate folder in ``methods``, and the report has a switch between all of them.

    Returns
    -------
    The path of the report.

    Raises
    ------
    InputError
        If ``embed`` is unknown.
    OutputError
        As in :func:`check_output`.
    ResourceError
        If the disk or the memory is full.
    """
    largest = embedded_side(embed)
    check_output(folder, force=force)
    steps = sum(len(item.frames) for item in explanation.media) + 1
    steps += len(explanation.words) if pictures else 0
    steps += sum(len(item.frames) for other in (others or {}).values() for item in other.media)
    with (
        os_errors_as_tam_errors(folder),
        _replacing(folder.resolve()) as temporary,
        progress("Writing the explanation", steps) as step,
    ):
        encoded: dict[int, list[bytes]] = {}
        save_explanation(explanation, temporary, step, encoded)
        if pictures:
            _write_words(explanation, temporary / WORDS_NAME, step)
        if others:
            for name, other in others.items():
                place = temporary / METHODS_NAME / slug(name)
                place.mkdir(parents=True)
                save_explanation(other, place, step, encoded)
            html = methods_html(
                [explanation, *others.values()], [_method(explanation), *others], largest=largest
            )
        else:
            html = report_html(explanation, largest=largest)
        (temporary / REPORT_NAME).write_bytes(html.encode("utf-8", "replace"))
        step()
        check_output(folder, force=force)  # the folder may have been written in the meantime
    return folder / REPORT_NAME


def check_output(folder: Path, *, force: bool) -> None:
    """Refuse a folder that must not be written to, before any work is done.

    Raises
    ------
    OutputError
        If the folder is not empty and ``force`` is off; if it holds more than an earlier
        explanation; if it is a file, the working folder or a mount; or if it cannot be written.
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
    """Make sure that replacing a folder deletes only what an earlier run wrote."""
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
    """Yield the files in a folder that do not belong to an explanation."""
    for path in target.iterdir():
        ours = path.name in _OWN_FILES and path.is_file()
        if path.name == WORDS_NAME and path.is_dir() and not path.is_symlink():
            for inner in path.iterdir():
                drawn = _WORD_FILE.fullmatch(inner.name) and inner.is_file()
                if not drawn and inner.name not in _SYSTEM_FILES:
                    yield inner
        elif path.name == METHODS_NAME and path.is_dir() and not path.is_symlink():
            for inner in path.iterdir():
                yield from _foreign(inner) if inner.is_dir() and not inner.is_symlink() else [inner]
        elif not ours and path.name not in _SYSTEM_FILES:
            yield path


def _method(explanation: Explanation) -> str:
    method = explanation.provenance.get("method")
    return str(method.get("name", "")) if isinstance(method, dict) else ""


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
        (folder / f"{number_of(index):03d}-{slug(word.text)}.png").write_bytes(encode_png(pixels))
        step()


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Yield a temporary folder that becomes ``target`` when the block ends without an exception."""
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
            with suppress(OSError):  # another program may have added a file there
                parent.rmdir()
        raise
