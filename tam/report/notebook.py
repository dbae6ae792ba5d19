"""Show an explanation in a notebook, as the whole report in a frame."""

import html
from dataclasses import replace
from typing import Final

from tam.explanation.explanation import Explanation
from tam.explanation.word import Word
from tam.files.png import encode_png
from tam.render.pictures import shown_media, word_image
from tam.render.resize import resized
from tam.report.page import report_html
from tam.text.printable import printable

_LARGEST_PICTURE: Final = 800
_HEIGHT: Final = 720


def notebook_html(explanation: Explanation) -> str:
    """Return the report as a frame, which a saved notebook keeps and any front end can show.

    The frame has an opaque origin, so its script cannot access the notebook, and it loads nothing.
    Front ends that drop frames, as in untrusted notebooks, show the reply as text.

    Returns
    -------
    An HTML fragment. Its pictures are reduced to 800 pixels; ``save`` writes larger ones.
    """
    page = report_html(explanation, largest=_LARGEST_PICTURE)
    page = page.encode("utf-8", "replace").decode("utf-8")
    reply = html.escape(printable(explanation.text))
    return (
        '<iframe sandbox="allow-scripts allow-downloads" title="Token Activation Map" '
        f'loading="lazy" style="width: 100%; height: {_HEIGHT}px; border: 0; resize: vertical" '
        f'srcdoc="{html.escape(page)}">{reply} (Trust this notebook to see the maps.)</iframe>'
    )


def notebook_png(word: Word) -> bytes | None:
    """Draw a word's map over its pictures as a PNG; None if it has no map."""
    explanation = word.explanation
    count = len(shown_media(explanation))
    if not count:
        return None
    small = resized(explanation, largest=_LARGEST_PICTURE // count)
    return encode_png(word_image(replace(word, explanation=small)))
