"""The HTML page: template, style, script and data in one file with a strict CSP."""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final

from tam.explanation.explanation import Explanation
from tam.report.data import embedded_json, payload
from tam.text.printable import printable

if TYPE_CHECKING:
    from jinja2 import Template

# Joined in this order into one module script.
_SCRIPTS: Final = (
    "dom.js",
    "bytes.js",
    "sprites.js",
    "layers.js",
    "maps.js",
    "figures.js",
    "relevance.js",
    "colors.js",
    "roving.js",
    "selecting.js",
    "terms.js",
    "conversation.js",
    "facts.js",
    "zoom.js",
    "fit.js",
    "pictures.js",
    "region.js",
    "clip.js",
    "strip.js",
    "table.js",
    "matrix.js",
    "panel.js",
    "pane.js",
    "controls.js",
    "side_by_side.js",
    "hiding.js",
    "printing.js",
    "download.js",
    "address.js",
    "report.js",
)
_STYLES: Final = ("page.css", "pictures.css", "words.css", "panel.css", "widths.css", "print.css")
_LONGEST_TITLE: Final = 60


def report_html(explanation: Explanation, *, largest: int | None = None) -> str:
    """Return the report of one explanation.

    Parameters
    ----------
    largest
        Long side to which the pictures are reduced, in pixels; None for the default.

    Returns
    -------
    A complete HTML document that loads nothing: it contains pictures, maps, style and script, and
    its content security policy forbids everything else.
    """
    title = _shortened(explanation.text)
    return _page([explanation], [""], f"{title} – Token Activation Map", largest)


def comparison_html(explanations: Sequence[Explanation], labels: Sequence[str]) -> str:
    """Return a report of explanations side by side, in which equal words are linked.

    Parameters
    ----------
    labels
        A name for each explanation.

    Returns
    -------
    A document like that of :func:`report_html`.
    """
    title = " | ".join(map(_shortened, labels))
    return _page(explanations, labels, f"{title} – Token Activation Map")


def methods_html(
    explanations: Sequence[Explanation], labels: Sequence[str], *, largest: int | None = None
) -> str:
    """Return the report of one reply explained by several methods, with a switch between them.

    Parameters
    ----------
    explanations
        Explanations of the same conversation; the first one is shown initially.
    labels, largest
        The names of the methods, and ``largest`` as in :func:`report_html`.

    Returns
    -------
    A document like that of :func:`report_html`.
    """
    title = _shortened(explanations[0].text)
    return _page(explanations, labels, f"{title} – Token Activation Map", largest, switched=True)


def _page(
    explanations: Sequence[Explanation],
    labels: Sequence[str],
    title: str,
    largest: int | None = None,
    *,
    switched: bool = False,
) -> str:
    return assembled(
        "template.html",
        styles=_STYLES,
        scripts=_SCRIPTS,
        data=embedded_json(payload(explanations, labels, largest, switched=switched)),
        title=title.removeprefix(" – "),
        reply=printable("\n\n".join(dict.fromkeys(item.text for item in explanations))),
    )


def assembled(
    template: str, *, styles: Sequence[str], scripts: Sequence[str], data: str, **texts: str
) -> str:
    """Assemble an HTML document whose policy allows only its own parts.

    Parameters
    ----------
    template, styles, scripts
        Names of files in this package; styles and scripts are joined in this order.
    data
        From :func:`tam.report.data.embedded`.
    **texts
        Other texts that the template names; untrusted.
    """
    from markupsafe import Markup

    style = "\n".join(_text(name) for name in styles)
    script = "\n".join(_text(name) for name in scripts)
    policy = "; ".join(
        (
            "default-src 'none'",
            "img-src data:",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    # Markup is only for text from this package, or already escaped for where it goes.
    return _template(template).render(
        policy=policy,
        style=Markup(style),
        script=Markup(script),
        data=Markup(data),
        **texts,
    )


def _shortened(text: str) -> str:
    line = " ".join(printable(text).split())
    return line if len(line) <= _LONGEST_TITLE else line[: _LONGEST_TITLE - 1] + "…"


@cache
def _template(name: str) -> "Template":
    from jinja2 import Environment, StrictUndefined

    return Environment(autoescape=True, undefined=StrictUndefined).from_string(_text(name))


@cache
def _text(name: str) -> str:
    # Normalize line ends as an HTML parser does, so that the hashes match on every system.
    return resources.files("tam.report").joinpath(name).read_text("utf-8").replace("\r\n", "\n")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
