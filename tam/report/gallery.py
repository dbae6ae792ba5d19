"""The gallery: a page that lists many reports, with search and filters."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from tam.errors import InputError, TamError
from tam.explanation.explanation import Explanation
from tam.files.storage import JSON_NAME, load_explanation
from tam.render.resize import resized_media
from tam.report.data import embedded
from tam.report.folder import METHODS_NAME, REPORT_NAME
from tam.report.page import assembled
from tam.report.sprites import picture
from tam.text.function_words import is_content

GALLERY_NAME: Final = "gallery.html"

_SCRIPTS: Final = ("dom.js", "gallery.js")
_STYLES: Final = ("page.css", "gallery.css")
_THUMBNAIL: Final = 180
_SHOWN_WORDS: Final = 5


def gallery_html(
    folder: Path, place: Path, left_out: Callable[[TamError], None] = lambda _: None
) -> str:
    """Return the page of all explanations in a folder and its subfolders.

    Parameters
    ----------
    folder
        The folder of explanations, such as one that ``tam chat --out`` or a batch wrote.
    place
        The folder of the page, to which its links to the reports are relative.
    left_out
        Called with the error of each explanation that cannot be opened.

    Returns
    -------
    A complete HTML document that loads nothing and contains a small picture of each explanation.

    Raises
    ------
    InputError
        If the folder holds no explanation with a report.
    """
    items = list(_items(folder, place, left_out))
    if not items:
        raise InputError(
            f"holds no explanation with its {REPORT_NAME}",
            where=str(folder),
            remedy="name a folder that 'tam explain' or 'tam chat --out' wrote into",
        )
    return assembled(
        "gallery.html",
        styles=_STYLES,
        scripts=_SCRIPTS,
        data=embedded({"items": items}),
        title=f"{folder.resolve().name} – Token Activation Map",
    )


def _items(
    folder: Path, place: Path, left_out: Callable[[TamError], None]
) -> Iterator[dict[str, Any]]:
    for document in sorted(folder.rglob(JSON_NAME)):
        report = document.parent / REPORT_NAME
        if METHODS_NAME in document.relative_to(folder).parts or not report.is_file():
            continue
        try:
            result = load_explanation(document)
        except TamError as error:
            left_out(error)
            continue
        name = document.parent.relative_to(folder)
        yield {
            "name": folder.resolve().name if name == Path() else str(name),
            "href": quote(os.path.relpath(report, place).replace(os.sep, "/")),
            **_told(result),
        }


def _told(result: Explanation) -> dict[str, Any]:
    """Return the content of an explanation's card. Texts are still untrusted."""
    method = result.provenance.get("method")
    content = [word for word in result.words if is_content(word.text)]
    strongest = sorted(content, key=lambda word: -(word.visual or 0))[:_SHOWN_WORDS]
    scores = [word.grounding for word in result.words]
    return {
        "text": result.text,
        "prompt": "".join(token.text for token in result.tokens[: result.prompt_targets]).strip(),
        "model": str(result.provenance.get("model", "")),
        "method": str(method.get("name", "")) if isinstance(method, dict) else "",
        "media": [item.name for item in result.media],
        "words": len(result.words),
        "doubted": sum(score is not None and score < 0.5 for score in scores),
        "strongest": [{"text": word.text, "visual": word.visual} for word in strongest],
        "picture": _thumbnail(result),
    }


def _thumbnail(result: Explanation) -> str | None:
    if not result.media:
        return None
    item = result.media[0]
    middle = [len(item.frames) // 2]
    still = replace(item, frames=item.frames[middle], times=item.times[middle])
    return picture(resized_media(still, largest=_THUMBNAIL).frames[0])
